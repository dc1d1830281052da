"""Chat templates and prompts in Jinja: a program that a loader renders, and what of it reaches out of the sandbox.

A template is parsed by Jinja's own parser and never compiled or rendered. What counts is how it could climb from a text
to the interpreter: attributes with two underscores, by a dot, an index, the filter `attr`, or put together of pieces.
"""

import re
from collections.abc import Iterator

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from strongroom.kit.formats.verdicts import Findings

MOST = 4 << 20
_MOST_NODES = 400_000
_DUNDER = re.compile(r"__\w+__")
_CLIMBING = frozenset({
    "mro", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "f_globals", "f_builtins", "f_locals", "f_back",
    "func_globals", "func_code", "im_func", "im_self", "tb_frame", "_module", "_TemplateReference__context",
})  # fmt: skip
_MODULES = frozenset({"os", "sys", "subprocess", "importlib", "builtins", "environ", "popen"})
_METHODS = frozenset({
    "popen", "system", "getoutput", "check_output", "eval", "exec", "import_string", "from_string", "import_module",
    "Popen",
})  # fmt: skip
_FUNCTIONS = frozenset({
    "getattr", "setattr", "eval", "exec", "open", "compile", "__import__", "globals", "locals", "vars", "import_module",
    "system", "popen", "breakpoint", "input", "delattr", "os", "subprocess", "sys",
})  # fmt: skip
_PIECES = re.compile(r"^_{1,2}|_{2,}$|__")


class _Generation(Extension):
    """`{% generation %}`: a block that transformers adds, to mark what the model itself wrote."""

    tags = frozenset({"generation"})  # type: ignore[assignment] # a plain set there, which nobody changes

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """What is in the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def judge(text: str, found: Findings) -> None:
    """Add what a template could do besides writing text."""
    if len(text) > MOST:
        found.unreadable("template.large", f"a template of {len(text)} characters; at most {MOST} are read")
        return
    environment = jinja2.Environment(
        autoescape=True, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", _Generation]
    )
    try:
        tree = environment.parse(text)
        for node in _all(tree):
            _node(node, found)
    except jinja2.TemplateSyntaxError as e:
        found.unreadable(
            "template.broken", f"a template that cannot be parsed, line {e.lineno}: {str(e.message)[:120]}"
        )
    except (RecursionError, MemoryError, OverflowError, ValueError) as e:
        found.unreadable("template.broken", f"a template that cannot be parsed ({type(e).__name__})")


def _all(tree: nodes.Node) -> Iterator[nodes.Node]:
    queue = [tree]
    for n, node in enumerate(queue):
        if n > _MOST_NODES:
            raise ValueError
        yield node
        queue.extend(node.iter_child_nodes())


def _node(node: nodes.Node, found: Findings) -> None:
    if isinstance(node, nodes.Getattr):
        _attribute(node.attr, found)
    elif isinstance(node, nodes.Getitem):
        _index(node.arg, found)
    elif isinstance(node, nodes.Filter) and node.name in ("attr", "map", "selectattr", "rejectattr", "groupby", "sort"):
        _filter(node, found)
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        if _DUNDER.search(node.value) and _DUNDER.fullmatch(node.value.strip()):
            found.malicious("template.attribute", f"its template names {node.value.strip()[:60]}")
    elif isinstance(node, nodes.Concat | nodes.Add):
        _joined(node, found)
    elif isinstance(node, nodes.Name):
        if _DUNDER.fullmatch(node.name):
            found.malicious("template.attribute", f"its template names {node.name}")
    elif isinstance(node, nodes.Call):
        _call(node, found)
    elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        found.review("template.reads", "its template takes in other templates")


def _attribute(name: str, found: Findings) -> None:
    if _DUNDER.fullmatch(name) or name in _CLIMBING:
        found.malicious("template.attribute", f"its template reaches for the attribute {name[:60]}")
    elif name in _MODULES:
        found.review("template.module", f"its template reaches for the attribute {name}")


def _index(argument: nodes.Node, found: Findings) -> None:
    word = _folded(argument)
    if word is not None and _DUNDER.fullmatch(word):
        found.malicious("template.attribute", f"its template reaches for the attribute {word[:60]}")
    elif word is None and any(_piece(n) for n in _all(argument)):
        found.malicious("template.attribute", "its template puts a name with underscores together and reaches for it")


def _piece(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str) and _PIECES.search(node.value) is not None


def _filter(node: nodes.Filter, found: Findings) -> None:
    """`|attr("x")` is `.x`; `|map(attribute="x")` too. A word that is put together hides what it is."""
    words = [*node.args, *(k.value for k in node.kwargs if k.key == "attribute")]
    for argument in words:
        word = _folded(argument)
        if word is None and node.name == "attr":
            found.malicious("template.attribute", "its template reaches for an attribute whose name it puts together")
        elif word is not None and any(_DUNDER.fullmatch(w) or w in _CLIMBING for w in word.split(".")):
            found.malicious("template.attribute", f"its template reaches for the attribute {word[:60]}")
    if node.name == "attr" and not found.reasons:
        found.review("template.attr", "its template fetches attributes by the filter attr")


def _joined(node: nodes.Concat | nodes.Add, found: Findings) -> None:
    word = _folded(node)
    if word is not None and _DUNDER.fullmatch(word):
        found.malicious("template.attribute", f"its template puts the name {word[:60]} together")


def _folded(node: nodes.Node | None) -> str | None:
    """A text that stands there, or is put together of texts by `~` or `+`; None for anything else."""
    if isinstance(node, nodes.Const):
        return node.value if isinstance(node.value, str) else str(node.value)
    parts: list[nodes.Node] = []
    if isinstance(node, nodes.Concat):
        parts = list(node.nodes)
    elif isinstance(node, nodes.Add):
        parts = [node.left, node.right]
    words = [_folded(p) for p in parts]
    return "".join(w for w in words if w is not None) if words and None not in words else None


def _call(node: nodes.Call, found: Findings) -> None:
    called = node.node
    if isinstance(called, nodes.Name) and called.name in _FUNCTIONS:
        found.malicious("template.call", f"its template calls {called.name}")
    elif isinstance(called, nodes.Getattr) and called.attr in _METHODS:
        found.malicious("template.call", f"its template calls {called.attr}")
