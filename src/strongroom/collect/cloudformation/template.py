"""The text of a template as data: YAML with its short tags, or JSON, and the lines of every resource.

Source: AWS CloudFormation User Guide, "Template anatomy" and "Intrinsic function reference". A short tag becomes its
long form (`!GetAtt a.b` is `{"Fn::GetAtt": ["a", "b"]}`), so that nothing behind this file knows of two spellings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from strongroom.collect.cloudformation import json_text
from strongroom.collect.yaml_text import MAX_ALIASED, YamlError, scalar
from strongroom.model.codes import GapCode

MAX_BYTES = 16 << 20  # CloudFormation itself takes 1 MB from a bucket
MAX_DEPTH = 100
MAX_NODES = 2_000_000

Span = tuple[int, int]
_STANDARD = "tag:yaml.org,2002:"


class TemplateError(Exception):
    """A text that is no template, or none that is read. `line` is 1-based, 0 where it is not known."""

    def __init__(self, code: GapCode, detail: str, line: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.line = line


@dataclass(frozen=True, slots=True)
class Template:
    """The sections of a template, and the first and last line of every entry of `Resources`."""

    body: Mapping[str, object]
    spans: Mapping[str, Span]


def read(data: bytes, *, json_only: bool) -> Template:
    """The template in a file's bytes. Raises TemplateError."""
    if len(data) > MAX_BYTES:
        raise TemplateError(GapCode.TOO_LARGE, f"{len(data) >> 20} MiB; a template has at most {MAX_BYTES >> 20} MiB")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise TemplateError(GapCode.NOT_UTF8, f"byte 0x{data[e.start]:02x} is no UTF-8 text", line) from None
    if text.lstrip()[:1] == "{":
        try:
            return _whole(*json_text.read(text, MAX_DEPTH))
        except json_text.JsonError as e:
            # YAML in flow style begins like JSON; what is called JSON, or is broken in another way, is not tried again.
            if json_only or e.code is not GapCode.MALFORMED:
                raise TemplateError(e.code, e.detail, e.line) from None
    return _whole(*_yaml(text))


def _whole(body: object, spans: Mapping[str, Span]) -> Template:
    if not isinstance(body, dict):
        raise TemplateError(GapCode.MALFORMED, "it is no mapping of sections", 1)
    return Template(body, spans)


