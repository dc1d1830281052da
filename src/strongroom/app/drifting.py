"""How the facts of one asset differ between two sides.

What one side does not know is no difference, nor is what a declaration leaves open and another source saw, nor a value
that is written with references on the one side and resolved on the other. What a declaration leaves to the provider's
documented default and the other side shows as something else is one: the fact says which side is a default.
"""

from collections.abc import Mapping

from strongroom.app.merging import DECLARED, alike, scheme, vague
from strongroom.assess.prose import WITHHELD, show, show_value
from strongroom.kit.evidence_digests import known, orderless
from strongroom.model.estate import Asset, Fact
from strongroom.model.snapshot import FactChange
from strongroom.model.values import Key, Value

_OF_SOURCES = "sources."  # what reconciling adds: it speaks of the sources, not of the thing
_MOST = 50


def changed(before: Asset, after: Asset) -> tuple[FactChange, ...]:
    """The facts that both carry and that differ, by name."""
    schemes = scheme(before.origin), scheme(after.origin)
    found = (
        _change(before.facts[name], after.facts[name])
        for name in sorted(before.facts.keys() & after.facts.keys())
        if not name.startswith(_OF_SOURCES) and _differ(before.facts[name], after.facts[name], *schemes)
    )
    return tuple(found)


def _differ(a: Fact, b: Fact, of_a: str, of_b: str) -> bool:
    if a.value == b.value and type(a.value) is type(b.value):
        return False
    if not known(a.value) or not known(b.value):
        return False
    if of_a != of_b:
        if (a.value is None and of_a in DECLARED) or (b.value is None and of_b in DECLARED):
            return False
        if any(vague(v) and not isinstance(v, Key) for v in (a.value, b.value)):  # `alike` knows about keys
            return False
    return not alike(a.value, b.value)


def _change(a: Fact, b: Fact) -> FactChange:
    defaulted = tuple(side for side, fact in (("before", a), ("after", b)) if fact.default_of)
    if a.sensitive or b.sensitive:
        return FactChange(a.name, WITHHELD, WITHHELD, defaulted=defaulted)
    removed, added = _parts(a.value, b.value)
    return FactChange(a.name, show(a), show(b), removed, added, defaulted)


def _parts(a: Value, b: Value) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What only the one list holds, and what only the other does."""
    if not (isinstance(a, tuple) and isinstance(b, tuple)):
        return (), ()
    ours = {orderless(v): show_value(v) for v in a}
    theirs = {orderless(v): show_value(v) for v in b}
    removed = [shown for key, shown in ours.items() if key not in theirs]
    added = [shown for key, shown in theirs.items() if key not in ours]
    return tuple(removed[:_MOST]), tuple(added[:_MOST])


def digests_changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[FactChange, ...]:
    """The facts of which both sides have a digest, and not the same one. What the values were is not kept."""
    return tuple(FactChange(name) for name in sorted(before.keys() & after.keys()) if before[name] != after[name])
