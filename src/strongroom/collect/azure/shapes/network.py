"""Networks: security groups, interfaces, subnets, private endpoints, balancers, flow logs.

What an absent property means is from the REST reference of each type, https://learn.microsoft.com/rest/api/virtualnetwork/.
"""

from collections.abc import Iterator, Mapping

from strongroom.collect.azure.shape import Seen, Shape, link
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, blocks, ids, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_ENDS = ("source", "destination")


def _rule(one: Mapping[str, object]) -> object:
    """A rule of a security group in the words of the tables; unknown where a part of it that decides is not there."""
    made: dict[str, object] = {
        name: within(one, f"properties.{name}") for name in ("direction", "access", "protocol", "priority")
    }
    for end in _ENDS:
        for plural in ("", "es"):
            made[f"{end}_address_prefix{plural}"] = within(one, f"properties.{end}AddressPrefix{plural}")
        groups = within(one, f"properties.{end}ApplicationSecurityGroups")
        made[f"{end}_application_security_group_ids"] = (
            [within(g, "id") for g in groups] if isinstance(groups, list) else None
        )
    for plural in ("", "s"):
        made[f"destination_port_range{plural}"] = within(one, f"properties.destinationPortRange{plural}")
        made[f"source_port_range{plural}"] = within(one, f"properties.sourcePortRange{plural}")
    side = "destination" if str(made["direction"]).lower() == "outbound" else "source"
    peers = [made[f"{side}_{n}"] for n in ("address_prefix", "address_prefixes", "application_security_group_ids")]
    ports = [made["destination_port_range"], made["destination_port_ranges"]]
    decided = all(made[n] is not None for n in ("direction", "access", "protocol")) and any(peers) and any(ports)
    return made if decided else Unknown(GapCode.ABSENT, f"the rule {within(one, 'name')} is only told in part")


def _configuration(one: Mapping[str, object]) -> object:
    inside = within(one, "properties")
    if not isinstance(inside, Mapping):
        return Unknown(GapCode.ABSENT, "its addresses are not told")
    public = within(inside, "publicIPAddress")
    ident = within(public, "id")
    untold = Unknown(GapCode.ABSENT, "which public address it has is not told")
    return {
        "subnet_id": within(inside, "subnet.id"),
        "public_ip_address_id": None if public is None else ident if ident is not None else untold,
        "load_balancer_backend_address_pools_ids": ids(within(inside, "loadBalancerBackendAddressPools")),
        "load_balancer_inbound_nat_rules_ids": ids(within(inside, "loadBalancerInboundNatRules")),
        "application_gateway_backend_address_pools_ids": ids(within(inside, "applicationGatewayBackendAddressPools")),
    }


def _ident(found: object) -> object:
    return Link(found.lower()) if isinstance(found, str) and found else None


def _front(one: Mapping[str, object]) -> object:
    return {
        "public_ip_address_id": within(one, "properties.publicIPAddress.id"),
        "public_ip_prefix_id": within(one, "properties.publicIPPrefix.id"),
    }


def _route(one: Mapping[str, object]) -> object:
    hop = within(one, "properties.nextHopType")
    return {
        "address_prefix": within(one, "properties.addressPrefix"),
        "next_hop_type": hop if hop is not None else Unknown(GapCode.ABSENT, "where the route leads is not told"),
    }


_LB = (
    ("loadBalancingRules", "azurerm_lb_rule"),
    ("inboundNatRules", "azurerm_lb_nat_rule"),
    ("outboundRules", "azurerm_lb_outbound_rule"),
)


def _rules_of(seen: Seen) -> Iterator[Part]:
    """The rules of a balancer, which are resources of their own to the tables."""
    for name, native in _LB:
        found = seen.at(f"properties.{name}", [])
        if isinstance(found, Unknown):
            lost: dict[str, object] = {
                "loadbalancer_id": Link(seen.id),
                "protocol": found,
                "backend_address_pool_id": found,
            }
            yield Part(native, f"{seen.id}/{name.lower()}", "", lost)
        for one in found if isinstance(found, list) else ():
            pool = within(one, "properties.backendAddressPool.id")
            ident = within(one, "id")
            address = ident.lower() if isinstance(ident, str) else f"{seen.id}/{name.lower()}/{within(one, 'name')}"
            values: dict[str, object] = {
                "id": address,
                "loadbalancer_id": Link(seen.id),
                "protocol": within(one, "properties.protocol"),
                "backend_port": within(one, "properties.backendPort"),
                "backend_address_pool_ids": ids(within(one, "properties.backendAddressPools")),
                "backend_address_pool_id": pool,
                "disable_outbound_snat": within(one, "properties.disableOutboundSnat"),
            }
            yield Part(native, address, str(within(one, "name")), values)


