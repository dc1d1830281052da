"""Small reads of a message, any number of them: the segments that were opened last stay in memory, and are wiped at the end."""

import threading
from collections import OrderedDict
from types import TracebackType
from typing import Protocol, Self

from strongroom.seal import buffers
from strongroom.seal.payload import Payload
from strongroom.seal.sealing import Work

_KEPT = 4  # segments


class Readable(Protocol):
    """A file whose octets are put where the caller wants them."""

    @property
    def size(self) -> int:
        """Octets."""
        ...

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def read_into(self, offset: int, out: memoryview, work: Work | None = None) -> None:
        """Fill memory with octets from an offset on. Raises BadUsage, Malformed, Unreadable."""
        ...


class Window:
    """A payload whose segments are opened once where reads are smaller than they are. A context manager, safe between threads.

    Large reads go straight to their place, and are not kept.
    """

    def __init__(self, payload: Payload, work: Work | None = None, kept: int = _KEPT) -> None:
        self._payload, self._work, self._kept = payload, work, kept
        self._inside = payload.inside
        self._held: OrderedDict[int, memoryview] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def size(self) -> int:
        """Octets inside."""
        return self._payload.size

    @property
    def name(self) -> str:
        """What the payload is called in messages."""
        return self._payload.name

    def at(self, offset: int, length: int) -> bytes:
        """Octets from an offset on; fewer where it ends before, none behind it. Raises Malformed, Unreadable."""
        if not 0 <= offset < self.size:
            return b""
        out = bytearray(max(0, min(length, self.size - offset)))
        self.read_into(offset, memoryview(out))
        return bytes(out)

    def read_into(self, offset: int, out: memoryview, work: Work | None = None) -> None:
        """Fill memory with octets from inside. Raises as `Payload.read_into`; ValueError once it was closed."""
        if len(out) >= self._inside or offset < 0 or offset + len(out) > self.size:
            self._payload.read_into(offset, out, work or self._work)
            return
        done = 0
        while done < len(out):
            number, skip = divmod(offset + done, self._inside)
            with self._lock:
                piece = self._segment(number)[skip : skip + len(out) - done]
                out[done : done + len(piece)] = piece
            done += len(piece)

    def _segment(self, number: int) -> memoryview:
        if self._closed:
            raise ValueError("a window that was closed")
        found = self._held.get(number)
        if found is not None:
            self._held.move_to_end(number)
            return found
        start = number * self._inside
        size = min(self._inside, self.size - start)
        # The buffer of the segment that was not asked for the longest is used again: new memory costs more than AES.
        spare = self._held.popitem(last=False)[1].obj if len(self._held) >= self._kept else None
        whole = memoryview(spare if spare is not None else buffers.anonymous(self._inside))
        self._payload.read_into(start, whole[:size])
        self._held[number] = whole[:size]
        return self._held[number]

    def close(self) -> None:
        """Wipe what is kept. Twice is once."""
        with self._lock:
            self._closed = True
            for held in self._held.values():
                buffers.wipe(memoryview(held.obj))
            self._held.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