def _yaml(text: str) -> tuple[object, Mapping[str, Span]]:
    builder = _Builder(text.split("\n"))
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):  # asked for events only, libyaml constructs nothing
            builder.take(event)
    except YamlError as e:
        raise TemplateError(e.code, e.detail, e.line) from None
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise TemplateError(GapCode.MALFORMED, e.problem or "no YAML", mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as e:
        said = str(e).splitlines()[0] if str(e) else "no YAML"
        raise TemplateError(GapCode.MALFORMED, said[:120]) from None
    return builder.root, builder.spans


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled, with the tag that stands before it."""

    value: dict[str, object] | list[object]
    tag: str
    anchor: str | None
    first: int  # the number of nodes before it, to weigh it when it is repeated
    key: str | None = None
    merged: list[object] = field(default_factory=list)


@dataclass(slots=True)
class _Builder:
    """Values from events: no tag makes an object, no key counts twice, and aliases are counted."""

    lines: list[str]
    root: object = None
    spans: dict[str, Span] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[object, int]] = field(default_factory=dict)
    nodes: int = 0
    aliased: int = 0
    documents: int = 0
    begun: int = 0  # the line that the present resource begins on
    last: int = 0  # the last line that held something

    def take(self, event: yaml.Event) -> None:
        """Take one event of the parser."""
        start, end = event.start_mark, event.end_mark
        if start is not None and end is not None and start.index != end.index:
            self.last = end.line + 1
            if end.column == 0 and end.line > start.line:
                self._end_of_block(end.line)
        if isinstance(event, yaml.ScalarEvent):
            self._node(event)
            self._put(_tagged(event.tag, _meant(event)), event, event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._node(event)
            if len(self.stack) >= MAX_DEPTH:
                raise YamlError(GapCode.TOO_LARGE, f"it nests deeper than {MAX_DEPTH} levels", _line(event))
            made: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self.stack.append(_Open(made, event.tag or "", event.anchor, self.nodes))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            value = _tagged(done.tag, _merged(done))
            self._put(value, event, done.anchor, self.nodes - done.first + 1)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise YamlError(GapCode.UNSUPPORTED, "a second document begins: a template is one", _line(event))

    def _end_of_block(self, line: int) -> None:
        """A block scalar ends where the next token begins: step back over that line and the empty ones before it."""
        while line > 0 and not self.lines[min(line, len(self.lines)) - 1].strip():
            line -= 1
        self.last = line

    def _node(self, event: yaml.Event) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise YamlError(GapCode.TOO_LARGE, f"it has more than {MAX_NODES} nodes", _line(event))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self.anchors:
            raise YamlError(GapCode.MALFORMED, f"the alias *{event.anchor} names nothing before it", _line(event))
        value, weight = self.anchors[event.anchor]
        self.aliased += weight
        if self.aliased > MAX_ALIASED:
            raise YamlError(GapCode.TOO_LARGE, f"its aliases repeat over {MAX_ALIASED} nodes", _line(event))
        self.nodes += weight
        self._put(value, event, None, 1)

    def _put(self, value: object, event: yaml.Event, anchor: str | None, weight: int) -> None:
        if anchor:
            self.anchors[anchor] = (value, weight)
        if not self.stack:
            self.root = value
            return
        holder = self.stack[-1]
        if isinstance(holder.value, list):
            holder.value.append(value)
        elif holder.key is None:
            self._key(holder, value, event)
        elif holder.key == "<<" and isinstance(value, dict | list):
            holder.merged += value if isinstance(value, list) else [value]
            holder.key = None
        else:
            if self._in_resources():
                self.spans[holder.key] = (self.begun, max(self.begun, self.last))
            holder.value[holder.key] = value
            holder.key = None

    def _key(self, holder: _Open, value: object, event: yaml.Event) -> None:
        if isinstance(value, dict | list):
            raise YamlError(GapCode.MALFORMED, "a mapping or list stands as a key", _line(event))
        key = event.value if isinstance(event, yaml.ScalarEvent) else str(value)
        if key in holder.value and key != "<<":
            raise YamlError(GapCode.DUPLICATE_KEY, f"the key {key[:60]!r} stands twice in one mapping", _line(event))
        holder.key = key
        if self._in_resources():
            self.begun = _line(event)

    def _in_resources(self) -> bool:
        return len(self.stack) == 2 and self.stack[0].key == "Resources"


def _merged(done: _Open) -> object:
    value = done.value
    for other in done.merged:
        if isinstance(value, dict) and isinstance(other, dict):
            value = {**other, **value}
    return value


def _line(event: yaml.Event) -> int:
    return (event.start_mark.line if event.start_mark else 0) + 1


def _meant(event: yaml.ScalarEvent) -> object:
    if event.tag and not event.tag.startswith(_STANDARD):
        return event.value  # what stands behind a short tag is the text of its argument
    return scalar(event.value) if event.implicit[0] and not event.style else event.value


def _tagged(tag: str | None, value: object) -> object:
    """The long form of a short tag. A tag that nobody knows becomes a function that nobody knows."""
    if not tag or tag == "!" or tag.startswith(_STANDARD):
        return value
    name = tag.lstrip("!")
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        resource, _, attribute = value.partition(".")
        return {"Fn::GetAtt": [resource, attribute]}
    return {f"Fn::{name}": value}


def sections(body: Mapping[str, object]) -> Iterator[str]:
    """The names at the top that no template has: what stands there was meant for somewhere else."""
    yield from (name for name in body if name not in _SECTIONS)


# CloudFormation User Guide, "Template sections"; `Globals` is SAM's, `Hooks` that of blue/green deployments.
_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Hooks",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)
