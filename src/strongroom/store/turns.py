"""Turns at a SQLite file, between threads and processes: one writes at a time, and the next begins at once.

SQLite lets who waits for its lock sleep for ever longer, and wake long after the lock is free: beside other writers a
hundredth of all waits are then many times as long as the writing itself. This asks more often, and has one thread of each
process ask.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOONEST, _LATEST = 0.0001, 0.001  # seconds between two looks at the lock


class Turns:
    """Turns at one file, held through a lock file beside it."""

    def __init__(self, database: Path, seconds: float) -> None:
        """`seconds` bounds each wait."""
        self._path, self._seconds = database.with_name(f"{database.name}-turn"), seconds
        self._mine = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn. Raises TimeoutError where others do not end theirs, OSError where there can be no lock file."""
        ends = time.monotonic() + self._seconds
        if not self._mine.acquire(timeout=self._seconds):
            raise TimeoutError
        try:
            held = self._opened()
            _lock(held, ends)
            try:
                yield
            finally:
                fcntl.flock(held, fcntl.LOCK_UN)
        finally:
            self._mine.release()

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def close(self) -> None:
        """Let go of the lock file; the next turn opens it again."""
        with self._mine:
            held, self._descriptor = self._descriptor, None
            if held is not None:
                os.close(held)


def _lock(descriptor: int, ends: float) -> None:
    pause = _SOONEST
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise TimeoutError from None
            time.sleep(pause)
            pause = min(2 * pause, _LATEST)
        else:
            return
