"""The interfaces of what stands in a network of AWS: machines, balancers, functions, notebooks, and whatever is put into subnets."""

from collections.abc import Iterable, Iterator

from strongroom.assess.network.aws_paths import Group, Interface, Made
from strongroom.assess.network.aws_world import World, native
from strongroom.assess.network.bounds import missing, texts
from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Intervals
from strongroom.kit.kleene import Tri, any_of
from strongroom.kit.traffic import Ports
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import Unknown, Value

_NO_SUBNET = Unknown(GapCode.UNDECIDED, "it names no subnet: a default subnet of its zone would take it")
MACHINES = ("aws_instance", "aws_spot_instance_request")


def flag(value: Value) -> Tri:
    """A fact as an answer; what is not set is false."""
    return value if isinstance(value, bool | Unknown) else False


def interfaces(world: World, asset: Asset) -> list[Interface]:
    """Its interfaces; none where it stands in no network of the owner's."""
    kind = native(asset)
    if kind in MACHINES:
        return list(_machine(world, asset))
    if kind == "aws_network_interface":
        return [_plugged(world, asset)]
    if kind == "aws_autoscaling_group":
        return list(_fleet(world, asset))
    if kind in {"aws_lb", "aws_alb", "aws_elb"}:
        return list(_balancer(world, asset))
    if kind == "aws_db_instance":
        return list(_database(world, asset))
    return list(_inside(world, asset))


def _groups(world: World, asset: Asset, subnet: Asset | Unknown) -> tuple[Group, ...]:
    """Its groups, and those that are attached beside; without any, its network's default group."""
    found: list[Group] = list(world.named(asset, "link.groups"))
    for tie in world.of["aws_network_interface_sg_attachment"]:
        if any(isinstance(a, Asset) and a.id == asset.id for a in world.named(tie, "link.interface")):
            found += world.named(tie, "link.group")
    return tuple(found) or _default_group(world, subnet)


def _default_group(world: World, subnet: Asset | Unknown) -> tuple[Group, ...]:
    if isinstance(subnet, Unknown):
        return (Made.DEFAULT,)
    network = world.network(subnet)
    adopted = [
        g for g in world.of["aws_default_security_group"]
        if any(isinstance(n, Asset) and n.id == network for n in world.named(g, "link.network"))
    ]  # fmt: skip
    return tuple(adopted) or (Made.DEFAULT,)


def _subnets(world: World, asset: Asset, fact: str = "link.subnets") -> list[Asset | Unknown]:
    return list(world.named(asset, fact))


def _machine(world: World, asset: Asset) -> Iterator[Interface]:
    plugged = list(world.named(asset, "link.interfaces"))
    for one in plugged:
        if isinstance(one, Unknown):
            yield Interface(one, (one,), one, one)
        else:
            yield _plugged(world, one)
    own = _subnets(world, asset)
    if plugged and not own:
        return
    for subnet in own or [_NO_SUBNET]:
        v6 = asset.value("net.public_ip6")
        given = flag(v6) if v6 is not None else _by_subnet(subnet, "net.assigns_public_ip6")
        yield Interface(subnet, _groups(world, asset, subnet), flag(asset.value("net.public_ip")), given)


def _by_subnet(subnet: Asset | Unknown, fact: str) -> Tri:
    if isinstance(subnet, Unknown):
        return subnet
    value = subnet.value(fact)
    if value is None and native(subnet) not in {"aws_subnet", "aws_default_subnet"}:
        return missing(subnet.address)
    return flag(value)


def _plugged(world: World, asset: Asset) -> Interface:
    """An interface that is made apart: it has an address of the internet where an elastic one is tied to it."""
    subnet = next(iter(_subnets(world, asset)), _NO_SUBNET)
    elastic: list[Tri] = []
    for kind in ("aws_eip", "aws_eip_association"):
        for tie in world.of[kind]:
            elastic += [a.id == asset.id if isinstance(a, Asset) else a for a in world.named(tie, "link.interface")]
    v6 = asset.value("net.public_ip6")
    given = flag(v6) if v6 is not None else _by_subnet(subnet, "net.assigns_public_ip6")
    return Interface(subnet, _groups(world, asset, subnet), any_of(elastic), given)


