"""A log in a database: PostgreSQL for several writers; SQLite, by URL, on one machine. One log in a database schema.

A record is one row, inserted by one statement that is one transaction. It goes in only where the journal ends, and the
primary key lets one in at each size: that decides between writers, whatever becomes of their lock. Rows of the journal
are never deleted, so the insert of a writer that fell behind fails for ever; what is published is compacted in place.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, LargeBinary, Select, delete, func, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from strongroom.kit.tlog import checkpoint as tlog_checkpoint
from strongroom.kit.tlog import note
from strongroom.ledger.record import Compacted, Record, decode, encode, encode_compacted
from strongroom.ledger.storage import CHECKPOINT, BehindError, ConflictError
from strongroom.ledger.tables import (
    DISCLOSURE,
    JOURNAL,
    LOCK_KEY,
    LOCK_NOT_AVAILABLE,
    OBJECT,
    PUBLISHING,
    STATE,
    WHOLE,
    WRITING,
    Database,
    state_of,
)
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, Malformed, NotFound

_PAGE = 16  # records that are in memory at once
_CHUNK = 500  # values in one statement
_HINT = "strongroom log audit says what is left; restore the database from its backup"


class _Row(NamedTuple):
    start: int
    finish: int
    record: bytes


def _size(checkpoint: bytes) -> int:
    return tlog_checkpoint.parse(note.parse(checkpoint).text).size


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(values)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk


class DatabaseStorage:
    """A `Storage` in a database."""

    def __init__(self, url: str) -> None:
        """Name the place; nothing is opened. Raises BadInput, or LogUnavailable where there is no driver."""
        self._db = Database(url)
        self._turn = threading.Lock()  # the lock of the database is one between connections
        self._publishing = threading.Lock()
        self._held: Connection | None = None
        self._seen: int | None = None  # the size up to which this writer has read the journal

    @property
    def where(self) -> str:
        """The URL without its password and options."""
        return self._db.where

    def create(self, settings: bytes, checkpoint: bytes) -> None:
        """Make the tables and the one row of the log, in one transaction."""
        row = {"id": 1, "settings": settings, "size": _size(checkpoint), "checkpoint": checkpoint}
        with self._db.begin() as db:
            self._db.make(db, (STATE, JOURNAL, OBJECT))
            try:
                db.execute(insert(STATE), row)
            except IntegrityError:
                raise BadInput(f"log {self.where}", "a log that is there already", "a schema without one") from None

    def settings(self) -> bytes:
        """The settings as they were given."""
        with self._db.begin() as db:
            found = db.execute(select(STATE.c.settings)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"log {self.where}", "no log", "a log", "strongroom log init")
        return bytes(found)

    @contextlib.contextmanager
    def exclusive(self, seconds: float) -> Iterator[None]:
        """Hold an advisory lock of the session, and commit on the same connection.

        The server lets go of it when the connection ends, and a writer may not notice: the lock spares writers from
        getting into each other's way, and nothing relies on it. The key and the end of the journal are the guard, and
        in SQLite all there is.
        """
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise self._busy(seconds)
        try:
            with self._db.session() as db:
                self._lock(db, seconds)
                self._held = db
                try:
                    yield
                finally:
                    self._unlock(db, WRITING)
        finally:
            self._held = None
            self._turn.release()

    def _busy(self, seconds: float) -> LogUnavailable:
        return self._db.unavailable(f"another writer for {seconds:g} seconds", "its lock", "try again")

    def _lock(self, db: Connection, seconds: float) -> None:
        if not self._db.locks:
            return
        # One statement, one transaction: the timeout holds for this lock only. 0 would mean to wait for ever.
        wait = f"SELECT set_config('lock_timeout', :wait, true), pg_advisory_lock({LOCK_KEY})"
        try:
            db.execute(text(wait), {"wait": f"{max(1, round(seconds * 1000))}ms", "purpose": WRITING})
        except SQLAlchemyError as e:
            if state_of(e) == LOCK_NOT_AVAILABLE:
                raise self._busy(seconds) from None
            raise

    def _unlock(self, db: Connection, purpose: int) -> None:
        if not self._db.locks:
            return
        try:
            db.execute(text(f"SELECT pg_advisory_unlock({LOCK_KEY})"), {"purpose": purpose})
        except SQLAlchemyError:
            db.invalidate()  # What ends the connection ends the lock; what was committed is committed.

    def _pages(self, db: Connection | None, end: int | None) -> Callable[[int], Sequence[_Row]]:
        def page(at: int) -> Sequence[_Row]:
            wanted: Select[tuple[int, int, bytes]] = select(JOURNAL.c.start, JOURNAL.c.finish, JOURNAL.c.record)
            wanted = wanted.where(JOURNAL.c.finish > at).order_by(JOURNAL.c.finish).limit(_PAGE)
            if end is not None:
                wanted = wanted.where(JOURNAL.c.finish <= end)
            if db is not None:
                with self._db.faults():
                    return [_Row._make(row) for row in db.execute(wanted)]
            with self._db.begin() as own:
                return [_Row._make(row) for row in own.execute(wanted)]

        return page

    def _follow(self, page: Callable[[int], Sequence[_Row]], at: int) -> Iterator[Record]:
        while rows := page(at):
            for row in rows:
                record = self._decode(row, at)
                if isinstance(record, Compacted):
                    raise BehindError
                yield record
                at = record.end

    def _decode(self, row: _Row, at: int) -> Record | Compacted:
        subject = f"journal of {self.where} at size {at}"
        try:
            record = decode(bytes(row.record), subject)
        except Malformed as e:
            raise LogDamaged(e.subject, e.found, e.wanted, _HINT) from None
        if not at == row.start == record.start or row.finish != record.end:
            raise LogDamaged(subject, f"a record from {record.start} to {record.end}", "the one that follows", _HINT)
        return record

    def records(self, start: int) -> Iterator[Record]:
        """See `Storage`."""
        db, at = self._writer(), start
        self._seen = None
        for record in self._follow(self._pages(db, None), start):
            at = record.end
            yield record
        with self._db.faults():
            end = db.execute(select(func.coalesce(func.max(JOURNAL.c.finish), 0))).scalar_one()
        if at == start > end:
            raise LogDamaged(f"journal of {self.where}", f"its end at size {end}", f"{start} or more", _HINT)
        self._seen = at

    def _writer(self) -> Connection:
        assert self._held is not None  # `records` and `commit` are called within `exclusive`
        return self._held

    def commit(self, record: Record) -> None:
        """Insert a record where the journal ends; a failure on the way out may have left it there."""
        db = self._writer()
        if self._seen != record.start or not record.entries:  # no row may take a size without moving it
            raise ConflictError
        data, self._seen = encode(record), None
        end = select(func.coalesce(func.max(JOURNAL.c.finish), 0)).scalar_subquery()
        row = select(literal(record.start), literal(record.end), literal(value=False), literal(data, LargeBinary))
        here = insert(JOURNAL).from_select(list(JOURNAL.columns), row.where(end == record.start))
        here = here.returning(JOURNAL.c.start)  # a driver need not count the rows of an insert, and then says -1
        with self._db.faults():
            try:
                inserted = db.execute(here).scalar_one_or_none()
            except IntegrityError:
                raise ConflictError from None
        if inserted != record.start:
            raise ConflictError
        self._seen = record.end

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """See `Storage`."""
        at = start
        for record in self._follow(self._pages(None, end), start):
            at = record.end
            yield record
        if at != end:
            raise LogDamaged(f"journal of {self.where}", f"records up to {at}", f"one that ends at {end}", _HINT)

    def forget(self, size: int) -> None:
        """Compact the records below a size, oldest first."""
        whole = select(JOURNAL.c.start, JOURNAL.c.finish, JOURNAL.c.record).where(WHOLE, JOURNAL.c.finish <= size)
        more = True
        while more:
            with self._db.begin() as db:
                rows = [_Row._make(row) for row in db.execute(whole.order_by(JOURNAL.c.finish).limit(_PAGE))]
                for row in rows:
                    kept = encode_compacted(self._decode(row, row.start))
                    place = update(JOURNAL).where(JOURNAL.c.start == row.start)
                    db.execute(place.values(record=kept, compacted=True))
            more = bool(rows)

    def repairs(self) -> tuple[str, ...]:
        """Nothing: the database repairs itself after a crash, and a record is there or not."""
        return ()

    @contextlib.contextmanager
    def publishing(self) -> Iterator[bool]:
        """Hold a second advisory lock, if it is free. In SQLite one instance keeps out its own threads only."""
        if not self._publishing.acquire(blocking=False):
            yield False
            return
        try:
            if not self._db.locks:
                yield True
                return
            with self._db.session() as db:
                taken = db.execute(text(f"SELECT pg_try_advisory_lock({LOCK_KEY})"), {"purpose": PUBLISHING})
                mine = bool(taken.scalar_one())
                try:
                    yield mine
                finally:
                    if mine:
                        self._unlock(db, PUBLISHING)
        finally:
            self._publishing.release()

    def read(self, path: str) -> bytes:
        """The bytes of an object."""
        wanted = select(OBJECT.c.data).where(OBJECT.c.path == path)
        with self._db.begin() as db:
            found = db.execute(select(STATE.c.checkpoint) if path == CHECKPOINT else wanted).scalar_one_or_none()
        if found is None:
            raise NotFound(f"log {self.where}", f"no {path}", "an object of the log", "strongroom log audit")
        return bytes(found)

    def write(self, objects: Mapping[str, bytes]) -> None:
        """See `Storage`; all or none of them."""
        with self._db.begin() as db:
            # In order: two that write the same objects wait for each other and never in a circle.
            for chunk in _chunks(sorted(objects)):
                rows = [{"path": path, "data": objects[path]} for path in chunk]
                added = self._db.upsert(OBJECT).on_conflict_do_nothing().returning(OBJECT.c.path)
                there = set(chunk) - set(db.execute(added, rows).scalars())
                for path, data in db.execute(select(OBJECT.c.path, OBJECT.c.data).where(OBJECT.c.path.in_(there))):
                    if bytes(data) != objects[path]:
                        found = "other bytes than the journal makes"
                        raise LogDamaged(f"{path} in {self.where}", found, "the tile of the tree that was signed")

    def publish(self, checkpoint: bytes) -> None:
        """Replace the published checkpoint, unless it is of a larger size; of one size the last one stays."""
        size = _size(checkpoint)
        with self._db.begin() as db:
            db.execute(update(STATE).where(STATE.c.size <= size).values(size=size, checkpoint=checkpoint))

    def prune(self, paths: tuple[str, ...]) -> None:
        """Delete partial objects."""
        with self._db.begin() as db:
            for chunk in _chunks(sorted(p for p in paths if ".p/" in p)):
                db.execute(delete(OBJECT).where(OBJECT.c.path.in_(chunk)))

    def close(self) -> None:
        """Close every connection."""
        self._db.close()


class DatabaseDisclosures:
    """A `Disclosures` in a database.

    What is erased is gone for every query. On the disk its bytes stay until they are written over: in PostgreSQL after
    a vacuum and in old segments of its log, in backups as long as these are kept.
    """

    def __init__(self, url: str) -> None:
        """Name the place; nothing is opened. Raises BadInput, or LogUnavailable where there is no driver."""
        self._db = Database(url)
        self._made = False

    def keep(self, disclosures: Mapping[str, str]) -> None:
        """See `Disclosures`; all or none of them."""
        if not disclosures:
            return
        with self._db.begin() as db:
            if not self._made:
                self._db.make(db, (DISCLOSURE,))
            add = self._db.upsert(DISCLOSURE)
            rows = [{"commitment": c, "text": disclosures[c]} for c in sorted(disclosures)]
            db.execute(add.on_conflict_do_update(index_elements=["commitment"], set_={"text": add.excluded.text}), rows)
        self._made = True

    def find(self, commitments: tuple[str, ...]) -> dict[str, str]:
        """Those that are there, by commitment."""
        found: dict[str, str] = {}
        with contextlib.suppress(NotFound), self._db.begin() as db:
            for chunk in _chunks(commitments):
                wanted = select(DISCLOSURE.c.commitment, DISCLOSURE.c.text).where(DISCLOSURE.c.commitment.in_(chunk))
                found |= {row.commitment: row.text for row in db.execute(wanted)}
        return found

    def erase(self, commitments: tuple[str, ...]) -> int:
        """Delete them; how many were there."""
        erased = 0
        with contextlib.suppress(NotFound), self._db.begin() as db:
            for chunk in _chunks(sorted(set(commitments))):
                erased += db.execute(delete(DISCLOSURE).where(DISCLOSURE.c.commitment.in_(chunk))).rowcount
        return erased

    def close(self) -> None:
        """Close every connection."""
        self._db.close()
