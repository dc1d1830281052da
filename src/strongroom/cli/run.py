"""What the commands share: the clock, the guard, and where output goes."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from strongroom.app.boundary import guard
from strongroom.model.codes import Severity
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.ports import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID


def finish(work: Callable[[], int], *, debug: bool = False) -> NoReturn:
    """Run the work behind the boundary and leave with its exit code."""
    code = guard(work, debug=debug)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    if code == 0 or not sys.stdout.closed:
        sys.exit(code)
    os._exit(code)


def moment(text: str | None, option: str = "--at") -> datetime:
    """The time that counts as now: given as ISO 8601, or the clock's. Raises BadUsage, naming the option."""
    if text is None:
        return datetime.now(UTC)  # noqa: TID251 - a door is where time enters
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage(option, repr(text), "a time such as 2026-11-22T12:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def floor_of(word: str) -> Severity | None:
    """The severity that fails a run; None for `never`. Raises BadUsage: the configuration may hold any word."""
    if word == "never":
        return None
    try:
        return Severity(word)
    except ValueError:
        raise BadUsage("[assess] fail_on", repr(word), f"one of {', '.join(Severity)}, never") from None


def note(text: str) -> None:
    """A remark to standard error, where there is one."""
    if text:
        sys.stderr.write(f"note: {text}\n")


def confirmed(what: str, word: str) -> bool:
    """Whether a person at the terminal types the word. Raises BadUsage where nobody is there to be asked."""
    if not sys.stdin.isatty():
        raise BadUsage(what, "no terminal to ask at", "--yes")
    sys.stderr.write(f"type {word} to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == word


def piped(what: str, instead: str) -> bytes:
    """What standard input gives. Raises BadUsage at a terminal: what is typed there is shown."""
    if sys.stdin.isatty():
        raise BadUsage("standard input", "a terminal, which would show " + what, f"a pipe, or {instead}")
    return sys.stdin.buffer.read()


@contextlib.contextmanager
def progress() -> Iterator[Progress | None]:
    """A progress bar on standard error when a person is watching, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only a person at a terminal pays for it
    from rich.progress import Progress as Bar  # noqa: PLC0415 - same

    with Bar(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done, total=total or None)

        yield tell


def write(pieces: Iterable[str], output: str | None) -> None:
    """Write to a file, whole or not at all, or to standard output. Raises Unreadable when the file cannot be made."""
    if output is None or output == "-":
        for piece in pieces:
            sys.stdout.write(piece)
        return
    path = Path(output)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as f:
            f.writelines(pieces)
        partial.replace(path)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise _cannot(output, e) from None


def _cannot(output: str, error: OSError) -> Unreadable:
    why = (error.strerror or "an error").lower()
    return Unreadable(output, why, "a file that can be written", "choose another path with -o")


def write_bytes(data: bytes, output: str | None) -> None:
    """Write bytes as they are to a file, whole or not at all, or to standard output. Raises Unreadable."""
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    path = Path(output)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise _cannot(output, e) from None
