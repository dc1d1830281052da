"""Drift from files, and its history in the log: what GPUs were used by, each time that somebody measured it."""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from strongroom.app import log_entries
from strongroom.app.admission_open import digest_of
from strongroom.app.isolation import MOST_STATE, octets
from strongroom.app.log import Log, Place, actor
from strongroom.isolate import drift as drifts
from strongroom.isolate import uses as documents
from strongroom.isolate.drift import Drifted
from strongroom.isolate.slurm_facts import Facts
from strongroom.isolate.state import State
from strongroom.isolate.uses import Uses
from strongroom.kit import strict_json
from strongroom.model.codes import EntryKind
from strongroom.model.isolate import Rule
from strongroom.model.log import LogEntry

SUBJECT = "isolation drift"
MEETING = frozenset({"mixed-gpu", "wrong-rung", "island-mixed"})  # codes of somebody who is where another one is
_LINES, _LONG = 200, 300


class Measured(NamedTuple):
    """What was found, the nodes with GPUs that nobody measured, and the digest of what was measured."""

    found: tuple[Drifted, ...]
    unmeasured: tuple[str, ...]
    uses: Uses
    digest: str


def load_uses(paths: Sequence[str]) -> tuple[Uses, str]:
    """The documents of several nodes as one, and a digest of them. Raises Unreadable, TooLarge, Malformed."""
    parts, digest = [], hashlib.sha256()
    for path in paths:
        data = octets(path, MOST_STATE)
        strict_json.check(data, path, "strongroom isolate uses --help")
        parts.append(documents.read(data, path))
        digest.update(hashlib.sha256(data).digest())
    return documents.joined(parts), f"sha256:{digest.hexdigest()}"


def measure(rule: Rule, state: State, paths: Sequence[str], facts: Facts | None = None) -> Measured:
    """What GPUs are used by beside what a cluster says. Raises Unreadable, TooLarge, Malformed."""
    uses, digest = load_uses(paths)
    return Measured(tuple(drifts.drift(rule, state, uses, facts)), drifts.unmeasured(state, uses), uses, digest)


def line(found: Drifted) -> str:
    """A finding on one line."""
    return f"{found.code} {found.gpu} of {found.node}: {found.found}"[:_LONG]


def record(log: Log, rule: Rule, measured: Measured, now: datetime) -> int:
    """Log what was measured; the entry. Raises LogUnavailable."""
    lines = tuple(line(f) for f in measured.found)
    at = measured.uses.at or now
    entry = LogEntry(
        kind=EntryKind.DRIFT, subject=SUBJECT, actor=actor(), at=now,
        fields={
            "gpus": len(measured.uses.gpus), "nodes": tuple(sorted(measured.uses.measured)), "measured": at.isoformat(),
            "found": lines[:_LINES], "findings": len(lines),
            "meetings": sum(f.code in MEETING for f in measured.found),
            "unmeasured": measured.unmeasured[:_LINES], "blind": measured.uses.blind[:_LINES],
        },
        digests={"rule": digest_of(rule), "uses": measured.digest},
    )  # fmt: skip
    return log.record(entry).index


class History(NamedTuple):
    """What the log has of the last days: how far back it goes, its widest gap, who met, and what nobody measured then."""

    entries: int
    days: float
    gap_hours: float
    met: tuple[str, ...]
    unmeasured: tuple[str, ...]


def history(entries: Sequence[LogEntry], now: datetime, days: int) -> History:
    """The measures of the last days, with the one before them: it is what the first of them follows."""
    found = sorted((e for e in entries if e.kind is EntryKind.DRIFT and e.subject == SUBJECT), key=lambda e: e.at)
    since = now - timedelta(days=days)
    recent = [e for e in found if since <= e.at <= now]
    before = [e for e in found if e.at < since][-1:]
    counted = [*before, *recent]
    if not counted:
        return History(0, 0.0, 0.0, (), ())
    times = [*(e.at for e in counted), now]
    widest = max((b - a).total_seconds() for a, b in itertools.pairwise(times)) / 3600
    met = [
        f"{e.at:%Y-%m-%d %H:%M} {line}" for e in counted for line in _texts(e, "found") if line.split()[0] in MEETING
    ]
    blind = dict.fromkeys(n for e in counted for n in (*_texts(e, "unmeasured"), *_texts(e, "blind")))
    reach = (now - counted[0].at).total_seconds() / 86_400
    return History(len(counted), round(reach, 2), round(widest, 1), tuple(met), tuple(blind))


def _texts(entry: LogEntry, name: str) -> tuple[str, ...]:
    found = entry.fields.get(name)
    return tuple(f for f in found if f) if isinstance(found, tuple) else ()


def kept(place: Place) -> list[LogEntry]:
    """The measures that a log has. Raises NotFound, LogError."""
    got = log_entries.entries(place, [EntryKind.DRIFT.value])
    return [g.entry for g in got if g.entry is not None]
