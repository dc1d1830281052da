"""Hosts and their standings as rows, and the database that holds them."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, func, insert, inspect, select
from sqlalchemy.engine import make_url

from strongroom.model.errors import StateError
from strongroom.model.standing import Counters, Enrolment, Grade, Standing, StandingState
from strongroom.store.standing_schema import HOSTS, ROLLS, SCHEMA, VERSION, WATCH

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"  # sorts as text in every engine
_MAKING = 0x53747761  # the lock under which tables are made
_RECORDS = frozenset({"passed", "failing"})
HELD = select(*(c for c in HOSTS.c if c.name not in _RECORDS))


class Held(NamedTuple):
    """A host as it is remembered. `revision` is the row's: who writes it names the one that was read."""

    enrolment: Enrolment
    standing: Standing
    revision: int = 0


def stamp(at: datetime) -> str:
    """A time as text."""
    return at.strftime(_STAMP)


def time(text: object) -> datetime:
    """The time of a text."""
    return datetime.fromisoformat(str(text))


def _maybe(text: object) -> datetime | None:
    return None if text is None else time(text)


def held(r: RowMapping) -> Held:
    """A host of a row."""
    counters = None if r["resets"] is None else Counters(r["resets"], r["restarts"], r["clock"])
    enrolment = Enrolment(
        host=r["host"],
        ek=r["ek"],
        ak_name=r["ak_name"],
        ak_public=bytes(r["ak_public"]),
        grade=Grade(r["grade"]),
        enrolled_at=time(r["enrolled_at"]),
        admitted_at=_maybe(r["admitted_at"]),
        admitted_by=r["admitted_by"],
        root=r["root"],
        maker=r["maker"],
    )
    standing = Standing(
        host=r["host"],
        state=StandingState(r["state"]),
        since=time(r["since"]),
        reason=r["reason"],
        last_at=_maybe(r["last_at"]),
        until=_maybe(r["until"]),
        failed=tuple(str(r["failed"]).split()),
        counters=counters,
        evidence=r["evidence"],
    )
    return Held(enrolment, standing, r["revision"])


def row(h: Held) -> dict[str, object]:
    """A host as a whole row, without records."""
    e = h.enrolment
    fixed = {"host": e.host, "ak_name": e.ak_name, "ak_public": e.ak_public, "enrolled_at": stamp(e.enrolled_at)}
    return {**fixed, **moved(h), "revision": h.revision, "passed": b"", "failing": b""}


def moved(h: Held) -> dict[str, object]:
    """What of a row changes in its life."""
    e, s = h.enrolment, h.standing
    return {
        "ek": e.ek,
        "grade": e.grade.value,
        "root": e.root,
        "maker": e.maker,
        "admitted_at": stamp(e.admitted_at) if e.admitted_at else None,
        "admitted_by": e.admitted_by,
        "state": s.state.value,
        "since": stamp(s.since),
        "reason": s.reason,
        "last_at": stamp(s.last_at) if s.last_at else None,
        "until": stamp(s.until) if s.until else None,
        "failed": " ".join(s.failed),
        "resets": s.counters.resets if s.counters else None,
        "restarts": s.counters.restarts if s.counters else None,
        "clock": s.counters.clock if s.counters else None,
        "evidence": s.evidence,
    }


def engine(url: str, seconds: float, synchronous: str = "FULL") -> Engine:
    """The database of a URL or a path; a file is its owner's alone, and commits to it are as durable as is said."""
    if "://" in url:
        return create_engine(make_url(url), pool_timeout=seconds, pool_pre_ping=True)
    path = Path(url)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    made = create_engine(make_url(f"sqlite:///{path}"), pool_timeout=seconds)

    def pragmas(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined] # a connection of sqlite3
        for pragma in (f"busy_timeout={int(seconds * 1000)}", "journal_mode=WAL", f"synchronous={synchronous}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(made, "connect", pragmas)
    return made


def prepare(db: Connection, where: str) -> None:
    """Make the tables that are not there yet. Raises StateError for those of a newer version."""
    if not inspect(db).has_table(ROLLS.name):
        if db.dialect.name == "sqlite":
            db.exec_driver_sql("BEGIN IMMEDIATE")
        elif db.dialect.name == "postgresql":
            db.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        WATCH.create_all(db)
    versions = [int(v) for v in db.execute(select(SCHEMA.c.version)).scalars()]
    if not versions:
        db.execute(insert(SCHEMA), {"version": VERSION})
    elif max(versions) > VERSION:
        raise StateError(f"database {where}", f"tables of version {max(versions)}", f"{VERSION} or older")


def fault(where: str, error: Exception) -> StateError:
    """What went wrong with a database, without its password."""
    shown = make_url(where).render_as_string(hide_password=True) if "://" in where else where
    first = (str(getattr(error, "orig", None) or error).splitlines() or [""])[0]
    return StateError(f"database {shown}", first[:160].lower() or "an error", "a database that can be used")
