"""The block that an attribute names, by a link or by the name that the two share."""

import re
from collections import defaultdict

from strongroom.collect.native import Reader
from strongroom.collect.resource import Link, Resource

_ONE_LINK = re.compile(r"\$\{([^}]+?)(?:\.\w+)?\}")


def named(reader: Reader, path: str, native: str, attribute: str) -> Reader | None:
    """A reader of the resource of a type that the value at a path names; None when it is not among what was read.

    When several carry the name, only the one that the expression refers to is meant.
    """
    raw = reader.at(path)
    inner = _ONE_LINK.fullmatch(raw) if isinstance(raw, str) else None
    target = reader.follow(Link(inner[1]) if inner else raw)
    if target is None and isinstance(raw, str):
        key = ("by attribute", native, attribute)
        alike = reader.pool.once(key, lambda: _by_attribute(reader, native, attribute)).get(
            (reader.resource.label, raw), []
        )
        meant = [r for r in alike if r.address in reader.resource.depends] if len(alike) > 1 else alike
        target = meant[0] if len(meant) == 1 else None
    return reader.reading(target) if target is not None and target.native == native else None


def _by_attribute(reader: Reader, native: str, attribute: str) -> dict[tuple[str, object], list[Resource]]:
    """Every resource of a type by its label and the text of one attribute."""
    found: dict[tuple[str, object], list[Resource]] = defaultdict(list)
    for r in reader.pool.of_type(native):
        value = r.values.get(attribute)
        if isinstance(value, str):
            found[r.label, value].append(r)
    return found
