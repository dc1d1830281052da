"""What checks of Google Cloud share: the fact that tells its resources from others', grants, and public members."""

from collections.abc import Callable, Iterable

from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, Check, View, broken, check, holds, unknown
from strongroom.model.values import Statement, Unknown

SERVICE = "google.service"
"""Every resource of Google Cloud carries it, and nobody else's does."""


def items(v: View, fact: str) -> tuple[str | Unknown, ...]:
    """The texts of a fact, the unknown ones among them: one known text may decide in spite of them."""
    raw = v.raw(fact)
    if isinstance(raw, Unknown):
        return (raw,)
    return tuple(x for x in raw if isinstance(x, str | Unknown)) if isinstance(raw, tuple) else ()


def grants(v: View, fact: str = "grant.roles") -> tuple[Statement | Unknown, ...]:
    """The grants of a fact, the unknown ones among them."""
    raw = v.raw(fact)
    if isinstance(raw, Unknown):
        return (raw,)
    return tuple(x for x in raw if isinstance(x, Statement | Unknown)) if isinstance(raw, tuple) else ()


def roles(grant: Statement) -> str:
    """The roles of a grant as text."""
    return ", ".join(grant.actions)


def verdict(found: Iterable[Statement | Unknown], bad: Callable[[Statement], Tri]) -> Answer:
    """Broken by the first grant that certainly is bad; unknown when one may be; else it holds."""
    doubts: list[Unknown] = []
    for g in found:
        answer = g if isinstance(g, Unknown) else bad(g)
        if answer is True and isinstance(g, Statement):
            return broken(role=roles(g), members=", ".join(g.principals) or "nobody yet")
        if isinstance(answer, Unknown):
            doubts.append(answer)
    return unknown(*doubts) if doubts else holds()


def nobody_public(v: View, fact: str = "public.granted") -> Answer:
    """Broken when somebody public is among the members of a fact; unknown when somebody may be."""
    found = items(v, fact)
    named = [x for x in found if isinstance(x, str)]
    if named:
        return broken(who="; ".join(named))
    doubts = [x for x in found if isinstance(x, Unknown)]
    return unknown(*doubts) if doubts else holds()


def any_text(v: View, fact: str, wanted: Callable[[str], bool]) -> Tri:
    """Whether one of the texts of a fact is wanted; unknown when only an unknown one could be."""
    return any_of(x if isinstance(x, Unknown) else wanted(x) for x in items(v, fact))


def customer_key(
    ident: str, title: str, kinds: tuple[Kind, ...], fact: str, fix: Fix, why: str, equivalents: tuple[str, ...]
) -> Check:
    """A check that data at rest is encrypted with a key of the customer's."""

    def judge(v: View) -> Answer:
        tech = v.key(fact).tech
        return holds() if tech == "cmk" else broken(tech=tech)

    judge.__doc__ = why
    return check(
        id=ident,
        title=title,
        clause="ART-01.stores-cmk",
        kinds=kinds,
        needs=(SERVICE, fact),
        severity=Severity.MEDIUM,
        fix=fix,
        broken="it is encrypted with the key of: {tech}",
        equivalents=equivalents,
    )(judge)
