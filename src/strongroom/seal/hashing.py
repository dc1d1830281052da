"""Digests of a model's files: several at once, by big aligned reads, each from one descriptor that did not change."""

import contextlib
import hashlib
import importlib
import mmap
import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

from strongroom.model.errors import BadInput, NotFound, Unreadable
from strongroom.model.ports import Progress

R = TypeVar("R", bound="Range")
READ = 2 << 20  # octets a read: large enough that reading ahead pays for handing over
_MOST_LANES = 16  # at once, each with a buffer or two: some 20 GB/s, and at most 64 MiB
_READ_TREES = 16 << 20  # for BLAKE3, which works on one read with all cores


class Range(Protocol):
    """A part of a file: from `start` up to `end`, or the whole of it where `end` is None."""

    @property
    def path(self) -> str:
        """Below the root, with `/` between the parts."""

    @property
    def start(self) -> int:
        """The first octet."""

    @property
    def end(self) -> int | None:
        """The octet after the last."""


class Hasher(Protocol):
    """A hash that takes octets piece by piece; the interpreter runs on meanwhile."""

    def update(self, data: memoryview, /) -> object:
        """Take octets."""

    def hexdigest(self) -> str:
        """The digest of what was taken."""


class _Blake3(Protocol):
    AUTO: int

    def __call__(self, *, max_threads: int) -> Hasher: ...


def _blake3() -> Callable[[], Hasher]:
    try:
        found = importlib.import_module("blake3")
    except ModuleNotFoundError:
        hint = "pip install 'strongroom[blake3]'"
        raise NotFound("hash blake3", "no package blake3", "the package", hint) from None
    make = cast("_Blake3", found.blake3)
    return lambda: make(max_threads=make.AUTO)


def _maker(algorithm: str) -> Callable[[], Hasher]:
    match algorithm:
        case "sha256":
            return hashlib.sha256
        case "blake2b":
            return hashlib.blake2b
        case "blake3":
            return _blake3()
        case _:
            raise BadInput("hash", repr(algorithm[:80]), "sha256, blake2b or blake3")


class _Status(NamedTuple):
    device: int
    number: int
    size: int
    modified: int
    changed: int


def _status(descriptor: int) -> tuple[_Status, int]:
    s = os.fstat(descriptor)
    return _Status(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns), s.st_mode


class _File:
    """A file with parts to hash: opened by the first of them, compared with itself and closed by the last."""

    def __init__(self, root: Path, path: str, parts: int, *, links: bool) -> None:
        self.subject = str(root / path)
        self._root, self._path, self._links = root, path, links
        self._left = parts
        self._lock = threading.Lock()
        self._descriptor = -1
        self._before: _Status | None = None

    def open(self) -> tuple[int, int]:
        """The descriptor, and the size in octets."""
        with self._lock:
            if self._before is None:
                self._descriptor = _opened(self._root, self._path, links=self._links)
                self._before, mode = _status(self._descriptor)
                if not stat.S_ISREG(mode):
                    raise Unreadable(self.subject, "no file", "the file that was there")
            return self._descriptor, self._before.size

    def done(self) -> None:
        """One part is hashed. Raises Unreadable where the file is not what it was when it was opened."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
            after, _ = _status(self._descriptor)
        self.close()
        if after != self._before:
            raise self.changed()

    def close(self) -> None:
        """Close it, however far it came."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def changed(self) -> Unreadable:
        """What is wrong where a file is written to while it is read: its digest would be of nothing that ever was."""
        return Unreadable(self.subject, "a file that changed while it was read", "one that stays as it is")


