"""A secret in memory of its own, and a process that leaves no copy of itself behind."""

import contextlib
import ctypes
import mmap
import os
import resource
from types import TracebackType
from typing import NoReturn, Self

_PR_SET_DUMPABLE = 4  # prctl(2)
_C = ctypes.CDLL(None, use_errno=True)


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
        self.locked = _lock(self._pages)
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


def _lock(pages: mmap.mmap) -> bool:
    at = ctypes.c_char.from_buffer(pages)
    try:
        return bool(_C.mlock(ctypes.c_void_p(ctypes.addressof(at)), ctypes.c_size_t(len(pages))) == 0)
    finally:
        del at  # it holds the pages, which could not be let go of


def protect() -> tuple[str, ...]:
    """Let this process leave no core file, and let no other of its user look into it; what could not be done, in words.

    The limit of core files is handed on to whatever the process starts; the other is undone by exec (prctl(2)).
    """
    troubles = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as e:
        troubles.append(f"core files are not off: {e}")
    if _C.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        troubles.append(f"this process may be looked into: {os.strerror(ctypes.get_errno()).lower()}")
    return tuple(troubles)
