"""Virtual Private Cloud: networks, subnetworks, firewall rules and routes out."""

import re
from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, flag, text, texts
from strongroom.collect.resource import Link, Resource
from strongroom.collect.tables._gcp import docs, only_if, service
from strongroom.collect.tables._paths import inside, links, tied
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.kit.nets import is_world
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import NetRule, Unknown, Value

VPC = service("vpc")
FIREWALL_DOCS = docs("compute_firewall")
SUBNET_DOCS = docs("compute_subnetwork")
ANYWHERE = ("0.0.0.0/0",)
NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp"}
DEFAULT_PRIORITY = 1000  # of a firewall rule that names none (provider page of google_compute_firewall)

# A subnetwork for Google's own proxies holds no machine of the owner's.
PROXY_ONLY = frozenset({"INTERNAL_HTTPS_LOAD_BALANCER", "REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY"})
NO_MACHINES = PROXY_ONLY | {"PRIVATE_SERVICE_CONNECT", "PRIVATE_NAT"}


def firewall_rules(r: Reader) -> Value:
    """The rules of one firewall resource; one that is disabled has none.

    A rule without sources is for the whole internet, and so is an egress rule without destinations.
    """
    disabled = r.flag("disabled")
    if disabled is True:
        return ()
    if isinstance(disabled, Unknown):
        return disabled
    return tuple(rule for action in ("allow", "deny") for rule in _rules(r, action))


def _rules(r: Reader, action: str) -> Iterator[NetRule | Unknown]:
    found = r.blocks(action)
    if isinstance(found, Unknown):
        yield found
        return
    way = r.text("direction")
    if isinstance(way, Unknown):
        if found:
            yield way
        return
    direction = "egress" if (way or "").upper() == "EGRESS" else "ingress"
    priority = r.number("priority")
    order = int(priority) if isinstance(priority, float) else DEFAULT_PRIORITY
    peers, groups = _peers(r, direction)
    for b in found:
        protocol = r.text("protocol", b)
        if isinstance(protocol, Unknown):
            yield protocol
            continue
        for low, high in _ports(r, b):
            if isinstance(low, Unknown):
                yield low
            else:
                yield NetRule(direction, action, _protocol(protocol), low, high, peers, groups, order)


def _protocol(word: str | None) -> str:
    low = (word or "all").strip().lower()
    return NUMBERS.get(low, low)


def _ports(r: Reader, block: object) -> Iterator[tuple[int | Unknown, int]]:
    listed = r.texts("ports", block)
    if isinstance(listed, Unknown):
        yield listed, 0
    elif not listed:
        yield 0, 65535
    else:
        for p in listed:
            found = re.fullmatch(r"\s*(\d+)(?:\.0)?\s*(?:-\s*(\d+)\s*)?", p) if isinstance(p, str) else None
            if found is not None:
                yield int(found[1]), int(found[2] or found[1])
            else:
                yield (p if isinstance(p, Unknown) else Unknown(GapCode.MALFORMED, f"port {p[:20]}")), 0


def _peers(r: Reader, direction: str) -> tuple[tuple[str | Unknown, ...], tuple[str, ...]]:
    listed = r.texts("source_ranges" if direction == "ingress" else "destination_ranges")
    if isinstance(listed, Unknown):
        return (listed,), ()
    groups = tuple(_names(r)) if direction == "ingress" else ()
    if not listed and not groups:
        return ANYWHERE, ()
    return tuple(listed or ()), groups


def _names(r: Reader) -> Iterator[str]:
    """Tags and service accounts stand for machines of the owner's, whether or not their names are known."""
    for path in ("source_tags", "source_service_accounts"):
        raw = r.at(path)
        for item in raw if isinstance(raw, list | tuple) else () if raw is None else (raw,):
            yield item if isinstance(item, str) else str(item) if isinstance(item, Link) else path


# Networks


def _denies_all(rules: Value) -> float | None:
    """The priority of an egress rule that denies everything to everywhere; None without one."""
    listed = rules if isinstance(rules, tuple) else ()
    found = [
        x.priority
        for x in listed
        if isinstance(x, NetRule)
        and (x.direction, x.action, x.protocol) == ("egress", "deny", "all")
        and any(isinstance(p, str) and is_world(p) for p in x.peers)
    ]
    return min(found) if found else None


