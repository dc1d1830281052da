"""Whether the internet reaches a machine of Google Cloud, and it the internet: addresses, firewall rules, routes, NAT.

Sources: Google Cloud, "VPC firewall rules" (priority, implied rules; at one priority a denial wins), "Routes" (longest prefix,
then priority), "Cloud NAT". Firewall policies of organisations, folders and networks are not worked out: where one is tied to what
is asked about, nothing is sure.
"""

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.assess.network.bounds import (
    ALL,
    NONE,
    OPEN,
    PERHAPS,
    Block,
    Bound,
    Doubts,
    Ways,
    block_of,
    exactly,
    first_match,
    longest,
    ports,
    texts,
)
from strongroom.assess.network.gcp_world import Card, World, spelt
from strongroom.assess.network.verdicts import OUTSIDE, Verdict, shown, stopped, when
from strongroom.kit import intervals, traffic
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.kit.nets import ANY_PORT
from strongroom.kit.traffic import LAST_PORT, V4, V6
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.reach import Witness
from strongroom.model.values import NetRule, Unknown

FAMILY_4 = exactly(traffic.traffic((V4,), (), ALL))
FAMILY_6 = exactly(traffic.traffic((), (V6,), ALL))
_TRANSLATED = traffic.ports_of({"tcp": ((0, LAST_PORT),), "udp": ((0, LAST_PORT),)})
_NAT = exactly(traffic.traffic((V4,), (), _TRANSLATED))
_LAST = 65536  # after every rule of the owner's
_IMPLIED_OUT = NetRule("egress", "allow", "all", *ANY_PORT, ("0.0.0.0/0", "::/0"), (), _LAST)


class _Rule(NamedTuple):
    """A firewall rule, where it stands, and whether it is for the machine."""

    asset: Asset | None
    rule: NetRule
    applies: Tri


def verdict(world: World, asset: Asset, card: Card | Unknown, direction: str) -> Verdict:
    """What passes between the internet and a card, in one direction."""
    doubts = Doubts()
    lost = card if isinstance(card, Unknown) else card.network if isinstance(card.network, Unknown) else None
    if lost is not None or isinstance(card, Unknown):
        doubts.add(lost or Unknown(GapCode.ABSENT, "its network"))
        return Verdict(PERHAPS & OUTSIDE, doubts, [])
    network = card.network
    assert isinstance(network, Asset)
    let = _firewall(world, asset, network, direction, doubts)
    leads = _ways(world, asset, network, doubts).internet
    addressed = when(card.public_4, FAMILY_4) | when(card.public_6, FAMILY_6)
    for answer in (card.public_4, card.public_6):
        if isinstance(answer, Unknown):
            doubts.add(answer)
    if direction == "egress":
        addressed |= _translated(world, card, network, doubts)
    found = let & leads & addressed & OUTSIDE
    if direction == "ingress" and not found.sure:
        passed = world.behind(asset)
        if isinstance(passed, Unknown):
            doubts.add(passed)
            found |= Bound(NONE, (let & leads & OUTSIDE).maybe or OUTSIDE.maybe)
    told = list(_hops(world, asset, network, direction, found))
    if not found.maybe:
        named = "its addresses" if direction == "ingress" else "its addresses and NAT gateways"
        told += stopped(
            direction,
            asset.where,
            [(named, addressed), (f"the routes of {network.address}", leads), ("its firewall rules", let)],
        )
    return Verdict(found, doubts, told)


def _hops(world: World, asset: Asset, network: Asset, direction: str, found: Bound) -> Iterator[Witness]:
    if not found.sure:
        return
    says = "has a way to the internet" if direction == "egress" else "has an address outside and a route back"
    yield Witness(direction, asset.address, says, shown(found.sure), where=asset.where)
    for one in _rules(world, asset, network, direction, Doubts()):
        if one.asset is None or one.rule.action != "allow" or one.applies is not True:
            continue
        let = _towards(one, Doubts()).sure & found.sure
        if let:
            word = "lets in" if direction == "ingress" else "lets out"
            yield Witness(direction, f"firewall rule {one.asset.address}", word, shown(let), where=one.asset.where)


# Firewall rules


def _firewall(world: World, asset: Asset, network: Asset, direction: str, doubts: Doubts) -> Bound:
    rules: list[NetRule | Unknown] = []
    held: dict[int, _Rule] = {}
    for one in _rules(world, asset, network, direction, doubts):
        held[id(one.rule)] = one
        rules.append(one.rule)
    # At one priority a denial wins: it stands first, and the order of equals is kept.
    rules.sort(key=lambda r: isinstance(r, NetRule) and r.action == "allow")
    found = first_match(rules, lambda r: _towards(held[id(r)], doubts), doubts)
    return Bound(NONE, OPEN.maybe) if _policies(world, network, doubts) else found


