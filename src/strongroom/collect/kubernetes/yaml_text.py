"""YAML as data and nothing else: no tag makes an object, no alias multiplies, no key counts twice.

The parser's events are turned into plain values here, because the ready-made loaders construct what tags name, take the
last of two equal keys in silence, and follow aliases without counting.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from strongroom.model.codes import GapCode

MAX_DEPTH = 100
MAX_NODES = 20_000_000
MAX_ALIASED = 200_000  # nodes that aliases repeat: a manifest repeats a few lines, a bomb repeats billions
LONGEST_NUMBER = 24  # digits; a longer one stays text, as no field of Kubernetes holds it

_MARK = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)
_NULL = {"", "~", "null", "Null", "NULL"}
# YAML 1.1 (https://yaml.org/type/bool.html), which kubectl reads; the bare letters y and n stay text there too.
_BOOL = dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True) | dict.fromkeys(
    ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False
)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED = re.compile(r"[-+]?0(?:x[0-9a-fA-F]+|o?[0-7]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")


class YamlError(Exception):
    """A document that cannot be read. `line` is 1-based within the file."""

    def __init__(self, code: GapCode, detail: str, line: int) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.line = line


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one document, the 1-based line that it begins on, and the chart's template that it was made of."""

    text: str
    line: int
    template: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document as plain values. `items` are the lines, first and last, of the elements of its `items`, if any."""

    value: object
    line_start: int
    line_end: int
    items: tuple[tuple[int, int], ...] = ()


def chunks(text: str) -> Iterator[Chunk]:
    """The documents of a stream as text, so that one that is broken takes no other with it.

    A marker at the margin ends a document whatever it stands in (YAML 1.1, 9.1.2), so cutting there is exact.
    """
    line, start = 1, 0
    for mark in _MARK.finditer(text):
        if mark.start() > start:
            yield _chunk(text[start : mark.start()], line)
            line += text.count("\n", start, mark.start())
        start = mark.start()
    yield _chunk(text[start:], line)


def _chunk(text: str, line: int) -> Chunk:
    template = _SOURCE.search(text[:2000])
    return Chunk(text, line, template.group(1) if template else "")


def scalar(said: str) -> object:
    """What a plain scalar means. Dates stay text: nothing of Kubernetes needs them, and their parsers differ."""
    if said in _NULL:
        return None
    if said in _BOOL:
        return _BOOL[said]
    if len(said) <= LONGEST_NUMBER and (said[0].isdigit() or said[0] in "+-."):
        if _INT.match(said):
            return int(said)
        if _BASED.match(said):
            digits = said.lstrip("+-")
            value = int(digits, 16) if digits[1:2] == "x" else int(digits.lower().replace("o", ""), 8)
            return -value if said[0] == "-" else value
        if _FLOAT.match(said):
            return float(said)
    return said


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled. `merged` are mappings that `<<` brings in, which override nothing."""

    value: dict[str, object] | list[object]
    anchor: str | None
    first: int  # the number of nodes before it, to weigh it when it is repeated
    key: str | None = None
    merged: list[object] = field(default_factory=list)


