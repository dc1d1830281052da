"""The journal as files: records appended to segments, one fdatasync for each.

A segment is `<start>.journal`: a head (magic, the size where it starts, and the signed checkpoint of that size), then
records, then, once the next segment is begun, an end mark. The mark is written before the next segment, so a writer that
still has the old one open sees it and goes on: two writers never append to different files.

A crash can leave a torn record at the very end: cut short, or with sectors that were never written. It was not
acknowledged, as that happens after the sync; it is cut off. A record that is all there and wrong, or has anything after
it, was not torn by a crash: that is damage.
"""

import contextlib
import hashlib
import itertools
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from strongroom.ledger import disk
from strongroom.ledger.record import FULL, HEAD_SIZE, Compacted, Record, decode, encode, frame_length
from strongroom.ledger.storage import BehindError, ConflictError
from strongroom.model.errors import LogDamaged, LogUnavailable, Malformed

SEGMENT = 8 << 20  # bytes after which a new segment is begun
SECTOR = 512  # bytes: the least that a device writes as one
_SUFFIX = ".journal"
_MAGIC = b"strongroom journal 1\n"
_START = struct.Struct(">QI")
_END = b"SRE1"
_END_MARK = _END + hashlib.sha256(_END).digest()[:28]
_HINT = "strongroom log audit says what is left; restore the journal from where it was copied to"


def _head(start: int, checkpoint: bytes) -> bytes:
    data = _MAGIC + _START.pack(start, len(checkpoint)) + checkpoint
    return data + hashlib.sha256(data).digest()


class Segment:
    """One open segment file. `end` is where the next record goes, `size` the size of the log there."""

    def __init__(self, path: Path) -> None:
        """Open a segment and read its head. Raises OSError or LogDamaged."""
        self.path = path
        self.named = False  # whether this writer knows that its name is durable
        self.descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self.start, self.checkpoint, self.first = self._read_head()
        except (OSError, LogDamaged):
            disk.let_go(self.descriptor)
            raise
        self.end, self.size = self.first, self.start

    def _read_head(self) -> tuple[int, bytes, int]:
        fixed = len(_MAGIC) + _START.size
        head = os.pread(self.descriptor, fixed, 0)
        if head.startswith(_MAGIC) and len(head) == fixed:
            start, length = _START.unpack_from(head, len(_MAGIC))
            checkpoint = os.pread(self.descriptor, length, fixed)
            whole = _head(start, checkpoint)
            if os.pread(self.descriptor, len(whole), 0) == whole and self.path.name == name_of(start):
                return start, checkpoint, len(whole)
        raise LogDamaged(str(self.path), "another beginning", "the head of a segment", _HINT)

    def length(self) -> int:
        """The bytes of the file."""
        return os.fstat(self.descriptor).st_size

    def ended(self) -> bool:
        """Whether the end mark stands where the next record would go."""
        return os.pread(self.descriptor, len(_END_MARK), self.end) == _END_MARK

    def frame(self) -> bytes | None:
        """The bytes of the next record; None where the file ends, even within it.

        Raises:
            Malformed: something stands there that no record begins with.
        """
        rest = self.length() - self.end
        head = os.pread(self.descriptor, HEAD_SIZE, self.end)
        if rest < HEAD_SIZE or (head.startswith(_END) and rest < len(_END_MARK)):
            return None
        length = frame_length(head, f"{self.path} at byte {self.end}")
        return os.pread(self.descriptor, length, self.end) if length <= rest else None

    def unwritten(self) -> bool:
        """Whether a sector of what follows holds nothing: a power cut came before it was written.

        A file can be longer before all its bytes are there, and they get there in any order. A record that was durable
        once has no such sector, unless one of its entries is zeroes.
        """
        data = os.pread(self.descriptor, self.length() - self.end, self.end)
        cuts = [0, *range(SECTOR - self.end % SECTOR, len(data), SECTOR), len(data)]
        parts = (data[at:after] for at, after in itertools.pairwise(cuts))
        return any(len(part) >= len(FULL) and not any(part) for part in parts)

    def lost(self) -> int | None:
        """Where a whole record stands beyond the bytes that are none: then these were not torn by a crash."""
        data = os.pread(self.descriptor, self.length() - self.end, self.end)
        at = data.find(FULL, 1)
        while at >= 0:
            try:
                if decode(data[at : at + frame_length(data[at : at + HEAD_SIZE], "")], "").start >= self.size:
                    return self.end + at
            except Malformed:
                pass
            at = data.find(FULL, at + 1)
        return None

    def passed(self, record: Record | Compacted, length: int) -> None:
        """Go on behind a record. Raises LogDamaged when it does not follow the one before."""
        if record.start != self.size:
            raise LogDamaged(f"{self.path} at byte {self.end}", f"a record at {record.start}", f"{self.size}", _HINT)
        self.end += length
        self.size = record.end

    def close(self) -> None:
        """Close the file."""
        disk.let_go(self.descriptor)


