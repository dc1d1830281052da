"""What differs between two sides, for people and for programs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from strongroom.app.comparing import KINDS
from strongroom.cli.lines import clean
from strongroom.cli.tables import SEVERITY, console
from strongroom.model.estate import SCHEMA
from strongroom.model.snapshot import Change, Comparison, Drift, FactChange, Snapshot, StoredFinding


class Words(NamedTuple):
    """How a kind of change is called: one of it, many, and how it looks on a terminal."""

    one: str
    many: str
    style: str


WORDS: Mapping[str, Words] = {
    "new": Words("new failure", "new failures", "bold red"),
    "reopened": Words("accepted before, and open again", "accepted before, and open again", "bold red"),
    "lost-sight": Words("answer that became unknown", "answers that became unknown", "bold yellow"),
    "open": Words("still failing", "still failing", "bold"),
    "not-seen": Words(
        "failure that the other side cannot show", "failures that the other side cannot show", "bold yellow"
    ),
    "accepted": Words("accepted by an exception, not mended", "accepted by exceptions, not mended", "bold cyan"),
    "back-in-sight": Words("answer known again", "answers known again", "bold green"),
    "gone": Words("failure whose asset is no longer seen", "failures whose assets are no longer seen", "bold yellow"),
    "fixed": Words("fixed", "fixed", "bold green"),
    "drifted": Words("asset that drifted", "assets that drifted", "bold"),
}
_SUMMED = ("open",)
"""Kinds that are only counted: nothing about them is news."""
_MOST_CHECKS, _MOST_ASSETS, _MOST_DRIFTED, _MOST_FACTS, _MOST_PARTS, _MOST_ONLY = 25, 4, 20, 8, 4, 10


class _Diff(msgspec.Struct):
    schema: str
    before: Snapshot
    after: Snapshot
    same_kind: bool
    remarks: Sequence[str]
    counts: Mapping[str, int]
    changes: Sequence[Change]
    drifted: Sequence[Drift]
    only_before: Sequence[str]
    only_after: Sequence[str]


def counts(found: Comparison) -> dict[str, int]:
    """How many there are of each kind, the worst kind first; what there is none of is left out."""
    of = {kind: sum(c.kind == kind for c in found.changes) for kind in KINDS}
    return {kind: n for kind, n in (of | {"drifted": len(found.drifted)}).items() if n}


def table_text(found: Comparison, *, to_file: bool) -> str:
    """The comparison as text for a terminal; in a file it has no colours and 80 columns."""
    out = Console(width=80, highlight=False, force_terminal=False, no_color=True) if to_file else console()
    with out.capture() as text:
        table(out, found)
    return "".join(f"{row.rstrip()}\n" for row in text.get().splitlines())


def json(found: Comparison) -> Iterator[str]:
    """The comparison for programs."""
    document = _Diff(
        SCHEMA,
        found.before,
        found.after,
        found.same_kind,
        found.remarks,
        counts(found),
        found.changes,
        found.drifted,
        found.only_before,
        found.only_after,
    )
    yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def said(kind: str, n: int) -> str:
    """`3 new failures`."""
    words = WORDS[kind]
    return f"{n:,} {words.one if n == 1 else words.many}"


def table(out: Console, found: Comparison) -> None:
    """The comparison on a terminal."""
    _side(out, "from", found.before)
    _side(out, "to", found.after)
    for remark in found.remarks:
        _hung(out, "note", Text(clean(remark), style="yellow"))
    of = counts(found)
    for kind in KINDS:
        if kind in of:
            out.print()
            out.print(Text(said(kind, of[kind]), style=WORDS[kind].style))
            if kind not in _SUMMED:
                _kind(out, [c for c in found.changes if c.kind == kind])
    if found.drifted:
        _drifted(out, found.drifted)
    for side, only in only_one(found):
        out.print()
        out.print(Text(side, style="bold"))
        for address in only[:_MOST_ONLY]:
            _indented(out, Text(clean(address), style="dim"), 2)
        if len(only) > _MOST_ONLY:
            _indented(out, Text(f"and {len(only) - _MOST_ONLY:,} more: --format json", style="dim"), 2)
    if not of and not found.only_before and not found.only_after:
        out.print()
        out.print("no change: the same findings with the same answers")


def only_one(found: Comparison) -> Iterator[tuple[str, Sequence[str]]]:
    """What only one side shows, with a heading; nothing for a side that shows no more than the other."""
    for side, only in (("first", found.only_before), ("second", found.only_after)):
        if only:
            assets = "1 asset is" if len(only) == 1 else f"{len(only):,} assets are"
            yield f"{assets} on the {side} side only", only


def _drifted(out: Console, drifted: Sequence[Drift]) -> None:
    out.print()
    why = "  other facts on the two sides, whatever the checks answer"
    out.print(Text.assemble((said("drifted", len(drifted)), WORDS["drifted"].style), (why, "dim")))
    for d in drifted[:_MOST_DRIFTED]:
        _indented(out, Text(clean(d.address)), 2)
        unsaid = [f.name for f in d.facts if not said_values(f)]
        if unsaid:
            _indented(out, Text(clean(", ".join(unsaid)), style="dim"), 4)
        _facts(out, [f for f in d.facts if said_values(f)], 4)
    if len(drifted) > _MOST_DRIFTED:
        _indented(out, Text(f"and {len(drifted) - _MOST_DRIFTED} more: --format json", style="dim"), 2)
    if not all(said_values(f) for d in drifted for f in d.facts):
        _indented(out, Text("a kept run keeps that a value changed, and not the value", style="dim"), 2)


def said_values(fact: FactChange) -> bool:
    """Whether both sides keep the value: a kept run does not."""
    return fact.before is not None and fact.after is not None


def _side(out: Console, word: str, run: Snapshot) -> None:
    when = run.taken_at.strftime("%Y-%m-%d %H:%M UTC")
    _hung(out, word, Text.assemble((run.id or "read now", "bold"), f"  {when}"))
    for spec in run.sources:
        _hung(out, "", Text(clean(spec), style="dim"))
    _hung(out, "", Text(f"{run.failed:,} fail, {run.unknown:,} unknown, {run.passed:,} pass"))


def _hung(out: Console, word: str, text: Text) -> None:
    """A word in a margin, and text that keeps to its right where it wraps."""
    lines = text.wrap(out, out.width - 6, overflow="fold")
    for n, line in enumerate(lines):
        out.print(Text.assemble(f"{word if n == 0 else '':<6}", line), soft_wrap=True)


def _indented(out: Console, text: Text, by: int) -> None:
    out.print(Padding(text, (0, 0, 0, by)), overflow="fold")


def _kind(out: Console, changes: Sequence[Change]) -> None:
    by_check: dict[str, list[Change]] = defaultdict(list)
    for c in changes:
        by_check[shown(c).check].append(c)
    for cs in list(by_check.values())[:_MOST_CHECKS]:
        _check(out, cs)
    if len(by_check) > _MOST_CHECKS:
        _indented(out, Text(f"and {len(by_check) - _MOST_CHECKS} more checks: --format json", style="dim"), 2)


def shown(change: Change) -> StoredFinding:
    """The finding that stands for a change: as it is now, or as it was."""
    found = change.after or change.before
    assert found is not None
    return found


def why(change: Change) -> str:
    """Why the finding is as it is; of one that no longer says anything, why it was as it was."""
    f = shown(change)
    if f.because or change.before is None or not change.before.because:
        return f.because
    return f"it was: {change.before.because}"


def _check(out: Console, changes: Sequence[Change]) -> None:
    first = shown(changes[0])
    severity = first.severity.value
    head = Text.assemble((f"{severity:<8} ", SEVERITY[severity]), (first.check, "bold"), f"  {first.control}")
    _indented(out, head, 2)
    reasons = {why(c) for c in changes}
    if len(reasons) == 1 and (common := reasons.pop()):
        _indented(out, Text(clean(common)), 11)
    for c in changes[:_MOST_ASSETS]:
        f = shown(c)
        reason = f": {clean(why(c))}" if reasons and why(c) else ""
        _indented(out, Text(f"{clean(f.address)}{reason}", style="dim"), 13)
        _facts(out, [x for x in c.facts if said_values(x)], 15)
    if len(changes) > _MOST_ASSETS:
        _indented(out, Text(f"and {len(changes) - _MOST_ASSETS} more", style="dim"), 13)


def _facts(out: Console, facts: Sequence[FactChange], by: int) -> None:
    for fact in facts[:_MOST_FACTS]:
        _indented(out, Text(clean(f"{fact.name}: {difference(fact)}"), style="dim"), by)
    if len(facts) > _MOST_FACTS:
        _indented(out, Text(f"and {len(facts) - _MOST_FACTS} more facts: --format json", style="dim"), by)


def difference(fact: FactChange) -> str:
    """How a fact differs, in a few words: what a list lost and gained, else what was and what is."""
    if fact.before is None or fact.after is None:
        return "another value"
    if fact.removed or fact.added:
        parts = [*(f"- {p}" for p in fact.removed[:_MOST_PARTS]), *(f"+ {p}" for p in fact.added[:_MOST_PARTS])]
        more = max(0, len(fact.removed) - _MOST_PARTS) + max(0, len(fact.added) - _MOST_PARTS)
        return "; ".join(parts) + (f"; and {more} more" if more else "")
    ours, theirs = (
        text + (" (the default)" if side in fact.defaulted else "")
        for side, text in (("before", fact.before), ("after", fact.after))
    )
    return f"{ours} → {theirs}" if ours != theirs else f"{ours}, and they differ in what is not shown"
