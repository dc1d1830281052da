"""A block of addresses divided into smaller ones, as `Fn::Cidr` does it.

Source: AWS CloudFormation Template Reference, "Fn::Cidr": at most 256 blocks; the bits are those of a host.
"""

import ipaddress

_MOST = 256


def divided(block: str, count: int, bits: int) -> list[str]:
    """The first `count` blocks with `bits` for hosts in a block; none when it has not so many, or is no block."""
    try:
        whole = ipaddress.ip_network(block, strict=False)
    except ValueError:
        return []
    prefix = whole.max_prefixlen - bits
    if prefix < whole.prefixlen or not 1 <= count <= _MOST or count > 1 << (prefix - whole.prefixlen):
        return []
    first, kind = int(whole.network_address), type(whole.network_address)
    return [f"{kind(first + (n << bits))}/{prefix}" for n in range(count)]
