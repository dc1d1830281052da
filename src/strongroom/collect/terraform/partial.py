"""Lists, objects and JSON documents of which one piece has no value: what is known of them is kept.

The evaluator gives a whole `jsonencode(…)` up when one reference inside it has no value, and drops the reference from
a list. Here each piece is put out of the expression and stands in it as a mark, so that the rest evaluates; the pieces
are asked for one by one, and what they come to takes the place of their marks.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import tree_sitter
import tree_sitter_hcl

from strongroom.collect.terraform.syntax import Edit, Expression

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
_PREFIX = b"x = "
_MARK = re.compile(r"\$\{strongroom:(\d+)\}")
_BUILDERS = frozenset({"jsonencode", "concat", "flatten", "merge", "tolist", "toset", "compact", "distinct"})
# Names that only have a value at their place: of an instance, of a dynamic block (`statement.value`), of a loop.
_LOCAL = re.compile(r"(?<![\w.])(?:each|count|self)\.|(?<![\w.])\w+\.(?:key|value)\b")
Ask = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A piece of an expression, by its place in the file. `inside` says that it stands within a quoted text."""

    text: str
    start: int
    end: int
    inside: bool

    def edit(self) -> Edit:
        """What stands in its place: the mark, and as many lines as before."""
        mark = f"$${{strongroom:{self.start}}}"
        lines = "\n" * self.text.count("\n")
        return Edit(self.start, self.end, mark if self.inside else f'("{mark}"{lines})', 0)


def has_hole(raw: object, expression: Expression | None) -> bool:
    """Whether a value has a null within: written there, or for want of a value, which the pieces will tell."""
    if expression is None:
        return False
    if isinstance(raw, str):
        return "jsonencode" in expression.text and "null" in raw and _null_within(_document(raw))
    return isinstance(raw, list | Mapping) and _null_within(raw)


def _null_within(raw: object) -> bool:
    if isinstance(raw, Mapping):
        return any(v is None or _null_within(v) for k, v in raw.items() if k != "__tfmeta")
    return isinstance(raw, list) and any(v is None or _null_within(v) for v in raw)


def _document(raw: str) -> object:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def leaves(expression: Expression) -> Iterator[Leaf]:
    """The pieces of a list, an object, or a call that builds one, that may be without a value."""
    source = _PREFIX + expression.text.encode()
    root = _PARSER.parse(source).root_node
    top = next((n for n in _descend(root) if n.type == "expression"), None)
    if top is not None and not root.has_error and _kind(top, source) is not None:
        offset = expression.start - len(_PREFIX)
        yield from (leaf for n in top.children for leaf in _pieces(n, source, offset))


def _descend(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from _descend(child)


def _text(node: tree_sitter.Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _kind(expression: tree_sitter.Node, source: bytes) -> str | None:
    """What is built: a collection, or a call that builds one of its arguments."""
    first = expression.children[0] if len(expression.children) == 1 else None
    if first is None:
        return None
    if first.type == "function_call":
        return "call" if _text(first.children[0], source) in _BUILDERS else None
    return "collection" if first.type == "collection_value" and first.children[0].type in ("tuple", "object") else None


def _pieces(node: tree_sitter.Node, source: bytes, offset: int) -> Iterator[Leaf]:
    if node.type == "object_elem":
        yield from _value(node.children[-1], source, offset)
    elif node.type == "tuple":
        for child in node.children:
            if child.type == "expression":
                yield from _value(child, source, offset)
    elif node.type == "function_arguments":
        for child in node.children:
            if child.type == "expression" and _kind(child, source) is not None:
                yield from (leaf for n in child.children for leaf in _pieces(n, source, offset))
    else:
        for child in node.children:
            yield from _pieces(child, source, offset)


def _value(expression: tree_sitter.Node, source: bytes, offset: int) -> Iterator[Leaf]:
    """A value of an object or list: built itself, a text with pieces, a literal, or a piece as a whole."""
    if _kind(expression, source) is not None:
        yield from (leaf for n in expression.children for leaf in _pieces(n, source, offset))
        return
    only = expression.children[0] if len(expression.children) == 1 else expression
    if only.type == "template_expr":
        for n in _descend(only):
            if n.type == "template_interpolation":
                yield from _leaf(n, source, offset, inside=True)
    elif only.type != "literal_value":
        yield from _leaf(expression, source, offset, inside=False)


def _leaf(node: tree_sitter.Node, source: bytes, offset: int, *, inside: bool) -> Iterator[Leaf]:
    text = _text(node, source)
    if not _LOCAL.search(text) and not (inside and "\n" in text):
        yield Leaf(
            text.removeprefix("${").removesuffix("}").strip() if inside else text,
            node.start_byte + offset,
            node.end_byte + offset,
            inside,
        )


def is_marked(raw: str) -> bool:
    """Whether a text holds a mark."""
    return _MARK.search(raw) is not None


def whole(raw: str) -> int | None:
    """The place of the piece that a text stands for as a whole."""
    found = _MARK.fullmatch(raw)
    return int(found[1]) if found else None


def filled(raw: str, value: Ask, name: Callable[[int], str]) -> str:
    """A text or JSON document with the pieces that have a value in their places, and the others as `${expression}`."""
    document = _document(raw) if raw.lstrip()[:1] in ("{", "[") else None
    if document is not None:
        return json.dumps(_fill(document, value, name), ensure_ascii=False)
    return _patch(raw, value, name)


def _fill(here: object, value: Ask, name: Callable[[int], str]) -> object:
    if isinstance(here, Mapping):
        return {k: _fill(v, value, name) for k, v in here.items()}
    if isinstance(here, list):
        return [_fill(v, value, name) for v in here]
    if not isinstance(here, str):
        return here
    place = whole(here)
    if place is not None:
        found = value(place)
        return _named(found) if found is not None else f"${{{name(place)}}}"
    return _patch(here, value, name)


def unset(value: object) -> bool:
    """Whether the evaluator answers with the name of a reference instead of its value."""
    return isinstance(value, Mapping) and "__attribute__" in value


def _named(value: object) -> object:
    if isinstance(value, Mapping):
        return f"${{{value['__attribute__']}}}" if unset(value) else {k: _named(v) for k, v in value.items()}
    return [_named(v) for v in value] if isinstance(value, list) else value


def _patch(text: str, value: Ask, name: Callable[[int], str]) -> str:
    def put(m: re.Match[str]) -> str:
        found = value(int(m[1]))
        if isinstance(found, bool):
            return "true" if found else "false"
        return str(found) if isinstance(found, str | int | float) else f"${{{name(int(m[1]))}}}"

    return _MARK.sub(put, text)
