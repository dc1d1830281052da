"""Azure networks: security groups with their rules, interfaces, subnets, private endpoints."""

import re
from collections.abc import Iterator, Mapping

from msgspec import structs

from strongroom.collect.native import Default, Native, Reader, Row, texts
from strongroom.collect.resource import Resource, undecided
from strongroom.collect.tables._azure import docs, flag_of, satellite
from strongroom.collect.tables._paths import inside, links
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import NetRule, Unknown, Value

RULE = "azurerm_network_security_rule"
GROUP = "azurerm_network_security_group"
SUBNET = docs("subnet")

WORLD = ("0.0.0.0/0", "::/0")
# What Azure and its users write for "everybody". A lone 0.0.0.0 is written for the same thing and means to be it.
_EVERYBODY = frozenset({"*", "any", "internet", "0.0.0.0", "/0", "0.0.0.0/0", "::/0"})  # noqa: S104 - names, no bind
_PROTOCOLS = {"*": "all", "tcp": "tcp", "udp": "udp", "icmp": "icmp", "esp": "50", "ah": "51"}
_ALL_PORTS = (0, 65535)
_UNRANKED = (0, 4097)  # a rule whose priority is not known: an allowance comes first, a denial last
_CIDR = re.compile(r"[0-9a-f.:]+(?:/\d+)?", re.IGNORECASE)
# https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules
_DEFAULTS = (
    NetRule("ingress", "allow", "all", *_ALL_PORTS, (), ("VirtualNetwork",), 65000),
    NetRule("ingress", "allow", "all", *_ALL_PORTS, (), ("AzureLoadBalancer",), 65001),
    NetRule("ingress", "deny", "all", *_ALL_PORTS, WORLD, (), 65500),
    NetRule("egress", "allow", "all", *_ALL_PORTS, (), ("VirtualNetwork",), 65000),
    NetRule("egress", "allow", "all", *_ALL_PORTS, WORLD, (), 65001),
    NetRule("egress", "deny", "all", *_ALL_PORTS, WORLD, (), 65500),
)
# Subnets of Azure's own appliances; they take no machines of the owner's.
_OWN_SUBNETS = frozenset(
    {"gatewaysubnet", "azurebastionsubnet", "azurefirewallsubnet", "azurefirewallmanagementsubnet", "routeserversubnet"}
)

Rules = tuple[NetRule | Unknown, ...]


def group_rules(r: Reader) -> Rules:
    """Every rule of a security group: its own, those attached to it, and the ones that Azure adds last."""
    inline = r.blocks("security_rule")
    rules: list[NetRule | Unknown] = []
    if isinstance(inline, Unknown):
        rules.append(inline)
    else:
        rules += [rule for b in inline for rule in parsed(r, b)]
    apart, doubt = attached(r)
    rules += [rule for s in apart for rule in parsed(r.reading(s), s.values)]
    if doubt is not None:
        rules.append(doubt)
    return (*rules, *_DEFAULTS)


def group_flows(r: Reader) -> Rules:
    """The same rules with what decides of a single packet: a rule for some of the machines has an `at:` in its groups.

    Whoever starts a flow chooses the port that it comes from: a denial of some of those ports stops nobody.
    """
    inline = r.blocks("security_rule")
    rules: list[NetRule | Unknown] = []
    if isinstance(inline, Unknown):
        rules.append(inline)
    else:
        rules += [rule for b in inline for rule in _flows(r, b)]
    apart, doubt = attached(r)
    rules += [rule for s in apart for rule in _flows(r.reading(s), s.values)]
    if doubt is not None:
        rules.append(doubt)
    return (*rules, *_DEFAULTS)


def _flows(r: Reader, block: Mapping[str, object]) -> Iterator[NetRule | Unknown]:
    for rule in parsed(r, block):
        if isinstance(rule, Unknown):
            yield rule
            continue
        if rule.action == "deny" and not _all_sources(r, block):
            continue
        side = "destination" if rule.direction == "ingress" else "source"
        peers, groups = _peers(r, block, side)
        here = (
            () if not (peers or groups) or set(WORLD) <= set(peers) or "VirtualNetwork" in groups else (*peers, *groups)
        )
        at = tuple(f"at:{'?' if isinstance(p, Unknown) else p}" for p in here)
        far = "source" if rule.direction == "ingress" else "destination"
        yield structs.replace(rule, peers=_of_family(r, block, far, rule.peers), groups=(*rule.groups, *at))


