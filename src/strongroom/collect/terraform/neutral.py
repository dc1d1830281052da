"""What the evaluator answers, put into neutral form with the help of the text that it was given."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from strongroom.collect.resource import Link, Resource, Sensitive
from strongroom.collect.terraform import partial
from strongroom.collect.terraform.syntax import Block, Expression
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Where

_RENAMED = 4  # locals that rename locals
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_REFERENCE = re.compile(r"^((?:data\.)?[a-z0-9_]+\.[\w-]+(?:\[[^\]]+\])?)(?:\.(.+))?$")
_ONE_ATTRIBUTE = re.compile(
    r"(?!(?:var|local|module|each|count|self|path|terraform)\.)(?:data\.)?[a-z0-9_]+\.[\w-]+(?:\[[^\]]+\])?\.\w+"
)
_QUOTED = re.compile(r'\s*"\$\{\s*([\w.\[\]-]+?)\s*\}"\s*')
_SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|secret|secret_string|secret_value|secret_key|private_key|api_key|access_key|auth_token"
    r"|client_secret|connection_string)$"
)
_CAPITALS = ("True", "False")  # no HCL, and Terraform refuses it; what its author means is not in doubt
_SHORTEST_SECRET = 4
NOT_BLOCKS = frozenset(
    {"locals", "module", "output", "provider", "terraform", "variable", "moved", "import", "removed"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """An expression that came back as null: is it null, or not known? Asked again through an output."""

    file: str
    expression: str
    start: int
    kind: str  # "null" or "count"
    module: str  # the address of the module instance that asked

    @property
    def key(self) -> tuple[str, int, str]:
        """What an answer is found by."""
        return self.file, self.start, self.module


@dataclass(slots=True)
class Context:
    """One evaluation of one root: the texts by file, the secrets, and the questions with their answers."""

    root: str  # the root's folder, relative to the tree
    syntax: Mapping[str, Sequence[Block]]  # by file, relative to the tree
    secrets: frozenset[str] = frozenset()
    secret_names: Mapping[str, frozenset[str]] = field(default_factory=dict)  # folder -> sensitive variables
    answers: Mapping[tuple[str, int, str], str | None] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    holes: list[tuple[str, Expression]] = field(default_factory=list)  # expressions of which a part has no value
    leaves: Mapping[tuple[str, int], str] = field(default_factory=dict)  # their pieces, by file and place
    values: Mapping[tuple[str, int, str], object] = field(default_factory=dict)  # what a piece came to, by module
    addresses: dict[str, str] = field(default_factory=dict)  # the evaluator's ids -> addresses
    calls: dict[str, str] = field(default_factory=dict)  # module address -> file:line of its call


def blocks_of(found: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object], Mapping[str, object]]]:
    """Every evaluated block with its native type and meta data."""
    for native, blocks in found.items():
        if isinstance(blocks, list):
            for b in blocks:
                if isinstance(b, Mapping) and isinstance(b.get("__tfmeta"), Mapping):
                    yield native, b, b["__tfmeta"]


def index(found: Mapping[str, object], context: Context) -> None:
    """Learn which address every id of the evaluator stands for, and where modules are called."""
    for native, block, meta in blocks_of(found):
        path = str(meta.get("path", ""))
        context.addresses[str(block.get("id", ""))] = path
        if native == "module":
            context.calls[path] = f"{file_of(meta, context.root)}:{meta.get('line_start', 0)}"
    _outputs_named_id(found, context)


def _outputs_named_id(found: Mapping[str, object], context: Context) -> None:
    """The evaluator answers `module.x.id` with its own id of the call; an output of that name means what it holds."""
    called = {path: ident for ident, path in context.addresses.items() if path in context.calls}
    for native, block, meta in blocks_of(found):
        module, _, name = str(meta.get("path", "")).rpartition(".output.")
        if native == "output" and name == "id" and module in called:
            context.addresses[called[module]] = context.addresses.get(str(block.get("value")), module)


def file_of(meta: Mapping[str, object], root: str) -> str:
    """The file of a block, relative to the tree."""
    pieces: list[str] = []
    for piece in (PurePosixPath(root) / str(meta.get("filename", ""))).parts:
        if piece == "..":
            pieces = pieces[:-1]
        elif piece != ".":
            pieces.append(piece)
    return "/".join(pieces)


def module_of(address: str) -> str:
    """The module path of an address: `module.a.module.b`, or empty."""
    found = re.match(r"(?:module\.[\w-]+(?:\[(?:\"[^\"]*\"|\d+)\])?\.?)+", address)
    return found[0].rstrip(".") if found else ""


def text_block(context: Context, file: str, line: int) -> Block | None:
    """The block of the text that begins at a line."""
    return next((b for b in context.syntax.get(file, ()) if b.line == line), None)


def resource(native: str, block: Mapping[str, object], meta: Mapping[str, object], context: Context) -> Resource:
    """One evaluated block as a neutral resource."""
    address, file = str(meta.get("path", "")), file_of(meta, context.root)
    line, end = int(str(meta.get("line_start", 0))), int(str(meta.get("line_end", 0)))
    module = module_of(address)
    text = text_block(context, file, line)
    values = _Normaliser(context, file, module).block(block, text)
    provider = native == "provider"
    return Resource(
        address=address,
        type=f"provider.{meta.get('label', '')}" if provider else native,
        name=re.sub(r"\[[^\]]*\]$", "", address).rpartition(".")[2],
        values=values,
        where=Where(file, line, end, called_from=context.calls.get(module, "")),
        mode="provider" if provider else str(meta.get("type", "resource")).replace("resource", "managed"),
        module=module,
        depends=tuple(
            sorted(
                {context.addresses[str(r["id"])] for r in _references(meta) if str(r.get("id")) in context.addresses}
            )
        ),
    )


def _references(meta: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    references = meta.get("references")
    if isinstance(references, list):
        yield from (r for r in references if isinstance(r, Mapping))


@dataclass(slots=True)
class _Normaliser:
    context: Context
    file: str
    module: str

    def block(self, block: Mapping[str, object], text: Block | None) -> dict[str, object]:
        values: dict[str, object] = {}
        secret_names = self.context.secret_names.get(str(PurePosixPath(self.file).parent), frozenset())
        for name, raw in block.items():
            expression = text.attributes.get(name) if text is not None else None
            if name == "__tfmeta" or (name == "id" and expression is None):
                continue
            # The evaluator puts an id of its own over a block's `id`; only the text still has what was written.
            value = self.attribute(name, raw, expression, text) if name != "id" else self.written(expression)
            if (_SECRET_NAME.search(name) and isinstance(value, str)) or (
                expression is not None and _mentions(expression.text, secret_names)
            ):
                value = Sensitive(value)
            values[name] = value
        for label, expression in text.dynamic() if text is not None else ():
            # A dynamic block that came to nothing: known to be empty, or lost, or over a list that nobody knows.
            if label not in values and (doubt := self.ask(expression, "count")) is not None:
                values[label] = doubt
        return values

    def attribute(self, name: str, raw: object, expression: Expression | None, text: Block | None) -> object:
        if raw is None and expression is not None and expression.text.strip() in _CAPITALS:
            return expression.text.strip() == "True"
        if raw is None and expression is not None and not expression.is_null:
            doubt = self.ask(expression, "null")
            quoted = _QUOTED.fullmatch(expression.text)  # `"${aws_kms_key.k.arn}"`, as Terraform 0.11 wants it
            return self.reference(quoted[1]) if quoted is not None and doubt is not None else doubt
        if isinstance(raw, Mapping) and "__tfmeta" in raw:
            return self.nested(name, raw, text)
        if isinstance(raw, list) and raw and all(isinstance(b, Mapping) and "__tfmeta" in b for b in raw):
            return [self.nested(name, b, text) for b in raw]
        if expression is not None and partial.has_hole(raw, expression):
            self.context.holes.append((self.file, expression))
        strict = expression is not None and "null" not in expression.text
        return self.leaf(raw, strict)

    def nested(self, name: str, raw: Mapping[str, object], text: Block | None) -> dict[str, object]:
        meta = raw["__tfmeta"]
        line = int(str(meta.get("line_start", 0))) if isinstance(meta, Mapping) else 0
        return self.block(raw, text.inner(name, line) if text is not None else None)

    def ask(self, expression: Expression, kind: str) -> Unknown | None:
        """None when the expression is known to be null (or to make no block); Unknown until then."""
        question = Question(self.file, expression.text, expression.start, kind, self.module)
        if question.key not in self.context.answers:
            self.context.questions.append(question)
        elif self.context.answers[question.key] in ("null", "empty"):
            return None
        short = " ".join(expression.text.split())[:80]
        return Unknown(GapCode.UNDECIDED, f"{short} at {self.file}:{expression.line} has no value")

    def leaf(self, raw: object, strict: bool) -> object:
        if isinstance(raw, str):
            return self.string(raw)
        if isinstance(raw, Mapping):
            if "__attribute__" in raw:
                return self.reference(str(raw["__attribute__"]))
            return {str(k): self.leaf(v, strict) for k, v in raw.items() if k != "__tfmeta"}
        if isinstance(raw, list):
            return [self.leaf(v, strict) for v in raw]
        if raw is None and strict:
            return Unknown(GapCode.UNDECIDED, f"a part of it has no value in {self.file}")
        return raw

    def string(self, raw: str) -> object:
        if partial.is_marked(raw):
            place = partial.whole(raw)
            if place is not None:
                found = self.piece(place)
                return self.leaf(found, strict=True) if found is not None else self.reference(self.named(place))
            raw = partial.filled(raw, self.piece, self.named)
        address = self.context.addresses.get(raw)
        if address is not None:
            return self.pointed(address)
        value: str = _UUID.sub(lambda m: f"${{{self.context.addresses.get(m[0], m[0])}}}", raw)
        if any(secret in value for secret in self.context.secrets):
            return Sensitive(value)
        return value

    def piece(self, place: int) -> object:
        """What a piece of an expression came to on its own; None when it has no value."""
        return self.context.values.get((self.file, place, self.module))

    def named(self, place: int) -> str:
        """A piece of an expression as it is written; a local that only renames something is named by what it stands for."""
        text = " ".join(self.context.leaves.get((self.file, place), "a value that is not known").split())
        for _ in range(_RENAMED):
            meant = self.local(text.removeprefix("local.")) if text.startswith("local.") else ""
            if not _ONE_ATTRIBUTE.fullmatch(meant) and not re.fullmatch(r"local\.\w+", meant):
                break
            text = meant
        return text

    def local(self, name: str) -> str:
        """The text that a local of this folder is set to; empty where there is none."""
        folder = PurePosixPath(self.file).parent
        blocks = (b for file, bs in self.context.syntax.items() if PurePosixPath(file).parent == folder for b in bs)
        found = (b.attributes[name].text.strip() for b in blocks if b.type == "locals" and name in b.attributes)
        return next(found, "")

    def pointed(self, address: str) -> object:
        last = address.rpartition("variable.")
        if last[1]:
            return self.variable(last[2])
        if address in self.context.calls:
            return Unknown(GapCode.UNDECIDED, f"{address}.id has no value")
        return Link(address)

    def variable(self, name: str) -> Unknown | None:
        """A variable that evaluation left open: its `default = null`, unless the caller passes something."""
        folder = str(PurePosixPath(self.file).parent)
        blocks = (
            b for file, bs in self.context.syntax.items() if str(PurePosixPath(file).parent) == folder for b in bs
        )
        declared = next((b for b in blocks if b.type == "variable" and b.labels == (name,)), None)
        default = declared.attributes.get("default") if declared is not None else None
        if default is not None and default.is_null and not self.passed(name):
            return None
        return Unknown(GapCode.UNDECIDED, f"variable {name.partition('.')[0]} has no value")

    def passed(self, name: str) -> bool:
        """Whether the call of this module sets an input."""
        if not self.module:
            return False
        file, _, line = self.context.calls.get(self.module, "").rpartition(":")
        call = text_block(self.context, file, int(line)) if line.isdigit() else None
        return call is None or name in call.attributes

    def reference(self, text: str) -> object:
        if text.startswith("var."):
            return self.variable(text[4:])
        if text.startswith("module."):
            module = ".".join(text.split(".")[:2])
            return Unknown(GapCode.NOT_FETCHED, f"it comes from {module}, which was not read")
        found = _REFERENCE.match(text)
        if found is None or text.split(".", maxsplit=1)[0] in ("local", "each", "count", "path", "self", "terraform"):
            return Unknown(GapCode.UNDECIDED, f"{text} has no value")
        prefix = f"{self.module}." if self.module else ""
        return Link(prefix + found[1], found[2] or "")

    def written(self, expression: Expression | None) -> object:
        """What the text says: a literal, or the attribute of one other block."""
        text = expression.text.strip() if expression is not None else ""
        literal = re.fullmatch(r"\"([^\"$%\\]*)\"", text)
        if literal:
            return literal[1]
        if _ONE_ATTRIBUTE.fullmatch(text):
            return self.reference(text)
        return Unknown(GapCode.LOST, "the evaluator replaced this id by its own")


def _mentions(text: str, names: frozenset[str]) -> bool:
    return "sensitive(" in text or any(re.search(rf"\bvar\.{re.escape(n)}\b", text) for n in names)


def variants(secret: str) -> Iterator[str]:
    """A secret as it may reappear: itself, and in base64; too short a value is no secret and matches everything."""
    if len(secret) >= _SHORTEST_SECRET:
        yield secret
        yield base64.b64encode(secret.encode()).decode().rstrip("=")