def _policies(world: World, network: Asset, doubts: Doubts) -> bool:
    """Whether a firewall policy may decide before or after the rules of the network."""
    tied = texts(network.value("net.policies"))
    above = world.of["google_compute_firewall_policy_association"]
    for one in (*(f"the firewall policy {t}" if isinstance(t, str) else t for t in tied), *(a.address for a in above)):
        doubts.add(
            one
            if isinstance(one, Unknown)
            else Unknown(GapCode.UNSUPPORTED, f"{one}: firewall policies are not worked out")
        )
    return bool(tied or above)


def _rules(world: World, asset: Asset, network: Asset, direction: str, doubts: Doubts) -> Iterator[_Rule]:
    """The rules of a network for a direction. What could not be read is a rule that may match anything."""
    if direction == "egress":
        yield _Rule(None, _IMPLIED_OUT, applies=True)
    for one in world.firewalls(network):
        value = one.value("net.rules") if isinstance(one, Asset) else one
        applies: Tri = _is_for(one, asset) if isinstance(one, Asset) else True
        if applies is False:
            continue
        if isinstance(applies, Unknown):
            doubts.add(applies)
        for rule in value if isinstance(value, tuple) else (value,):
            if isinstance(rule, NetRule) and rule.direction == direction:
                yield _Rule(one if isinstance(one, Asset) else None, rule, applies)
            elif isinstance(rule, Unknown):
                doubts.add(rule)
                yield from (_Rule(None, r, rule) for r in _anything(direction))


def _anything(direction: str) -> tuple[NetRule, NetRule]:
    """A rule that nobody knows may let in what all others deny, and deny what all others let in."""
    whole = ("all", *ANY_PORT, ("0.0.0.0/0", "::/0"), (), -1)
    return NetRule(direction, "deny", *whole), NetRule(direction, "allow", *whole)


def _is_for(firewall: Asset, asset: Asset) -> Tri:
    """Whether a rule is for a machine: for all, or by a tag or account that it has."""
    tags, accounts = texts(firewall.value("fw.tags")), texts(firewall.value("fw.accounts"))
    if not tags and not accounts:
        return True
    return any_of(
        (_shared(tags, texts(asset.value("net.tags"))), _shared(accounts, texts(asset.value("net.accounts"))))
    )


def _shared(named: tuple[str | Unknown, ...], had: tuple[str | Unknown, ...]) -> Tri:
    mine = {spelt(h) for h in had if isinstance(h, str)}
    if any(isinstance(n, str) and spelt(n) in mine for n in named):
        return True
    return next((x for x in (*named, *had) if isinstance(x, Unknown)), False) if named else False


def _towards(one: _Rule, doubts: Doubts) -> Bound:
    """Which addresses and traffic a rule matches. Tags and accounts of senders are the owner's machines, and no internet."""
    rule = one.rule
    allowed = ports(rule)
    if allowed is None:
        doubts.add(Unknown(GapCode.UNSUPPORTED, f"the protocol {rule.protocol[:20]} is not known"))
    sure: list[Block] = []
    wide = allowed is None
    for peer in rule.peers:
        found = block_of(peer)
        if isinstance(found, Unknown):
            doubts.add(found)
            wide = True
        else:
            sure.append(found)
    v4 = intervals.of(i for family, i in sure if family == 4)
    v6 = intervals.of(i for family, i in sure if family == 6)
    known = traffic.traffic(v4, v6, allowed or traffic.NOTHING)
    made = Bound(known, traffic.traffic((V4,), (V6,), allowed or ALL) if wide else known)
    local = texts(one.asset.value("fw.local")) if one.asset is not None else ()
    if local:
        doubts.add(Unknown(GapCode.UNDECIDED, f"whether {str(local[0])[:40]} is one of its addresses"))
    return made if one.applies is True and not local else Bound(NONE, made.maybe)


# Routes and NAT


