"""GitHub Flavored Markdown: for a pull request, where a comment ends at 65,536 characters."""

from collections.abc import Iterator, Sequence

from strongroom.assess.reports._groups import CheckGroup, ControlGroup, Doubt, Row, control_groups, doubts, severities
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._markdown import code, fence, words
from strongroom.assess.reports._overview import (
    FIRST,
    Line,
    Todo,
    by_phase,
    by_verb,
    coverage_sentence,
    first_things,
    posture,
    verdict,
    would_add,
)
from strongroom.assess.reports._people import Accepts, accepts, fallen, idle, standing
from strongroom.assess.reports._shared import PROGRAM, VERSION, count, one_line
from strongroom.assess.reports._words import SHOWN, STATUS
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.estate import SCHEMA, Gap
from strongroom.model.ports import Catalogue, Report

BUDGET = 60_000
"""Characters: a comment on GitHub ends at 65,536, and a report cut off in the middle of a table is none."""
FOOT = 1_000
GAPS = 20
ROWS = 20
DOUBTS = 20
SIGNS = {
    Status.PASS: "✅",
    Status.FAIL: "❌",
    Status.UNKNOWN: "❔",
    Status.NOT_ASSESSED: "▫️",
    Status.NOT_APPLICABLE: "⬜",
    Status.ACCEPTED: "🟣",
    Status.ATTESTED: "✍️",
}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _head(assessment: Assessment, line: Line) -> Iterator[str]:
    bad = ", ".join(f"{n} {s.value}" for s, n in severities(assessment.findings).items() if n)
    unknown = sum(f.status is Status.UNKNOWN for f in assessment.findings)
    yield "# AI infrastructure assessment\n\n"
    yield f"**{verdict(line)}**\n\n"
    yield f"- Failures: {bad or 'none'}\n- Could not be told: {count(unknown, 'finding')}\n"
    adds = ", ".join(f"{code(source)} would add {n}" for source, n in would_add(assessment)[:3])
    yield f"- Coverage: {coverage_sentence(assessment)}{'; ' + adds if adds else ''}\n"
    read = ", ".join(code(s.spec) for s in assessment.sources)
    yield f"- Read: {read or 'nothing'}, {assessment.seen_at:%Y-%m-%d %H:%M} UTC\n\n"


