"""Processes that have the GPU, as they are started, spoken to and ended: none outlives what is waited for."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

import msgspec

from strongroom.kit.rooms import part, room
from strongroom.model.errors import GpuError, NotFound
from strongroom.model.scrub import DeviceKind
from strongroom.scrub.child import DEVICES
from strongroom.scrub.wire import Line, Work

_MODULE = "strongroom.scrub.child"
_MOST = 4 << 20  # octets of one line
_GRACE = 5.0  # seconds that a process has to end by itself

# -I ignores PYTHONPATH, on purpose: the process takes over this one's own search path and nothing else.
_BOOT = (
    "import os,sys,runpy;sys.path[:]=os.environ.pop('STRONGROOM_PATH').split(os.pathsep);"
    "m=sys.argv[1];sys.argv=sys.argv[1:];runpy.run_module(m,run_name='__main__')"
)


def kinds() -> dict[str, DeviceKind]:
    """Every kind of device."""
    return {k.name: k for k in room(DEVICES, "DEVICE", DeviceKind).values()}


def kind_of(name: str) -> DeviceKind:
    """A kind of device. Raises NotFound."""
    found = part(DEVICES, name, "DEVICE", DeviceKind)
    if found is None:
        raise NotFound("--device", repr(name[:40]), f"one of {', '.join(kinds())}")
    return found


_ALIVE: "set[Child]" = set()  # of this process: whoever is interrupted ends all of them


def end_all() -> None:
    """End every process that has a GPU now; whoever waits for one of them gets an error."""
    for child in tuple(_ALIVE):
        child.end()


class Child:
    """One process, with its work. It ends with the block that it is held in."""

    def __init__(self, work: Work, libraries: str = "") -> None:
        """Start it. Its environment is what the device asks for; `libraries` is where the driver's may be found."""
        self._work = work
        self._end = time.monotonic() + work.seconds
        self._pending = b""
        beside = {"LD_LIBRARY_PATH": libraries} if libraries else {}
        surroundings = {"PATH": "/usr/bin:/bin", "STRONGROOM_PATH": os.pathsep.join(sys.path), **beside}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, _MODULE],
            env={**surroundings, **kind_of(work.device).environment(work.uuid)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _ALIVE.add(self)
        self.say(msgspec.json.encode(work) + b"\n")

    def __enter__(self) -> Self:
        """The process itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.kill()

    @property
    def _subject(self) -> str:
        return f"{self._work.verb} of {self._work.uuid}"

    def say(self, line: bytes) -> None:
        """Tell it something. One that is gone is noticed when it is asked."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def ask(self) -> Line:
        """Its next line. Raises GpuError: it told of an error, ended without a word, or took too long."""
        raw = self._line()
        try:
            line = msgspec.json.decode(raw, type=Line)
        except msgspec.MsgspecError:
            raise GpuError(self._subject, "a line that cannot be read", "an answer") from None
        if (t := line.trouble) is not None:
            raise GpuError(t.subject, t.found, t.wanted, t.hint)
        return line

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                left = self._end - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.kill()
                    raise GpuError(self._subject, f"no answer within {self._work.seconds:g} s", "an answer")
                chunk = os.read(descriptor, 1 << 16)
                if not chunk or len(self._pending) > _MOST:
                    raise GpuError(self._subject, f"an end with status {self._ended()}", "an answer")
                self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _ended(self) -> int:
        try:
            return self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def finish(self, line: bytes = b"") -> int:
        """Tell it a last thing, and wait for its end; its status."""
        self.say(line)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        return self._ended()

    def end(self) -> None:
        """Tell the kernel to end it, and wait for nothing."""
        if self._process.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it now, and wait until it is gone. One that the kernel cannot end is left to it."""
        _ALIVE.discard(self)
        self.end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)  # a process that hangs in a driver cannot be killed
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
