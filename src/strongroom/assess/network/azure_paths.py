"""Whether the internet reaches an interface of Azure, and it the internet: addresses, balancers, groups of both levels, routes.

In: an address of its own, or a rule of a balancer whose pool it is in; the groups of the subnet and of the interface both let it
in; and the reply leaves by the internet. Without any group, an address of the SKU Standard is closed. Out: the groups of both
let it out, the route leads to the internet, and there is an address to leave by: its own, a NAT gateway's, a balancer's, or the
one that Azure lends (Microsoft Learn, "Default outbound access").
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from strongroom.assess.network import azure_filters as filters
from strongroom.assess.network.azure_world import Card, World, flag
from strongroom.assess.network.bounds import ALL, NONE, PERHAPS, SHUT, Bound, Doubts, exactly, missing, ports, texts
from strongroom.assess.network.verdicts import OUTSIDE, Verdict, shown, stopped, when
from strongroom.kit import traffic
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.kit.traffic import LAST_PORT, V4, V6
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.reach import Witness
from strongroom.model.values import NetRule, Unknown

FAMILY_4 = exactly(traffic.traffic((V4,), (), ALL))
FAMILY_6 = exactly(traffic.traffic((), (V6,), ALL))
BOTH = FAMILY_4 | FAMILY_6
# What balancers pass on and NAT gateways translate (Microsoft Learn, "Azure Load Balancer components", "What is Azure NAT Gateway?").
_PORTED = traffic.ports_of({"tcp": ((0, LAST_PORT),), "udp": ((0, LAST_PORT),)})
PORTED = exactly(traffic.traffic((V4,), (V6,), _PORTED))


class _Way(NamedTuple):
    """One way in: by what, what comes by it, and whether it is closed without a group."""

    by: str
    passed: Bound
    closed: Tri


def verdict(world: World, card: Card | Unknown, direction: str) -> Verdict:
    """What passes between the internet and an interface, in one direction."""
    doubts = Doubts()
    if isinstance(card, Unknown):
        doubts.add(card)
        return Verdict(PERHAPS & OUTSIDE, doubts, [])
    one = _ingress if direction == "ingress" else _egress
    seen = [one(world, card, subnet) for subnet in card.subnets]
    found, told = SHUT, list[Witness]()
    for other in seen:
        found |= other.found
        told += other.told
        doubts.said |= other.doubts.said
    return Verdict(found, doubts, told)


def _families(address: Asset | Unknown, doubts: Doubts) -> Bound:
    if isinstance(address, Unknown):
        doubts.add(address)
        return Bound(NONE, BOTH.maybe)
    version = address.value("ip.version")
    if isinstance(version, Unknown):
        doubts.add(version)
        return Bound(NONE, BOTH.maybe)
    return FAMILY_6 if version == "6" else FAMILY_4


def _balancers(world: World, card: Card, doubts: Doubts) -> Iterator[tuple[Asset, Tri, Bound]]:
    """Balancers that pass something on to the interface, whether they are public, and what they pass on."""
    mine = {p.lower() for p in card.pools if isinstance(p, str)}
    for doubt in (p for p in card.pools if isinstance(p, Unknown)):
        doubts.add(doubt)
    some = any(isinstance(p, Unknown) for p in card.pools)
    for balancer in world.of["azurerm_lb"]:
        value = balancer.value("lb.flows")
        passed = SHUT
        for rule in value if isinstance(value, tuple) else (value,):
            if isinstance(rule, NetRule):
                held = exactly(traffic.traffic((V4,), (V6,), ports(rule) or ALL)) & PORTED
                if mine & {g.lower() for g in rule.groups}:
                    passed |= held
                elif some:
                    passed |= Bound(NONE, held.maybe)
            elif isinstance(rule, Unknown) and (mine or some):
                doubts.add(rule)
                passed |= PERHAPS
        if passed.maybe:
            yield balancer, flag(balancer.value("net.public")), passed


def _ways_in(world: World, card: Card, doubts: Doubts) -> Iterator[_Way]:
    for address in card.addresses:
        closed = flag(address.value("ip.closed")) if isinstance(address, Asset) else address
        name = address.address if isinstance(address, Asset) else "a public address"
        yield _Way(f"public address {name}", _families(address, doubts), closed)
    for balancer, public, passed in _balancers(world, card, doubts):
        if isinstance(public, Unknown):
            doubts.add(public)
        closed = flag(balancer.value("ip.closed"))
        yield _Way(f"load balancer {balancer.address}", when(public, passed), closed)
    for name, doubt in _other_pools(world, card):
        doubts.add(doubt)
        yield _Way(name, PERHAPS, closed=False)


def _other_pools(world: World, card: Card) -> Iterator[tuple[str, Unknown]]:
    """Pools that are no load balancer's: what is behind an application gateway is not worked out, and some nobody knows."""
    texts_of = [texts(b.value(f)) for b in world.of["azurerm_lb"] for f in ("link.pools", "link.lends")]
    values = [b.value("lb.flows") for b in world.of["azurerm_lb"]]
    rules = [r for v in values if isinstance(v, tuple) for r in v if isinstance(r, NetRule)]
    known = {t.lower() for held in texts_of for t in held if isinstance(t, str)} | {
        g.lower() for r in rules for g in r.groups
    }
    for pool in card.pools:
        if isinstance(pool, Unknown) or pool.lower() in known:
            continue
        gateway = next((g for g in world.of["azurerm_application_gateway"] if _holds(g, pool)), None)
        if gateway is None:
            yield f"pool {pool.rpartition('/')[2]}", missing(f"the load balancer of the pool {pool.rpartition('/')[2]}")
        elif flag(gateway.value("net.public")) is not False:
            doubt = Unknown(GapCode.UNSUPPORTED, f"what {gateway.address} passes on is not worked out")
            yield f"application gateway {gateway.address}", doubt


