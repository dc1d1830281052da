"""A model on disk, as signing and verifying both see it: what is in it, what is left out, and where its paths begin."""

import os
import posixpath
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from strongroom.kit.oms import Piece, ignore_trouble
from strongroom.kit.oms_comparing import Tree
from strongroom.model.errors import BadUsage, TooLarge, Unreadable
from strongroom.seal import walking


@dataclass(frozen=True, slots=True)
class Model:
    """A folder, or one file (`single`) in the folder `root`."""

    root: Path
    name: str
    single: str | None

    def inside(self, path: str | Path) -> str | None:
        """A path of this machine as one of the model; None where it is not inside, or the model is one file.

        What is at the path need not exist; that the folder around it is a link makes no difference.
        """
        at = Path(path)
        real = posixpath.join(os.path.realpath(at.parent), at.name)
        root = os.path.realpath(self.root)
        if self.single is not None or not real.startswith(f"{root.rstrip('/')}/"):
            return None
        return real[len(root.rstrip("/")) + 1 :]


def model(path: str) -> Model:
    """The model at a path. Raises Unreadable where nothing is there, or neither a folder nor a file."""
    at = Path(path)
    name = posixpath.basename(posixpath.normpath(Path.cwd() / path)) or "model"  # `.` and `..` have names too
    if walking.is_folder(at):
        return Model(at, name, None)
    return Model(at.parent, name, at.name)


def ignored(found: Model, given: Iterable[str]) -> tuple[str, ...]:
    """Paths to leave out, as paths of the model: relative to it, or of this machine and inside it. Raises BadUsage."""
    if found.single is not None:
        return ()
    return tuple(_ignored(found, path) for path in given)


def _ignored(found: Model, given: str) -> str:
    path = posixpath.normpath(given) if given else ""
    if path.startswith(("/", "../")) or not os.path.lexists(found.root / path):
        path = found.inside(given) or path
    if trouble := ignore_trouble(path):
        raise BadUsage("--ignore", f"{trouble}: {given[:200]!r}", "a path inside the model, below its top")
    return path


def tree(found: Model, ignore: Collection[str] = (), keep: Collection[str] = (), *, allow_symlinks: bool) -> Tree:
    """What is in the model. Raises Unreadable."""
    if found.single is not None:
        return Tree({found.single: (found.root / found.single).stat().st_size})
    walked = walking.walk(found.root, ignore, keep, allow_symlinks=allow_symlinks)
    return Tree(walked.files, *(tuple(listed) for listed in walked[1:]))


def longest_first(parts: Iterable[Piece], found: Tree) -> tuple[Piece, ...]:
    """Parts in the order to hash them in: a long one that began last would leave the other cores idle."""
    return tuple(sorted(parts, key=lambda p: found.files[p.path] if p.end is None else p.end - p.start, reverse=True))


def octets_of(path: str, what: str, most: int = 1 << 20) -> bytes:
    """The octets of a small file. Raises Unreadable or TooLarge."""
    try:
        with Path(path).open("rb") as f:
            data = f.read(most + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or type(e).__name__).lower(), what) from None
    except ValueError:
        raise Unreadable(repr(path), "a name that no file has", what) from None
    if len(data) > most:
        raise TooLarge(path, f"more than {most} octets", what)
    return data
