"""Checkpoints of PyTorch as the tensors that they hold: read from the interpreted pickle, which is never loaded.

Two forms: a ZIP archive with `data.pkl` and one entry a storage (torch.serialization, since 1.6), and before it five
pickles behind each other with the storages behind them.
"""

from dataclasses import dataclass, field

from strongroom.kit.formats import pickles, zips
from strongroom.kit.formats.bounded import Part, Source
from strongroom.kit.formats.pickle_values import Call, Global, Pairs, Persistent
from strongroom.kit.formats.pickles import Walked
from strongroom.model.errors import Malformed

SUBJECT = "checkpoint"
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST_TENSORS = 1_000_000
_MOST_DEPTH = 32
# torch's word -> safetensors' word, bytes of an element
TYPES = {
    "float32": ("F32", 4), "float64": ("F64", 8), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "uint8": ("U8", 1),
    "int8": ("I8", 1), "int16": ("I16", 2), "int32": ("I32", 4), "int64": ("I64", 8), "bool": ("BOOL", 1),
    "uint16": ("U16", 2), "uint32": ("U32", 4), "uint64": ("U64", 8), "complex64": ("C64", 8),
    "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1), "float8_e8m0fnu": ("F8_E8M0", 1),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1), "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1), "float": ("F32", 4),
    "double": ("F64", 8), "half": ("F16", 2), "long": ("I64", 8), "int": ("I32", 4), "short": ("I16", 2),
}  # fmt: skip
_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
    "LongStorage": "int64", "BoolStorage": "bool", "ComplexFloatStorage": "complex64", "UntypedStorage": "uint8",
}  # fmt: skip
_WRAPPERS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})
_DICTIONARIES = frozenset({"OrderedDict", "defaultdict", "dict"})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage. `offset`, `shape` and `stride` count elements; `type` is safetensors' word."""

    name: str
    type: str
    width: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    storage: str

    @property
    def elements(self) -> int:
        """How many elements it has."""
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def reach(self) -> int:
        """How many elements of the storage, from its beginning, must be there."""
        if not self.elements:
            return 0
        return self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True)) + 1


@dataclass(slots=True)
class Checkpoint:
    """The tensors by name, the storages that they view, and what else there is, which is no tensor."""

    tensors: list[Tensor] = field(default_factory=list)
    storages: dict[str, Source] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read(source: Source) -> Checkpoint:
    """The tensors of a checkpoint. Raises Malformed, TooLarge where that cannot be told; it judges nothing."""
    head = source.at(0, 4)
    found = Checkpoint()
    if head == zips.MAGIC:
        root, places = _zipped(source)
        found.storages = places
    else:
        walked = pickles.walk(source, keep=True, most=10_000_000)
        legacy = _legacy(walked, source)
        if legacy is None:
            raise Malformed(SUBJECT, "another layout", "a checkpoint of PyTorch")
        found.storages, root = legacy[0], walked.happened.roots[3]
    _gather(root, "", found, 0)
    for t in found.tensors:
        storage = found.storages.get(t.storage)
        if storage is None or t.reach * t.width > storage.size:
            have = "nothing" if storage is None else f"{storage.size} bytes"
            raise Malformed(SUBJECT, f"{have} in the storage {t.storage[:40]} of {t.name[:80]!r}", "its whole tensor")
    return found


def _zipped(source: Source) -> tuple[object, dict[str, Source]]:
    listed = zips.read(source)
    if listed.faults:
        raise Malformed(SUBJECT, listed.faults[0], "an archive that every reader sees alike")
    pickled = [e for e in listed.entries if e.name == "data.pkl" or e.name.endswith("/data.pkl")]
    if len(pickled) != 1:
        raise Malformed(SUBJECT, f"{len(pickled)} pickles called data.pkl", "one")
    root = pickled[0].name.removesuffix("data.pkl")
    order = listed.named(f"{root}byteorder")
    if order is not None and zips.unpacked(source, order).at(0, 16).strip() != b"little":
        raise Malformed(SUBJECT, "another byte order", "little")
    walked = pickles.walk(zips.unpacked(source, pickled[0]), keep=True, most=10_000_000)
    if not walked.whole or len(walked.happened.roots) != 1:
        raise Malformed(SUBJECT, walked.trouble or "several pickles", "one whole pickle")
    places: dict[str, Source] = {}
    for e in listed.entries:
        folder = f"{root}data/"
        if e.name.startswith(folder):
            places[e.name.removeprefix(folder)] = zips.unpacked(source, e)
    return walked.happened.roots[0], places


def storages_end(walked: Walked, source: Source) -> int | None:
    """Where the storages end that follow the five pickles of an old checkpoint; None for anything else."""
    legacy = _legacy(walked, source)
    return legacy[1] if legacy is not None else None


