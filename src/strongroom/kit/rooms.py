"""A room is a package whose files each end in one constant; a file that drops into the room *is* registered."""

import importlib
import pkgutil
from typing import TypeVar

from strongroom.model.errors import RoomError

T = TypeVar("T")


def room(package: str, constant: str, kind: type[T]) -> dict[str, T]:
    """Load every part of a room: {dotted name below the room: part}, in the order of the names.

    Files whose name begins with an underscore are the room's own helpers. A file without the constant, or with
    another type in it, raises RoomError: a part that is silently skipped is a control that silently does not run.
    """
    parts: dict[str, T] = {}
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, prefix=package + "."):
        if info.ispkg or any(piece.startswith("_") for piece in info.name.split(".")):
            continue
        found = getattr(importlib.import_module(info.name), constant, None)
        if not isinstance(found, kind):
            raise RoomError(
                info.name, type(found).__name__, f"{constant}: {kind.__name__}", f"end the file with {constant} = …"
            )
        parts[info.name.removeprefix(package + ".")] = found
    return dict(sorted(parts.items()))


def part(package: str, name: str, constant: str, kind: type[T]) -> T | None:
    """One part of a room, and no other is loaded; None where there is no file of that name. Raises RoomError as `room`."""
    root = importlib.import_module(package)
    known = {i.name for i in pkgutil.iter_modules(root.__path__) if not i.ispkg and not i.name.startswith("_")}
    if name not in known:
        return None
    found = getattr(importlib.import_module(f"{package}.{name}"), constant, None)
    if not isinstance(found, kind):
        found_type = type(found).__name__
        raise RoomError(name, found_type, f"{constant}: {kind.__name__}", f"end the file with {constant} = …")
    return found


def room_of_tuples(package: str, constant: str, kind: type[T]) -> dict[str, T]:
    """Load a room whose files end in a tuple of parts that carry an `id`; an id used twice raises RoomError."""
    by_id: dict[str, T] = {}
    for name, parts in room(package, constant, tuple).items():
        for part in parts:
            if not isinstance(part, kind):
                raise RoomError(f"{package}.{name}", type(part).__name__, f"{constant}: tuple of {kind.__name__}")
            ident = str(getattr(part, "id", ""))
            if not ident or ident in by_id:
                raise RoomError(f"{package}.{name}", f"id {ident!r} again", "an id of its own")
            by_id[ident] = part
    return by_id
