"""What Cloud Asset Inventory shows of one resource, and the shape of an asset type: its table, and what fills it.

The APIs leave out what stands at its default (protobuf's JSON form leaves out false, 0 and empty lists), so for most
properties absence has a meaning, which each shape names.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.collect.shaping import UNTOLD, Part, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_VERSIONED = re.compile(r"https?://[^/]+/(?:compute/)?(?:[a-z]+/)?v\d\w*/")


def plain(name: str) -> str:
    """A name of a resource in any of the forms that the APIs use, from `projects/` on (or `folders/`, `organizations/`)."""
    text = _VERSIONED.sub("", name).removeprefix("//")
    found = re.search(r"(?:^|/)((?:projects|folders|organizations|billingAccounts|accessPolicies)/.*)", text)
    return found[1] if found else text.partition(".googleapis.com/")[2] or text


class Seen:
    """One asset. `data` is what the API of its own service answers for it; None where the export has no resource of it."""

    __slots__ = ("ancestors", "data", "location", "name", "path", "type")

    def __init__(self, record: Mapping[str, object]) -> None:
        self.name = _text(record, "name").removeprefix("//")
        self.type = _text(record, "assetType") or _text(record, "asset_type")
        self.path = plain(self.name)
        found = record.get("ancestors")
        self.ancestors = tuple(a for a in found if isinstance(a, str)) if isinstance(found, list) else ()
        data = within(record, "resource.data")
        self.data: Mapping[str, object] | None = data if isinstance(data, Mapping) else None
        place = within(record, "resource.location")
        self.location = place if isinstance(place, str) else ""

    @property
    def last(self) -> str:
        """The last piece of its name."""
        return self.path.rpartition("/")[2]

    @property
    def project(self) -> str:
        """The project that it is in, by id or number; empty where it is in none."""
        found = re.match(r"projects/([^/]+)", self.path)
        return (
            found[1] if found else next((a.partition("/")[2] for a in self.ancestors if a.startswith("projects/")), "")
        )

    @property
    def parent(self) -> str:
        """The name of what it is a part of: without its last type and name."""
        return self.path.rpartition("/")[0].rpartition("/")[0]

    def at(self, path: str, absent: object = UNTOLD) -> object:
        """What stands at a path of its data; unknown where the export has none of it."""
        if self.data is None:
            return Unknown(GapCode.NOT_FETCHED, "the export has no resource content of it")
        found = within(self.data, path)
        if found is not None:
            return found
        if absent is UNTOLD:
            return Unknown(GapCode.ABSENT, f"{path} is not told of it")
        return absent


def _text(record: Mapping[str, object], name: str) -> str:
    found = record.get(name)
    return found if isinstance(found, str) else ""


Take = Callable[[Seen], object]


def last(path: str, absent: object = UNTOLD) -> Take:
    """The last piece of a name at a path (`…/machineTypes/a3-highgpu-8g`)."""

    def take(seen: Seen) -> object:
        found = seen.at(path, absent)
        return found.rpartition("/")[2] if isinstance(found, str) else found

    return take


def link(path: str) -> Take:
    """The resource that a name at a path stands for."""
    return lambda seen: linked(seen.at(path, None))


def linked(found: object) -> object:
    """A link to the resource of a name."""
    return Link(plain(found)) if isinstance(found, str) and found else found


def owner(seen: Seen) -> object:
    """What it is a part of."""
    return Link(seen.parent)


def words(found: object, **names: str) -> dict[str, object] | None:
    """A block out of an object: new name = path; None where there is no object."""
    return {name: within(found, path) for name, path in names.items()} if isinstance(found, Mapping) else None


def switches(found: object, **names: str) -> dict[str, object] | None:
    """A block of switches: one that is left out is off."""
    if not isinstance(found, Mapping):
        return None
    return {name: v if (v := within(found, path)) is not None else False for name, path in names.items()}


def inside(path: str, make: Callable[[object], object], absent: object = None) -> Take:
    """What is made of the object at a path; what is unknown stays unknown."""

    def take(seen: Seen) -> object:
        found = seen.at(path, absent)
        return found if found is None or isinstance(found, Unknown) else make(found)

    return take


def each(path: str, make: Callable[[object], object]) -> Take:
    """A block for each element of a list; an empty list is left out by the APIs."""

    def take(seen: Seen) -> object:
        found = seen.at(path, [])
        return [make(one) for one in found] if isinstance(found, list) else found

    return take


@dataclass(frozen=True, slots=True)
class Shape:
    """One asset type. `native` decides where one type is many to the tables; `natives` are all that it may answer, and the parts.

    `granted` is the attribute by which the tables' grants name such a resource, under the table's name or `stem`.
    """

    type: str
    native: str | Callable[[Seen], str]
    attributes: Mapping[str, Take] = field(default_factory=dict)
    parts: Callable[[Seen], Iterable[Part]] | None = None
    natives: tuple[str, ...] = ()
    granted: str = ""


COMMON: Mapping[str, Take] = {
    "id": lambda seen: seen.path,
    "name": lambda seen: seen.last,
    "labels": lambda seen: seen.at("labels", None),
    "project": lambda seen: seen.project or None,
}


def taken(shape: Shape, seen: Seen) -> Open:
    """The attributes of one resource."""
    known = {name: take(seen) for name, take in {**COMMON, **shape.attributes}.items()}
    return Open(known, Unknown(GapCode.NOT_FETCHED, "Cloud Asset Inventory does not tell it"))
