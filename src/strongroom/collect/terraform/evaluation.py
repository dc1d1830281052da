"""Evaluate one root module in the child: once, and once more with questions for what came back as nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tfparse

from strongroom.collect.resource import Resource
from strongroom.collect.terraform import neutral, partial, silence
from strongroom.collect.terraform.inputs import plain
from strongroom.collect.terraform.modules import MODE, announced
from strongroom.collect.terraform.neutral import Context, Question, blocks_of, file_of, index, module_of
from strongroom.collect.terraform.syntax import UNKNOWN, Block, Edit, Expression, FileSyntax, apply
from strongroom.collect.terraform.wire import encode_gap
from strongroom.model.codes import GapCode
from strongroom.model.values import Where

_PROBES = "zz_strongroom_probes.tf"
_ASKED = {
    "null": 'output "{name}" {{\n  value = ({expression}\n  ) == null ? "null" : "set"\n}}\n',
    "count": 'output "{name}" {{\n  value = length({expression}\n  ) == 0 ? "empty" : "some"\n}}\n',
    "secret": 'output "{name}" {{\n  value = {expression}\n}}\n',
    "piece": 'output "{name}" {{\n  value = ({expression}\n  )\n}}\n',
}


Pieces = dict[tuple[str, int], partial.Leaf]  # by file and place


@dataclass(slots=True)
class Tree:
    """The copy with its parsed files; `sources` are the texts as they now stand in the copy."""

    top: Path
    files: Mapping[str, FileSyntax]
    sources: Mapping[str, bytes]
    module_folders: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Evaluated:
    """What one root came to."""

    resources: list[Resource] = field(default_factory=list)
    gaps: list[dict[str, object]] = field(default_factory=list)


def evaluate(tree: Tree, root: str) -> Evaluated:
    """The resources of a root module and of the local modules that it calls."""
    found, problem = _parse(tree, root)
    out = Evaluated()
    if problem:
        out.gaps.append(encode_gap(root or ".", GapCode.MALFORMED, problem))
    context = Context(root, {f: s.blocks for f, s in tree.files.items()}, secret_names=_sensitive_names(tree))
    index(found, context)
    first = [neutral.resource(n, b, m, context) for n, b, m in _resources(found)]
    vanished = list(_vanished(tree, root, found))
    if context.questions or context.holes or vanished or any(context.secret_names.values()):
        pieces = _pieces(context.holes, vanished)
        found, answers, secrets = _ask(tree, root, context.questions, vanished, pieces)
        context = Context(root, context.syntax, secrets=secrets, secret_names=context.secret_names, answers=answers)
        context.leaves = {place: leaf.text for place, leaf in pieces.items()}
        context.values = _values(found, pieces)
        index(found, context)
        depends = {r.address: r.depends for r in first}
        first = [neutral.resource(n, b, m, context) for n, b, m in _resources(found)]
        first = [r for r in first if not _was_empty(r, vanished, answers)]
        for r in first:  # a piece that was taken out of an expression took its references along
            r.depends = tuple(sorted({*r.depends, *depends.get(r.address, ())}))
    out.resources = first
    for call, gap, inside in _unfetched(tree, root, found):
        out.resources += [call, *inside]
        out.gaps.append(gap)
    left_out = list(silence.dropped(tree.top, tree.files, root, found))
    out.gaps += left_out
    files = {str(g["file"]) for g in left_out}
    out.gaps += [g for g in _lost(tree, root, found, vanished) if g["file"] not in files]
    return out


def _resources(
    found: Mapping[str, object],
) -> Iterator[tuple[str, Mapping[str, object], Mapping[str, object]]]:
    for native, block, meta in blocks_of(found):
        judged = native not in neutral.NOT_BLOCKS and meta.get("type") in ("resource", "data")
        # A provider's block is no asset, but it says whose account this is and what is written on everything.
        if judged or native == "provider":
            yield native, block, meta


def _parse(tree: Tree, root: str) -> tuple[Mapping[str, object], str]:
    try:
        return tfparse.load_from_path(str(tree.top / root)), ""
    except tfparse.ParseError as e:
        return {}, str(e)[:200]


def _sensitive_names(tree: Tree) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for file, syntax in tree.files.items():
        for b in syntax.blocks:
            sensitive = b.attributes.get("sensitive")
            if b.type == "variable" and b.labels and sensitive is not None and sensitive.text.strip() == "true":
                names.setdefault(_folder(file), set()).add(b.labels[0])
    return {folder: frozenset(found) for folder, found in names.items()}


def _folder(file: str) -> str:
    return file.rpartition("/")[0] or "."


def _folders(root: str, found: Mapping[str, object]) -> dict[str, str]:
    """The folder of every module instance that was evaluated, by its address; the root's is ''."""
    folders = {"": root or "."}
    for native, _, meta in blocks_of(found):
        if native != "module":
            module = module_of(str(meta.get("path", "")))
            if module:
                folders.setdefault(module, _folder(file_of(meta, root)))
    return folders


