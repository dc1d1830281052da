"""A broker's database, to be read and no more: for whoever judges it, and may not change what is judged.

A file of SQLite is opened such that nothing is written beside it, PostgreSQL in transactions that may only read.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from strongroom.model.errors import NotFound, StateError, Unreadable
from strongroom.model.release import Revocation, Workload
from strongroom.store.broker import digest, revocations
from strongroom.store.broker_opening import fault
from strongroom.store.broker_schema import (
    ATTESTATIONS,
    DECISIONS,
    POLICIES,
    RECORDS,
    RESOURCES,
    SCHEMA,
    VERSION,
    WORKERS,
)
from strongroom.store.broker_workers import Worker, workers

_WANTED = "the database of a broker"


class Version(NamedTuple):
    """One version of a resource, without its octets."""

    resource: str
    number: int
    backend: str
    owners: tuple[str, ...]
    at: datetime


class BrokerReading:
    """An open database of a broker, read-only. A context manager."""

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        """Open `url`, or a path. Raises Unreadable, StateError: it is not there, may not be read, or is none."""
        self._where = url
        self._held = ExitStack()
        try:
            self._engine = self._open(url, seconds)
            self._held.callback(self._engine.dispose)
            with self._db() as db:
                _check(db, url)
        except (ArgumentError, OSError) as e:
            self._held.close()
            raise fault(url, e) from None
        except (StateError, Unreadable):
            self._held.close()
            raise

    def _open(self, url: str, seconds: float) -> Engine:
        if "://" in url:
            return _reads_only(create_engine(make_url(url), pool_timeout=seconds))
        return create_engine(make_url(_sqlite(_readable(url, self._held))), connect_args={"timeout": seconds})

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._held.close()

    @contextmanager
    def _db(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as db:
                yield db
        except SQLAlchemyError as e:
            raise fault(self._where, e) from None

    def put(self, octets: bytes) -> str:
        """Never. Raises StateError."""
        raise StateError(f"broker database {self._where}", f"{len(octets)} octets to keep", "to be read only")

    def get(self, named: str) -> bytes:
        """The octets of a digest. Raises NotFound, StateError where they are not what they were."""
        with self._db() as db:
            held = db.execute(select(RECORDS.c.octets).where(RECORDS.c.digest == named)).scalar_one_or_none()
        if held is None:
            raise NotFound(f"records in {self._where}", named[:80], "one that is kept")
        if digest(bytes(held)) != named:
            raise StateError(f"broker database {self._where}", "a record that was changed", named[:80])
        return bytes(held)

    def decision(self, ident: str) -> bytes:
        """What a decision was made of, as JSON. Raises NotFound, StateError."""
        with self._db() as db:
            held = db.execute(select(DECISIONS.c.terms).where(DECISIONS.c.id == ident)).scalar_one_or_none()
        if held is None:
            raise NotFound("decision", ident[:64], "one whose terms are kept")
        return bytes(held)

    def versions(self) -> tuple[Version, ...]:
        """Every version of every resource, by name and number. Raises StateError."""
        r = RESOURCES.c  # by name: a state of before has fewer columns
        asked = select(r.name, r.version, r.backend, r.owners, r.at).order_by(RESOURCES.c.name, RESOURCES.c.version)
        with self._db() as db:
            rows = db.execute(asked).mappings().all()
        try:
            return tuple(
                Version(
                    str(r["name"]),
                    int(r["version"]),
                    str(r["backend"]),
                    msgspec.json.decode(str(r["owners"]), type=tuple[str, ...]),
                    datetime.fromisoformat(str(r["at"])),
                )
                for r in rows
            )
        except (msgspec.MsgspecError, ValueError) as e:
            raise StateError(f"broker database {self._where}", str(e)[:120], "resources as they were kept") from None

    def policy_in_force(self, name: str) -> tuple[int, str] | None:
        """The highest version of a release policy that was ever in force, and its digest. Raises StateError."""
        with self._db() as db:
            row = db.execute(select(POLICIES).where(POLICIES.c.name == name)).mappings().first()
        return (int(row["version"]), str(row["digest"])) if row is not None else None

    def revocations(self) -> tuple[Revocation, ...]:
        """Every revocation. Raises StateError."""
        with self._db() as db:
            return revocations(db)

    def workers(self) -> tuple[Worker, ...]:
        """The brokers that serve from it, as each has said itself; none where no broker of today has opened it. Raises StateError."""
        with self._db() as db:
            return workers(db) if inspect(db).has_table(WORKERS.name) else ()

    def workloads(self) -> Iterator[Workload]:
        """Every appraised workload that is remembered, the newest first. Raises StateError."""
        with self._db() as db:
            rows = db.execute(select(ATTESTATIONS.c.workload).order_by(ATTESTATIONS.c.at.desc())).scalars().all()
        for text in rows:
            try:
                yield msgspec.json.decode(str(text), type=Workload)
            except msgspec.MsgspecError as e:
                raise StateError(f"broker database {self._where}", str(e)[:120], "an attestation") from None


def _readable(path: str, held: ExitStack) -> Path:
    """The file to open. One with a log and no index of it is copied: SQLite would make the index beside it.

    Raises Unreadable, naming the file, for SQLite says only that it cannot.
    """
    given = Path(path)
    log, index = (given.with_name(f"{given.name}{end}") for end in ("-wal", "-shm"))
    try:
        for part in (given, *(p for p in (log, index) if p.exists())):
            with part.open("rb"):
                pass
        if not log.exists() or index.exists():
            return given
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-broker-")))
        for part in (given, log):
            shutil.copyfile(part, folder / part.name)
    except OSError as e:
        raise Unreadable(str(e.filename or given), (e.strerror or "an error").lower(), _WANTED) from None
    return folder / given.name


def _sqlite(path: Path) -> str:
    """The URL that opens it without a write: as what nobody changes, where no log of changes lies beside it."""
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    return f"sqlite:///file:{quote(str(path.absolute()))}?{how}&uri=true"


def _reads_only(engine: Engine) -> Engine:
    def only(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined] # a connection of the driver (PEP 249)
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        cursor.close()
        connection.commit()  # type: ignore[attr-defined] # the same

    event.listen(engine, "connect", only)
    return engine


def _check(db: Connection, where: str) -> None:
    if not inspect(db).has_table(SCHEMA.name):
        raise StateError(f"broker database {where}", "no tables of a broker", _WANTED)
    versions = [int(v) for v in db.execute(select(SCHEMA.c.version)).scalars()]
    if not versions or max(versions) > VERSION:
        raise StateError(f"broker database {where}", f"schema {max(versions, default=0)}", f"{VERSION} or older")
