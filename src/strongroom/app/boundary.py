"""The one place where any exception is caught: what a user sees is a message and an exit code, never a traceback."""

import sys
import traceback
from collections.abc import Callable

from strongroom.model.errors import StrongroomError

INTERNAL = 4
INTERRUPTED = 130


def guard(work: Callable[[], int], *, debug: bool = False) -> int:
    """Run a command's work and answer its exit code; messages go to standard error."""
    try:
        return work()
    except StrongroomError as e:
        say(f"error: {e}", e.hint)
        return e.exit_code
    except KeyboardInterrupt:
        say("error: interrupted; what was not answered may not be stored")
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader had enough (`| head`)
    except Exception as e:  # noqa: BLE001 - the boundary: an unforeseen fault must not look like a verdict
        if debug:
            traceback.print_exc()
        at = traceback.extract_tb(e.__traceback__)[-1]
        place = f"{at.filename.rpartition('strongroom/')[2]}:{at.lineno}"
        # The message of a foreign exception may quote the input, and so a secret: only its type is shown.
        say(
            f"error: internal fault {type(e).__name__} at {place}; this is a bug in strongroom",
            "add --debug, report it",
        )
        return INTERNAL


def say(message: str, hint: str = "") -> None:
    """A message to standard error, with its hint on a line of its own."""
    sys.stderr.write(message + "\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
