"""The one place where any exception is caught: what a user sees is a message and an exit code, never a traceback."""

import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from strongroom.model.errors import StrongroomError

INTERNAL = 4
INTERRUPTED = 130
T = TypeVar("T")


class _FaultError(StrongroomError):
    """What nobody foresaw, as a user is told of it."""


def guard(work: Callable[[], int], *, debug: bool = False) -> int:
    """Run a command's work and answer its exit code; messages go to standard error."""

    def wrong(e: Exception) -> StrongroomError:
        if isinstance(e, BrokenPipeError):
            raise e  # the reader had enough (`| head`)
        if debug:
            traceback.print_exception(e)
        return _FaultError(fault(e), "", "")

    try:
        return contained(work, wrong)
    except _FaultError as e:
        say(f"error: internal fault {e.subject}; this is a bug in strongroom", "add --debug, report it")
        return INTERNAL
    except StrongroomError as e:
        say(f"error: {e}", e.hint)
        return e.exit_code
    except KeyboardInterrupt:
        say("error: interrupted; what was not answered may not be stored")
        return INTERRUPTED
    except BrokenPipeError:
        return 0


def contained(work: Callable[[], T], wrong: Callable[[Exception], StrongroomError]) -> T:
    """What a work comes to. An unforeseen fault ends as the error that `wrong` makes of it."""
    try:
        return work()
    except StrongroomError:
        raise
    except Exception as e:  # noqa: BLE001 - the boundary: an unforeseen fault must not look like a verdict
        raise wrong(e) from None


def fault(e: Exception) -> str:
    """The type of a foreign exception and where it arose. Its message may quote the input, and so a secret."""
    at = traceback.extract_tb(e.__traceback__)[-1]
    return f"{type(e).__name__} at {at.filename.rpartition('strongroom/')[2]}:{at.lineno}"


def say(message: str, hint: str = "") -> None:
    """A message to standard error, with its hint on a line of its own."""
    sys.stderr.write(message + "\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