def _opened(root: Path, path: str, *, links: bool) -> int:
    """The descriptor of a file. No part of the path below the root may be a link, unless links are allowed."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe that took a file's place would block for ever
    if links:
        return os.open(root / path, flags)
    *folders, name = path.split("/")
    at = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


class _Buffers(threading.local):
    """Memory of each thread, aligned to pages and used again."""

    def __init__(self, size: int) -> None:
        self.first = memoryview(mmap.mmap(-1, size))
        self._second: memoryview | None = None

    @property
    def second(self) -> memoryview:
        """Another one, for who reads ahead."""
        if self._second is None:
            self._second = memoryview(mmap.mmap(-1, len(self.first)))
        return self._second


class _Work(NamedTuple):
    make: Callable[[], Hasher]
    buffers: _Buffers
    ahead: ThreadPoolExecutor | None  # reads the next octets while these are hashed
    told: Callable[[int], None]
    halt: threading.Event


def digests(
    root: Path,
    parts: Sequence[R],
    algorithm: str,
    *,
    allow_symlinks: bool = False,
    workers: int = 0,
    tell: Progress | None = None,
) -> dict[R, str]:
    """The digest of each part, in hex; `root` is the folder that the paths are in. 0 workers are one for each core.

    Raises:
        Unreadable: a file cannot be opened or read, is shorter than a part of it, or changed while it was read.
        NotFound: the hash is of a package that is not installed.
    """
    make = _maker(algorithm)
    cores = workers or len(os.sched_getaffinity(0))
    lanes = 1 if algorithm == "blake3" else max(1, min(cores, len(parts), _MOST_LANES))
    counts: dict[str, int] = {}
    for part in parts:
        counts[part.path] = counts.get(part.path, 0) + 1
    files = {path: _File(root, path, n, links=allow_symlinks) for path, n in counts.items()}
    size = _READ_TREES if algorithm == "blake3" else READ
    ahead = ThreadPoolExecutor(lanes, "read") if lanes < cores else None
    work = _Work(make, _Buffers(size), ahead, _counting(tell), threading.Event())
    with ThreadPoolExecutor(lanes, "hash") as pool:
        try:
            futures = {part: pool.submit(_digest, files[part.path], part, work) for part in parts}
            wait(futures.values(), return_when=FIRST_EXCEPTION)
            work.halt.set()
            return {part: future.result() for part, future in futures.items()}
        finally:
            work.halt.set()
            pool.shutdown(cancel_futures=True)
            if ahead is not None:
                ahead.shutdown()
            for file in files.values():
                file.close()


def _counting(tell: Progress | None) -> Callable[[int], None]:
    lock, done = threading.Lock(), 0

    def count(octets: int) -> None:
        nonlocal done
        if tell is not None:
            with lock:
                done += octets
                tell("hashing", done, 0)

    return count


def _digest(file: _File, part: Range, work: _Work) -> str:
    try:
        descriptor, size = file.open()
        end = size if part.end is None else part.end
        hasher = work.make()
        read = _ahead if work.ahead is not None and end - part.start > READ else _straight
        with contextlib.suppress(OSError):  # advice, which a file system need not take
            os.posix_fadvise(descriptor, part.start, max(0, end - part.start), os.POSIX_FADV_SEQUENTIAL)
        at = part.start
        for piece in read(descriptor, part.start, end, work):
            hasher.update(piece)
            at += len(piece)
            work.told(len(piece))
        if at != end and not work.halt.is_set():
            raise file.changed()
        file.done()
        return hasher.hexdigest()
    except OSError as e:
        why = (e.strerror or type(e).__name__).lower()
        raise Unreadable(file.subject, why, "a file that can be read, and no link") from None


def _read(descriptor: int, buffer: memoryview, at: int, end: int) -> memoryview:
    taken = os.preadv(descriptor, [buffer[: max(0, min(len(buffer), end - at))]], at)
    return buffer[:taken]


def _straight(descriptor: int, at: int, end: int, work: _Work) -> Iterable[memoryview]:
    buffer = work.buffers.first
    while at < end and not work.halt.is_set():
        piece = _read(descriptor, buffer, at, end)
        if not piece:
            return
        at += len(piece)
        yield piece


def _ahead(descriptor: int, at: int, end: int, work: _Work) -> Iterable[memoryview]:
    """As `_straight`, with another core reading one buffer while the other is hashed."""
    assert work.ahead is not None
    now, later = work.buffers.first, work.buffers.second
    coming = work.ahead.submit(_read, descriptor, now, at, end)
    while not work.halt.is_set():
        piece = coming.result()
        if not piece:
            return
        at += len(piece)
        now, later = later, now
        coming = work.ahead.submit(_read, descriptor, now, at, end)
        yield piece
    coming.result()
