"""What the broker remembers: attestations, uses, resources in their wrapping, revocations, approvals, decisions.

Every function is one transaction. SQLite in WAL mode with full synchronisation, or PostgreSQL by URL, from which any
number of brokers may work.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from strongroom.kit import release_approval
from strongroom.model.errors import Denied, NotFound, StateError
from strongroom.model.release import Approval, Revocation, Usage, What, Workload, Wrapped
from strongroom.store.broker_schema import (
    APPROVALS,
    ATTESTATIONS,
    BROKER,
    DECISIONS,
    POLICIES,
    RESOURCES,
    REVOCATIONS,
    SCHEMA,
    USES,
    VERSION,
)

# Statements are built once: building one costs as much as its answer.
_ATTESTATION = select(ATTESTATIONS).where(ATTESTATIONS.c.id == bindparam("ident"))
_NEWEST = select(RESOURCES).where(RESOURCES.c.name == bindparam("name")).order_by(RESOURCES.c.version.desc()).limit(1)
_REVOKED = select(REVOCATIONS).order_by(REVOCATIONS.c.what, REVOCATIONS.c.value)
_APPROVED = select(APPROVALS).where(APPROVALS.c.resource == bindparam("name"))
_MINE = select(func.coalesce(func.max(USES.c.number) + 1, 0)).where(
    USES.c.attestation == bindparam("ident"), USES.c.resource == bindparam("name")
)
_RECENT = select(func.count()).select_from(
    select(USES.c.number)
    .where(USES.c.resource == bindparam("name"), USES.c.at > bindparam("since"))
    .limit(bindparam("most"))
    .subquery()
)
_APPROVALS_OF = select(func.count()).select_from(APPROVALS).where(APPROVALS.c.resource == bindparam("name"))
_LATEST = select(func.max(RESOURCES.c.version)).where(RESOURCES.c.name == bindparam("name")).scalar_subquery()
# All that a decision depends on in one round trip; revocations and approvals are read where there are any.
_HELD = (
    select(
        ATTESTATIONS.c.workload,
        ATTESTATIONS.c.key,
        ATTESTATIONS.c.expires,
        RESOURCES.c.version,
        RESOURCES.c.backend,
        RESOURCES.c.key.label("wrapped_by"),
        RESOURCES.c.owners,
        RESOURCES.c.blob,
        _MINE.scalar_subquery().label("mine"),
        _RECENT.scalar_subquery().label("recent"),
        select(func.count()).select_from(REVOCATIONS).scalar_subquery().label("revocations"),
        _APPROVALS_OF.scalar_subquery().label("approvals"),
    )
    .select_from(
        ATTESTATIONS.outerjoin(RESOURCES, and_(RESOURCES.c.name == bindparam("name"), RESOURCES.c.version == _LATEST))
    )
    .where(ATTESTATIONS.c.id == bindparam("ident"))
)
_ADD_ATTESTATION, _ADD_DECISION, _ADD_USE = insert(ATTESTATIONS), insert(DECISIONS), insert(USES)
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
MOST_COUNTED = 1_000_000  # uses of an hour
_MAKING = 0x53746272  # the lock under which tables are made


class Attestation(NamedTuple):
    """An answered challenge: the workload as it was appraised, and the key to encrypt to, as JSON Web Key."""

    id: str
    workload: Workload
    key: bytes
    expires: datetime


class Held(NamedTuple):
    """What a decision on a resource depends on: of its attestation, of the resource, and of what people said."""

    attestation: Attestation
    wrapped: Wrapped | None
    revocations: tuple[Revocation, ...]
    approvals: tuple[Approval, ...]
    usage: Usage


class BrokerStore:
    """An open database of a broker. A context manager."""

    def __init__(self, url: str, *, seconds: float = 2.0) -> None:
        """Open `url`, or a path, and make what is not there. Raises StateError.

        `seconds` bounds each wait for another's lock: a broker that cannot answer in time denies.
        """
        self._where = url
        try:
            self._engine = _engine(url, seconds)
            with self._engine.begin() as db:
                _prepare(db, url)
        except (SQLAlchemyError, ArgumentError, OSError) as e:
            raise _fault(url, e) from None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._engine.dispose()

    @contextmanager
    def _db(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except IntegrityError:
            raise
        except SQLAlchemyError as e:
            raise _fault(self._where, e) from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, for what `store/broker_admin.py` asks and changes. Raises StateError."""
        with self._db() as db:
            yield db

    def attested(self, found: Attestation, now: datetime) -> None:
        """Keep an answered challenge. Raises Denied where its nonce was answered before, StateError."""
        row = {
            "id": found.id,
            "workload": msgspec.json.encode(found.workload).decode(),
            "key": found.key.decode(),
            "at": _text(now),
            "expires": _text(found.expires),
        }
        try:
            with self._db() as db:
                db.execute(_ADD_ATTESTATION, row)
        except IntegrityError:
            raise Denied("attestation", "a challenge that was answered before", "a new one") from None

    def attestation(self, ident: str) -> Attestation | None:
        """An answered challenge, or None. Raises StateError."""
        with self._db() as db:
            row = db.execute(_ATTESTATION, {"ident": ident}).one_or_none()
        return self._read(ident, str(row.workload), str(row.key), str(row.expires)) if row else None

    def held(self, ident: str, resource: str, now: datetime, most: int = MOST_COUNTED) -> Held | None:
        """All that a decision on a resource depends on, as it stands; None without such an attestation. Raises StateError.

        Uses of the last hour are counted up to `most`: whoever allows so many need not know of more.
        """
        with self._db() as db:
            given = {"ident": ident, "name": resource, "since": _text(now - timedelta(hours=1)), "most": most}
            row = db.execute(_HELD, given).one_or_none()
            if row is None:
                return None
            revocations = _revocations(db) if row.revocations else ()
            approvals = _approvals(db, resource) if row.approvals else ()
        found = self._read(ident, str(row.workload), str(row.key), str(row.expires))
        wrapped = None
        if row.version is not None:
            owners = self._owners(str(row.owners))
            wrapped = Wrapped(
                resource, int(row.version), str(row.backend), str(row.wrapped_by), bytes(row.blob), owners
            )
        return Held(found, wrapped, revocations, approvals, Usage(int(row.mine), int(row.recent)))

    def _read(self, ident: str, workload: str, key: str, expires: str) -> Attestation:
        try:
            held = msgspec.json.decode(workload, type=Workload)
        except msgspec.MsgspecError as e:
            raise StateError(f"broker database {self._where}", str(e)[:120], "an attestation as it was kept") from None
        return Attestation(ident, held, key.encode(), _time(expires))

    def _owners(self, text: str) -> tuple[str, ...]:
        try:
            return msgspec.json.decode(text, type=tuple[str, ...])
        except msgspec.MsgspecError as e:
            raise StateError(f"broker database {self._where}", str(e)[:120], "the owners of a resource") from None

    def settle(self, ident: str, terms: bytes, now: datetime, use: tuple[str, str, int] | None = None) -> bool:
        """Keep what a decision was made of, and take the use (attestation, resource, number) that it gives.

        False, and nothing is kept, where another has taken that use meanwhile. Raises StateError.
        """
        try:
            with self._db() as db:
                db.execute(_ADD_DECISION, {"id": ident, "terms": terms, "at": _text(now)})
                if use is not None:
                    row = {"attestation": use[0], "resource": use[1], "number": use[2], "at": _text(now)}
                    db.execute(_ADD_USE, row)
        except IntegrityError:
            return False
        return True

    def deposit(self, wrapped: Wrapped, now: datetime) -> None:
        """Keep a resource, as a new version. Raises Denied where there is that version already, StateError."""
        row = {
            "name": wrapped.resource,
            "version": wrapped.version,
            "backend": wrapped.backend,
            "key": wrapped.key,
            "owners": msgspec.json.encode(wrapped.owners).decode(),
            "blob": wrapped.blob,
            "at": _text(now),
        }
        try:
            with self._db() as db:
                db.execute(insert(RESOURCES), row)
        except IntegrityError:
            raise Denied(wrapped.resource, f"version {wrapped.version} already", "a newer one") from None

    def resource(self, name: str) -> Wrapped | None:
        """The newest version of a resource, or None. Raises StateError."""
        with self._db() as db:
            row = db.execute(_NEWEST, {"name": name}).one_or_none()
        if row is None:
            return None
        owners = self._owners(str(row.owners))
        return Wrapped(name, int(row.version), str(row.backend), str(row.key), bytes(row.blob), owners)

    def resources(self) -> tuple[tuple[str, int, str], ...]:
        """Name, newest version and back end of every resource. Raises StateError."""
        asked = select(RESOURCES.c.name, func.max(RESOURCES.c.version), func.max(RESOURCES.c.backend))
        with self._db() as db:
            rows = db.execute(asked.group_by(RESOURCES.c.name).order_by(RESOURCES.c.name)).all()
        return tuple((str(n), int(v), str(b)) for n, v, b in rows)

    def revoke(self, revocation: Revocation) -> None:
        """From its time on, what it names opens nothing. Raises StateError."""
        row = msgspec.structs.asdict(revocation) | {"what": revocation.what.value, "since": _text(revocation.since)}
        try:
            with self._db() as db:
                db.execute(insert(REVOCATIONS), row)
        except IntegrityError:
            return  # revoked already; an earlier time stands

    def revocations(self) -> tuple[Revocation, ...]:
        """Every revocation. Raises StateError."""
        with self._db() as db:
            return _revocations(db)

    def approve(self, approval: Approval, note: bytes) -> None:
        """Keep a person's signed word; a later one of the same person takes its place. Raises StateError."""
        row = msgspec.structs.asdict(approval) | {"until": _text(approval.until), "note": note}
        key = (
            APPROVALS.c.resource == approval.resource,
            APPROVALS.c.requester == approval.requester,
            APPROVALS.c.approver == approval.approver,
        )
        with self._db() as db:
            db.execute(delete(APPROVALS).where(*key))
            db.execute(insert(APPROVALS), row)

    def approvals(self, resource: str) -> tuple[Approval, ...]:
        """What people have said of releases of a resource. Raises StateError."""
        with self._db() as db:
            return _approvals(db, resource)

    def in_force(self, name: str, version: int, digest: str) -> None:
        """Note that a policy is in force. Raises Denied for one older than was, or another of the same version."""
        with self._db() as db:
            row = db.execute(select(POLICIES).where(POLICIES.c.name == name)).mappings().first()
            if row is None:
                db.execute(insert(POLICIES), {"name": name, "version": version, "digest": digest})
                return
            held = (int(row["version"]), str(row["digest"]))
            if held == (version, digest):
                return
            if version <= held[0]:
                found = f"version {version} of {name}, where {held[0]} was in force"
                raise Denied("release policy", found, "a higher version: an old one may name an old build")
            db.execute(update(POLICIES).where(POLICIES.c.name == name).values(version=version, digest=digest))

    def decision(self, ident: str) -> bytes:
        """What a decision was made of, as JSON. Raises NotFound, StateError."""
        with self._db() as db:
            row = db.execute(select(DECISIONS.c.terms).where(DECISIONS.c.id == ident)).scalar_one_or_none()
        if row is None:
            raise NotFound("decision", ident[:64], "the id of one: strongroom log list --kind release")
        return bytes(row)

    def forget(self, before: datetime) -> int:
        """Delete attestations that ended before a time, with their uses; how many. Raises StateError."""
        with self._db() as db:
            old = select(ATTESTATIONS.c.id).where(ATTESTATIONS.c.expires < _text(before))
            db.execute(delete(USES).where(USES.c.attestation.in_(old)))
            return db.execute(delete(ATTESTATIONS).where(ATTESTATIONS.c.expires < _text(before))).rowcount