def name_of(start: int) -> str:
    """The name of the segment that begins at a size of the log."""
    return f"{start:020d}{_SUFFIX}"


def starts(folder: Path) -> list[int]:
    """Where the segments of a folder begin, in order. Raises OSError: a list that is not whole would be taken for one."""
    names = (name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX))  # noqa: PTH208 - names only
    return sorted(int(name) for name in names if name.isdigit())


def create(folder: Path, start: int, checkpoint: bytes) -> None:
    """Begin a segment, never in the place of one. Raises OSError."""
    disk.create(folder / name_of(start), _head(start, checkpoint))
    disk.sync_folder(folder)


def _step(segment: Segment) -> Record | None:
    """The next record, which is passed; None at the end mark, and where the file ends, even within a record.

    Raises:
        LogDamaged: what stands there is no record, or does not follow the one before.
    """
    if segment.ended():
        return None
    subject = f"{segment.path} at byte {segment.end}"
    try:
        frame = segment.frame()
        if frame is None:
            return None
        record = _whole(decode(frame, subject), subject)
    except Malformed as e:
        if segment.unwritten():
            return None
        raise LogDamaged(e.subject, e.found, e.wanted, _HINT) from None
    segment.passed(record, len(frame))
    return record


def _whole(record: Record | Compacted, subject: str) -> Record:
    if isinstance(record, Compacted):
        raise Malformed(subject, "a compacted record", "a whole one, as files hold")
    return record


def _last_checkpoint(segment: Segment) -> bytes:
    """The checkpoint of the size at which the segment stands."""
    found, end, size = segment.checkpoint, segment.end, segment.size
    segment.end, segment.size = segment.first, segment.start
    while segment.end < end and (record := _step(segment)) is not None:
        found = record.checkpoint
    segment.end, segment.size = end, size
    return found


