"""Label selectors, and which of all pods each selects, as a mask: bit n stands for pod n.

A mask answers for two thousand pods in one operation on whole numbers, so a policy is never tried on every pod.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.assess.network.k8s_objects import LabelSelector, Requirement, Strings, pairs
from strongroom.model.errors import Malformed

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")
OPERATORS = (*_WITH_VALUES, *_WITHOUT_VALUES)


@dataclass(frozen=True, slots=True)
class Selector:
    """Labels that must be there, and expressions (key, operator, values) that must hold. Empty selects everything."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


EVERYTHING = Selector()


def selector(given: LabelSelector | None, subject: str) -> Selector:
    """A selector as the API has it. Raises Malformed for what the API server refuses (k8s.io/apimachinery, validation)."""
    if given is None:
        return EVERYTHING
    return of(given.match_labels, given.match_expressions, subject)


def of(labels: Strings, expressions: Sequence[Requirement] | None, subject: str) -> Selector:
    """A selector of its parts. Raises Malformed."""
    for e in expressions or ():
        if e.operator not in OPERATORS:
            raise Malformed(subject, f"the operator {e.operator[:40]!r}", f"one of {', '.join(OPERATORS)}")
        if bool(e.values) is not (e.operator in _WITH_VALUES):
            found = f"{e.operator} {'without' if not e.values else 'with'} values"
            raise Malformed(subject, found, "values for In and NotIn, and for nothing else")
    return Selector(
        tuple(sorted(pairs(labels).items())),
        tuple((e.key, e.operator, tuple(e.values or ())) for e in expressions or ()),
    )


@dataclass(slots=True)
class Index:
    """Which things have which label, as masks."""

    everyone: int = 0
    by_label: dict[tuple[str, str], int] = field(default_factory=dict)
    by_key: dict[str, int] = field(default_factory=dict)
    known: dict[Selector, int] = field(default_factory=dict)

    def add(self, bit: int, labels: Mapping[str, str]) -> None:
        """Take in a thing. All things are taken in before the first is looked for."""
        self.everyone |= bit
        for key, value in labels.items():
            self.by_label[key, value] = self.by_label.get((key, value), 0) | bit
            self.by_key[key] = self.by_key.get(key, 0) | bit

    def mask(self, chosen: Selector) -> int:
        """The things that a selector selects."""
        found = self.known.get(chosen)
        if found is None:
            found = self.everyone
            for pair in chosen.labels:
                found &= self.by_label.get(pair, 0)
            for expression in chosen.expressions:
                found &= self._holding(expression)
            self.known[chosen] = found
        return found

    def _holding(self, expression: tuple[str, str, tuple[str, ...]]) -> int:
        key, operator, values = expression
        with_key = self.by_key.get(key, 0)
        if operator == "Exists":
            return with_key
        if operator == "DoesNotExist":
            return self.everyone & ~with_key
        with_value = 0
        for value in values:
            with_value |= self.by_label.get((key, value), 0)
        # What has no such label is selected by NotIn too (Kubernetes, "Labels and Selectors").
        return with_value if operator == "In" else self.everyone & ~with_value


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits of a mask, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def mask_of(numbers: Iterable[int]) -> int:
    """The mask of some numbers."""
    out = 0
    for n in numbers:
        out |= 1 << n
    return out


def split(masks: Iterable[int], universe: int) -> list[int]:
    """The universe cut into parts within which every mask has all or nothing."""
    parts = [universe] if universe else []
    for mask in masks:
        cut = []
        for part in parts:
            inside = part & mask
            if inside and inside != part:
                cut += [inside, part ^ inside]
            else:
                cut.append(part)
        parts = cut
    return parts
