"""What the internet reaches in AWS, against a solver that looks for one packet, over all addresses and all ports.

The other oracle asks chosen addresses; here blocks and ports are drawn anywhere, and z3 says whether any packet passes.
"""

import ipaddress
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import z3
from aws_networks import VPC, Net, Rule, networks, state
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.app.reaching import Asked, reach

CASES = 10_000 if os.getenv("STRONGROOM_FUZZ") else 100
NOW = datetime(2026, 6, 1, tzinfo=UTC)
BITS = {4: 32, 6: 128}
MACHINE = int(ipaddress.ip_address("10.0.1.77"))
# IANA's registries of special-purpose addresses, as far as they are not globally reachable; multicast and 240.0.0.0/4.
NOT_INTERNET = {
    4: (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        "224.0.0.0/3",
    ),
    6: ("::/3", "4000::/2", "8000::/1", "2001:db8::/32", "3fff::/20"),
}
PROTOCOLS = ("tcp", "udp")


def _anywhere(family: int) -> st.SearchStrategy[str]:
    """A block of any length at any place; short ones more often, so that rules meet."""
    bits = BITS[family]
    made = st.tuples(st.integers(0, 2**bits - 1), st.one_of(st.integers(0, 6), st.integers(0, bits)))
    cls = ipaddress.IPv4Network if family == 4 else ipaddress.IPv6Network
    return made.map(lambda p: str(cls((p[0] >> (bits - p[1]) << (bits - p[1]), p[1]))))


SPAN = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda p: (min(p), max(p)))


@st.composite
def anywhere(draw: st.DrawFn) -> Net:
    """A network of the usual shapes, of which some blocks and ports are moved to any place."""
    net = draw(networks())

    def moved(rule: Rule) -> Rule:
        if rule.number == 500 or draw(st.booleans()):
            return rule
        return replace(rule, block=draw(_anywhere(6 if ":" in rule.block else 4)), span=draw(SPAN))

    def routed(table: list[tuple[str, str]] | None) -> list[tuple[str, str]] | None:
        if table is None or draw(st.booleans()):
            return table
        drawn = [(draw(_anywhere(6 if ":" in dest else 4)), target) for dest, target in table[1:]]
        return [*table[:1], *((d, t) for d, t in dict(drawn).items() if d not in {x for x, _ in table[:1]})]

    return replace(
        net,
        groups=[[moved(r) for r in rules] for rules in net.groups],
        acls={s: None if acl is None else [moved(r) for r in acl] for s, acl in net.acls.items()},
        routes={s: routed(t) for s, t in net.routes.items()},
        main=routed(net.main),
    )


def _within(address: z3.BitVecRef, block: str, family: int) -> z3.BoolRef:
    net, bits = ipaddress.ip_network(block), BITS[family]
    if net.version != family:
        return z3.BoolVal(val=False)
    low, high = int(net.network_address), int(net.broadcast_address)
    return z3.And(z3.UGE(address, z3.BitVecVal(low, bits)), z3.ULE(address, z3.BitVecVal(high, bits)))


