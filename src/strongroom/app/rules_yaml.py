"""The YAML of a rules file: one document of plain values, each with its line.

The parser's events become values here and not by a ready-made loader, which makes objects of tags, takes the last of two
equal keys in silence, and follows aliases without counting. A rules file needs none of these, so they are refused.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from strongroom.model.errors import Malformed, TooLarge

MAX_DEPTH = 20
MAX_NODES = 200_000
_NULL = {"", "~", "null"}
_BOOL = {"true": True, "false": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|[0-9]{1,18}(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?\Z")
_QUOTE = "quote the value, or write it on lines of its own below `|`"


class Document(NamedTuple):
    """The values of a file, and the 1-based line of each by its path (`$.rules[0].require`).

    The line of a text below `|` or `>` is that of its first line.
    """

    value: object
    lines: dict[str, int]


@dataclass(slots=True)
class _Open:
    value: dict[str, object] | list[object]
    path: str
    key: str | None = None
    keys: dict[str, int] = field(default_factory=dict)


def read(text: str, path: str) -> Document:
    """The one document of a file. Raises Malformed or TooLarge, with the line."""
    builder = _Builder(path)
    try:
        parser = yaml.CSafeLoader(text)  # asked for events only: it constructs nothing
        while parser.check_event():
            event = parser.get_event()
            if event is not None:
                builder.feed(event)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line = mark.line + 1 if mark else 1
        raise Malformed(f"{path}:{line}", e.problem or "no YAML", "YAML", _QUOTE) from None
    except yaml.YAMLError as e:
        raise Malformed(path, (str(e).splitlines() or ["no YAML"])[0][:120], "YAML") from None
    return Document(builder.root, builder.lines)


class _Builder:
    """Values from events."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stack: list[_Open] = []
        self.root: object = None
        self.lines: dict[str, int] = {}
        self.nodes = 0
        self.documents = 0

    def feed(self, event: yaml.Event) -> None:
        """Take one event. Raises Malformed or TooLarge."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.no(event, "a second document", "one document")
        elif isinstance(event, yaml.AliasEvent):
            raise self.no(event, f"the alias *{event.anchor}", "the value itself: aliases are not followed")
        elif isinstance(event, yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()

    def no(self, event: yaml.Event, found: str, wanted: str, hint: str = "") -> Malformed:
        """The error of an event."""
        return Malformed(f"{self.path}:{_line(event)}", found, wanted, hint)

    def begin(self, event: yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        """Take a value, or the beginning of one."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TooLarge(f"{self.path}:{_line(event)}", f"more than {MAX_NODES} values", "a smaller file")
        if event.anchor:
            raise self.no(event, f"the anchor &{event.anchor}", "the value itself: anchors are not followed")
        if event.tag and not (isinstance(event, yaml.ScalarEvent) and event.implicit[1] and event.tag == "!"):
            raise self.no(event, f"the tag {event.tag[:60]}", "a plain value", _QUOTE)
        holder = self.stack[-1] if self.stack else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            self.key(holder, event)
            return
        at = self.put(holder, event)
        if not isinstance(event, yaml.ScalarEvent):
            if len(self.stack) >= MAX_DEPTH:
                raise TooLarge(f"{self.path}:{_line(event)}", "values nested too deeply", f"at most {MAX_DEPTH} levels")
            inner: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self.store(holder, inner)
            self.stack.append(_Open(inner, at))
        else:
            self.store(holder, _scalar(event))

    def key(self, holder: _Open, event: yaml.Event) -> None:
        """Take a key of a mapping."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self.no(event, "a mapping or list as a key", "a word")
        if event.value in holder.keys:
            first = holder.keys[event.value]
            raise self.no(event, f"the key {event.value[:60]!r} again, after line {first}", "every key once")
        holder.key = event.value
        holder.keys[event.value] = _line(event)

    def put(self, holder: _Open | None, event: yaml.Event) -> str:
        """Note the line of a value; its path."""
        if holder is None:
            at = "$"
        elif isinstance(holder.value, list):
            at = f"{holder.path}[{len(holder.value)}]"
        else:
            at = f"{holder.path}.{holder.key}"
        below = isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">")
        self.lines[at] = _line(event) + below
        return at

    def store(self, holder: _Open | None, value: object) -> None:
        """Put a value where it belongs."""
        if holder is None:
            self.root = value
        elif isinstance(holder.value, list):
            holder.value.append(value)
        else:
            holder.value[holder.key or ""] = value
            holder.key = None


def _line(event: yaml.Event) -> int:
    return (event.start_mark.line if event.start_mark else 0) + 1


def _scalar(event: yaml.ScalarEvent) -> object:
    """A scalar by the core schema of YAML 1.2.2 (10.3.2): `yes`, `no` and `on` are texts."""
    said = event.value
    if event.style or not event.implicit[0]:
        return said
    if said in _NULL:
        return None
    if said in _BOOL:
        return _BOOL[said]
    if _INT.match(said):
        return int(said)
    return float(said) if _FLOAT.match(said) else said
