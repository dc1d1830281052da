"""What checks of policies share: statements of which one may be unknown, and the verdict over them."""

from collections.abc import Callable, Iterable

from strongroom.kit.kleene import Tri
from strongroom.model.ports import Answer, View, broken, holds, unknown
from strongroom.model.values import Statement, Unknown


def listed(v: View, fact: str) -> tuple[Statement | Unknown, ...]:
    """The statements of a fact, the unknown ones among them: a verdict may be certain in spite of them."""
    raw = v.raw(fact)
    if raw is None:
        return ()
    if not isinstance(raw, tuple):
        return (raw,) if isinstance(raw, Unknown) else ()
    return tuple(s for s in raw if isinstance(s, Statement | Unknown))


def verdict(statements: Iterable[Statement | Unknown], grants: Callable[[Statement], Tri]) -> Answer:
    """Broken by the first statement that certainly grants; unknown when one may; else it holds."""
    doubts: list[Unknown] = []
    for s in statements:
        answer = s if isinstance(s, Unknown) else grants(s)
        if isinstance(answer, Unknown):
            doubts.append(answer)
        elif answer and isinstance(s, Statement):
            return broken(statement=phrase(s))
    return unknown(*doubts) if doubts else holds()


def said(answer: Tri) -> Answer:
    """An answer without more to tell."""
    if isinstance(answer, Unknown):
        return unknown(answer)
    return holds() if answer else broken()


def phrase(s: Statement) -> str:
    """A statement in a few words, by its sid where it has one."""
    what = ", ".join(s.actions[:3]) or "all actions but " + ", ".join(s.not_actions[:3])
    where = ", ".join(s.resources[:2])
    if not where:
        where = "all resources but " + ", ".join(s.not_resources[:2]) if s.not_resources else "what it is attached to"
    who = f" to {', '.join(s.principals[:2])}" if s.principals else ""
    return f"{s.sid + ': ' if s.sid else ''}{s.effect or 'allow'}{who} {what} on {where}"
