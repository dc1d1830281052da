"""What rules of a network let through, as two sets: what surely passes, and what may.

An unknown rule widens the second and narrows the first. A verdict holds where both agree.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Intervals
from strongroom.kit.kleene import Tri
from strongroom.kit.traffic import V4, V6, Ports, Traffic
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import NetRule, Unknown, Value

ICMP = ("icmp", "icmpv6")
# Protocols without ports, but ICMP, are the "ports" of one more protocol: their IANA numbers.
_OTHER: Intervals = intervals.subtract(((0, 255),), ((1, 1), (6, 6), (17, 17), (58, 58)))
ALL = traffic.ports_of(
    {"tcp": ((0, 65535),), "udp": ((0, 65535),), "icmp": ((0, 0),), "icmpv6": ((0, 0),), "other": _OTHER}
)
SERVICES = traffic.ports_of({"tcp": ((0, 65535),), "udp": ((0, 65535),), "other": _OTHER})  # a ping is no way in
EVERYTHING = traffic.traffic((V4,), (V6,), ALL)
NONE = Traffic()
INTERNET = traffic.traffic(traffic.INTERNET_4, traffic.INTERNET_6, SERVICES)


class Bound(NamedTuple):
    """What surely passes, and what may."""

    sure: Traffic
    maybe: Traffic

    def __and__(self, other: "Bound") -> "Bound":
        return Bound(self.sure & other.sure, self.maybe & other.maybe)

    def __or__(self, other: "Bound") -> "Bound":
        return Bound(self.sure | other.sure, self.maybe | other.maybe)


def exactly(found: Traffic) -> Bound:
    """What is known."""
    return Bound(found, found)


OPEN, SHUT, PERHAPS = exactly(EVERYTHING), exactly(NONE), Bound(NONE, EVERYTHING)


@dataclass(slots=True)
class Doubts:
    """Why a verdict is not known, should it come to that; each once."""

    said: dict[str, Unknown] = field(default_factory=dict)

    def add(self, doubt: Unknown) -> None:
        """Remember one."""
        self.said.setdefault(doubt.detail, doubt)


def ports(rule: NetRule) -> Ports | None:
    """The traffic of a rule; None for a protocol that is not known."""
    low, high = max(rule.from_port, 0), min(rule.to_port, 65535)
    if rule.protocol == "all":
        return ALL
    if rule.protocol in {"tcp", "udp"}:
        return traffic.ports_of({rule.protocol: ((low, high),) if low <= high else ()})
    if rule.protocol in ICMP:
        return traffic.ports_of({rule.protocol: ((0, 0),)})
    if rule.protocol.isdecimal() and int(rule.protocol) <= 255:
        return traffic.ports_of({"other": intervals.intersect(_OTHER, ((int(rule.protocol), int(rule.protocol)),))})
    return None


def block_of(peer: str | Unknown) -> tuple[int, tuple[int, int]] | Unknown:
    """The family and addresses of a peer that is a block of them."""
    if isinstance(peer, Unknown):
        return peer
    try:
        return traffic.block(peer)
    except ValueError:
        return Unknown(GapCode.MALFORMED, f"{peer[:60]!r} is no block of addresses")


def first_match(rules: Sequence[NetRule | Unknown], towards: Callable[[NetRule], Bound], doubts: Doubts) -> Bound:
    """What a list of rules lets through: the one of the lowest number that matches decides; what none matches is denied."""
    strange = next((r for r in rules if isinstance(r, Unknown)), None)
    if strange is not None:  # of a number that nobody knows
        doubts.add(strange)
        return PERHAPS
    sure, maybe = NONE, NONE
    perhaps_denied, surely_denied = NONE, NONE
    for rule in sorted((r for r in rules if isinstance(r, NetRule)), key=lambda r: r.priority):
        matched = towards(rule)
        if rule.action == "allow":
            sure |= matched.sure - perhaps_denied
            maybe |= matched.maybe - surely_denied
        else:
            perhaps_denied |= matched.maybe
            surely_denied |= matched.sure
    return Bound(sure, maybe)


def any_port(found: Bound) -> Bound:
    """Where something of a protocol passes on some port, all of it: the other end of a flow has a port of its own choice."""
    return Bound(_widened(found.sure), _widened(found.maybe))


def _widened(found: Traffic) -> Traffic:
    whole = dict(ALL.sets)

    def wide(one: Ports) -> Ports:
        return traffic.ports_of({p: whole[p] if p in {"tcp", "udp"} else s for p, s in one.sets})

    return Traffic(
        traffic.glued((at, wide(p)) for at, p in found.v4), traffic.glued((at, wide(p)) for at, p in found.v6)
    )


def one_of(bounds: Sequence[Bound]) -> Bound:
    """What one of several lets through, of which nobody knows which one it is."""
    sure, maybe = EVERYTHING, NONE
    for one in bounds:
        sure, maybe = sure & one.sure, maybe | one.maybe
    return Bound(sure, maybe)


def outside(text: str | Unknown) -> Tri:
    """Whether a block of addresses has some of the internet in it."""
    found = block_of(text)
    if isinstance(found, Unknown):
        return found
    family, block = found
    return bool(traffic.traffic((block,) if family == 4 else (), (block,) if family == 6 else (), ALL) & INTERNET)


def texts(value: Value) -> tuple[str | Unknown, ...]:
    """A value as texts; what is unknown as a whole is one unknown text."""
    if isinstance(value, Unknown):
        return (value,)
    if isinstance(value, tuple):
        return tuple(v for v in value if isinstance(v, str | Unknown))
    return (value,) if isinstance(value, str) and value else ()


def missing(what: str) -> Unknown:
    """The reason for what is named, and was not read."""
    return Unknown(GapCode.NOT_FETCHED, f"{what.partition('#')[0]} is not in what was read")


def blocks(asset: Asset) -> tuple[Intervals, Intervals] | None:
    """The addresses of a subnet or network, by family; None where they are not known."""
    held = texts(asset.value("net.blocks"))
    if not held or any(isinstance(b, Unknown) for b in held):
        return None
    v4: list[tuple[int, int]] = []
    v6: list[tuple[int, int]] = []
    for text in held:
        try:
            net = ipaddress.ip_network(str(text), strict=False)
        except ValueError:
            return None
        (v4 if net.version == 4 else v6).append((int(net.network_address), int(net.broadcast_address)))
    return intervals.of(v4), intervals.of(v6)


# Routes


class Ways(NamedTuple):
    """Which addresses leave a subnet by what. `nats` are by the gateway's id."""

    internet: Bound
    egress_only: Bound
    nats: dict[str, Bound]


