"""Virtual Private Cloud: networks, subnetworks, firewall rules and routes out."""

import re
from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, flag
from strongroom.collect.resource import Link, Resource
from strongroom.collect.tables._gcp import docs, only_if, service
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


TABLE = (
    Native(
        type="google_compute_firewall",
        kind=Kind.FIREWALL,
        provider="gcp",
        rows=(VPC, Row("net.rules", firewall_rules)),
        refs=(("network", "network"),),
    ),
    Native(
        type="google_compute_network",
        kind=Kind.NETWORK,
        provider="gcp",
        rows=(VPC, Row("net.egress_restricted", _egress_restricted)),
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
        ),
        refs=(("network", "network"),),
    ),
    Native(type="google_compute_router", kind=Kind.ROUTES, provider="gcp", rows=(VPC,), refs=(("network", "network"),)),
    Native(
        type="google_compute_router_nat",
        kind=Kind.ROUTES,
        provider="gcp",
        rows=(VPC, flag("log.enabled", "log_config.enable", Default(False, docs("compute_router_nat")))),
        refs=(("router", "router"),),
    ),
    Native(type="google_compute_route", kind=Kind.ROUTES, provider="gcp", rows=(VPC,), refs=(("network", "network"),)),
)
