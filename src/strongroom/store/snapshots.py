"""Snapshots: written whole or not at all, read back for comparison."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, func, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from strongroom.model.codes import Severity, Status
from strongroom.model.errors import NotFound, StateError
from strongroom.model.snapshot import Beside, Snapshot, StoredFinding
from strongroom.store import people
from strongroom.store.schema import FINDINGS, LOGGED, METADATA, SCHEMA, SNAPSHOTS, STANDING_INDEX, VERSION

_BATCH = 5000
_STATUS: dict[str, Status] = {s.value: s for s in Status}
_SEVERITY: dict[str, Severity] = {s.value: s for s in Severity}
_MAKING = 0x5374726F6E67  # the lock under which tables are made: any number that nobody else takes
LISTED = "strongroom snapshots lists them"
"""The hint where runs are kept, and not the one that was named."""


class Store:
    """An open state database. A context manager; every write is one transaction."""

    def __init__(self, url: str) -> None:
        """Open `url`, or a path, making the database when it is new. Raises StateError."""
        self._where = _shown(url)
        try:
            self._engine = _engine(url)
            with self._engine.begin() as db:
                _prepare(db, self._where)
        except (SQLAlchemyError, ArgumentError, OSError, ModuleNotFoundError) as e:
            raise _fault(self._where, e) from None

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        self._engine.dispose()

    def add(
        self,
        taken_at: datetime,
        sources: Sequence[str],
        assets: int,
        findings: Iterable[StoredFinding],
        beside: Beside | None = None,
    ) -> Snapshot:
        """Keep one run, with what stands beside its findings. Raises StateError, and then nothing of it is kept."""
        identity = taken_at.strftime("%Y%m%dT%H%M%S") + "-" + secrets.token_hex(3)
        counts = dict.fromkeys(Status, 0)
        digest = hashlib.sha256()
        try:
            with self._engine.begin() as db:
                row = {"id": identity, "taken_at": _stamp(taken_at), "sources": msgspec.json.encode(sources).decode()}
                zero = {"assets": assets, "passed": 0, "failed": 0, "unknown": 0, "digest": ""}
                db.execute(insert(SNAPSHOTS), row | zero)
                for batch in _batches(findings):
                    for f in batch:
                        counts[f.status] += 1
                    digest.update("".join([f"{f.fingerprint}{f.status}\n" for f in batch]).encode())
                    _insert(db, identity, batch)
                final = {
                    "passed": counts[Status.PASS],
                    "failed": counts[Status.FAIL],
                    "unknown": counts[Status.UNKNOWN],
                    "digest": digest.hexdigest(),
                }
                db.execute(SNAPSHOTS.update().where(SNAPSHOTS.c.id == identity).values(final))
                if beside is not None:
                    people.keep(db, identity, beside)
        except SQLAlchemyError as e:
            raise _fault(self._where, e) from None
        return self.get(identity)

    def list(self) -> tuple[Snapshot, ...]:
        """Every snapshot, oldest first. Raises StateError."""
        with self.reading() as db:
            cited = select(SNAPSHOTS, LOGGED.c.origin.label("log"), LOGGED.c.entry).outerjoin(LOGGED)
            rows = db.execute(cited.order_by(SNAPSHOTS.c.taken_at, SNAPSHOTS.c.id))
            return tuple(_snapshot(r._mapping) for r in rows)  # noqa: SLF001 - SQLAlchemy's documented row mapping

    def get(self, name: str) -> Snapshot:
        """The snapshot of an id, of a unique beginning of one, or `latest` / `previous`. Raises NotFound."""
        known = self.list()
        if name in ("latest", "previous") and len(known) >= (1 if name == "latest" else 2):
            return known[-1] if name == "latest" else known[-2]
        found = [s for s in known if s.id.startswith(name)]
        if len(found) == 1:
            return found[0]
        what = "no snapshot yet" if not known else "no such snapshot" if not found else f"{len(found)} that begin so"
        if name == "previous" and known:
            raise NotFound("snapshot 'previous'", "only one snapshot", "two", "strongroom assess SOURCE keeps another")
        hint = LISTED if known else "strongroom assess SOURCE keeps one"
        raise NotFound(f"snapshot {name!r}", what, "the id of one snapshot", hint)

    def cite(self, snapshot: str, origin: str, entry: int) -> None:
        """Remember where the log says that a snapshot was taken. Raises StateError."""
        try:
            with self._engine.begin() as db:
                db.execute(insert(LOGGED), {"snapshot": snapshot, "origin": origin, "entry": entry})
        except SQLAlchemyError as e:
            raise _fault(self._where, e) from None

    def findings(self, snapshot: Snapshot) -> Iterator[StoredFinding]:
        """What a snapshot found. Raises StateError."""
        c = FINDINGS.c
        columns = (c.fingerprint, c.check_id, c.control, c.asset, c.address, c.status, c.severity, c.because)
        with self.reading() as db:
            # A hundred thousand rows: the words are looked up in a table, and the rows come in batches.
            for rows in db.execute(select(*columns).where(c.snapshot == snapshot.id)).partitions(_BATCH):
                for fingerprint, check, control, asset, address, status, severity, because in rows:
                    said, weight = _STATUS.get(status) or Status(status), _SEVERITY.get(severity) or Severity(severity)
                    yield StoredFinding(fingerprint, check, control, asset, address, said, weight, because)

    def beside(self, snapshot: Snapshot) -> Beside:
        """What stands beside the findings of a snapshot; of one that an older version kept, nothing."""
        with self.reading() as db:
            return people.beside(db, snapshot.id)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, for the functions of `store.people`. Raises StateError, and then nothing of it is kept."""
        try:
            with self._engine.begin() as db:
                yield db
        except SQLAlchemyError as e:
            raise _fault(self._where, e) from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with. Raises StateError, also for values that this version does not understand."""
        try:
            with self._engine.connect() as db:
                yield db
        except SQLAlchemyError as e:
            raise _fault(self._where, e, _READING) from None
        except (ValueError, TypeError, msgspec.DecodeError) as e:
            # A word or value that this version does not write: of a newer one, or damage that the engine cannot see.
            why = f"a value that cannot be read: {str(e).splitlines()[0][:120].lower()}"
            raise StateError(f"state database {self._where}", why, _READING, _RESTORE) from None


_READING = "a database that can be read"
_RESTORE = "restore it from a backup, or name another with --state"


def _engine(url: str) -> Engine:
    if "://" not in url:
        path = Path(url)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        url = f"sqlite:///{path}"
    engine = create_engine(make_url(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare(db: Connection, where: str) -> None:
    if not _whole(db):
        # Processes that meet at a new database make its tables one after the other, or each trips over the others'.
        if db.dialect.name == "sqlite":
            db.exec_driver_sql("BEGIN IMMEDIATE")
        elif db.dialect.name == "postgresql":
            db.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        METADATA.create_all(db)
        STANDING_INDEX.create(db, checkfirst=True)
    versions = [int(v) for v in db.execute(select(SCHEMA.c.version)).scalars()]
    if not versions:
        db.execute(insert(SCHEMA), {"version": VERSION})
    elif max(versions) > VERSION:
        raise StateError(
            f"state database {where}", f"schema {max(versions)}", f"{VERSION} or older", "upgrade strongroom"
        )


def _whole(db: Connection) -> bool:
    """Whether every table is there, and the index that came after the first databases."""
    there = inspect(db)
    tables = set(there.get_table_names())
    return METADATA.tables.keys() <= tables and there.has_index(FINDINGS.name, str(STANDING_INDEX.name))


def _shown(url: str) -> str:
    """The place as messages name it: without the password."""
    if "://" not in url:
        return url
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition("://")[0] + "://…"


def _fault(where: str, error: Exception, wanted: str = "a database that can be written") -> StateError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0][:160]
    hint = "name another with --state, or leave it out with --no-snapshot"
    if isinstance(error, ModuleNotFoundError):
        hint = "pip install 'strongroom[postgres]', and name it postgresql+psycopg://…"
    elif any(words in reason for words in ("malformed", "not a database")):
        hint = _RESTORE
    elif wanted is _READING:
        hint = "name another with --state"
    return StateError(f"state database {where}", reason, wanted, hint)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _batches(findings: Iterable[StoredFinding]) -> Iterator[list[StoredFinding]]:
    stream = iter(findings)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _insert(db: Connection, snapshot: str, batch: Sequence[StoredFinding]) -> None:
    """Insert many rows. SQLAlchemy's own handling of parameters costs as much as SQLite's writing, so it is left out."""
    names = [c.name for c in FINDINGS.columns]
    values = [
        (snapshot, f.fingerprint, f.check, f.control, f.asset, f.address, f.status.value, f.severity.value, f.because)
        for f in batch
    ]
    if db.dialect.paramstyle == "qmark":
        marks = ", ".join("?" for _ in names)
        db.exec_driver_sql(f"INSERT INTO {FINDINGS.name} ({', '.join(names)}) VALUES ({marks})", values)  # noqa: S608 - our own names
    else:
        db.execute(insert(FINDINGS), [dict(zip(names, v, strict=True)) for v in values])


def _snapshot(row: RowMapping) -> Snapshot:
    values: dict[str, object] = {str(k): v for k, v in row.items()}  # the keys are a subclass of str
    values["sources"] = msgspec.json.decode(str(values["sources"]))
    return msgspec.convert(values, Snapshot)
