"""A log in a folder: the default place. Several processes may write to it; a lock of the kernel lets one at a time.

`log.json` the settings · `journal/` · `public/` the tree that may be served as it is · `sealed/` the erasable store ·
`lock`, `publishing.lock`. Everything is the owner's alone: what is public is for a server to hand out.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from strongroom.kit.tlog.checkpoint import parse
from strongroom.kit.tlog.note import parse as parse_note
from strongroom.ledger import disk, journal
from strongroom.ledger.journal import Journal
from strongroom.ledger.record import Record
from strongroom.ledger.storage import CHECKPOINT
from strongroom.model.errors import BadInput, LogUnavailable, Malformed, NotFound

SETTINGS = "log.json"
COPY = "published.checkpoint"  # the published checkpoint again: it names all that the tiles hold


class FileStorage:
    """A `Storage` in a folder."""

    def __init__(self, path: Path) -> None:
        self._root = path
        self._public = path / "public"
        self._journal = Journal(path / "journal")
        self._said: list[str] = []
        self._cleared = False
        self._named = False

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._root)

    def create(self, settings: bytes, checkpoint: bytes) -> None:
        """Make the folder with an empty log in it; it gets its name when it is whole."""
        root = self._root
        if os.path.lexists(root):
            raise BadInput(f"log {root}", "something that is there already", "a new folder", "choose another path")
        building = root.with_name(f"{disk.TEMPORARY}{root.name}-{secrets.token_hex(4)}")
        try:
            disk.make_folders(root.parent)
            for folder in (building, building / "journal", building / "public", building / "sealed"):
                folder.mkdir(mode=0o700)
            journal.create(building / "journal", 0, checkpoint)
            disk.replace(building / COPY, checkpoint)
            (building / "public" / CHECKPOINT).hardlink_to(building / COPY)
            disk.sync_folder(building / "public")
            disk.replace(building / SETTINGS, settings)
            disk.sync_folder(building)
            building.rename(root)  # A folder that is not empty is never replaced: of two that create, one fails.
            disk.sync_folder(root.parent)
        except OSError as e:
            shutil.rmtree(building, ignore_errors=True)
            if e.errno in {errno.EEXIST, errno.ENOTEMPTY}:
                raise BadInput(f"log {root}", "something that is there already", "a new folder") from None
            raise disk.unavailable(root, e) from None

    def settings(self) -> bytes:
        """The settings as they were given."""
        try:
            return (self._root / SETTINGS).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"log {self._root}", "no log", "a log", f"strongroom log init --log {self._root}") from None
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    @contextlib.contextmanager
    def exclusive(self, seconds: float) -> Iterator[None]:
        """Hold the lock. Raises LogUnavailable."""
        with contextlib.ExitStack() as stack:
            try:
                held = stack.enter_context(disk.lock(self._root / "lock", seconds))
            except OSError as e:
                raise disk.unavailable(self._root, e) from None
            if not held:
                raise LogUnavailable(
                    f"log {self._root}", f"another writer for {seconds:g} seconds", "its lock", "try again"
                )
            yield

    def records(self, start: int) -> Iterator[Record]:
        """See `Storage`. Whoever made the log may have been cut off before its name was synced."""
        if not self._named:
            try:
                with contextlib.suppress(PermissionError):  # A writer need not be able to see what else is there.
                    disk.sync_folder(self._root.parent)
            except OSError as e:
                raise disk.unavailable(self._root, e) from None
            self._named = True
        return self._journal.records(start)

    def commit(self, record: Record) -> None:
        """See `Storage`."""
        self._journal.commit(record)

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """See `Storage`."""
        return self._journal.committed(start, end)

    def forget(self, size: int) -> None:
        """Delete segments below a size; under the lock, as a writer may begin a segment meanwhile."""
        try:
            with disk.lock(self._root / "lock", 10) as held:
                if held:
                    self._journal.forget(size)
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    def repairs(self) -> tuple[str, ...]:
        """What was repaired since the last call."""
        said = (*self._said, *self._journal.repaired)
        self._said.clear()
        self._journal.repaired.clear()
        return said

    @contextlib.contextmanager
    def publishing(self) -> Iterator[bool]:
        """Be the one that publishes, and clear up after one that was cut off."""
        try:
            with disk.lock(self._root / "publishing.lock", 0) as held:
                if held:
                    self._clear_up()
                yield held
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    def _clear_up(self) -> None:
        if self._cleared:
            return
        self._cleared = True
        for left in list(disk.temporaries(self._public)):
            left.unlink(missing_ok=True)
            self._said.append(f"{left.name} removed, which a write that was cut off had left")

    def read(self, path: str) -> bytes:
        """The bytes of an object."""
        try:
            return (self._public / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            if path == CHECKPOINT:
                return self._restored()
            raise self._missing(path) from None
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    def _missing(self, path: str) -> NotFound:
        return NotFound(f"log {self._root}", f"no {path}", "an object of the log", "strongroom log audit")

    def _restored(self) -> bytes:
        try:
            data = (self._root / COPY).read_bytes()
            disk.replace(self._public / CHECKPOINT, data)
        except FileNotFoundError:
            raise self._missing(CHECKPOINT) from None
        except OSError as e:
            raise disk.unavailable(self._root, e) from None
        self._said.append("the published checkpoint was missing and was made again from its copy")
        return data

    def write(self, objects: Mapping[str, bytes]) -> None:
        """See `Storage`."""
        try:
            disk.add(self._public, objects)
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    def publish(self, checkpoint: bytes) -> None:
        """See `Storage`. A smaller checkpoint never takes the place of a larger one."""
        try:
            there = self._public / CHECKPOINT
            if there.exists() and _size(there.read_bytes()) > _size(checkpoint):
                return
            disk.replace(self._root / COPY, checkpoint)
            disk.replace(self._public / CHECKPOINT, checkpoint)
        except OSError as e:
            raise disk.unavailable(self._root, e) from None

    def prune(self, paths: tuple[str, ...]) -> None:
        """Delete the folders of partial objects; what cannot be deleted is in nobody's way."""
        for folder in sorted({(self._public / path).parent for path in paths}):
            if folder.suffix == ".p":
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()


def _size(note: bytes) -> int:
    """The size that a checkpoint states; -1 for what is none, which anything may replace."""
    try:
        return parse(parse_note(note).text).size
    except Malformed:
        return -1
