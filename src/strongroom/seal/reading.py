"""Read a sealed artifact: what stands in clear without a key, and with it whatever is inside.

Files are opened below one descriptor of the folder and never through a link, so that nobody can show one file to whoever
verifies and another to whoever reads.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from strongroom.kit import sealed
from strongroom.kit.sealed import Artifact, Entry, Index, Role
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.seal import payload
from strongroom.seal.payload import Payload

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
MOST_SLOTS = 4 << 20


class Sealed:
    """An artifact on disk. A context manager."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable, Malformed, TooLarge: it is not there, or no artifact, or only the beginning of one."""
        self.path = path
        self._folder = _opened(path, None, os.O_DIRECTORY)
        self._held: list[int] = []
        with contextlib.ExitStack() as undone:
            undone.callback(self.close)
            self.artifact: Artifact = sealed.read_artifact(self.document(sealed.ARTIFACT_FILE, sealed.MOST_CLEAR))
            self.slots = self.document(sealed.SLOTS_FILE, MOST_SLOTS)
            undone.pop_all()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close its files."""
        for held in (*self._held, self._folder):
            os.close(held)
        self._held, self._folder = [], -1

    def document(self, name: str, most: int) -> bytes:
        """A file that stands in clear. Raises Unreadable, TooLarge."""
        with self._file(name) as descriptor:
            size = os.fstat(descriptor).st_size
            if size > most:
                raise TooLarge(f"{self.path}/{name}", f"{size} octets", f"at most {most}")
            held = b""
            while piece := os.read(descriptor, most):
                held += piece
        return held

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[int]:
        descriptor = _opened(Path(name), self._folder, 0, shown=f"{self.path}/{name}")
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def unlock(self, key: bytes) -> "Unsealed":
        """What is inside, by the artifact's key. Raises Malformed: another key, or an index that was changed; Unreadable."""
        descriptor = _opened(Path(sealed.INDEX_FILE), self._folder, 0, shown=f"{self.path}/{sealed.INDEX_FILE}")
        self._held.append(descriptor)
        size = self.artifact.parameters.opened(os.fstat(descriptor).st_size)
        if size > sealed.MOST_INDEX:
            raise TooLarge(sealed.INDEX_FILE, f"{size} octets", f"at most {sealed.MOST_INDEX}")
        held = payload.opened(
            descriptor,
            sealed.file_key(key, self.artifact, None),
            sealed.aad(self.artifact, Role.INDEX, None),
            size,
            sealed.INDEX_FILE,
            tag="",
            parameters=self.artifact.parameters,
        )
        return Unsealed(self, key, sealed.read_index(held.read(0, size), self.artifact))

    def payload_at(self, key: bytes, entry: Entry) -> Payload:
        """A message. Raises Malformed, Unreadable."""
        name = sealed.payload_file(entry.number)
        descriptor = _opened(Path(name), self._folder, 0, shown=f"{self.path}/{name}")
        self._held.append(descriptor)
        return payload.opened(
            descriptor,
            sealed.file_key(key, self.artifact, entry.number),
            sealed.aad(self.artifact, entry.role, entry.number),
            entry.size,
            f"{name} ({entry.path or entry.role.value})",
            tag=entry.tag,
            parameters=self.artifact.parameters,
        )


class Unsealed:
    """An artifact that is open: its index is authenticated, its files are as they are read."""

    def __init__(self, held: Sealed, key: bytes, index: Index) -> None:
        """`Sealed.unlock` makes one."""
        self.sealed, self.index = held, index
        self._key = key
        self._paths = {e.path: e for e in index.files}

    def entry(self, path: str) -> Entry:
        """The entry of a file. Raises Malformed where there is none of that path."""
        found = self._paths.get(path)
        if found is None:
            raise Malformed(str(self.sealed.path), f"no file {path[:200]!r}", f"one of {len(self._paths)} that it has")
        return found

    def payload(self, entry: Entry) -> Payload:
        """A file, whole by its ends; each segment is authenticated as it is read. Raises Malformed, Unreadable."""
        return self.sealed.payload_at(self._key, entry)

    def attached(self, role: Role) -> bytes | None:
        """A document that is attached, or None. Raises Malformed, Unreadable."""
        entry = self.index.attached(role)
        return self.payload(entry).read(0, entry.size) if entry is not None else None


def _opened(path: Path, folder: int | None, more: int, shown: str = "") -> int:
    try:
        descriptor = os.open(path, _OPEN | more, dir_fd=folder)
    except FileNotFoundError:
        hint = "an artifact that is still to be finished ends in .unfinished: strongroom seal create --resume"
        raise Unreadable(shown or str(path), "nothing there", "a sealed artifact", hint) from None
    except OSError as e:
        raise Unreadable(
            shown or str(path), (e.strerror or "an error").lower(), "a sealed artifact, with no links"
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISDIR(mode) if more else stat.S_ISREG(mode)):
        os.close(descriptor)
        raise Unreadable(shown or str(path), "no plain file", "a sealed artifact")
    return descriptor
