"""A tree of files: no link is followed, every folder and file that could not be looked at is a gap."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.ports import Limits, Progress

MAX_DEPTH = 40
# They hold no artifacts of their owner's, and thousands of files: version control and installed packages.
SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its path below the root with slashes, and what the file system says of it."""

    path: str
    real: Path
    size: int
    mode: int
    uid: int
    gid: int
    identity: tuple[int, int]
    reach_others: bool = True  # every folder above lets everybody through
    replace_others: bool = False  # the folder that holds it lets everybody replace it
    replace_group: bool = False

    @property
    def folder(self) -> str:
        """The path of its folder; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Miss:
    """What could not be looked at."""

    path: str
    code: GapCode
    detail: str


@dataclass(slots=True)
class Tree:
    """What was found: regular files and links within the tree by path, and what was missed."""

    root: Path
    files: dict[str, File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # link -> file of the tree that it leads to
    misses: list[Miss] = field(default_factory=list)
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Reach:
    """What the folders on the way allow: everybody through; everybody, or a group, to replace what lies there."""

    through: bool
    others: bool
    group: bool


def walk(root: Path, limits: Limits, progress: Progress | None = None) -> Tree:
    """Every regular file below a folder, or the file itself. Raises Unreadable when the root cannot be looked at."""
    try:
        top = root.resolve(strict=True)
        status = top.stat()
    except (OSError, RuntimeError) as e:
        why = (getattr(e, "strerror", None) or "an error").lower()
        raise Unreadable(str(root), why, "a folder of artifacts") from None
    tree = Tree(top if stat.S_ISDIR(status.st_mode) else top.parent)
    reach = _above(tree.root)
    if stat.S_ISREG(status.st_mode):
        tree.files[_shown(top.name)] = _file(_shown(top.name), top, status, reach)
        return tree
    if not stat.S_ISDIR(status.st_mode):
        raise Unreadable(str(root), "a special file", "a folder of artifacts")
    loose: list[tuple[str, Path]] = []
    for path, real, seen, around in _entries(tree, reach):
        if stat.S_ISLNK(seen.st_mode):
            loose.append((path, real))
        elif stat.S_ISREG(seen.st_mode):
            if len(tree.files) >= limits.files:
                detail = f"over {limits.files} files; the rest was not looked at"
                tree.misses.append(Miss(path, GapCode.TOO_LARGE, detail))
                break
            tree.files[path] = _file(path, real, seen, around)
            if progress is not None and not len(tree.files) % 500:
                progress("files", len(tree.files), 0)
    _resolve(tree, loose)
    return tree


def _entries(tree: Tree, reach: _Reach) -> Iterator[tuple[str, Path, os.stat_result, _Reach]]:
    """Files and links, folder by folder in the order of names."""
    stack: list[tuple[str, Path, _Reach, int]] = [("", tree.root, reach, 0)]
    while stack:
        folder, real, around, depth = stack.pop()
        try:
            with os.scandir(real) as listing:
                entries = sorted(listing, key=lambda e: e.name)
            here = _enter(around, real.lstat())
        except OSError as e:
            if not folder:
                raise Unreadable(str(tree.root), (e.strerror or "an error").lower(), "a folder to list") from None
            tree.misses.append(_refused(folder, e, "when listing it"))
            continue
        below = []
        for entry in entries:
            path = f"{folder}/{_shown(entry.name)}" if folder else _shown(entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as e:
                tree.misses.append(_refused(path, e, "when looking at it"))
                continue
            if not stat.S_ISDIR(status.st_mode):
                yield path, Path(entry.path), status, here
            elif entry.name in SKIPPED:
                tree.skipped += 1
            elif depth >= MAX_DEPTH:
                detail = f"folders nest deeper than {MAX_DEPTH} levels"
                tree.misses.append(Miss(path, GapCode.TOO_LARGE, detail))
            else:
                below.append((path, Path(entry.path), here, depth + 1))
        stack.extend(reversed(below))


def _shown(name: str) -> str:
    """A name that can be written out: bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _refused(path: str, error: OSError, when: str) -> Miss:
    gone = isinstance(error, FileNotFoundError)
    return Miss(path, GapCode.ABSENT if gone else GapCode.DENIED, f"{(error.strerror or 'an error').lower()} {when}")


def _above(root: Path) -> _Reach:
    """What the folders above the root allow; one that cannot be asked is taken to let everybody through."""
    through = True
    for folder in root.parents:
        try:
            through = through and bool(folder.stat().st_mode & stat.S_IXOTH)
        except OSError:
            continue
    return _Reach(through, others=False, group=False)


def _enter(around: _Reach, folder: os.stat_result) -> _Reach:
    """What the folder itself adds. Where the sticky bit is set, nobody replaces another's file."""
    sticky = bool(folder.st_mode & stat.S_ISVTX)
    return _Reach(
        around.through and bool(folder.st_mode & stat.S_IXOTH),
        not sticky and bool(folder.st_mode & stat.S_IWOTH),
        not sticky and bool(folder.st_mode & stat.S_IWGRP),
    )


def _file(path: str, real: Path, status: os.stat_result, reach: _Reach) -> File:
    return File(
        path,
        real,
        status.st_size,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        (status.st_dev, status.st_ino),
        reach.through,
        reach.others,
        reach.group,
    )


def _resolve(tree: Tree, loose: list[tuple[str, Path]]) -> None:
    """A link to a file of the tree is another name of it, as in a cache of Hugging Face; any other link is a gap."""
    for path, real in loose:
        try:
            target = real.resolve(strict=True)
        except (OSError, RuntimeError):
            tree.misses.append(Miss(path, GapCode.LINK, "a link that leads nowhere"))
            continue
        if not target.is_relative_to(tree.root):
            tree.misses.append(Miss(path, GapCode.LINK, "a link that leaves the folder, which is not followed"))
            continue
        inside = _shown(target.relative_to(tree.root).as_posix())
        if inside in tree.files:
            tree.links[path] = inside


def open_file(file: File) -> int:
    """A descriptor of the very file that was found. Raises OSError; another file in its place is one too."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(file.real, flags)
    seen = os.fstat(descriptor)
    if (seen.st_dev, seen.st_ino) != file.identity or not stat.S_ISREG(seen.st_mode):
        os.close(descriptor)
        raise OSError(0, "it was replaced while it was read")
    return descriptor


class Opened:
    """A file as the readers of formats take it. Nothing is read but what they ask for."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.read = 0

    @property
    def size(self) -> int:
        """Its length, as it was when it was found."""
        return self._size

    def at(self, offset: int, length: int) -> bytes:
        """A piece of it."""
        if offset < 0 or length <= 0 or offset >= self._size:
            return b""
        data = os.pread(self._descriptor, min(length, self._size - offset), offset)
        self.read += len(data)
        return data
