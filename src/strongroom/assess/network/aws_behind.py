"""What stands behind load balancers of AWS: from the internet to a listener, and from there to a target."""

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.assess.network import aws_filters as filters
from strongroom.assess.network import aws_paths as paths
from strongroom.assess.network import bounds
from strongroom.assess.network.aws_interfaces import interfaces, listening
from strongroom.assess.network.aws_paths import Interface, Made
from strongroom.assess.network.aws_world import World, native
from strongroom.assess.network.bounds import Doubts, texts
from strongroom.kit import intervals, traffic
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.kit.traffic import Ports
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.reach import Witness
from strongroom.model.values import NetRule, Unknown

_GROUPS = ("aws_lb_target_group", "aws_alb_target_group")


class Led(NamedTuple):
    """A balancer that leads to something, and the port of it; None where that is not known."""

    balancer: Asset
    port: int | None


def led(world: World, asset: Asset) -> Iterator[Led | Unknown]:
    """The balancers before an asset."""
    for group in _target_groups(world, asset):
        if isinstance(group, Unknown):
            yield group
            continue
        port, target = group
        for balancer in _balancers(world, target):
            yield balancer if isinstance(balancer, Unknown) else Led(balancer, port)
    for classic in world.of["aws_elb"]:
        fleets = [a for a in world.named(asset, "link.balancers") if isinstance(a, Asset)]
        held = [*(a for a in world.named(classic, "link.instances") if isinstance(a, Asset))]
        if asset.id in {a.id for a in held} or classic.id in {a.id for a in fleets}:
            for pair in texts(classic.value("lb.ports")):
                inner = pair.partition(" ")[2] if isinstance(pair, str) else ""
                yield Led(classic, int(inner) if inner.isdecimal() else None)


def _target_groups(world: World, asset: Asset) -> Iterator[tuple[int | None, Asset] | Unknown]:
    """The target groups that an asset is in, each with the port that it is spoken to."""
    yield from _attached(world, asset)
    for group in world.named(asset, "link.target_groups"):
        if isinstance(group, Asset):
            yield _port(group, "lb.port"), group
    for kind in _GROUPS:
        for group in world.of[kind]:
            targets = texts(group.value("lb.targets"))
            if any(isinstance(t, str) and asset in world.find(t, group) for t in targets):
                yield _port(group, "lb.port"), group
            else:
                yield from (t for t in targets if isinstance(t, Unknown))


def _attached(world: World, asset: Asset) -> Iterator[tuple[int | None, Asset] | Unknown]:
    """Those that resources of their own tie it to, as a target or as a group of machines."""
    for tie in world.of["aws_lb_target_group_attachment"]:
        mine = [t.id == asset.id if isinstance(t, Asset) else t for t in world.named(tie, "link.target")]
        if any_of(mine) is False:
            continue
        doubt = next((m for m in mine if isinstance(m, Unknown)), None)
        if doubt is not None and doubt.code is not GapCode.NOT_FETCHED:
            yield doubt
        for group in world.named(tie, "link.target_group"):
            if isinstance(group, Asset) and any(m is True for m in mine):
                yield _port(tie, "lb.target_port") or _port(group, "lb.port"), group
    for tie in world.of["aws_autoscaling_attachment"]:
        if any(isinstance(f, Asset) and f.id == asset.id for f in world.named(tie, "link.fleet")):
            for group in world.named(tie, "link.target_group"):
                if isinstance(group, Asset):
                    yield _port(group, "lb.port"), group


def _port(asset: Asset, fact: str) -> int | None:
    value = asset.value(fact)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _balancers(world: World, group: Asset) -> Iterator[Asset | Unknown]:
    for listener in world.named(group, "link.listeners"):
        if isinstance(listener, Unknown):
            yield listener
        else:
            yield from world.named(listener, "link.balancer")


def ingress(world: World, asset: Asset) -> tuple[Tri, list[Witness]]:
    """Whether the internet reaches an asset by a balancer that it does."""
    answers: list[Tri] = []
    told: list[Witness] = []
    for one in led(world, asset):
        if isinstance(one, Unknown):
            answers.append(one)
            continue
        front = [paths.ingress(world, i) for i in interfaces(world, one.balancer)]
        open_to = any_of(v.answer() for v in front)
        if open_to is True and isinstance(listening(world, one.balancer), Unknown):
            open_to = Unknown(GapCode.UNDECIDED, f"the ports of {one.balancer.address} are not known")
        inner = _inner(world, one, asset)
        both = all_of((open_to, inner))
        answers.append(both)
        if both is True and not told:
            told += next(v.told for v in front if v.answer() is True)
            at = f"port {one.port}" if one.port else "its port"
            told.append(
                Witness(
                    "ingress", f"load balancer {one.balancer.address}", "passes on to it", at, where=one.balancer.where
                )
            )
    return any_of(answers), told


