"""What security groups, network ACLs and routes of AWS let through, as two sets: what surely passes, and what may."""

from collections.abc import Iterable, Iterator

from strongroom.assess.network.aws_world import World, native
from strongroom.assess.network.bounds import (
    ALL,
    EVERYTHING,
    NONE,
    OPEN,
    PERHAPS,
    SHUT,
    Block,
    Bound,
    Doubts,
    Ways,
    block_of,
    exactly,
    first_match,
    longest,
    missing,
    one_of,
    ports,
    texts,
)
from strongroom.kit import intervals, traffic
from strongroom.kit.traffic import NOTHING, V4, V6
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import NetRule, Unknown


def _towards(rule: NetRule, doubts: Doubts) -> Bound:
    """Which addresses and traffic a rule matches. What is another group is an address of the network, and not of the internet."""
    allowed = ports(rule)
    if allowed is None:
        doubts.add(Unknown(GapCode.UNSUPPORTED, f"the protocol {rule.protocol[:20]} is not known"))
    sure: list[tuple[int, tuple[int, int]]] = []
    open_ended = allowed is None
    for peer in rule.peers:
        found = block_of(peer)
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


# Routes


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
        one_of([w.internet for w in found]), one_of([w.egress_only for w in found]),
        {n: one_of([w.nats.get(n, SHUT) for w in found]) for n in sorted(names)},
    )  # fmt: skip


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
    made = longest(ends)
    if lost is None:
        return made
    return Ways(
        Bound(NONE, EVERYTHING), Bound(NONE, EVERYTHING), {n: Bound(NONE, b.maybe) for n, b in made.nats.items()}
    )


def _split(said: Iterable[str], doubts: Doubts) -> Iterator[tuple[Block | None, str, str]]:
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
            found.append(first_match(mine, lambda r: _towards(r, doubts), doubts))
    return found[0] if len(found) == 1 else one_of(found)
