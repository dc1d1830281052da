"""A sealed artifact as a folder that can only be read (FUSE). Nothing is written anywhere; segments are opened as they are asked for.

What was read stays in the kernel's page cache until memory is short or the folder is unmounted: clean pages of a file,
which are dropped and never swapped. Whoever is not the owner of the mount sees nothing, root included.
"""

import errno
import importlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from strongroom.kit.sealed import Entry
from strongroom.model.errors import Malformed, NotFound, StrongroomError, Unreadable
from strongroom.seal.reading import Unsealed
from strongroom.seal.sealing import Work
from strongroom.seal.windows import Window

_ENDED = 8  # what fuse_main(3) answers where the loop did not end by unmounting
_THREADS = 4
Tell = Callable[[str], object]


class Folder:
    """The operations of a file system over an artifact, by the names that FUSE has for them."""

    use_ns = True

    def __init__(self, held: Unsealed, work: Work, tell: Tell, ready: Callable[[], object]) -> None:
        """`tell` hears of every read that failed: a program that maps a file only sees a signal."""
        self._held, self._work, self._tell, self._ready = held, work, tell, ready
        self._files: dict[str, Entry] = {}
        self._folders: dict[str, list[str]] = {"/": []}
        self._windows: dict[str, Window] = {}
        self._lock = threading.Lock()
        self.was_ready = False
        self._at = int(held.index.sealed_at.timestamp()) * 1_000_000_000
        for entry in held.index.files:
            self._add(entry.path)
            self._files[f"/{entry.path}"] = entry
        for folder in held.index.folders:
            self._add(folder)
            self._folders.setdefault(f"/{folder}", [])

    def _add(self, path: str) -> None:
        parts = path.split("/")
        above = "/"
        for n, name in enumerate(parts, 1):
            if name not in self._folders[above]:
                self._folders[above].append(name)
            above = "/" + "/".join(parts[:n])
            if n < len(parts):
                self._folders.setdefault(above, [])

    def init(self, _path: str) -> None:
        """It is mounted."""
        self.was_ready = True
        self._ready()

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
        """What stat(2) answers."""
        times = {"st_mtime": self._at, "st_ctime": self._at, "st_atime": self._at}
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        if path in self._folders:
            return {"st_mode": stat.S_IFDIR | 0o500, "st_nlink": 2, "st_size": 0, **owner, **times}
        entry = self._entry(path)
        mode = stat.S_IFREG | (0o500 if entry.executable else 0o400)
        blocks = -(-entry.size // 512)
        return {"st_mode": mode, "st_nlink": 1, "st_size": entry.size, "st_blocks": blocks, **owner, **times}

    def readdir(self, path: str, _handle: int) -> Iterator[str]:
        """The names in a folder."""
        if path not in self._folders:
            raise OSError(errno.ENOENT, "no such folder")
        yield from (".", "..", *self._folders[path])

    def open(self, path: str, flags: int) -> int:
        """Let a file be read, once its ends are found to be its own; nothing can be written."""
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, "read-only")
        self._window(path)
        return 0

    def read(self, path: str, size: int, offset: int, _handle: int) -> bytes:
        """Octets, each authenticated."""
        try:
            return self._window(path).at(offset, size)
        except StrongroomError as e:
            self._tell(str(e))
            raise OSError(errno.EIO, "not as it was sealed") from None

    def statfs(self, _path: str) -> dict[str, int]:
        """How large it is; nothing is free."""
        blocks = sum(-(-e.size // 4096) for e in self._files.values())
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": blocks, "f_files": len(self._files), "f_namemax": 255}

    def _entry(self, path: str) -> Entry:
        found = self._files.get(path)
        if found is None:
            raise OSError(errno.ENOENT, "no such file")
        return found

    def _window(self, path: str) -> Window:
        entry = self._entry(path)
        with self._lock:
            found = self._windows.get(path)
            if found is None:
                try:
                    found = self._windows[path] = Window(self._held.payload(entry), self._work)
                except (Malformed, Unreadable) as e:
                    self._tell(str(e))
                    raise OSError(errno.EIO, "not as it was sealed") from None
            return found

    def close(self) -> None:
        """Wipe what was kept."""
        for window in self._windows.values():
            window.close()


def mount(held: Unsealed, work: Work, place: Path, tell: Tell, ready: Callable[[], object]) -> None:
    """Show an artifact at an empty folder until it is unmounted, or this process is told to end (SIGINT, SIGTERM, SIGHUP).

    `ready` is called when it is there. Only the main thread may call this.

    Raises:
        NotFound: the extra is not installed.
        Unreadable: the place is no empty folder, or this system does not let it be mounted there.
    """
    fuse = _fuse()
    _empty(place)
    folder = Folder(held, work, tell, ready)
    options = {
        "foreground": True,
        "ro": True,
        "nosuid": True,
        "nodev": True,
        "default_permissions": True,
        "max_threads": _THREADS,
    }
    try:
        fuse.FUSE(folder, str(place), fsname="strongroom", subtype="sealed", **options)
    except RuntimeError as e:
        if folder.was_ready and e.args == (_ENDED,):  # a signal ended it: it is unmounted
            return
        hint = "is /dev/fuse there, and fusermount3 on the path?"
        raise Unreadable(str(place), f"no mount (code {e})", "a system with FUSE", hint) from None
    finally:
        folder.close()


def _fuse() -> ModuleType:
    try:
        return importlib.import_module("mfusepy")
    except ImportError:
        raise NotFound("mount", "no package mfusepy", "the package", "pip install 'strongroom[fuse]'") from None
    except OSError:  # it looks for libfuse when it is imported
        raise NotFound("mount", "no libfuse", "the library", "apt-get install fuse3 libfuse3-3") from None


def _empty(place: Path) -> None:
    try:
        full = any(place.iterdir())
    except OSError as e:
        raise Unreadable(str(place), (e.strerror or "an error").lower(), "an empty folder") from None
    if full:
        raise Unreadable(str(place), "a folder with something in it", "an empty one: what is in it would be hidden")