class Journal:
    """The journal of one log; whoever calls holds the log's lock, but for `committed`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: Segment | None = None
        self.repaired: list[str] = []

    def records(self, start: int) -> Iterator[Record]:
        """The records from the one at `start` on, each made durable again first, as another's sync may have failed.

        Raises:
            BehindError: the journal begins later.
            LogDamaged: what was committed has changed, or there is no journal.
            LogUnavailable: the files cannot be read or written.
        """
        try:
            segment = self._seek(start)
            while True:
                self._settle(segment)
                while (record := _step(segment)) is not None:
                    yield record
                if not segment.ended():
                    return
                segment = self._after(segment)
                self._hold(segment)
        except OSError as e:
            self.close()
            raise disk.unavailable(self._folder, e) from None
        except (LogDamaged, BehindError):
            self.close()
            raise

    def _settle(self, segment: Segment) -> None:
        """Write what stands beyond `end` once more, and cut off what is torn.

        Where another writer's sync failed, the kernel may hold its bytes and count them as written. Writing them again
        makes the next sync mean them; without it, this writer could acknowledge entries behind a hole. For the same
        reason the segment's name is synced: whoever began it may have been cut off before.
        """
        if not segment.named:
            disk.sync_folder(self._folder)
            segment.named = True
        end, size = segment.end, segment.size
        at = end
        while (record := _step(segment)) is not None:
            disk.write_all(segment.descriptor, encode(record), at)
            at = segment.end
        torn = 0 if segment.ended() else segment.length() - segment.end
        if torn and (lost := segment.lost()) is not None:
            found = f"bytes that are no record, and a record at byte {lost}"
            raise LogDamaged(f"{segment.path} at byte {segment.end}", found, "no gap", _HINT)
        if torn:
            os.ftruncate(segment.descriptor, segment.end)
            self.repaired.append(
                f"{torn} bytes of a batch that was never acknowledged cut off {segment.path.name} at {segment.end}"
            )
        if torn or segment.end != end:
            os.fdatasync(segment.descriptor)
        segment.end, segment.size = end, size

    def _seek(self, start: int) -> Segment:
        """The segment in which the record at `start` stands, or would stand."""
        held = self._at
        if held is not None and held.size == start:
            return held
        self.close()
        known = starts(self._folder)
        if not known:
            raise LogDamaged(str(self._folder), "no journal", "at least one segment", _HINT)
        if known[0] > start:
            raise BehindError
        segment = Segment(self._folder / name_of(max(s for s in known if s <= start)))
        self._hold(segment)
        while segment.size < start and _step(segment) is not None:
            pass
        if segment.size != start:
            self.close()
            raise LogDamaged(str(segment.path), f"records up to {segment.size}", f"one that ends at {start}", _HINT)
        return segment

    def _after(self, segment: Segment) -> Segment:
        """The segment that follows one with an end mark; a crash may have come before it was made."""
        checkpoint, size = _last_checkpoint(segment), segment.size
        path, known = self._folder / name_of(size), starts(self._folder)
        if size not in known:
            if any(s > size for s in known):
                raise BehindError
            # The mark may be in the kernel only. Were it lost, a writer would go on in front of the next segment.
            disk.write_all(segment.descriptor, _END_MARK, segment.end)
            os.fdatasync(segment.descriptor)
            create(self._folder, size, checkpoint)
            self.repaired.append(f"segment {path.name} begun, as the one before had ended")
        return Segment(path)

    def _hold(self, segment: Segment) -> None:
        if self._at is not segment:
            self.close()
        self._at = segment

    def commit(self, record: Record) -> None:
        """Append a record and sync it.

        Raises:
            ConflictError: the journal goes on beyond the record's start, or this writer has not read it yet.
            LogUnavailable: it could not be made durable.
        """
        segment, data = self._at, encode(record)
        try:
            if segment is None or segment.size != record.start or segment.length() != segment.end:
                raise ConflictError
        except OSError as e:
            self.close()
            raise disk.unavailable(self._folder, e) from None
        try:
            disk.write_all(segment.descriptor, data, segment.end)
            os.fdatasync(segment.descriptor)
        except OSError as e:
            with contextlib.suppress(OSError):
                os.ftruncate(segment.descriptor, segment.end)
                os.fdatasync(segment.descriptor)  # or the next record could be torn into a mixture with this one
            self.close()
            raise disk.unavailable(segment.path, e) from None
        segment.passed(record, len(data))
        if segment.end > SEGMENT:
            self._roll(segment, record)

    def _roll(self, segment: Segment, last: Record) -> None:
        """Begin a new segment. The record is durable already, so a failure here is for the next commit to meet."""
        try:
            disk.write_all(segment.descriptor, _END_MARK, segment.end)
            os.fdatasync(segment.descriptor)
            create(self._folder, last.end, last.checkpoint)
            self._hold(Segment(self._folder / name_of(last.end)))
        except (OSError, LogDamaged):
            self.close()

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """The records from `start` to `end`, both known to be ends of committed records.

        Raises:
            BehindError: the journal begins later.
            LogDamaged: what was committed has changed.
            LogUnavailable: the files cannot be read.
        """
        reader = Journal(self._folder)  # files of its own: a writer goes on meanwhile
        try:
            segment = reader._seek(start)
            while segment.size < end:
                record = _step(segment)
                if record is None:
                    segment = Segment(self._folder / name_of(segment.size))
                    reader._hold(segment)
                else:
                    yield record
        except OSError as e:
            raise LogUnavailable(f"log {self._folder}", str(e.strerror).lower(), "a journal that can be read") from None
        finally:
            reader.close()

    def forget(self, size: int) -> None:
        """Delete segments whose records all lie below a size; the last segment stays."""
        known = starts(self._folder)
        old = [s for s, after in itertools.pairwise(known) if after <= size]
        for start in old:
            (self._folder / name_of(start)).unlink(missing_ok=True)
        if old:
            disk.sync_folder(self._folder)

    def close(self) -> None:
        """Let go of the open segment."""
        if self._at is not None:
            self._at.close()
            self._at = None
