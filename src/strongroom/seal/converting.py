"""Tensors of a checkpoint into a safetensors file: whole or not at all, in one pass, without its framework."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from strongroom.kit.formats.bounded import Source
from strongroom.kit.formats.checkpoint import Checkpoint, Tensor
from strongroom.kit.formats.safetensors import LONGEST
from strongroom.model.errors import Malformed, TooLarge, Unreadable

_PIECE = 8 << 20
_WORDS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_ALIGNED = 8


def write(found: Checkpoint, destination: Path) -> None:
    """Write the tensors, the widest types first, so that each lies aligned. Tensors that share a storage are copied.

    Raises:
        Unreadable: the file cannot be written.
        Malformed: a storage is shorter than it was.
        TooLarge: there are too many names for one header.
    """
    order = sorted(found.tensors, key=lambda t: (-t.width, t.name))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for t in order:
        end = place + t.elements * t.width
        if t.name in header:
            raise Malformed("checkpoint", f"two tensors called {t.name[:80]!r}", "a name for each")
        header[t.name] = {"dtype": t.type, "shape": list(t.shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    if len(text) > LONGEST:
        raise TooLarge("safetensors header", f"{len(text)} bytes", f"at most {LONGEST}")
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            for t in order:
                for piece in pieces(t, found.storages[t.storage]):
                    f.write(piece)
            f.flush()
            os.fsync(f.fileno())
        partial.replace(destination)
        _settle(destination.parent)
    except OSError as e:
        raise Unreadable(str(destination), (e.strerror or "an error").lower(), "a file that can be written") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """The name itself must survive a loss of power too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def pieces(t: Tensor, storage: Source) -> Iterator[bytes]:
    """The elements of a tensor in row-major order. Raises Malformed where the storage is too short."""
    if not t.elements:
        return
    if _contiguous(t):
        place, end = t.offset * t.width, (t.offset + t.elements) * t.width
        while place < end:
            yield _read(storage, place, min(_PIECE, end - place), t)
            place += _PIECE
        return
    span = _read(storage, t.offset * t.width, (t.reach - t.offset) * t.width, t)
    view = memoryview(span).cast(_WORDS[t.width])
    last, step = t.shape[-1], t.stride[-1]
    for index in itertools.product(*(range(n) for n in t.shape[:-1])):
        start = sum(i * s for i, s in zip(index, t.stride[:-1], strict=True))
        if step:
            yield view[start : start + (last - 1) * step + 1 : step].tobytes()
        else:
            yield view[start : start + 1].tobytes() * last


def _read(storage: Source, place: int, length: int, t: Tensor) -> bytes:
    data = storage.at(place, length)
    if len(data) < length:
        raise Malformed("checkpoint", f"{len(data)} of {length} bytes of {t.name[:80]!r}", "its whole tensor")
    return data


def _contiguous(t: Tensor) -> bool:
    step = 1
    for n, s in zip(reversed(t.shape), reversed(t.stride), strict=True):
        if n > 1 and s != step:
            return False
        step *= n
    return True