def _holds(gateway: Asset, pool: str) -> bool:
    return any(pool.lower().startswith(n.lower()) for n in (gateway.id, gateway.address, *gateway.aliases))


def _let(world: World, card: Card, place: filters.Place, direction: str, doubts: Doubts) -> Bound:
    """What both levels of groups let through."""
    around = filters.groups(world.named(place.subnet, "link.groups"), place, direction, doubts)
    return around & filters.groups(card.groups, place, direction, doubts)


def _ingress(world: World, card: Card, subnet: Asset | Unknown) -> Verdict:
    doubts = Doubts()
    found = list(_ways_in(world, card, doubts))
    if isinstance(subnet, Unknown):
        doubts.add(subnet)
        passed = _sum(w.passed for w in found) & OUTSIDE
        return Verdict(Bound(NONE, passed.maybe), doubts, [])
    place = filters.Place(world, subnet)
    let_in = _let(world, card, place, "ingress", doubts)
    leads = filters.ways(world, subnet, doubts).internet
    bare = not card.groups and not world.named(subnet, "link.groups")
    total, told = SHUT, list[Witness]()
    for way in found:
        passed = way.passed
        if bare:
            if isinstance(way.closed, Unknown):
                doubts.add(way.closed)
            passed = when(negate(way.closed), passed)
        passed = passed & let_in & leads & OUTSIDE
        if passed.sure and not total.sure:
            told.append(Witness("ingress", way.by, "leads to it", shown(passed.sure), where=card.asset.where))
            told += _groups_told(world, card, place, "ingress", passed)
        total |= passed
    if not total.maybe:
        hops = [
            ("its addresses and load balancers", _sum(w.passed for w in found)),
            (f"the routes of {subnet.address}", leads),
            (
                "an address of the SKU Standard without a security group" if bare else "its security groups",
                SHUT if bare else let_in,
            ),
            ("the ports that are passed on", SHUT),
        ]
        told += stopped("ingress", subnet.where, hops)
    return Verdict(total, doubts, told)


def _sum(found: Iterator[Bound] | Sequence[Bound]) -> Bound:
    made = SHUT
    for one in found:
        made |= one
    return made


