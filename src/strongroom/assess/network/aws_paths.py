"""Whether the internet reaches an interface of AWS, and it the internet: addresses, routes, ACLs both ways, groups.

In: the flow passes the subnet's ACL and some group, and its reply passes the ACL out to whatever port the other end chose, and
leaves by an attached internet gateway. Out: the same, the other way; or by a NAT gateway whose own subnet has such a way, or
an egress-only gateway. Groups keep state, so they are asked once (VPC User Guide, "Network ACLs", "Security groups").
"""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from strongroom.assess.network import aws_filters as filters
from strongroom.assess.network import bounds
from strongroom.assess.network.aws_world import World, native
from strongroom.assess.network.bounds import NONE, OPEN, SHUT, Bound, Doubts, Ways, missing
from strongroom.assess.network.verdicts import OUTSIDE, Verdict, shown, stopped, when
from strongroom.kit import traffic
from strongroom.kit.kleene import Tri
from strongroom.kit.traffic import NOTHING, V4, V6, Ports, Traffic
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.reach import Witness
from strongroom.model.values import NetRule, Unknown, Where

FIRST_FREE = 1024  # what starts a flow takes a port from here on
_FAMILY_4 = bounds.exactly(traffic.traffic((V4,), (), bounds.ALL))
_FAMILY_6 = bounds.exactly(traffic.traffic((), (V6,), bounds.ALL))


class Made(Enum):
    """A group that AWS makes, or that is not there."""

    DEFAULT = "default"  # the network's default one: in from itself alone, out to everywhere
    ABSENT = "absent"  # a network load balancer without groups lets everything through


Group = Asset | Unknown | Made


class Interface(NamedTuple):
    """One interface: its subnet, its groups, and whether it has addresses of the internet."""

    subnet: Asset | Unknown
    groups: tuple["Group", ...]
    public_4: Tri
    public_6: Tri
    ports: Ports | None = None  # those that something listens on; None for any


def _groups(world: World, at: Interface, direction: str, doubts: Doubts) -> Bound:
    found = SHUT
    for group in at.groups:
        if isinstance(group, Unknown):
            doubts.add(group)
            found |= bounds.PERHAPS
        elif isinstance(group, Made):
            found |= SHUT if group is Made.DEFAULT and direction == "ingress" else OPEN
        else:
            found |= filters.allows(group_rules(world, group, direction), doubts)
    return found


def group_rules(world: World, group: Asset, direction: str) -> tuple[NetRule | Unknown, ...]:
    """The rules of a group in a direction. One that is only looked up has rules that nobody knows."""
    value = group.value(f"sg.{direction}")
    if isinstance(value, tuple):
        return tuple(r for r in value if isinstance(r, NetRule | Unknown))
    if isinstance(value, Unknown):
        return (value,)
    del world
    return () if native(group) in {"aws_security_group", "aws_default_security_group"} else (missing(group.address),)


def ingress(world: World, at: Interface) -> Verdict:
    """What comes in from the internet, straight to the interface."""
    doubts = Doubts()
    if isinstance(at.subnet, Unknown):
        doubts.add(at.subnet)
        found = when(_either(at), bounds.PERHAPS & _groups(world, at, "ingress", doubts) & OUTSIDE)
        return Verdict(Bound(NONE, found.maybe), doubts, [])
    for answer in (at.public_4, at.public_6):
        if isinstance(answer, Unknown):
            doubts.add(answer)
    leads = filters.ways(world, at.subnet, doubts)
    addressed = when(at.public_4, _FAMILY_4) | when(at.public_6, _FAMILY_6)
    let_in = filters.acl(world, at.subnet, "ingress", doubts)
    replies = bounds.any_port(filters.acl(world, at.subnet, "egress", doubts))
    found = _groups(world, at, "ingress", doubts) & let_in & replies & leads.internet & addressed & OUTSIDE
    heard = bounds.exactly(traffic.traffic((V4,), (V6,), at.ports)) if at.ports is not None else OPEN
    found &= heard
    hops = [
        ("its addresses", addressed),
        (f"the routes of {at.subnet.address}", leads.internet),
        (f"the rules of the network ACL of {at.subnet.address}", let_in & replies),
    ]
    hops += [("its security groups", _groups(world, at, "ingress", doubts)), ("its listeners", heard)]
    return Verdict(found, doubts, [*_witness_in(world, at, found), *stopped("ingress", _place(at), hops)])


def _place(at: Interface) -> Where | None:
    return at.subnet.where if isinstance(at.subnet, Asset) else None


def _either(at: Interface) -> Tri:
    return (
        True if at.public_4 is True or at.public_6 is True else at.public_4 if at.public_4 is not False else at.public_6
    )


