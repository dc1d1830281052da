"""What network security groups and routes of Azure let through, as what surely passes and what may.

Sources: Microsoft Learn, "Network security groups overview", "Virtual network service tags", "Virtual network traffic routing".
"""

from collections.abc import Iterable, Sequence

from strongroom.assess.network.azure_world import World
from strongroom.assess.network.bounds import (
    ALL,
    EVERYTHING,
    INTERNET,
    NONE,
    OPEN,
    PERHAPS,
    Block,
    Bound,
    Doubts,
    Ways,
    block_of,
    blocks,
    exactly,
    first_match,
    longest,
    one_of,
    ports,
    texts,
)
from strongroom.kit import intervals, traffic
from strongroom.kit.traffic import LAST_PORT, NOTHING, V4, V6, Ports, Traffic
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import NetRule, Unknown

# Tags whose addresses are Azure's own machines, which nobody rents.
_AZURES_OWN = frozenset({"azureloadbalancer", "gatewaymanager"})
_NETWORK = "virtualnetwork"
_AT = "at:"


class Place:
    """A subnet as rules see it: its own addresses, and what the tag VirtualNetwork means there."""

    def __init__(self, world: World, subnet: Asset) -> None:
        """`subnet` with its tables."""
        self.subnet = subnet
        held = blocks(subnet)
        self.own = held
        self.routed = _internet_of(world, subnet)


def _internet_of(world: World, subnet: Asset) -> Traffic:
    """The part of the internet that the prefixes of a subnet's own routes cover: the tag VirtualNetwork may hold them."""
    found = NONE
    for table in world.named(subnet, "link.tables"):
        for text in texts(table.value("routes.entries")) if isinstance(table, Asset) else (table,):
            block = block_of(text.partition(" ")[0]) if isinstance(text, str) else text
            if isinstance(block, Unknown):
                return EVERYTHING
            family, at = block
            found |= traffic.traffic((at,) if family == 4 else (), (at,) if family == 6 else (), ALL)
    return found & INTERNET


def _towards(rule: NetRule, place: Place, doubts: Doubts) -> Bound:
    """Which addresses and traffic a rule matches, for the machines of a subnet."""
    allowed = _ports(rule, doubts)
    sure: list[Block] = []
    perhaps = NONE
    whole = traffic.traffic((V4,), (V6,), allowed or ALL)
    for peer in rule.peers:
        found = block_of(peer)
        if isinstance(found, Unknown):
            doubts.add(found)
            perhaps = whole
        else:
            sure.append(found)
    for group in rule.groups:
        perhaps |= _of_tag(group, place, doubts) & whole
    v4 = intervals.of(i for family, i in sure if family == 4)
    v6 = intervals.of(i for family, i in sure if family == 6)
    made = Bound(traffic.traffic(v4, v6, allowed or NOTHING), traffic.traffic(v4, v6, allowed or ALL) | perhaps)
    return made if _is_for(rule, place, doubts) else Bound(NONE, made.maybe)


def _ports(rule: NetRule, doubts: Doubts) -> Ports | None:
    """The traffic that a rule is for. One for any protocol with a range of ports is for what has ports: TCP and UDP."""
    if rule.protocol == "all" and (rule.from_port, rule.to_port) != (0, LAST_PORT):
        span = ((max(rule.from_port, 0), min(rule.to_port, LAST_PORT)),)
        return traffic.ports_of({"tcp": span, "udp": span})
    found = ports(rule)
    if found is None:
        doubts.add(Unknown(GapCode.UNSUPPORTED, f"the protocol {rule.protocol[:20]} is not known"))
    return found


def _of_tag(group: str, place: Place, doubts: Doubts) -> Traffic:
    """The addresses of the internet that a tag may stand for; application security groups have none."""
    low = group.lower()
    if group.startswith(_AT) or low in _AZURES_OWN or "/" in group or "application_security_group" in low:
        return NONE
    if low == _NETWORK:
        if place.routed:
            doubts.add(Unknown(GapCode.UNSUPPORTED, "VirtualNetwork may hold what the routes of its own name"))
        return place.routed
    doubts.add(Unknown(GapCode.NOT_FETCHED, f"which addresses the service tag {group[:60]} has is not read"))
    return EVERYTHING


