"""A log on a disk that fails, fills up or loses power, without any program to help: the disk is made up."""

import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from log_claims import KEY, Told, audited, check, disclosure, told_by
from log_steps import FILE, SEGMENT, Steps, appended, create, steps
from lossy_disk import ALL, NOTHING, Cut, Hook, LossyDisk, make, quick_folder

from strongroom.kit.log_entry import commitment, encode
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish
from strongroom.ledger.sequencer import Sequencer, empty_checkpoint
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogUnavailable, StrongroomError
from strongroom.model.log import LogEntry

SYNCS = {"fsync", "fdatasync"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.ledger.journal.SEGMENT", SEGMENT)
    monkeypatch.setattr("strongroom.ledger.disclosures.FILE", FILE)
    for name in SYNCS:  # nobody cuts the power of the real device
        monkeypatch.setattr(os, name, lambda _descriptor: None)


class KilledError(BaseException):
    """The process ends here; `except` clauses of the log do not see it, as they would not see a kill."""


def nothing_fails(_name: str, _path: str) -> None:
    """The hook of a disk in order."""


class Run:
    """Steps on a lossy disk; what they have been told, and the disk as a power cut would leave it."""

    def __init__(self, folder: Path) -> None:
        self._images = folder / "images"
        self._images.mkdir()
        (folder / "disk").mkdir()
        self.log = folder / "disk/log"
        self.disk = LossyDisk(folder / "disk")
        self.told = Told()
        self.failed: list[Mapping[str, object]] = []
        self.repaired: list[str] = []
        self.heard: Callable[[str], None] = lambda _said: None
        self._seen: set[tuple[int, int]] = set()

    @property
    def checked(self) -> int:
        """How many different disks were looked at."""
        return len(self._seen)

    def say(self, said: str, **what: object) -> None:
        """Take note of what was acknowledged."""
        told_by([{"said": said, **what}], self.told)
        if said == "failed":
            self.failed.append(what)
        self.heard(said)

    def steps(self, hook: Hook, end: int) -> None:
        """Make a log and take some steps; `hook` is asked before each call."""
        self.disk.hook = hook
        with self.disk.watched():
            steps(self.say, self.log, 0, end)
        self.disk.hook = nothing_fails

    def go_on(self, *numbers: int) -> None:
        """Other writers take some more steps."""
        with self.disk.watched():
            create(self.say, self.log)
            more = Steps(self.say, self.log)
            for number in numbers:
                more.step(number)

    def lose_power(self, cut: Cut) -> None:
        """Check the log as it would be after a power cut now, unless the like was seen before."""
        image, told = self.disk.after_cut(cut), self.told
        acknowledged = len(told.entries) + len(told.published) + len(told.kept) + len(told.erased)
        state = hash(frozenset(image.items())), acknowledged
        if state in self._seen:
            return
        self._seen.add(state)
        if "log/" not in image:
            assert told == Told()
            return
        folder = make(image, self._images / f"{len(self._seen)}")
        try:
            self.repaired += check(folder / "log", told.copy())
        except StrongroomError as e:  # not for whoever was just writing
            raise AssertionError(f"after losing power with {cut}: {e}") from e
        shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for disks."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def run(place: Path) -> Run:
    """A disk with nothing on it."""
    return Run(place)


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.9])
def test_power_is_lost_before_any_call(run: Run, chance: float) -> None:
    """What was acknowledged survives a power cut at any moment, whichever part of the rest reached the disk."""
    calls = itertools.count()

    def hook(_name: str, _path: str) -> None:
        run.lose_power(Cut(chance, next(calls)))

    run.steps(hook, 8)
    assert run.failed == []
    assert run.checked > (40 if chance == 0 else 150)
    assert chance == 0 or any("cut off" in repair for repair in run.repaired)


def calls_of(run: Run, end: int) -> list[str]:
    """The calls of a run without a fault, as names and paths."""
    found: list[str] = []

    def hook(name: str, path: str) -> None:
        found.append(f"{name} {path}")

    run.steps(hook, end)
    return found


@pytest.mark.parametrize("quarter", range(4))
def test_a_writer_is_killed_and_then_power_is_lost(place: Path, quarter: int) -> None:
    """What a killed writer had not synced yet, the next one does not take for durable."""
    (place / "clean").mkdir()
    calls = calls_of(Run(place / "clean"), 5)
    for at in [n for n, call in enumerate(calls) if call.split()[0] in SYNCS][quarter::4]:
        (place / f"{at}").mkdir()
        run = Run(place / f"{at}")
        count = itertools.count()

        def hook(_name: str, _path: str, at: int = at, count: Iterator[int] = count) -> None:
            if next(count) >= at:
                raise KilledError

        with pytest.raises(KilledError):
            run.steps(hook, 5)
        run.disk.hook = nothing_fails
        run.heard = lambda said, run=run: run.lose_power(NOTHING) if said != "appended" else None  # type: ignore[misc]
        run.go_on(100, 102)
        assert run.failed == []
        assert run.checked
        shutil.rmtree(place / f"{at}")


