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
)
from strongroom.assess.identity.aws_policy import Document
from strongroom.assess.identity.conditions import Known
from strongroom.assess.identity.globs import FRESH, spell, witness
from strongroom.assess.identity.levels import NO, YES

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
    """How surely requests get through that are about one resource, and the example of it for which they do."""
    first = needs[0]
    best = NO
    found = tuple(Request(n.action, first.within[0].replace("*", FRESH), n.thing, n.context) for n in needs)
    tried = set[str]()
    for resource in (r for n in needs for r in examples(judge, who, n, hands)):
        if resource in tried or resource in first.thing.taken:
            continue
        tried.add(resource)
        requests = tuple(Request(n.action, resource, n.thing, n.context) for n in needs)
        level = min(judge.may(who, r, hands) for r in requests)
        if level > best:
            best, found = level, requests
        if best == YES:
            break
    return best, found


def examples(judge: Judge, who: Principal, need: Need, hands: Hands) -> Iterator[str]:
    """Resources to try: what is as general as can be, then what some policy singles out."""
    for within in need.within:
        if not within.endswith("*"):
            yield within
            continue
        yield within[:-1] + FRESH
        patterns = list(_patterns(judge, who, need, hands))
        context = judge.context(who, Request(need.action, within, need.thing, need.context))
        spelt = [s for p in patterns if (s := spell(p, context)) is not None and s != "*"]
        single = (witness(p, within) for p in spelt)
        seen = dict.fromkeys(w for w in single if w is not None)
        yield from islice(seen, MOST)
        if limits_of(who, hands) or judge.organisations:
            yield from islice(_both(spelt, within), MOST)


def _both(patterns: list[str], within: str) -> Iterator[str]:
    """Resources that two patterns agree on, as a policy and a boundary must."""
    for n, one in enumerate(patterns[:MOST]):
        for other in patterns[n + 1 : MOST]:
            found = witness(one, within)
            if found is None or not one.startswith(within[:-1]) or "*" not in one + other:
                continue
            met = witness(other, one) if one.endswith("*") and one.count("*") == 1 else None
            if met is not None:
                yield met


def _patterns(judge: Judge, who: Principal, need: Need, hands: Hands) -> Iterator[str]:
    """The resource patterns of every rule that may speak of the action."""
    above = judge.organisations.get(who.caller.account)
    own = (*who.policies, *hands.given.get(who.address, ()))
    documents: tuple[Document, ...] = (*own, *limits_of(who, hands), *need.thing.policies)
    for doc in (*documents, *(d for level in (above.scps if above else ()) for d in level)):
        found = doc.found(need.action)
        yield from found.by_name
        for rule, _ in found.others:
            if rule.resources is not None:  # a denial of all but some leaves these
                yield from rule.resources.literal
                yield from (g.text for g in rule.resources.globs)
