"""Assets of Cloud Asset Inventory in the form of the tables: resources, what is granted on them, and what nobody told."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from msgspec import structs

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.gcp.shape import Seen, Shape, plain, taken
from strongroom.collect.native import bare, build
from strongroom.collect.resource import Link, Pool, Resource
from strongroom.collect.shaping import Part, Values, within
from strongroom.collect.terraform.assets import tables
from strongroom.kit.rooms import room
from strongroom.model.codes import GapCode
from strongroom.model.errors import RoomError
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Where

SCHEME = "gcp"
_NETWORK, _ROUTE = "google_compute_network", "compute.googleapis.com/Route"
_PERIMETER = "google_access_context_manager_service_perimeter"
_PROJECTS = re.compile(r"projects/(\d+)(?=/|$)")
# Grants on these stand in no shape of their own: the asset type alone says what they are on.
_ORGANISATION = ("cloudresourcemanager.googleapis.com/Organization", "google_organization", "org_id")


_NO_POLICIES = Unknown(
    GapCode.NOT_FETCHED, "the export has no policies: give gcloud asset export --content-type iam-policy beside it"
)


@lru_cache(maxsize=1)
def shapes() -> dict[str, Shape]:
    """Every asset type that some shape knows; two shapes for one type raise RoomError."""
    known: dict[str, Shape] = {}
    for name, found in room("strongroom.collect.gcp.shapes", "SHAPES", tuple).items():
        for shape in found:
            if not isinstance(shape, Shape) or shape.type in known:
                raise RoomError(f"shapes.{name}", f"{getattr(shape, 'type', shape)!r}", "one Shape a type")
            known[shape.type] = shape
    return known


def natives(shape: Shape) -> tuple[str, ...]:
    """The tables that a shape may lead to."""
    return shape.natives or ((shape.native,) if isinstance(shape.native, str) else ())


@dataclass(frozen=True, slots=True)
class Told:
    """Where the records are from, whether policies were told and why not, and why resources are missing, if some are."""

    source: str
    file: str
    policies: bool
    lost: Unknown | None = None
    no_policies: Unknown | None = None


def assets(records: Sequence[Mapping[str, object]], told: Told) -> Iterator[Asset]:
    """An asset for every resource and every grant. Numbers of projects are their ids where the export tells them."""
    named = _numbers(records)
    records = [_with_ids(r, named) for r in records] if named else list(records)
    seen = [Seen(r) for r in records]
    resources: list[Resource] = []
    for one, record in zip(seen, records, strict=True):
        where = Where(told.file, path=one.name)
        resources += _resources(one, record, where)
        resources += _grants(one, record, where)
    resources += _never_told(seen, told)
    _routed(resources, seen, told)
    known = {r.address for r in resources}
    for r in resources:
        r.values = _linked(r.values, known)
    pool = Pool(resources)
    by_path = {s.path: s for s in seen}
    for r in resources:
        table = tables().get(r.type)
        if r.mode != "part":
            asset = build(table, r, pool, told.source) if table is not None else bare(r, told.source)
            yield _placed(asset, by_path.get(r.address) or Seen({"name": r.address}))


def _placed(asset: Asset, seen: Seen) -> Asset:
    place = re.search(r"/(?:locations|regions|zones)/([^/]+)", seen.path)
    return structs.replace(
        asset, provider="gcp", account=seen.project, region=seen.location or (place[1] if place else "")
    )


def _resources(seen: Seen, record: Mapping[str, object], where: Where) -> Iterator[Resource]:
    perimeter = within(record, "servicePerimeter") or within(record, "service_perimeter")
    if isinstance(perimeter, Mapping):
        yield Resource(seen.path, _PERIMETER, seen.last, _perimeter(perimeter), where, scheme=SCHEME)
        return
    shape = shapes().get(seen.type)
    if shape is None:
        if seen.data is not None:
            yield Resource(seen.path, seen.type, seen.last, {"id": seen.path, "name": seen.last}, where, scheme=SCHEME)
        return
    if seen.data is None and "resource" not in record and _has_policy(record):
        return  # a record of its policy alone; the resource has one of its own, or was not asked for
    native = shape.native if isinstance(shape.native, str) else shape.native(seen)
    yield Resource(seen.path, native, seen.last, taken(shape, seen), where, scheme=SCHEME)
    for part in shape.parts(seen) if shape.parts is not None else ():
        yield _part(part, where)


def _part(part: Part, where: Where) -> Resource:
    mode = "managed" if part.native.endswith("_nat") else "part"
    return Resource(part.id, part.native, part.name, part.values, where, mode, scheme=SCHEME)


def _perimeter(found: Mapping[str, object]) -> Values:
    return {
        "title": within(found, "title"),
        "name": within(found, "name"),
        "perimeter_type": within(found, "perimeterType"),
        "service_perimeters": None,
        "status": {"restricted_services": within(found, "status.restrictedServices") or []},
    }


# Grants


def _policy(record: Mapping[str, object]) -> object:
    found = record.get("iamPolicy")
    return found if found is not None else record.get("iam_policy")


def _has_policy(record: Mapping[str, object]) -> bool:
    return isinstance(_policy(record), Mapping)


def _granting(seen: Seen) -> tuple[str, str]:
    """The table's stem for grants on an asset, and the attribute by which they name it; empty where there is none."""
    if seen.type == _ORGANISATION[0]:
        return _ORGANISATION[1], _ORGANISATION[2]
    shape = shapes().get(seen.type)
    if shape is None or not shape.granted:
        return "", ""
    return shape.native if isinstance(shape.native, str) else shape.natives[0], shape.granted


