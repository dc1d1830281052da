"""Tables for people: 80 columns are enough, colour is only ever an addition to a word."""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from strongroom.assess.prose import because
from strongroom.cli.lines import clean
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, Finding, Task
from strongroom.model.kinds import Kind
from strongroom.model.ports import Catalogue

STYLE = {
    "fail": "bold red",
    "unknown": "yellow",
    "pass": "green",
    "not-assessed": "dim",
    "accepted": "cyan",
    "attested": "cyan",
}
SEVERITY = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan", "info": "dim"}
_MOST_CHECKS, _MOST_ASSETS, _MOST_GAPS = 25, 3, 8


def console() -> Console:
    """Standard output as rich sees it: plain when piped, 80 columns wide when nobody says otherwise."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else 80  # noqa: TID251 - a door asks the terminal
    return Console(width=width, highlight=False, soft_wrap=False)


def assessment(out: Console, found: Assessment, known: Catalogue) -> None:
    """The summary of a run: posture, what fails, what is not known, what to do first."""
    _head(out, found)
    _failures(out, found, known)
    _doubts(out, found, known)
    if found.tasks:
        out.print()
        out.print("[bold]First things to do[/]")
        tasks(out, found.tasks[:10])
        if len(found.tasks) > 10:
            out.print(Text(f"  and {len(found.tasks) - 10} more: strongroom plan", style="dim"))


def _head(out: Console, found: Assessment) -> None:
    when = found.seen_at.strftime("%Y-%m-%d %H:%M UTC")
    seen = sum(a.kind is not Kind.SOURCE for a in found.assets)
    out.print(
        Text.assemble(("Strongroom", "bold"), f"  {when}  {_n(len(found.sources), 'source')}, {_n(seen, 'asset')}")
    )
    for s in found.sources:
        out.print(Text(f"  {clean(s.spec)}", style="dim"), overflow="ellipsis", no_wrap=True)
    out.print()
    controls = Counter(c.status for c in found.controls)
    findings = Counter(f.status for f in found.findings)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    order = [Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_ASSESSED]
    order[2:2] = [Status.ACCEPTED] if controls[Status.ACCEPTED] or findings[Status.ACCEPTED] else []
    order[-1:-1] = [Status.ATTESTED] if controls[Status.ATTESTED] else []
    table.add_row(Text("  controls", style="bold"), *(_count(controls[s], s) for s in order))
    judged = [s for s in order if s not in (Status.NOT_ASSESSED, Status.ATTESTED)]
    table.add_row(Text("  findings", style="bold"), *(_count(findings[s], s) for s in judged))
    out.print(table)
    cover = found.coverage
    more = ", ".join(f"{s}: +{n}" for s, n in cover.would_add[:4])
    vouched = f", {cover.attested} more attested" if cover.attested else ""
    line = f"  {cover.measured} of {cover.controls} controls measured{vouched}" + (
        f"; also giving {more}" if more else ""
    )
    out.print(Text(line, style="dim"), overflow="ellipsis", no_wrap=True)
    at = found.logged
    logged = f"logged: entry {at.entry} of {clean(at.origin)}" if at else "not logged"
    out.print(Text(f"  {logged}", style="dim"), overflow="ellipsis", no_wrap=True)


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _count(n: int, status: Status) -> Text:
    return Text(f"{n:,} {status.value.replace('-', ' ')}", style=STYLE[status.value] if n else "dim")


def _failures(out: Console, found: Assessment, known: Catalogue) -> None:
    by_check: dict[str, list[Finding]] = defaultdict(list)
    for f in found.findings:
        if f.status is Status.FAIL:
            by_check[f.check].append(f)
    if not by_check:
        return
    out.print()
    addresses = {a.id: a.address for a in found.assets}
    ranked = sorted(by_check.items(), key=lambda x: (-x[1][0].severity.rank, -len(x[1]), x[0]))
    for check, fs in ranked[:_MOST_CHECKS]:
        _failure(out, check, fs, addresses, known)
    if len(ranked) > _MOST_CHECKS:
        out.print(
            Text(f"and {len(ranked) - _MOST_CHECKS} more checks that fail: --format html, md or jsonl", style="dim")
        )


def _failure(out: Console, check: str, fs: Sequence[Finding], addresses: dict[str, str], known: Catalogue) -> None:
    severity = fs[0].severity.value
    line = Text.assemble((f"{severity:<8} ", SEVERITY[severity]), (f"{check}", "bold"), f"  {fs[0].control}")
    out.print(line, overflow="ellipsis", no_wrap=True)
    reasons = {because(f, known) for f in fs}
    if len(reasons) == 1:
        _indented(out, Text(clean(reasons.pop())), 9)
    for f in fs[:_MOST_ASSETS]:
        place = f" at {f.where}" if f.where is not None and f.where.line_start else ""
        why = f": {clean(because(f, known))}" if reasons else ""
        _indented(out, Text(f"{clean(addresses[f.asset])}{clean(place)}{why}", style="dim"), 11)
    if len(fs) > _MOST_ASSETS:
        out.print(Text(f"           and {len(fs) - _MOST_ASSETS} more", style="dim"))


def _indented(out: Console, text: Text, by: int) -> None:
    """A paragraph that keeps its indent where it wraps."""
    out.print(Padding(text, (0, 0, 0, by)), overflow="fold")


def _doubts(out: Console, found: Assessment, known: Catalogue) -> None:
    doubts = [f for f in found.findings if f.status is Status.UNKNOWN]
    if not doubts:
        return
    reasons = Counter(because(f, known) for f in doubts)
    out.print()
    out.print(Text.assemble(("not known", "bold yellow"), f"  {_n(len(doubts), 'answer')}; unknown is never a pass"))
    for reason, n in reasons.most_common(_MOST_GAPS):
        times = f"{n} x " if n > 1 else ""
        _indented(out, Text(f"{times}{clean(reason)}", style="dim"), 11)
    if len(reasons) > _MOST_GAPS:
        out.print(Text(f"           and {len(reasons) - _MOST_GAPS} more reasons", style="dim"))


def tasks(out: Console, todo: Iterable[Task]) -> None:
    """Tasks as a numbered list with phase, severity, size and what they close."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=True, header_style="dim")
    for name in ("", "day", "severity", "what", "closes", "effort"):
        right = name in ("closes", "")
        table.add_column(
            name, justify="right" if right else "left", no_wrap=name != "what", ratio=1 if name == "what" else None
        )
    for i, t in enumerate(todo, 1):
        style = SEVERITY[t.severity.value]
        what = Text.assemble(clean(t.title), (f"  {t.control}", "dim"))
        table.add_row(
            str(i), str(t.phase), Text(t.severity.value, style=style), what, str(len(t.closes)), t.effort.value
        )
    out.print(table)
