"""Users' rules as checks: what an evaluator is asked, and what its answers mean.

A rule passes only when its expression came out true. What is not known, a type that does not fit, or an evaluator that
was stopped makes the answer unknown, with the reason.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from strongroom.assess import prose
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.facts import FACTS
from strongroom.model.ports import Answer, Catalogue, Check, View, broken, holds, not_applicable, unknown
from strongroom.model.rules import Answered, Asked, Doubt, Expression, Rule, Said, Subject
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value

_LISTS = {"texts": str, "rules": NetRule, "statements": Statement}
_SINGLE = {"bool": bool, "text": str, "key": Key}
_LARGEST = 2**63 - 1
_CAUSES = {
    "type": "a type does not fit; a known absence is null",
    "key": "there is no such field, key or element",
    "arithmetic": "a calculation overflows or divides by zero",
    "not-bool": "it is neither true nor false",
    "value": "a function cannot take the value",
}


def plain(name: str, value: Value) -> object:
    """A fact's value as CEL takes it, or Unknown where any part of it is not known or it is not of the fact's type.

    A known absence is null; of a list it is the empty list, of a key one of tech `none`, as built-in checks read it.
    """
    word = FACTS[name][0]
    if isinstance(value, Unknown):
        return value
    if word in _LISTS:
        return _list(value, _LISTS[word])
    if value is None:
        return {"tech": "none", "name": ""} if word == "key" else None
    if word == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return _misfit(word)
    if word in _SINGLE and not isinstance(value, _SINGLE[word]):
        return _misfit(word)
    return _list(value, object) if isinstance(value, tuple) else _one(value)


def _misfit(word: str) -> Unknown:
    return Unknown(GapCode.MALFORMED, f"found no {word}")


def _list(value: Value, kind: type) -> object:
    if value is None:
        return []
    if not isinstance(value, tuple):
        return _misfit("list")
    out = []
    for item in value:
        said = _one(item) if isinstance(item, kind | Unknown) else _misfit(f"list of {kind.__name__}")
        if isinstance(said, Unknown):
            return said
        out.append(said)
    return out


def _one(value: object) -> object:
    """A value without parts that are facts of their own."""
    if isinstance(value, NetRule) and (doubt := next((p for p in value.peers if isinstance(p, Unknown)), None)):
        return doubt
    if isinstance(value, Key | NetRule | Statement):
        fields = msgspec.to_builtins(value)
        fields.pop("type", None)
        return fields
    if isinstance(value, float):
        if not math.isfinite(value):
            return Unknown(GapCode.MALFORMED, "found no finite number")
        return int(value) if value.is_integer() and abs(value) <= _LARGEST else value
    if isinstance(value, int) and abs(value) > _LARGEST:
        return float(value) if abs(value) < 2**1023 else Unknown(GapCode.TOO_LARGE, "the number is too large")
    if isinstance(value, str):
        return _text(value)
    return value


def _text(value: str) -> object:
    try:
        value.encode()
    except UnicodeEncodeError:
        return Unknown(GapCode.NOT_UTF8, "the text is not Unicode")
    return value


def _known(value: str) -> str:
    return value.encode(errors="replace").decode()


def subject(asset: Asset, reads: Iterable[str], carried: Iterable[str]) -> Subject:
    """An asset as the evaluator takes it, with the facts that some rule reads."""
    values = {}
    for name in reads:
        fact = asset.facts.get(name)
        if fact is not None:
            value = plain(name, fact.value)
            if not isinstance(value, Unknown):
                values[name] = value
    about: dict[str, object] = {
        "kind": asset.kind.value,
        "native_type": _known(asset.native_type),
        "address": _known(asset.address),
        "name": _known(asset.name),
        "provider": asset.provider,
        "account": _known(asset.account),
        "region": _known(asset.region),
        "labels": {_known(k): _known(v) for k, v in asset.labels},
    }
    return Subject(asset.kind, about, values, tuple(name for name in carried if name in asset.facts))


def asked(rule: Rule) -> Asked:
    """The rule as the evaluator takes it."""
    return Asked(rule.kinds, rule.require, rule.when)


def check_of(rule: Rule, answered: Answered, ids: Sequence[str] = ()) -> Check:
    """The rule as a check. `ids` are the ids of the subjects that the answers are about, by their number."""
    said = {ids[n]: s for n, s in answered.said.items()}

    def judge(view: View) -> Answer:
        return _answer(rule, view, answered, said)

    return Check(
        id=rule.id,
        title=rule.title,
        clause=rule.clause,
        kinds=rule.kinds,
        needs=(),
        severity=rule.severity,
        fix=rule.fix,
        broken=rule.because,
        why=rule.why or rule.title,
        equivalents=rule.equivalents,
        judge=judge,
    )


def merged(known: Catalogue, rules: Iterable[Check]) -> Catalogue:
    """The catalogue with users' rules after the built-in checks."""
    return Catalogue(known.controls, {**known.checks, **{c.id: c for c in rules}})


def _answer(rule: Rule, view: View, answered: Answered, said: Mapping[str, Said]) -> Answer:
    if view.asset.id not in said:
        why = answered.stopped
        detail = why.detail if why is not None else "it was not evaluated"
        return unknown(Unknown(why.code if why is not None else GapCode.LOST, f"{rule.id} at {rule.where}: {detail}"))
    answer = said[view.asset.id]
    if rule.when is not None:
        _read(view, rule.when)
    if answer is None:
        return not_applicable(f"`{_short(rule.when)}` is false of it")
    if isinstance(answer, Doubt):
        return _doubt(rule, view, answer)
    _read(view, rule.require)
    return holds() if answer else broken(**{name: _shown(view, fact) for name, fact in rule.shown})


def _read(view: View, e: Expression) -> None:
    """Read what an expression reads, so that it is evidence."""
    for _, name in e.facts:
        view.raw(name)


def _doubt(rule: Rule, view: View, doubt: Doubt) -> Answer:
    e = rule.when if doubt.part == "when" and rule.when is not None else rule.require
    if doubt.part == "require":
        _read(view, e)
    if doubt.cause == "fact":
        value = view.raw(doubt.fact)
        reason = value if doubt.fact not in view.asset.facts else plain(doubt.fact, value)
        assert isinstance(reason, Unknown)
        carried = view.has(doubt.fact)
        return unknown(Unknown(reason.code, f"{doubt.fact}: {reason.detail}") if carried else reason)
    why = _CAUSES.get(doubt.cause, "it cannot be evaluated")
    return unknown(Unknown(GapCode.MALFORMED, f"{doubt.part} of {rule.id} at {e.where}, `{_short(e)}`: {why}"))


def _short(e: Expression | None) -> str:
    text = " ".join(e.text.split()) if e is not None else ""
    return text if len(text) <= prose.LONGEST else text[: prose.LONGEST - 1] + "…"


def _shown(view: View, fact: str) -> str:
    if not fact:
        return view.asset.address
    view.raw(fact)  # what is quoted is evidence, and withheld when it is sensitive
    found = view.asset.facts.get(fact)
    return prose.show(found) if found is not None else "not shown"
