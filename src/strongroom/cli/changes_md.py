"""What differs between two sides, in GitHub Flavored Markdown: made for a comment, which ends at 65,536 characters."""

from collections.abc import Iterator, Sequence

from strongroom.assess.reports._markdown import code, words
from strongroom.cli.changes import counts, difference, only_one, said, said_values, shown, why
from strongroom.model.snapshot import Change, Comparison, Drift, Snapshot

BUDGET = 60_000
_FIRST = ("new", "reopened", "lost-sight", "drifted")
_FOLDED = ("not-seen", "gone", "accepted", "back-in-sight", "fixed", "open")
"""Sections that a reader of a pull request opens when they want to know; what is no news comes last."""

_FINDING: Sequence[str] = ("Severity", "Check", "Where", "Because")
_DRIFT: Sequence[str] = ("Where", "Fact", "Difference")


def markdown(found: Comparison) -> Iterator[str]:
    """The comparison as one comment: what is worst stands first, and what does not fit is counted."""
    of = counts(found)
    total = ", ".join(said(kind, n) for kind, n in of.items()) or "no change"
    head = f"## What changed\n\n**{total}**\n\n" + "".join(_sides(found))
    yield head
    room = BUDGET - len(head)
    for kind in (k for k in (*_FIRST, *_FOLDED) if k in of):
        if kind == "drifted":
            title, rows = _DRIFT, list(_drifts(found.drifted))
        else:
            title, rows = _FINDING, [_row(c) for c in found.changes if c.kind == kind]
        section = _section(said(kind, of[kind]), title, rows, room, folded=kind in _FOLDED)
        room -= len(section)
        yield section
    for side, only in only_one(found):
        section = _section(side, ("Where",), [[code(_short(a, 300), cell=True)] for a in only], room, folded=True)
        room -= len(section)
        yield section


def _sides(found: Comparison) -> Iterator[str]:
    for word, run in (("From", found.before), ("To", found.after)):
        yield f"- {word}: {_run(run)}\n"
    for remark in found.remarks:
        yield f"- Note: {words(remark)}\n"


def _run(run: Snapshot) -> str:
    read = ", ".join(code(s) for s in run.sources[:10])
    more = f" and {len(run.sources) - 10} more" if len(run.sources) > 10 else ""
    kept = f"run {code(run.id)}" if run.id else "read now"
    answers = f"{run.failed:,} fail, {run.unknown:,} unknown, {run.passed:,} pass"
    return f"{kept}, {run.taken_at:%Y-%m-%d %H:%M} UTC, of {read or 'nothing'}{more}: {answers}"


def _section(name: str, title: Sequence[str], rows: Sequence[Sequence[str]], room: int, *, folded: bool) -> str:
    """A table of as many rows as there is room for, with a word on the rest."""
    lines = [f"| {' | '.join(title)} |", f"| {' | '.join('---' for _ in title)} |"]
    left = room - 500
    for row in rows:
        line = f"| {' | '.join(row)} |"
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    rest = len(rows) + 2 - len(lines)
    body = "\n".join(lines) + "\n" if len(lines) > 2 else ""
    tail = f"\nand {rest:,} more, for which a comment has no room: `--format json`\n" if rest else ""
    if folded:
        return f"\n<details><summary>{name}</summary>\n\n{body}{tail}\n</details>\n"
    return f"\n### {name[:1].upper()}{name[1:]}\n\n{body}{tail}"


def _row(c: Change) -> list[str]:
    f = shown(c)
    facts = [
        f"{code(x.name, cell=True)}: {words(_short(difference(x), 300), cell=True)}"
        for x in c.facts[:4]
        if said_values(x)
    ]
    because = "<br>".join([words(_short(why(c), 400), cell=True), *facts]).removeprefix("<br>")
    return [f.severity.value, code(f.check, cell=True), code(_short(f.address, 300), cell=True), because]


def _drifts(drifted: Sequence[Drift]) -> Iterator[list[str]]:
    for d in drifted:
        for fact in d.facts:
            shown_ = words(_short(difference(fact), 600), cell=True)
            yield [code(_short(d.address, 300), cell=True), code(fact.name, cell=True), shown_]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
