"""A disk that forgets: what a power cut or a failed sync may leave of files that were written through `os`.

It stands in for the calls of `os` that change files below one folder, lets each through to the real folder, and keeps
account of what is durable: the bytes of a file once it was synced, a name once its folder was. `after_cut` gives a folder
as a power cut would leave it: of what was not synced each sector is there or not, and of the names some are.

A sync that fails is the worst there is: the kernel takes the pages for clean, so that a later sync does not write them.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

SECTOR = 512  # bytes that a device writes as one


class Cut(NamedTuple):
    """How much of what was not synced a power cut leaves: each part with this chance."""

    chance: float
    seed: int


NOTHING, ALL = Cut(0, 0), Cut(1, 0)
FAILS = {"open", "pwrite", "ftruncate", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir"}

Hook = Callable[[str, str], int | None]
"""Is asked before each call, with its name and its path below the folder: an errno to fail with, or None."""

Image = dict[str, bytes | None]
"""The files of a folder by their paths, and its folders, whose paths end in a slash."""


def make(image: Image, target: Path) -> Path:
    """Make the folder that an image is of."""
    for path, data in image.items():
        if data is None:
            (target / path).mkdir()
        else:
            (target / path).write_bytes(data)
    return target


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder of our own, in memory where that is possible: the disk that fails is made up anyway."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _File:
    def __init__(self, data: bytes = b"") -> None:
        self.cache = bytearray(data)
        self.durable = bytearray(data)
        self.dirty: set[int] = set()
        self.resized = False

    def write(self, data: bytes, offset: int) -> None:
        if len(self.cache) < offset + len(data):
            self.cache.extend(bytes(offset + len(data) - len(self.cache)))
            self.resized = True
        self.cache[offset : offset + len(data)] = data
        self.dirty |= set(range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1))

    def resize(self, size: int) -> None:
        self.dirty |= set(range(size // SECTOR, len(self.cache) // SECTOR + 1))
        self.cache = self.cache[:size].ljust(size, b"\0")
        self.resized = True

    def left(self, chance: random.Random | None, cut: Cut) -> bytearray:
        """What is on the disk when of the dirty sectors only some get there; all without `chance`."""

        def survives() -> bool:
            return chance is None or chance.random() < cut.chance

        data = bytearray(self.durable)
        size = len(self.cache) if self.resized and survives() else len(data)
        data = data[:size].ljust(size, b"\0")
        for sector in sorted(self.dirty):
            at = slice(sector * SECTOR, min(size, (sector + 1) * SECTOR))
            if survives() and at.start < size:
                data[at] = self.cache[at].ljust(at.stop - at.start, b"\0")
        return data

    def sync(self) -> None:
        self.durable = self.left(None, ALL)
        self.dirty, self.resized = set(), False

    def fail_to_sync(self, chance: random.Random, cut: Cut) -> None:
        self.durable = self.left(chance, cut)
        self.dirty = set()
        self.resized = len(self.durable) != len(self.cache)


class _Folder:
    def __init__(self) -> None:
        self.now: dict[str, _Node] = {}
        self.durable: dict[str, _Node] = {}
        self.pending: list[dict[str, _Node | None]] = []

    def change(self, names: "dict[str, _Node | None]") -> None:
        self.pending.append(names)
        _apply(self.now, names)

    def left(self, chance: random.Random, cut: Cut) -> "dict[str, _Node]":
        found = dict(self.durable)
        for names in self.pending:  # a journal of metadata keeps the order of one folder
            if chance.random() >= cut.chance:
                break
            _apply(found, names)
        return found

    def sync(self) -> None:
        self.durable, self.pending = dict(self.now), []


_Node = _File | _Folder


def _apply(entries: dict[str, _Node], names: dict[str, _Node | None]) -> None:
    for name, node in names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _loaded(folder: Path, known: dict[int, _File]) -> _Folder:
    made = _Folder()
    for path in folder.iterdir():
        if path.is_dir():
            made.now[path.name] = _loaded(path, known)
        else:
            made.now[path.name] = known.setdefault(path.stat().st_ino, _File(path.read_bytes()))
    made.sync()
    return made


class LossyDisk:
    """The calls of `os` on files below a folder."""

    def __init__(self, base: Path) -> None:
        """Take all that is in the folder as durable."""
        self._base = base
        self._top = _Folder()  # holds the base by an empty name, so that every node has a folder
        self._top.change({"": _loaded(base, {})})
        self._held: dict[int, tuple[_Node, str]] = {}
        self.hook: Hook = lambda _name, _path: None
        self.short = 0  # the most bytes that one write takes, if any
        self.failed_sync = NOTHING  # what a sync that fails has made durable
        self._real = {name: getattr(os, name) for name in (*FAILS, "close", "rmdir")}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Stand in for the calls of `os`."""
        with ExitStack() as stack:
            for name in self._real:
                stack.enter_context(mock.patch.object(os, name, getattr(self, f"do_{name}")))
            yield

    def after_cut(self, cut: Cut) -> Image:
        """What a power cut now would leave."""
        chance = random.Random(cut.seed)
        contents: dict[int, bytes] = {}
        image: Image = {}

        def add(folder: _Folder, path: str) -> None:
            image[path] = None
            for name, node in sorted(folder.left(chance, cut).items()):
                if isinstance(node, _Folder):
                    add(node, f"{path}{name}/")
                else:
                    image[f"{path}{name}"] = contents.setdefault(id(node), bytes(node.left(chance, cut)))

        base = self._top.now[""]
        assert isinstance(base, _Folder)
        add(base, "")
        return image

    def _find(self, path: str | Path, dir_fd: int | None = None) -> tuple[_Folder, str] | None:
        """The folder and the name of a path, if it is below the base."""
        at = self._top
        names: tuple[str, ...] = Path(path).parts
        if dir_fd is not None:
            held = self._held.get(dir_fd, (None, ""))[0]
            if not isinstance(held, _Folder):
                return None
            at = held
        elif Path(path).is_relative_to(self._base):
            names = ("", *Path(path).relative_to(self._base).parts)
        else:
            return None
        for name in names[:-1]:
            node = at.now.get(name)
            if not isinstance(node, _Folder):
                return None
            at = node
        return at, names[-1]

    def _ask(self, name: str, path: str) -> None:
        if (error := self.hook(name, path.removeprefix(f"{self._base}/"))) is not None:
            raise OSError(error, os.strerror(error), path)

    def do_open(self, path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        found = self._find(path, dir_fd)
        if found is None:
            return int(self._real["open"](path, flags, mode, dir_fd=dir_fd))
        self._ask("open", str(path))
        descriptor = int(self._real["open"](path, flags, mode, dir_fd=dir_fd))
        folder, name = found
        if name not in folder.now:
            folder.change({name: _File()})
        node = folder.now[name]
        if flags & os.O_TRUNC and isinstance(node, _File):
            node.resize(0)
        self._held[descriptor] = node, str(path)
        return descriptor

    def do_close(self, descriptor: int) -> None:
        self._held.pop(descriptor, None)
        self._real["close"](descriptor)

    def do_pwrite(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        node, path = self._held.get(descriptor, (None, ""))
        if not isinstance(node, _File):
            return int(self._real["pwrite"](descriptor, data, offset))
        self._ask("pwrite", path)
        taken = bytes(data[: self.short] if self.short else data)
        node.write(taken, offset)
        return int(self._real["pwrite"](descriptor, taken, offset))

    def do_ftruncate(self, descriptor: int, size: int) -> None:
        node, path = self._held.get(descriptor, (None, ""))
        if isinstance(node, _File):
            self._ask("ftruncate", path)
            node.resize(size)
        self._real["ftruncate"](descriptor, size)

    def _sync(self, name: str, descriptor: int) -> None:
        node, path = self._held.get(descriptor, (None, ""))
        if node is None:
            return  # no test cuts the power of the real device
        try:
            self._ask(name, path)
        except OSError:
            if isinstance(node, _File):
                node.fail_to_sync(random.Random(self.failed_sync.seed), self.failed_sync)
            raise
        node.sync()  # the real device is left alone

    def do_fsync(self, descriptor: int) -> None:
        self._sync("fsync", descriptor)

    def do_fdatasync(self, descriptor: int) -> None:
        self._sync("fdatasync", descriptor)

    def do_rename(self, old: str | Path, new: str | Path) -> None:
        source, target = self._find(old), self._find(new)
        if source is None or target is None:
            self._real["rename"](old, new)
            return
        self._ask("rename", str(new))
        self._real["rename"](old, new)
        assert source[0] is target[0]  # within one folder: then it is one change
        source[0].change({source[1]: None, target[1]: source[0].now[source[1]]})

    def do_link(self, old: str | Path, new: str | Path, **rest: bool) -> None:
        source, target = self._find(old), self._find(new)
        if source is not None and target is not None:
            self._ask("link", str(new))
        self._real["link"](old, new, **rest)
        if source is not None and target is not None:
            target[0].change({target[1]: source[0].now[source[1]]})

    def _remove(self, call: str, path: str | Path, dir_fd: int | None) -> None:
        found = self._find(path, dir_fd)
        if found is not None:
            self._ask("unlink", str(path))
        self._real[call](path, dir_fd=dir_fd)
        if found is not None:
            found[0].change({found[1]: None})

    def do_unlink(self, path: str | Path, *, dir_fd: int | None = None) -> None:
        self._remove("unlink", path, dir_fd)

    def do_rmdir(self, path: str | Path, *, dir_fd: int | None = None) -> None:
        self._remove("rmdir", path, dir_fd)

    def do_mkdir(self, path: str | Path, mode: int = 0o777) -> None:
        found = self._find(path)
        if found is not None:
            self._ask("mkdir", str(path))
        self._real["mkdir"](path, mode)
        if found is not None:
            found[0].change({found[1]: _Folder()})
