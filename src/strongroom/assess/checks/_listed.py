"""Facts that list what must not be: one that is named decides, though others could not be looked at."""

from strongroom.model.ports import Answer, View, broken, holds, unknown
from strongroom.model.values import Unknown


def none_of(v: View, name: str) -> Answer:
    """Nothing is listed. One that is decides it, though others could not be looked at."""
    held = v.raw(name)
    items = held if isinstance(held, tuple) else v.texts(name)
    named = [x for x in items if isinstance(x, str)]
    doubts = [x for x in items if isinstance(x, Unknown)]
    if named:
        return broken(which="; ".join(named))
    return unknown(*doubts) if doubts else holds()
