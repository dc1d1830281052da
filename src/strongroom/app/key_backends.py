"""The key back ends that this build has, by name. Whoever opens one needs its settings and a gate."""

from functools import cache

from strongroom.kit.rooms import part, room
from strongroom.model.errors import NotFound
from strongroom.model.release import KeyBackend


@cache
def backends() -> dict[str, KeyBackend]:
    """Every back end, by its name."""
    return {part.name: part for part in room("strongroom.keys", "KEYS", KeyBackend).values()}


@cache
def backend(name: str) -> KeyBackend:
    """The back end of a name; the code of no other is loaded. Raises NotFound with the names that there are."""
    one = part("strongroom.keys", name.replace("-", "_"), "KEYS", KeyBackend)
    found = one if one is not None and one.name == name else backends().get(name)
    if found is None:
        raise NotFound(f"key back end {name[:80]!r}", "none of that name", ", ".join(backends()))
    return found
