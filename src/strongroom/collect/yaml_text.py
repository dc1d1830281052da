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
_LISTED = re.compile(r"^items:[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_LIST = re.compile(r"^kind:[ \t]+[\"']?([A-Za-z]*List)[\"']?[ \t]*\r?$", re.MULTILINE)
_VERSION = re.compile(r"^apiVersion:[ \t]+[\"']?([^\s\"'#]+)", re.MULTILINE)
_NULL = {"", "~", "null", "Null", "NULL"}
# First letters of plain words that may mean something else than themselves.
_TELLING = frozenset("~nNtTfFyYoO+-.0123456789")
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
    """One document as plain values. `items` are the lines, first and last, of the elements of its `items`, if any.

    `listed`: it is no document of its own but one element of a list, which `stream` gives out one at a time; `of` are
    the list's kind and apiVersion then.
    """

    value: object
    line_start: int
    line_end: int
    items: tuple[tuple[int, int], ...] = ()
    listed: bool = False
    of: tuple[str, str] = ("", "")


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
    if said[:1] not in _TELLING and said:
        return said
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
    """Values from the events of one document. With `apart`, the elements of its `items` are put into `ready` instead."""

    def __init__(self, chunk: Chunk, *, apart: bool) -> None:
        self.chunk = chunk
        self.apart = apart
        self.ready: list[Document] = []
        self.stack: list[_Open] = []
        self.root: object = None
        self.nodes = 0
        self.aliased = 0
        self.anchors: dict[str, tuple[object, int]] = {}
        self.begins = 0
        self.items: list[list[int]] = []
        kind, version = _LIST.search(chunk.text) if apart else None, _VERSION.search(chunk.text) if apart else None
        self.of = (kind[1] if kind else "", version[1] if version else "")

    def fail(self, code: GapCode, detail: str, event: yaml.Event) -> YamlError:
        """The error of an event."""
        return YamlError(code, detail, self.line(event))

    def line(self, event: yaml.Event) -> int:
        """The 1-based line of the file that an event begins on."""
        return (event.start_mark.line if event.start_mark else 0) + self.chunk.line

    def word(self, event: yaml.ScalarEvent) -> None:
        """Take a scalar. Nine events in ten are one without an anchor inside of something, and go the short way."""
        holder = self.stack[-1] if self.stack and event.anchor is None else None
        if holder is None:
            self.put(_meant(event), event, event.anchor, 1)
            return
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(GapCode.TOO_LARGE, f"it has more than {MAX_NODES} nodes", event)
        value = holder.value
        if isinstance(value, list):
            value.append(_meant(event))
        elif holder.key is None:
            if event.value in value and event.value != "<<":
                raise self._twice(event.value, event)
            holder.key = event.value
        else:
            value[holder.key] = _meant(event)
            holder.key = None

    def open(self, event: yaml.CollectionStartEvent) -> None:
        """Begin a mapping or a list."""
        if len(self.stack) >= MAX_DEPTH:
            raise self.fail(GapCode.TOO_LARGE, f"it nests deeper than {MAX_DEPTH} levels", event)
        if not self.stack:
            self.begins = self.line(event)
        elif self._in_items():
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
        weight = self.nodes - done.first + 1
        if self._in_items() and self.items:
            last = event.end_mark.line if event.end_mark else 0
            self.items[-1][1] = max(self.items[-1][0], last + self.chunk.line - 1)
            if self.apart:
                self._give(done, weight)
                return
        self.put(done.value, event, done.anchor, weight)

    def _give(self, done: _Open, weight: int) -> None:
        """Hand out an element of the list, so that it can be forgotten before the next one is read."""
        first, last = self.items.pop()
        self.ready.append(Document(done.value, first, last, listed=True, of=self.of))
        if done.anchor:  # what is kept for aliases still counts
            self.anchors[done.anchor] = (done.value, weight)
        else:
            self.nodes = done.first

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
            raise self._twice(key, event)
        holder.key = key

    def _twice(self, key: str, event: yaml.Event) -> YamlError:
        return self.fail(GapCode.DUPLICATE_KEY, f"the key {key[:60]!r} stands twice in one mapping", event)

    def finished(self) -> Document:
        """The document, when its end was met. Raises YamlError for elements that were given out and are of no list."""
        if self.apart and isinstance(self.root, dict) and "items" in self.root:
            kind = self.root.get("kind")
            if not isinstance(kind, str) or not kind.endswith("List"):
                raise YamlError(GapCode.MALFORMED, "a document with items is of another kind than a list", self.begins)
        end = max(self.begins, _last_line(self.chunk))
        return Document(self.root, self.begins, end, tuple((first, last or first) for first, last in self.items))


def _meant(event: yaml.ScalarEvent) -> object:
    return scalar(event.value) if event.implicit[0] and not event.style else event.value


def parse(chunk: Chunk) -> list[Document]:
    """The documents of a chunk: one, none when it is empty, or more when `...` ends one early. Raises YamlError."""
    return list(_documents(chunk, apart=False))


def stream(chunk: Chunk) -> Iterator[Document]:
    """The documents of a chunk; of a list, as kubectl writes it, each element by itself before the document that it
    stood in, which is then empty. Raises YamlError, where something is broken behind what was given out already.
    """
    text = chunk.text
    return _documents(chunk, apart="List" in text and bool(_LIST.search(text)) and bool(_LISTED.search(text)))


def _documents(chunk: Chunk, *, apart: bool) -> Iterator[Document]:
    try:
        # Asked for events only, libyaml constructs nothing.
        builder = _Builder(chunk, apart=apart)
        for event in yaml.parse(chunk.text, yaml.CSafeLoader):
            if isinstance(event, yaml.ScalarEvent):
                builder.word(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                builder.open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                builder.close(event)
                if builder.ready:
                    yield builder.ready.pop()
            elif isinstance(event, yaml.AliasEvent):
                builder.alias(event)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield builder.finished()
                builder = _Builder(chunk, apart=apart)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise YamlError(GapCode.MALFORMED, e.problem or "no YAML", chunk.line + (mark.line if mark else 0)) from None
    except yaml.YAMLError as e:
        said = str(e).splitlines()[0] if str(e) else "no YAML"
        raise YamlError(GapCode.MALFORMED, said[:120], chunk.line) from None


def _last_line(chunk: Chunk) -> int:
    return chunk.line + chunk.text.rstrip().count("\n")
