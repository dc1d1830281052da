"""A child process behind a back end, and a bound on it: who is late or out of step is killed, and another is started.

A thread that hangs in a library cannot be stopped; a process can.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import msgspec

from strongroom.keys._frames import GONE, HEAD, MOST, Answer, Request, frame
from strongroom.model.errors import KeyUnavailable


class _LateError(Exception):
    """No answer in time."""


class _EndedError(Exception):
    """The process has ended, or says what is no answer."""


class Child:
    """One process: one request at a time."""

    def __init__(self, module: str) -> None:
        """Start `module` with this interpreter; its environment is ours, which modules are configured by."""
        self._running = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            (sys.executable, "-P", "-m", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
        )
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._to, self._from = self._running.stdin.fileno(), self._running.stdout.fileno()
        os.set_blocking(self._to, False)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running.pid

    def ask(self, request: Request, end: float) -> Answer:
        """The answer before `end` (monotonic). Raises _LateError, _EndedError."""
        try:
            self._send(frame(request), end)
            (size,) = HEAD.unpack(self._receive(HEAD.size, end))
            if size > MOST:
                raise _EndedError
            return msgspec.msgpack.decode(self._receive(size, end), type=Answer)
        except (OSError, msgspec.MsgspecError):
            raise _EndedError from None

    def _send(self, data: bytes, end: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._to, select.POLLOUT, end)
            view = view[os.write(self._to, view) :]

    def _receive(self, size: int, end: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            _wait(self._from, select.POLLIN, end)
            piece = os.read(self._from, size - len(data))
            if not piece:
                raise _EndedError
            data += piece
        return bytes(data)

    def kill(self) -> None:
        """End it at once."""
        self._running.kill()
        self._running.wait()
        for pipe in (self._running.stdin, self._running.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _wait(descriptor: int, event: int, end: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
        raise _LateError


class Children:
    """At most so many children, each opened by the same first request; whoever asks has one for himself."""

    def __init__(self, subject: str, module: str, opening: Callable[[], Request], most: int, seconds: float) -> None:
        self._subject, self._module, self._opening, self._seconds = subject, module, opening, seconds
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._room = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, request: Request) -> Answer:
        """The answer of a child, within the time; one whose library is gone is replaced, once.

        Raises:
            KeyUnavailable: nobody has answered in time.
        """
        end = time.monotonic() + self._seconds
        if not self._room.acquire(timeout=self._seconds):
            raise self._late()
        try:
            answer = self._once(request, end)
            if answer.error != GONE:
                return answer
            return self._once(request, end)
        finally:
            self._room.release()

    def _once(self, request: Request, end: float) -> Answer:
        child = self._take()
        try:
            if child is None:
                child, answer = self._start(end)
                if answer.error:
                    self._drop(child)
                    return answer
            answer = child.ask(request, end)
        except _LateError:
            self._drop(child)
            raise self._late() from None
        except _EndedError:
            self._drop(child)
            return Answer(error=GONE, why="its process ended")
        if answer.error == GONE:
            self._drop(child)
            return answer
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return answer
        self._drop(child)
        return answer

    def _start(self, end: float) -> tuple[Child, Answer]:
        try:
            child = Child(self._module)
        except OSError as e:
            raise KeyUnavailable(self._subject, (e.strerror or "an error").lower(), "a process for it") from None
        with self._lock:
            self._all.add(child)
        try:
            return child, child.ask(self._opening(), end)
        except _LateError:
            self._drop(child)
            raise
        except _EndedError:
            return child, Answer(error=GONE, why="its process ended")

    def _take(self) -> Child | None:
        with self._lock:
            if self._closed:
                raise KeyUnavailable(self._subject, "closed", "an open back end")
            return self._idle.pop() if self._idle else None

    def _drop(self, child: Child | None) -> None:
        if child is not None:
            with self._lock:
                self._all.discard(child)
            child.kill()

    def _late(self) -> KeyUnavailable:
        return KeyUnavailable(self._subject, f"no answer within {self._seconds:g} seconds", "an answer")

    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        with self._lock:
            return tuple(child.pid for child in self._all)

    def close(self) -> None:
        """End those that are idle; one that is asked now ends with its answer."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            self._drop(child)