def _everybody(r: Reader) -> bool:
    """Whether a rule is for every machine of its network."""
    return not r.at("target_tags") and not r.at("target_service_accounts")


def _egress_restricted(r: Reader) -> Value:
    """Whether traffic out is denied unless listed: a rule for all, or no route out. The implied rule allows all."""
    return any_of((_denied_by_rule(r), _denied_by_policy(r), _no_route(r)))


def _denied_by_rule(r: Reader) -> Tri:
    found = r.satellites("google_compute_firewall", "network")
    readers = [r.reading(f) for f in found.found]
    denials = [p for f in readers if _everybody(f) and (p := _denies_all(firewall_rules(f))) is not None]
    if not denials:
        return found.doubt or False
    return negate(any_of(_overrides(f, min(denials)) for f in readers))


def _overrides(f: Reader, denial: float) -> Tri:
    """Whether a firewall allows the whole internet before the denial is reached; at one priority, denial wins."""
    rules = firewall_rules(f)
    return any_of(
        all_of((x.priority < denial, any_of(p if isinstance(p, Unknown) else is_world(p) for p in x.peers)))
        for x in (rules if isinstance(rules, tuple) else ())
        if isinstance(x, NetRule) and (x.direction, x.action) == ("egress", "allow")
    )


def _denied_by_policy(r: Reader) -> Tri:
    found = r.satellites("google_compute_network_firewall_policy_association", "attachment_target")
    policies = [p for a in found.found if (p := r.follow(a.values.get("firewall_policy"))) is not None]
    return any_of(_policy_denies(r, p) for p in policies) if policies else found.doubt or False


def _policy_denies(r: Reader, policy: Resource) -> Tri:
    rules = r.reading(policy).satellites("google_compute_network_firewall_policy_rule", "firewall_policy")
    return True if any(_rule_denies(r.reading(x)) for x in rules.found) else rules.doubt or False


def _rule_denies(x: Reader) -> bool:
    ranges = x.texts("match.dest_ip_ranges")
    wide = isinstance(ranges, tuple) and any(isinstance(p, str) and is_world(p) for p in ranges)
    everything = x.text("match.layer4_configs.ip_protocol") == "all"
    return (x.text("direction"), x.text("action")) == ("EGRESS", "deny") and wide and everything


def _no_route(r: Reader) -> Tri:
    """Whether the network lacks a route to the internet: the default one is deleted and none is added."""
    deleted = r.flag("delete_default_routes_on_create")
    if deleted is not True:
        return deleted or False
    routes = r.satellites("google_compute_route", "network")
    out = any(_leads_out(r.reading(x)) for x in routes.found)
    return False if out else True if routes.doubt is None else routes.doubt


def _leads_out(route: Reader) -> bool:
    to = route.text("dest_range")
    hop = route.text("next_hop_gateway")
    return isinstance(to, str) and is_world(to) and isinstance(hop, str) and "default-internet-gateway" in hop


# Subnetworks


def _purpose(r: Reader) -> str:
    word = r.text("purpose")
    return word.upper() if isinstance(word, str) else ""


def _flow_logs(r: Reader) -> Value:
    """Flow logs are on where the block stands, or where a configuration of their own names the subnetwork."""
    found = r.blocks("log_config")
    if isinstance(found, Unknown):
        return found
    old = r.flag("enable_flow_logs")
    if found or old is True:
        return True
    others = r.satellites("google_network_management_vpc_flow_logs_config", "subnet")
    if any(r.reading(x).text("state") != "DISABLED" for x in others.found):
        return True
    return others.doubt or old


# Paths

NOBODY = Default((), docs("compute_firewall"))


def _local(r: Reader) -> Value:
    """The addresses of the owner's side that a rule is narrowed to; none for every machine that it is for."""
    direction = r.text("direction")
    if isinstance(direction, Unknown):
        return (direction,)
    out = (direction or "").upper() == "EGRESS"
    found = r.texts("source_ranges" if out else "destination_ranges")
    return (found,) if isinstance(found, Unknown) else found or ()


