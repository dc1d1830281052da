"""What every place for a log must do, as classes of tests: a place inherits them and says how it is opened.

class TestFiles(StorageContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: FileStorage(tmp_path / "log")
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import ClassVar

import pytest

from strongroom.kit.log_entry import commitment
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import EMPTY_ROOT, leaf_hash, tree_head
from strongroom.kit.tlog.note import Ed25519Signer, add_signatures
from strongroom.kit.tlog.note import parse as parse_note
from strongroom.ledger import tree
from strongroom.ledger.publisher import Head, publish
from strongroom.ledger.record import Record
from strongroom.ledger.sequencer import Sequencer
from strongroom.ledger.storage import CHECKPOINT, BehindError, ConflictError, Disclosures, Storage
from strongroom.model.errors import BadInput, LogDamaged, LogError, LogUnavailable, NotFound

ORIGIN = "example.org/log"
KEY = SignerKey(ORIGIN, Kind.ED25519, bytes(range(32)))
WITNESS = SignerKey("witness.example/w", Kind.ED25519, bytes(32))
SETTINGS = b'{"origin":"example.org/log"}\n\x00\xff'
PATIENCE = 30.0  # seconds; a test that works never waits for so long
WRITERS = 4

OpenStorage = Callable[[], Storage]
OpenDisclosures = Callable[[], Disclosures]


def head(size: int, label: str = "") -> bytes:
    """A signed checkpoint of a size; places look at the size and at nothing else."""
    root = hashlib.sha256(f"{label}{size}".encode()).digest() if size else EMPTY_ROOT
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), [Ed25519Signer(KEY)])


EMPTY = head(0)


def record(start: int, count: int = 1, label: str = "") -> Record:
    """A record of `count` entries."""
    entries = tuple(f"{label} entry {i}".encode() for i in range(start, start + count))
    return Record(start, entries, head(start + count, label))


def read_all(storage: Storage, start: int = 0) -> list[Record]:
    """The journal from `start` on; afterwards this writer may commit."""
    with storage.exclusive(PATIENCE):
        return list(storage.records(start))


def commit(storage: Storage, new: Record) -> bool:
    """Whether the record went in, rather than another's."""
    with storage.exclusive(PATIENCE):
        try:
            storage.commit(new)
        except ConflictError:
            return False
    return True


def commit_until(storage: Storage, stop: Event, name: str) -> list[Record]:
    """Commits until told to stop, reading again after every failure; what was acknowledged."""
    acknowledged: list[Record] = []
    at: int | None = None
    while not stop.is_set():
        try:
            with storage.exclusive(30):
                for seen in storage.records(at or 0):
                    at = seen.end
                new = record(at or 0, 1 + len(acknowledged) % 3, f"{name} {len(acknowledged)}")
                storage.commit(new)
            acknowledged.append(new)
            at = new.end
        except ConflictError:
            at = None
        except LogUnavailable:
            at = None
            time.sleep(0.01)
    return acknowledged


