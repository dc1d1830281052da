"""Files that the evaluator drops without a word.

The grammar of the syntax pass is wider than Terraform's: `variable "x" { type = "list" default = [] }` on one line has a
tree and is an error all the same. The evaluator then leaves out the whole file, and says so only when it is asked to
stop at the first error.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import tfparse

from strongroom.collect.terraform.neutral import blocks_of, file_of
from strongroom.collect.terraform.syntax import FileSyntax
from strongroom.collect.terraform.wire import encode_gap
from strongroom.model.codes import GapCode

_PLACE = re.compile(r"([^\s:]+\.tf):(\d+),\d+(?:-\d+(?:,\d+)?)?: (.*?)(?:, and \d+ other diagnostic.*)?$", re.DOTALL)


def dropped(
    top: Path, files: Mapping[str, FileSyntax], root: str, found: Mapping[str, object]
) -> Iterator[dict[str, object]]:
    """A gap for every file of the root and of its local modules that evaluation left out because of an error."""
    seen = {file_of(meta, root) for _, _, meta in blocks_of(found)}
    silent: dict[str, list[str]] = {}
    for file, syntax in files.items():
        if syntax.blocks and file not in seen:
            silent.setdefault(_folder(file), []).append(file)
    for folder in _reached(root, found) & set(silent):
        problem = _first_error(top / folder)
        for file in silent[folder]:
            if problem is not None and problem[0] == PurePosixPath(file).name:
                detail = f"{problem[2]}; the evaluator left the whole file out"
                yield encode_gap(f"{file}:{problem[1]}", GapCode.MALFORMED, detail, file, problem[1])
            elif problem is not None:
                yield encode_gap(file, GapCode.LOST, "the evaluator left the whole file out", file, 1)


def _folder(file: str) -> str:
    return file.rpartition("/")[0] or "."


def _reached(root: str, found: Mapping[str, object]) -> set[str]:
    """The folders of the root and of every local module that something calls, also when nothing came of it."""
    reached = {root or "."}
    for native, block, meta in blocks_of(found):
        file = file_of(meta, root)
        reached.add(_folder(file))
        source = str(block.get("source", ""))
        if native == "module" and source.startswith(("./", "../")):
            pieces: list[str] = []
            for piece in (PurePosixPath(_folder(file)) / source).parts:
                if piece == "..":
                    pieces = pieces[:-1]
                elif piece != ".":
                    pieces.append(piece)
            reached.add("/".join(pieces) or ".")
    return reached


def _first_error(folder: Path) -> tuple[str, int, str] | None:
    """File name, line and message of the first error that the evaluator finds in a folder; None when it finds none."""
    try:
        tfparse.load_from_path(str(folder), stop_on_hcl_error=True)
    except tfparse.ParseError as e:
        place = _PLACE.search(str(e))
        if place is None:
            return "", 1, " ".join(str(e).split())[:160]
        return PurePosixPath(place[1]).name, int(place[2]), " ".join(place[3].split())[:160].rstrip(".")
    return None
