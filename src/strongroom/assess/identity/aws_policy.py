"""AWS policy documents, compiled once and indexed by action, and what one of them says of a request.

Source: IAM User Guide, "IAM JSON policy elements reference"; "AWS JSON policy elements: Principal" for who an entry
stands for, and how directly.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.identity.conditions import Context, hold
from strongroom.assess.identity.globs import Glob, glob
from strongroom.assess.identity.levels import NO, PERHAPS, YES, negate
from strongroom.model.values import Condition, Statement, Unknown

Spell = Callable[[str], Sequence[str]]
"""What a text of a policy stands for: itself, or the names of the resources that it refers to."""

_ROOT = re.compile(r"arn:aws[\w-]*:iam::(\d{12}|ACCOUNT):root")
_SESSION = re.compile(r"arn:aws[\w-]*:sts::(\d{12}|ACCOUNT):assumed-role/([^/]+)/.*")
_ACCOUNT = re.compile(r"\d{12}|ACCOUNT")


class Caller(NamedTuple):
    """Who makes a request, as a resource's policy sees him. `anyone` has no name: he needs to be allowed as everybody."""

    arn: str
    account: str
    is_role: bool = False
    anyone: bool = False


class Said(NamedTuple):
    """What a resource's policy says of a caller, by how directly it means him.

    `named` is a role by its ARN, which its boundary still limits; `free` a user, a session or everybody, which nothing but
    a denial limits; `account` leaves it to the caller's own account.
    """

    named: int = NO
    free: int = NO
    account: int = NO
    denied: int = NO


@dataclass(slots=True)
class Names:
    """The names of one element: literals, and patterns. A negated one covers whatever it does not list."""

    literal: frozenset[str]
    globs: tuple[Glob, ...]
    negated: bool = False

    def meet(self, name: str, context: Context) -> int:
        """Whether a name is covered."""
        level = YES if name in self.literal else max((g.meets(name, context) for g in self.globs), default=NO)
        return negate(level) if self.negated else level


def _names(texts: Iterable[str], *, negated: bool = False) -> Names:
    compiled = [glob(t) for t in texts]
    return Names(frozenset(g.text for g in compiled if g.literal), tuple(g for g in compiled if not g.literal), negated)


@dataclass(slots=True)
class Rule:
    """One statement. `sure` is perhaps for one that AWS would refuse, or that is only partly known."""

    deny: bool
    sure: int
    actions: Names
    resources: Names | None  # None: whatever the policy is attached to
    principals: tuple[str, ...]
    not_principals: tuple[str, ...]
    conditions: tuple[Condition, ...]
    cite: str

    def services(self) -> set[str]:
        """The services that its actions name; an empty name where a wildcard stands in its place."""
        if self.actions.negated:
            return {""}
        texts = (*self.actions.literal, *(g.text for g in self.actions.globs))
        fronts = (t.partition(":") for t in texts)
        return {name if colon and not re.search(r"[*?$]", name) else "" for name, colon, _ in fronts}

    def covers(self, resource: str, context: Context) -> int:
        """Whether it speaks of a resource under these conditions; its action and principals are matched elsewhere."""
        level = min(self.sure, YES if self.resources is None else self.resources.meet(resource, context))
        return min(level, hold(self.conditions, context)) if level else NO

    def means(self, caller: Caller) -> Said:
        """How it means a caller, without regard to what it says about him."""
        if self.not_principals:
            level = negate(max((_same(e, caller) for e in self.not_principals), default=NO))
            return Said(free=level, denied=level)
        named = free = account = NO
        for entry in self.principals:
            one = _entry(entry, caller)
            named, free, account = max(named, one.named), max(free, one.free), max(account, one.account)
        return Said(named, free, account, max(named, free, account))


def _same(entry: str, caller: Caller) -> int:
    """Whether an entry of NotPrincipal is the caller; the account alone is not everybody in it."""
    one = _entry(entry, caller)
    return max(one.named, one.free)


def _entry(entry: str, caller: Caller) -> Said:
    kind, _, name = entry.partition(":")
    if entry == "*":
        return Said(free=YES)
    if kind != "AWS":
        return Said()
    if caller.anyone:
        return Said()
    if "${" in name:
        pattern = glob(name)
        whole = (caller.account, f"arn:aws:iam::{caller.account}:root")
        account = max(pattern.meets(w, _nobody) for w in whole)
        return Said(named=min(PERHAPS, pattern.meets(caller.arn, _nobody)), account=min(PERHAPS, account))
    root = _ROOT.fullmatch(name)
    if root is not None or _ACCOUNT.fullmatch(name):
        return Said(account=YES if (root[1] if root else name) == caller.account else NO)
    if name == caller.arn:
        return Said(named=YES) if caller.is_role else Said(free=YES)
    session = _SESSION.fullmatch(name)
    if session is not None:  # the session's name is chosen when the role is taken
        mine = caller.is_role and (session[1], session[2]) == (caller.account, caller.arn.rpartition("/")[2])
        return Said(free=PERHAPS if mine else NO)
    if "*" in name or "?" in name:  # AWS refuses wildcards within a principal
        level = PERHAPS if glob(name).meets(caller.arn, _nobody) else NO
        return Said(named=level)
    return Said()


def _nobody(_key: str) -> tuple[str, ...] | None:
    return None


