"""Memory for what is sealed and opened: big pages where the system has them, wiped before it goes."""

import ctypes
import mmap
import queue
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_HUGE = 2 << 20


def anonymous(size: int) -> mmap.mmap:
    """New private memory of so many octets, in huge pages where the kernel gives them. Raises OSError.

    What opening costs is page faults, and not AES: with pages of 2 MiB there are 512 times fewer.
    """
    held = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _HUGE:
        with suppress(OSError, ValueError):  # a kernel without them has small ones
            held.madvise(mmap.MADV_HUGEPAGE)
    return held


def wipe(held: memoryview) -> None:
    """Overwrite memory with zeros."""
    if len(held):
        ctypes.memset((ctypes.c_char * len(held)).from_buffer(held), 0, len(held))


def address(held: memoryview) -> int:
    """Where memory that can be written begins."""
    return ctypes.addressof(ctypes.c_char.from_buffer(held))


class Buffers:
    """A few buffers of one size, lent to whoever works. They are wiped when they are closed."""

    def __init__(self, count: int, size: int) -> None:
        """Raises OSError where there is no such memory."""
        self._held = [anonymous(size) for _ in range(count)]
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for one in self._held:
            self._free.put(memoryview(one))

    @contextmanager
    def lent(self) -> Iterator[memoryview]:
        """One of them; waits until one is free."""
        one = self._free.get()
        try:
            yield one
        finally:
            self._free.put(one)

    def close(self) -> None:
        """Wipe them and give them back to the system. Nobody may have one any more."""
        for _ in self._held:
            one = self._free.get()
            wipe(one)
            one.release()
        for held in self._held:
            with suppress(BufferError):  # an error that is still being told has a part of it, which is zeros by now
                held.close()
        self._held = []


class Spare:
    """Buffers for what stays sealed, kept for the next who needs one: never for plaintext, since nobody wipes them."""

    def __init__(self, most: int) -> None:
        """At most so many are kept; more may be lent at once."""
        self._kept: deque[bytearray] = deque(maxlen=most)

    @contextmanager
    def lent(self, size: int) -> Iterator[memoryview]:
        """One of at least so many octets, cut to them."""
        try:
            one = self._kept.pop()
        except IndexError:
            one = bytearray(size)
        if len(one) < size:
            one = bytearray(size)
        try:
            yield memoryview(one)[:size]
        finally:
            self._kept.append(one)
