"""From the resources of stacks to assets, through the same tables as Terraform."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import structs

from strongroom.collect.cloudformation.scope import snake
from strongroom.collect.cloudformation.shape import Shape, Values, shaped, table_of
from strongroom.collect.cloudformation.stack import Declared
from strongroom.collect.native import Native, bare, build
from strongroom.collect.resource import Link, Pool, Resource
from strongroom.collect.terraform.assets import tables
from strongroom.kit.rooms import room
from strongroom.model.errors import RoomError
from strongroom.model.estate import Asset, Skip
from strongroom.model.kinds import Kind
from strongroom.model.values import Where

SCHEME = "cloudformation"


@lru_cache(maxsize=1)
def shapes() -> dict[str, Shape]:
    """Every type that some shape knows; two shapes for one type raise RoomError."""
    known: dict[str, Shape] = {}
    for name, found in room("strongroom.collect.cloudformation.shapes", "SHAPES", tuple).items():
        for shape in found:
            if not isinstance(shape, Shape) or shape.type in known:
                raise RoomError(f"shapes.{name}", f"{getattr(shape, 'type', shape)!r}", "one Shape a type")
            known[shape.type] = shape
    return known


@lru_cache(maxsize=512)
def _native(of: str, native: str) -> Native | None:
    """The table of a type of CloudFormation, when there is one for what it is to Terraform."""
    table = tables().get(native)
    return table_of(shapes()[of], table) if table is not None else None


def kinds() -> tuple[Kind, ...]:
    """The kinds of asset that a template can show."""
    named = {s.native for s in shapes().values() if isinstance(s.native, str)}
    known = tables()
    return tuple(sorted({known[n].kind for n in named if n in known} | {Kind.KEY, Kind.FILE_SYSTEM, Kind.OTHER}))


def of_stack(found: Declared, label: str, skips: tuple[Skip, ...] = ()) -> Iterator[tuple[Resource, Native | None]]:
    """One resource in neutral form, and what it holds that is a resource of its own to the tables, with their tables.

    A resource without a table is listed; a part without one only completes its owner, and has the mode `part`.
    """
    shape = shapes().get(found.type)
    values = shaped(shape, found.properties) if shape is not None else _named(found)
    native = shape.native if shape is not None and isinstance(shape.native, str) else found.type
    if shape is not None and not isinstance(shape.native, str):
        native = shape.native(values)
    yield _resource(found, found.address, native, values, label, skips), _table(found, shape, native)
    if shape is None or shape.parts is None:
        return
    for part in shape.parts(values, Link(found.address)):
        address = f"{found.address}.{part.suffix}"
        table = tables().get(part.native) if part.shown else None
        own = (
            table_of(Shape(type=f"{found.type}.{part.suffix.partition('[')[0]}", native=part.native), table)
            if table
            else None
        )
        yield _resource(found, address, part.native, part.values, label, skips, mode="managed" if own else "part"), own


def _table(found: Declared, shape: Shape | None, native: str) -> Native | None:
    return _native(found.type, native) if shape is not None else None


def _named(found: Declared) -> Values:
    """Of a type that no shape knows, only the name."""
    return {snake(k): v for k, v in found.properties.items() if k.endswith("Name") and isinstance(v, str)}


def _resource(
    found: Declared,
    address: str,
    native: str,
    values: Values,
    label: str,
    skips: tuple[Skip, ...],
    mode: str = "managed",
) -> Resource:
    first, last = found.span
    return Resource(
        address=address,
        type=native,
        name=address.rpartition(".")[2],
        values=values,
        where=Where(found.file, first, last),
        mode=mode,
        module=found.address.rpartition(".")[0],
        depends=found.depends,
        label=label,
        skips=skips,
        scheme=SCHEME,
        maybe=found.maybe,
    )


def assets(found: Sequence[tuple[Resource, Native | None, str]], source: str) -> Iterable[Asset]:
    """An asset for every resource, and for every part that is shown. Each comes with its table and its own type."""
    pool = Pool([r for r, _, _ in found])
    for resource, native, kind in found:
        if native is not None:
            yield build(native, resource, pool, source)
        elif resource.mode != "part":
            yield structs.replace(bare(resource, source), native_type=kind, provider=_provider(kind))


def _provider(kind: str) -> str:
    return "aws" if kind.startswith("AWS::") else ""