def _is_for(rule: NetRule, place: Place, doubts: Doubts) -> bool:
    """Whether a rule is for every machine of the subnet, and not perhaps for some."""
    named = [g.removeprefix(_AT) for g in rule.groups if g.startswith(_AT)]
    if not named:
        return True
    held = [b for n in named if not isinstance(b := block_of(n), Unknown)]
    if place.own is not None and any(place.own):
        left_4 = intervals.subtract(place.own[0], intervals.of(i for f, i in held if f == 4))
        left_6 = intervals.subtract(place.own[1], intervals.of(i for f, i in held if f == 6))
        if not left_4 and not left_6:
            return True
    doubts.add(Unknown(GapCode.UNDECIDED, f"whether {', '.join(named)[:60]} is one of its addresses"))
    return False


def groups(found: Iterable[Asset | Unknown], place: Place, direction: str, doubts: Doubts) -> Bound:
    """What a security group lets through; without one, everything. A place has one at most: of several, nobody knows which."""
    seen: list[Bound] = []
    for one in found:
        if isinstance(one, Unknown):
            doubts.add(one)
            seen.append(PERHAPS)
            continue
        value = one.value("nsg.flows")
        rules: Sequence[NetRule | Unknown] = ()
        if isinstance(value, tuple):
            rules = [
                r for r in value if isinstance(r, Unknown) or (isinstance(r, NetRule) and r.direction == direction)
            ]
        else:
            rules = [
                value if isinstance(value, Unknown) else Unknown(GapCode.NOT_FETCHED, f"the rules of {one.address}")
            ]
        seen.append(first_match(rules, lambda r: _towards(r, place, doubts), doubts))
    return one_of(seen) if seen else OPEN


def ways(world: World, subnet: Asset, doubts: Doubts) -> Ways:
    """Where a subnet sends what: its table's routes before those that every subnet has, the longest prefix first."""
    seen = [_of_table(one, doubts) for one in world.named(subnet, "link.tables")] or [_of_table(None, doubts)]
    return Ways(one_of([w.internet for w in seen]), one_of([w.egress_only for w in seen]), {})


def _of_table(table: Asset | Unknown | None, doubts: Doubts) -> Ways:
    if isinstance(table, Unknown):
        doubts.add(table)
        return Ways(PERHAPS, exactly(NONE), {})
    ends: list[tuple[Block | None, str, str, bool | Unknown]] = []
    taken: set[Block] = set()
    for text in texts(table.value("routes.entries")) if table is not None else ():
        if isinstance(text, Unknown):
            doubts.add(text)
            ends.append((None, "internet", "", text))
            continue
        prefix, hop, _ = text.split(" ", 2)
        block = block_of(prefix)
        if isinstance(block, Unknown):
            doubts.add(Unknown(GapCode.NOT_FETCHED, f"which addresses {prefix[:40]} has is not read"))
            ends.append((None, *_end(hop, table, doubts)))
            continue
        if block not in taken:
            taken.add(block)
            ends.append((block, *_end(hop, table, doubts)))
    ends += [(b, "internet", "", True) for b in ((4, V4), (6, V6)) if b not in taken]
    return longest(ends)


_NOWHERE = frozenset({"none", "vnetlocal", "virtualnetworkserviceendpoint", "vnetpeering"})


def _end(hop: str, table: Asset | None, doubts: Doubts) -> tuple[str, str, bool | Unknown]:
    if hop == "internet":
        return "internet", "", True
    if hop in _NOWHERE:
        return "elsewhere", "", False
    where = table.address if table is not None else "a route"
    doubt = Unknown(GapCode.UNSUPPORTED, f"what is behind the {hop} of {where} is not worked out")
    doubts.add(doubt)
    return "elsewhere", "", doubt