def _of_family(
    r: Reader, block: Mapping[str, object], side: str, peers: tuple[str | Unknown, ...]
) -> tuple[str | Unknown, ...]:
    """The peers of a rule where the whole of one family, written as a block, is not the whole of the other."""
    named = [r.texts(f"{side}_address_prefix{n}", block) for n in ("", "es")]
    said = {x.strip().lower() for one in named if isinstance(one, tuple) for x in one if isinstance(x, str)}
    if said & (_EVERYBODY - set(WORLD)):
        return peers
    return tuple(p for p in peers if p not in WORLD or p in said)


def _all_sources(r: Reader, block: Mapping[str, object]) -> bool:
    listed = [r.texts(n, block) for n in ("source_port_range", "source_port_ranges")]
    held = [x for one in listed if isinstance(one, tuple) for x in one]
    return (not held and not any(isinstance(one, Unknown) for one in listed)) or "*" in held or "0-65535" in held


def attached(group: Reader) -> tuple[tuple[Resource, ...], Unknown | None]:
    """The rules that stand in blocks of their own and name the group."""
    return satellite(group, RULE, "network_security_group_name")


def lone_rule(r: Reader) -> Rules:
    """A rule that stands apart, with the denials of its group that come before it."""
    own = tuple(parsed(r, r.resource.values))
    group = _group_of(r)
    if group is None:
        return own
    first = min((o.priority for o in own if isinstance(o, NetRule)), default=0)
    before = (o for o in group_rules(r.reading(group)) if isinstance(o, NetRule) and o.action == "deny")
    return (*own, *(o for o in before if o.priority < first))


def _group_of(r: Reader) -> Resource | None:
    """The group that a rule names: by a link, or by a name that the configuration spells out in both places."""
    raw = r.at("network_security_group_name")
    found = r.follow(raw)
    if found is not None or not isinstance(raw, str):
        return found
    groups = (g for g in r.pool.of_type(GROUP) if g.label == r.resource.label and g.values.get("name") == raw)
    return next(groups, None)


def parsed(r: Reader, block: Mapping[str, object]) -> Iterator[NetRule | Unknown]:
    """One rule of Azure's as one rule for each of its port ranges; a rule without a direction or action is none."""
    direction, access, protocol = (r.text(n, block) for n in ("direction", "access", "protocol"))
    priority = r.number("priority", block)
    doubt = next((x for x in (direction, access, protocol) if isinstance(x, Unknown)), None)
    if doubt is not None:
        yield doubt
        return
    if not isinstance(direction, str) or not isinstance(access, str) or not isinstance(protocol, str):
        return
    inbound = direction.lower() == "inbound"
    side = "source" if inbound else "destination"
    peers, groups = _peers(r, block, side)
    for ports in _ports(r, block):
        if isinstance(ports, Unknown):
            yield ports
            continue
        yield NetRule(
            direction="ingress" if inbound else "egress",
            action=access.lower(),
            protocol=_PROTOCOLS.get(protocol.lower(), protocol.lower()),
            from_port=ports[0],
            to_port=ports[1],
            peers=peers,
            groups=groups,
            priority=int(priority) if isinstance(priority, float) else _UNRANKED[access.lower() == "deny"],
        )


def _peers(r: Reader, block: Mapping[str, object], side: str) -> tuple[tuple[str | Unknown, ...], tuple[str, ...]]:
    peers: list[str | Unknown] = []
    groups: list[str] = []
    for name in (f"{side}_address_prefix", f"{side}_address_prefixes"):
        found = r.texts(name, block)
        if isinstance(found, Unknown):
            peers.append(found)
            continue
        for one in found or ():
            if isinstance(one, Unknown):
                peers.append(one)
            elif one.strip().lower() in _EVERYBODY:
                peers += WORLD
            elif _CIDR.fullmatch(one.strip()):
                peers.append(one.strip())
            elif one.strip():
                groups.append(one.strip())
    asked = r.open(block.get(f"{side}_application_security_group_ids"))
    groups += [str(a) for a in asked] if isinstance(asked, list) else []
    return tuple(dict.fromkeys(peers)), tuple(groups)


def _ports(r: Reader, block: Mapping[str, object]) -> Iterator[tuple[int, int] | Unknown]:
    for name in ("destination_port_range", "destination_port_ranges"):
        found = r.texts(name, block)
        if isinstance(found, Unknown):
            yield found
            continue
        for one in found or ():
            for piece in [one] if isinstance(one, Unknown) else one.split(","):
                yield piece if isinstance(piece, Unknown) else _range(piece.strip())


