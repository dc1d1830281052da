"""Networks: security groups, interfaces, subnets, private endpoints, balancers, flow logs.

What an absent property means is from the REST reference of each type, https://learn.microsoft.com/rest/api/virtualnetwork/.
"""

from collections.abc import Iterator, Mapping

from strongroom.collect.azure.shape import Seen, Shape, link
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, blocks, within
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
    }


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
        attributes={"ip_configuration": blocks("properties.ipConfigurations", _configuration)},
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
    Shape(type="microsoft.network/routetables", native="azurerm_route_table"),
    Shape(type="microsoft.network/loadbalancers", native="azurerm_lb"),
    Shape(type="microsoft.network/applicationgateways", native="azurerm_application_gateway"),
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
