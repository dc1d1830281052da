"""How a type of Azure Resource Manager is put into the form of a table.

A shape names each attribute that it fills. An attribute that no shape fills, and one whose property is not in the answer, is
unknown: what Terraform would take for the provider's default says nothing of what is running. Where Microsoft documents
what a property that is not there means, the shape says so with `absent`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

Values = dict[str, object]


class _Untold:
    """No meaning: that a property is not there is not known to mean anything."""


UNTOLD: Final = _Untold()


class Seen:
    """One resource as Resource Manager shows it. Names of properties are found without regard to case, as services vary."""

    __slots__ = ("id", "name", "row", "type")

    def __init__(self, row: Mapping[str, object]) -> None:
        self.row = row
        self.id = _text(row, "id").rstrip("/").lower()
        self.type = _text(row, "type").lower()
        self.name = _text(row, "name") or self.id.rpartition("/")[2]

    @property
    def group(self) -> str:
        """The id of its resource group; empty where it is in none."""
        pieces = self.id.split("/")
        return "/".join(pieces[:5]) if pieces[3:4] == ["resourcegroups"] and len(pieces) > 5 else ""

    @property
    def subscription(self) -> str:
        """The id of its subscription, as a bare number."""
        pieces = self.id.split("/")
        return pieces[2] if pieces[1:2] == ["subscriptions"] and len(pieces) > 2 else ""

    @property
    def parent(self) -> str:
        """The id of what it is a part of: the id without its last type and name."""
        return self.id.rpartition("/")[0].rpartition("/")[0]

    def at(self, path: str, absent: object = UNTOLD) -> object:
        """What stands at a path. A column that was left out is unknown; a property that is not there is `absent`."""
        head, _, rest = path.partition(".")
        if head not in self.row:
            return Unknown(GapCode.NOT_FETCHED, f"the column {head} is not in what was exported")
        here = self.row[head]
        if head == "properties" and not isinstance(here, Mapping):
            return Unknown(GapCode.NOT_FETCHED, "its properties are not in what was exported")
        found = within(here, rest) if rest else here
        if found is not None:
            return found
        if absent is UNTOLD:
            return Unknown(GapCode.ABSENT, f"{path} is not told of it")
        return absent


def _text(row: Mapping[str, object], name: str) -> str:
    found = row.get(name)
    return found if isinstance(found, str) else ""


def within(here: object, path: str) -> object:
    """What stands at a path within a value; None for nothing."""
    for name in path.split("."):
        if not isinstance(here, Mapping):
            return None
        low = name.lower()
        here = here[name] if name in here else next((v for k, v in here.items() if str(k).lower() == low), None)
    return here


Take = Callable[[Seen], object]


def at(path: str, absent: object = UNTOLD) -> Take:
    """What stands at a path."""
    return lambda seen: seen.at(path, absent)


def same(path: str, word: str, absent: object = UNTOLD) -> Take:
    """Whether a word stands at a path."""

    def take(seen: Seen) -> object:
        found = seen.at(path, absent)
        return found.lower() == word.lower() if isinstance(found, str) else found

    return take


def opposite(path: str, absent: object = UNTOLD) -> Take:
    """The opposite of the switch at a path; `absent` is what the attribute is without the switch."""

    def take(seen: Seen) -> object:
        found = seen.at(path, None)
        if found is None:
            return seen.at(path, absent)
        return found if isinstance(found, Unknown) else not found if isinstance(found, bool) else _odd(path, found)

    return take


def _odd(path: str, found: object) -> Unknown:
    return Unknown(GapCode.MALFORMED, f"{path} is {str(found)[:40]!r}, and no switch")


def block(path: str, **inner: str) -> Take:
    """A block with attributes out of what stands at a path; none where nothing stands there. `inner` are name = path."""

    def take(seen: Seen) -> object:
        found = seen.at(path, None)
        if not isinstance(found, Mapping):
            return found
        return {name: within(found, p) for name, p in inner.items()}

    return take


def blocks(path: str, make: Callable[[Mapping[str, object]], object], absent: object = UNTOLD) -> Take:
    """A block for each element of the list at a path."""

    def take(seen: Seen) -> object:
        found = seen.at(path, absent)
        return (
            [make(one) for one in found if isinstance(one, Mapping)]
            if isinstance(found, Sequence) and not isinstance(found, str)
            else found
        )

    return take


def const(value: object) -> Take:
    """A value that does not hang on the answer; None for what such a resource never has."""
    return lambda _: value


def link(path: str) -> Take:
    """The resource that an id at a path names."""

    def take(seen: Seen) -> object:
        found = seen.at(path, None)
        return Link(found.lower()) if isinstance(found, str) and found else found

    return take


def owner(seen: Seen) -> object:
    """What it is a part of."""
    return Link(seen.parent)


def managed_identity(seen: Seen) -> object:
    """The identity that is attached; nothing where there is none."""
    found = seen.at("identity", None)
    if not isinstance(found, Mapping):
        return found
    kind = found.get("type")
    return None if not isinstance(kind, str) or kind.lower() == "none" else {"type": kind}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a resource that is one of its own to the tables, with the id that it has or would have."""

    native: str
    id: str
    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Shape:
    """One type, in lower case as Resource Graph writes it. `native` decides where one type is many to the tables."""

    type: str
    native: str | Callable[[Seen], str]
    attributes: Mapping[str, Take] = field(default_factory=dict)
    parts: Callable[[Seen], Iterable[Part]] | None = None
    natives: tuple[str, ...] = ()  # all that `native` may answer, and the parts


COMMON: Mapping[str, Take] = {
    "id": lambda seen: seen.id,
    "name": lambda seen: seen.name,
    "tags": at("tags", None),
    "resource_group_name": lambda seen: seen.group or None,
    "identity": managed_identity,
}


def taken(shape: Shape, seen: Seen) -> Open:
    """The attributes of one resource."""
    known = {name: take(seen) for name, take in {**COMMON, **shape.attributes}.items()}
    return Open(known, Unknown(GapCode.NOT_FETCHED, "Azure Resource Graph does not tell it"))
