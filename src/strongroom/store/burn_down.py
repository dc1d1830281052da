"""Which checks failed in the runs before: what a burn-down is drawn from, in one question."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from strongroom.model.codes import Status
from strongroom.model.snapshot import Kept
from strongroom.store.schema import FINDINGS, SNAPSHOTS

DAYS = 100
ROWS = 1_000_000
"""Bounds on what is looked at: the last run of each of the latest days, and findings in all of them together."""


def kept(db: Connection, same: Callable[[Sequence[str]], bool], before: datetime) -> tuple[Kept, ...]:
    """Runs up to a moment, one a day, oldest first, with the checks that failed in each; `same` says of whose sources."""
    stamp = before.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    s = SNAPSHOTS.c
    size = (s.passed + s.failed + s.unknown).label("size")
    runs = select(s.id, s.taken_at, s.sources, size).where(s.taken_at <= stamp)
    chosen: dict[str, tuple[str, datetime]] = {}
    left = ROWS
    for r in db.execute(runs.order_by(s.taken_at.desc(), s.id.desc())):
        day = r.taken_at[:10]
        if day not in chosen and same(msgspec.json.decode(r.sources, type=list[str])):
            left -= r.size
            if left < 0 or len(chosen) == DAYS:
                break
            chosen[day] = (r.id, datetime.fromisoformat(r.taken_at))
    failing = _failing(db, [ident for ident, _ in chosen.values()])
    return tuple(Kept(ident, at, tuple(failing[ident])) for ident, at in reversed(chosen.values()))


def _failing(db: Connection, snapshots: Sequence[str]) -> dict[str, list[str]]:
    f = FINDINGS.c
    found = select(f.snapshot, f.check_id).where(f.snapshot.in_(snapshots), f.status == Status.FAIL.value).distinct()
    of: dict[str, list[str]] = defaultdict(list)
    for snapshot, check in db.execute(found.order_by(f.check_id)):
        of[snapshot].append(check)
    return of
