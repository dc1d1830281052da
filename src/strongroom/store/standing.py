"""What is remembered of hosts that are attested again and again: enrolments, standings, challenges, what is to be logged.

Every function is one transaction, and any number of servers may work from one database: a row is written only as it was
read, and a challenge is taken by whoever deletes it. SQLite in WAL mode, or PostgreSQL by URL.

A change is on the disk when its function returns. A challenge that was made, and an answer that changes nothing, need not
be: if the power fails, the lease is the shorter one that was there before, and the answer, if somebody sends it again, is
good for no longer than it was, since a lease is counted from its challenge.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Self

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from strongroom.model.log import LogEntry
from strongroom.model.standing import Enrolment, StandingState
from strongroom.store import standing_rows as rows
from strongroom.store.standing_rows import Held, stamp
from strongroom.store.standing_schema import CHALLENGES, HOSTS, OUTBOX, ROLLS, SESSIONS

_LIVE = HOSTS.c.state != StandingState.REFUSED.value
_PART = 500
MOST_REFUSED = 8  # keys that are remembered under one name, of whoever wants to be it


class Challenge(NamedTuple):
    """A question to one host and its key: the hash of the nonce (hex), and how long an answer counts."""

    id: str
    host: str
    ak_name: str
    asked_at: datetime
    expires: datetime


class Kept(NamedTuple):
    """Records to keep with a standing; None leaves what is there."""

    passed: bytes | None = None
    failing: bytes | None = None


NOTHING = Kept()


class Move(NamedTuple):
    """A host as it was read, as it is to be, and what is to be logged of that."""

    before: Held
    after: Held
    entry: LogEntry


class Session(msgspec.Struct, frozen=True):
    """An enrolment that waits for its secret: what the machine gave, and the secret."""

    host: str
    ek_public: bytes
    ak_public: bytes
    certificates: tuple[bytes, ...]
    secret: bytes


class WatchStore:
    """An open database. A context manager; threads may share it."""

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        """Open `url`, or a path, and make what is not there. `seconds` bounds each wait for a lock. Raises StateError."""
        self._where = url
        try:
            self._engine = rows.engine(url, seconds)
            self._quick = rows.engine(url, seconds, "NORMAL") if "://" not in url else self._engine
            with self._engine.begin() as db:
                rows.prepare(db, url)
        except (SQLAlchemyError, ArgumentError, OSError, ModuleNotFoundError) as e:
            raise rows.fault(url, e) from None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._engine.dispose()
        self._quick.dispose()

    @contextmanager
    def _db(self, *, durable: bool = True) -> Iterator[Connection]:
        try:
            with (self._engine if durable else self._quick).begin() as db:
                if not durable and db.dialect.name == "postgresql":
                    db.execute(_LATER)
                yield db
        except IntegrityError:
            raise
        except SQLAlchemyError as e:
            raise rows.fault(self._where, e) from None

    # Hosts

    def held(self, host: str, ak_name: str) -> Held | None:
        """A host by its name and key, or None. Raises StateError, as every function here."""
        with self._db() as db:
            found = db.execute(_HELD, {"of_host": host, "of_key": ak_name}).mappings().first()
        return rows.held(found) if found else None

    def live(self, host: str) -> Held | None:
        """The one key that counts for a name, or None."""
        with self._db() as db:
            found = db.execute(rows.HELD.where(HOSTS.c.host == host, _LIVE)).mappings().first()
        return rows.held(found) if found else None

    def by_ek(self, ek: str) -> Held | None:
        """The host whose TPM has this endorsement key, or None."""
        with self._db() as db:
            found = db.execute(rows.HELD.where(HOSTS.c.ek == ek, _LIVE)).mappings().first()
        return rows.held(found) if found else None

    def all(self) -> list[Held]:
        """Every host and every key that was refused, by name."""
        with self._db() as db:
            return [rows.held(r) for r in db.execute(rows.HELD.order_by(HOSTS.c.host, HOSTS.c.enrolled_at)).mappings()]

    def counts(self) -> dict[StandingState, int]:
        """How many hosts are in each state."""
        with self._db() as db:
            asked = db.execute(select(HOSTS.c.state, func.count()).group_by(HOSTS.c.state))
            found = {str(state): int(count) for state, count in asked}
        return {s: found.get(s.value, 0) for s in StandingState}

    def add(self, held: Held, entry: LogEntry | None = None) -> bool:
        """Remember a new key, and what is to be logged of it; False where its name or its TPM is taken, or where too many
        keys were refused under the name already.
        """
        refused = held.standing.state is StandingState.REFUSED
        try:
            with self._db() as db:
                if refused:
                    mine = (HOSTS.c.host == held.enrolment.host, ~_LIVE)
                    if db.execute(select(func.count()).select_from(HOSTS).where(*mine)).scalar_one() >= MOST_REFUSED:
                        return False
                db.execute(insert(HOSTS), rows.row(held))
                if entry is not None:
                    _enlist(db, [entry])
        except IntegrityError:
            return False
        return True

    def replace(self, before: Held, after: Held, kept: Kept = NOTHING) -> bool:
        """Write a host as it stands now; False where somebody wrote meanwhile."""
        with self._db() as db:
            return _replaced(db, before, after, kept)

    def replace_all(self, moves: Sequence[Move]) -> int:
        """Write hosts as they stand now, each with what is to be logged of it; those that somebody wrote meanwhile stay."""
        with self._db() as db:
            done = [m for m in moves if _replaced(db, m.before, m.after, NOTHING)]
            _enlist(db, [m.entry for m in done])
        return len(done)

    def take_over(self, old: Held | None, new: Held, after: Held) -> bool:
        """Let another key count for a name: the old one is refused from now on; False where somebody wrote meanwhile."""
        try:
            with self._db() as db:
                done = old is None or _replaced(db, old, _refused(old, after), NOTHING)
                if not (done and _replaced(db, new, after, NOTHING)):
                    db.rollback()
                    return False
        except IntegrityError:
            return False
        return True

    def forget(self, host: str, entries: Sequence[LogEntry]) -> int:
        """Remove every key of a name, and what it was asked; how many there were. `entries` are to be logged."""
        with self._db() as db:
            gone = db.execute(delete(HOSTS).where(HOSTS.c.host == host)).rowcount
            db.execute(delete(CHALLENGES).where(CHALLENGES.c.host == host))
            if gone:
                _enlist(db, entries)
        return gone

    def records(self, host: str, ak_name: str) -> Kept:
        """The kept records of a host; empty octets where there is none."""
        with self._db() as db:
            asked = select(HOSTS.c.passed, HOSTS.c.failing).where(HOSTS.c.host == host, HOSTS.c.ak_name == ak_name)
            found = db.execute(asked).first()
        return Kept(bytes(found.passed), bytes(found.failing)) if found else NOTHING

    def every_record(self) -> Iterator[bytes]:
        """All records that are kept."""
        with self._db() as db:
            for part in db.execute(select(HOSTS.c.passed, HOSTS.c.failing)).partitions(_PART):
                yield from (bytes(octets) for both in part for octets in both if octets)

    def due(self, now: datetime, back: datetime, most: int = _PART) -> list[Held]:
        """Trusted hosts whose lease is over, or began in the future (behind `back`): the clock was set back."""
        c = HOSTS.c
        mine = (c.state == StandingState.TRUSTED.value, (c.until <= stamp(now)) | (c.last_at > stamp(back)))
        with self._db() as db:
            return [rows.held(r) for r in db.execute(rows.HELD.where(*mine).order_by(c.until).limit(most)).mappings()]

    # Challenges

    def ask(self, made: Challenge) -> None:
        """Remember a challenge."""
        row = {**made._asdict(), "asked_at": stamp(made.asked_at), "expires": stamp(made.expires)}
        with self._db(durable=False) as db:
            db.execute(insert(CHALLENGES), row)

    def asked(self, ident: str) -> Challenge | None:
        """A challenge that nobody answered yet, or None."""
        with self._db() as db:
            found = db.execute(_ASKED, {"ident": ident}).mappings().first()
        if found is None:
            return None
        held = {**found, "asked_at": rows.time(found["asked_at"]), "expires": rows.time(found["expires"])}
        return Challenge(**held)

    def take(self, made: Challenge) -> bool:
        """Take a challenge away: True for exactly one of those who ask, however many do at once."""
        with self._db(durable=False) as db:
            return _taken(db, made)

    def settle(
        self, made: Challenge, before: Held, after: Held, kept: Kept, entry: LogEntry | None = None
    ) -> bool | None:
        """Take a challenge and write what its answer came to, with what is to be logged, or nothing of it.

        None: somebody answered it before. False: somebody wrote the host meanwhile; the challenge can still be answered.
        Challenges that were made before this one are answered by it: who answers them later is out of order.
        """
        with self._db(durable=entry is not None) as db:
            if not _taken(db, made):
                return None
            if not _replaced(db, before, after, kept):
                db.rollback()
                return False
            _supersede(db, made)
            if entry is not None:
                _enlist(db, [entry])
        return True

    def supersede(self, made: Challenge) -> None:
        """Take away what the host was asked before a challenge."""
        with self._db() as db:
            _supersede(db, made)

    def sessions(self) -> int:
        """How many enrolments wait for their secret."""
        with self._db() as db:
            return db.execute(select(func.count()).select_from(SESSIONS)).scalar_one()

    def begin(self, ident: str, session: Session, expires: datetime) -> None:
        """Remember an enrolment that waits for its secret."""
        row = {"id": ident, "asked": msgspec.json.encode(session), "expires": stamp(expires)}
        with self._db() as db:
            db.execute(insert(SESSIONS), row)

    def end(self, ident: str, now: datetime) -> Session | None:
        """Take it away: once, and only in time."""
        with self._db() as db:
            found = db.execute(select(SESSIONS).where(SESSIONS.c.id == ident)).mappings().first()
            gone = db.execute(delete(SESSIONS).where(SESSIONS.c.id == ident)).rowcount
        if found is None or gone != 1 or str(found["expires"]) <= stamp(now):
            return None
        return msgspec.json.decode(found["asked"], type=Session)

    def sweep(self, now: datetime) -> None:
        """Forget challenges and sessions whose time is over."""
        with self._db() as db:
            db.execute(delete(CHALLENGES).where(CHALLENGES.c.expires <= stamp(now)))
            db.execute(delete(SESSIONS).where(SESSIONS.c.expires <= stamp(now)))

    # What is to be logged

    def pending(self) -> int:
        """How many entries are not in the log yet."""
        with self._db() as db:
            return db.execute(select(func.count()).select_from(OUTBOX)).scalar_one()

    def claim(self, token: str, now: datetime, since: datetime, most: int = _PART) -> list[LogEntry]:
        """Entries to log, the oldest first, for one who puts `token` on them; those claimed before `since` are free again."""
        c = OUTBOX.c
        free = select(c.id).where((c.claimed == "") | (c.claimed_at < stamp(since))).order_by(c.id).limit(most)
        with self._db() as db:
            db.execute(update(OUTBOX).where(c.id.in_(free)).values(claimed=token, claimed_at=stamp(now)))
            found = db.execute(select(c.entry).where(c.claimed == token).order_by(c.id)).scalars().all()
        return [msgspec.json.decode(e, type=LogEntry) for e in found]

    def logged(self, token: str) -> None:
        """What was claimed with a token is in the log."""
        with self._db() as db:
            db.execute(delete(OUTBOX).where(OUTBOX.c.claimed == token))

    def free(self, token: str) -> None:
        """What was claimed with a token is not in the log: somebody may try again."""
        with self._db() as db:
            db.execute(update(OUTBOX).where(OUTBOX.c.claimed == token).values(claimed="", claimed_at=""))

    def enlist(self, entries: Sequence[LogEntry]) -> None:
        """Remember what is to be logged."""
        with self._db() as db:
            _enlist(db, entries)

    def call_roll(self, period: str) -> bool:
        """Whether it is on this caller to call the roll of a period: True for one of those who ask."""
        try:
            with self._db() as db:
                db.execute(insert(ROLLS), {"period": period})
                db.execute(delete(ROLLS).where(ROLLS.c.period < period))
        except IntegrityError:
            return False
        return True


# Statements that every answer needs are made once: to make one costs as much as to run it.
_OF_HOST: BindParameter[str] = bindparam("of_host")
_OF_KEY: BindParameter[str] = bindparam("of_key")
_AS_READ: BindParameter[int] = bindparam("as_read")
_LATER = text("SET LOCAL synchronous_commit TO OFF")
_HELD = rows.HELD.where(HOSTS.c.host == _OF_HOST, HOSTS.c.ak_name == _OF_KEY)
_REPLACE = update(HOSTS).where(HOSTS.c.host == _OF_HOST, HOSTS.c.ak_name == _OF_KEY, HOSTS.c.revision == _AS_READ)
_ASKED = select(CHALLENGES).where(CHALLENGES.c.id == bindparam("ident"))
_TAKE = delete(CHALLENGES).where(CHALLENGES.c.id == bindparam("ident"))
_SUPERSEDE = delete(CHALLENGES).where(
    CHALLENGES.c.host == _OF_HOST, CHALLENGES.c.ak_name == _OF_KEY, CHALLENGES.c.asked_at <= bindparam("until")
)


def _replaced(db: Connection, before: Held, after: Held, kept: Kept) -> bool:
    named = {"of_host": before.enrolment.host, "of_key": before.enrolment.ak_name, "as_read": before.revision}
    records = {name: octets for name, octets in kept._asdict().items() if octets is not None}
    values = {**rows.moved(after), **records, "revision": before.revision + 1}
    return db.execute(_REPLACE, {**values, **named}).rowcount == 1


def _refused(old: Held, new: Held) -> Held:
    told = msgspec.structs.replace(
        old.standing,
        state=StandingState.REFUSED,
        since=new.standing.since,
        until=None,
        reason="its owner chose another",
    )
    taken_back: Enrolment = msgspec.structs.replace(old.enrolment, admitted_at=None, admitted_by="")
    return Held(taken_back, told, old.revision)


def _taken(db: Connection, made: Challenge) -> bool:
    return db.execute(_TAKE, {"ident": made.id}).rowcount == 1


def _supersede(db: Connection, made: Challenge) -> None:
    named = {"of_host": made.host, "of_key": made.ak_name, "until": stamp(made.asked_at)}
    db.execute(_SUPERSEDE, named)


def _enlist(db: Connection, entries: Sequence[LogEntry]) -> None:
    told = [{"entry": msgspec.json.encode(e), "claimed": "", "claimed_at": ""} for e in entries]
    if told:
        db.execute(insert(OUTBOX), told)