def _fleet(world: World, asset: Asset) -> Iterator[Interface]:
    """The machines of a group, as their template makes them."""
    template = next(iter(world.named(asset, "link.template")), None)
    for subnet in _subnets(world, asset) or [_NO_SUBNET]:
        if not isinstance(template, Asset):
            doubt = template or Unknown(GapCode.UNDECIDED, "its machines have no template that was read")
            yield Interface(subnet, (doubt,), doubt, doubt)
            continue
        fact = template.facts.get("net.public_ip")
        said = fact.value if fact is not None and not fact.default_of else None
        given = flag(said) if said is not None else _by_subnet(subnet, "net.assigns_public_ip")
        yield Interface(subnet, _groups(world, template, subnet), given, _by_subnet(subnet, "net.assigns_public_ip6"))


def listening(world: World, asset: Asset) -> Ports | Unknown:
    """The ports that a load balancer takes in."""
    if native(asset) == "aws_elb":
        ports = [t.partition(" ")[0] if isinstance(t, str) else t for t in texts(asset.value("lb.ports"))]
        doubt = next((p for p in ports if isinstance(p, Unknown) or not p.isdecimal()), None)
        if doubt is not None:
            return doubt if isinstance(doubt, Unknown) else Unknown(GapCode.UNDECIDED, "a port of its is not known")
        return traffic.ports_of({"tcp": _set(int(p) for p in ports if isinstance(p, str))})
    numbers: list[int] = []
    for kind in ("aws_lb_listener", "aws_alb_listener"):
        for listener in world.of[kind]:
            for balancer in world.named(listener, "link.balancer"):
                if isinstance(balancer, Unknown):
                    return balancer
                port = listener.value("lb.port")
                if balancer.id == asset.id and not isinstance(port, int | float):
                    return (
                        port
                        if isinstance(port, Unknown)
                        else Unknown(GapCode.UNDECIDED, "a listener's port is not known")
                    )
                if balancer.id == asset.id and isinstance(port, int | float):
                    numbers.append(int(port))
    held = _set(numbers)
    return traffic.ports_of({"tcp": held, **({"udp": held} if asset.value("lb.type") == "network" else {})})


def _set(numbers: Iterable[int]) -> Intervals:
    return intervals.of((n, n) for n in numbers)


def _balancer(world: World, asset: Asset) -> Iterator[Interface]:
    heard = listening(world, asset)
    ports = None if isinstance(heard, Unknown) else heard
    dual = asset.value("lb.address_type")
    v6: Tri = dual if isinstance(dual, Unknown) else isinstance(dual, str) and dual.startswith("dualstack")
    public = flag(asset.value("net.public"))
    without: tuple[Group, ...] = (Made.ABSENT,) if asset.value("lb.type") == "network" else ()
    for subnet in (*_subnets(world, asset), *_subnets(world, asset, "link.mapped")) or (_NO_SUBNET,):
        groups: tuple[Group, ...] = tuple(world.named(asset, "link.groups"))
        groups = groups or without or _default_group(world, subnet)
        yield Interface(subnet, groups, public, v6 if public is True else False, ports)


def _database(world: World, asset: Asset) -> Iterator[Interface]:
    group = next(iter(world.named(asset, "link.subnet_group")), None)
    subnets = _subnets(world, group) if isinstance(group, Asset) else [group or _NO_SUBNET]
    public = flag(asset.value("net.public"))
    port = asset.value("net.port")
    ports = traffic.ports_of({"tcp": _set([int(port)])}) if isinstance(port, int | float) else None
    for subnet in subnets:
        yield Interface(subnet, _groups(world, asset, subnet), public, False, ports)


def _inside(world: World, asset: Asset) -> Iterator[Interface]:
    """What AWS puts into the owner's subnets never has an address of the internet there."""
    for subnet in _subnets(world, asset):
        yield Interface(subnet, _groups(world, asset, subnet), False, False)
