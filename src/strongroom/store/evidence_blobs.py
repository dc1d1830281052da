"""Large parts of evidence, by content: a machine's log is the same in every answer until it is started again."""

import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from strongroom.store import blobs


def put(folder: Path, data: bytes) -> str:
    """Keep octets; their digest. Those that are there already count as new, so that nobody sweeps them away meanwhile."""
    digest = blobs.put(folder, data)
    name = digest.removeprefix("sha256:")
    with suppress(OSError):  # another's file: whoever owns it keeps it young
        os.utime(folder / name[:2] / name)
    return digest


def sweep(folder: Path, wanted: Container[str], before: float) -> int:
    """Remove files that are not wanted (`sha256:…`) and that nobody has put since `before`, in seconds of the epoch."""
    gone = 0
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        with suppress(OSError):
            if f"sha256:{path.name}" not in wanted and path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone
