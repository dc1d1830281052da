"""What would have been denied, since when and whose: from the log of admission; and that somebody has looked at it."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from strongroom.app import log_entries
from strongroom.app.admission_log import SUBJECT, Row
from strongroom.app.admission_open import REVIEWED
from strongroom.app.log import Log, Place, actor
from strongroom.model.codes import EntryKind
from strongroom.model.errors import NotFound
from strongroom.model.isolate import SCHEMA
from strongroom.model.log import LogEntry

_NAMES = 5


class Line(msgspec.Struct, frozen=True):
    """Verdicts of one kind on one namespace: how many, since when, on whom."""

    mode: str
    tenant: str
    namespace: str
    clause: str
    road: str
    count: int
    first: datetime
    last: datetime
    objects: tuple[str, ...]
    users: tuple[str, ...]
    found: str


class Report(msgspec.Struct, frozen=True):
    """All of it, and the digest by which a rule names it. `rules` are the digests of the rules that were judged by."""

    schema: str
    lines: tuple[Line, ...]
    rules: tuple[str, ...]
    entries: int

    @property
    def digest(self) -> str:
        """Of what it says, as the log and a rule name it."""
        return f"sha256:{hashlib.sha256(msgspec.json.encode(self, order='deterministic')).hexdigest()}"


def report(place: Place, mode: str = "") -> Report:
    """What the log of admission holds. Raises NotFound where it holds nothing, LogError."""
    found: dict[tuple[str, ...], Line] = {}
    rules: set[str] = set()
    entries = 0
    for row, rule in _rows(place):
        entries += 1
        rules.add(rule)
        if mode and row.mode != mode:
            continue
        key = (row.mode, row.tenant, row.namespace, row.clause, row.road)
        found[key] = _with(found.get(key), row)
    if not entries:
        hint = "strongroom serve admission writes it, once a cluster's API server asks it"
        raise NotFound("admission", "nothing in the log", "what it observed", hint)
    return Report(SCHEMA, tuple(found[k] for k in sorted(found)), tuple(sorted(rules - {""})), entries)


def _with(line: Line | None, row: Row) -> Line:
    name = f"{row.kind} {row.name}".strip()
    if line is None:
        users = (row.user,) if row.user else ()
        return Line(*_key(row), row.count, row.first, row.last, (name,), users, row.found)
    return msgspec.structs.replace(
        line,
        count=line.count + row.count,
        first=min(line.first, row.first),
        last=max(line.last, row.last),
        objects=tuple(dict.fromkeys((*line.objects, name)))[:_NAMES],
        users=tuple(dict.fromkeys((*line.users, row.user)))[:_NAMES],
    )


def _key(row: Row) -> tuple[str, str, str, str, str]:
    return row.mode, row.tenant, row.namespace, row.clause, row.road


def _rows(place: Place) -> Iterator[tuple[Row, str]]:
    """What was rolled up, and every denial, as rows."""
    kinds = [EntryKind.ADMISSION.value, EntryKind.DENIAL.value]
    for got in log_entries.entries(place, kinds):
        entry = got.entry
        if entry is None:
            continue
        rule = entry.digests.get("rule", "")
        if entry.kind is EntryKind.ADMISSION:
            lines = entry.fields.get("rows")
            for line in lines if isinstance(lines, tuple) else ():
                yield msgspec.json.decode(line, type=Row), rule
        elif entry.fields.get("verb") == SUBJECT:
            yield from ((row, rule) for row in _denied(entry))


def _denied(entry: LogEntry) -> Iterator[Row]:
    def text(name: str) -> str:
        return str(entry.fields.get(name) or "")

    reasons = entry.fields.get("reasons")
    for reason in reasons if isinstance(reasons, tuple) else ():
        clause, _, rest = reason.partition(" ")
        road, _, found = rest.partition(": ")
        what = entry.subject.removeprefix(f"{SUBJECT} ").split(" ", 2)
        operation, kind, name = (*what, "", "", "")[:3]
        yield Row("deny", text("namespace"), text("tenant"), kind, operation, name.rpartition("/")[2], text("user"), clause, road, found, 1, entry.at, entry.at)  # fmt: skip


def review(log: Log, found: Report, now: datetime) -> int:
    """Log that somebody has looked at a report; the entry. Raises LogUnavailable."""
    entry = LogEntry(
        kind=EntryKind.POLICY_CHANGE, subject=REVIEWED, actor=actor(), at=now,
        fields={"lines": len(found.lines), "verdicts": sum(line.count for line in found.lines)},
        digests={"report": found.digest},
    )  # fmt: skip
    return log.record(entry).index
