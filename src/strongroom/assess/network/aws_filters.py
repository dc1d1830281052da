"""What security groups, network ACLs and routes of AWS let through, as two sets: what surely passes, and what may.

An unknown rule widens the second and narrows the first. A verdict holds where both agree.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.network.aws_world import World, missing, native, texts
from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Intervals
from strongroom.kit.traffic import NOTHING, V4, V6, Ports, Traffic
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import NetRule, Unknown

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


def _towards(rule: NetRule, doubts: Doubts) -> Bound:
    """Which addresses and traffic a rule matches. What is another group is an address of the network, and not of the internet."""
    allowed = ports(rule)
    if allowed is None:
        doubts.add(Unknown(GapCode.UNSUPPORTED, f"the protocol {rule.protocol[:20]} is not known"))
    sure: list[tuple[int, tuple[int, int]]] = []
    open_ended = allowed is None
    for peer in rule.peers:
        found = _block(peer)
        if isinstance(found, Unknown):
            doubts.add(found)
            open_ended = True
        else:
            sure.append(found)
    for group in rule.groups:
        if ("prefix_list" in group or group.startswith("pl-")) and not rule.peers:
            doubts.add(Unknown(GapCode.NOT_FETCHED, f"the prefix list {group} is not in what was read"))
            open_ended = True
    v4 = intervals.of(i for family, i in sure if family == 4)
    v6 = intervals.of(i for family, i in sure if family == 6)
    known = traffic.traffic(v4, v6, allowed or NOTHING)
    return Bound(known, traffic.traffic((V4,), (V6,), allowed or ALL) if open_ended else known)


def _block(peer: str | Unknown) -> tuple[int, tuple[int, int]] | Unknown:
    if isinstance(peer, Unknown):
        return peer
    try:
        return traffic.block(peer)
    except ValueError:
        return Unknown(GapCode.MALFORMED, f"{peer[:60]!r} is no block of addresses")


def allows(rules: Iterable[NetRule | Unknown], doubts: Doubts) -> Bound:
    """What a security group lets through: the union of its rules (VPC User Guide, "Security group rules")."""
    found = SHUT
    for rule in rules:
        if isinstance(rule, Unknown):
            doubts.add(rule)
            found |= PERHAPS
        else:
            found |= _towards(rule, doubts)
    return found


def first_match(rules: Sequence[NetRule | Unknown], doubts: Doubts) -> Bound:
    """What a network ACL lets through: the rule of the lowest number that matches decides; what none matches is denied."""
    strange = next((r for r in rules if isinstance(r, Unknown)), None)
    if strange is not None:  # of a number that nobody knows
        doubts.add(strange)
        return PERHAPS
    sure, maybe = NONE, NONE
    perhaps_denied, surely_denied = NONE, NONE
    for rule in sorted((r for r in rules if isinstance(r, NetRule)), key=lambda r: r.priority):
        matched = _towards(rule, doubts)
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


# Routes


class Ways(NamedTuple):
    """Which addresses leave a subnet by what. `nats` are by the gateway's id."""

    internet: Bound
    egress_only: Bound
    nats: dict[str, Bound]


def ways(world: World, subnet: Asset, doubts: Doubts) -> Ways:
    """Where a subnet's table sends what: the longest prefix decides. Several tables that may be its own are all looked at."""
    found: list[Ways] = []
    for table in world.tables_of(subnet):
        if isinstance(table, Unknown):
            doubts.add(table)
            found.append(Ways(PERHAPS, PERHAPS, {}))
        else:
            found.append(_of_table(world, table, subnet, doubts))
    if len(found) == 1:
        return found[0]
    doubts.add(Unknown(GapCode.CONFLICT, f"{subnet.address} is tied to several route tables"))
    names = {n for w in found for n in w.nats}
    return Ways(
        _one_of([w.internet for w in found]), _one_of([w.egress_only for w in found]),
        {n: _one_of([w.nats.get(n, SHUT) for w in found]) for n in sorted(names)},
    )  # fmt: skip


def _one_of(bounds: Sequence[Bound]) -> Bound:
    sure, maybe = EVERYTHING, NONE
    for one in bounds:
        sure, maybe = sure & one.sure, maybe | one.maybe
    return Bound(sure, maybe)


