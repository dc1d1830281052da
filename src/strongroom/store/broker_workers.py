"""Brokers that serve from a database, as each of them says itself: since when, and what its operator's lines tell.

The configuration says what a broker should do; a variable of its surroundings, or another file, may have said otherwise.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from strongroom.store.broker_schema import WORKERS

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


class Worker(NamedTuple):
    """A broker's process. `redacted` says that its lines have words of a fixed list alone, `twin` that it is one for debugging."""

    id: str
    redacted: bool
    twin: bool
    started: datetime
    seen: datetime


def joined(db: Connection, worker: Worker) -> None:
    """Keep that it serves, from its start on."""
    row = {
        "id": worker.id,
        "redacted": int(worker.redacted),
        "twin": int(worker.twin),
        "started": worker.started.strftime(_STAMP),
        "seen": worker.seen.strftime(_STAMP),
    }
    db.execute(insert(WORKERS), row)


def seen(db: Connection, ident: str, now: datetime, gone: datetime) -> bool:
    """Keep that it is still there, and forget those that were last seen before `gone`. False where it was itself forgotten."""
    db.execute(delete(WORKERS).where(WORKERS.c.seen < gone.strftime(_STAMP), WORKERS.c.id != ident))
    there = update(WORKERS).where(WORKERS.c.id == ident).values(seen=now.strftime(_STAMP))
    return db.execute(there).rowcount == 1


def left(db: Connection, ident: str) -> None:
    """It serves no more."""
    db.execute(delete(WORKERS).where(WORKERS.c.id == ident))


def workers(db: Connection) -> tuple[Worker, ...]:
    """All that serve, or ended without a word."""
    rows = db.execute(select(WORKERS).order_by(WORKERS.c.started, WORKERS.c.id)).mappings()
    return tuple(
        Worker(
            str(r["id"]),
            bool(r["redacted"]),
            bool(r["twin"]),
            datetime.fromisoformat(str(r["started"])),
            datetime.fromisoformat(str(r["seen"])),
        )
        for r in rows
    )
