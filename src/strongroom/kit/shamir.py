"""A secret in shares, of which so many give it and fewer say nothing (Shamir 1979), octet by octet over GF(2^8).

The field is that of AES (x^8+x^4+x^3+x+1). No table is looked up and nothing branches on a share or on the secret: which
line of a cache was read would tell of it. Each share has a commitment, so that a wrong one is named rather than that the
sum is wrong; it tells nothing of a secret that nobody could guess, and nothing is split here that is not a key.
"""

import hashlib
import hmac
import struct
from collections.abc import Sequence
from typing import NamedTuple

from strongroom.model.errors import BadSignature, BadUsage, Malformed

MOST = 255  # shares: the elements of the field that are not zero, where the secret is
_MODULUS = 0x1B  # what x^8 is, in the field
_DOMAIN = b"strongroom.share/1"


class Share(NamedTuple):
    """A share: its number, which is not secret, and its octets, which are."""

    number: int
    octets: bytes

    def __repr__(self) -> str:
        """The number alone."""
        return f"Share({self.number}, …)"


def chance(threshold: int, length: int) -> int:
    """How many random octets a split takes: for each octet of the secret, `threshold` - 1 coefficients."""
    return (threshold - 1) * length


def split(secret: bytes, threshold: int, count: int, random: bytes) -> tuple[Share, ...]:
    """`count` shares, of which any `threshold` give the secret. `random` is uniform, and never used again.

    Raises BadUsage for numbers that do not fit, or for another number of random octets than `chance` says.
    """
    if not 2 <= threshold <= count <= MOST or not secret:
        raise BadUsage("shares", f"{threshold} of {count}", f"2 or more, of as many or more, of at most {MOST}")
    if len(random) != chance(threshold, len(secret)):
        raise BadUsage("shares", f"{len(random)} octets of chance", f"{chance(threshold, len(secret))}")
    size = len(secret)
    rows = [secret, *(random[i * size : (i + 1) * size] for i in range(threshold - 1))]
    return tuple(Share(number, _evaluated(rows, number)) for number in range(1, count + 1))


def combine(shares: Sequence[Share], threshold: int) -> bytes:
    """The secret of `threshold` shares; of more, the first are taken. Whether they are right, `verify` tells.

    Raises Malformed where there are too few, one twice, or shares of several lengths.
    """
    numbers = [s.number for s in shares]
    if len(set(numbers)) != len(numbers) or not all(1 <= n <= MOST for n in numbers):
        raise Malformed("shares", f"the numbers {numbers[:10]}", f"each once, from 1 to {MOST}")
    if len(shares) < max(threshold, 2):
        raise Malformed("shares", f"{len(shares)}", f"{max(threshold, 2)}", "ask another holder")
    used = shares[: max(threshold, 2)]
    if len({len(s.octets) for s in used}) != 1:
        raise Malformed("shares", "octets of several lengths", "shares of one secret")
    out = bytearray(len(used[0].octets))
    for share in used:
        weight = _weight(share.number, [s.number for s in used])
        for i, octet in enumerate(share.octets):
            out[i] ^= multiplied(octet, weight)
    return bytes(out)


def commitment(share: Share, threshold: int, of: bytes) -> bytes:
    """What a share is held against: SHA-256 over its octets, its number, the threshold, and what the secret is of."""
    head = struct.pack(">BBI", share.number, threshold, len(of))
    return hashlib.sha256(_DOMAIN + head + of + share.octets).digest()


def verify(share: Share, threshold: int, of: bytes, committed: bytes) -> None:
    """Hold a share against its commitment. Raises BadSignature with its number."""
    if not hmac.compare_digest(commitment(share, threshold, of), committed):
        raise BadSignature(f"share {share.number}", "another share than was made", "the one that was committed to")


def multiplied(a: int, b: int) -> int:
    """The product in the field, bit by bit: the same steps whatever the factors are."""
    product = 0
    for _ in range(8):
        product ^= a & -(b & 1)
        a = (a << 1 ^ _MODULUS & -(a >> 7)) & 0xFF
        b >>= 1
    return product


def _inverse(a: int) -> int:
    """a^254, which is 1/a (Fermat)."""
    out = 1
    for _ in range(7):
        a = multiplied(a, a)
        out = multiplied(out, a)
    return out


def _evaluated(rows: Sequence[bytes], at: int) -> bytes:
    """The polynomials whose coefficients are the rows, lowest first, at a point (Horner)."""
    out = bytearray(len(rows[0]))
    for row in reversed(rows):
        for i, coefficient in enumerate(row):
            out[i] = multiplied(out[i], at) ^ coefficient
    return bytes(out)


def _weight(number: int, numbers: Sequence[int]) -> int:
    """The Lagrange coefficient of a number at zero; of numbers alone, which are no secret."""
    out = 1
    for other in numbers:
        if other != number:
            out = multiplied(out, multiplied(other, _inverse(other ^ number)))
    return out
