"""Who reaches a deed, by himself or as others, and by the shortest way: one search for every cloud.

It goes backwards, from those who can do the deed to those who can become them, nearest first. A ring of roles that take
each other ends, since nobody is settled twice.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Generic, Protocol, TypeVar

L = TypeVar("L")
Trail = tuple[L, ...]
"""Links from a principal to the deed, in the order in which they are gone."""


class World(Protocol[L]):
    """What the search asks of a cloud. `wanted` is how sure an answer must be: yes, or perhaps."""

    def everybody(self) -> Sequence[str]:
        """Everybody who can do something, also those who are only on the way."""

    def deed(self, who: str, wanted: int) -> Trail[L] | None:
        """How somebody does it as himself, with what he can give himself; None when he does not."""

    def before(self, whom: str, wanted: int) -> Iterable[str]:
        """Those of whom it is worth asking whether they can become somebody."""

    def become(self, who: str, whom: str, wanted: int) -> L | None:
        """How somebody becomes another; None when he does not."""

    def together(
        self, left: Sequence[str], known: Mapping[str, Trail[L]], wanted: int
    ) -> Iterator[tuple[str, Trail[L]]]:
        """Those of the others who do it as several at once: one changes a policy, and another uses it."""


class Search(Generic[L]):
    """The trails of everybody who reaches the deed with the sureness that is wanted."""

    def __init__(self, world: World[L], wanted: int, known: Mapping[str, Trail[L]]) -> None:
        self.world = world
        self.wanted = wanted
        self.found: dict[str, Trail[L]] = {}
        self._waiting: list[tuple[int, int, str, Trail[L]]] = []
        self._nearest: dict[str, int] = {}
        self._order = count()
        for name, trail in known.items():
            self._offer(name, trail)

    def run(self) -> dict[str, Trail[L]]:
        """Everybody's shortest trail."""
        for name in self.world.everybody():
            if name not in self._nearest:
                trail = self.world.deed(name, self.wanted)
                if trail is not None:
                    self._offer(name, trail)
        self._settle()
        left = [n for n in self.world.everybody() if n not in self.found]
        for name, trail in self.world.together(left, self.found, self.wanted):
            if name not in self.found:
                self._offer(name, trail)
                self._settle()
        return self.found

    def _offer(self, name: str, trail: Trail[L]) -> None:
        if len(trail) < self._nearest.get(name, len(trail) + 1):
            self._nearest[name] = len(trail)
            heapq.heappush(self._waiting, (len(trail), next(self._order), name, trail))

    def _settle(self) -> None:
        while self._waiting:
            length, _, name, trail = heapq.heappop(self._waiting)
            if name in self.found:
                continue
            self.found[name] = trail
            for other in self.world.before(name, self.wanted):
                if other in self.found or self._nearest.get(other, length + 2) <= length + 1:
                    continue
                link = self.world.become(other, name, self.wanted)
                if link is not None:
                    self._offer(other, (link, *trail))
