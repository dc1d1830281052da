"""What checks of firewalls share: rules of which one may be unknown, and the verdict over them."""

from collections.abc import Callable, Iterable

from strongroom.kit.kleene import Tri
from strongroom.model.ports import Answer, View, broken, holds, unknown
from strongroom.model.values import NetRule, Unknown


def listed(v: View, fact: str) -> tuple[NetRule | Unknown, ...]:
    """The rules of a fact, the unknown ones among them: a verdict may be certain in spite of them."""
    raw = v.raw(fact)
    if raw is None:
        return ()
    if not isinstance(raw, tuple):
        return (raw,) if isinstance(raw, Unknown) else ()
    return tuple(r for r in raw if isinstance(r, NetRule | Unknown))


def verdict(rules: Iterable[NetRule | Unknown], opens: Callable[[NetRule | Unknown], Tri]) -> Answer:
    """Broken by the first rule that certainly opens; unknown when one may; else it holds."""
    doubts: list[Unknown] = []
    for rule in rules:
        answer = opens(rule)
        if answer is True:
            return broken(rule=phrase(rule))
        if isinstance(answer, Unknown):
            doubts.append(answer)
    return unknown(*doubts) if doubts else holds()


def phrase(rule: NetRule | Unknown) -> str:
    """A rule in a few words: `tcp 22 from 0.0.0.0/0`."""
    if isinstance(rule, Unknown):
        return rule.detail
    ports = str(rule.from_port) if rule.from_port == rule.to_port else f"{rule.from_port}-{rule.to_port}"
    what = "all traffic" if rule.protocol == "all" else f"{rule.protocol} {ports}"
    peers = [p if isinstance(p, str) else "an unknown block" for p in rule.peers]
    way = "from" if rule.direction == "ingress" else "to"
    return f"{what} {way} {', '.join((*peers, *rule.groups)) or 'anywhere (no peer is named)'}"