Block = tuple[int, tuple[int, int]]


def longest(ends: Iterable[tuple[Block | None, str, str, bool | Unknown]]) -> Ways:
    """The way of each address, by the most precise route: its block (None for one that nobody knows), what it ends at, and
    whether that is sure.
    """
    internet, egress_only, nats = SHUT, SHUT, dict[str, Bound]()
    taken_4: Intervals = ()
    taken_6: Intervals = ()
    wild = led_out = False
    ordered = sorted((e for e in ends), key=lambda e: _size(e[0]))
    for dest, kind, name, sure in ordered:
        if dest is None:
            wild, led_out = True, led_out or (kind == "internet" and sure is not False) or isinstance(sure, Unknown)
            continue
        family, block = dest
        left = intervals.subtract((block,), taken_4 if family == 4 else taken_6)
        part = traffic.traffic(left if family == 4 else (), left if family == 6 else (), ALL)
        if family == 4:
            taken_4 = intervals.union(taken_4, (block,))
        else:
            taken_6 = intervals.union(taken_6, (block,))
        bound = exactly(part) if sure is True else SHUT if sure is False else Bound(NONE, part)
        if kind == "internet" or (kind == "elsewhere" and isinstance(sure, Unknown)):
            internet |= bound
        elif kind == "egress-only":
            egress_only |= bound
        elif kind == "nat":
            nats[name] = nats.get(name, SHUT) | bound
    if wild:  # a block that nobody knows may be more precise than any other
        internet = Bound(NONE, EVERYTHING if led_out else internet.maybe)
        nats = {n: Bound(NONE, b.maybe) for n, b in nats.items()}
    return Ways(internet, egress_only, nats)


def _size(dest: Block | None) -> int:
    return -1 if dest is None else dest[1][1] - dest[1][0]
