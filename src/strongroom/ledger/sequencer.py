"""The sequencer: gives entries their places, signs the tree with them, and answers once both are durable.

Group commit: whoever comes first leads and commits what waits; who comes meanwhile waits and is in the next batch. One
record of the journal, with one sync, covers the entries and their signed checkpoint. Tiles follow when `publish` is
called. Nothing that was signed leaves before it is durable, so whatever a crash leaves, no second root of a size was
ever shown.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import SignerKey
from strongroom.kit.tlog.merkle import EMPTY_ROOT, Frontier, leaf_hash
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.tiles import MAX_ENTRY
from strongroom.ledger import tree
from strongroom.ledger.batch import Batch
from strongroom.ledger.record import Record
from strongroom.ledger.storage import CHECKPOINT, BehindError, ConflictError, Storage
from strongroom.model.errors import BadSignature, LogDamaged, LogUnavailable, Malformed, NotFound, TooLarge

BATCH_ENTRIES = 4096  # in one record; more waits for the next
BATCH_BYTES = 8 << 20
PATIENCE = 10.0  # seconds for another writer to let go
ATTEMPTS = 200  # to commit where other writers are quicker
_HINT = "strongroom log audit says what is left; a log that lost entries must not go on under its name"


@dataclass(frozen=True, slots=True)
class Sequenced:
    """An entry that is durable in the log: its place, and the batch that proves it."""

    index: int
    batch: Batch

    def proof(self) -> tuple[bytes, ...]:
        """The inclusion proof under `checkpoint`."""
        return self.batch.proof(self.index)

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint of the log that holds it."""
        return self.batch.checkpoint


class _Head(NamedTuple):
    """The log as far as this writer knows it."""

    frontier: Frontier
    checkpoint: bytes