def _groups_told(world: World, card: Card, place: filters.Place, direction: str, passed: Bound) -> Iterator[Witness]:
    for group in (*world.named(place.subnet, "link.groups"), *card.groups):
        if isinstance(group, Asset):
            says = "lets in" if direction == "ingress" else "lets out"
            yield Witness(direction, f"security group {group.address}", says, shown(passed.sure), where=group.where)


def _egress(world: World, card: Card, subnet: Asset | Unknown) -> Verdict:
    doubts = Doubts()
    if isinstance(subnet, Unknown):
        doubts.add(subnet)
        return Verdict(Bound(NONE, OUTSIDE.maybe), doubts, [])
    place = filters.Place(world, subnet)
    out = _let(world, card, place, "egress", doubts) & OUTSIDE
    leads = filters.ways(world, subnet, doubts).internet
    total, told = SHUT, list[Witness]()
    for by, lent in _ways_out(world, card, subnet, doubts):
        passed = out & leads & lent
        if passed.sure and not total.sure:
            told.append(Witness("egress", by, "is what it leaves by", shown(passed.sure), where=subnet.where))
            told += _groups_told(world, card, place, "egress", passed)
        total |= passed
    if not total.maybe:
        hops = [
            (f"the routes of {subnet.address}", leads),
            ("its security groups", out),
            ("its addresses and gateways", SHUT),
        ]
        told += stopped("egress", subnet.where, hops)
    return Verdict(total, doubts, told)


def _ways_out(world: World, card: Card, subnet: Asset, doubts: Doubts) -> Iterator[tuple[str, Bound]]:
    """Addresses that a flow may leave by. What Azure lends is there for whoever has none of the others."""
    others: list[Tri] = []
    for address in card.addresses:
        others.append(True if isinstance(address, Asset) else address)
        name = address.address if isinstance(address, Asset) else "a public address"
        yield f"public address {name}", _families(address, doubts)
    for gateway in world.named(subnet, "link.gateways"):
        works = negate(flag(gateway.value("nat.private"))) if isinstance(gateway, Asset) else gateway
        others.append(True)  # a subnet with a gateway, even one without an address, is lent none
        if isinstance(works, Unknown):
            doubts.add(works)
        name = gateway.address if isinstance(gateway, Asset) else "a NAT gateway"
        yield f"NAT gateway {name}", when(works, FAMILY_4 & PORTED)
    for balancer, public, lends in _lenders(world, card):
        answer = all_of((public, lends))
        # In the pool of a Standard one there is no other way, also where it lends none itself.
        others.append(any_of((answer, flag(balancer.value("ip.closed")))))
        if isinstance(answer, Unknown):
            doubts.add(answer)
        yield f"load balancer {balancer.address}", when(answer, FAMILY_4 & PORTED)
    for name, doubt in _other_pools(world, card):
        if name.startswith("pool "):
            doubts.add(doubt)
            others.append(doubt)
            yield name, when(doubt, FAMILY_4 & PORTED)
    lent = all_of((flag(subnet.value("net.default_way_out")), negate(any_of(others))))
    if isinstance(lent, Unknown):
        doubts.add(lent)
    yield "the address that Azure lends", when(lent, FAMILY_4 & PORTED)


def _lenders(world: World, card: Card) -> Iterator[tuple[Asset, Tri, Tri]]:
    """Balancers that the interface is behind, whether each is public, and whether its rules let it leave."""
    mine = {p.lower() for p in card.pools if isinstance(p, str)}
    doubt = next((p for p in card.pools if isinstance(p, Unknown)), None)
    for balancer in world.of["azurerm_lb"]:
        lends = texts(balancer.value("link.lends"))
        flows = balancer.value("lb.flows")
        behind = {
            g.lower() for r in (flows if isinstance(flows, tuple) else ()) if isinstance(r, NetRule) for g in r.groups
        }
        held = any_of(p if isinstance(p, Unknown) else p.lower() in mine for p in lends) if mine else doubt or False
        if mine & behind or held is not False:
            yield balancer, flag(balancer.value("net.public")), held
