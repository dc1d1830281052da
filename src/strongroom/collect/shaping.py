"""How a cloud's own answer about a resource is put into the form of a table: what stands where, and what its absence means.

A shape names each attribute that it fills. An attribute that no shape fills, and one whose property is not in the answer, is
unknown: what Terraform would take for the provider's default says nothing of what is running. Where the cloud's reference says
what a property that is not there means, the shape says so with `absent`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

Values = dict[str, object]


class _Untold:
    """No meaning: that a property is not there is not known to mean anything."""


UNTOLD: Final = _Untold()


class Answer(Protocol):
    """What a cloud told of one resource."""

    def at(self, path: str, absent: object = UNTOLD) -> object:
        """What stands at a path; `absent` where nothing does, and unknown where that means nothing."""


def within(here: object, path: str) -> object:
    """What stands at a path within a value; None for nothing."""
    for name in path.split("."):
        if not isinstance(here, Mapping):
            return None
        low = name.lower()
        here = here[name] if name in here else next((v for k, v in here.items() if str(k).lower() == low), None)
    return here


Take = Callable[[Answer], object]


def at(path: str, absent: object = UNTOLD) -> Take:
    """What stands at a path."""
    return lambda seen: seen.at(path, absent)


def same(path: str, word: str, absent: object = UNTOLD) -> Take:
    """Whether a word stands at a path."""

    def take(seen: Answer) -> object:
        found = seen.at(path, absent)
        return found.lower() == word.lower() if isinstance(found, str) else found

    return take


def opposite(path: str, absent: object = UNTOLD) -> Take:
    """The opposite of the switch at a path; `absent` is what the attribute is without the switch."""

    def take(seen: Answer) -> object:
        found = seen.at(path, None)
        if found is None:
            return seen.at(path, absent)
        return found if isinstance(found, Unknown) else not found if isinstance(found, bool) else _odd(path, found)

    return take


def _odd(path: str, found: object) -> Unknown:
    return Unknown(GapCode.MALFORMED, f"{path} is {str(found)[:40]!r}, and no switch")


def block(path: str, **inner: str) -> Take:
    """A block with attributes out of what stands at a path; none where nothing stands there. `inner` are name = path."""

    def take(seen: Answer) -> object:
        found = seen.at(path, None)
        if not isinstance(found, Mapping):
            return found
        return {name: within(found, p) for name, p in inner.items()}

    return take


def blocks(path: str, make: Callable[[Mapping[str, object]], object], absent: object = UNTOLD) -> Take:
    """A block for each element of the list at a path."""

    def take(seen: Answer) -> object:
        found = seen.at(path, absent)
        return (
            [make(one) for one in found if isinstance(one, Mapping)]
            if isinstance(found, Sequence) and not isinstance(found, str)
            else found
        )

    return take


def ids(found: object) -> object:
    """The ids of a list of references; what is unknown stays unknown."""
    if isinstance(found, Unknown):
        return found
    return [within(one, "id") for one in found if within(one, "id") is not None] if isinstance(found, list) else []


def const(value: object) -> Take:
    """A value that does not hang on the answer; None for what such a resource never has."""
    return lambda _: value


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a resource that is one of its own to the tables, with the id that it has or would have."""

    native: str
    id: str
    name: str
    values: Values
