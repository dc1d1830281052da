"""safetensors: 8 bytes of length, a JSON header, tensors without hole or overlap (huggingface/safetensors, "Format")."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.formats.bounded import Source
from strongroom.model.errors import Malformed, TooLarge

SUBJECT = "safetensors header"
LONGEST = 100_000_000  # the format's own limit on the header
READ = 32 * 1024 * 1024  # what is read of it here; a model of 100,000 tensors needs a third
MOST_DIMENSIONS = 64
MOST = 1 << 63

BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file: its type in the format's word, its shape, and which octets of the file it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of a file lies: its tensors in the order of the header, where the first octet of them is."""

    tensors: tuple[Tensor, ...]
    start: int
    size: int
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SafeTensors:
    """What a header says: how many tensors, of which types, how many bytes they have, and the free words."""

    tensors: int
    payload: int
    types: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]


def looks_like(head: bytes, size: int) -> bool:
    """Whether a file begins as one: a length that fits, then an object."""
    length = int.from_bytes(head[:8], "little")
    return len(head) >= 10 and 2 <= length <= min(LONGEST, size - 8) and head[8:72].lstrip(b" \n\r\t")[:1] == b"{"


def read(source: Source) -> SafeTensors:
    """What the header says, in short. Raises as `layout`."""
    found = layout(source)
    types = tuple(sorted({t.dtype for t in found.tensors}))
    return SafeTensors(len(found.tensors), found.size - found.start, types, found.metadata)


def layout(source: Source) -> Layout:
    """The header, checked as a strict reader would.

    Raises:
        Malformed: it breaks the format: lengths, JSON, a key twice, types, offsets.
        TooLarge: it is longer than is read here.
    """
    first = source.at(0, 8)
    if len(first) < 8:
        raise Malformed(SUBJECT, f"{len(first)} bytes", "at least 8")
    length = int.from_bytes(first, "little")
    if length > LONGEST or length > source.size - 8:
        raise Malformed(SUBJECT, f"a length of {length} in a file of {source.size} bytes", "a length within the file")
    if length > READ:
        raise TooLarge(SUBJECT, f"{length} bytes", f"at most {READ}")
    data = source.at(8, length)
    strict_json.check(data, SUBJECT)
    try:
        raw = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        words = msgspec.json.decode(raw.pop("__metadata__", msgspec.Raw(b"{}")), type=dict[str, str])
        tensors = {name: msgspec.json.decode(r, type=_Tensor) for name, r in raw.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(SUBJECT, str(e).lower()[:120], "tensors with dtype, shape and data_offsets") from None
    start = 8 + length
    _covered(tensors.values(), source.size - start)
    places = tuple(
        Tensor(name, t.dtype, tuple(t.shape), start + t.data_offsets[0], start + t.data_offsets[1])
        for name, t in tensors.items()
    )
    return Layout(places, start, source.size, tuple(sorted(words.items())))


def header(tensors: Iterable[tuple[str, str, tuple[int, ...]]], metadata: Mapping[str, str]) -> tuple[bytes, int]:
    """The header of a new file for tensors (name, type, shape) that lie in this order, and the size of the whole file.

    Raises Malformed for what `layout` would refuse, TooLarge.
    """
    told: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name, dtype, shape in tensors:
        if name in told or name == "__metadata__":
            raise Malformed(SUBJECT, f"two tensors called {name[:80]!r}", "a name for each")
        end = place + _size(_Tensor(dtype, list(shape), (0, 0)))
        told[name] = {"dtype": dtype, "shape": shape, "data_offsets": (place, end)}
        place = end
    text = msgspec.json.encode(told)
    text += b" " * (-len(text) % 8)  # the tensors begin aligned
    if len(text) > READ:
        raise TooLarge(SUBJECT, f"{len(text)} bytes", f"at most {READ}")
    return len(text).to_bytes(8, "little") + text, 8 + len(text) + place


def _covered(tensors: Collection[_Tensor], payload: int) -> None:
    """Every byte belongs to exactly one tensor: what lies between two could be anything."""
    place = 0
    for t in sorted(tensors, key=lambda t: t.data_offsets):
        begin, end = t.data_offsets
        if begin != place or end < begin:
            what = "overlap" if begin < place else "a gap"
            raise Malformed(SUBJECT, f"{what} at byte {min(begin, place)} of the tensors", "tensors side by side")
        if end - begin != _size(t):
            raise Malformed(SUBJECT, f"{end - begin} bytes for {t.dtype} of {len(t.shape)} dimensions", "its own size")
        place = end
    if place != payload:
        raise Malformed(SUBJECT, f"{payload} bytes behind the header, {place} in tensors", "every byte in a tensor")


def _size(t: _Tensor) -> int:
    if t.dtype not in BITS:
        raise Malformed(SUBJECT, f"the type {t.dtype[:20]!r}", "a type of the format")
    if len(t.shape) > MOST_DIMENSIONS:
        raise Malformed(SUBJECT, f"{len(t.shape)} dimensions", f"at most {MOST_DIMENSIONS}")
    bits = BITS[t.dtype]
    for n in t.shape:
        if n < 0:
            raise Malformed(SUBJECT, f"a dimension of {n}", "none below 0")
        bits *= n
        if bits > MOST:
            raise Malformed(SUBJECT, "a tensor of over 2^60 bytes", "one that fits the file")
    if bits % 8:
        raise Malformed(SUBJECT, "a tensor that ends within a byte", "whole bytes")
    return bits // 8