@dataclass(slots=True)
class Document:
    """The statements of one policy. `id` tells documents apart, `name` is what is cited.

    `hole`: a part of it is not known and may say anything; of one that AWS keeps itself it is known to deny nothing.
    """

    id: str
    name: str
    rules: tuple[Rule, ...] = ()
    hole: str = ""
    hole_denies: bool = True
    _by_action: dict[str, "Found"] = field(default_factory=dict)
    _by_service: dict[str, list[Rule]] = field(default_factory=dict)

    def found(self, action: str) -> "Found":
        """The rules that speak of an action, made ready for many resources."""
        known = self._by_action.get(action)
        if known is None:
            known = self._by_action[action] = _found(self._of_service(action.partition(":")[0]), action)
        return known

    def _of_service(self, service: str) -> list[Rule]:
        """The rules that may speak of a service: those that name it, and those that name none."""
        if not self._by_service:
            self._by_service[""] = []
            for rule in self.rules:
                for name in rule.services():
                    self._by_service.setdefault(name, []).append(rule)
        return [*self._by_service.get(service, ()), *self._by_service[""]]

    def speaks_of(self, action: str) -> bool:
        """Whether it may allow an action on something."""
        found = self.found(action)
        return bool(self.hole) or any(not rule.deny for rule, _ in found.every())

    def says(self, action: str, resource: str, context: Context) -> tuple[int, int]:
        """Whether an identity's policy allows a request, and whether it denies it."""
        allow = PERHAPS if self.hole else NO
        deny = PERHAPS if self.hole and self.hole_denies else NO
        for rule, level in self.found(action).of(resource):
            if rule.deny:
                if deny < level:
                    deny = max(deny, min(level, rule.covers(resource, context)))
            elif allow < level:
                allow = max(allow, min(level, rule.covers(resource, context)))
        return allow, deny

    def says_of(self, caller: Caller, action: str, resource: str, context: Context) -> Said:
        """What a resource's policy says of a caller's request."""
        hole = PERHAPS if self.hole else NO
        named, free, account, denied = hole, NO, hole, hole if self.hole_denies else NO
        for rule, level in self.found(action).of(resource):
            meant = rule.means(caller)
            most = min(level, meant.denied)
            if not most:
                continue
            level = min(most, rule.covers(resource, context))  # noqa: PLW2901 - the level as far as it is known now
            if rule.deny:
                denied = max(denied, level)
            else:
                named, free = max(named, min(level, meant.named)), max(free, min(level, meant.free))
                account = max(account, min(level, meant.account))
        return Said(named, free, account, denied)


@dataclass(slots=True)
class Found:
    """The rules of one action: those that name resources one by one by their names, and the others."""

    by_name: dict[str, list[tuple[Rule, int]]]
    others: list[tuple[Rule, int]]

    def of(self, resource: str) -> Sequence[tuple[Rule, int]]:
        """The rules that may speak of a resource, with how sure it is that they speak of the action."""
        named = self.by_name.get(resource)
        return self.others if named is None else [*named, *self.others]

    def every(self) -> Iterator[tuple[Rule, int]]:
        """All the rules, whatever they are about; one that names several resources comes as often."""
        for rules in self.by_name.values():
            yield from rules
        yield from self.others


def _found(rules: Iterable[Rule], action: str) -> Found:
    out = Found({}, [])
    for rule in rules:
        level = rule.actions.meet(action, Context())
        if not level:
            continue
        names = rule.resources
        if names is not None and not names.negated and not names.globs:
            for name in names.literal:
                out.by_name.setdefault(name, []).append((rule, level))
        else:
            out.others.append((rule, level))
    return out


def compiled(
    id: str,  # noqa: A002 - what it is
    name: str,
    statements: Iterable[Statement | Unknown],
    spell: Spell,
    who: Spell | None = None,
) -> Document:
    """A document of statements. With `who`, which spells principals, it stands on a resource; else on an identity."""
    rules, holes = [], []
    for n, s in enumerate(statements, start=1):
        if isinstance(s, Unknown):
            holes.append(s.detail)
        else:
            rules.append(_rule(s, f"{name}[{s.sid or n}]", spell, who))
    return Document(id, name, tuple(rules), "; ".join(dict.fromkeys(holes)))


def _rule(s: Statement, cite: str, spell: Spell, who: Spell | None) -> Rule:
    sure = YES if _legal(s, of_resource=who is not None) else PERHAPS
    actions = _names((_action(a) for a in s.not_actions or s.actions), negated=bool(s.not_actions))
    given = s.not_resources or s.resources
    resources = _names((t for r in given for t in spell(r)), negated=bool(s.not_resources)) if given else None
    principals, others = (tuple(_spelt(entries, who)) for entries in (s.principals, s.not_principals))
    return Rule(s.effect == "deny", sure, actions, resources, principals, others, s.conditions, cite)


def _spelt(entries: Iterable[str], who: Spell | None) -> Iterator[str]:
    """Principals with names in place of references; only those of AWS refer to anything."""
    for entry in entries:
        if entry.startswith("AWS:") and who is not None:
            yield from (f"AWS:{t}" for t in who(entry.removeprefix("AWS:")))
        else:
            yield entry


def _action(text: str) -> str:
    return text if "${" in text else text.lower()


def _legal(s: Statement, *, of_resource: bool) -> bool:
    """Whether AWS takes the statement: one of each pair, an effect, and principals where, and only where, they belong."""
    if s.effect not in ("allow", "deny") or bool(s.actions) is bool(s.not_actions):
        return False
    if s.resources and s.not_resources:
        return False
    who = bool(s.principals) + bool(s.not_principals)
    return who == 1 if of_resource else who == 0 and bool(s.resources or s.not_resources)