def _subnets(seen: Seen) -> Iterator[Part]:
    found = seen.at("properties.subnets", [])
    if not isinstance(found, list):
        return
    for one in found:
        name, ident = within(one, "name"), within(one, "id")
        if not isinstance(name, str):
            continue
        lent = within(one, "properties.defaultOutboundAccess")
        known: dict[str, object] = {
            "id": ident.lower() if isinstance(ident, str) else f"{seen.id}/subnets/{name.lower()}",
            "name": name,
            "virtual_network_name": Link(seen.id),
            # Null is as true: https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access
            "default_outbound_access_enabled": True if lent is None else lent,
            "tags": None,
            "address_prefixes": within(one, "properties.addressPrefixes") or within(one, "properties.addressPrefix"),
            "network_security_group_id": _ident(within(one, "properties.networkSecurityGroup.id")),
            "route_table_id": _ident(within(one, "properties.routeTable.id")),
            "nat_gateway_id": _ident(within(one, "properties.natGateway.id")),
        }
        values = Open(known, Unknown(GapCode.NOT_FETCHED, "Azure Resource Graph does not tell it"))
        yield Part("azurerm_subnet", str(known["id"]), name, values)


def _connection(one: Mapping[str, object]) -> object:
    target = within(one, "properties.privateLinkServiceId")
    return {"private_connection_resource_id": Link(target.lower()) if isinstance(target, str) else target}


def _connections(seen: Seen) -> object:
    straight = blocks("properties.privateLinkServiceConnections", _connection, [])(seen)
    asked = blocks("properties.manualPrivateLinkServiceConnections", _connection, [])(seen)
    return [*straight, *asked] if isinstance(straight, list) and isinstance(asked, list) else straight


SHAPES = (
    Shape(
        type="microsoft.network/networksecuritygroups",
        native="azurerm_network_security_group",
        attributes={"security_rule": blocks("properties.securityRules", _rule)},
    ),
    Shape(
        type="microsoft.network/networkinterfaces",
        native="azurerm_network_interface",
        attributes={
            "ip_configuration": blocks("properties.ipConfigurations", _configuration),
            "network_security_group_id": link("properties.networkSecurityGroup.id"),
        },
    ),
    Shape(
        type="microsoft.network/virtualnetworks",
        native="azurerm_virtual_network",
        parts=_subnets,
        natives=("azurerm_virtual_network", "azurerm_subnet"),
    ),
    Shape(
        type="microsoft.network/privateendpoints",
        native="azurerm_private_endpoint",
        attributes={"subnet_id": link("properties.subnet.id"), "private_service_connection": _connections},
    ),
    Shape(
        type="microsoft.network/routetables",
        native="azurerm_route_table",
        attributes={"route": blocks("properties.routes", _route, [])},
    ),
    Shape(
        type="microsoft.network/publicipaddresses",
        native="azurerm_public_ip",
        attributes={"ip_version": at("properties.publicIPAddressVersion", "IPv4"), "sku": at("sku.name")},
    ),
    Shape(
        type="microsoft.network/natgateways",
        native="azurerm_nat_gateway",
        attributes={
            "public_ip_address_ids": lambda seen: ids(seen.at("properties.publicIpAddresses", [])),
            "public_ip_prefix_ids": lambda seen: ids(seen.at("properties.publicIpPrefixes", [])),
        },
    ),
    Shape(
        type="microsoft.network/loadbalancers",
        native="azurerm_lb",
        attributes={
            "sku": at("sku.name"),
            "frontend_ip_configuration": blocks("properties.frontendIPConfigurations", _front),
            "backend_address_pool_ids": lambda seen: ids(seen.at("properties.backendAddressPools", [])),
        },
        parts=_rules_of,
    ),
    Shape(
        type="microsoft.network/applicationgateways",
        native="azurerm_application_gateway",
        attributes={
            "frontend_ip_configuration": blocks("properties.frontendIPConfigurations", _front),
            "gateway_ip_configuration": blocks(
                "properties.gatewayIPConfigurations", lambda one: {"subnet_id": within(one, "properties.subnet.id")}
            ),
        },
    ),
    Shape(
        type="microsoft.network/networkwatchers/flowlogs",
        native="azurerm_network_watcher_flow_log",
        attributes={
            "enabled": at("properties.enabled"),
            "retention_policy": lambda seen: {"days": seen.at("properties.retentionPolicy.days")},
            "target_resource_id": link("properties.targetResourceId"),
            "network_security_group_id": lambda _: None,
        },
    ),
)
