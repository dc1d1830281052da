"""A killable child for parsers that evaluate what they read: bounded in time, memory and output."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.model.codes import GapCode
from strongroom.model.ports import Limits

MAX_OUTPUT = 512 * 1024 * 1024
_POLL = 0.05


@dataclass(slots=True)
class Run:
    """What came of a child. `verdict` is None when it ended by itself with exit 0; `status` is as the kernel gives it."""

    lines: list[bytes] = field(default_factory=list)
    verdict: GapCode | None = None
    detail: str = ""
    status: int = 0


def run(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    limits: Limits,
    seen: Callable[[bytes], None] | None = None,
    given: bytes = b"",
) -> Run:
    """Run `python -m MODULE` and collect the lines of its output, up to the first limit that it meets.

    `seen` is told every line as it comes. `given` is the child's standard input.

    The child gets an empty environment and its own process group; whatever it left running is killed with it.
    """
    argv = [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, module, *arguments]
    with _input(given) as stdin:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            argv,
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "GOMAXPROCS": "2", "STRONGROOM_PATH": os.pathsep.join(sys.path)},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    result = Run()
    try:
        _watch(child, limits, result, seen)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    return result


# -I ignores PYTHONPATH, on purpose; the child takes over the parent's own search path and nothing else.
_BOOT = (
    "import os,sys,runpy;sys.path[:]=os.environ.pop('STRONGROOM_PATH').split(os.pathsep);"
    "m=sys.argv[1];sys.argv=sys.argv[1:];runpy.run_module(m,run_name='__main__')"
)


@contextlib.contextmanager
def _input(given: bytes) -> Iterator[int]:
    """What the child reads, as a descriptor of a file without a name: a pipe would have to be fed while it is watched."""
    if not given:
        yield subprocess.DEVNULL
        return
    # In memory where the kernel can: what is given may hold secrets.
    with (
        os.fdopen(os.memfd_create("given"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile() as file
    ):
        file.write(given)
        file.seek(0)
        yield file.fileno()


def _watch(child: subprocess.Popen[bytes], limits: Limits, result: Run, seen: Callable[[bytes], None] | None) -> None:
    if child.stdout is None:
        return
    deadline = time.monotonic() + limits.wall_seconds
    os.set_blocking(child.stdout.fileno(), False)
    pending = bytearray()
    total = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        for chunk in _chunks(child, selector, deadline):
            total += len(chunk)
            pending += chunk
            if b"\n" in chunk:
                *whole, rest = bytes(pending).split(b"\n")
                result.lines += whole
                if seen is not None:
                    for line in whole:
                        seen(line)
                pending = bytearray(rest)
            stop = _over(child.pid, limits, total, deadline)
            if stop:
                result.verdict, result.detail = stop
                return
    if time.monotonic() > deadline:
        result.verdict, result.detail = GapCode.TIMEOUT, f"it took longer than {limits.wall_seconds:g} s"
        return
    code = result.status = child.wait()
    if code != 0:
        memory = code in (-signal.SIGKILL, 2, 137)  # the Go runtime exits 2 when it cannot allocate
        result.verdict = GapCode.OUT_OF_MEMORY if memory else GapCode.CRASHED
        result.detail = f"the parser ended with status {code}, limit {limits.memory_mib} MiB"


def _chunks(child: subprocess.Popen[bytes], selector: selectors.BaseSelector, deadline: float) -> Iterator[bytes]:
    assert child.stdout is not None
    while time.monotonic() <= deadline:
        if not selector.select(_POLL):
            yield b""
            continue
        chunk = child.stdout.read(1 << 20)
        if chunk == b"":
            return
        yield chunk or b""


def _over(pid: int, limits: Limits, total: int, deadline: float) -> tuple[GapCode, str] | None:
    if time.monotonic() > deadline:
        return GapCode.TIMEOUT, f"it took longer than {limits.wall_seconds:g} s"
    if total > MAX_OUTPUT:
        return GapCode.TOO_LARGE, f"it grew to more than {MAX_OUTPUT >> 20} MiB"
    if _resident_mib(pid) > limits.memory_mib:
        return GapCode.OUT_OF_MEMORY, f"it needed more than {limits.memory_mib} MiB"
    return None


def _resident_mib(pid: int) -> float:
    """Resident memory from /proc; 0 where there is no /proc, where only the address-space limit holds."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