class Packets:
    """The network as formulas over one far address of a family and a protocol."""

    def __init__(self, net: Net, family: int, protocol: str) -> None:
        self.net, self.family, self.protocol = net, family, protocol
        self.far = z3.BitVec("far", BITS[family])

    def matches(self, rule: Rule, address: z3.BitVecRef, port: z3.ArithRef) -> z3.BoolRef:
        """Whether a rule is about a packet."""
        if rule.protocol not in {"-1", self.protocol}:
            return z3.BoolVal(val=False)
        within = _within(address, rule.block, self.family)
        if rule.protocol == "-1":
            return within
        return z3.And(within, port >= rule.span[0], port <= rule.span[1])

    def grouped(self, port: z3.ArithRef, *, out: bool) -> z3.BoolRef:
        """Whether some group lets it through."""
        return z3.Or([self.matches(r, self.far, port) for rules in self.net.groups for r in rules if r.out == out])

    def acl(self, subnet: str, address: z3.BitVecRef, port: z3.ArithRef, *, out: bool) -> z3.BoolRef:
        """What the first rule that is about it says; no rule, no passage."""
        rules = self.net.acls[subnet]
        if rules is None:
            return z3.BoolVal(val=True)
        said: z3.BoolRef = z3.BoolVal(val=False)
        for rule in sorted((r for r in rules if r.out == out), key=lambda r: -r.number):
            said = z3.If(self.matches(rule, address, port), z3.BoolVal(val=rule.allow), said)
        return said

    def routed(self, subnet: str, wanted: str) -> z3.BoolRef:
        """Whether the longest of the routes that fit leads to a target; a gateway of another network leads nowhere."""
        table = self.net.routes[subnet]
        table = (self.net.main or []) if table is None else table
        if wanted == "igw-1" and self.net.gateway_in != VPC:
            return z3.BoolVal(val=False)
        said: z3.BoolRef = z3.BoolVal(val=False)
        for dest, target in sorted(table, key=lambda p: ipaddress.ip_network(p[0]).prefixlen):
            said = z3.If(_within(self.far, dest, self.family), z3.BoolVal(val=target == wanted), said)
        return said

    def internet(self) -> z3.BoolRef:
        """That the far address is one of the internet."""
        return z3.Not(z3.Or([_within(self.far, b, self.family) for b in NOT_INTERNET[self.family]]))

    def addressed(self) -> bool:
        """Whether the machine has a public address of the family."""
        return self.net.address_6 if self.family == 6 else self.net.address_4


def _port(name: str, low: int = 0) -> tuple[z3.ArithRef, z3.BoolRef]:
    port = z3.Int(name)
    return port, z3.And(port >= low, port <= 65535)


def _some(formulas: Iterable[z3.BoolRef | bool]) -> bool:
    solver = z3.Solver()
    solver.add(*formulas)
    found = solver.check()
    assert found != z3.unknown
    return found == z3.sat


def comes_in(net: Net) -> bool:
    """Whether there is a packet that reaches the machine, and an answer that gets back."""
    return any(_enters(Packets(net, family, protocol)) for family in BITS for protocol in PROTOCOLS)


def _enters(p: Packets) -> bool:
    (port, one), (back, two) = _port("port"), _port("back")
    return p.addressed() and _some((
        one, two, p.internet(), p.routed("a", "igw-1"), p.grouped(port, out=False),
        p.acl("a", p.far, port, out=False), p.acl("a", p.far, back, out=True),
    ))  # fmt: skip


def goes_out(net: Net) -> bool:
    """Whether there is a flow that the machine can begin, with its answer."""
    return any(_leaves(Packets(net, family, protocol)) for family in BITS for protocol in PROTOCOLS)


def _leaves(p: Packets) -> bool:
    (port, one), (back, two) = _port("port"), _port("back", 1024)
    ways: Sequence[z3.BoolRef | bool] = (
        z3.And(p.routed("a", "igw-1"), p.addressed()),
        z3.And(p.routed("a", "eigw-1"), p.family == 6 and p.addressed()),
        _translated(p, port) if p.family == 4 else z3.BoolVal(val=False),
    )
    return _some((
        one, two, p.internet(), p.grouped(port, out=True), p.acl("a", p.far, port, out=True),
        p.acl("a", p.far, back, out=False), z3.Or(*ways),
    ))  # fmt: skip


def _translated(p: Packets, port: z3.ArithRef) -> z3.BoolRef:
    """By the NAT gateway in the other subnet."""
    if p.net.nat_private:
        return z3.BoolVal(val=False)
    (free, one), (reply, two) = _port("free", 1024), _port("reply")
    machine = z3.BitVecVal(MACHINE, 32)
    return z3.And(
        one, two, p.routed("a", "nat-1"), p.routed("n", "igw-1"),
        p.acl("n", machine, port, out=False), p.acl("n", p.far, port, out=True),
        p.acl("n", p.far, free, out=False), p.acl("n", machine, reply, out=True),
    )  # fmt: skip


@settings(max_examples=CASES, deadline=None)
@given(anywhere())
def test_fuzz_a_solver_finds_a_packet_where_reach_says_so(net: Net) -> None:
    """In and out is what z3 says of any address and any port, not only of those that somebody thought of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tfstate"
        path.write_bytes(state(net))
        found = reach(Asked(f"state:{path}"), "aws_instance.i_1", NOW)
    assert (found.ingress, found.egress) == (comes_in(net), goes_out(net))