def _legacy(walked: Walked, source: Source) -> tuple[dict[str, Source], int] | None:
    roots = walked.happened.roots
    if len(roots) != 5 or roots[0] != _MAGIC or roots[1] != _PROTOCOL or not isinstance(roots[4], list):
        return None
    little = roots[2].get("little_endian") if isinstance(roots[2], Pairs) else None
    if little is not True:
        return None
    widths: dict[str, int] = {}
    for p in walked.happened.persistent:
        if isinstance(p.id, tuple) and len(p.id) > 2 and isinstance(p.id[1], Global):
            widths[str(p.id[2])] = TYPES[_STORAGES.get(p.id[1].name, "uint8")][1]
    found: dict[str, Source] = {}
    place = walked.end
    for key in roots[4]:
        length = source.at(place, 8)
        size = int.from_bytes(length, "little") * widths.get(str(key), 1)
        if len(length) < 8 or place + 8 + size > source.size:
            return None
        found[str(key)] = Part(source, place + 8, size)
        place += 8 + size
    return found, place


def _gather(value: object, name: str, found: Checkpoint, depth: int) -> None:
    if len(found.tensors) > _MOST_TENSORS or depth > _MOST_DEPTH:
        raise Malformed(SUBJECT, "tensors without end", f"at most {_MOST_TENSORS}, {_MOST_DEPTH} deep")
    pairs = _pairs(value)
    if pairs is not None:
        for key, inner in pairs:
            if key == "_metadata" or not isinstance(key, str | int):
                found.left_out.append(f"{name}.{key!s:.40}".strip("."))
                continue
            _gather(inner, f"{name}.{key}" if name else str(key), found, depth + 1)
        return
    if isinstance(value, list | tuple) and any(isinstance(v, Call | Pairs) for v in value):
        for n, inner in enumerate(value):
            _gather(inner, f"{name}.{n}" if name else str(n), found, depth + 1)
        return
    tensor = _tensor(value, name or "tensor")
    if tensor is None:
        found.left_out.append(name or "(the whole)")
    else:
        found.tensors.append(tensor)


def _pairs(value: object) -> list[tuple[object, object]] | None:
    """Keys and values of what is a dictionary, or one that remembers its order."""
    if isinstance(value, Pairs):
        return list(value.pairs())
    if not isinstance(value, Call) or not isinstance(value.function, Global):
        return None
    if value.function.name not in _DICTIONARIES or value.function.module not in ("collections", "builtins"):
        return None
    found = list(Pairs(value.items).pairs())
    given = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else None
    if isinstance(given, list) and not isinstance(given, Pairs):
        found = [(p[0], p[1]) for p in given if isinstance(p, list | tuple) and len(p) == 2] + found
    return found


def _tensor(value: object, name: str) -> Tensor | None:
    for _ in range(8):
        if not isinstance(value, Call) or not isinstance(value.function, Global):
            return None
        given, word = value.arguments, value.function.name
        if not isinstance(given, tuple) or not value.function.module.startswith("torch"):
            return None
        if word in _WRAPPERS and given:
            value = given[0]
        elif word == "_rebuild_from_type_v2" and len(given) >= 3:
            value = Call(given[0], given[2], "REDUCE")
        elif word in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
            return _rebuilt(given, word, name)
        else:
            return None
    return None


def _rebuilt(given: tuple[object, ...], word: str, name: str) -> Tensor | None:
    if len(given) < 4 or not isinstance(given[0], Persistent) or not isinstance(given[0].id, tuple):
        return None
    id_, offset, shape, stride = given[0].id, given[1], _numbers(given[2]), _numbers(given[3])
    if len(id_) < 5 or id_[0] != "storage" or not isinstance(id_[1], Global) or not isinstance(offset, int):
        raise Malformed(SUBJECT, f"an id of another kind for {name[:80]!r}", "a storage")
    if len(id_) > 5 and id_[5] is not None:
        raise Malformed(SUBJECT, f"{name[:80]!r} as a view of a view", "a tensor over its own storage")
    if shape is None or stride is None or len(shape) != len(stride) or offset < 0 or len(shape) > 64:
        raise Malformed(SUBJECT, f"a shape of no sense for {name[:80]!r}", "numbers of 0 and more")
    kind = _STORAGES.get(id_[1].name, "")
    if word == "_rebuild_tensor_v3" and len(given) > 6 and isinstance(given[6], Global):
        kind = given[6].name
    if kind not in TYPES:
        raise Malformed(SUBJECT, f"{name[:80]!r} of the type {kind or id_[1].name}", "a type that safetensors has")
    return Tensor(name, *TYPES[kind], shape, stride, offset, str(id_[2]))


def _numbers(value: object) -> tuple[int, ...] | None:
    if isinstance(value, Call) and isinstance(value.function, Global) and value.function.name == "Size":
        value = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else None
    if not isinstance(value, list | tuple):
        return None
    numbers = tuple(n for n in value if isinstance(n, int) and 0 <= n < 1 << 48)
    return numbers if len(numbers) == len(value) else None
