"""What tensors a file of weights has, whatever its format: names, types and sizes, from the header alone."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from strongroom.kit.formats import gguf, graphs, safetensors
from strongroom.kit.formats.bounded import Cursor, Source
from strongroom.kit.formats.protobuf import BYTES, VARINT, Field, Message, varint
from strongroom.model.errors import Malformed

# ggml.h, enum ggml_type; a type that was taken out of it has no name here.
_GGML = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
# onnx.proto, TensorProto.DataType.
_ONNX = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2",
    20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4", 24: "F8_E8M0", 25: "U2", 26: "I2",
}  # fmt: skip
_WHOLE = ("I", "U", "BOOL", "STRING", "C")  # how types begin that are no real numbers


class Tensor(NamedTuple):
    """A tensor: its name, its type in the words above or those of safetensors, and how many elements it has."""

    name: str
    dtype: str
    elements: int


class Weights(NamedTuple):
    """What a header says. `words` are the texts in it that tell what the model is, by their keys."""

    format: str
    tensors: tuple[Tensor, ...]
    words: Mapping[str, str]


def quantised(dtype: str) -> bool:
    """Whether a type packs several real numbers with one scale (ggml's Q, IQ, TQ and MX types)."""
    return dtype.startswith(("Q", "IQ", "TQ", "MX"))


def real(dtype: str) -> bool:
    """Whether the elements of a type are real numbers: what counts as parameters, and not positions or packed codes."""
    return quantised(dtype) or not dtype.startswith(_WHOLE)


def read(source: Source, name: str) -> Weights | None:
    """The tensors of a file; None where it is of a format whose tensors no header lists.

    Raises:
        Malformed: it begins as one of the formats and does not keep to it.
        TooLarge: its header is longer than is read here.
    """
    head = source.at(0, 72)
    if head.startswith(gguf.MAGIC):
        return _gguf(source)
    if name.endswith(".safetensors") or safetensors.looks_like(head, source.size):
        found = safetensors.layout(source)
        tensors = tuple(Tensor(t.name, t.dtype, math.prod(t.shape)) for t in found.tensors)
        return Weights("safetensors", tensors, dict(found.metadata))
    if name.endswith(".onnx") or graphs.looks_like_onnx(source):
        return _onnx(source)
    return None


def _gguf(source: Source) -> Weights:
    into: list[gguf.Tensor] = []
    found = gguf.read(source, into)
    if sum(t.elements for t in into) > source.size * 8:  # the densest type has over a bit an element
        raise Malformed(gguf.SUBJECT, f"more elements than {source.size} bytes hold", "tensors that fit the file")
    tensors = tuple(Tensor(t.name, _GGML.get(t.type, f"ggml type {t.type}"), t.elements) for t in into)
    return Weights("gguf", tensors, found.words)


def _onnx(source: Source) -> Weights:
    """ModelProto: producer_name = 2, graph = 7; GraphProto: initializer = 5; functions have no weights of their own."""
    model = Message(source, "ONNX model", budget=[graphs.MOST_FIELDS])
    words: dict[str, str] = {}
    tensors: list[Tensor] = []
    for f in model.fields():
        if f.number == 2 and f.wire == BYTES:
            words["producer"] = model.text(f, 80)
        elif f.number == 7 and f.wire == BYTES:
            graph = model.inner(f)
            tensors += [_tensor(source, graph.inner(g)) for g in graph.fields() if g.number == 5 and g.wire == BYTES]
    return Weights("onnx", tuple(tensors), words)


def _tensor(source: Source, message: Message) -> Tensor:
    """TensorProto: dims = 1, data_type = 2, name = 8."""
    dims: list[int] = []
    name, dtype = "", 0
    for f in message.fields():
        if f.number == 1:
            dims += _packed(source, f) if f.wire == BYTES else [f.value]
        elif f.number == 2 and f.wire == VARINT:
            dtype = f.value
        elif f.number == 8 and f.wire == BYTES:
            name = message.text(f, 4096)
    if any(d >= 1 << 63 for d in dims) or len(dims) > safetensors.MOST_DIMENSIONS:
        raise Malformed("ONNX model", f"a tensor of {len(dims)} dimensions that cannot be", "dimensions of 0 or more")
    return Tensor(name, _ONNX.get(dtype, f"ONNX type {dtype}"), math.prod(dims))


def _packed(source: Source, field: Field) -> list[int]:
    cursor = Cursor(source, "ONNX model", field.start, field.end)
    found: list[int] = []
    while cursor.left > 0 and len(found) <= safetensors.MOST_DIMENSIONS:
        found.append(varint(cursor))
    return found
