"""The tables of a log in a database, how it is connected to, and what its failures mean."""

import contextlib
from collections.abc import Iterable, Iterator

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from strongroom.model.errors import BadInput, LogUnavailable, NotFound

_METADATA = MetaData()
STATE = Table(
    "strongroom_log_state",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: a second log meets the key
    Column("settings", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
)
JOURNAL = Table(
    "strongroom_log_journal",
    _METADATA,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("finish", BigInteger, nullable=False, unique=True),
    Column("compacted", Boolean, nullable=False),
    Column("record", LargeBinary, nullable=False),
)
WHOLE = ~JOURNAL.c.compacted
Index("strongroom_log_journal_whole", JOURNAL.c.finish, postgresql_where=WHOLE, sqlite_where=WHOLE)
OBJECT = Table(
    "strongroom_log_object",
    _METADATA,
    Column("path", String(128), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
DISCLOSURE = Table(
    "strongroom_log_disclosure",
    _METADATA,
    Column("commitment", String(128), primary_key=True),
    Column("text", Text, nullable=False),
)

WRITING, PUBLISHING, _MAKING = 0x5352_0001, 0x5352_0002, 0x5352_0003  # the upper halves of the advisory locks' keys
# Purpose and table: two logs in two schemas of a database do not wait for each other.
LOCK_KEY = f"(CAST(:purpose AS bigint) << 32) + CAST(CAST(CAST('{JOURNAL.name}' AS regclass) AS oid) AS bigint)"
_UNDEFINED_TABLE, LOCK_NOT_AVAILABLE = "42P01", "55P03"  # PostgreSQL, "Error Codes"


class Database:
    """An engine, and what its failures mean for a log."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # The parser's own words may hold a part of the URL, and so of a password.
            raise BadInput("database of a log", "no URL", "postgresql://USER@HOST/DATABASE") from None
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.where = _shown(parsed)
        try:
            self._engine = _engine(parsed)
        except ModuleNotFoundError as e:
            found = f"no module {e.name}"
            raise LogUnavailable(
                f"log {self.where}", found, "its driver", "pip install 'strongroom[postgres]'"
            ) from None
        except (ArgumentError, SQLAlchemyError):
            raise BadInput(f"log {self.where}", "no database of this kind", "postgresql:// or sqlite://") from None
        if self._engine.dialect.name not in {"postgresql", "sqlite"}:
            raise BadInput(f"log {self.where}", self._engine.dialect.name, "postgresql or sqlite")
        self.locks = self._engine.dialect.name == "postgresql"

    def unavailable(self, found: str, wanted: str, hint: str = "") -> LogUnavailable:
        """The error that the database cannot do it now."""
        return LogUnavailable(f"log {self.where}", found, wanted, hint)

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """Turn the driver's errors into the log's. Statements and their values, entries among them, are left out."""
        try:
            yield
        except SQLAlchemyError as e:
            reason = str(getattr(e, "orig", None) or type(e).__name__).strip().partition("\n")[0][:200]
            if state_of(e) == _UNDEFINED_TABLE or reason.startswith("no such table"):
                raise NotFound(f"log {self.where}", "no log", "a log", "strongroom log init") from None
            raise self.unavailable(reason, "an answer of the database") from None

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction."""
        with self.faults(), self._engine.begin() as db:
            yield db

    @contextlib.contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection on which each statement is a transaction: one round trip, durable when it returns."""
        with self.faults(), self._engine.connect() as db:
            yield db.execution_options(isolation_level="AUTOCOMMIT")

    def make(self, db: Connection, tables: Iterable[Table]) -> None:
        """Make the tables that are not there."""
        if self.locks:  # IF NOT EXISTS alone loses a race with another that makes them.
            db.execute(text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint) << 32)"), {"key": _MAKING})
        for table in tables:
            db.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda i: str(i.name)):
                db.execute(CreateIndex(index, if_not_exists=True))

    def upsert(self, table: Table) -> "postgresql.Insert | sqlite.Insert":
        """An insert that can say what to do on a conflict; the two dialects write it alike."""
        return postgresql.insert(table) if self.locks else sqlite.insert(table)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _shown(url: URL) -> str:
    # A query may hold a password too (libpq, "Parameter Key Words"), so it is left out as a whole.
    plain = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    return plain.render_as_string(hide_password=True)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "postgresql":
        engine = create_engine(url, hide_parameters=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        return engine
    # A server that went away without a word must not hold a writer for the kernel's quarter of an hour.
    patience = {"connect_timeout": 10, "tcp_user_timeout": 30_000, "keepalives_idle": 30}
    patience = {name: value for name, value in patience.items() if name not in url.query}
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=patience)
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    # EXTRA: durable when it returns (SQLite, "PRAGMA synchronous"). secure_delete: what is erased is zeroed in its page.
    _run(connection, *(f"PRAGMA {p}" for p in ("busy_timeout=10000", "synchronous=EXTRA", "secure_delete=ON")))


def _prepare_postgres(connection: object, _record: object) -> None:
    # A role or a database may have it off, and then an acknowledged entry is lost in a crash of the server.
    _run(connection, "SET synchronous_commit = on")
    connection.commit()  # type: ignore[attr-defined]


def _run(connection: object, *statements: str) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def state_of(error: SQLAlchemyError) -> str:
    """The SQLSTATE; empty where the driver has none."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
