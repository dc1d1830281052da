"""What the commands share: the clock, the guard, and where output goes."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from strongroom.app.boundary import guard
from strongroom.model.errors import BadUsage, Unreadable


def finish(work: Callable[[], int], *, debug: bool = False) -> NoReturn:
    """Run the work behind the boundary and leave with its exit code."""
    code = guard(work, debug=debug)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    if code == 0 or not sys.stdout.closed:
        sys.exit(code)
    os._exit(code)


def moment(text: str | None) -> datetime:
    """The time that counts as now: given as ISO 8601, or the clock's. Raises BadUsage."""
    if text is None:
        return datetime.now(UTC)  # noqa: TID251 - a door is where time enters
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage("--at", repr(text), "a time such as 2026-11-22T12:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


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
        why = (e.strerror or "an error").lower()
        raise Unreadable(output, why, "a file that can be written", "choose another path with -o") from None