def _grants(seen: Seen, record: Mapping[str, object], where: Where) -> Iterator[Resource]:
    """Each binding of the policy on an asset, and each of its audit configurations."""
    policy = _policy(record)
    stem, by = _granting(seen)
    if not isinstance(policy, Mapping) or not stem:
        return
    on = _named(seen, by)
    for n, one in enumerate(_mappings(within(policy, "bindings"))):
        values: Values = {
            by: on,
            "role": one.get("role"),
            "members": one.get("members"),
            "condition": one.get("condition"),
        }
        address = f"{seen.path}/iam/{n}"
        yield Resource(address, f"{stem}_iam_binding", str(one.get("role")), values, where, scheme=SCHEME)
    for one in _mappings(within(policy, "auditConfigs") or within(policy, "audit_configs")):
        kinds = _mappings(within(one, "auditLogConfigs") or within(one, "audit_log_configs"))
        values = {
            by: on,
            "service": one.get("service"),
            "audit_log_config": [
                {
                    "log_type": k.get("logType", k.get("log_type")),
                    "exempted_members": k.get("exemptedMembers", k.get("exempted_members")) or [],
                }
                for k in kinds
            ],
        }
        address = f"{seen.path}/audit/{one.get('service')}"
        yield Resource(address, f"{stem}_iam_audit_config", str(one.get("service")), values, where, scheme=SCHEME)


def _named(seen: Seen, by: str) -> object:
    return seen.last if by == "org_id" else Link(seen.path)


def _mappings(found: object) -> list[Mapping[str, object]]:
    return [f for f in found if isinstance(f, Mapping)] if isinstance(found, list) else []


# What nobody told


def _never_told(seen: Iterable[Seen], told: Told) -> Iterator[Resource]:
    """What may be there and was not told: grants on whatever is granted on, and resources of every kind."""
    if told.lost is not None:
        for native in sorted({n for shape in shapes().values() for n in natives(shape)}):
            values = Open({}, told.lost)
            yield Resource(f"({native})", native, "", values, Where(told.file), "part", scheme=SCHEME, maybe=told.lost)
    if told.policies:
        return
    why = told.no_policies or _NO_POLICIES
    for stem, by in sorted({_granting(s) for s in seen} - {("", "")}):
        values = Open({by: why, "policy_data": why, "condition": None}, why)
        yield Resource(f"({stem} policies)", f"{stem}_iam_policy", "", values, Where(told.file), "part", scheme=SCHEME)


def _routed(resources: Iterable[Resource], seen: Iterable[Seen], told: Told) -> None:
    """Whether a network has a way out is said by its routes, where routes were exported: the default one is one of them."""
    if any(s.type == _ROUTE for s in seen):
        for r in resources:
            if r.type == _NETWORK and isinstance(r.values, Open):
                r.values = Open({**r.values, "delete_default_routes_on_create": told.lost or True}, r.values.why)


# Names


def _numbers(records: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The ids of projects by their numbers."""
    found: dict[str, str] = {}
    for record in records:
        number, ident = within(record, "resource.data.projectNumber"), within(record, "resource.data.projectId")
        if isinstance(number, str | int) and isinstance(ident, str):
            found[str(number)] = ident
    return found


def _with_ids(record: Mapping[str, object], named: Mapping[str, str]) -> Mapping[str, object]:
    """A record whose names speak of projects by their ids."""

    def spelt(value: object) -> object:
        if isinstance(value, str):
            return (
                _PROJECTS.sub(lambda m: f"projects/{named.get(m[1], m[1])}", value) if "projects/" in value else value
            )
        if isinstance(value, list):
            return [spelt(v) for v in value]
        return {k: spelt(v) for k, v in value.items()} if isinstance(value, dict) else value

    made = spelt(record)
    assert isinstance(made, dict)
    return made


def _linked(values: Mapping[str, object], known: set[str]) -> Mapping[str, object]:
    """Names of what was read, as links to it; a link to what was not read is the name again."""

    def linked(value: object) -> object:
        if isinstance(value, Link):
            return value if value.address in known else value.address
        if isinstance(value, str):
            name = plain(value) if "projects/" in value else ""
            return Link(name) if name and name in known else value
        if isinstance(value, list):
            return [linked(v) for v in value]
        return {k: linked(v) for k, v in value.items()} if type(value) is dict else value

    kept = ("id", "name", "labels", "members", "role", "filter")
    made = {k: v if k in kept else linked(v) for k, v in values.items()}
    return Open(made, values.why) if isinstance(values, Open) else made


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """The kinds of asset that an export can show."""
    known = tables()
    named = {known[n].kind for shape in shapes().values() for n in natives(shape) if n in known}
    return tuple(sorted(named | {Kind.GRANT, Kind.POLICY, Kind.TRAIL, Kind.OTHER}))
