"""Hosts and their standings for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.app.watch_hosts import Host
from strongroom.cli.lines import clean

SCHEMA = "strongroom.hosts/1"
_STYLE = {"trusted": "green", "lost": "bold red", "stale": "yellow", "enrolled": "cyan", "refused": "magenta"}
_ORDER = ("lost", "stale", "refused", "enrolled", "trusted")  # what somebody has to see to comes first
_MOST = 200  # rows of the table; the rest is in the JSON


class _Row(msgspec.Struct):
    host: str
    state: str
    since: datetime
    until: datetime | None
    last_at: datetime | None
    grade: str
    admitted: bool
    admitted_at: datetime | None
    admitted_by: str
    reason: str
    failed: tuple[str, ...]
    ak_name: str
    ek: str
    root: str
    maker: str
    enrolled_at: datetime
    evidence: str


class _Hosts(msgspec.Struct):
    schema: str
    hosts: Sequence[_Row]


def as_json(found: Sequence[Host]) -> Iterator[str]:
    """Everything, as JSON."""
    rows = [_row(h) for h in found]
    yield msgspec.json.format(msgspec.json.encode(_Hosts(SCHEMA, rows)), indent=2).decode() + "\n"


def _row(h: Host) -> _Row:
    e, s = h.enrolment, h.standing
    return _Row(
        host=e.host,
        state=h.state.value,
        since=s.since if h.state is s.state else s.until or s.since,
        until=s.until,
        last_at=s.last_at,
        grade=e.grade.value,
        admitted=e.admitted,
        admitted_at=e.admitted_at,
        admitted_by=e.admitted_by,
        reason=_reason(h),
        failed=s.failed,
        ak_name=e.ak_name,
        ek=e.ek,
        root=e.root,
        maker=e.maker,
        enrolled_at=e.enrolled_at,
        evidence=s.evidence,
    )


def _reason(h: Host) -> str:
    return h.standing.reason if h.state is h.standing.state else "it fell silent, and nobody has swept since"


def table(out: Console, found: Sequence[Host], now: datetime) -> None:
    """The hosts, those first that somebody has to see to."""
    if not found:
        out.print("no host yet: strongroom attest agent, on the host, enrols one", markup=False)
        return
    counts = Counter(h.state.value for h in found)
    shown = (Text(f"{counts[s]:,} {s}", style=_STYLE[s]) for s in reversed(_ORDER) if counts[s])
    out.print(Text("  ").join(shown))
    out.print()
    held = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for name in ("host", "state", "since", "until", "grade"):
        held.add_column(name, no_wrap=True, overflow="ellipsis", max_width=30 if name == "host" else None)
    ordered = sorted(found, key=lambda h: (_ORDER.index(h.state.value), h.enrolment.host))
    for h in ordered[:_MOST]:
        row = _row(h)
        state = Text(row.state, style=_STYLE[row.state])
        until = _left(row.until, now) if row.state == "trusted" else ""
        held.add_row(Text(clean(row.host)), state, _since(row.since, now), until, row.grade)
    out.print(held)
    _reasons(out, ordered[:_MOST])
    if len(ordered) > _MOST:
        out.print(Text(f"and {len(ordered) - _MOST:,} more: --format json", style="dim"))


def _reasons(out: Console, found: Sequence[Host]) -> None:
    told = [h for h in found if h.state.value != "trusted"]
    if told:
        out.print()
    for h in told:
        of = f" key {h.enrolment.ak_name[:20]}…" if h.state.value == "refused" else ""
        out.print(Text.assemble((f"{clean(h.enrolment.host)}{of}", "bold"), f": {clean(_reason(h))}"), overflow="fold")


def _since(at: datetime, now: datetime) -> str:
    """A time of today without its day."""
    return at.strftime("%H:%M:%S" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def _left(until: datetime | None, now: datetime) -> str:
    return f"{max(0, int((until - now).total_seconds()))} s more" if until else ""
