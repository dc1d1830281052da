"""One name for every way in which patterns can cover names together: what one lets through and others take away.

An example for each pattern is not enough: `a?` may be allowed and `ax` denied, and `ay` is what is left. The patterns are
run side by side, one character at a time, and each set of patterns that some name meets gives one name.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from strongroom.assess.identity.globs import arn_parts, glob

OTHER = "\ue000"
"""A character that no pattern names: all such characters are alike."""
MOST_STEPS, MOST_CELLS = 400_000, 256  # steps of single patterns; cells of all together
_PIECES = re.compile(r"\$\{([*?$])\}|(\$\{[^}]*\}?|\*+)|(\?)|(.)", re.DOTALL)


class Cells(NamedTuple):
    """Names, the shortest of each cell; `whole` says whether there are no more cells."""

    names: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Its places as bits: one character moves each place on, and a place at a star stays where it is, too."""

    steps: dict[str, int]  # by character, the places from which it moves on
    any_one: int
    stars: int
    last: int

    def start(self) -> int:
        return self._spread(1)

    def after(self, places: int, character: str) -> int:
        moved = places & (self.steps.get(character, 0) | self.any_one)
        return self._spread(moved << 1 | places & self.stars)

    def _spread(self, places: int) -> int:
        return places | (places & self.stars) << 1  # no star is followed by another


def _compiled(text: str) -> _Pattern:
    steps: dict[str, int] = {}
    any_one = stars = place = 0
    for found in _PIECES.finditer(text):
        escaped, run, one, plain = found.groups()
        if run is not None:
            if place and stars >> (place - 1) & 1:
                continue
            stars |= 1 << place
        elif one is not None:
            any_one |= 1 << place
        else:
            character = escaped or plain
            steps[character] = steps.get(character, 0) | 1 << place
        place += 1
    return _Pattern(steps, any_one, stars, 1 << place)


def cells(patterns: Iterable[str], within: str) -> Cells:
    """A name for each set of these patterns that some name within `…*` meets, and for that of none of them.

    A variable of a pattern that is not known stands for any text.
    """
    start = within[:-1]
    inside = arn_parts(start)
    cut: set[tuple[str, str]] = set()
    for text in patterns:
        parts = arn_parts(text)
        if parts is None or inside is None:
            cut.add((text, start))
        elif all(glob(p).meets(w, _nothing) for p, w in zip(parts[:5], inside[:5], strict=True)):
            cut.add((parts[5], inside[5]))
    found = _explored(tuple(sorted(cut)))
    return Cells(tuple(start + name for name in found.names), found.whole)


def _nothing(_key: str) -> tuple[str, ...] | None:
    return None


@lru_cache(maxsize=10_000)
def _explored(cut: tuple[tuple[str, str], ...]) -> Cells:
    """The cells of patterns, each of which has seen a beginning already. Those that nothing can meet any more are left out."""
    machines: list[_Pattern] = []
    begun: list[int] = []
    for text, start in cut:
        machine = _compiled(text)
        places = machine.start()
        for character in start:
            places = machine.after(places, character)
        if places:
            machines.append(machine)
            begun.append(places)
    ahead = {c for m, p in zip(machines, begun, strict=True) for c, at in m.steps.items() if at >= p & -p}
    letters = (OTHER, *sorted(ahead))
    names: dict[tuple[bool, ...], str] = {}
    whole = True
    for number, (name, here) in enumerate(_states(machines, tuple(begun), letters)):
        if number * len(machines) * len(letters) >= MOST_STEPS or len(names) >= MOST_CELLS:
            whole = False
            break
        if name:  # the name of nothing is no name
            names.setdefault(tuple(bool(p & m.last) for p, m in zip(here, machines, strict=True)), name)
    return Cells(tuple(names.values()), whole)


def _states(
    machines: Sequence[_Pattern], begun: tuple[int, ...], letters: Sequence[str]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every state that some name leads to, the shortest names first."""
    yield "", begun
    seen: set[tuple[int, ...]] = set()
    waiting = deque([("", begun)])
    while waiting:
        name, places = waiting.popleft()
        for letter in letters:
            after = tuple(m.after(p, letter) for m, p in zip(machines, places, strict=True))
            if after not in seen:
                seen.add(after)
                yield name + letter, after
                waiting.append((name + letter, after))