def _inner(world: World, one: Led, asset: Asset) -> Tri:
    """Whether the balancer reaches the target: the target's groups and both ACLs, from the balancer's groups or addresses."""
    answers: list[Tri] = []
    port: Ports = traffic.ports_of({"tcp": ((one.port, one.port),)}) if one.port else bounds.SERVICES
    for back in interfaces(world, asset):
        answers += [_hop(world, front, back, port, one.balancer) for front in interfaces(world, one.balancer)]
    return any_of(answers)


def _hop(world: World, front: Interface, back: Interface, port: Ports, balancer: Asset) -> Tri:
    doubts = Doubts()
    if isinstance(front.subnet, Unknown) or isinstance(back.subnet, Unknown):
        return (
            front.subnet
            if isinstance(front.subnet, Unknown)
            else back.subnet
            if isinstance(back.subnet, Unknown)
            else True
        )
    sources = bounds.blocks(front.subnet)
    lets = _from_balancer(world, front, back, port, sources, balancer, doubts)
    if front.subnet.id == back.subnet.id or lets is False:
        return lets
    there, here = sources, bounds.blocks(back.subnet)
    return all_of(
        (
            lets,
            _passes(filters.acl(world, back.subnet, "ingress", doubts), there, port, front.subnet),
            _passes(bounds.any_port(filters.acl(world, back.subnet, "egress", doubts)), there, port, front.subnet),
            _passes(filters.acl(world, front.subnet, "egress", doubts), here, port, back.subnet),
            _passes(bounds.any_port(filters.acl(world, front.subnet, "ingress", doubts)), here, port, back.subnet),
        )
    )


def _passes(
    acl: bounds.Bound, at: tuple[intervals.Intervals, intervals.Intervals] | None, port: Ports, subnet: Asset
) -> Tri:
    """Whether an ACL lets some of the ports pass at the addresses of a subnet."""
    if acl == bounds.OPEN:
        return True
    if at is None:
        return Unknown(GapCode.UNDECIDED, f"the addresses of {subnet.address} are not known")
    towards = traffic.traffic(at[0], (), port)
    if (acl.sure & towards).ports() & port:
        return True
    if (acl.maybe & towards).ports() & port:
        return Unknown(GapCode.UNDECIDED, f"a rule of the network ACL of {subnet.address} is not fully known")
    return False


def _from_balancer(
    world: World, front: Interface, back: Interface, port: Ports, sources: tuple[intervals.Intervals, intervals.Intervals] | None,
    balancer: Asset, doubts: Doubts,
) -> Tri:  # fmt: skip
    """Whether some group of the target lets the balancer in: by its group, its addresses, or a client's own ones behind an NLB."""
    names = {g.id for g in front.groups if isinstance(g, Asset)}
    from_clients = native(balancer) in {"aws_lb", "aws_alb"} and balancer.value("lb.type") == "network"
    answers: list[Tri] = []
    for group in back.groups:
        if isinstance(group, Unknown):
            answers.append(group)
        elif isinstance(group, Made):
            answers.append(group is Made.ABSENT or Made.DEFAULT in front.groups)
        else:
            rules = paths.group_rules(world, group, "ingress")
            answers += [_rule(world, rule, group, names, port, sources, from_clients, doubts) for rule in rules]
    return any_of(answers)


def _rule(
    world: World, rule: NetRule | Unknown, group: Asset, names: set[str], port: Ports,
    sources: tuple[intervals.Intervals, intervals.Intervals] | None, from_clients: bool, doubts: Doubts,
) -> Tri:  # fmt: skip
    if isinstance(rule, Unknown):
        return rule
    allowed = bounds.ports(rule)
    if allowed is not None and not allowed & port:
        return False
    for peer in rule.groups:
        if peer == "self" and group.id in names:
            return True
        if {a.id for a in world.find(_as_id(peer, group), group)} & names:
            return True
    bound = filters.allows([rule], doubts)
    if from_clients and (bound.sure & bounds.INTERNET).ports() & port:
        return True
    if sources is None:
        return (
            Unknown(GapCode.UNDECIDED, "the addresses of the balancer's subnet are not known") if rule.peers else False
        )
    towards = traffic.traffic(sources[0], sources[1], port)
    if (bound.sure & towards).ports() & port:
        return True
    return (
        Unknown(GapCode.UNDECIDED, "a group's rule is not fully known")
        if (bound.maybe & towards).ports() & port
        else False
    )


def _as_id(peer: str, group: Asset) -> str:
    """What a rule calls another group (`aws_security_group.lb.id`), as an id of the same source."""
    scheme = group.id.partition(":")[0]
    address = peer.rpartition(".")[0] if peer.rpartition(".")[2] in {"id", "GroupId", "group_id"} else peer
    return peer if ":" in peer or peer.startswith("sg-") else f"{scheme}:{address}"
