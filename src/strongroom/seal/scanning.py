"""The hands of the scanner: which files there are below a path, and their bytes; nothing is followed out of the tree."""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Findings
from strongroom.model.errors import Unreadable

MAX_DEPTH = 60
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class Target(msgspec.Struct, frozen=True):
    """A regular file: its path below the root as people see it, where it is, and which file was found there."""

    path: str
    real: bytes
    size: int
    identity: tuple[int, int]


@dataclass(slots=True)
class Tree:
    """What lies below a path: files to look into, and what is said at once of everything else."""

    targets: list[Target] = field(default_factory=list)
    told: dict[str, Findings] = field(default_factory=dict)

    def tell(self, path: str) -> Findings:
        """The findings on something that is not opened."""
        return self.told.setdefault(path, Findings("none"))


def find(root: Path, *, follow: bool = False) -> Tree:
    """Everything below a folder, or the file itself. `follow` looks into links that leave it.

    Raises Unreadable when the root is not there, or cannot be looked at.
    """
    try:
        top = root.resolve(strict=True)
        status = top.stat()
    except (OSError, RuntimeError) as e:
        raise Unreadable(
            str(root), (getattr(e, "strerror", None) or "an error").lower(), "a file or a folder"
        ) from None
    tree = Tree()
    if stat.S_ISDIR(status.st_mode):
        for path, real in _below(top, tree):
            _sort(path, real, top, tree, follow=follow)
    else:
        _file(shown(root.name or top.name), top, status, tree)
    return tree


def _below(top: Path, tree: Tree) -> Iterator[tuple[str, Path]]:
    """Everything that is no folder, folder by folder in the order of names. No folder is left out."""
    stack: list[tuple[str, Path, int]] = [("", top, 0)]
    while stack:
        folder, real, depth = stack.pop()
        try:
            with os.scandir(real) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except OSError as e:
            if not folder:
                raise Unreadable(str(top), (e.strerror or "an error").lower(), "a folder to list") from None
            tree.tell(folder).unreadable("file.denied", f"a folder that cannot be listed: {e.strerror}".lower())
            continue
        deeper = []
        for entry in entries:
            path = f"{folder}/{shown(entry.name)}" if folder else shown(entry.name)
            if not entry.is_dir(follow_symlinks=False):
                yield path, Path(entry.path)
            elif depth >= MAX_DEPTH:
                tree.tell(path).unreadable("file.deep", f"folders nest deeper than {MAX_DEPTH} levels")
            else:
                deeper.append((path, Path(entry.path), depth + 1))
        stack.extend(reversed(deeper))


def shown(name: str) -> str:
    """A name that can be written out: bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _sort(path: str, real: Path, top: Path, tree: Tree, *, follow: bool) -> None:
    try:
        status = real.lstat()
        if not stat.S_ISLNK(status.st_mode):
            _file(path, real, status, tree)
            return
        target = real.resolve(strict=True)
        status = target.stat()
    except (OSError, RuntimeError) as e:
        why = (getattr(e, "strerror", None) or "a link that leads nowhere").lower()
        tree.tell(path).unreadable("file.denied", why)
        return
    if not target.is_relative_to(top) and not follow:
        tree.tell(path).review("file.link", "a link that leaves the folder; it was not followed")
    elif stat.S_ISDIR(status.st_mode):
        if not target.is_relative_to(top):
            tree.tell(path).review("file.link", "a link to a folder elsewhere; it was not followed")
        else:
            tree.tell(path)  # what lies there is looked at under its own path
    else:
        _file(path, target, status, tree)  # the loader goes by the name of the link


def _file(path: str, real: Path, status: os.stat_result, tree: Tree) -> None:
    special = next((word for is_, word in _KINDS if is_(status.st_mode)), "")
    if special:
        tree.tell(path).unreadable("file.special", f"{special}, which is not read")
        return
    if any(not c.isprintable() for c in path) or "\\" in path.replace("\\x", ""):
        tree.tell(path).review("file.name", "a name with characters that other systems take for something else")
    tree.targets.append(Target(path, os.fsencode(real), status.st_size, (status.st_dev, status.st_ino)))


class Opened:
    """An open file as the readers of formats take it."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size

    @property
    def size(self) -> int:
        """Its length, as it was when it was found."""
        return self._size

    def at(self, offset: int, length: int) -> bytes:
        """A piece of it."""
        if offset < 0 or length <= 0 or offset >= self._size:
            return b""
        return os.pread(self._descriptor, min(length, self._size - offset), offset)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A regular file to read from. Raises Unreadable when it cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(str(path), "no regular file", "a file")
        yield Opened(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def look(target: Target) -> Findings:
    """The findings on one file: on the very one that was found, and only if it held still."""
    found = Findings()
    try:
        descriptor = os.open(target.real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as e:
        found.unreadable("file.denied", (e.strerror or "an error").lower())
        return found
    try:
        before = os.fstat(descriptor)
        if (before.st_dev, before.st_ino) != target.identity or not stat.S_ISREG(before.st_mode):
            found.unreadable("file.changed", "it was replaced while it was looked for")
            return found
        found = scan(Opened(descriptor, before.st_size), target.path)
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            found.unreadable("file.changed", "it was changed while it was read")
    except OSError as e:
        found.unreadable("file.denied", (e.strerror or "an error").lower())
    finally:
        os.close(descriptor)
    return found
