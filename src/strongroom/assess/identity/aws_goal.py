"""What a deed comes down to on AWS: requests that one principal must get through, and policies that stand in his way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from strongroom.assess.identity.aws_evaluate import (
    EMPTY,
    NOTHING,
    Hands,
    Judge,
    Principal,
    Request,
    Thing,
    limits_of,
    verdict,
)
from strongroom.assess.identity.aws_policy import Document
from strongroom.assess.identity.cells import cells
from strongroom.assess.identity.conditions import Known
from strongroom.assess.identity.globs import FRESH, spell, witness
from strongroom.assess.identity.levels import NO, PERHAPS, YES

MOST = 64  # examples of a resource that are tried: the most general first


class Need(NamedTuple):
    """One request: an action on a resource, or on any of those that a pattern covers (`…*`)."""

    action: str
    thing: Thing
    within: tuple[str, ...]
    context: Known = NOTHING


class Option(NamedTuple):
    """Requests that together are the deed. `holders` are ARNs that need none; `sure` is how surely they are enough."""

    needs: tuple[Need, ...] = ()
    sure: int = YES
    note: str = ""
    holders: frozenset[str] = frozenset()


class Control(NamedTuple):
    """A request that puts a policy into the hands of whoever gets it through."""

    need: Need
    policy: str
    held: int
    what: str


@dataclass(frozen=True, slots=True)
class Goal:
    """The ways to do the deed oneself, and what changes whether one may."""

    options: tuple[Option, ...]
    controls: tuple[Control, ...] = ()


class Done(NamedTuple):
    """How surely a principal does it, with the requests of the best option."""

    level: int
    requests: tuple[Request, ...] = ()
    note: str = ""


NEVER = Done(NO)


def attempt(judge: Judge, who: Principal, options: Iterable[Option], hands: Hands = EMPTY, wanted: int = YES) -> Done:
    """The first option that is as sure as wanted, else the surest."""
    best = NEVER
    for option in options:
        found = _option(judge, who, option, hands)
        if found.level > best.level:
            best = found
        if best.level >= wanted:
            break
    return best


def _option(judge: Judge, who: Principal, option: Option, hands: Hands) -> Done:
    if who.caller.arn in option.holders:
        return Done(option.sure, (), option.note)
    if not option.needs:
        return NEVER
    level, requests = option.sure, list[Request]()
    for needs in _alike(option.needs):
        sure, found = fulfil(judge, who, needs, hands)
        level = min(level, sure)
        if not level:
            return NEVER
        requests += found
    return Done(level, tuple(requests), option.note)


def _alike(needs: tuple[Need, ...]) -> Iterable[tuple[Need, ...]]:
    """Needs in groups: what is made, and what is done with it then, is one thing under one name."""
    groups: dict[object, tuple[Need, ...]] = {}
    for n, need in enumerate(needs):
        key = need.within if need.within[0].endswith("*") else n
        groups[key] = (*groups.get(key, ()), need)
    return groups.values()


def fulfil(
    judge: Judge, who: Principal, needs: tuple[Need, ...], hands: Hands = EMPTY
) -> tuple[int, tuple[Request, ...]]:
    """How surely requests get through that are about one resource, and the example of it for which they do.

    Where its name is open, every combination of what the policies single out is tried. Where those are too many to try
    all, what some policy allows and others take away in each that was tried is perhaps so.
    """
    first = needs[0]
    found = _Tried(judge, who, needs, hands)
    for need in needs:
        if found.level < YES:
            found.all(examples(judge, who, need, hands))
    for within in first.within if found.level < YES else ():
        if not within.endswith("*"):
            continue
        inside = [n._replace(within=(within,)) for n in needs]
        apart = cells((p for n in inside for p in _spelt(judge, who, n, hands)), within)
        found.all(apart.names)
        if not apart.whole and found.level == NO and found.allowed and not _shut(found, inside, within):
            found.level = PERHAPS
    return found.level, found.best


def _shut(found: "_Tried", needs: list[Need], within: str) -> bool:
    """Whether the denials alone leave nothing of a name that is open, whatever is allowed."""
    patterns = (p for n in needs for p in _spelt(found.judge, found.who, n, found.hands, denials=True))
    apart = cells(patterns, within)
    return apart.whole and all(map(found.denied, apart.names))


class _Tried:
    """Resources that were tried, and the best that came of them."""

    __slots__ = ("allowed", "best", "hands", "judge", "level", "needs", "seen", "who")

    def __init__(self, judge: Judge, who: Principal, needs: tuple[Need, ...], hands: Hands) -> None:
        self.judge, self.who, self.needs, self.hands = judge, who, needs, hands
        self.level = NO
        self.allowed = False  # whether some policy allows it, whatever denies or limits it
        self.best = self._about(needs[0].within[0].replace("*", FRESH))
        self.seen = set(needs[0].thing.taken)

    def all(self, resources: Iterable[str]) -> None:
        """Try resources, up to the first for which the requests surely get through."""
        for resource in resources:
            if self.level == YES:
                return
            if resource not in self.seen:
                self.seen.add(resource)
                self._one(self._about(resource))

    def _one(self, requests: tuple[Request, ...]) -> None:
        said = [self.judge.parts(self.who, r, self.hands) for r in requests]
        level = min(verdict(self.who, r.thing, p) for r, p in zip(requests, said, strict=True))
        if level > self.level:
            self.level, self.best = level, requests
        self.allowed = self.allowed or all(p.identity or any(p.said[:3]) for p in said)

    def denied(self, resource: str) -> bool:
        """Whether one of the requests surely meets a denial there."""
        return any(self.judge.parts(self.who, r, self.hands).denied == YES for r in self._about(resource))

    def _about(self, resource: str) -> tuple[Request, ...]:
        return tuple(Request(n.action, resource, n.thing, n.context) for n in self.needs)


def examples(judge: Judge, who: Principal, need: Need, hands: Hands) -> Iterator[str]:
    """Resources to try first: what is as general as can be, then what some policy singles out."""
    for within in need.within:
        if not within.endswith("*"):
            yield within
            continue
        yield within[:-1] + FRESH
        single = (witness(p, within) for p in _spelt(judge, who, need._replace(within=(within,)), hands))
        yield from islice(dict.fromkeys(w for w in single if w is not None), MOST)


def _spelt(judge: Judge, who: Principal, need: Need, hands: Hands, *, denials: bool = False) -> Iterator[str]:
    """The patterns that bear on a need, or its denials, with what the request has in place of their variables."""
    context = judge.context(who, Request(need.action, need.within[0], need.thing, need.context))
    for pattern in _patterns(judge, who, need, hands, denials=denials):
        text = spell(pattern, context)
        if text is not None and text != "*":
            yield text


def _patterns(judge: Judge, who: Principal, need: Need, hands: Hands, *, denials: bool) -> Iterator[str]:
    """The resource patterns of every rule that may speak of the action, or of those that deny it."""
    above = judge.organisations.get(who.caller.account)
    own = (*who.policies, *hands.given.get(who.address, ()))
    documents: tuple[Document, ...] = (*own, *limits_of(who, hands), *need.thing.policies)
    for doc in (*documents, *(d for level in (above.scps if above else ()) for d in level)):
        found = doc.found(need.action)
        yield from (name for name, rules in found.by_name.items() if not denials or any(r.deny for r, _ in rules))
        for rule, _ in found.others:
            if rule.resources is not None and (rule.deny or not denials):  # a denial of all but some leaves these
                yield from rule.resources.literal
                yield from (g.text for g in rule.resources.globs)
