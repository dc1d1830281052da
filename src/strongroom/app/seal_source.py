"""What is going to be sealed: every file of a model, as it was when it was looked at."""

import os
from dataclasses import dataclass
from pathlib import Path

from strongroom.app import seal_model
from strongroom.kit import sealed
from strongroom.model.errors import BadInput, BadUsage, Malformed, Unreadable
from strongroom.seal.writing import Planned


@dataclass(frozen=True, slots=True)
class Source:
    """A model on disk: its files in the order of their paths, and the folders that have nothing in them.

    `marks` tell each file from a later version of it: device, number, size, and when it was last written and changed.
    """

    name: str
    root: Path
    single: bool
    planned: tuple[Planned, ...]
    folders: tuple[str, ...]
    octets: int
    marks: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]

    def unchanged(self) -> None:
        """Raise Unreadable where a file is not the one that was looked at: a scan would be of another."""
        for planned, before in zip(self.planned, self.marks, strict=True):
            if _mark(planned.source) != before:
                wanted = "a model that stays as it is until it is sealed"
                raise Unreadable(str(planned.source), "a file that was changed after it was looked at", wanted)


def look(path: str, *, follow: bool) -> Source:
    """The model at a path. `follow` takes what symbolic links lead to in their place.

    Raises:
        Unreadable: it is not there, or a part cannot be read.
        Malformed: a link without `follow`, a device, or a name that an artifact cannot have.
        TooLarge: there are too many files.
    """
    model = seal_model.model(path)
    tree = seal_model.tree(model, allow_symlinks=follow)
    for link in tree.links:
        hint = "--allow-symlinks seals what it leads to"
        raise Malformed(str(model.root / link), "a symbolic link", "files and folders alone", hint)
    for special in tree.specials:
        raise Malformed(str(model.root / special), "neither a file nor a folder", "files and folders alone")
    for name in tree.unnamed:
        raise Malformed(str(model.root / name), "a name that is not UTF-8", "names that an index can hold")
    for name in tree.files:
        sealed.check_path(name)
    if not tree.files:
        raise BadInput(path, "no file", "a model")
    planned = tuple(Planned(name, model.root / name) for name in sorted(tree.files))
    folders = () if model.single is not None else _empty(model.root)
    marks = tuple(_mark(p.source) for p in planned)
    octets = sum(tree.files.values())
    return Source(model.name, model.root, model.single is not None, planned, folders, octets, marks, tree.remarks)


def apart(source: Source, target: Path) -> None:
    """Refuse a target inside of the source: it would be sealed into itself. Raises BadUsage."""
    root, at = os.path.realpath(source.root), os.path.realpath(target)
    if not source.single and (at == root or at.startswith(f"{root.rstrip('/')}/")):
        raise BadUsage(str(target), "a place inside of what is sealed", "one outside of it")


def _mark(path: Path) -> tuple[int, ...]:
    try:
        s = path.stat()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the file that was there") from None
    return (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)


def _empty(root: Path) -> tuple[str, ...]:
    found = [os.path.relpath(at, root) for at, folders, files in os.walk(root) if not folders and not files]
    for path in found:
        sealed.check_path(path)
    return tuple(sorted(found))
