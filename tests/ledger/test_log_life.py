"""The life of a log on a bad disk, in any order: writers that come and go, failures, kills, torn bytes and power cuts."""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from log_claims import KEY, Told, check, disclosure, told_by
from log_steps import FILE, SEGMENT, appended
from lossy_disk import Cut, LossyDisk, make, quick_folder

from strongroom.kit.log_entry import commitment
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish
from strongroom.ledger.record import Record, encode
from strongroom.ledger.sequencer import Sequencer, empty_checkpoint
from strongroom.model.errors import LogUnavailable

WRITERS = st.sampled_from([0, 1])
ERRORS = st.sampled_from([errno.EIO, errno.ENOSPC])
CHANCES = st.sampled_from([0.0, 0.3, 0.7, 1.0])
SEEDS = st.integers(0, 1 << 16)


class KilledError(BaseException):
    """The process ends here."""


class Life(RuleBasedStateMachine):
    """Two writers, a publisher and an erasable store on one lossy disk."""

    def __init__(self) -> None:
        super().__init__()
        self._names = itertools.count()
        self._stack = contextlib.ExitStack()
        self._top = self._stack.enter_context(quick_folder())
        self._stack.enter_context(mock.patch("strongroom.ledger.journal.SEGMENT", SEGMENT))
        self._stack.enter_context(mock.patch("strongroom.ledger.disclosures.FILE", FILE))
        for name in ("fsync", "fdatasync"):  # nobody cuts the power of the real device
            self._stack.enter_context(mock.patch.object(os, name, return_value=None))
        self._told = Told()
        self._fault: tuple[int, int | None] | None = None  # in how many calls, and the error; none: a kill
        self._base = self._top / "first"
        self._base.mkdir()
        FileStorage(self._base / "log").create(b"{}", empty_checkpoint(KEY))
        self._begin()

    def _begin(self) -> None:
        """The machine starts."""
        self._disk = LossyDisk(self._base)
        self._disk.hook = self._hook
        self._writers: list[tuple[FileStorage, Sequencer]] = []
        self._start()

    def _start(self) -> None:
        """The processes start."""
        self._fault = None
        for storage, _ in self._writers:
            storage.close()
        self._writers = []
        with self._disk.watched():
            for _ in range(2):
                storage = FileStorage(self._base / "log")
                self._writers.append((storage, Sequencer(storage, KEY)))
                self._writers[-1][1].open()
        self._store = FileDisclosures(self._base / "log/sealed")

    def _hook(self, _name: str, _path: str) -> int | None:
        if self._fault is None:
            return None
        rest, error = self._fault
        self._fault = (rest - 1, error) if rest else None
        if rest == 0 and error is None:
            self._fault = (0, None)  # who is dead makes no further call
            raise KilledError
        return None if rest else error

    def _say(self, said: str, **what: object) -> None:
        told_by([{"said": said, **what}], self._told)

    @contextlib.contextmanager
    def _risked(self) -> Iterator[None]:
        """Something that may fail only where a fault was put in its way."""
        armed = self._fault is not None
        try:
            with self._disk.watched():
                yield
        except LogUnavailable:
            assert armed
            assert self._fault is None
        except KilledError:
            self._start()

    @rule(writer=WRITERS, sizes=st.lists(st.integers(0, 700), min_size=1, max_size=5))
    def append(self, writer: int, sizes: list[int]) -> None:
        """Entries of some sizes."""
        entries = [b"%d " % next(self._names) + b"e" * size for size in sizes]
        with self._risked():
            appended(self._say, entries, self._writers[writer][1].append(entries))

    @rule(writer=WRITERS)
    def publish(self, writer: int) -> None:
        """All that this writer knows."""
        storage, sequencer = self._writers[writer]
        with self._risked():
            done = publish(storage, Head(*sequencer.latest()))
            assert done is not None
            self._say("published", note=done.note.decode())

    @rule(length=st.integers(10, 1500))
    def keep(self, length: int) -> None:
        """A disclosure."""
        text = disclosure(next(self._names), length)
        with self._risked():
            self._store.keep({commitment(text): text})
            self._say("kept", text=text)

    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        """A disclosure that is there, or was begun to be erased."""
        if self._told.kept:
            text = self._told.kept[data.draw(st.sampled_from(sorted(self._told.kept)))]
            self._say("erasing", text=text)
            with self._risked():
                self._store.erase((commitment(text),))
                self._say("erased", text=text)

    @rule(writer=WRITERS)
    def reopen(self, writer: int) -> None:
        """A process that ends in order, and starts again."""
        self._writers[writer][0].close()
        storage = FileStorage(self._base / "log")
        self._writers[writer] = storage, Sequencer(storage, KEY)

    @rule(calls=st.integers(0, 25), error=ERRORS, left=CHANCES, seed=SEEDS)
    def fail(self, calls: int, error: int, left: float, seed: int) -> None:
        """One of the next calls fails; what a failed sync has written, chance says."""
        self._fault = calls, error
        self._disk.failed_sync = Cut(left, seed)

    @rule(calls=st.integers(0, 25))
    def kill(self, calls: int) -> None:
        """The processes end at one of the next calls."""
        self._fault = calls, None

    @rule(part=st.floats(0, 1, exclude_max=True), size=st.integers(0, 2000))
    def tear_record(self, part: float, size: int) -> None:
        """A writer ended within the write of a record, at any byte."""
        self._fault = None
        with self._disk.watched():
            head = self._writers[0][1].open()
        record = encode(Record(head.size, (b"t" * size,), empty_checkpoint(KEY)))
        self._write(max((self._base / "log/journal").glob("0*.journal")), record[: int(len(record) * part)])
        self._start()

    @rule(part=st.floats(0, 1, exclude_max=True))
    def tear_disclosure(self, part: float) -> None:
        """A writer ended within the write of a line that is there already, or is new."""
        files = sorted((self._base / "log/sealed").glob("*.sealed"))
        if files:
            text = next(iter(self._told.kept.values()), disclosure(next(self._names)))
            line = f"\n{commitment(text).removeprefix('sha256:')} {text}\n".encode()
            if commitment(text) not in self._told.erasing:
                self._write(files[-1], line[: int(len(line) * part)])
        self._start()

    def _write(self, path: Path, data: bytes) -> None:
        self._fault = None
        with self._disk.watched():
            descriptor = os.open(path, os.O_RDWR)
            os.pwrite(descriptor, data, path.stat().st_size)
            os.close(descriptor)

    @rule(chance=CHANCES, seed=SEEDS)
    def lose_power(self, chance: float, seed: int) -> None:
        """Of what was not synced, some is there and some is not; the log is held to its word, and goes on."""
        self._fault = None
        image = make(self._disk.after_cut(Cut(chance, seed)), self._top / f"{next(self._names)}")
        shutil.rmtree(self._base)
        self._base = image
        self._check()
        self._begin()

    def _check(self) -> None:
        copy = self._top / "copy"
        shutil.copytree(self._base / "log", copy)
        check(copy, self._told.copy())
        shutil.rmtree(copy)

    def teardown(self) -> None:
        """The last look: as it is, and as it would be after a power cut."""
        self._fault = None
        try:
            self._check()
            self.lose_power(0.0, 0)
        finally:
            self._stack.close()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25)