def _vanished(tree: Tree, root: str, found: Mapping[str, object]) -> Iterator[tuple[str, Block]]:
    """Blocks with a `for_each` that stand in the text of an evaluated module and came to nothing."""
    for file, b in _missing(tree, root, found):
        if "for_each" in b.attributes:
            yield file, b


def _missing(tree: Tree, root: str, found: Mapping[str, object]) -> Iterator[tuple[str, Block]]:
    seen = {(file_of(m, root), int(str(m.get("line_start", 0)))) for _, _, m in blocks_of(found)}
    folders = set(_folders(root, found).values())
    for file, syntax in tree.files.items():
        if _folder(file) in folders:
            for b in syntax.blocks:
                if b.type in ("resource", "data") and (file, b.line) not in seen:
                    yield file, b


def _pieces(holes: Sequence[tuple[str, Expression]], vanished: Sequence[tuple[str, Block]]) -> Pieces:
    """The pieces of every expression with a hole; a block that vanished is rewritten in another way."""
    found: Pieces = {}
    for file, expression in holes:
        if not any(f == file and b.start <= expression.start < b.end for f, b in vanished):
            found |= {(file, leaf.start): leaf for leaf in partial.leaves(expression)}
    return found


def _piece_name(file: str, place: int) -> str:
    return f"strongroom_piece_{re.sub(r'[^a-z0-9]', '_', file.lower())}_{place}"


def _values(found: Mapping[str, object], pieces: Pieces) -> dict[tuple[str, int, str], object]:
    """What every piece came to, in every module that has it."""
    names = {_piece_name(*place): place for place in pieces}
    said = ((module, name, value) for module, name, value in _outputs(found) if name in names)
    return {(*names[name], module): value for module, name, value in said if not partial.unset(value)}


def _ask(
    tree: Tree,
    root: str,
    questions: Sequence[Question],
    vanished: Sequence[tuple[str, Block]],
    pieces: Pieces,
) -> tuple[Mapping[str, object], dict[tuple[str, int, str], str | None], frozenset[str]]:
    """Evaluate again with an output for every question; give every vanished block one nameless instance."""
    probes: dict[str, dict[str, str]] = {}
    names: dict[tuple[str, int], str] = {}
    asked = [(q.file, q.start, q.kind, q.expression) for q in questions]
    asked += [(f, b.attributes["for_each"].start, "count", b.attributes["for_each"].text) for f, b in vanished]
    for file, start, kind, expression in asked:
        name = names.setdefault((file, start), f"strongroom_probe_{len(names)}")
        if not re.search(r"\b(each|count|self)\.", expression):
            probe = _ASKED[kind].format(name=name, expression=expression)
            probes.setdefault(_folder(file), {})[name] = probe
    for folder, variables in _sensitive_names(tree).items():
        for v in variables:
            probe = _ASKED["secret"].format(name=f"strongroom_secret_{v}", expression=f"var.{v}")
            probes.setdefault(folder, {})[f"strongroom_secret_{v}"] = probe
    for place, leaf in pieces.items():
        name = _piece_name(*place)
        probes.setdefault(_folder(place[0]), {})[name] = _ASKED["piece"].format(name=name, expression=leaf.text)
    changed = {f: apply(tree.sources[f], _edits(f, vanished, pieces)) for f, _ in (*vanished, *pieces)}
    for file, text in changed.items():
        (tree.top / file).write_bytes(text)
    for folder, outputs in probes.items():
        (tree.top / folder / _PROBES).write_text("".join(outputs.values()), encoding="utf-8")
    try:
        found, _ = _parse(tree, root)
    finally:
        for file in changed:
            (tree.top / file).write_bytes(tree.sources[file])
        for folder in probes:
            (tree.top / folder / _PROBES).unlink()
    return found, _answers(found, names, questions, vanished), _secrets(found)


def _edits(file: str, vanished: Sequence[tuple[str, Block]], pieces: Pieces) -> list[Edit]:
    marks = [leaf.edit() for (f, _), leaf in pieces.items() if f == file]
    return [*_one_instance([b for f, b in vanished if f == file]), *marks]