def egress(world: World, at: Interface) -> Verdict:
    """What goes out to the internet from the interface."""
    doubts = Doubts()
    if isinstance(at.subnet, Unknown):
        doubts.add(at.subnet)
        found = _groups(world, at, "egress", doubts) & OUTSIDE
        return Verdict(Bound(NONE, found.maybe), doubts, [])
    for answer in (at.public_4, at.public_6):
        if isinstance(answer, Unknown):
            doubts.add(answer)
    leads = filters.ways(world, at.subnet, doubts)
    out = _groups(world, at, "egress", doubts) & filters.acl(world, at.subnet, "egress", doubts)
    out &= _replies(filters.acl(world, at.subnet, "ingress", doubts)) & OUTSIDE
    straight = leads.internet & (when(at.public_4, _FAMILY_4) | when(at.public_6, _FAMILY_6))
    straight |= leads.egress_only & when(at.public_6, _FAMILY_6)
    found = out & straight
    told = list(_witness_out(at, leads, found))
    for name in sorted(leads.nats):
        passed = out & leads.nats[name] & _FAMILY_4 & _through(world, name, at.subnet, doubts)
        if passed.sure and not found.sure:
            gateway = world.known.get(name, [None])[0]
            told += _nat_witness(at, gateway.address if gateway else name, passed)
        found |= passed
    if not found.maybe:
        anything = leads.internet | leads.egress_only
        for one in leads.nats.values():
            anything |= one
        rest = _replies(filters.acl(world, at.subnet, "ingress", doubts)) & filters.acl(
            world, at.subnet, "egress", doubts
        )
        hops = [
            (f"the routes of {at.subnet.address}", anything),
            (f"the rules of the network ACL of {at.subnet.address}", rest),
        ]
        hops += [("its security groups", _groups(world, at, "egress", doubts)), ("its addresses and gateways", SHUT)]
        told += stopped("egress", _place(at), hops)
    return Verdict(found, doubts, told)


def _replies(acl: Bound) -> Bound:
    """Where the ACL lets an answer in, to a port that whatever starts a flow may have."""
    free = traffic.ports_of({**dict(bounds.ALL.sets), "tcp": ((FIRST_FREE, 65535),), "udp": ((FIRST_FREE, 65535),)})
    return bounds.any_port(acl & bounds.exactly(traffic.traffic((V4,), (V6,), free)))


def _through(world: World, name: str, subnet: Asset, doubts: Doubts) -> Bound:
    """What a NAT gateway passes on: its own subnet's ways, its ACL both ways, and from and to the subnet that it serves."""
    found = world.known.get(name, [])
    if not found:
        if name.startswith("nat-"):
            doubts.add(missing(name))
        return bounds.PERHAPS
    gateway = found[0]
    private = gateway.value("nat.private")
    if private is True:
        return SHUT
    place = next(iter(world.named(gateway, "link.subnet")), missing(f"the subnet of {gateway.address}"))
    if isinstance(place, Unknown):
        doubts.add(place)
        return bounds.PERHAPS
    inward = filters.acl(world, place, "ingress", doubts)
    outward = filters.acl(world, place, "egress", doubts)
    passed = filters.ways(world, place, doubts).internet & outward & _replies(inward)
    if place.id != subnet.id:
        passed &= _between(inward, subnet, doubts, widen=False) & _between(outward, subnet, doubts, widen=True)
    return when(not private if isinstance(private, bool) else private if isinstance(private, Unknown) else True, passed)


def _between(acl: Bound, subnet: Asset, doubts: Doubts, *, widen: bool) -> Bound:
    """The traffic that an ACL lets pass from or to the addresses of another subnet, towards everywhere."""
    held = bounds.blocks(subnet)
    if held is None:
        if acl == OPEN:
            return OPEN
        doubts.add(Unknown(GapCode.UNDECIDED, f"the addresses of {subnet.address} are not known"))
        return Bound(NONE, bounds.EVERYTHING)
    at = Traffic(tuple((i, bounds.ALL) for i in held[0]), ())
    ports = [_ports(acl.sure, at, every=True), _ports(acl.maybe, at, every=False)]
    if widen:  # an answer goes to whatever port the other end has chosen
        ports = [
            _ports(bounds.any_port(Bound(found, found)).sure, at, every=every)
            for found, every in ((acl.sure, True), (acl.maybe, False))
        ]
    return Bound(*(traffic.traffic((V4,), (V6,), p) for p in ports))


def _ports(found: Traffic, at: Traffic, *, every: bool) -> Ports:
    """The ports that pass at every address of some, or at any."""
    if not every:
        return (found & at).ports()
    left = at - found
    return bounds.ALL - left.ports() if at else NOTHING


# What decided


def _witness_in(world: World, at: Interface, found: Bound) -> Iterator[Witness]:
    if not found.sure or isinstance(at.subnet, Unknown):
        return
    passing = shown(found.sure)
    for table in world.tables_of(at.subnet):
        if isinstance(table, Asset):
            yield Witness(
                "ingress", f"route table {table.address}", "leads to an attached internet gateway", where=table.where
            )
    for one in world.acls_of(at.subnet):
        name = f"network ACL {one.address}" if isinstance(one, Asset) else "the default network ACL"
        yield Witness(
            "ingress", name, "lets in, and the reply out", passing, where=one.where if isinstance(one, Asset) else None
        )
    for group in at.groups:
        if isinstance(group, Asset):
            let = filters.allows(group_rules(world, group, "ingress"), Doubts()).sure & found.sure
            if let:
                yield Witness("ingress", f"security group {group.address}", "lets in", shown(let), where=group.where)


def _witness_out(at: Interface, leads: Ways, found: Bound) -> Iterator[Witness]:
    if found.sure and not isinstance(at.subnet, Unknown):
        by = "an internet gateway" if leads.internet.sure & found.sure else "an egress-only gateway"
        yield Witness(
            "egress", f"subnet {at.subnet.address}", f"leads to {by}", shown(found.sure), where=at.subnet.where
        )


def _nat_witness(at: Interface, gateway: str, found: Bound) -> Iterator[Witness]:
    where = at.subnet.where if isinstance(at.subnet, Asset) else None
    yield Witness(
        "egress", f"NAT gateway {gateway}", "passes on to an internet gateway", shown(found.sure), where=where
    )
