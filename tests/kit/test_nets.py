"""Addresses and ports, compared with a slow and obvious reading of the same words."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.kleene import Tri
from strongroom.kit.nets import all_ports, covers_port, is_loopback, is_private, is_world, open_to_world, world
from strongroom.model.codes import GapCode
from strongroom.model.values import NetRule, Unknown

NOT_KNOWN = Unknown(GapCode.UNDECIDED, "var.cidr has no value")

addresses4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
addresses6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
blocks4 = st.builds(lambda a, n: f"{a}/{n}", addresses4, st.integers(0, 32))
blocks6 = st.builds(lambda a, n: f"{a}/{n}", addresses6, st.integers(0, 128))
blocks = st.one_of(blocks4, blocks6, st.sampled_from(["0.0.0.0/0", "::/0", "128.0.0.0/1", "0.0.0.0/1", "8000::/1"]))
peers = st.one_of(blocks, st.just(NOT_KNOWN))
ports = st.integers(0, 65535)


@st.composite
def rules(draw: st.DrawFn) -> NetRule:
    """A rule with its ports in order."""
    low, high = sorted((draw(ports), draw(ports)))
    direction, action = draw(st.sampled_from(["ingress", "egress"])), draw(st.sampled_from(["allow", "deny"]))
    protocol = draw(st.sampled_from(["tcp", "udp", "icmp", "all"]))
    return NetRule(direction, action, protocol, low, high, tuple(draw(st.lists(peers, max_size=3))))


@given(blocks)
def test_the_world_is_at_least_half_of_an_address_family(block: str) -> None:
    """A block counts as the internet exactly when it holds half of its family or more."""
    network = ipaddress.ip_network(block, strict=False)
    assert is_world(block) is (network.num_addresses * 2 >= 2**network.max_prefixlen)


@pytest.mark.parametrize("text", ["", "*", "internet", "0.0.0.0/33", "sg-123", "0.0.0.0/0 ", "1.2.3", "any"])
def test_what_is_no_block_is_not_the_world(text: str) -> None:
    """Words are no address blocks; who writes them to mean everybody is translated where they are read."""
    assert is_world(text) is False
    assert is_private(text) is False


@pytest.mark.parametrize(
    ("block", "private"),
    [
        ("10.0.0.0/8", True),
        ("172.16.0.0/12", True),
        ("192.168.1.7/32", True),
        ("127.0.0.0/8", True),
        ("169.254.0.0/16", True),
        ("fd00::/8", True),
        ("fe80::/10", True),
        ("8.8.8.8/32", False),
        ("0.0.0.0/0", False),
        ("10.0.0.0/7", False),
        ("::/0", False),
        ("2600::/12", False),
    ],
)
def test_private_space(block: str, private: bool) -> None:
    """A block is private only when all of it is."""
    assert is_private(block) is private


@given(rules(), ports)
def test_a_rule_covers_a_port_within_its_range(rule: NetRule, port: int) -> None:
    """TCP and everything count, other protocols do not; both ends belong to the range."""
    assert covers_port(rule, port) is (
        rule.protocol in {"tcp", "all"} and port in range(rule.from_port, rule.to_port + 1)
    )


@pytest.mark.parametrize(
    ("protocol", "low", "high", "every"),
    [
        ("tcp", 0, 65535, True),
        ("udp", 0, 65535, True),
        ("all", 0, 0, True),
        ("tcp", 1, 65535, False),
        ("tcp", 0, 65534, False),
    ],
)
def test_all_ports(protocol: str, low: int, high: int, every: bool) -> None:
    """The whole range is all ports, and so is a rule for all protocols."""
    assert all_ports(NetRule("ingress", "allow", protocol, low, high, ())) is every


def obvious(rule: NetRule) -> Tri:
    """Whether the world is among the peers, read slowly."""
    if any(isinstance(p, str) and is_world(p) for p in rule.peers):
        return True
    return NOT_KNOWN if NOT_KNOWN in rule.peers else False


@given(rules())
def test_one_open_peer_decides_whatever_the_others_are(rule: NetRule) -> None:
    """A rule that is open is open in spite of peers that are not known; without one it is unknown or closed."""
    assert world(rule) == obvious(rule)


@given(st.lists(rules(), max_size=5), st.lists(ports, min_size=1, max_size=3), st.sampled_from(["ingress", "egress"]))
def test_open_to_the_world_is_what_a_slow_reading_says(some: list[NetRule], wanted: list[int], direction: str) -> None:
    """Open when one allow rule of the direction covers a wanted port for the world; unknown when only a doubt is left."""
    relevant = [
        r for r in some if (r.direction, r.action) == (direction, "allow") and any(covers_port(r, p) for p in wanted)
    ]
    answers = [obvious(r) for r in relevant]
    expected: Tri = True if True in answers else NOT_KNOWN if NOT_KNOWN in answers else False
    assert open_to_world(some, direction, iter(wanted)) == expected


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True),
        ("127.0.0.53", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_what_stays_on_this_machine(host: str, stays: bool) -> None:
    """Loopback is an address or the one name; a name that begins like either is somebody else's."""
    assert is_loopback(host) is stays
