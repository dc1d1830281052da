"""Grants on scopes that hold other scopes, as Google Cloud and Azure have them: what is granted above holds below.

Who may write the grants of a scope gives himself everything in it. Both clouds are told to the search in these words.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.assess.identity.search import Search, Trail
from strongroom.model.who_can import Held, May, Step

Covers = Callable[[str], int]
"""How surely a role holds a permission."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """A role for somebody on a scope. `depends_on` is its condition, or why its role is not known."""

    who: str
    scope: str
    covers: Covers
    by: str
    sure: int = YES
    depends_on: str = ""


class Need(NamedTuple):
    """A permission on a scope: any scope above it will do."""

    permission: str
    scope: str
    shown: str = ""


Option = tuple[Need, ...]


def everything(_permission: str) -> int:
    """What the right to write the grants of a scope comes to."""
    return YES


class Power(NamedTuple):
    """What somebody can give himself on a scope, and the permissions any of which let him."""

    scope: str
    options: tuple[Option, ...]
    covers: Covers = everything


@dataclass(frozen=True, slots=True)
class Link:
    """Permissions that a principal uses together, and whom they make him."""

    who: str
    needs: Option
    gives: str = ""


@dataclass(slots=True)
class Scopes:
    """The grants of an estate. `above` has for every scope those that hold it, itself too, with how surely they do."""

    above: dict[str, dict[str, int]] = field(default_factory=dict)
    held: dict[str, list[Grant]] = field(default_factory=lambda: defaultdict(list))
    groups: Callable[[str], Iterable[str]] = lambda _who: ()

    def add(self, grant: Grant) -> None:
        """Add a grant."""
        self.held[grant.who].append(grant)

    def may(self, who: str, need: Need) -> tuple[int, str, str]:
        """Whether somebody has a permission on a scope, by what, and what it depends on."""
        best, by, depends = NO, "", ""
        chain = self.above.get(need.scope) or {need.scope: YES}
        for name in (who, *self.groups(who)):
            for g in self.held.get(name, ()):
                if g.scope in chain:
                    level = min(g.sure, chain[g.scope], g.covers(need.permission))
                    if level > best:
                        best, by, depends = level, g.by, g.depends_on if level < YES else ""
                        if level == PERHAPS and not depends:
                            depends = f"whether {g.by} reaches {need.permission} on {need.shown or need.scope}"
                        if best == YES:
                            return best, by, depends
        return best, by, depends


class World:
    """The search's questions, answered by grants on scopes."""

    def __init__(
        self,
        scopes: Scopes,
        asked: Sequence[str],
        options: Sequence[Option],
        ways: Callable[[str], Iterable[Option]],
        powers: Mapping[str, Power],
    ) -> None:
        self.scopes = scopes
        self.asked = list(asked)
        self.options = options
        self._ways = ways
        self.powers = powers
        for name, power in powers.items():
            scopes.held[name] = [Grant(name, power.scope, power.covers, name)]

    def everybody(self) -> Sequence[str]:
        """Principals, and the scopes that somebody can give himself."""
        return [*self.asked, *self.powers]

    def level(self, who: str, option: Option) -> int:
        """How surely somebody has all the permissions of an option."""
        return min((self.scopes.may(who, n)[0] for n in option), default=NO)

    def deed(self, who: str, wanted: int) -> Trail[Link] | None:
        """The deed by one's own grants."""
        found = next((o for o in self.options if self.level(who, o) >= wanted), None)
        return None if found is None else (Link(who, found),)

    def before(self, whom: str, _wanted: int) -> Iterable[str]:
        """Whoever holds anything."""
        return (n for n in self.everybody() if n != whom)

    def become(self, who: str, whom: str, wanted: int) -> Link | None:
        """The way from one to another, or to a scope."""
        ways = self.powers[whom].options if whom in self.powers else self._ways(whom)
        found = next((o for o in ways if self.level(who, o) >= wanted), None)
        return None if found is None else Link(who, found, whom)

    def together(
        self, _left: Sequence[str], _known: Mapping[str, Trail[Link]], _wanted: int
    ) -> Iterator[tuple[str, Trail[Link]]]:
        """What several do at once is a way through the scope that one of them can write."""
        yield from ()

    def answer(self) -> tuple[Held, ...]:
        """The verdict of every principal."""
        sure = Search[Link](self, YES, {}).run()
        perhaps = Search[Link](self, PERHAPS, sure).run()
        out = []
        for name in self.asked:
            steps = tuple(self._step(link) for link in sure.get(name) or perhaps.get(name, ()))
            if name in sure:
                out.append(Held(name, May.ALLOW, steps))
            elif name in perhaps:
                depends = tuple(dict.fromkeys(d for s in steps for d in s.depends_on))
                out.append(Held(name, May.CONDITIONAL, steps, depends))
            else:
                wanted = " or ".join(dict.fromkeys(o[0].permission.removeprefix("@") for o in self.options[:3]))
                out.append(Held(name, May.DENY, denied_by=(f"no grant of these files gives it {wanted}",)))
        return tuple(out)

    def _step(self, link: Link) -> Step:
        by, depends = list[str](), list[str]()
        for need in link.needs:
            _, grant, doubt = self.scopes.may(link.who, need)
            by.append(grant)
            depends += [doubt] if doubt else []
        on = dict.fromkeys(n.shown or n.scope for n in link.needs)
        action = " + ".join(dict.fromkeys(n.permission.removeprefix("@") for n in link.needs))
        return Step(
            link.who, action, ", ".join(on), tuple(dict.fromkeys(by)), link.gives, tuple(dict.fromkeys(depends))
        )
