"""A sealed artifact for programs that read by fsspec: pandas, pyarrow, datasets. Read-only, and nothing is written anywhere."""

import importlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from strongroom.kit.sealed import Entry
from strongroom.model.errors import NotFound, StrongroomError
from strongroom.seal.reading import Unsealed
from strongroom.seal.sealing import Work
from strongroom.seal.windows import Window

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Info = dict[str, object]


def filesystem(held: Unsealed, work: Work | None = None) -> "AbstractFileSystem":
    """The file system of an open artifact; paths are those of its files. It is good for as long as the artifact is open.

    Its methods raise FileNotFoundError, NotADirectoryError and IsADirectoryError as those of any file system do, OSError for
    whatever is not as it was sealed, and PermissionError for every kind of writing.

    Raises NotFound where fsspec is not installed.
    """
    try:
        fsspec = importlib.import_module("fsspec")
    except ImportError:
        raise NotFound("file system", "no package fsspec", "the package", "pip install 'strongroom[fsspec]'") from None
    made = _made(fsspec.AbstractFileSystem)
    return cast("AbstractFileSystem", made(_Tree(held, work), skip_instance_cache=True))


class _Tree:
    """What is where in an artifact."""

    def __init__(self, held: Unsealed, work: Work | None) -> None:
        self._held, self._work = held, work
        self.files = {e.path: e for e in held.index.files}
        self.folders = {""}
        for path in (*(p.rpartition("/")[0] for p in self.files), *held.index.folders):
            parts = path.split("/")
            self.folders.update("/".join(parts[:n]) for n in range(1, len(parts) + 1))

    def info(self, path: str) -> Info:
        """What is at a path."""
        if path in self.folders:
            return {"name": path, "size": 0, "type": "directory"}
        entry = self.entry(path)
        return {"name": path, "size": entry.size, "type": "file", "mtime": self._held.index.sealed_at}

    def entry(self, path: str) -> Entry:
        """A file."""
        found = self.files.get(path)
        if found is None:
            raise IsADirectoryError(path) if path in self.folders else FileNotFoundError(path)
        return found

    def below(self, path: str) -> list[Info]:
        """What is in a folder, or the file itself."""
        if path in self.files:
            return [self.info(path)]
        if path not in self.folders:
            raise FileNotFoundError(path)
        head = f"{path}/" if path else ""
        names = {p for p in (*self.files, *self.folders) if p and p.startswith(head) and "/" not in p[len(head) :]}
        return [self.info(p) for p in sorted(names - {path})]

    def opened(self, path: str) -> "SealedFile":
        """A file to be read."""
        return SealedFile(Window(self._held.payload(self.entry(path)), self._work))


class SealedFile(io.RawIOBase):
    """A file of an artifact, as Python has files. What is read was authenticated; what cannot be is an OSError."""

    def __init__(self, window: Window) -> None:
        """`filesystem` makes one."""
        super().__init__()
        self._window, self._at = window, 0

    @property
    def size(self) -> int:
        """Octets."""
        return self._window.size

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Any place of it can be gone to."""
        return True

    def tell(self) -> int:
        """Where it is read next."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, out: "memoryview | bytearray") -> int:  # type: ignore[override] # what is read into can be written
        """Fill a buffer, as far as there is something left."""
        view = memoryview(out).cast("B")
        take = max(0, min(len(view), self.size - self._at))
        try:
            self._window.read_into(self._at, view[:take])
        except StrongroomError as e:
            raise OSError(str(e)) from None
        self._at += take
        return take

    def close(self) -> None:
        """Wipe what was kept."""
        if not self.closed:
            self._window.close()
        super().close()


def _made(base: type) -> Callable[..., object]:
    """The class, below that of fsspec, which is imported by nobody who does not ask for it."""

    class SealedFileSystem(base):  # type: ignore[misc] # a class of fsspec, which is known at the call only
        """A sealed artifact by fsspec."""

        protocol = "strongroom"
        cachable = False  # the cache of instances would keep an artifact open

        def __init__(self, tree: _Tree, **options: object) -> None:
            super().__init__(**options)
            self._tree = tree

        def info(self, path: str, **_: object) -> Info:
            """What is at a path."""
            return self._tree.info(self._plain(path))

        def ls(self, path: str, detail: bool = True, **_: object) -> list[Info] | list[object]:  # noqa: FBT002 - the signature of fsspec
            """What is in a folder."""
            found = self._tree.below(self._plain(path))
            return found if detail else [f["name"] for f in found]

        def _open(self, path: str, mode: str = "rb", **_: object) -> io.BufferedReader:
            if mode != "rb":
                raise PermissionError(f"a sealed artifact is not opened by mode {mode!r}")
            return io.BufferedReader(self._tree.opened(self._plain(path)), 1 << 20)

        def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
            """Octets of a file, as a slice counts them."""
            with self._tree.opened(self._plain(path)) as f:
                first, last, _step = slice(start, end).indices(f.size)
                f.seek(first)
                out = bytearray(max(0, last - first))
                f.readinto(out)
                return bytes(out)

        def _refused(self, *_: object, **__: object) -> None:
            raise PermissionError("a sealed artifact is not written to")

        mkdir = makedirs = rmdir = rm = rm_file = mv = cp_file = touch = pipe_file = put_file = _refused

        def _plain(self, path: str) -> str:
            return str(self._strip_protocol(path)).strip("/")

    return SealedFileSystem
