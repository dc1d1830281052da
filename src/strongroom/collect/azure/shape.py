"""What Resource Manager shows of one resource, and the shape of a type: which table it goes to, and what fills it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.collect.shaping import UNTOLD, Part, at, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown


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
        if isinstance(here, Unknown):
            return here
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


Take = Callable[[Seen], object]


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
