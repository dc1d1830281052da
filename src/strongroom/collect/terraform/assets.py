"""From neutral resources to assets, through the tables."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from strongroom.collect.native import Native, bare, build
from strongroom.collect.resource import Pool, Resource
from strongroom.collect.terraform import modules
from strongroom.kit.rooms import room
from strongroom.model.errors import RoomError
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind


@lru_cache(maxsize=1)
def tables() -> dict[str, Native]:
    """Every native type that some table knows; two tables for one type raise RoomError."""
    known: dict[str, Native] = {}
    for name, table in room("strongroom.collect.tables", "TABLE", tuple).items():
        for native in table:
            if not isinstance(native, Native) or native.type in known:
                raise RoomError(f"collect.tables.{name}", f"{getattr(native, 'type', native)!r}", "one Native a type")
            known[native.type] = native
    return known


def kinds() -> tuple[Kind, ...]:
    """The kinds of asset that Terraform can show."""
    return tuple(sorted({n.kind for n in tables().values()}))


def assets(resources: Sequence[Resource], source: str) -> Iterable[Asset]:
    """An asset for every managed resource, and for the data sources that a table knows."""
    known = tables()
    pool = Pool(resources)
    for r in resources:
        if r.mode == modules.MODE:
            stands_for = modules.native_of(r.type, known)
            if stands_for is not None:
                yield modules.asset(r, stands_for, source)
            continue
        native = known.get(r.native)
        if native is not None:
            yield build(native, r, pool, source)
        elif r.mode == "managed":
            yield bare(r, source)