def at_once(jobs: list[Callable[[], bool]]) -> list[bool]:
    """What each job answers, all begun at the same moment."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], bool]) -> bool:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


class StorageContract:
    """The tests of a `Storage`."""

    locks: ClassVar[bool] = True  # whether one writer keeps others out, or the conditional write alone decides
    one_publishes: ClassVar[bool] = True  # whether one publisher keeps others out
    forgets: ClassVar[bool] = True  # whether what may be forgotten is forgotten at once
    rounds: ClassVar[int] = 10  # of a race

    @pytest.fixture
    def place(self) -> OpenStorage:
        """Opens one place that is the test's own; each call is another instance."""
        raise NotImplementedError

    @pytest.fixture
    def another(self, place: OpenStorage) -> Iterator[OpenStorage]:
        """Opens it too, and closes every instance after the test."""
        opened: list[Storage] = []

        def one() -> Storage:
            opened.append(place())
            return opened[-1]

        yield one
        for storage in opened:
            storage.close()

    @pytest.fixture
    def log(self, another: OpenStorage) -> Storage:
        """An empty log."""
        storage = another()
        storage.create(SETTINGS, EMPTY)
        return storage

    def test_a_new_log_has_its_settings_and_its_checkpoint(self, log: Storage, another: OpenStorage) -> None:
        """What `create` was given is there for every instance, byte for byte, and the journal is empty."""
        for storage in (log, another()):
            assert storage.settings() == SETTINGS
            assert storage.read(CHECKPOINT) == EMPTY
            assert read_all(storage) == []
            assert storage.repairs() == ()

    def test_where_there_is_no_log_there_are_no_settings(self, another: OpenStorage) -> None:
        """A place without a log says so."""
        with pytest.raises(NotFound):
            another().settings()

    def test_a_second_log_is_refused(self, log: Storage, another: OpenStorage) -> None:
        """A place holds one log, and the second `create` changes nothing of it."""
        for storage in (log, another()):
            with pytest.raises(BadInput):
                storage.create(b"other", EMPTY)
        assert log.settings() == SETTINGS

    def test_of_many_that_create_a_log_one_does(self, another: OpenStorage) -> None:
        """Exactly one `create` of a race succeeds, and the log is its own, whole."""
        writers = [another() for _ in range(WRITERS)]
        keys = [SignerKey(ORIGIN, Kind.ED25519, bytes([i]) * 32) for i in range(WRITERS)]
        heads = [sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), [Ed25519Signer(key)]) for key in keys]

        def job(i: int) -> bool:
            try:
                writers[i].create(b"settings %d" % i, heads[i])
            except BadInput:
                return False
            return True

        won = at_once([lambda i=i: job(i) for i in range(WRITERS)])  # type: ignore[misc]
        assert won.count(True) == 1
        first = won.index(True)
        assert another().settings() == b"settings %d" % first
        assert another().read(CHECKPOINT) == heads[first]

    def test_records_are_read_as_they_were_committed(self, log: Storage, another: OpenStorage) -> None:
        """Records come back in order, from any record on, to whoever writes and to whoever publishes."""
        wanted = [record(0, 3), record(3), record(4, 2)]
        read_all(log)
        assert [commit(log, new) for new in wanted] == [True] * 3
        for storage in (log, another()):
            assert read_all(storage) == wanted
            assert read_all(storage, 3) == wanted[1:]
            assert read_all(storage, 6) == []
            assert list(storage.committed(0, 6)) == wanted
            assert list(storage.committed(3, 4)) == wanted[1:2]
            assert list(storage.committed(4, 4)) == []

    def test_many_records_of_all_lengths(self, log: Storage, another: OpenStorage) -> None:
        """A journal of many records comes back whole, also one with an entry as long as entries can be."""
        read_all(log)
        wanted = [record(i) for i in range(40)]
        wanted.append(Record(40, (b"", bytes(range(256)) * 255, b"\x00" * 0xFFFF), head(43)))
        assert all(commit(log, new) for new in wanted)
        assert read_all(another()) == wanted
        assert list(another().committed(20, 43)) == wanted[20:]

    def test_a_place_between_records_is_none(self, log: Storage) -> None:
        """Reading from within a record, or from beyond the end, finds damage and no empty journal."""
        read_all(log)
        commit(log, record(0, 3))
        for start in (1, 4, 10**15):
            with pytest.raises(LogDamaged):
                read_all(log, start)
        for start, end in ((1, 3), (0, 4)):
            with pytest.raises(LogError):
                list(log.committed(start, end))

    def test_the_second_writer_of_a_size_is_refused(self, log: Storage, another: OpenStorage) -> None:
        """Who was quicker stays; the other reads what it missed and goes on behind."""
        other = another()
        assert read_all(other) == read_all(log) == []
        assert commit(log, record(0, 2, "first"))
        assert not commit(other, record(0, 1, "second"))
        assert read_all(other, 0) == [record(0, 2, "first")]
        assert commit(other, record(2, 1, "second"))
        assert read_all(log) == [record(0, 2, "first"), record(2, 1, "second")]

    def test_a_hole_is_refused(self, log: Storage, another: OpenStorage) -> None:
        """A writer commits at no size but the one to which it has read the journal."""
        unread = another()
        read_all(log)
        for start in (1, 2, 300):
            assert not commit(log, record(start))
        assert read_all(log) == []
        assert not commit(unread, record(0))
        assert commit(log, record(0))

    def test_two_instances_alternate(self, log: Storage, another: OpenStorage) -> None:
        """Each reads on from where it was, commits, and leaves the other to find it."""
        writers: tuple[Storage, Storage] = (log, another())
        wanted: list[Record] = []
        read_all(writers[1])
        for size in range(8):
            writer = writers[size % 2]
            assert read_all(writer, max(0, size - 2)) == wanted[-2:]
            wanted.append(record(size, 1, f"writer {size % 2}"))
            assert commit(writer, wanted[-1])
        assert read_all(log) == read_all(writers[1]) == wanted

    @pytest.mark.parametrize("same", [False, True], ids=["other bytes", "same bytes"])
    def test_of_many_that_race_for_a_size_one_wins(self, log: Storage, another: OpenStorage, same: bool) -> None:
        """Of writers that know the same journal exactly one commits, each time, even when all write the same."""
        writers = [log, *(another() for _ in range(WRITERS - 1))]
        size = 0
        wanted: list[Record] = []
        for turn in range(self.rounds):
            for writer in writers:
                read_all(writer, size)
            new = [record(size, 1 + (turn + i * (not same)) % 3, f"{turn}{'' if same else i}") for i in range(WRITERS)]
            won = at_once([lambda w=w, n=n: commit(w, n) for w, n in zip(writers, new, strict=True)])  # type: ignore[misc]
            assert won.count(True) == 1, f"round {turn}"
            wanted.append(new[won.index(True)])
            size = wanted[-1].end
        assert read_all(another()) == wanted

    def test_one_is_exclusive(self, log: Storage, another: OpenStorage) -> None:
        """Where there is a lock another writer waits no longer than it said, and gets it when it is free."""
        other = another()
        with log.exclusive(PATIENCE):
            if self.locks:
                with pytest.raises(LogUnavailable), other.exclusive(0.05):
                    pass
            else:
                with other.exclusive(0.05):
                    pass
        with other.exclusive(0.05):
            pass

    def test_one_instance_is_exclusive_to_one_thread(self, log: Storage) -> None:
        """Two threads of one instance are kept apart like two processes, with or without a lock of the place."""

        def wait() -> bool:
            try:
                with log.exclusive(0.05):
                    return True
            except LogUnavailable:
                return False

        with ThreadPoolExecutor(1) as pool:
            with log.exclusive(PATIENCE):
                assert not pool.submit(wait).result()
            assert pool.submit(wait).result()

    def test_an_error_within_lets_go_of_the_lock(self, log: Storage, another: OpenStorage) -> None:
        """Whatever ends the exclusive part ends the lock."""
        with pytest.raises(ZeroDivisionError), log.exclusive(PATIENCE):
            _ = 1 // 0
        with another().exclusive(0.05):
            pass

    def test_one_publishes(self, log: Storage, another: OpenStorage) -> None:
        """Where there is a lock the second publisher is told so at once, and the next one may."""
        other = another()
        with log.publishing() as mine, other.publishing() as too:
            assert mine
            assert too is not self.one_publishes
        with other.publishing() as mine:
            assert mine

    def test_publishing_is_no_lock_of_writers(self, log: Storage, another: OpenStorage) -> None:
        """A slow publisher keeps nobody from committing."""
        with log.publishing():
            assert read_all(another()) == []

    def test_what_is_published_may_be_forgotten(self, log: Storage, another: OpenStorage) -> None:
        """Forgotten records are read from the tree; the rest stays, the next size is free, an older one is not."""
        stale = another()
        read_all(stale)
        read_all(log)
        wanted = [record(0, 3), record(3, 2), record(5)]
        for new in wanted:
            commit(log, new)
        log.forget(5)
        log.forget(5)
        for storage in (log, another()):
            assert read_all(storage, 5) == wanted[2:]
            assert list(storage.committed(5, 6)) == wanted[2:]
            for start in (0, 3):
                self._forgotten(storage, start, wanted)
        assert not commit(stale, record(0, 1, "stale"))
        log.forget(6)
        assert read_all(another(), 6) == []
        assert read_all(log, 6) == []
        assert commit(log, record(6))
        assert read_all(another(), 6) == [record(6)]

    def _forgotten(self, storage: Storage, start: int, wanted: list[Record]) -> None:
        if self.forgets:
            with pytest.raises(BehindError):
                read_all(storage, start)
            with pytest.raises(BehindError):
                list(storage.committed(start, 6))
        else:
            assert read_all(storage, start) == [r for r in wanted if r.start >= start]

    def test_the_published_checkpoint_only_grows(self, log: Storage, another: OpenStorage) -> None:
        """A publisher that was overtaken does not take the log back; one size may gain cosignatures."""
        signed = Ed25519Signer(WITNESS).sign(parse_note(head(7)).text)
        for given, stays in (
            (head(7), head(7)),
            (head(5), head(7)),
            (add_signatures(head(7), [signed]), add_signatures(head(7), [signed])),
            (head(9), head(9)),
            (head(0), head(9)),
        ):
            publisher = another()
            with publisher.publishing() as mine:
                assert mine
                publisher.publish(given)
            assert log.read(CHECKPOINT) == stays

    def test_of_many_that_publish_the_largest_stays(self, log: Storage, another: OpenStorage) -> None:
        """Publishers that do not wait for each other leave the largest checkpoint."""
        publishers = [another() for _ in range(WRITERS)]
        for turn in range(self.rounds):
            sizes = [turn * WRITERS + 1 + i for i in range(WRITERS)]

            def job(publisher: Storage, size: int) -> bool:
                with publisher.publishing() as mine:
                    if mine:
                        publisher.publish(head(size))
                return mine

            won = at_once([lambda p=p, s=s: job(p, s) for p, s in zip(publishers, sizes, strict=True)])  # type: ignore[misc]
            assert log.read(CHECKPOINT) == head(max(s for s, w in zip(sizes, won, strict=True) if w))

    def test_objects_are_read_as_they_were_written(self, log: Storage, another: OpenStorage) -> None:
        """Objects are there for every instance; writing the same again is no fault, and the empty set is none."""
        objects = {f"tile/0/x001/{i:03d}": bytes([i]) * 300 for i in range(20)}
        objects |= {"tile/entries/000": bytes(range(256)) * 300, "tile/0/000.p/7": b"seven", "tile/0/000": b"full"}
        log.write({})
        log.write(objects)
        other = another()
        other.write(objects | {"tile/1/000": b"new"})
        for path, data in objects.items():
            assert other.read(path) == data
        assert log.read("tile/1/000") == b"new"

    def test_an_object_never_changes(self, log: Storage, another: OpenStorage) -> None:
        """Other bytes for a name that is taken are damage, and the first ones stay."""
        log.write({"tile/0/000": b"first"})
        for storage in (log, another()):
            with pytest.raises(LogDamaged, match="tile/0/000"):
                storage.write({"tile/0/001": b"fine", "tile/0/000": b"other"})
        assert log.read("tile/0/000") == b"first"

    def test_what_is_missing_is_not_found(self, log: Storage) -> None:
        """An object that was never written is not found, nor is one below another's name."""
        log.write({"tile/0/000": b"there"})
        for path in ("tile/0/001", "tile/0/000.p/1", "tile/0/000/x", "tile/0"):
            with pytest.raises(NotFound):
                log.read(path)

    def test_only_partial_objects_are_pruned(self, log: Storage) -> None:
        """Pruning drops the partial objects that it names, or nothing, and never a full one."""
        log.write({"tile/0/000": b"full", "tile/0/001.p/5": b"kept", "tile/0/000.p/5": b"five"})
        log.prune(tuple(f"tile/0/000.p/{i}" for i in range(1, 256)))
        log.prune(())
        assert log.read("tile/0/000") == b"full"
        assert log.read("tile/0/001.p/5") == b"kept"
        with contextlib.suppress(NotFound):
            assert log.read("tile/0/000.p/5") == b"five"


