"""What the text of a .tf file says, beside what evaluation makes of it.

The evaluator drops a file with an error, a block whose `for_each` is unknown, and the difference between `null` and
unknown, all silently. This pass sees the text, so that nothing is lost without a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter
import tree_sitter_hcl

from strongroom.kit.skips import Comment

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
_READS = re.compile(r"^(file|templatefile|fileexists|fileset|filebase64|filemd5|filesha\d+|filebase64sha\d+)$")
_SAFE_PATH = re.compile(r"\s*\"(?:\$\{path\.(?:module|root|cwd)\}/)?([^\"$%{}]*)\"\s*")
UNKNOWN = "var.strongroom_unknown"
MAX_COUNT = 10_000


@dataclass(slots=True)
class Expression:
    """The right side of an attribute, by its place in the file."""

    text: str
    start: int
    end: int
    line: int

    @property
    def is_null(self) -> bool:
        """Whether it is the word `null` itself."""
        return self.text.strip() == "null"


@dataclass(slots=True)
class Block:
    """A block of the text; `dynamic "x"` stands as type `dynamic` with the label `x`."""

    type: str
    labels: tuple[str, ...]
    line: int
    line_end: int
    start: int
    end: int
    attributes: dict[str, Expression] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def inner(self, label: str, line: int) -> "Block | None":
        """The nested block of a label that begins at a line; a dynamic block is entered at its content."""
        first = None
        for b in self.blocks:
            body = b
            if b.type == "dynamic" and b.labels[:1] == (label,):
                body = next((c for c in b.blocks if c.type == "content"), b)
            elif b.type != label:
                continue
            if body.line == line:
                return body
            first = first or body
        return first

    def dynamic(self) -> Iterator[tuple[str, Expression]]:
        """The labels that dynamic blocks make, with the expression that says how many."""
        for b in self.blocks:
            if b.type == "dynamic" and b.labels and "for_each" in b.attributes:
                yield b.labels[0], b.attributes["for_each"]


@dataclass(slots=True)
class Edit:
    """A replacement in the copy that keeps every line number; `why` becomes a gap, unless it is empty."""

    start: int
    end: int
    text: str
    line: int
    why: str = ""


@dataclass(slots=True)
class FileSyntax:
    """One parsed file."""

    blocks: list[Block] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)  # of a file that asks for a skip; of others none are kept


def parse(source: bytes, depth: int = 0, *, fenced: bool = False) -> FileSyntax:
    """Parse one file. `depth` is how many folders lie between the tree's root and the file's folder.

    Where the kernel does not fence the child, only calls whose path is plainly inside the tree stay; and as a
    template can itself call `file()`, none that renders one.
    """
    tree = _PARSER.parse(source)
    out = FileSyntax()
    root = tree.root_node
    if root.has_error:
        out.errors = [_error(n, source) for n in _errors(root)][:5] or [(1, "it does not parse")]
    body = next((c for c in root.children if c.type == "body"), None)
    if body is not None:
        out.blocks, _ = _body(body, source, out)
    _escapes(root, source, depth, fenced, out)
    for b in out.blocks:
        _bound_count(b, out)
    if b"strongroom:skip=" in source:
        out.comments = list(_comments(root, source))
    return out


def _comments(root: tree_sitter.Node, source: bytes) -> Iterator[Comment]:
    """The comments, line by line. What looks like one inside a text or a heredoc is not among them."""
    lines = source.split(b"\n")
    stack = [root]
    while stack:
        n = stack.pop()
        if n.type == "comment":
            first = n.start_point.row
            for row, text in enumerate(_text(n, source).split("\n"), first):
                before = lines[row][: n.start_point.column] if row == first else b""
                yield Comment(text, row + 1, not before.strip())
        else:
            stack.extend(n.children)


def _errors(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    stack = [node]
    while stack:
        n = stack.pop()
        if n.is_missing or n.type == "ERROR":
            yield n
        elif n.has_error:
            stack.extend(reversed(n.children))


def _error(node: tree_sitter.Node, source: bytes) -> tuple[int, str]:
    line = node.start_point.row + 1
    if node.is_missing:
        return line, f"{node.type!r} is missing"
    return line, f"unexpected {_text(node, source).split(chr(10))[0][:40]!r}"


def _text(node: tree_sitter.Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _body(node: tree_sitter.Node, source: bytes, out: FileSyntax) -> tuple[list[Block], dict[str, Expression]]:
    blocks: list[Block] = []
    attributes: dict[str, Expression] = {}
    for child in node.children:
        if child.type == "block":
            blocks.append(_block(child, source, out))
        elif child.type == "attribute":
            name = _text(child.children[0], source)
            expression = child.children[-1]
            line = child.start_point.row + 1
            if name in attributes:
                out.errors.append((line, f"the attribute {name!r} is set twice"))
            attributes[name] = Expression(
                _text(expression, source), expression.start_byte, expression.end_byte, expression.start_point.row + 1
            )
    return blocks, attributes


def _block(node: tree_sitter.Node, source: bytes, out: FileSyntax) -> Block:
    words = [_text(c, source).strip('"') for c in node.children if c.type in ("identifier", "string_lit")]
    block = Block(
        words[0] if words else "",
        tuple(words[1:]),
        node.start_point.row + 1,
        node.end_point.row + 1,
        node.start_byte,
        node.end_byte,
    )
    body = next((c for c in node.children if c.type == "body"), None)
    if body is not None:
        block.blocks, block.attributes = _body(body, source, out)
    return block


def _escapes(root: tree_sitter.Node, source: bytes, depth: int, fenced: bool, out: FileSyntax) -> None:
    """Every call that reads a file whose path is not plainly inside the tree becomes an unknown value."""
    stack = [root]
    while stack:
        n = stack.pop()
        if n.type == "function_call" and _READS.match(_text(n.children[0], source)):
            arguments = next((c for c in n.children if c.type == "function_arguments"), None)
            first = _text(arguments.children[0], source) if arguments is not None and arguments.children else ""
            text = _text(n, source)
            if _may_escape(first, depth, fenced, text.startswith("templatefile")):
                lines = "\n" * text.count("\n")
                short = " ".join(text.split())[:70]
                why = f"{short} may read outside the folder and was not evaluated"
                out.edits.append(Edit(n.start_byte, n.end_byte, f"({UNKNOWN}{lines})", n.start_point.row + 1, why))
                continue
        stack.extend(n.children)


def _may_escape(argument: str, depth: int, fenced: bool, template: bool) -> bool:
    if fenced:  # the kernel refuses the rest; a literal path is named here, so that the reader learns where it stands
        return _SAFE_PATH.fullmatch(argument) is not None and not _stays_inside(argument, depth)
    return template or not _stays_inside(argument, depth)


def _stays_inside(argument: str, depth: int) -> bool:
    literal = _SAFE_PATH.fullmatch(argument)
    if literal is None:
        return re.fullmatch(r"\s*path\.module\s*", argument) is not None
    path = literal[1]
    if path.startswith("/") and not argument.lstrip().startswith('"${path.'):
        return False
    level = depth
    for piece in path.split("/"):
        level += -1 if piece == ".." else 0 if piece in ("", ".") else 1
        if level < 0:
            return False
    return True


def _bound_count(block: Block, out: FileSyntax) -> None:
    count = block.attributes.get("count")
    if block.type in ("resource", "data", "module") and count is not None:
        number = count.text.strip()
        if number.isdigit() and int(number) > MAX_COUNT:
            why = f"count = {number} is over {MAX_COUNT}; one instance was read for all"
            out.edits.append(Edit(count.start, count.end, "1", count.line, why))


def apply(source: bytes, edits: list[Edit]) -> bytes:
    """The text with the edits made; edits never overlap."""
    for e in sorted(edits, key=lambda e: -e.start):
        source = source[: e.start] + e.text.encode() + source[e.end :]
    return source