class _Builder:
    """Values from the events of one document."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.stack: list[_Open] = []
        self.root: object = None
        self.nodes = 0
        self.aliased = 0
        self.anchors: dict[str, tuple[object, int]] = {}
        self.begins = 0
        self.items: list[list[int]] = []

    def fail(self, code: GapCode, detail: str, event: yaml.Event) -> YamlError:
        """The error of an event."""
        return YamlError(code, detail, self.line(event))

    def line(self, event: yaml.Event) -> int:
        """The 1-based line of the file that an event begins on."""
        return (event.start_mark.line if event.start_mark else 0) + self.chunk.line

    def feed(self, event: yaml.Event) -> None:
        """Take one event."""
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            self.put(scalar(event.value) if plain else event.value, event, event.anchor, 1)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.close(event)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)

    def open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        """Begin a mapping or a list."""
        if len(self.stack) >= MAX_DEPTH:
            raise self.fail(GapCode.TOO_LARGE, f"it nests deeper than {MAX_DEPTH} levels", event)
        if not self.stack:
            self.begins = self.line(event)
        if self._in_items():
            self.items.append([self.line(event), 0])
        value: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(value, event.anchor, self.nodes))

    def _in_items(self) -> bool:
        return len(self.stack) == 2 and self.stack[0].key == "items" and isinstance(self.stack[1].value, list)

    def close(self, event: yaml.Event) -> None:
        """End a mapping or a list and put it where it belongs."""
        done = self.stack.pop()
        for other in done.merged:
            if isinstance(done.value, dict) and isinstance(other, dict):
                done.value = {**other, **done.value}
        if self._in_items() and self.items:
            last = event.end_mark.line if event.end_mark else 0
            self.items[-1][1] = max(self.items[-1][0], last + self.chunk.line - 1)
        self.put(done.value, event, done.anchor, self.nodes - done.first + 1)

    def alias(self, event: yaml.AliasEvent) -> None:
        """Repeat what an anchor names; what is repeated counts again, so that a bomb ends here."""
        if event.anchor not in self.anchors:
            raise self.fail(GapCode.MALFORMED, f"the alias *{event.anchor} names nothing before it", event)
        value, weight = self.anchors[event.anchor]
        self.aliased += weight
        if self.aliased > MAX_ALIASED:
            raise self.fail(GapCode.TOO_LARGE, f"its aliases repeat over {MAX_ALIASED} nodes", event)
        self.nodes += weight - 1
        self.put(value, event, None, 1)

    def put(self, value: object, event: yaml.Event, anchor: str | None, weight: int) -> None:
        """Put a finished value into what is open."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(GapCode.TOO_LARGE, f"it has more than {MAX_NODES} nodes", event)
        if not self.stack:
            self.root = value
            self.begins = self.begins or self.line(event)
        else:
            self._into(self.stack[-1], value, event)
        if anchor:
            self.anchors[anchor] = (value, weight)

    def _into(self, holder: _Open, value: object, event: yaml.Event) -> None:
        if isinstance(holder.value, list):
            holder.value.append(value)
        elif holder.key is None:
            self._key(holder, value, event)
        elif holder.key == "<<" and isinstance(value, dict | list):
            holder.merged += value if isinstance(value, list) else [value]
            holder.key = None
        else:
            holder.value[holder.key] = value
            holder.key = None

    def _key(self, holder: _Open, value: object, event: yaml.Event) -> None:
        if isinstance(value, dict | list):
            raise self.fail(GapCode.MALFORMED, "a mapping or list stands as a key", event)
        key = value if isinstance(value, str) else event.value if isinstance(event, yaml.ScalarEvent) else str(value)
        if key in holder.value and key != "<<":
            raise self.fail(GapCode.DUPLICATE_KEY, f"the key {key[:60]!r} stands twice in one mapping", event)
        holder.key = key


def parse(chunk: Chunk) -> list[Document]:
    """The documents of a chunk: one, none when it is empty, or more when `...` ends one early. Raises YamlError."""
    found: list[Document] = []
    try:
        parser = yaml.CSafeLoader(chunk.text)  # asked for events only: it constructs nothing
        builder = _Builder(chunk)
        while parser.check_event():
            event = parser.get_event()
            if event is None:
                break
            builder.feed(event)
            if isinstance(event, yaml.DocumentEndEvent):
                end = max(builder.begins, _last_line(chunk))
                items = tuple((first, last or first) for first, last in builder.items)
                found.append(Document(builder.root, builder.begins, end, items))
                builder = _Builder(chunk)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise YamlError(GapCode.MALFORMED, e.problem or "no YAML", chunk.line + (mark.line if mark else 0)) from None
    except yaml.YAMLError as e:
        said = str(e).splitlines()[0] if str(e) else "no YAML"
        raise YamlError(GapCode.MALFORMED, said[:120], chunk.line) from None
    return found


def _last_line(chunk: Chunk) -> int:
    return chunk.line + chunk.text.rstrip().count("\n")
