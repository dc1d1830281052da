"""What resources of Azure and Google Cloud name of each other on the paths of a network: ids of assets, or why nobody knows which."""

from collections.abc import Iterator

from strongroom.collect.native import Read, Reader, Row
from strongroom.collect.resource import Link, undecided
from strongroom.model.codes import GapCode
from strongroom.model.values import NetRule, Unknown, Value

Named = str | Unknown


def one(r: Reader, value: object) -> Named | None:
    """What a value names: the id of another asset, or an id of the cloud's own as it stands. None for nothing."""
    value = r.open(value)
    if isinstance(value, Link):
        target = r.follow(value)
        if target is None and value.address.startswith(("var.", "local.", "module.")):
            return Unknown(GapCode.UNDECIDED, f"it is set by {value}")
        return target.id if target is not None else r.resource.id_of(value.address)
    doubt = undecided(value)
    if doubt is not None:
        return doubt
    return value.lower() if isinstance(value, str) and value else None


def many(r: Reader, value: object) -> tuple[Named, ...]:
    """The same of a list, or of one value."""
    value = r.open(value)
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(found for item in items if (found := one(r, item)) is not None)


def tied(r: Reader, native: str, by: str, *names: str) -> Iterator[Named]:
    """What blocks of a type that name this resource tie it to."""
    found = r.satellites(native, by)
    for other in found.found:
        reader = r.reading(other)
        yield from (n for name in names for n in many(reader, reader.at(name)))
    yield from (m.maybe for m in found.maybe if m.maybe is not None)
    if found.doubt is not None and not found.maybe:
        yield found.doubt


def links(fact: str, *paths: str, ties: tuple[tuple[str, str, str], ...] = ()) -> Row:
    """A row for all that the paths name, and what others tie it to: (type, attribute that names it, attribute of the other)."""

    def read(r: Reader) -> Value:
        own = (n for path in paths for n in many(r, r.at(path)))
        apart = (n for native, by, name in ties for n in tied(r, native, by, name))
        return tuple(dict.fromkeys((*own, *apart)))

    return Row(fact, read)


def inside(fact: str, block: str, *paths: str, ties: tuple[tuple[str, str, str], ...] = ()) -> Row:
    """The same of what stands in every block of a kind, and not in the first alone."""

    def read(r: Reader) -> Value:
        found = r.blocks(block)
        if isinstance(found, Unknown):
            return (found,)
        own = (n for b in found for path in paths for n in _deep(r, b, path))
        apart = (n for native, by, name in ties for n in tied(r, native, by, name))
        return tuple(dict.fromkeys((*own, *apart)))

    return Row(fact, read)


def _deep(r: Reader, block: object, path: str) -> Iterator[Named]:
    """What a path of blocks within blocks names."""
    head, _, rest = path.partition("/")
    if not rest:
        yield from many(r, block.get(head) if isinstance(block, dict) else None)
        return
    found = r.blocks(head, block)
    if isinstance(found, Unknown):
        yield found
        return
    for b in found:
        yield from _deep(r, b, rest)


Rules = tuple[NetRule | Unknown, ...]


def machine_links() -> tuple[Row, ...]:
    """Rows for the interfaces of a machine."""
    return (links("link.interfaces", "network_interface_ids"),)


def set_links() -> tuple[Row, ...]:
    """Rows for the places and pools of a scale set's machines, whose interfaces stand in the set itself."""
    card, way = "network_interface", "network_profile"
    return (
        Row("link.subnets", _either(card, way, "ip_configuration/subnet_id")),
        Row("link.groups", _either(card, way, "network_security_group_id")),
        Row(
            "link.pools",
            _either(
                card,
                way,
                "ip_configuration/load_balancer_backend_address_pool_ids",
                "ip_configuration/load_balancer_inbound_nat_rules_ids",
                "ip_configuration/application_gateway_backend_address_pool_ids",
            ),
        ),
        Row("net.cards", lambda r: _count(r, card, way)),
    )


def _either(first: str, other: str, *paths: str) -> Read:
    """What stands in the blocks of one name or of another: it hangs on the kind of scale set."""
    rows = [inside("", name, *paths) for name in (first, other)]

    def read(r: Reader) -> Value:
        found = (v for row in rows if isinstance(v := row.read(r), tuple))
        return tuple(dict.fromkeys(n for v in found for n in v))

    return read


def _count(r: Reader, *names: str) -> Value:
    for name in names:
        found = r.blocks(name)
        if isinstance(found, Unknown):
            return found
        if found:
            return float(len(found))
    return 0.0
