"""Programs that tell of a node's GPUs and jobs, as child processes: no shell, a bounded time and size, errors in words."""

import os
import subprocess
import tempfile
from collections.abc import Sequence

from strongroom.model.errors import NotFound, TooLarge, Unreadable

SECONDS = 60.0
_MOST = 64 << 20  # octets
_PATH = f"{os.defpath}:/usr/local/bin:/usr/local/nvidia/bin"


def output(argv: Sequence[str], seconds: float = SECONDS, path: str = _PATH) -> bytes:
    """What a program prints. Raises NotFound where there is none, Unreadable where it fails or hangs, TooLarge."""
    name = " ".join(argv)
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(  # noqa: S603 - a program and its arguments, no shell
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=seconds, check=False,
                env={"PATH": path, "LC_ALL": "C"},
            )  # fmt: skip
        except FileNotFoundError:
            raise NotFound(name, "no such program", "what it prints") from None
        except subprocess.TimeoutExpired:
            # A driver that hangs is what a GPU that fell off the bus looks like.
            raise Unreadable(name, f"no answer within {seconds:g} seconds", "what it prints") from None
        except OSError as e:
            raise Unreadable(name, (e.strerror or "an error").lower(), "what it prints") from None
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").split() or [f"exit {done.returncode}"]
            raise Unreadable(name, " ".join(words)[:200], "what it prints")
        if out.tell() > _MOST:
            raise TooLarge(name, f"over {_MOST >> 20} MiB", "less")
        out.seek(0)
        return out.read()