def _of_table(world: World, table: Asset | None, subnet: Asset, doubts: Doubts) -> Ways:
    network = world.network(subnet)
    rows = list(texts(table.value("routes.entries"))) if table is not None else []
    if table is None or any(t is table for t in world.mains.get(network, ())):
        rows += [x for one in world.on_main.get(network, ()) for x in texts(one.value("routes.entries"))]
    if native(subnet) == "aws_default_subnet" and table is None:
        return Ways(exactly(EVERYTHING), SHUT, {})  # a default network's own table leads to its gateway
    lost = next((r for r in rows if isinstance(r, Unknown)), None)
    if lost is not None:
        doubts.add(lost)
    said = [r for r in rows if isinstance(r, str)]
    ends = [
        (dest, *_end(world, kind, target, network, table or subnet, doubts))
        for dest, kind, target in _split(said, doubts)
    ]
    made = _longest(ends)
    if lost is None:
        return made
    return Ways(
        Bound(NONE, EVERYTHING), Bound(NONE, EVERYTHING), {n: Bound(NONE, b.maybe) for n, b in made.nats.items()}
    )


_Block = tuple[int, tuple[int, int]]


def _split(said: Iterable[str], doubts: Doubts) -> Iterator[tuple[_Block | None, str, str]]:
    for text in said:
        dest, kind, target = text.split(" ", 2)
        try:
            yield traffic.block(dest), kind, target
        except ValueError:
            doubts.add(Unknown(GapCode.NOT_FETCHED, f"where {dest} is: a route's destination that is no block"))
            yield None, kind, target


def _end(
    world: World, kind: str, target: str, network: str, by: Asset, doubts: Doubts
) -> tuple[str, str, bool | Unknown]:
    """What a route ends at: `internet`, `egress-only`, `nat` with its id, or `elsewhere`; and whether that is sure."""
    if kind == "gateway":
        return ("internet", "", _is_internet(world, target, network, by, doubts))
    if kind == "nat":
        found = world.find(target, by)
        return ("nat", found[0].id if found else target, True)
    if kind == "egress-only":
        found = world.find(target, by)
        return ("egress-only", "", world.attached(found[0], network) if found else True)
    if kind in {"nowhere", "carrier-gateway"}:
        return ("elsewhere", "", False)
    doubt = Unknown(GapCode.UNSUPPORTED, f"what is behind {kind} {target.rpartition(':')[2]} is not worked out")
    doubts.add(doubt)
    return ("elsewhere", "", doubt)


def _is_internet(world: World, target: str, network: str, by: Asset, doubts: Doubts) -> bool | Unknown:
    if target == "local" or target.startswith(("vpce-",)):
        return False
    found = world.find(target, by)
    if not found:
        if target.startswith("igw-"):
            return True  # EC2 takes no route to an internet gateway that is not attached
        doubt = missing(target)
        doubts.add(doubt)
        return doubt
    kind = native(found[0]).removeprefix("data.")
    if kind == "aws_internet_gateway":
        return world.attached(found[0], network)
    doubt = Unknown(GapCode.UNSUPPORTED, f"what is behind {found[0].address} is not worked out")
    doubts.add(doubt)
    return doubt


def _longest(ends: Iterable[tuple[_Block | None, str, str, bool | Unknown]]) -> Ways:
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


def _size(dest: _Block | None) -> int:
    return -1 if dest is None else dest[1][1] - dest[1][0]


def acl(world: World, subnet: Asset, direction: str, doubts: Doubts) -> Bound:
    """What the network ACL of a subnet lets through in a direction."""
    found: list[Bound] = []
    for one in world.acls_of(subnet):
        if one is None:
            found.append(OPEN)
        elif isinstance(one, Unknown):
            doubts.add(one)
            found.append(PERHAPS)
        else:
            value = one.value("net.rules")
            rules = value if isinstance(value, tuple) else (value,) if isinstance(value, Unknown) else ()
            mine = [r for r in rules if isinstance(r, Unknown) or (isinstance(r, NetRule) and r.direction == direction)]
            found.append(first_match(mine, doubts))
    return found[0] if len(found) == 1 else _one_of(found)


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