class SequencersContract:
    """Several sequencers, each with its own instance of one place, as in processes of their own."""

    appends: ClassVar[int] = 12  # of each thread

    @pytest.fixture
    def place(self) -> OpenStorage:
        """Opens one place that is the test's own; each call is another instance."""
        raise NotImplementedError

    @pytest.fixture
    def another(self, place: OpenStorage) -> Iterator[OpenStorage]:
        """Opens it too, with a log in it, and closes every instance after the test."""
        opened = [place()]
        opened[0].create(SETTINGS, EMPTY)

        def one() -> Storage:
            opened.append(place())
            return opened[-1]

        yield one
        for storage in opened:
            storage.close()

    @pytest.mark.parametrize("publishes", [False, True], ids=["unpublished", "published meanwhile"])
    def test_sequencers_share_a_log(self, another: OpenStorage, publishes: bool) -> None:
        """Each entry is in the log once, where its writer was told, and all end with the same root."""
        writers = [Sequencer(another(), KEY, PATIENCE) for _ in range(2)]
        publisher = another()

        def append(thread: int) -> dict[int, bytes]:
            placed: dict[int, bytes] = {}
            for turn in range(self.appends):
                entries = [b"entry %d of append %d of thread %d" % (i, turn, thread) for i in range(1 + turn % 3)]
                answers = writers[thread % 2].append(entries)
                placed |= {answer.index: entry for answer, entry in zip(answers, entries, strict=True)}
                if publishes and turn % 4 == thread:
                    publish(publisher, Head(*writers[thread % 2].latest()))
            return placed

        with ThreadPoolExecutor(WRITERS) as pool:
            answers = list(pool.map(append, range(WRITERS)))
        wanted = {index: entry for placed in answers for index, entry in placed.items()}
        heads = [writer.open() for writer in writers]
        assert heads[0] == heads[1]
        size = heads[0].size
        assert sorted(wanted) == list(range(size))
        assert size == sum(len(placed) for placed in answers) == WRITERS * sum(1 + t % 3 for t in range(self.appends))
        assert heads[0].root == tree_head([leaf_hash(wanted[i]) for i in range(size)])
        assert publish(publisher, Head(*writers[0].latest())) is not None
        reader = another()
        assert [tree.entry(i, size, reader.read) for i in range(size)] == [wanted[i] for i in range(size)]

    def test_a_sequencer_that_was_idle_goes_on(self, another: OpenStorage) -> None:
        """What others wrote and published meanwhile, so that the journal forgot it, is read from the tree."""
        busy, idle = (Sequencer(another(), KEY, PATIENCE) for _ in range(2))
        assert busy.append([b"first"])[0].index == 0
        assert idle.append([b"second"])[0].index == 1
        busy.append([b"entry %d" % i for i in range(2, 300)])
        publish(another(), Head(*busy.latest()))
        assert idle.append([b"last"])[0].index == 300
        assert busy.append([b"very last"])[0].index == 301
        assert busy.open() == idle.open()


