"""Resources of Azure as assets: put into the form of the tables, linked by their ids; what nobody told is unknown."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from msgspec import structs

from strongroom.collect.azure.shape import COMMON, Seen, Shape, taken
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.native import Reader, bare, build
from strongroom.collect.resource import Link, Pool, Resource
from strongroom.collect.shaping import Values, within
from strongroom.collect.terraform.assets import tables
from strongroom.kit.rooms import room
from strongroom.model.codes import GapCode
from strongroom.model.errors import RoomError
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Where

SCHEME = "azure"
_ANY = "azapi_resource"  # what has no shape of its own, and is known by its own words
_ID = re.compile(r"/(?:subscriptions|providers)/[^\s?]+", re.IGNORECASE)
_ENDPOINT, _SETTING = "azurerm_private_endpoint", "azurerm_monitor_diagnostic_setting"
_ML = "microsoft.machinelearningservices"
# Of the types that the table of azapi_resource knows, those that Resource Graph has rows of and no shape is for.
_IN_OWN_WORDS = (
    f"{_ML}/registries",
    f"{_ML}/workspaces/onlineendpoints",
    f"{_ML}/workspaces/batchendpoints",
    f"{_ML}/workspaces/onlineendpoints/deployments",
)
# What Resource Graph has no table for, and where it names the resource that it completes.
_NEVER_TOLD = (
    (_SETTING, "microsoft.insights/diagnosticsettings", "target_resource_id"),
    (
        "azurerm_key_vault_managed_hardware_security_module_key_rotation_policy",
        "microsoft.keyvault/managedhsms/keys/rotationpolicies",
        "managed_hsm_key_id",
    ),
)


@lru_cache(maxsize=1)
def shapes() -> dict[str, Shape]:
    """Every type that some shape knows; two shapes for one type raise RoomError."""
    known: dict[str, Shape] = {}
    for name, found in room("strongroom.collect.azure.shapes", "SHAPES", tuple).items():
        for shape in found:
            if not isinstance(shape, Shape) or shape.type in known:
                raise RoomError(f"shapes.{name}", f"{getattr(shape, 'type', shape)!r}", "one Shape a type")
            known[shape.type] = shape
    return known


def natives(shape: Shape) -> tuple[str, ...]:
    """The tables that a shape may lead to."""
    return shape.natives or ((shape.native,) if isinstance(shape.native, str) else ())


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """The kinds of asset that Azure can show."""
    known = tables()
    named = {known[n].kind for shape in shapes().values() for n in natives(shape) if n in known}
    return tuple(sorted(named | {Kind.OTHER, Kind.MODEL, Kind.ENDPOINT_CONFIG, Kind.JOB}))


def types() -> tuple[str, ...]:
    """Every type that is read, with those that are known by their own words; parts that are rows of their own included."""
    return tuple(sorted({*shapes(), *_IN_OWN_WORDS}))


@dataclass(frozen=True, slots=True)
class Lost:
    """What could not be listed: a type, or every type where none is named; of one resource, or of all; and why."""

    type: str
    owner: str
    why: Unknown


@dataclass(frozen=True, slots=True)
class Told:
    """Where rows are from; which types were asked for beside those of Resource Graph, and what of all that was not told."""

    source: str
    file: str
    asked: frozenset[str] = frozenset()
    lost: tuple[Lost, ...] = ()


def assets(rows: Iterable[Mapping[str, object]], told: Told) -> Iterator[Asset]:
    """An asset for every resource, and for the parts that are resources of their own to the tables."""
    seen = {s.id: s for s in map(Seen, rows) if s.id and s.type}
    resources = [r for s in seen.values() for r in _resources(s, told)]
    known = {r.address for r in resources}
    holders = _holders(seen.values())
    for r in resources:
        r.values = _linked(r.values, known, holders)
    resources += _satellites(seen, told)
    pool = Pool(resources)
    for r in resources:
        if r.mode == "part":
            continue
        table = tables().get(r.type)
        asset = build(table, r, pool, told.source) if table is not None else bare(r, told.source)
        row = seen.get(r.address)
        region = row.row.get("location") if row is not None else None
        yield structs.replace(
            asset,
            provider="azure",
            account=Seen({"id": r.address}).subscription,
            region=region if isinstance(region, str) else "",
        )


def _resources(seen: Seen, told: Told) -> Iterator[Resource]:
    shape = shapes().get(seen.type)
    where = Where(told.file, path=seen.id)
    if shape is None:
        yield _bare(Resource(seen.id, _ANY, seen.name, _as_written(seen), where, scheme=SCHEME), seen.type)
        return
    native = shape.native if isinstance(shape.native, str) else shape.native(seen)
    yield Resource(seen.id, native, seen.name, taken(shape, seen), where, scheme=SCHEME)
    for part in shape.parts(seen) if shape.parts is not None else ():
        mode = "managed" if part.native in tables() else "part"
        values = part.values if isinstance(part.values, Open) else {**part.values}
        yield Resource(part.id, part.native, part.name, values, where, mode, scheme=SCHEME)


def _bare(resource: Resource, kind: str) -> Resource:
    """A resource without a shape: one in its own words where those are known, else one that is only listed."""
    kind_of = tables()[_ANY].kind_of
    if kind_of is None or kind_of(Reader(resource, Pool(()))) is Kind.OTHER:
        resource.type = kind
    return resource


def _as_written(seen: Seen) -> Open:
    """A resource in its own words: the whole answer is the body."""
    body: object = seen.row
    if not isinstance(seen.row.get("properties"), Mapping):
        body = Unknown(GapCode.NOT_FETCHED, "its properties are not in what was exported")
    known: Values = {name: take(seen) for name, take in COMMON.items()}
    known |= {"type": seen.type, "body": body, "parent_id": Link(seen.parent)}
    return Open(known, Unknown(GapCode.NOT_FETCHED, "Azure Resource Graph does not tell it"))


def _holders(seen: Iterable[Seen]) -> dict[str, str]:
    """Who stands behind the number of a principal: the identity, or the resource with one of its own."""
    found: dict[str, str] = {}
    for one in seen:
        for path in ("identity.principalId", "properties.principalId"):
            number = within(one.row, path)
            if isinstance(number, str) and not one.type.startswith("microsoft.authorization/"):
                found[number.lower()] = one.id
    return found


def _linked(values: Mapping[str, object], known: set[str], holders: Mapping[str, str]) -> Mapping[str, object]:
    """Ids of what was read, as links to it."""

    def linked(name: str, value: object) -> object:
        if isinstance(value, str):
            if name == "principal_id" and value.lower() in holders:
                return Link(holders[value.lower()])
            return Link(value.lower()) if value.lower() in known and _ID.fullmatch(value) else value
        if isinstance(value, list):
            return [linked(name, v) for v in value]
        if type(value) is dict and name != "body":
            return {k: linked(k, v) for k, v in value.items()}
        return value

    kept = ("id", "name", "tags", "body", "type")
    made = {k: v if k in kept else linked(k, v) for k, v in values.items()}
    return Open(made, values.why) if isinstance(values, Open) else made


def _satellites(seen: Mapping[str, Seen], told: Told) -> Iterator[Resource]:
    """What completes others: the private endpoints that they name themselves, and what may be there and was not told."""
    types = {s.type for s in seen.values()} | told.asked
    where = Where(told.file)
    for native, own, by in _NEVER_TOLD:
        if own not in types:
            yield _perhaps(native, by, Unknown(GapCode.NOT_FETCHED, f"{own} is not in what was exported"), where)
    yield from _lost(told, where)
    for one in seen.values():
        found = within(one.row.get("properties"), "privateEndpointConnections")
        target: Values = {"private_connection_resource_id": Link(one.id)}
        if isinstance(found, list):
            if any(_approved(c) for c in found):
                values: Values = {"private_service_connection": [target]}
                yield Resource(f"{one.id}/privateendpoint", _ENDPOINT, "", values, where, "part", scheme=SCHEME)
        elif "microsoft.network/privateendpoints" not in types:
            why = Unknown(GapCode.NOT_FETCHED, "which private endpoints there are, is not in what was exported")
            values = {"private_service_connection": [target]}
            yield Resource(f"{one.id}/privateendpoint", _ENDPOINT, "", values, where, "part", scheme=SCHEME, maybe=why)


def _lost(told: Told, where: Where) -> Iterator[Resource]:
    """What may be there of each type that could not be listed: whoever looks for one gets the reason."""
    by_type = {own: by for _, own, by in _NEVER_TOLD}
    for n, one in enumerate(told.lost):
        for kind in (one.type,) if one.type else sorted(shapes()):
            for native in natives(shapes()[kind]) if kind in shapes() else ():
                known: Values = {by_type[kind]: Link(one.owner)} if one.owner and kind in by_type else {}
                if one.owner and not known:
                    continue  # a part of its owner, which nothing else is completed by
                address = f"({native} {n})"
                yield Resource(address, native, "", Open(known, one.why), where, "part", scheme=SCHEME, maybe=one.why)


def _perhaps(native: str, by: str, why: Unknown, where: Where) -> Resource:
    return Resource(f"({native})", native, "", Open({by: why}, why), where, "part", scheme=SCHEME, maybe=why)


def _approved(connection: object) -> bool:
    state = within(connection, "properties.privateLinkServiceConnectionState.status")
    return isinstance(state, str) and state.lower() == "approved"
