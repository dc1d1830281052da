"""The fenced child: reads the copy, evaluates every root module, writes one JSON object a line."""

import json
import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from strongroom.collect.terraform.evaluation import Evaluated, Tree, evaluate
from strongroom.collect.terraform.landlock import restrict
from strongroom.collect.terraform.syntax import FileSyntax, apply, parse
from strongroom.collect.terraform.wire import encode_gap, encode_resource
from strongroom.kit import strict_json
from strongroom.kit.skips import by_line, of_block, skips
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput

_ADDRESS_SPACE = 16 * 1024 * 1024 * 1024  # the Go runtime reserves far more than it uses


def main(top: Path, skip: frozenset[str]) -> None:
    """Evaluate every root below `top` that is not to be skipped; `{"root": …}` announces each before it starts."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, "/usr", "/lib", "/lib64", "/proc/self", *sys.path}
    fenced = restrict(sorted(p for p in prefixes if p), [str(top)])
    tree, gaps = _load(top, fenced)
    if not skip:
        for gap in gaps:
            _say(gap)
    found = roots(tree)
    for number, root in enumerate(found):
        if (root or ".") in skip:
            continue
        _say({"root": root, "number": number, "of": len(found)})
        done = evaluate(tree, root)
        _report(done, root, tree.files)
    _say({"done": True})


def _report(done: Evaluated, root: str, files: Mapping[str, FileSyntax]) -> None:
    comments = {file: by_line(syntax.comments) for file, syntax in files.items() if syntax.comments}
    for r in done.resources:
        r.label = root
        file = r.where.file
        if file in comments:
            r.skips = skips(of_block(comments[file], r.where.line_start, r.where.line_end), file)
        _say(encode_resource(r))
    for gap in done.gaps:
        _say(gap)


def _say(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _load(top: Path, fenced: bool) -> tuple[Tree, list[dict[str, object]]]:
    files: dict[str, FileSyntax] = {}
    sources: dict[str, bytes] = {}
    gaps: list[dict[str, object]] = []
    folders: set[str] = set()
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top).as_posix()
        if path.name.endswith(".tf.json"):
            folders.add(relative.rpartition("/")[0] or ".")
            gaps += _json_file(path, relative)
        elif path.name.endswith(".tf"):
            folders.add(relative.rpartition("/")[0] or ".")
            gaps += _hcl_file(path, relative, fenced, files, sources)
    return Tree(top, files, sources, folders), gaps


def _hcl_file(
    path: Path, relative: str, fenced: bool, files: dict[str, FileSyntax], sources: dict[str, bytes]
) -> Iterator[dict[str, object]]:
    source = path.read_bytes()
    try:
        syntax = parse(source, relative.count("/"), fenced=fenced)
    except RecursionError:
        yield encode_gap(relative, GapCode.TOO_LARGE, "its blocks nest too deeply", relative, 1)
        path.unlink()
        return
    if syntax.errors:
        line, what = syntax.errors[0]
        yield encode_gap(f"{relative}:{line}", GapCode.MALFORMED, f"{what}; the file was left out", relative, line)
        path.unlink()  # the evaluator would drop the whole file too, without a word
        return
    if syntax.edits:
        source = apply(source, syntax.edits)
        path.write_bytes(source)
        for e in syntax.edits:
            code = GapCode.TOO_LARGE if e.text == "1" else GapCode.OUTSIDE
            yield encode_gap(f"{relative}:{e.line}", code, e.why, relative, e.line)
        syntax = parse(source, relative.count("/"), fenced=fenced)
    files[relative], sources[relative] = syntax, source


def _json_file(path: Path, relative: str) -> Iterator[dict[str, object]]:
    data = path.read_bytes()
    try:
        strict_json.check(data, relative)
    except BadInput as e:
        yield encode_gap(relative, GapCode.MALFORMED, f"found {e.found}; the file was left out", relative, 1)
        path.unlink()
        return
    if re.search(rb"\b(file\w*|templatefile)\s*\(", data):
        yield encode_gap(
            relative, GapCode.OUTSIDE, "it reads files, which JSON syntax hides; it was left out", relative, 1
        )
        path.unlink()


def roots(tree: Tree) -> list[str]:
    """The folders with configuration that no other folder calls as a module; fetched modules are never roots."""
    called: set[str] = set()
    for file, syntax in tree.files.items():
        for b in syntax.blocks:
            source = b.attributes.get("source")
            literal = re.fullmatch(r"\s*\"(\.{1,2}/[^\"$]*)\"\s*", source.text) if source is not None else None
            if b.type == "module" and literal is not None:
                called.add(os.path.normpath(f"{file.rpartition('/')[0] or '.'}/{literal[1]}"))
    free = {f for f in tree.module_folders if ".terraform" not in f.split("/")}
    found = sorted(f for f in free if f not in called or f == ".")
    return ["" if f == "." else f for f in (found or sorted(free))]


if __name__ == "__main__":
    main(Path(sys.argv[1]), frozenset(sys.argv[2:]))