def sealed(count: int, label: str = "") -> dict[str, str]:
    """Disclosures by their commitments."""
    texts = [f"disclosure-{label}{i}" for i in range(count)]
    return {commitment(text): text for text in texts}


class DisclosuresContract:
    """The tests of a `Disclosures`."""

    many: ClassVar[int] = 1200

    @pytest.fixture
    def place(self) -> OpenDisclosures:
        """Opens one store that is the test's own; each call is another instance."""
        raise NotImplementedError

    @pytest.fixture
    def another(self, place: OpenDisclosures) -> Iterator[OpenDisclosures]:
        """Opens it too, and closes every instance after the test."""
        opened: list[Disclosures] = []

        def one() -> Disclosures:
            opened.append(place())
            return opened[-1]

        yield one
        for store in opened:
            store.close()

    def test_what_is_kept_is_found(self, another: OpenDisclosures) -> None:
        """Disclosures are there for every instance by their commitments, and keeping them again is no fault."""
        kept, store = sealed(3), another()
        store.keep({})
        store.keep(kept)
        another().keep(kept)
        assert another().find(tuple(kept)) == kept
        assert store.find(()) == {}
        first = next(iter(kept))
        assert store.find((first, *sealed(1, "never"))) == {first: kept[first]}

    def test_nothing_is_found_where_nothing_was_kept(self, another: OpenDisclosures) -> None:
        """A new store is empty, and erasing from it erases nothing."""
        assert another().find(tuple(sealed(2))) == {}
        assert another().erase(tuple(sealed(2))) == 0

    def test_what_is_erased_is_gone(self, another: OpenDisclosures) -> None:
        """Erasing counts what was there, once; the rest stays; nothing is found afterwards by any instance."""
        kept, store = sealed(4), another()
        store.keep(kept)
        store.keep(kept)
        gone, stays = tuple(kept)[:2], tuple(kept)[2:]
        assert another().erase((*gone, *sealed(1, "never"))) == 2
        for each in (store, another()):
            assert each.find(tuple(kept)) == {c: kept[c] for c in stays}
            assert each.erase(gone) == 0
            assert each.erase(()) == 0

    def test_what_was_erased_can_be_kept_again(self, another: OpenDisclosures) -> None:
        """An erased commitment is a free one."""
        kept, store = sealed(1), another()
        store.keep(kept)
        store.erase(tuple(kept))
        store.keep(kept)
        assert another().find(tuple(kept)) == kept
        assert store.erase(tuple(kept)) == 1

    def test_many_at_once(self, another: OpenDisclosures) -> None:
        """As many as a large batch has are kept, found and erased in one call each."""
        kept, store = sealed(self.many), another()
        store.keep(kept)
        assert store.find(tuple(kept)) == kept
        assert store.erase(tuple(kept)) == self.many
        assert store.find(tuple(kept)) == {}