def _one_instance(blocks: Sequence[Block]) -> list[Edit]:
    edits = []
    for b in blocks:
        e = b.attributes["for_each"]
        edits.append(Edit(e.start, e.end, 'toset(["*"])' + "\n" * e.text.count("\n"), e.line))
        edits += [edit for inner in _expressions(b) if inner is not e for edit in _each_edits(inner.text, inner.start)]
    return edits


def _expressions(block: Block) -> Iterator[Expression]:
    yield from block.attributes.values()
    for inner in block.blocks:
        yield from _expressions(inner)


def _each_edits(text: str, start: int) -> Iterator[Edit]:
    """`each.value` of a block whose instances are not known is not known either."""
    raw = text.encode()
    for m in re.finditer(rb"\beach\.(?:key|value)\b", raw):
        yield Edit(start + m.start(), start + m.end(), UNKNOWN, 0)


def _outputs(found: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    for native, block, meta in blocks_of(found):
        if native == "output":
            path = str(meta.get("path", ""))
            yield module_of(path), path.rpartition("output.")[2], block.get("value")


def _answers(
    found: Mapping[str, object],
    names: Mapping[tuple[str, int], str],
    questions: Sequence[Question],
    vanished: Sequence[tuple[str, Block]],
) -> dict[tuple[str, int, str], str | None]:
    said = {(module, name): value for module, name, value in _outputs(found)}
    keys = [q.key for q in questions]
    modules = {module for module, _ in said} | {""}
    keys += [(f, b.attributes["for_each"].start, m) for f, b in vanished for m in modules]
    answers: dict[tuple[str, int, str], str | None] = {}
    for file, start, module in keys:
        value = said.get((module, names[file, start]))
        answers[file, start, module] = value if isinstance(value, str) else None
    return answers


def _secrets(found: Mapping[str, object]) -> frozenset[str]:
    secrets: set[str] = set()
    for _, name, value in _outputs(found):
        if name.startswith("strongroom_secret_"):
            for text in _strings(value):
                secrets.update(neutral.variants(text))
    return frozenset(secrets)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from _strings(v)
    elif isinstance(value, list):
        for v in value:
            yield from _strings(v)


def _was_empty(
    r: Resource, vanished: Sequence[tuple[str, Block]], answers: Mapping[tuple[str, int, str], str | None]
) -> bool:
    """Whether a nameless instance stands for a `for_each` that is known to be empty."""
    if not r.address.endswith('["*"]'):
        return False
    for file, b in vanished:
        if (file, b.line) == (r.where.file, r.where.line_start):
            return answers.get((file, b.attributes["for_each"].start, r.module)) == "empty"
    return False


def _unfetched(
    tree: Tree, root: str, found: Mapping[str, object]
) -> Iterator[tuple[Resource, dict[str, object], list[Resource]]]:
    """The module calls that nothing was read for: what was called, the gap that it leaves, what its inputs announce."""
    filled = {module_of(str(m.get("path", ""))) for n, _, m in blocks_of(found) if n != "module"}
    for native, block, meta in blocks_of(found):
        path = str(meta.get("path", ""))
        if native != "module" or path in filled or any(f.startswith(path + ".") for f in filled):
            continue
        file, line = file_of(meta, root), int(str(meta.get("line_start", 0)))
        end = int(str(meta.get("line_end", line)))
        source = str(block.get("source", ""))
        where = Where(file, line, end)
        name, said = path.rpartition(".")[2], plain(block)
        call = Resource(path, source, name, said, where, mode=MODE, module=module_of(path))
        if source.startswith(("./", "../")):
            inside = (tree.top / root / source).resolve()
            if inside.is_dir() and inside.is_relative_to(tree.top.resolve()):
                continue
            why = f"its source {source} is not inside the assessed folder"
            yield call, encode_gap(path, GapCode.OUTSIDE, why, file, line), []
        else:
            version = f" {block['version']}" if isinstance(block.get("version"), str) else ""
            why = f"module {source}{version} is not in the folder; run terraform init, or assess the plan"
            yield call, encode_gap(path, GapCode.NOT_FETCHED, why, file, line), list(announced(call, block))


def _lost(
    tree: Tree, root: str, found: Mapping[str, object], vanished: Sequence[tuple[str, Block]]
) -> Iterator[dict[str, object]]:
    known = {(f, b.line) for f, b in vanished}
    for file, b in _missing(tree, root, found):
        if (file, b.line) not in known and "count" not in b.attributes:
            address = ".".join((("data",) if b.type == "data" else ()) + b.labels)
            yield encode_gap(address, GapCode.LOST, "the evaluator dropped this block", file, b.line)