def _ways(world: World, asset: Asset, network: Asset, doubts: Doubts) -> Ways:
    """Where a network sends what comes from a machine: the longest prefix, then the lowest priority, of the routes for its tags."""
    best: dict[Block, tuple[int, str, bool | Unknown]] = {}
    wild: list[Unknown] = []
    default = network.value("net.default_route")
    if default is not False:
        sure: bool | Unknown = default if isinstance(default, Unknown) else True
        best[4, V4] = (1000, "internet", sure)
    best[6, V6] = (1000, "internet", True)
    for route in world.routes(network):
        if isinstance(route, Unknown):
            wild.append(route)
            continue
        applies = _tagged(route, asset)
        for text in texts(route.value("routes.entries")) if applies is not False else ():
            block = block_of(text.split(" ")[0]) if isinstance(text, str) else text
            if isinstance(block, Unknown) or not isinstance(text, str):
                wild.append(block if isinstance(block, Unknown) else Unknown(GapCode.UNDECIDED, route.address))
                continue
            _, kind, order = text.split(" ")
            _prefer(best, block, (int(order), kind, applies), route, doubts)
    for one in wild:
        doubts.add(one)
    ends: list[tuple[Block | None, str, str, bool | Unknown]] = [
        (b, *_end(kind, sure)) for b, (_, kind, sure) in best.items()
    ]
    ends += [(None, "internet", "", one) for one in wild]
    return longest(ends)


def _prefer(
    best: dict[Block, tuple[int, str, bool | Unknown]],
    block: Block,
    mine: tuple[int, str, Tri],
    route: Asset,
    doubts: Doubts,
) -> None:
    """Keep the route of the lowest priority for a block; of equals, or of one that may not apply, nobody knows which is taken."""
    other = best.get(block)
    if isinstance(mine[2], Unknown):
        doubts.add(mine[2])
    if mine[1] not in ("internet", "nothing"):
        doubts.add(Unknown(GapCode.UNSUPPORTED, f"what is behind {route.address} is not worked out"))
    if other is None:
        best[block] = mine
    elif mine[0] == other[0] or (isinstance(mine[2], Unknown) and mine[0] < other[0]):
        same = mine[1] == other[1] and mine[2] is True and other[2] is True
        unclear = Unknown(GapCode.UNDECIDED, f"which of two routes of one priority is taken beside {route.address}")
        if not same:
            doubts.add(unclear)
        best[block] = (min(mine[0], other[0]), "internet", True if same else unclear)
    elif mine[0] < other[0]:
        best[block] = mine


def _end(kind: str, sure: bool | Unknown) -> tuple[str, str, bool | Unknown]:
    if kind == "internet":
        return "internet", "", sure
    if kind == "nothing":
        return "elsewhere", "", False
    return "elsewhere", "", Unknown(GapCode.UNSUPPORTED, "what is behind its next hop is not worked out")


def _tagged(route: Asset, asset: Asset) -> Tri:
    named = texts(route.value("net.tags"))
    return _shared(named, texts(asset.value("net.tags"))) if named else True


def _translated(world: World, card: Card, network: Asset, doubts: Doubts) -> Bound:
    """What a NAT gateway of the network and region translates; a card with an address outside is not served by one."""
    answers = [_serves(world, nat, card, network) for nat in world.of["google_compute_router_nat"]]
    answer = all_of((any_of(answers), negate(card.public_4)))
    if isinstance(answer, Unknown):
        doubts.add(answer)
    return when(answer, _NAT)


def _serves(world: World, nat: Asset, card: Card, network: Asset) -> Tri:
    private = nat.value("nat.private")
    routers = world.routers(nat)
    around = any_of(_in(world, r, network) if isinstance(r, Asset) else r for r in routers)
    region = any_of(_region(r, card.subnet) if isinstance(r, Asset) else r for r in routers)
    return all_of(
        (around, region, private if isinstance(private, Unknown) else private is not True, _scope(world, nat, card))
    )


def _in(world: World, router: Asset, network: Asset) -> Tri:
    return any_of(n if isinstance(n, Unknown) else n.id == network.id for n in world.named(router, "link.networks"))


def _region(router: Asset, subnet: Asset | Unknown | None) -> Tri:
    if not isinstance(subnet, Asset):
        return subnet or Unknown(GapCode.NOT_FETCHED, "the subnetwork of its card")
    one, other = router.value("net.region"), subnet.value("net.region")
    doubt = next((x for x in (one, other) if isinstance(x, Unknown)), None)
    if doubt is not None or (one is None) != (other is None):
        return doubt or Unknown(GapCode.UNDECIDED, f"the region of {router.address}, or of its subnetwork")
    return str(one).rpartition("/")[2] == str(other).rpartition("/")[2]


def _scope(world: World, nat: Asset, card: Card) -> Tri:
    scope = nat.value("nat.scope")
    if isinstance(scope, Unknown) or scope is None:
        return scope or Unknown(GapCode.ABSENT, f"which subnetworks {nat.address} serves")
    if str(scope).upper().startswith("ALL_SUBNETWORKS"):
        return True
    if not isinstance(card.subnet, Asset):
        return card.subnet or Unknown(GapCode.NOT_FETCHED, "the subnetwork of its card")
    mine = card.subnet.id
    return any_of(s if isinstance(s, Unknown) else s.id == mine for s in world.named(nat, "link.subnets"))