@pytest.mark.parametrize("left", [NOTHING, ALL, Cut(0.5, 1)], ids=["nothing", "all", "some"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_a_call_fails_and_then_power_is_lost(place: Path, error: int, left: Cut) -> None:
    """One failure costs one answer; the log goes on, and does not build on what a failed sync has left out."""
    (place / "clean").mkdir()
    calls = calls_of(Run(place / "clean"), 5)
    wanted = SYNCS if error == errno.EIO else {"pwrite", "link", "rename", "mkdir", "ftruncate"}
    points = [n for n, call in enumerate(calls) if call.split()[0] in wanted]
    for at in points if (error, left) == (errno.EIO, NOTHING) else points[left.seed + 1 :: 4]:
        (place / f"{at}").mkdir()
        run = Run(place / f"{at}")
        run.disk.failed_sync = left
        count = itertools.count()
        run.heard = lambda said, run=run: (  # type: ignore[misc]
            run.lose_power(NOTHING) if run.failed and not run.checked and said not in {"failed", "erasing"} else None
        )
        run.steps(lambda _name, _path, at=at, count=count: error if next(count) == at else None, 5)  # type: ignore[misc]
        assert len(run.failed) <= 1
        assert all(str(failure["error"]) == "LogUnavailable" for failure in run.failed)
        run.lose_power(NOTHING)
        run.lose_power(Cut(0.5, at))
        shutil.rmtree(place / f"{at}")


def test_every_write_stops_short(run: Run) -> None:
    """A write that takes a few bytes at a time is continued until all are there."""
    run.disk.short = 7
    run.steps(nothing_fails, 6)
    assert run.failed == []
    run.lose_power(NOTHING)


def one_fails(name: str, part: str, *errors: int) -> Hook:
    """The next calls of a name on a path fail with these errors."""
    rest = list(errors)

    def hook(called: str, path: str) -> int | None:
        return rest.pop(0) if rest and called == name and part in path else None

    return hook


def test_nobody_builds_on_a_hole(run: Run) -> None:
    """Bytes that a failed sync left in the kernel are written again by the next writer, who may be another one."""
    first, second = FileStorage(run.log), FileStorage(run.log)
    with run.disk.watched():
        create(run.say, run.log)
        writers = Sequencer(first, KEY), Sequencer(second, KEY)
        for writer in reversed(writers):
            appended(run.say, [b"before"], writer.append([b"before"]))
        journal = iter([errno.EIO])
        truncate = itertools.repeat(errno.EIO)
        fails = {"fdatasync": journal, "ftruncate": truncate}
        run.disk.hook = lambda name, _path: next(fails.get(name, iter(())), None)
        with pytest.raises(LogUnavailable, match="input/output error"):
            writers[0].append([b"x" * 5000])
        run.disk.hook = nothing_fails
        appended(run.say, [b"after"], writers[1].append([b"after"]))
    run.lose_power(NOTHING)
    assert run.told.entries[-1].place == 3  # the entry without a receipt is in the log all the same


@pytest.mark.parametrize("seed", range(6))
def test_no_record_is_a_mixture_with_one_that_failed(run: Run, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """What a failed sync has written all the same is off the disk before other bytes take its place."""
    monkeypatch.setattr("strongroom.ledger.journal.SEGMENT", 1 << 20)
    run.disk.failed_sync = ALL
    with run.disk.watched():
        create(run.say, run.log)
        writer = Sequencer(FileStorage(run.log), KEY)
        writer.open()
        run.disk.hook = one_fails("fdatasync", "journal", errno.EIO)
        with pytest.raises(LogUnavailable):
            writer.append([b"x" * 3000])

        def hook(name: str, _path: str) -> None:
            if name == "fdatasync":
                run.lose_power(Cut(0.5, seed))

        run.disk.hook = hook
        appended(run.say, [b"y" * 3000], writer.append([b"y" * 3000]))
    assert run.checked


def test_a_file_that_closes_with_an_error_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What must be durable was synced before: an error of `close` changes nothing that was acknowledged."""
    folder, close = tmp_path / "log", os.close

    def refuse(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    FileStorage(folder).create(b"{}", empty_checkpoint(KEY))
    with monkeypatch.context() as patched:
        patched.setattr("os.close", refuse)
        assert Sequencer(FileStorage(folder), KEY).append([b"a"])[0].index == 0
    check(folder, Told())


def test_a_segment_does_not_end_by_half(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end mark whose sync failed is written again before the next segment is begun, or the log would fork there."""
    monkeypatch.setattr("strongroom.ledger.journal.SEGMENT", 300)
    with run.disk.watched():
        create(run.say, run.log)
        storage = FileStorage(run.log)
        writer = Sequencer(storage, KEY)
        writer.open()
        syncs = itertools.count()
        run.disk.hook = lambda name, _path: errno.EIO if name == "fdatasync" and next(syncs) == 1 else None
        appended(run.say, [b"long" * 100], writer.append([b"long" * 100]))
        run.disk.hook = nothing_fails
        appended(run.say, [b"next"], writer.append([b"next"]))
        assert writer.repaired == ["segment 00000000000000000001.journal begun, as the one before had ended"]
    run.lose_power(NOTHING)


def test_an_erasure_is_repeated_after_a_failed_sync(run: Run) -> None:
    """Blanks that a failed sync left in the kernel are written again: what was erased is off the disk."""
    text = disclosure(1)
    with run.disk.watched():
        create(run.say, run.log)
        store = FileDisclosures(run.log / "sealed")
        store.keep({commitment(text): text})
        run.disk.hook = one_fails("fsync", "sealed", errno.EIO)
        with pytest.raises(LogUnavailable):
            store.erase((commitment(text),))
        store.erase((commitment(text),))
        run.told.erased.add(text)
    run.lose_power(NOTHING)


@pytest.mark.parametrize("blank", [1, 50, 99])
def test_an_erasure_is_repeated_after_a_kill_within_it(tmp_path: Path, blank: int) -> None:
    """A disclosure that was blanked in part is not found, counts as there, and goes as a whole."""
    store, text = FileDisclosures(tmp_path), disclosure(1)
    store.keep({commitment(text): text})
    (path,) = tmp_path.glob("*.sealed")
    path.write_bytes(path.read_bytes().replace(text[:blank].encode(), b"-" * blank))
    assert store.find((commitment(text),)) == {}
    assert store.erase((commitment(text),)) == 1
    assert text[-1:].encode() not in path.read_bytes()[65:]


@pytest.mark.parametrize("cut", [1, 30, 64, 65, 66, 100])
def test_a_torn_disclosure_hides_no_other(tmp_path: Path, cut: int) -> None:
    """A line that was cut off is no disclosure; the same one before it is, and so is what is kept after it."""
    store, text, more = FileDisclosures(tmp_path), disclosure(1), disclosure(2)
    store.keep({commitment(text): text})
    (path,) = tmp_path.glob("*.sealed")
    path.write_bytes(path.read_bytes() + path.read_bytes()[:cut])
    assert FileDisclosures(tmp_path).find((commitment(text),)) == {commitment(text): text}
    FileDisclosures(tmp_path).keep({commitment(more): more})
    assert store.find((commitment(text), commitment(more))) == {commitment(text): text, commitment(more): more}


@pytest.mark.parametrize("lost", ["first", "middle", "last"])
def test_a_record_with_a_sector_that_was_never_written_is_torn(tmp_path: Path, lost: str) -> None:
    """A power cut can leave a file of full length with a hole; what was not acknowledged goes, and is said."""
    folder = tmp_path / "log"
    FileStorage(folder).create(b"{}", empty_checkpoint(KEY))
    writer = Sequencer(FileStorage(folder), KEY)
    writer.append([b"a"])
    path = folder / "journal/00000000000000000000.journal"
    before = path.stat().st_size
    writer.append([b"b" * 2000])
    path = min((folder / "journal").iterdir())
    data = bytearray(path.read_bytes()[: -32 if len(list((folder / "journal").iterdir())) > 1 else None])
    at = {"first": before, "middle": 1024, "last": len(data) // 512 * 512}[lost]
    end = min(len(data), at // 512 * 512 + 512)
    data[at:end] = bytes(end - at)
    for other in (folder / "journal").iterdir():
        other.unlink()
    path.write_bytes(data)
    again = Sequencer(FileStorage(folder), KEY)
    assert again.open().size == 1
    assert "never acknowledged" in again.repaired[0]


def test_a_list_of_segments_that_cannot_be_had_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be read is named as that, and not as a log without a journal."""
    folder = tmp_path / "log"
    FileStorage(folder).create(b"{}", empty_checkpoint(KEY))

    def refuse(path: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("os.listdir", refuse)
    with pytest.raises(LogUnavailable, match="permission denied"):
        Sequencer(FileStorage(folder), KEY).open()
    with pytest.raises(LogUnavailable, match="permission denied"):
        FileDisclosures(folder / "sealed").erase((commitment("x"),))


def test_a_clock_that_goes_back_changes_no_place(tmp_path: Path) -> None:
    """Entries stay in the order in which they were appended, whatever time they bear."""
    folder = tmp_path / "log"
    FileStorage(folder).create(b"{}", empty_checkpoint(KEY))
    writer, start = Sequencer(FileStorage(folder), KEY), datetime(2030, 1, 1, tzinfo=UTC)
    entries = [
        encode(LogEntry(kind=EntryKind.DECISION, subject="s", actor="a", at=start - timedelta(days=400 * i)))
        for i in range(5)
    ]
    assert [writer.append([entry])[0].index for entry in entries] == [0, 1, 2, 3, 4]
    done = publish(FileStorage(folder), Head(*writer.latest()))
    assert done is not None
    assert audited(folder, done.checkpoint) == entries
