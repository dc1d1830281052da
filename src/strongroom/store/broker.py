"""What the broker remembers: attestations, uses, resources in their wrapping, revocations, approvals, decisions.

Every function is one transaction. SQLite in WAL mode with full synchronisation, or PostgreSQL by URL, from which any
number of brokers may work.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Self, cast

import msgspec
from sqlalchemy import (
    Connection,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql import Executable

from strongroom.kit import release_approval
from strongroom.model.errors import Denied, NotFound, StateError
from strongroom.model.release import Approval, Revocation, Usage, What, Workload, Wrapped
from strongroom.store import broker_people as people
from strongroom.store import broker_statements as statements
from strongroom.store.broker_opening import How, Row, Statement, cursor, fault, open_engine, prepare
from strongroom.store.broker_schema import (
    ATTESTATIONS,
    DECISIONS,
    RESOURCES,
    REVOCATIONS,
    USES,
)
from strongroom.store.turns import Turns

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
MOST_COUNTED = 1_000_000  # uses of an hour


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
            self._engine = open_engine(url, seconds)
            with self._engine.begin() as db:
                prepare(db, url)
            self._turns = Turns(Path(url), seconds) if "://" not in url else None
            hot = (
                statements.HELD,
                statements.ADD_ATTESTATION,
                statements.ADD_RECORD,
                statements.ADD_DECISION,
                statements.ADD_USE,
                statements.RECENT,
                statements.TURN,
            )
            self._ready: dict[Executable, Statement] = {made: Statement(made, self._engine.dialect) for made in hot}
        except (SQLAlchemyError, ArgumentError, OSError) as e:
            raise fault(url, e) from None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._engine.dispose()
        if self._turns is not None:
            self._turns.close()

    @contextmanager
    def _db(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except IntegrityError:
            raise
        except SQLAlchemyError as e:
            raise fault(self._where, e) from None

    @contextmanager
    def _hot(self, how: How = How.WRITES) -> Iterator[Callable[[Executable, Mapping[str, object]], Row | None]]:
        """One transaction of statements that are ready. Raises IntegrityError, StateError."""
        dbapi = self._engine.dialect.loaded_dbapi
        try:
            with self._turn(how), cursor(self._engine, relaxed=how is How.RELAXED) as at:
                yield lambda made, given: self._ready[made].run(at, given)
        except dbapi.IntegrityError as e:
            raise IntegrityError(None, None, e) from None
        except (dbapi.Error, SQLAlchemyError) as e:
            raise fault(self._where, e) from None

    @contextmanager
    def _turn(self, how: How) -> Iterator[None]:
        if how is How.READS or self._turns is None:
            yield
            return
        try:
            with self._turns.turn():
                yield
        except TimeoutError:
            raise StateError(f"broker database {self._where}", "others who write and do not end", "a turn") from None
        except OSError as e:
            raise fault(self._where, e) from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, for what `store/broker_admin.py` asks and changes. Raises StateError."""
        with self._db() as db:
            yield db

    def put(self, octets: bytes) -> str:
        """Keep octets by their content; their digest as `sha256:…`. They are on the disk by then. Raises StateError."""
        with suppress(IntegrityError), self._hot() as run:  # the same octets may be there already
            run(statements.ADD_RECORD, _by_content(octets))
        return digest(octets)

    def get(self, named: str) -> bytes:
        """The octets of a digest. Raises NotFound, StateError where they are not what they were."""
        with self._db() as db:
            held = db.execute(statements.RECORD, {"wanted": named}).scalar_one_or_none()
        if held is None:
            raise NotFound(f"records in {self._where}", named[:80], "one that is kept")
        if digest(bytes(held)) != named:
            raise StateError(f"broker database {self._where}", "a record that was changed", named[:80])
        return bytes(held)

    def attested(self, found: Attestation, now: datetime, record: bytes = b"") -> None:
        """Keep an answered challenge, and the record of its verdict.

        It is not waited for the disk: with the power an attestation may be lost, and its token then opens nothing, but
        never with a release of it, which is written after.

        Raises Denied where its nonce was answered before, StateError.
        """
        row = {
            "id": found.id,
            "workload": msgspec.json.encode(found.workload).decode(),
            "key": found.key.decode(),
            "at": _text(now),
            "expires": _text(found.expires),
        }
        try:
            with self._hot(How.RELAXED) as run:
                if record:
                    run(statements.ADD_RECORD, _by_content(record))
                run(statements.ADD_ATTESTATION, row)
        except IntegrityError:
            raise Denied("attestation", "a challenge that was answered before", "a new one") from None

    def attestation(self, ident: str) -> Attestation | None:
        """An answered challenge, or None. Raises StateError."""
        with self._db() as db:
            row = db.execute(statements.ATTESTATION, {"ident": ident}).one_or_none()
        return self._read(ident, str(row.workload), str(row.key), str(row.expires)) if row else None

    def held(self, ident: str, resource: str, now: datetime, most: int = MOST_COUNTED) -> Held | None:
        """All that a decision on a resource depends on, as it stands; None without such an attestation. Raises StateError.

        Uses of the last hour are counted up to `most`: whoever allows so many need not know of more.
        """
        with self._hot(How.READS) as run:
            given = {"ident": ident, "name": resource, "since": _text(now - timedelta(hours=1)), "most": most}
            row = run(statements.HELD, given)
        if row is None:
            return None
        workload, key, expires, version, backend, by, owners, blob, purpose, mine, recent, revoked, approved = cast(
            "statements.HeldRow", row
        )
        revocations = self.revocations() if revoked else ()
        approvals = self.approvals(resource) if approved else ()
        found = self._read(ident, workload, key, expires)
        wrapped = None
        if version is not None:
            named = self._owners(owners)
            wrapped = Wrapped(resource, version, backend, by, bytes(blob), named, purpose)
        return Held(found, wrapped, revocations, approvals, Usage(mine, recent))

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

    def settle(
        self,
        ident: str,
        terms: bytes,
        now: datetime,
        use: tuple[str, str, int] | None = None,
        per_hour: int | None = None,
    ) -> bool:
        """Keep what a decision was made of, and take the use (attestation, resource, number) that it gives.

        False, and nothing is kept, where another has taken that use meanwhile, or where others have taken all of
        `per_hour`: they are counted again, one at a time. Raises StateError.
        """
        try:
            with self._hot() as run:
                if use is not None and per_hour is not None and self._turns is None:
                    run(statements.TURN, {"name": use[1]})
                run(statements.ADD_DECISION, {"id": ident, "terms": terms, "at": _text(now)})
                if use is not None:
                    row = {"attestation": use[0], "resource": use[1], "number": use[2], "at": _text(now)}
                    run(statements.ADD_USE, row)
                    if per_hour is not None:
                        since = _text(now - timedelta(hours=1))
                        asked = {"name": use[1], "since": since, "most": per_hour + 1}
                        _within(run(statements.RECENT, asked), per_hour)
        except (IntegrityError, _OverError):
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
            "purpose": wrapped.purpose,
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
            row = db.execute(statements.NEWEST, {"name": name}).one_or_none()
        if row is None:
            return None
        owners = self._owners(str(row.owners))
        return Wrapped(
            name, int(row.version), str(row.backend), str(row.key), bytes(row.blob), owners, str(row.purpose)
        )

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
            return revocations(db)

    def approve(self, approval: Approval, note: bytes) -> None:
        """Keep a person's signed word; a later one of the same person takes its place. Raises StateError."""
        row = msgspec.structs.asdict(approval) | {"until": _text(approval.until), "note": note}
        people.settled(self._db, lambda db: people.approved(db, row))

    def approvals(self, resource: str) -> tuple[Approval, ...]:
        """What people have said of releases of a resource. Raises StateError."""
        with self._db() as db:
            return _approvals(db, resource)

    def in_force(self, name: str, version: int, digest: str) -> None:
        """Note that a policy is in force. Raises Denied for one older than was, or another of the same version; StateError."""
        people.settled(self._db, lambda db: people.in_force(db, name, version, digest))

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