def _posture(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    lines = [*by_verb(assessment, catalogue), *by_phase(assessment, catalogue)]
    states = [s for s in SHOWN if any(line.clauses.counts[s] for line in lines)]
    head = ["", "Controls failing", *(f"{SIGNS[s]} {STATUS[s]}" for s in states)]
    rows = [[line.name, line.failing_of, *(str(line.clauses.counts[s] or "") for s in states)] for line in lines]
    yield "## Posture\n\nThe columns count clauses, the sentences of the controls' pass rules.\n\n"
    yield _table(head, rows)
    yield "\n"


def _todos(todos: Sequence[Todo]) -> Iterator[str]:
    if not todos:
        return
    yield f"## The first {min(FIRST, len(todos))} things to do\n\n"
    for n, t in enumerate(todos, 1):
        effort = f", {t.effort}" if t.effort else ""
        yield f"{n}. **{words(t.title)}** ({t.control}, {t.severity.value}, {count(t.assets, 'asset')}{effort})"
        yield f": {words(t.fix)}\n" if t.fix else "\n"
    yield "\n"


def _row(row: Row) -> list[str]:
    more = f"<br>and {row.more:,} more: see the JSON" if row.more else ""
    spots = "<br>".join(
        code(s.address, cell=True) + (f" {code(s.place, cell=True)}" if s.place else "") for s in row.spots
    )
    read = "<br>".join(f"{code(p.name, cell=True)}: {code(p.shown, cell=True)}" for p in row.proofs)
    return [spots + more, words(row.because, cell=True), read]


def _check(group: CheckGroup) -> str:
    counts = ", ".join(f"{group.counts[s]:,} {STATUS[s]}" for s in SHOWN if group.counts[s])
    out = [f"#### {words(group.title)}\n\n{code(group.id)} · **{group.severity.value}** · {counts}\n\n"]
    out.append(_table(["Where", "Because", "Read"], [_row(r) for r in group.rows]))
    if group.more:
        out.append(f"\nAnd {group.more:,} more for other reasons: see the JSON.\n")
    fix = group.fix
    if fix is not None:
        # The blank lines around the block are what makes GitHub read Markdown inside HTML.
        out.append(f"\n<details><summary>Fix</summary>\n\n{words(fix.text)}\n\n")
        out += [fence(lines, of) + "\n\n" for of, lines in group.snippets]
        out += [fence(fix.command, "sh") + "\n\n"] if fix.command else []
        out += [f"Verify: {words(fix.verify)}\n\n"] if fix.verify else []
        out.append("</details>\n")
    return "".join(out) + "\n"


def _failures(groups: Sequence[ControlGroup], room: int) -> Iterator[str]:
    if not groups:
        return
    yield "## Failures\n\n"
    left = [(g, c) for g in groups for c in g.checks]
    while left:
        group, check = left[0]
        text = _check(check)
        if check is group.checks[0]:
            title = words(group.control.title) if group.control else ("" if group.id else "Rules that prove no control")
            text = f"### {f'{group.id} {title}'.strip()}\n\n{text}"
        room -= len(text)
        if room < 0:
            break
        yield text
        left.pop(0)
    if left:
        rest = count(sum(c.counts[Status.FAIL] for _, c in left), "failure")
        yield f"{rest} of {count(len(left), 'more check')} have no room here: see the JSON.\n\n"


def _doubt(d: Doubt) -> list[str]:
    checks = "<br>".join(code(c, cell=True) for c in sorted(d.checks)[:3])
    more = f"<br>and {len(d.checks) - 3} more" if len(d.checks) > 3 else ""
    return [words(d.reason, cell=True), words(d.answer, cell=True), f"{d.findings:,}", checks + more]


def _doubts(found: Sequence[Doubt]) -> Iterator[str]:
    if not found:
        return
    yield "## Could not be told\n\nAn unknown is not a pass.\n\n"
    yield _table(["Reason", "What would answer it", "Findings", "Checks"], [_doubt(d) for d in found[:DOUBTS]])
    if len(found) > DOUBTS:
        yield f"\nAnd {count(len(found) - DOUBTS, 'more reason')}: see the JSON.\n"
    yield "\n"


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    if not gaps:
        return
    yield "## Could not be looked at\n\n"
    rows = [
        [code(g.scope, cell=True), code(g.source, cell=True), g.code.value, words(g.detail, cell=True)] for g in gaps
    ]
    yield _table(["What", "Of", "Why", "Detail"], rows[:GAPS])
    if len(rows) > GAPS:
        yield f"\nAnd {count(len(rows) - GAPS, 'more gap')}: see the JSON.\n"
    yield "\n"


def _people(assessment: Assessment) -> str:
    """What people accept and vouch for, in as many rows as there is room for."""
    return next(t for n in (ROWS, 5, 1) if len(t := "".join(_said(assessment, n))) <= BUDGET // 4 or n == 1)


def _said(assessment: Assessment, most: int) -> Iterator[str]:
    """What nobody approved is marked, and what counts for nothing is said."""
    taken = accepts(assessment)
    if taken:
        yield "## Accepted\n\nAn accepted finding is not a pass.\n\n"
        yield _table(["What", "By whom, until when", "Why", "Findings"], [_accepts(a) for a in taken[:most]])
        yield f"\nAnd {count(len(taken) - most, 'more exception')}: see the JSON.\n" if len(taken) > most else ""
        yield "\n"
    for title, told in (
        ("Exceptions that accept nothing", idle(assessment)),
        ("Vouched for by people", [*standing(assessment), *fallen(assessment)]),
    ):
        if told:
            rows = [[t.state, code(t.what, cell=True), words(t.why, cell=True), f"{t.open or ''}"] for t in told]
            yield f"## {title}\n\n"
            yield _table(["State", "What", "Why", "Still open"], rows[:most])
            yield f"\nAnd {len(rows) - most:,} more: see the JSON.\n" if len(rows) > most else ""
            yield "\n"


def _accepts(a: Accepts) -> list[str]:
    mark = "**unapproved**: " if a.unapproved else ""
    named = "<br>".join(code(address, cell=True) for address in a.addresses)
    more = f"<br>and {a.more:,} more" if a.more else ""
    terms = mark + words(a.terms, cell=True)
    return [code(a.what, cell=True), terms, words(a.reason, cell=True), f"{a.total:,}: {named}{more}"]


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The report, at most `BUDGET` characters: failures give way first, the worst of them last."""
    groups = control_groups(assessment, catalogue)
    head = [*_head(assessment, posture(assessment)), *_posture(assessment, catalogue)]
    head += _todos(first_things(assessment, groups))
    tail = "".join([*_doubts(doubts(assessment, catalogue)), *_gaps(assessment.gaps)])
    if len(tail) > BUDGET // 3:
        tail = _short(assessment)
    tail = _people(assessment) + tail
    yield from head
    yield from _failures(groups, BUDGET - FOOT - sum(map(len, head)) - len(tail))
    yield tail
    snapshot = f" · snapshot {code(assessment.snapshot)}" if assessment.snapshot else ""
    yield f"<sub>{PROGRAM} {VERSION} · {one_line(SCHEMA)}{snapshot} · {code(log_words(assessment))}</sub>\n"


def _short(assessment: Assessment) -> str:
    unknown = sum(f.status is Status.UNKNOWN for f in assessment.findings)
    gaps = count(len(assessment.gaps), "gap")
    return f"## Could not be told\n\n{count(unknown, 'finding')} and {gaps} have no room here: see the JSON.\n\n"


REPORT = Report("md", "Markdown: for a pull request", ".md", render)
