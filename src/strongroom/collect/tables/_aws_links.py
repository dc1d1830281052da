"""What AWS resources name of each other: ids that stand for assets, or the reason why nobody knows which one is meant."""

from collections.abc import Iterator

from strongroom.collect.native import Reader, Row
from strongroom.collect.resource import Link, undecided
from strongroom.collect.tables._aws_machines import template_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Named = str | Unknown


def one(r: Reader, value: object) -> Named | None:
    """What a value names: the id of another asset, or an id of AWS's own as it stands. None for nothing."""
    value = r.open(value)
    if isinstance(value, Link):
        target = r.follow(value)
        tail = value.attribute.rpartition(".")[2]
        if tail in _OF_ITS_NETWORK and target is not None:
            return f"{target.id}#{tail}"
        if value.address.startswith(("var.", "local.")) or (target is None and not value.address.startswith("aws_")):
            return Unknown(GapCode.UNDECIDED, f"it is set by {value}")
        return target.id if target is not None else r.resource.id_of(value.address)
    doubt = undecided(value)
    if doubt is not None:
        return doubt
    return value if isinstance(value, str) and value else None


_OF_ITS_NETWORK = (
    "main_route_table_id",
    "default_route_table_id",
    "default_security_group_id",
    "default_network_acl_id",
)


def many(r: Reader, value: object) -> tuple[Named, ...]:
    """The same of a list, or of one value."""
    value = r.open(value)
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(found for item in items if (found := one(r, item)) is not None)


def link(fact: str, *paths: str) -> Row:
    """A row for what the first path that is given names."""

    def read(r: Reader) -> Value:
        return next((found for path in paths if (found := one(r, r.at(path))) is not None), None)

    return Row(fact, read)


def links(fact: str, *paths: str) -> Row:
    """A row for all that the paths name."""

    def read(r: Reader) -> Value:
        return tuple(found for path in paths for found in many(r, r.at(path)))

    return Row(fact, read)


def placed(subnets: str, groups: str) -> tuple[Row, ...]:
    """Rows for the subnets and security groups of what stands in a network."""
    return links("link.subnets", subnets), links("link.groups", groups)


def _machine(path: str, inside: str, r: Reader) -> tuple[Named, ...]:
    """What a machine says itself, else its interfaces, else its template and that one's interfaces."""
    own = many(r, r.at(path))
    if own:
        return own
    template = template_of(r)
    if isinstance(template, Unknown):
        return (template,)
    if template is None:
        return ()
    return many(template, template.at(f"network_interfaces.{inside}")) or many(template, template.at(path))


def _interfaces(r: Reader) -> Iterator[Named]:
    """Interfaces that are made apart and plugged into a machine."""
    for path in ("network_interface", "primary_network_interface"):
        found = r.blocks(path)
        if isinstance(found, Unknown):
            yield found
            continue
        for block in found:
            yield from many(r, block.get("network_interface_id"))
    for other in r.satellites("aws_network_interface_attachment", "instance_id").found:
        yield from many(r.reading(other), other.values.get("network_interface_id"))


def given_address_6(r: Reader) -> Value:
    """Whether it is given an address of IPv6 by its own word; None where it says nothing, and its subnet decides."""
    count = r.number("ipv6_address_count")
    if isinstance(count, Unknown):
        return count
    listed = r.given("ipv6_addresses")
    if count or listed is True:
        return True
    return listed if isinstance(listed, Unknown) else None if count is None else False


MACHINE = (
    Row("link.subnets", lambda r: _machine("subnet_id", "subnet_id", r)),
    Row(
        "link.groups",
        lambda r: (*_machine("vpc_security_group_ids", "security_groups", r), *many(r, r.at("security_groups"))),
    ),
    Row("link.interfaces", lambda r: tuple(_interfaces(r))),
    Row("net.public_ip6", given_address_6),
)