def revocations(db: Connection) -> tuple[Revocation, ...]:
    """Every revocation, in a transaction."""
    rows = db.execute(statements.REVOKED).mappings()
    return tuple(
        Revocation(What(r["what"]), str(r["value"]), str(r["reason"]), _time(str(r["since"])), str(r["by"]))
        for r in rows
    )


def _approvals(db: Connection, resource: str) -> tuple[Approval, ...]:
    """The approvals that their approvers have signed: who can write into the database cannot approve."""
    rows = sorted(
        db.execute(statements.APPROVED, {"name": resource}).mappings(),
        key=lambda r: (str(r["requester"]), str(r["approver"])),
    )
    each = (
        (
            Approval(resource, str(r["requester"]), str(r["approver"]), str(r["reason"]), _time(str(r["until"]))),
            r["note"],
        )
        for r in rows
    )
    return tuple(a for a, note in each if release_approval.held(bytes(note), a))


class _OverError(Exception):
    """Others have taken what was left: the transaction is undone."""


def _within(row: Row | None, most: int) -> None:
    if row is None or cast("tuple[int]", row)[0] > most:
        raise _OverError


def digest(octets: bytes) -> str:
    """What octets are kept by."""
    return f"sha256:{hashlib.sha256(octets).hexdigest()}"


def _by_content(octets: bytes) -> dict[str, object]:
    return {"digest": digest(octets), "octets": octets}


def _text(at: datetime) -> str:
    return at.strftime(_STAMP)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
