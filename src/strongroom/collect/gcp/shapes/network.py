"""Networks: firewall rules, subnetworks, routers with what translates addresses, routes.

Source: https://cloud.google.com/compute/docs/reference/rest/v1 (firewalls, networks, subnetworks, routers, routes).
"""

from collections.abc import Iterator

from strongroom.collect.gcp.shape import Seen, Shape, each, last, link, linked
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, const, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_ROUTER = "google_compute_router"


def _traffic(one: object) -> object:
    return {"protocol": within(one, "IPProtocol"), "ports": within(one, "ports") or []}


def _logs(seen: Seen) -> object:
    on = seen.at("logConfig.enable", False)
    return [{}] if on is True else [] if on is False else on


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


_SCHEME = {"load_balancing_scheme": at("loadBalancingScheme")}


def _instances(seen: Seen) -> object:
    """Which machines are in a group is not told with the group."""
    del seen
    return Unknown(GapCode.NOT_FETCHED, "which machines are in the group is not in what was exported")


def _nats(seen: Seen) -> Iterator[Part]:
    found = seen.at("nats", [])
    for one in found if isinstance(found, list) else ():
        name = str(within(one, "name"))
        logs = {"enable": within(one, "logConfig.enable") or False}
        yield Part(
            f"{_ROUTER}_nat",
            f"{seen.path}/nats/{name}",
            name,
            {
                "name": name,
                "router": Link(seen.path),
                "log_config": logs,
                "source_subnetwork_ip_ranges_to_nat": within(one, "sourceSubnetworkIpRangesToNat"),
                "subnetwork": [{"name": linked(within(s, "name"))} for s in _list(within(one, "subnetworks"))],
                "type": within(one, "type"),
            },
        )


_HOPS = (("gateway", "Gateway"), ("instance", "Instance"), ("ip", "Ip"), ("ilb", "Ilb"), ("vpn_tunnel", "VpnTunnel"), ("hub", "Hub"),
         ("peering", "Peering"), ("network", "Network"))  # fmt: skip

SHAPES = (
    Shape(
        type="compute.googleapis.com/Firewall",
        native="google_compute_firewall",
        attributes={
            "allow": each("allowed", _traffic),
            "deny": each("denied", _traffic),
            "direction": at("direction"),
            "disabled": at("disabled", False),
            "network": link("network"),
            "priority": at("priority", 0),
            "source_ranges": at("sourceRanges", None),
            "destination_ranges": at("destinationRanges", None),
            "source_tags": at("sourceTags", None),
            "source_service_accounts": at("sourceServiceAccounts", None),
            "target_tags": at("targetTags", None),
            "target_service_accounts": at("targetServiceAccounts", None),
        },
    ),
    Shape(
        type="compute.googleapis.com/Network",
        native="google_compute_network",
        # Whether it has a way out is for its routes to say, which are assets too; see `assets`.
        attributes={"delete_default_routes_on_create": const(None)},
    ),
    Shape(
        type="compute.googleapis.com/Subnetwork",
        native="google_compute_subnetwork",
        attributes={
            "log_config": _logs,
            "enable_flow_logs": at("enableFlowLogs", False),
            "network": link("network"),
            "private_ip_google_access": at("privateIpGoogleAccess", False),
            "purpose": at("purpose", None),
            "region": last("region"),
            "ip_cidr_range": at("ipCidrRange"),
        },
    ),
    Shape(
        type="compute.googleapis.com/Router",
        native=_ROUTER,
        attributes={"network": link("network"), "region": last("region")},
        parts=_nats,
        natives=(_ROUTER, f"{_ROUTER}_nat"),
    ),
    Shape(
        type="compute.googleapis.com/Route",
        native="google_compute_route",
        attributes={
            "network": link("network"),
            "dest_range": at("destRange"),
            "priority": at("priority", 1000),
            "tags": at("tags", []),
            **{f"next_hop_{name}": at(f"nextHop{field}", None) for name, field in _HOPS},
        },
    ),
    Shape(type="compute.googleapis.com/ForwardingRule", native="google_compute_forwarding_rule", attributes=_SCHEME),
    Shape(
        type="compute.googleapis.com/GlobalForwardingRule",
        native="google_compute_global_forwarding_rule",
        attributes=_SCHEME,
    ),
    Shape(
        type="compute.googleapis.com/TargetPool",
        native="google_compute_target_pool",
        attributes={"instances": each("instances", linked)},
    ),
    Shape(
        type="compute.googleapis.com/TargetInstance",
        native="google_compute_target_instance",
        attributes={"instance": link("instance")},
    ),
    Shape(
        type="compute.googleapis.com/InstanceGroup",
        native="google_compute_instance_group",
        attributes={"instances": _instances},
    ),
)