def _revocations(db: Connection) -> tuple[Revocation, ...]:
    rows = db.execute(_REVOKED).mappings()
    return tuple(
        Revocation(What(r["what"]), str(r["value"]), str(r["reason"]), _time(str(r["since"])), str(r["by"]))
        for r in rows
    )


def _approvals(db: Connection, resource: str) -> tuple[Approval, ...]:
    """The approvals that their approvers have signed: who can write into the database cannot approve."""
    rows = sorted(
        db.execute(_APPROVED, {"name": resource}).mappings(), key=lambda r: (str(r["requester"]), str(r["approver"]))
    )
    each = (
        (
            Approval(resource, str(r["requester"]), str(r["approver"]), str(r["reason"]), _time(str(r["until"]))),
            r["note"],
        )
        for r in rows
    )
    return tuple(a for a, note in each if release_approval.held(bytes(note), a))


def _text(at: datetime) -> str:
    return at.strftime(_STAMP)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _engine(url: str, seconds: float) -> Engine:
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


def _prepare(db: Connection, where: str) -> None:
    if not inspect(db).has_table(DECISIONS.name):
        if db.dialect.name == "sqlite":
            db.exec_driver_sql("BEGIN IMMEDIATE")
        elif db.dialect.name == "postgresql":
            db.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        BROKER.create_all(db)
    versions = [int(v) for v in db.execute(select(SCHEMA.c.version)).scalars()]
    if not versions:
        db.execute(insert(SCHEMA), {"version": VERSION})
    elif max(versions) > VERSION:
        raise StateError(f"broker database {where}", f"schema {max(versions)}", f"{VERSION} or older")


def _fault(where: str, error: Exception) -> StateError:
    shown = make_url(where).render_as_string(hide_password=True) if "://" in where else where
    first = (str(getattr(error, "orig", None) or error).splitlines() or [""])[0]
    return StateError(f"broker database {shown}", first[:160].lower() or "an error", "a database that can be used")