def _default_route(r: Reader) -> Value:
    deleted = r.flag("delete_default_routes_on_create")
    return deleted if isinstance(deleted, Unknown) else not deleted


def _policies(r: Reader) -> Value:
    """The firewall policies that are tied to a network: they decide before its rules or after them."""
    natives = (
        "google_compute_network_firewall_policy_association",
        "google_compute_region_network_firewall_policy_association",
    )
    return tuple(n for native in natives for n in tied(r, native, "attachment_target", "firewall_policy"))


_HOPS = ("next_hop_gateway", "next_hop_instance", "next_hop_ip", "next_hop_ilb", "next_hop_vpn_tunnel", "next_hop_hub", "next_hop_peering",
         "next_hop_network")  # fmt: skip


def _entries(r: Reader) -> Value:
    """A route as `PREFIX KIND PRIORITY`; the kind is `internet`, or the word for what else it leads to."""
    prefix = r.text("dest_range")
    if not isinstance(prefix, str):
        return (prefix or Unknown(GapCode.ABSENT, "where the route is for is not told"),)
    priority = r.number("priority")
    if isinstance(priority, Unknown):
        return (priority,)
    kind = next((n.removeprefix("next_hop_") for n in _HOPS if r.at(n) is not None), "nothing")
    if kind == "gateway":
        hop = r.text("next_hop_gateway")
        kind = (
            "unknown" if isinstance(hop, Unknown) else "internet" if "default-internet-gateway" in (hop or "") else kind
        )
    return (f"{prefix} {kind} {DEFAULT_PRIORITY if priority is None else int(priority)}",)


def _private_nat(r: Reader) -> Value:
    word = r.text("type")
    return word if isinstance(word, Unknown) else (word or "PUBLIC").upper() == "PRIVATE"


TABLE = (
    Native(
        type="google_compute_firewall",
        kind=Kind.FIREWALL,
        provider="gcp",
        rows=(
            VPC,
            Row("net.rules", firewall_rules),
            links("link.networks", "network"),
            texts("fw.tags", "target_tags", NOBODY),
            links("fw.accounts", "target_service_accounts"),
            Row("fw.local", _local),
        ),
        refs=(("network", "network"),),
    ),
    Native(
        type="google_compute_network",
        kind=Kind.NETWORK,
        provider="gcp",
        rows=(
            VPC,
            Row("net.egress_restricted", _egress_restricted),
            Row("net.default_route", _default_route),
            Row("net.policies", _policies),
        ),
    ),
    Native(
        type="google_compute_subnetwork",
        kind=Kind.SUBNET,
        provider="gcp",
        rows=(
            VPC,
            only_if(
                Row("log.enabled", _flow_logs, Default(False, SUBNET_DOCS)), lambda r: _purpose(r) not in PROXY_ONLY
            ),
            only_if(
                flag("net.private_google_access", "private_ip_google_access", Default(False, SUBNET_DOCS)),
                lambda r: _purpose(r) not in NO_MACHINES,
            ),
            links("link.networks", "network"),
            text("net.region", "region"),
            texts("net.blocks", "ip_cidr_range"),
        ),
        refs=(("network", "network"),),
    ),
    Native(
        type="google_compute_router",
        kind=Kind.ROUTES,
        provider="gcp",
        rows=(VPC, links("link.networks", "network"), text("net.region", "region")),
        refs=(("network", "network"),),
    ),
    Native(
        type="google_compute_router_nat",
        kind=Kind.ROUTES,
        provider="gcp",
        rows=(
            VPC,
            flag("log.enabled", "log_config.enable", Default(False, docs("compute_router_nat"))),
            links("link.routers", "router"),
            text("nat.scope", "source_subnetwork_ip_ranges_to_nat"),
            inside("link.subnets", "subnetwork", "name"),
            Row("nat.private", _private_nat),
        ),
        refs=(("router", "router"),),
    ),
    Native(
        type="google_compute_route",
        kind=Kind.ROUTES,
        provider="gcp",
        rows=(
            VPC,
            links("link.networks", "network"),
            Row("routes.entries", _entries),
            texts("net.tags", "tags", NOBODY),
        ),
        refs=(("network", "network"),),
    ),
)
