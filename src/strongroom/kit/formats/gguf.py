"""GGUF (ggml, docs/gguf.md): magic, version, two counts, key-value pairs, tensor infos, aligned data."""

import math
from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Cursor, Source
from strongroom.model.errors import Malformed, TooLarge

SUBJECT = "GGUF header"
MAGIC = b"GGUF"
_FIXED = {
    0: 1,
    1: 1,
    2: 2,
    3: 2,
    4: 4,
    5: 4,
    6: 4,
    7: 1,
    10: 8,
    11: 8,
    12: 8,
}  # value types by size, gguf_metadata_value_type
_STRING, _ARRAY = 8, 9
_MOST_VALUES = 4_000_000
_MOST_DEPTH = 4
_SHOWN = ("general.architecture", "general.name", "general.license", "general.quantized_by")
_ORIGINS = ("general.base_model.", "general.dataset.")  # then a number, and name, organization, repo_url and others
_MOST_WORDS = 1000
_LEAST_PAIR, _LEAST_TENSOR = 8 + 4 + 1, 8 + 4 + 4 + 8


@dataclass(slots=True)
class Gguf:
    """What a header says. `words` are the few texts of it that tell what the model is; `split` the files it has."""

    version: int
    tensors: int
    words: dict[str, str] = field(default_factory=dict)
    split: int = 0
    templates: list[str] = field(default_factory=list)  # chat templates, which are programs for Jinja

    @property
    def template(self) -> bool:
        """Whether it brings a chat template."""
        return bool(self.templates)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor: its name, its type (ggml.h, enum ggml_type), and how many elements it has."""

    name: str
    type: int
    elements: int


@dataclass(slots=True)
class _Reader:
    cursor: Cursor
    order: str
    wide: int  # bytes of a count: 4 in version 1, 8 after
    values: int = 0
    into: list[Tensor] | None = None

    def count(self) -> int:
        return self.cursor.number(self.wide, self.order)

    def text(self, most: int = 1 << 20) -> bytes:
        length = self.count()
        if length > most:
            self.cursor.skip(length)
            return b""
        return self.cursor.take(length)

    def spend(self, n: int) -> None:
        self.values += n
        if self.values > _MOST_VALUES:
            raise TooLarge(SUBJECT, "too many values", f"at most {_MOST_VALUES}")


def read(source: Source, into: list[Tensor] | None = None) -> Gguf:
    """The header; its tensors are put `into` a list, where one is given.

    Raises Malformed for what breaks the format, TooLarge for more than is read here.
    """
    cursor = Cursor(source, SUBJECT, most=1 << 27)
    if cursor.take(4) != MAGIC:
        raise Malformed(SUBJECT, "another magic", "GGUF")
    raw = cursor.take(4)
    order = "little" if int.from_bytes(raw, "little") < 1 << 16 else "big"
    version = int.from_bytes(raw, "big" if order == "big" else "little")
    if version not in (1, 2, 3):
        raise Malformed(SUBJECT, f"version {version}", "1, 2 or 3")
    r = _Reader(cursor, order, 4 if version == 1 else 8, into=into)
    tensors, pairs = r.count(), r.count()
    if pairs * _LEAST_PAIR + tensors * _LEAST_TENSOR > source.size:
        said = f"{tensors} tensors and {pairs} pairs in {source.size} bytes"
        raise Malformed(SUBJECT, said, "counts that fit the file")
    found = Gguf(version, tensors)
    alignment = _pairs(r, pairs, found)
    _tensors(r, tensors, alignment, source.size)
    return found


def _pairs(r: _Reader, pairs: int, found: Gguf) -> int:
    seen = set()
    alignment = 32  # general.alignment's default
    for _ in range(pairs):
        r.spend(1)
        key = r.text(1 << 16).decode("utf-8", "replace")
        if key in seen:
            raise Malformed(SUBJECT, f"the key {key[:60]!r} twice", "every key once")
        seen.add(key)
        kind = r.cursor.number(4, r.order)
        if kind == _STRING:
            text = r.text().decode("utf-8", "replace")
            if key in _SHOWN or (key.startswith(_ORIGINS) and len(found.words) < _MOST_WORDS):
                found.words[key] = text[:120]
            if key.startswith("tokenizer.chat_template"):
                found.templates.append(text)
        elif kind in _FIXED and kind not in (6, 12):
            number = int.from_bytes(r.cursor.take(_FIXED[kind]), "big" if r.order == "big" else "little")
            alignment = number if key == "general.alignment" else alignment
            found.split = number if key == "split.count" else found.split
        else:
            _step_over(r, kind, 0)
    if not 1 <= alignment <= 1 << 20:
        raise Malformed(SUBJECT, f"an alignment of {alignment}", "1 to 2^20")
    return alignment


def _step_over(r: _Reader, kind: int, depth: int) -> None:
    if kind in _FIXED:
        r.cursor.skip(_FIXED[kind])
    elif kind == _STRING:
        r.cursor.skip(r.count())
    elif kind == _ARRAY and depth < _MOST_DEPTH:
        inner, count = r.cursor.number(4, r.order), r.count()
        if inner in _FIXED:
            r.cursor.skip(_FIXED[inner] * count)
            return
        if count * r.wide > r.cursor.left:
            raise Malformed(SUBJECT, f"an array of {count}", "one that fits the file")
        r.spend(count)
        if inner == _STRING:
            r.cursor.skip_texts(count, r.wide, r.order)
            return
        for _ in range(count):
            _step_over(r, inner, depth + 1)
    else:
        raise Malformed(SUBJECT, f"the value type {kind}, {depth} deep", "a type of the format")


def _tensors(r: _Reader, tensors: int, alignment: int, size: int) -> None:
    seen, furthest = set(), 0
    r.spend(tensors)
    for _ in range(tensors):
        name = r.text(1 << 16)
        if name in seen:
            raise Malformed(SUBJECT, f"the tensor {name[:60]!r} twice", "every tensor once")
        seen.add(name)
        dimensions = r.cursor.number(4, r.order)
        if dimensions > 8:
            raise Malformed(SUBJECT, f"{dimensions} dimensions", "at most 8")
        if r.into is None:
            r.cursor.skip(dimensions * r.wide + 4)
        else:
            elements = math.prod(r.count() for _ in range(dimensions))
            r.into.append(Tensor(name.decode("utf-8", "backslashreplace"), r.cursor.number(4, r.order), elements))
        offset = r.cursor.number(8, r.order)
        if offset % alignment:
            raise Malformed(SUBJECT, f"a tensor at {offset}", f"a multiple of {alignment}")
        furthest = max(furthest, offset)
    begin = -(-r.cursor.place // alignment) * alignment
    if tensors and begin + furthest >= size + (1 if furthest == 0 else 0):
        raise Malformed(SUBJECT, f"a tensor at {furthest} of {max(0, size - begin)} bytes", "tensors within the file")
