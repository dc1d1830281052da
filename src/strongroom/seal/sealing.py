"""Seal the octets of one file into a FLOE message: stretches of segments at once, each through buffers that are reused.

What is sealed may be hashed in the same pass, stretch by stretch, so that what was signed is what was sealed.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from strongroom.kit.floe import HEADER, NONCE, Message
from strongroom.model.errors import BadInput, Unreadable
from strongroom.seal.buffers import Buffers

STRETCH = 64  # segments that one thread seals in a row: what one digest is of
TOGETHER = 4  # segments that are read and written at once
Advance = Callable[[int], object]


class Hasher(Protocol):
    """A hash that takes octets piece by piece."""

    def update(self, data: memoryview, /) -> object:
        """Take octets."""

    def hexdigest(self) -> str:
        """The digest of what was taken."""


class Work(NamedTuple):
    """Threads and buffers for any number of files: a pair of buffers for each thread."""

    pool: ThreadPoolExecutor
    inside: Buffers
    outside: Buffers
    threads: int

    def close(self) -> None:
        """Wait for what is under way, and wipe."""
        self.pool.shutdown(wait=True)
        self.inside.close()
        self.outside.close()


def work(segment: int, threads: int | None = None) -> Work:
    """Threads, as many as cores but at most four, and their buffers. Raises OSError."""
    count = threads or max(1, min(4, len(os.sched_getaffinity(0))))
    return Work(
        ThreadPoolExecutor(count, "seal"), Buffers(count, segment * TOGETHER), Buffers(count, segment * TOGETHER), count
    )


class Source(Protocol):
    """What is sealed: how many octets, and what it is called in messages. Threads read from it at once."""

    @property
    def size(self) -> int:
        """How many octets."""

    @property
    def name(self) -> str:
        """What it is called."""

    def fill(self, into: memoryview, offset: int) -> None:
        """Fill a buffer with octets from an offset on. Raises Unreadable where there are fewer."""

    def is_longer(self) -> bool:
        """Whether there is more than `size` says: it was changed meanwhile."""


class FileSource(NamedTuple):
    """An open file: its descriptor, how long it is, and its name."""

    descriptor: int
    size: int
    name: str

    def fill(self, into: memoryview, offset: int) -> None:
        """As `Source`."""
        have = 0
        while have < len(into):
            try:
                got = os.preadv(self.descriptor, [into[have:]], offset + have)
            except OSError as e:
                raise Unreadable(self.name, (e.strerror or "an error").lower(), "a file that can be read") from None
            if not got:
                raise _changed(self)
            have += got

    def is_longer(self) -> bool:
        """As `Source`."""
        return bool(os.pread(self.descriptor, 1, self.size))


class Job(NamedTuple):
    """One file on its way into a message."""

    source: Source
    target: int
    message: Message
    hasher: Callable[[], Hasher] | None
    advance: Advance


def seal(w: Work, job: Job, done: int = 0) -> tuple[str, ...]:
    """Seal a whole file behind its header; the digests of its stretches, where a hasher is given.

    `done` whole segments are there already (a multiple of STRETCH), and are not sealed again. The target has its length
    and its octets when this returns; that they are on the disk is the caller's to see to.

    Raises Unreadable: the source ends before its size, or goes on behind it: it was changed meanwhile.
    """
    parameters = job.message.parameters
    count = parameters.segments(job.source.size)
    os.ftruncate(job.target, parameters.sealed(job.source.size))
    write(job.target, memoryview(job.message.header), 0)
    starts = range(done, count, STRETCH)
    if len(starts) <= 1:
        digests = [_stretch(w, job, first, count) for first in starts]
    else:
        digests = _spread(w, job, starts, count)
    if job.source.is_longer():
        raise _changed(job.source)
    return tuple(digests)


def _spread(w: Work, job: Job, starts: Sequence[int], count: int) -> list[str]:
    stop = False

    def one(first: int) -> str:
        return "" if stop else _stretch(w, job, first, count)

    waiting = [w.pool.submit(one, first) for first in starts]
    try:
        return [f.result() for f in waiting]
    finally:
        stop = True  # after a failure, or Ctrl-C: what is not begun is not begun any more
        for f in waiting:
            f.cancel()
        for f in waiting:
            if not f.cancelled():
                f.exception()


def _stretch(w: Work, job: Job, first: int, count: int) -> str:
    """Seal the segments from `first` on, up to STRETCH."""
    p, m = job.message.parameters, job.message
    hasher = job.hasher() if job.hasher else None
    end = min(first + STRETCH, count)
    with w.inside.lent() as plain, w.outside.lent() as sealed:
        for at in range(first, end, TOGETHER):
            upto = min(at + TOGETHER, end)
            start = at * p.inside
            size = min(upto * p.inside, job.source.size) - start
            job.source.fill(plain[:size], start)
            if hasher is not None:
                hasher.update(plain[:size])
            chance, used = os.urandom(NONCE * TOGETHER), 0
            for n in range(at, upto):
                inside = plain[(n - at) * p.inside : min((n - at + 1) * p.inside, size)]
                nonce = chance[NONCE * (n - at) : NONCE * (n - at + 1)]
                used += m.seal(n, inside, sealed[used:], nonce, last=n == count - 1)
            write(job.target, sealed[:used], HEADER + at * p.segment)
            job.advance(size)
    return hasher.hexdigest() if hasher is not None else ""


def write(descriptor: int, octets: memoryview, offset: int) -> None:
    """Write all octets at an offset. Raises OSError."""
    have = 0
    while have < len(octets):
        have += os.pwrite(descriptor, octets[have:], offset + have)


def _changed(source: Source) -> BadInput:
    return Unreadable(source.name, "a file that was changed while it was sealed", "one that stays as it is")
