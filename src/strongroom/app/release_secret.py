"""A secret in memory of its own, and a process that leaves no copy of itself behind."""

import contextlib
import mmap
from types import TracebackType
from typing import NoReturn, Self

from strongroom.seal import memory
from strongroom.seal.memory import protect

__all__ = ["Secret", "protect"]


class Secret:
    """Octets in pages of their own: locked into memory where that is allowed, in no core file, in no child, wiped at the end.

    `locked` says whether the system agreed to keep them out of swap (RLIMIT_MEMLOCK). Use it as a context manager, or
    call `wipe`. What is copied out of it, with `bytes(secret)` too, is the caller's to look after.
    """

    __slots__ = ("_pages", "_view", "locked")

    def __init__(self, size: int) -> None:
        self._pages = mmap.mmap(-1, max(size, 1))
        for advice in (mmap.MADV_DONTDUMP, mmap.MADV_DONTFORK):
            with contextlib.suppress(OSError):  # an old kernel: the limit of core files holds all the same
                self._pages.madvise(advice)
        self.locked = memory.lock(self._pages)
        self._view = memoryview(self._pages)[:size]

    @property
    def view(self) -> memoryview:
        """The octets where they lie. Raises ValueError once they were wiped."""
        return self._view[:]

    def wipe(self) -> None:
        """Overwrite them and let the pages go. Twice is once."""
        with contextlib.suppress(ValueError):  # it was wiped before
            self._view[:] = bytes(len(self._view))
        with contextlib.suppress(BufferError):  # somebody holds a view still: it shows zeros
            self._view.release()
            self._pages.close()

    def __bytes__(self) -> bytes:
        """A copy, which nothing wipes."""
        return bytes(self._view)

    def __len__(self) -> int:
        """How many octets."""
        return len(self._view)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wipe()

    def __repr__(self) -> str:
        """Nothing of what is inside."""
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        """It is not pickled, copied or sent to another process."""
        raise TypeError("a secret is not copied")
