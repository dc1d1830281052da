"""Checkpoints on their way into a sealed artifact: tensors in memory, octets, and what a program writes to a file object.

Nothing of them is a file in clear, and no copy of the whole is made: tensors are read where they lie, segment by segment.
"""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from strongroom.kit.floe import HEADER, NONCE, Message
from strongroom.kit.formats import safetensors
from strongroom.model.errors import BadInput, Unreadable
from strongroom.seal import buffers, sealing
from strongroom.seal.sealing import STRETCH, Advance, Hasher

_NUMPY = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64", "complex64": "C64",
}  # fmt: skip
_TORCH = {
    **{n: t for n, t in _NUMPY.items() if n != "uint16"}, "uint16": "U16", "bfloat16": "BF16",
    "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
}  # fmt: skip


class Tensor(Protocol):
    """An array of numpy, or a tensor of torch."""

    @property
    def shape(self) -> Sequence[int]:
        """Its shape."""

    @property
    def dtype(self) -> object:
        """Its type."""


class _Part(NamedTuple):
    start: int
    end: int
    octets: Callable[[], memoryview]


class TensorsSource:
    """A file of safetensors that is nowhere: its header, and tensors that stay where they are. `sealing.Source`.

    A tensor that lies in another device's memory is brought here when its octets are asked for, and let go of then.
    """

    def __init__(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], name: str) -> None:
        """Raises BadInput for a type that safetensors has no word for, Malformed, TooLarge for the header."""
        self.name = name
        told = [(n, _type(t, n), tuple(int(d) for d in t.shape)) for n, t in tensors.items()]
        head, self.size = safetensors.header(told, metadata)
        self._parts = [_Part(0, len(head), lambda: memoryview(head))]
        at = len(head)
        for tensor in tensors.values():
            size = _size(tensor)
            self._parts.append(_Part(at, at + size, lambda t=tensor: _octets(t)))  # type: ignore[misc] # bound here
            at += size

    def fill(self, into: memoryview, offset: int) -> None:
        """Fill a buffer with octets from an offset on."""
        end = offset + len(into)
        for part in self._parts:
            first, last = max(part.start, offset), min(part.end, end)
            if first < last:
                held = part.octets()
                into[first - offset : last - offset] = held[first - part.start : last - part.start]

    def is_longer(self) -> bool:
        """It is as long as its header says."""
        return False


class OctetsSource(NamedTuple):
    """Octets in memory. `sealing.Source`."""

    octets: bytes
    name: str

    @property
    def size(self) -> int:
        """How many."""
        return len(self.octets)

    def fill(self, into: memoryview, offset: int) -> None:
        """Fill a buffer with octets from an offset on."""
        into[:] = self.octets[offset : offset + len(into)]

    def is_longer(self) -> bool:
        """They are all there are."""
        return False


class Outgoing(io.RawIOBase):
    """A file object that seals what is written to it: `torch.save(state, file)`. It cannot be read, and knows no way back.

    Segments are sealed as they fill; the last one when it is closed.
    """

    def __init__(self, target: int, message: Message, hasher: Callable[[], Hasher] | None, advance: Advance) -> None:
        """`target` is the descriptor of an empty file, which stays the caller's."""
        super().__init__()
        self._target, self._message, self._hasher, self._advance = target, message, hasher, advance
        self._inside = message.parameters.inside
        self._plain = memoryview(bytearray(self._inside))
        self._sealed = memoryview(bytearray(message.parameters.segment))
        self._have, self._position = 0, 0
        self._digests: list[Hasher] = []
        self.size = 0
        sealing.write(target, memoryview(message.header), 0)

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def readinto(self, _out: object) -> int:
        """It cannot be read: what was written is sealed."""
        raise io.UnsupportedOperation("it is written to, and not read")

    def tell(self) -> int:
        """How much was written."""
        return self.size

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override] # what is written is read only
        """Take octets. Raises OSError where the disk refuses."""
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            if self._have == self._inside:
                self._seal(last=False)
            take = min(self._inside - self._have, len(view) - at)
            self._plain[self._have : self._have + take] = view[at : at + take]
            self._have += take
            at += take
        self.size += len(view)
        return len(view)

    def _seal(self, *, last: bool) -> None:
        piece = self._plain[: self._have]
        if self._hasher is not None:
            if self._position % STRETCH == 0:
                self._digests.append(self._hasher())
            self._digests[-1].update(piece)
        used = self._message.seal(self._position, piece, self._sealed, os.urandom(NONCE), last=last)
        at = HEADER + self._position * self._message.parameters.segment
        sealing.write(self._target, self._sealed[:used], at)
        self._advance(self._have)
        self._position += 1
        self._have = 0

    def finish(self) -> tuple[str, ...]:
        """Seal what is left as the last segment; the digests of the stretches. Nothing can be written any more."""
        self._seal(last=True)
        buffers.wipe(self._plain)
        super().close()
        return tuple(d.hexdigest() for d in self._digests)

    def close(self) -> None:
        """Nothing: whoever gave it out finishes it. A program that closes its file must not cut it off."""


def _type(tensor: Tensor, name: str) -> str:
    word = str(tensor.dtype).rpartition(".")[2]
    found = (_TORCH if str(tensor.dtype).startswith("torch.") else _NUMPY).get(word)
    if found is None:
        raise BadInput(
            f"tensor {name[:80]!r}", f"the type {str(tensor.dtype)[:40]}", "one that safetensors has a word for"
        )
    return found


def _size(tensor: Tensor) -> int:
    count = 1
    for d in tensor.shape:
        count *= int(d)
    bits = safetensors.BITS[_type(tensor, "")]
    return count * bits // 8


def _octets(tensor: Tensor) -> memoryview:
    """The octets of a tensor in the order that a file has them: rows one after the other, little-endian."""
    if not _size(tensor):
        return memoryview(b"")
    held = cast("_Torch", tensor) if str(tensor.dtype).startswith("torch.") else None
    if held is not None:
        flat = held.detach().cpu().contiguous().view(-1).view(_uint8(held))
        return memoryview(flat.numpy())
    array = cast("_Numpy", tensor)
    if array.dtype.byteorder == ">":
        raise Unreadable("tensor", "big-endian octets", "little-endian: array.astype(array.dtype.newbyteorder('<'))")
    return memoryview(array.ravel(order="C").view("u1"))


class _Torch(Protocol):
    dtype: object
    shape: Sequence[int]

    def detach(self) -> "_Torch": ...
    def cpu(self) -> "_Torch": ...
    def contiguous(self) -> "_Torch": ...
    def view(self, shape: object) -> "_Torch": ...
    def numpy(self) -> bytes: ...


class _Dtype(Protocol):
    byteorder: str


class _Numpy(Protocol):
    dtype: _Dtype

    def ravel(self, *, order: str) -> "_Numpy": ...
    def view(self, dtype: str) -> bytes: ...


def _uint8(tensor: _Torch) -> object:
    import torch  # noqa: PLC0415 - whoever gives a tensor of torch has it

    assert tensor is not None
    return torch.uint8