def _range(text: str) -> tuple[int, int] | Unknown:
    if text == "*":
        return _ALL_PORTS
    low, dash, high = text.partition("-")
    if low.strip().isdigit() and (not dash or high.strip().isdigit()):
        return int(low), int(high if dash else low)
    return undecided(text) or Unknown(GapCode.MALFORMED, f"found {text[:20]!r}, wanted a port or a range")


def _interface_public(r: Reader) -> Value:
    found = r.blocks("ip_configuration")
    if isinstance(found, Unknown):
        return found
    return any_of(r.given("public_ip_address_id", b) for b in found)


def _default_way_out(r: Reader) -> Value:
    """Whether machines without a public address reach the internet by an address that Azure lends them."""
    name = r.text("name")
    if isinstance(name, str) and name.lower() in _OWN_SUBNETS:
        return False
    return flag_of("default_outbound_access_enabled")(r)


def _dns(r: Reader) -> Value:
    found = r.blocks("private_dns_zone_group")
    return found if isinstance(found, Unknown) else bool(found)


def plain(resource: str, kind: Kind, *refs: tuple[str, str]) -> Native:
    """A type that is only listed."""
    return Native(type=f"azurerm_{resource}", kind=kind, provider="azure", refs=refs)


_NIC = "network_interface_id"
_GROUPS = (("azurerm_network_interface_security_group_association", _NIC, "network_security_group_id"),)
_POOLS = (
    ("azurerm_network_interface_backend_address_pool_association", _NIC, "backend_address_pool_id"),
    ("azurerm_network_interface_nat_rule_association", _NIC, "nat_rule_id"),
    ("azurerm_network_interface_application_gateway_backend_address_pool_association", _NIC, "backend_address_pool_id"),
)
_SUBNET_GROUPS = (("azurerm_subnet_network_security_group_association", "subnet_id", "network_security_group_id"),)
_SUBNET_TABLES = (("azurerm_subnet_route_table_association", "subnet_id", "route_table_id"),)
_SUBNET_GATEWAYS = (("azurerm_subnet_nat_gateway_association", "subnet_id", "nat_gateway_id"),)

TABLE = (
    Native(
        type=GROUP,
        kind=Kind.FIREWALL,
        provider="azure",
        rows=(Row("nsg.rules", group_rules), Row("nsg.flows", group_flows)),
    ),
    Native(
        type=RULE,
        kind=Kind.FIREWALL,
        provider="azure",
        rows=(Row("nsg.rules", lone_rule),),
        refs=(("group", "network_security_group_name"),),
    ),
    Native(
        type="azurerm_network_interface",
        kind=Kind.INTERFACE,
        provider="azure",
        rows=(
            Row("net.public", _interface_public),
            inside("link.subnets", "ip_configuration", "subnet_id"),
            inside("link.addresses", "ip_configuration", "public_ip_address_id"),
            links("link.groups", "network_security_group_id", ties=_GROUPS),
            inside(
                "link.pools",
                "ip_configuration",
                "load_balancer_backend_address_pools_ids",
                "load_balancer_inbound_nat_rules_ids",
                "application_gateway_backend_address_pools_ids",
                ties=_POOLS,
            ),
        ),
        refs=(("subnet", "ip_configuration.subnet_id"), ("address", "ip_configuration.public_ip_address_id")),
    ),
    Native(
        type="azurerm_subnet",
        kind=Kind.SUBNET,
        provider="azure",
        rows=(
            Row("net.default_way_out", _default_way_out, Default(True, SUBNET)),
            texts("net.blocks", "address_prefixes"),
            links("link.groups", "network_security_group_id", ties=_SUBNET_GROUPS),
            links("link.tables", "route_table_id", ties=_SUBNET_TABLES),
            links("link.gateways", "nat_gateway_id", ties=_SUBNET_GATEWAYS),
        ),
        refs=(("network", "virtual_network_name"),),
    ),
    Native(
        type="azurerm_private_endpoint",
        kind=Kind.PRIVATE_ENDPOINT,
        provider="azure",
        rows=(Row("net.private_dns", _dns),),
        refs=(("subnet", "subnet_id"), ("target", "private_service_connection.private_connection_resource_id")),
    ),
    plain("virtual_network", Kind.NETWORK),
    plain("search_shared_private_link_service", Kind.PRIVATE_ENDPOINT, ("target", "target_resource_id")),
)
