"""Read a FLOE message: any range of what is inside, into memory that the caller has.

The last segment is opened first: without that, what was cut off would only be missed by whoever reads so far.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from strongroom.kit import floe
from strongroom.kit.floe import HEADER, Message
from strongroom.model.errors import BadUsage, Malformed, Unreadable
from strongroom.seal import buffers
from strongroom.seal.sealing import TOGETHER, Work

_SPARE = buffers.Spare(4)
_MANY = 8  # segments from which on several threads read


class Payload:
    """An open message in a file. Safe between threads; the descriptor stays the caller's."""

    def __init__(self, descriptor: int, message: Message, size: int, name: str) -> None:
        """`opened` makes one."""
        self._descriptor, self._message, self.size, self.name = descriptor, message, size, name
        self._p = message.parameters
        self._count = 0
        self._length = 0

    @property
    def inside(self) -> int:
        """Octets in a whole segment: reads that begin and end at a multiple of it open nothing twice."""
        return self._p.inside

    def _look(self) -> None:
        """See that it is whole: its length is one of a message, and its last segment is the last."""
        self._length = os.fstat(self._descriptor).st_size
        body = self._length - HEADER
        self._count = -(-body // self._p.segment)
        try:
            inside = self._p.opened(self._length)
        except Malformed as e:
            raise Malformed(self.name, f"{e.found}: cut off or put on", e.wanted) from None
        rest = bytearray(inside - (self._count - 1) * self._p.inside)
        try:
            last = self._open(self._count - 1, memoryview(rest))
        except Malformed as e:
            raise Malformed(self.name, f"{e.subject} as its last: {e.found}", "a message that is whole") from None
        if inside != self.size or last != inside - (self._count - 1) * self._p.inside:
            raise Malformed(self.name, f"{inside} octets inside", f"{self.size}, as the index has it")

    def _open(self, position: int, out: memoryview) -> int:
        start = HEADER + position * self._p.segment
        with _SPARE.lent(min(self._p.segment, self._length - start)) as sealed:
            self._fill(sealed, start)
            return self._message.open(position, sealed, out, last=position == self._count - 1)

    def _fill(self, into: memoryview, offset: int) -> None:
        have = 0
        while have < len(into):
            try:
                got = os.preadv(self._descriptor, [into[have:]], offset + have)
            except OSError as e:
                raise Unreadable(self.name, (e.strerror or "an error").lower(), "a file that can be read") from None
            if not got:
                raise Malformed(self.name, "a file that was cut off meanwhile", "one that stays as it is")
            have += got

    def read(self, offset: int, length: int) -> bytes:
        """Octets from inside; fewer where it ends before. Raises Malformed, Unreadable."""
        length = max(0, min(length, self.size - offset))
        out = bytearray(length)
        self.read_into(offset, memoryview(out))
        return bytes(out)

    def read_into(
        self, offset: int, out: memoryview, work: Work | None = None, through: memoryview | None = None
    ) -> None:
        """Fill memory with octets from inside; where there are many segments by the threads of `work`, or else by two.

        `through` is a buffer of a segment or several that what is sealed is read into: with one, this thread does it all.

        Where it raises, what is in `out` was authenticated, or is zeros. Raises BadUsage beyond the end, Malformed, Unreadable.
        """
        if offset < 0 or offset + len(out) > self.size:
            raise BadUsage(self.name, f"octets {offset} to {offset + len(out)}", f"some of {self.size}")
        if not len(out):
            return
        first, end = offset // self._p.inside, -(-(offset + len(out)) // self._p.inside)
        stretch = _Stretch(offset, out)
        if through is not None:
            self._some(stretch, first, end, through)
        elif end - first < _MANY:
            with _SPARE.lent(self._p.segment) as sealed:
                self._some(stretch, first, end, sealed)
        elif work is None:
            self._halves(stretch, first, end)
        else:
            self._spread(work, stretch, first, end)

    def _halves(self, stretch: "_Stretch", first: int, end: int) -> None:
        """One half here and one in another thread, which is there for this only: a pool of threads costs more than that."""
        middle = (first + end) // 2
        with _SPARE.lent(2 * self._p.segment) as sealed, ThreadPoolExecutor(1, "open") as other:
            rest = other.submit(self._some, stretch, middle, end, sealed[self._p.segment :])
            self._some(stretch, first, middle, sealed[: self._p.segment])
            rest.result()

    def _spread(self, work: Work, stretch: "_Stretch", first: int, end: int) -> None:
        each = max(TOGETHER, min(32, -(-(end - first) // (2 * work.threads))))

        def one(at: int) -> None:
            with work.outside.lent() as sealed:
                self._some(stretch, at, min(at + each, end), sealed)

        waiting = [work.pool.submit(one, at) for at in range(first, end, each)]
        try:
            for f in waiting:
                f.result()
        finally:
            for f in waiting:
                f.cancel()
            for f in waiting:
                if not f.cancelled():
                    f.exception()

    def _some(self, stretch: "_Stretch", first: int, end: int, sealed: memoryview) -> None:
        """Open segments into their place in a stretch; those at its ends by way of a buffer of their own."""
        inside, together = self._p.inside, max(1, len(sealed) // self._p.segment)
        for at in range(first, end, together):
            upto = min(at + together, end)
            start = HEADER + at * self._p.segment
            have = sealed[: min(upto * self._p.segment + HEADER, self._length) - start]
            self._fill(have, start)
            for n in range(at, upto):
                one = have[(n - at) * self._p.segment : (n - at + 1) * self._p.segment]
                self._one(stretch, n, one, n * inside)

    def _one(self, stretch: "_Stretch", position: int, sealed: memoryview, start: int) -> None:
        size, last = len(sealed) - floe.OVERHEAD, position == self._count - 1
        try:
            low = start - stretch.offset
            if low >= 0 and low + size <= len(stretch.out):
                self._message.open(position, sealed, stretch.out[low : low + size], last=last)
                return
            apart = memoryview(bytearray(size))
            self._message.open(position, sealed, apart, last=last)
        except Malformed as e:
            raise Malformed(self.name, f"{e.subject}: {e.found}", e.wanted) from None
        skip = max(0, -low)
        take = apart[skip : len(stretch.out) - low]
        stretch.out[low + skip : low + skip + len(take)] = take


class _Stretch(NamedTuple):
    offset: int
    out: memoryview


def opened(
    descriptor: int, key: bytes, aad: bytes, size: int, name: str, *, tag: str, parameters: floe.Parameters
) -> Payload:
    """The message in a file, once header and last segment are found to be its own. `tag` is the header's, in hex.

    Raises Malformed: it is another's, of another version, cut off or put on. Unreadable.
    """
    try:
        header = os.pread(descriptor, HEADER, 0)
    except OSError as e:
        raise Unreadable(name, (e.strerror or "an error").lower(), "a file that can be read") from None
    try:
        message = floe.resume(key, aad, header, parameters)
    except Malformed as e:
        raise Malformed(name, e.found, e.wanted) from None
    if tag and header[-floe.TAG :].hex() != tag:
        raise Malformed(name, "a message of another version of this file", "the one that the index names")
    found = Payload(descriptor, message, size, name)
    found._look()  # noqa: SLF001 - it is this module's own
    return found
