"""What `strongroom rules` prints."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from strongroom.app.rules import Looked, Tried
from strongroom.cli.lines import clean
from strongroom.model.kinds import Kind

_WIDTH = 80


class _Case(msgspec.Struct):
    rule: str
    test: str
    where: str
    expect: str
    found: str
    passed: bool
    because: str


class _Cases(msgspec.Struct):
    schema: str
    passed: int
    failed: int
    tests: Sequence[_Case]


def test_lines(tried: Sequence[Tried], form: str) -> Iterator[str]:
    """The examples that were run; of one that failed, what the rule said instead."""
    failed = sum(not t.passed for t in tried)
    if form == "json":
        cases = [
            _Case(t.rule, t.test.name, str(t.test.where), t.test.expect.value, t.found.value, t.passed, t.because)
            for t in tried
        ]
        document = _Cases("strongroom.rules-test/1", len(tried) - failed, failed, cases)
        yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        return
    rule = ""
    for t in tried:
        if t.rule != rule:
            rule = t.rule
            yield f"{clean(rule)}\n"
        yield _row(t)
    if not tried:
        yield "no tests\n"
    else:
        yield f"\n{len(tried) - failed} passed, {failed} failed\n"


def _row(t: Tried) -> str:
    name = textwrap.shorten(clean(t.test.name), 52, placeholder="…")
    if t.passed:
        return f"  ok      {t.found.value:<15} {name}\n"
    said = _hung(f"{t.test.where}: expected {t.test.expect.value}, found {t.found.value}: {t.because}")
    return f"  FAILED  {t.found.value:<15} {name}\n{said}"


def _hung(text: str) -> str:
    words = " ".join(clean(text).split())
    return (
        textwrap.fill(words, _WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10, break_on_hyphens=False) + "\n"
    )


def check_lines(found: Looked, remarks: Iterable[str]) -> Iterator[str]:
    """What is wrong in rules files, what is worth a word, and how many rules can be used."""
    for p in found.problems:
        yield f"error: {clean(str(p))}\n"
        if p.hint:
            yield f"hint: {clean(p.hint)}\n"
    for remark in remarks:
        yield f"note: {clean(remark)}\n"
    for f in found.rules.files:
        tests = sum(len(r.tests) for r in f.rules)
        yield f"{clean(f.path)}: {_n(len(f.rules), 'rule')}, {_n(tests, 'test')}\n"
    yield f"{_n(len(found.problems), 'error')}\n" if found.problems else "every rule can be used\n"


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class _FactRow(msgspec.Struct):
    name: str
    type: str
    meaning: str
    kinds: Sequence[str]


class _Facts(msgspec.Struct):
    schema: str
    facts: Sequence[_FactRow]


def fact_lines(
    facts: Mapping[str, tuple[str, str]], of: Mapping[Kind, Mapping[str, tuple[str, str]]], form: str
) -> Iterator[str]:
    """Facts that rules can read, with their types and the kinds of asset that are known to carry them."""
    if form == "json":
        rows = [_FactRow(n, t, m, [k.value for k, has in of.items() if n in has]) for n, (t, m) in facts.items()]
        yield (
            msgspec.json.format(msgspec.json.encode(_Facts("strongroom.rules-facts/1", rows)), indent=2).decode() + "\n"
        )
        return
    for name, (word, meaning) in facts.items():
        text = f"{name:<26} {word:<11} {meaning}"
        yield textwrap.fill(text, _WIDTH, subsequent_indent=" " * 39, break_on_hyphens=False) + "\n"
    yield f'\n{_n(len(facts), "fact")}; in a rule: facts["NAME"]. A source may know more of a kind, or less.\n'
