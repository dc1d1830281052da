"""A bound on what may never come back: a keyring that waits for somebody to click, a resolver, a library."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from strongroom.model.errors import KeyUnavailable, StrongroomError

T = TypeVar("T")


class _Work(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.done = threading.Event()
        self.result: list[T] = []
        self.error: StrongroomError | OSError | ValueError | None = None

    def run(self) -> None:
        try:
            self.result.append(self._work())
        except (StrongroomError, OSError, ValueError) as e:
            self.error = e
        finally:
            self.done.set()


def within(seconds: float, subject: str, work: Callable[[], T]) -> T:
    """What the work returns or raises (of the error tree, OSError and ValueError).

    Raises:
        KeyUnavailable: it is late; its thread is left behind, and ends when it can.
    """
    running: _Work[T] = _Work(work)
    threading.Thread(target=running.run, name=f"bounded {subject}", daemon=True).start()
    if not running.done.wait(seconds):
        raise KeyUnavailable(subject, f"no answer within {seconds:g} seconds", "an answer")
    if running.error is not None:
        raise running.error
    if not running.result:
        raise KeyUnavailable(subject, "an end without an answer", "an answer")
    return running.result[0]
