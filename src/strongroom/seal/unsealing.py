"""Write the octets of a message to a file: stretches of segments at once, hashed in the same pass where that is wanted.

What is written was authenticated before; whatever is at fault, the caller removes the whole file.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from strongroom.model.errors import Unreadable
from strongroom.seal import memory, sealing
from strongroom.seal.payload import Payload
from strongroom.seal.sealing import TOGETHER, Advance, Hasher, Work


class Out(NamedTuple):
    """Where a message goes: a file that may be written to at any offset, and how its stretches are hashed, if at all.

    `stretch` is in octets; digests are taken of each.
    """

    target: int
    stretch: int
    hasher: Callable[[], Hasher] | None
    advance: Advance


@dataclass(slots=True)
class _Stop:
    now: bool = False


def unseal(w: Work, payload: Payload, out: Out) -> tuple[str, ...]:
    """Write a whole message; the digests of its stretches, where a hasher is given.

    Raises:
        Malformed: it is not as it was sealed.
        OSError: the disk refuses; a full one does so before anything is written.
    """
    _room(out.target, payload.size)
    starts = range(0, payload.size, out.stretch)
    stop = _Stop()
    if len(starts) <= 1:
        return tuple(_stretch(w, payload, out, start, stop) for start in starts)
    waiting = [w.pool.submit(_stretch, w, payload, out, start, stop) for start in starts]
    try:
        return tuple(f.result() for f in waiting)
    finally:
        stop.now = True
        for f in waiting:
            f.cancel()
        for f in waiting:
            if not f.cancelled():
                f.exception()


def _room(target: int, size: int) -> None:
    """Have room for so many octets before the first is written. Raises OSError: there is not as much.

    A file system in memory would take each page on its own for that, in one thread, before two write to them: it is asked.
    """
    if not size:
        return
    if not memory.in_memory(os.fstat(target).st_dev):
        os.posix_fallocate(target, 0, size)
        return
    room = os.fstatvfs(target)
    if room.f_blocks and room.f_bavail * room.f_frsize < size:  # no blocks: a tmpfs without a limit
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _stretch(w: Work, payload: Payload, out: Out, start: int, stop: _Stop) -> str:
    hasher = out.hasher() if out.hasher is not None else None
    end = min(start + out.stretch, payload.size)
    step = payload.inside * TOGETHER
    with w.inside.lent() as plain, w.outside.lent() as through:
        at = start
        while at < end and not stop.now:
            upto = min(at - at % payload.inside + step, end)  # from the second on, whole segments
            piece = plain[: upto - at]
            payload.read_into(at, piece, through=through)
            if hasher is not None:
                hasher.update(piece)
            sealing.write(out.target, piece, at)
            out.advance(upto - at)
            at = upto
    return hasher.hexdigest() if hasher is not None else ""


def stream(payload: Payload, start: int, end: int, write: Callable[[memoryview], object]) -> None:
    """Give octets of a message one after the other, each piece once it has authenticated. Raises Malformed, Unreadable."""
    if not 0 <= start <= end <= payload.size:
        raise Unreadable(payload.name, f"octets {start} to {end}", f"some of {payload.size}")
    step = payload.inside * TOGETHER
    held = memoryview(bytearray(min(step, max(end - start, 1))))
    at = start
    while at < end:
        upto = min(at - at % payload.inside + step, end)
        piece = held[: upto - at]
        payload.read_into(at, piece)
        write(piece)
        at = upto
