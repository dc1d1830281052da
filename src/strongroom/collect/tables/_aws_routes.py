"""Routes of AWS, as texts: `DESTINATION KIND TARGET`."""

from collections.abc import Iterator, Mapping

from strongroom.collect.native import Reader
from strongroom.collect.tables._aws_links import Named, one
from strongroom.model.values import Unknown, Value

# Where a route leads: the attributes of a route block, and what each is. The first that is given counts (EC2 takes one).
_TARGETS = (
    ("gateway_id", "gateway"), ("nat_gateway_id", "nat"), ("egress_only_gateway_id", "egress-only"),
    ("egress_only_internet_gateway_id", "egress-only"), ("transit_gateway_id", "transit-gateway"),
    ("vpc_peering_connection_id", "peering"), ("network_interface_id", "interface"), ("instance_id", "instance"),
    ("vpc_endpoint_id", "endpoint"), ("carrier_gateway_id", "carrier-gateway"), ("local_gateway_id", "local-gateway"),
    ("core_network_arn", "core-network"),
)  # fmt: skip
_DESTINATIONS = (
    "destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id", "cidr_block", "ipv6_cidr_block",
)  # fmt: skip


def _target(r: Reader, block: Mapping[str, object]) -> str | Unknown:
    for name, kind in _TARGETS:
        found = one(r, block.get(name))
        if isinstance(found, Unknown):
            return found
        if found is not None:
            return f"{kind} {found}"
    return "nowhere -"


def routes(r: Reader, block: Mapping[str, object]) -> Iterator[Named]:
    """One route, as `DESTINATION KIND TARGET`, for each destination of it."""
    for name in _DESTINATIONS:
        raw = r.open(block.get(name))
        if raw is None or raw == "":
            continue
        found = one(r, raw)
        target = _target(r, block)
        doubt = next((x for x in (found, target) if isinstance(x, Unknown)), None)
        if doubt is not None and not (isinstance(found, str) and isinstance(target, Unknown)):
            yield doubt
        elif isinstance(target, Unknown):
            yield f"{found} unknown {target.detail}"
        else:
            yield f"{found} {target}"


def entries(r: Reader) -> Value:
    """The routes of a table: its own blocks, and the route resources that name it."""
    inside = r.blocks("route")
    found: list[Named] = [inside] if isinstance(inside, Unknown) else [x for b in inside for x in routes(r, b)]
    beside = r.satellites("aws_route", "route_table_id")
    for other in (*beside.found, *beside.maybe):
        reader = r.reading(other)
        if other in beside.maybe and other.maybe is not None:
            found.append(other.maybe)
        else:
            found += routes(reader, other.values)
    return tuple(found)
