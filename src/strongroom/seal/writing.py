"""Write a sealed artifact: beside its place, and into it with one rename, when all of it is on the disk.

What is unfinished stands in a folder of another name, which no reader takes for an artifact. A sealing that was cut off is
gone on with by comparing: segments that are there count only if they open to what the source holds now, so that two
versions of a source are never mixed under one header.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.kit import floe, sealed
from strongroom.kit.floe import HEADER, IV, Message
from strongroom.kit.sealed import Artifact, Entry, Index, Role
from strongroom.model.errors import BadInput, Malformed, Unreadable
from strongroom.seal import sealing
from strongroom.seal.checkpoints import Outgoing
from strongroom.seal.sealing import STRETCH, FileSource, Hasher, Job, Source, Work

UNFINISHED = ".unfinished"  # what the folder of a sealing under way ends in
_NEW = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Planned:
    """A file that is to be sealed: its path in the artifact, and where it is."""

    path: str
    source: Path


@dataclass(slots=True)
class Writing:
    """An artifact under way in `folder`. Every method raises OSError where the disk refuses, and BadInput for a source."""

    folder: Path
    artifact: Artifact
    key: bytes
    work: Work
    advance: Callable[[int], object]
    entries: list[Entry] = field(default_factory=list)

    def file(
        self, number: int, planned: Planned, hasher: Callable[[], Hasher] | None = None
    ) -> tuple[Entry, tuple[str, ...]]:
        """Seal a file; its entry, and the digests of its stretches where a hasher is given."""
        with _source(planned.source) as (source, status), self._target(number) as target:
            message, done, before = self._begun(number, source, target, hasher)
            if not done:
                os.ftruncate(target, 0)  # nothing of another message stays behind
            if done:
                self.advance(min(done * self.artifact.parameters.inside, source.size))
            after = sealing.seal(self.work, Job(source, target, message, hasher, self.advance), done)
            digests = (*before, *after)
            os.fsync(target)
            _same(source, status)
            executable = bool(status.st_mode & stat.S_IXUSR)
        return self._entered(number, planned.path, source.size, message, executable=executable), digests

    def stream(
        self,
        number: int,
        path: str,
        source: Source,
        hasher: Callable[[], Hasher] | None = None,
        *,
        executable: bool = False,
    ) -> tuple[Entry, tuple[str, ...]]:
        """Seal what is no file, from the first octet on; as `file`. Nothing of it is gone on with after an interruption."""
        message = self._fresh(number)
        with self._target(number) as target:
            os.ftruncate(target, 0)
            digests = sealing.seal(self.work, Job(source, target, message, hasher, self.advance))
            os.fsync(target)
        return self._entered(number, path, source.size, message, executable=executable), digests

    def outgoing(
        self, number: int, path: str, write: Callable[[Outgoing], object], hasher: Callable[[], Hasher] | None = None
    ) -> tuple[Entry, tuple[str, ...]]:
        """Seal what a function writes to a file object; as `stream`."""
        message = self._fresh(number)
        with self._target(number) as target:
            os.ftruncate(target, 0)
            out = Outgoing(target, message, hasher, self.advance)
            write(out)
            digests = out.finish()
            os.fsync(target)
        return self._entered(number, path, out.size, message), digests

    def _entered(self, number: int, path: str, size: int, message: Message, *, executable: bool = False) -> Entry:
        tag = message.header[-floe.TAG :].hex()
        entry = Entry(number, Role.FILE, size, tag, path=path, executable=executable)
        self.entries.append(entry)
        return entry

    def attach(self, number: int, role: Role, media: str, octets: bytes) -> Entry:
        """Seal a document that belongs to the artifact."""
        message = self._fresh(number, role)
        self._small(self.folder / sealed.payload_file(number), message, octets)
        entry = Entry(number, role, len(octets), message.header[-floe.TAG :].hex(), media=media)
        self.entries.append(entry)
        return entry

    def close(self, index: Index, slots: bytes) -> None:
        """Write what makes it an artifact: the index, what stands in clear, and who may open it."""
        parameters = self.artifact.parameters
        aad = sealed.aad(self.artifact, Role.INDEX, None)
        message = floe.start(sealed.file_key(self.key, self.artifact, None), aad, os.urandom(IV), parameters)
        self._small(self.folder / sealed.INDEX_FILE, message, sealed.render_index(index))
        put(self.folder / sealed.SLOTS_FILE, slots)
        put(self.folder / sealed.ARTIFACT_FILE, sealed.render_artifact(self.artifact))

    def _fresh(self, number: int, role: Role = Role.FILE) -> Message:
        aad = sealed.aad(self.artifact, role, number)
        key = sealed.file_key(self.key, self.artifact, number)
        return floe.start(key, aad, os.urandom(IV), self.artifact.parameters)

    @contextlib.contextmanager
    def _target(self, number: int) -> Iterator[int]:
        descriptor = os.open(self.folder / sealed.payload_file(number), _NEW, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _small(self, path: Path, message: Message, octets: bytes) -> None:
        p = message.parameters
        out = bytearray(p.sealed(len(octets)))
        out[:HEADER] = message.header
        count, at = p.segments(len(octets)), HEADER
        for n in range(count):
            inside = octets[n * p.inside : (n + 1) * p.inside]
            at += message.seal(n, inside, memoryview(out)[at:], os.urandom(floe.NONCE), last=n == count - 1)
        put(path, bytes(out))

    def _begun(
        self, number: int, source: Source, target: int, hasher: Callable[[], Hasher] | None
    ) -> tuple[Message, int, tuple[str, ...]]:
        """The message that a sealing before this has begun, how many of its segments hold what the source holds now.

        And the digests of the stretches that these are.
        """
        p = self.artifact.parameters
        header = os.pread(target, HEADER, 0)
        try:
            key, aad = sealed.file_key(self.key, self.artifact, number), sealed.aad(self.artifact, Role.FILE, number)
            message = floe.resume(key, aad, header, p)
        except Malformed:
            return self._fresh(number), 0, ()  # nothing was begun, or not as far as a header
        if os.fstat(target).st_size != p.sealed(source.size):
            return self._fresh(number), 0, ()  # it was begun for a source of another size
        stretches = Stretches(hasher)
        done = _agreeing(message, source, target, stretches)
        if done is None:
            return self._fresh(number), 0, ()
        whole = p.segments(source.size) if done == p.segments(source.size) else done // STRETCH * STRETCH
        return message, whole, stretches.digests(whole)


class Stretches:
    """The digests of stretches, of segments that come one after the other from the first on."""

    def __init__(self, hasher: Callable[[], Hasher] | None) -> None:
        """Without a hasher there are none."""
        self._hasher = hasher
        self._held: list[Hasher] = []
        self._count = 0

    def take(self, octets: memoryview) -> None:
        """The next segment."""
        if self._hasher is not None:
            if self._count % STRETCH == 0:
                self._held.append(self._hasher())
            self._held[-1].update(octets)
        self._count += 1

    def digests(self, segments: int) -> tuple[str, ...]:
        """Of so many segments: whole stretches, or all that there are."""
        return tuple(h.hexdigest() for h in self._held[: -(-segments // STRETCH)])


def _agreeing(message: Message, source: Source, target: int, stretches: Stretches) -> int | None:
    """How many segments from the first on are there; None where any that is there holds what the source does not.

    Threads seal several stretches at once, so that there may be more behind a gap. Segments that hold the same may be
    sealed again; two segments of one place that hold different octets would be two versions under one header.
    """
    p = message.parameters
    count = p.segments(source.size)
    done, gap = 0, False
    have, want, piece = bytearray(p.inside), bytearray(p.inside), bytearray(p.segment)
    position = 0
    while position < count:
        at = _data(target, HEADER + position * p.segment)
        if at is None:
            break
        if (there := (at - HEADER) // p.segment) > position:
            gap, position = True, there
        got = os.preadv(target, [piece], HEADER + position * p.segment)
        try:
            size = message.open(position, memoryview(piece)[:got], memoryview(have), last=position == count - 1)
        except Malformed:
            gap = True  # a write that was cut off
        else:
            source.fill(memoryview(want)[:size], position * p.inside)
            if have[:size] != want[:size]:
                return None
            if not gap:
                done += 1
                stretches.take(memoryview(have)[:size])
        position += 1
    return done


def _data(descriptor: int, start: int) -> int | None:
    """Where the next octets are that were written, from an offset on; None where there are none."""
    try:
        return os.lseek(descriptor, start, os.SEEK_DATA)
    except OSError:
        return None  # ENXIO


@contextlib.contextmanager
def _source(path: Path) -> Iterator[tuple[FileSource, os.stat_result]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(str(path), "no plain file", "a file")
        yield FileSource(descriptor, status.st_size, str(path)), status
    finally:
        os.close(descriptor)


def _same(source: FileSource, before: os.stat_result) -> None:
    after = os.fstat(source.descriptor)
    if (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
    ):
        raise Unreadable(source.name, "a file that was changed while it was sealed", "one that stays as it is")


def put(path: Path, octets: bytes) -> None:
    """Write a small file anew, for its owner alone; it is on the disk, with its name, when this returns. Raises OSError."""
    aside = path.with_name(f".{path.name}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        sealing.write(descriptor, memoryview(octets), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    aside.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished(target: Path) -> Path:
    """Where the sealing of a target stands until it is done."""
    return target.with_name(f"{target.name}{UNFINISHED}")


def begin(target: Path) -> Path:
    """The folder of a sealing under way, new or left by one that was cut off. Raises BadInput, OSError."""
    if os.path.lexists(target):
        raise BadInput(str(target), "something that is there", "a name that is free")
    folder = unfinished(target)
    (folder / sealed.PAYLOAD).mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def publish(folder: Path, target: Path) -> None:
    """Give a finished artifact its name. Raises BadInput where another took it meanwhile, OSError."""
    sync(folder / sealed.PAYLOAD)
    sync(folder)
    if os.path.lexists(target):
        raise BadInput(str(target), "something that is there by now", "a name that is free")
    folder.rename(target)
    sync(target.parent.resolve())
