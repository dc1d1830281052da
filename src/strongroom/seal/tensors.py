"""Tensors of a sealed safetensors file, one at a time or all at once, opened straight into the memory that they stay in.

numpy and torch are asked for at the call, and only by what gives their arrays; names, shapes and octets need neither.
"""

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Self, cast

from strongroom.kit.formats import safetensors
from strongroom.kit.formats.safetensors import BITS, Tensor
from strongroom.model.errors import BadUsage, NotFound
from strongroom.seal import buffers
from strongroom.seal.payload import Payload
from strongroom.seal.sealing import Work
from strongroom.seal.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor as TorchTensor

    Array = NDArray[np.generic]

_SMALL = 64 << 10  # octets below which an array is not worth pages of its own
# What numpy has no type for is given as the octets that it is; `dtype` says what they mean.
_NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8", "BF16": "<u2", "F8_E5M2": "u1", "F8_E4M3": "u1",
    "F8_E8M0": "u1", "F8_E4M3FNUZ": "u1", "F8_E5M2FNUZ": "u1",
}  # fmt: skip
_TORCH = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
    "BF16": "bfloat16", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


class Tensors:
    """A safetensors file inside of an artifact. A context manager, safe between threads.

    Where a read raises, nothing of it is given out. Arrays have memory of their own and outlive this; nobody wipes them.
    """

    def __init__(self, payload: Payload, work: Work | None = None) -> None:
        """Reads the header. Raises Malformed: it is no safetensors, or not as it was sealed; TooLarge, Unreadable."""
        self._payload, self._work = payload, work
        self._window = Window(payload, work)
        with contextlib.ExitStack() as undone:
            undone.callback(self._window.close)
            self._layout = safetensors.layout(self._window)
            undone.pop_all()
        self._tensors = {t.name: t for t in self._layout.tensors}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Wipe what was kept between reads. Arrays that were given out stay."""
        self._window.close()

    def __len__(self) -> int:
        """How many tensors."""
        return len(self._tensors)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._tensors)

    def names(self) -> tuple[str, ...]:
        """The names, in the order of the header."""
        return tuple(self._tensors)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The free words of the header."""
        return dict(self._layout.metadata)

    def info(self, name: str) -> Tensor:
        """What the header says of a tensor. Raises NotFound."""
        found = self._tensors.get(name)
        if found is None:
            raise NotFound(self._payload.name, f"no tensor {name[:200]!r}", f"one of the {len(self._tensors)} it has")
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor. Raises NotFound."""
        return self.info(name).shape

    def dtype(self, name: str) -> str:
        """The type of a tensor in the format's own word, as `BF16`. Raises NotFound."""
        return self.info(name).dtype

    def octets(self, name: str, rows: slice | None = None) -> memoryview:
        """A tensor, or the rows of it, as octets in new memory that can be written. Raises NotFound, BadUsage, Malformed."""
        start, end, _ = self._place(self.info(name), rows)
        return self._opened(start, end)

    def tensor(self, name: str, rows: slice | None = None) -> "Array":
        """A tensor as an array in memory of its own; with `rows`, a stretch of its first dimension, and no more is opened.

        BF16 comes as uint16 and the types of 8 bits as uint8; those of 4 and 6 bits as octets in one dimension.
        Raises NotFound where there is no such tensor or no numpy, BadUsage for rows with a step, Malformed, Unreadable.
        """
        numpy = _module("numpy", "load")
        found = self.info(name)
        start, end, shape = self._place(found, rows)
        return _array(numpy, self._opened(start, end), found.dtype, shape)

    def load_all(self) -> dict[str, "Array"]:
        """Every tensor, as views of one memory. Raises as `tensor`; nothing is given out unless all of it is sound."""
        numpy = _module("numpy", "load")
        whole = self._opened(self._layout.start, self._layout.size)
        return {
            t.name: _array(numpy, whole[t.start - self._layout.start : t.end - self._layout.start], t.dtype, t.shape)
            for t in self._layout.tensors
        }

    def torch_tensor(self, name: str, rows: slice | None = None) -> "TorchTensor":
        """A tensor for torch, in memory of its own. Raises as `tensor`, with torch in the place of numpy."""
        torch = _module("torch", "")
        found = self.info(name)
        start, end, shape = self._place(found, rows)
        return _torch(torch, self._opened(start, end), found.dtype, shape)

    def load_all_torch(self) -> dict[str, "TorchTensor"]:
        """Every tensor for torch, as views of one memory. Raises as `torch_tensor`."""
        torch = _module("torch", "")
        whole = self._opened(self._layout.start, self._layout.size)
        return {
            t.name: _torch(torch, whole[t.start - self._layout.start : t.end - self._layout.start], t.dtype, t.shape)
            for t in self._layout.tensors
        }

    def _opened(self, start: int, end: int) -> memoryview:
        size = end - start
        held = memoryview(bytearray(size) if size < _SMALL else buffers.anonymous(size))
        self._window.read_into(start, held, self._work)
        return held

    def _place(self, found: Tensor, rows: slice | None) -> tuple[int, int, tuple[int, ...]]:
        if rows is None:
            return found.start, found.end, found.shape
        if not found.shape:
            raise BadUsage(f"tensor {found.name[:80]!r}", "no dimension", "at least one, for rows")
        first, last, step = rows.indices(found.shape[0])
        each = (found.end - found.start) // found.shape[0] if found.shape[0] else 0
        if step != 1 or found.dtype not in _NUMPY:
            raise BadUsage(f"tensor {found.name[:80]!r}", f"rows with a step of {step} of {found.dtype}", "a step of 1")
        last = max(first, last)
        return found.start + first * each, found.start + last * each, (last - first, *found.shape[1:])


def _array(numpy: ModuleType, held: memoryview, dtype: str, shape: tuple[int, ...]) -> "Array":
    word = _NUMPY.get(dtype)
    if word is None:
        return cast("Array", numpy.frombuffer(held, "u1"))
    return cast("Array", numpy.frombuffer(held, word).reshape(shape))


def _torch(torch: ModuleType, held: memoryview, dtype: str, shape: tuple[int, ...]) -> "TorchTensor":
    word = _TORCH.get(dtype)
    kind = getattr(torch, word, None) if word else None
    if kind is None:  # types below an octet, or newer than this torch
        kind, shape = torch.uint8, (len(held),)
    if not len(held):
        return cast("TorchTensor", torch.empty(shape, dtype=kind))
    # A tensor lies where the file has it; torch wants its elements aligned, and a file need not have them so.
    width = max(1, BITS[dtype] // 8)
    if held.c_contiguous and buffers.address(held) % width:
        held = memoryview(bytearray(held))
    return cast("TorchTensor", torch.frombuffer(held, dtype=kind).reshape(shape))


def _module(name: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        hint = f"pip install 'strongroom[{extra}]'" if extra else f"pip install {name}"
        raise NotFound("tensors", f"no module {name}", name, hint) from None
