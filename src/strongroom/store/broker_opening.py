"""A broker's database, opened: SQLite at a path, PostgreSQL by URL; and the few statements of each release, made ready once.

A release asks the database three times. Through all of SQLAlchemy's layers that costs as much as the signature of its
evidence, so these statements are compiled when it is opened, and go to the driver as they are.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, inspect, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import Executable

from strongroom.model.errors import StateError
from strongroom.store.broker_schema import BROKER, RESOURCES, SCHEMA, VERSION, WORKERS

_MAKING = 0x53746272  # the lock under which tables are made


Row = tuple[object, ...]


class How(Enum):
    """What a transaction does."""

    READS = auto()
    WRITES = auto()
    RELAXED = auto()  # it writes, and does not wait for the disk


class Cursor(Protocol):
    """What a driver answers (PEP 249)."""

    @property
    def description(self) -> object:
        """What its columns are; None for a statement that gives no rows."""

    def execute(self, text: str, given: Row | Mapping[str, object], /) -> object:
        """Run a statement."""

    def fetchone(self) -> Row | None:
        """The next row."""

    def close(self) -> None:
        """Let go of it."""


class Statement:
    """A statement in the words of one database, with the order that its driver takes values in."""

    def __init__(self, made: Executable, dialect: Dialect) -> None:
        found = made.compile(dialect=dialect)  # type: ignore[attr-defined] # every Executable of Core has it
        self._text, self._order, self._usual = str(found), tuple(found.positiontup or ()), dict(found.params)

    def run(self, cursor: Cursor, given: Mapping[str, object]) -> Row | None:
        """Run it with values by their names; its first row, where it has one."""
        held = {**self._usual, **given}
        cursor.execute(self._text, tuple(held[n] for n in self._order) if self._order else held)
        return cursor.fetchone() if cursor.description is not None else None


# What is said before and after a transaction that need not be on the disk by itself: the next one that must be takes it
# along, for both databases write one log in the order of commits.
_RELAXED = {
    "sqlite": (("PRAGMA synchronous=NORMAL",), ("PRAGMA synchronous=FULL",)),
    "postgresql": (("SET LOCAL synchronous_commit = off",), ()),
}


@contextmanager
def cursor(engine: Engine, *, relaxed: bool = False) -> Iterator[Cursor]:
    """One transaction of the driver's own. Raises what the driver raises; then its connection is not used again.

    `relaxed` does not wait for the disk: after a loss of power the transaction may be gone, with all that followed.
    """
    before, after = _RELAXED.get(engine.dialect.name, ((), ())) if relaxed else ((), ())
    held = engine.raw_connection()
    try:
        found = held.cursor()
        try:
            for words in before:
                found.execute(words)
            yield found
            held.commit()
            for words in after:
                found.execute(words)
        finally:
            found.close()
    except engine.dialect.loaded_dbapi.IntegrityError:
        held.rollback()
        if after:
            held.invalidate()
        raise
    except engine.dialect.loaded_dbapi.Error:
        held.invalidate()
        raise
    finally:
        held.close()


def open_engine(url: str, seconds: float) -> Engine:
    """A database by URL or path; a new file is its owner's alone. Raises OSError, ArgumentError."""
    if "://" in url:
        return create_engine(make_url(url), pool_timeout=seconds)
    path = Path(url)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = create_engine(make_url(f"sqlite:///{path}"), pool_timeout=seconds)

    def pragmas(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined] # a connection of sqlite3
        for pragma in (f"busy_timeout={int(seconds * 1000)}", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", pragmas)
    return engine


def prepare(db: Connection, where: str) -> None:
    """Make what is not there, and bring what is of before to this schema. Raises StateError for a newer one."""
    if inspect(db).has_table(WORKERS.name) and _version(db, where) == VERSION:
        return
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("BEGIN IMMEDIATE")
    elif db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(_MAKING)))
    BROKER.create_all(db)
    before = _version(db, where)
    if not before:
        db.execute(insert(SCHEMA), {"version": VERSION})
    elif before < VERSION:
        _bring(db)
        db.execute(update(SCHEMA).values(version=VERSION))


def _version(db: Connection, where: str) -> int:
    """The schema that is there; 0 where nobody has said. Raises StateError for a newer one."""
    found = max((int(v) for v in db.execute(select(SCHEMA.c.version)).scalars()), default=0)
    if found > VERSION:
        raise StateError(f"broker database {where}", f"schema {found}", f"{VERSION} or older")
    return found


def _bring(db: Connection) -> None:
    """From schema 1: what was deposited then has no purpose."""
    name, kind = RESOURCES.c.purpose.name, RESOURCES.c.purpose.type.compile(db.dialect)
    if name not in {c["name"] for c in inspect(db).get_columns(RESOURCES.name)}:
        db.exec_driver_sql(f"ALTER TABLE {RESOURCES.name} ADD COLUMN {name} {kind} DEFAULT '' NOT NULL")


def fault(where: str, error: Exception) -> StateError:
    """What a driver says, in our words, and without a password."""
    shown = make_url(where).render_as_string(hide_password=True) if "://" in where else where
    first = (str(getattr(error, "orig", None) or error).splitlines() or [""])[0]
    return StateError(f"broker database {shown}", first[:160].lower() or "an error", "a database that can be used")
