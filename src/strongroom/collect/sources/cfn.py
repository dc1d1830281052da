"""`cfn:PATH`: CloudFormation templates, one file or a folder of them, resolved without AWS."""

import os
from collections.abc import Iterator
from pathlib import Path

from strongroom.collect.cloudformation.assets import assets, kinds
from strongroom.collect.cloudformation.reading import ENDINGS, HINT, SKIPPED, Reader, looks_like
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Estate, SourceRead
from strongroom.model.ports import Collector, Peek, Request

LOOKED_AT = 200  # files of a folder, and below it, that the first look opens
MOST_FOLDERS = 1000
DEEPEST = 4


def recognises(peek: Peek) -> int:
    """A template by its sections; a folder by its files, and less surely by those of its folders."""
    if not peek.is_dir:
        return looks_like(peek.head)
    found = max((looks_like(_head(peek.path / n)) for n in peek.names[:LOOKED_AT] if _may_be(n)), default=0)
    if found:
        return 80
    return 15 if any(looks_like(_head(p)) for p in _below(peek.path)) else 0


def _may_be(name: str) -> bool:
    return Path(name).suffix.lower() in ENDINGS and not name.startswith(".")


def _below(root: Path) -> Iterator[Path]:
    """The first files of the folders below that may be templates."""
    left = LOOKED_AT
    for n, (folder, folders, names) in enumerate(os.walk(root)):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED) if depth < DEEPEST else []
        for name in sorted(names) if depth else ():
            if _may_be(name):
                yield Path(folder) / name
                left -= 1
            if left <= 0:
                return
        if n >= MOST_FOLDERS:
            return


def _head(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():
            return b""
        with path.open("rb") as f:
            return f.read(64 * 1024)
    except OSError:
        return b""


def collect(request: Request) -> Estate:
    """Read a template or a folder of them.

    Raises Unreadable, Malformed or TooLarge for a single file that cannot be used, and for a folder without templates;
    in a folder, each file that cannot be read is a gap.
    """
    if not request.target:
        raise Unreadable(request.spec, "no path", "a template or a folder of them", HINT)
    reader = Reader(request)
    found = reader.resources()
    source = SourceRead(
        spec=request.spec,
        scheme="cfn",
        title=f"CloudFormation templates in {request.target}",
        files=reader.files,
        bytes=reader.size,
        kinds=kinds(),
        digest=reader.digest(),
    )
    return Estate(tuple(assets(found, request.spec)), tuple(reader.gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="cfn",
    title="CloudFormation templates",
    reads="a template in YAML or JSON, or a folder of them; functions and conditions are resolved without AWS",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
