"""Sets of traffic, against sets of single packets."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import intervals, traffic
from strongroom.kit.traffic import INTERNET_4, INTERNET_6, Ports, Traffic, ports_of

PORTS, ADDRESSES = range(8), range(12)
PROTOCOLS = ("TCP", "UDP")

some_ports = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=3).map(intervals.of)
ports = st.dictionaries(st.sampled_from(PROTOCOLS), some_ports).map(ports_of)
addresses = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=3).map(intervals.of)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """A set that is put together of rectangles."""
    out = Traffic()
    for _ in range(draw(st.integers(0, 3))):
        out |= traffic.traffic(draw(addresses), draw(addresses), draw(ports))
    return out


def packets(held: Ports) -> set[tuple[str, int]]:
    return {(protocol, port) for protocol in PROTOCOLS for port in PORTS if held.contains(protocol, port)}


def flows(held: Traffic) -> set[tuple[int, int, str, int]]:
    return {(f, a, *p) for f in (4, 6) for a in ADDRESSES for p in packets(held.at(f, a))}


@given(ports, ports)
def test_ports_are_sets_of_packets(a: Ports, b: Ports) -> None:
    """Operations on ports hold what those on packets do, and two sets are equal exactly where their packets are."""
    assert packets(a | b) == packets(a) | packets(b)
    assert packets(a & b) == packets(a) & packets(b)
    assert packets(a - b) == packets(a) - packets(b)
    assert (a == b) is (packets(a) == packets(b))
    assert bool(a) is bool(packets(a))


@given(traffics(), traffics())
def test_traffic_is_a_set_of_flows(a: Traffic, b: Traffic) -> None:
    """Operations on traffic hold what those on single flows do, in a form that is equal exactly where the flows are."""
    assert flows(a | b) == flows(a) | flows(b)
    assert flows(a & b) == flows(a) & flows(b)
    assert flows(a - b) == flows(a) - flows(b)
    assert (a == b) is (flows(a) == flows(b))
    assert bool(a) is bool(flows(a))
    assert packets(a.ports()) == {(protocol, port) for _, _, protocol, port in flows(a)}


def test_ports_are_written_by_protocol() -> None:
    """Protocols stand in the order of their names, each with its ports."""
    held = ports_of({"UDP": ((53, 53),), "TCP": ((80, 80), (8000, 8010))})
    assert held.text() == "TCP 80,8000-8010,UDP 53"
    assert Ports().text() == ""


def test_blocks_are_read_and_shown() -> None:
    """A block of either family becomes its addresses, host bits or not; what is no block is refused."""
    assert traffic.block("10.1.2.3/8") == (4, (10 << 24, (11 << 24) - 1))
    assert traffic.shown(4, traffic.block("10.0.0.0/8")[1]) == "10.0.0.0-10.255.255.255"
    assert traffic.shown(6, traffic.block("::/127")[1]) == "::-::1"
    with pytest.raises(ValueError, match="does not appear to be"):
        traffic.block("10.0.0.0/33")


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("172.31.255.255", False),
        ("172.32.0.0", True),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("2600::1", True),
        ("fd00::1", False),
        ("fe80::1", False),
        ("2001:db8::1", False),
        ("::1", False),
    ],
)
def test_what_counts_as_the_internet(address: str, within: bool) -> None:
    """Global addresses of both families are the internet; private, shared, local, reserved and documentation ones are not."""
    ip = ipaddress.ip_address(address)
    assert intervals.contains(INTERNET_4 if ip.version == 4 else INTERNET_6, int(ip)) is within