class _Ticket:
    """One caller's entries. `wake` is held until there is an answer, or until the caller is to lead."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.answer: tuple[Sequenced, ...] | None = None
        self.error: BaseException | None = None
        self.wake = threading.Lock()
        self.wake.acquire()

    @property
    def done(self) -> bool:
        return self.answer is not None or self.error is not None


def empty_checkpoint(key: SignerKey) -> bytes:
    """The signed checkpoint that a log begins with."""
    return sign_checkpoint(Checkpoint(key.verifier.name, 0, EMPTY_ROOT), [Ed25519Signer(key)])


class Sequencer:
    """Writes to one log, from any number of threads; other processes may write to it too."""

    def __init__(self, storage: Storage, key: SignerKey, patience: float = PATIENCE) -> None:
        """`key` is the log's Ed25519 key; its name is the log's origin."""
        self._storage = storage
        self._key = key
        self._patience = patience
        self._head: _Head | None = None
        self._gate = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._led = False
        self.repaired: list[str] = []

    def open(self) -> Checkpoint:
        """Take up the log where it was left; afterwards `repaired` says what had to be mended.

        Raises:
            LogUnavailable, LogDamaged, NotFound: it cannot be.
        """
        with self._gate, self._storage.exclusive(self._patience):
            self._head = self._load()
            return self._open_own(self._head.checkpoint)

    def append(self, entries: Sequence[bytes]) -> tuple[Sequenced, ...]:
        """Put entries into the log, next to each other; all of them are durable on return.

        Raises:
            TooLarge: an entry has over 65,535 bytes; none was taken.
            LogUnavailable: the log could not make them durable. They have no receipt; a later recovery may still find
                them in the log.
            LogDamaged: what is stored is not what was signed.
        """
        for entry in entries:
            if len(entry) > MAX_ENTRY:
                raise TooLarge("log entry", f"{len(entry)} bytes", f"at most {MAX_ENTRY}")
        ticket = _Ticket(entries)
        with self._gate:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(ticket)
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.answer is not None  # a leader answers every ticket of its batch, its own among them
        return ticket.answer

    def _wait(self, ticket: _Ticket) -> None:
        """Wait for an answer, or to lead. Who is interrupted meanwhile leaves no lead behind that nobody takes."""
        woken = False
        try:
            woken = ticket.wake.acquire()
        finally:
            if not woken:
                with self._gate:
                    if ticket in self._waiting:
                        self._waiting.remove(ticket)
                    if ticket.wake.acquire(blocking=False) and not ticket.done:
                        self._hand_over()

    def _hand_over(self) -> None:
        """Give the lead to the first that waits. Within the gate."""
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].wake.release()

    def _lead(self) -> None:
        """Commit what waits, answer it, and hand the lead to the first that has come meanwhile."""
        batch = self._take()
        try:
            self._answer(batch)
        except (LogUnavailable, LogDamaged, NotFound) as e:
            self._head = None  # what is durable is read again before the next commit
            for ticket in batch:
                ticket.error = e
        finally:
            for ticket in batch:
                if not ticket.done:  # Whatever cut this leader off, nobody who followed may wait for ever.
                    self._head = None
                    ticket.error = LogUnavailable("log", "an interruption", "a durable write")
                ticket.wake.release()
            with self._gate:
                self._hand_over()

    def _take(self) -> list[_Ticket]:
        """The tickets of the next batch, in the order in which they came."""
        with self._gate:
            count = size = taken = 0
            for ticket in self._waiting:
                count += len(ticket.entries)
                size += sum(map(len, ticket.entries))
                if taken and (count > BATCH_ENTRIES or size > BATCH_BYTES):
                    break
                taken += 1
            batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
            return batch

    def _answer(self, tickets: Sequence[_Ticket]) -> None:
        batch = self._commit([entry for ticket in tickets for entry in ticket.entries])
        index = batch.start
        for ticket in tickets:
            end = index + len(ticket.entries)
            ticket.answer = tuple(Sequenced(i, batch) for i in range(index, end))
            index = end

    def _commit(self, entries: Sequence[bytes]) -> Batch:
        leaves = [leaf_hash(entry) for entry in entries]
        with self._storage.exclusive(self._patience):
            for _ in range(ATTEMPTS):
                head = self._head or self._load()
                self._head = head
                if not entries:
                    return Batch(head.frontier, (), head.checkpoint)
                grown = head.frontier.copy()
                grown.extend(leaves)
                signed = self._sign(grown)
                try:
                    self._storage.commit(Record(head.frontier.size, tuple(entries), signed))
                except ConflictError:
                    self._head = self._caught_up(head)
                    continue
                except BehindError:
                    self._head = None
                    continue
                self._head = _Head(grown, signed)
                return Batch(head.frontier, leaves, signed)
        raise LogUnavailable(f"log {self._storage.where}", f"other writers at {ATTEMPTS} attempts", "a free place")

    def _sign(self, frontier: Frontier) -> bytes:
        head = Checkpoint(self._key.verifier.name, frontier.size, frontier.root())
        return sign_checkpoint(head, [Ed25519Signer(self._key)])

    def _open_own(self, data: bytes) -> Checkpoint:
        """A checkpoint that this log has signed. Raises LogDamaged: what is stored was not."""
        key = self._key.verifier
        try:
            return open_checkpoint(data, key.name, [verifier(key)]).checkpoint
        except (Malformed, BadSignature) as e:
            raise LogDamaged(f"checkpoint in {self._storage.where}", e.found, e.wanted, _HINT) from None

    def _caught_up(self, head: _Head) -> _Head | None:
        """As `_follow`; None where the journal has gone on without what this writer knows."""
        try:
            return self._follow(head)
        except BehindError:
            return None

    def _load(self) -> _Head:
        """The log as it is stored: the published tree, and the journal from there on."""
        for _ in range(ATTEMPTS):
            if (head := self._caught_up(self._published())) is not None:
                return head
        raise LogDamaged(
            f"log {self._storage.where}", "a journal that begins later", "one from the published size on", _HINT
        )

    def _published(self) -> _Head:
        try:
            signed = self._storage.read(CHECKPOINT)
        except NotFound:
            raise LogDamaged(
                f"log {self._storage.where}", "no published checkpoint", "the file checkpoint", _HINT
            ) from None
        found = self._open_own(signed)
        frontier = tree.frontier(found.size, found.root, self._storage.read, f"log {self._storage.where}")
        return _Head(frontier, signed)

    def _follow(self, head: _Head) -> _Head:
        """Go on with what other writers, or this one before a crash, have committed."""
        frontier, signed = head.frontier.copy(), head.checkpoint
        for record in self._storage.records(frontier.size):
            frontier.extend(leaf_hash(entry) for entry in record.entries)
            found = self._open_own(record.checkpoint)
            if (found.size, found.root) != (frontier.size, frontier.root()):
                subject = f"journal of {self._storage.where} at size {record.start}"
                raise LogDamaged(subject, "entries of another root", "the root that was signed", _HINT)
            signed = record.checkpoint
        self.repaired += self._storage.repairs()
        return _Head(frontier, signed)

    def latest(self) -> tuple[Checkpoint, bytes]:
        """The newest durable checkpoint that this writer knows, and its signed note."""
        head = self._head or self._reload()
        return self._open_own(head.checkpoint), head.checkpoint

    def _reload(self) -> _Head:
        self.open()
        assert self._head is not None  # open sets it or raises
        return self._head
