"""What a node knows of its handovers: those that are not done, whose cordon it has, how far its log was read, its firmware.

One file for each node, beside the reports. It is changed by one process at a time, whole or not at all: a machine that falls in
the middle of a handover comes up with that handover still open, and its GPUs not ready.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strongroom.model.errors import Malformed, StateError
from strongroom.model.handover import Cordon, Known, Mark
from strongroom.model.handover import Path as Handover

SCHEMA = "strongroom.handovers/1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)


class Book(msgspec.Struct, frozen=True):
    """All of it. `marks` and `known` are by the UUID of a GPU."""

    schema: str = SCHEMA
    cordon: Cordon | None = None
    opened: tuple[Handover, ...] = ()
    marks: dict[str, Mark] = {}
    known: dict[str, Known] = {}


class Page:
    """The book while one process has it; what is put into `book` stands when the block ends well."""

    def __init__(self, book: Book) -> None:
        """As it was read."""
        self.book = book


class Books:
    """The books of nodes, in a folder."""

    def __init__(self, folder: Path, node: str) -> None:
        """Raises Malformed where the node has a name that none has."""
        if not _NAME.fullmatch(node):
            raise Malformed("--node", repr(node[:60]), "the name of one node")
        self._path = folder / f"handovers-{node}.json"

    def read(self) -> Book:
        """As it stands. Raises StateError where it cannot be read: then nothing is known, and nothing is ready."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return Book()
        except OSError as e:
            raise self._cannot(e) from None
        try:
            return msgspec.json.decode(data, type=Book)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise StateError(str(self._path), "what is no record of handovers", SCHEMA, _HINT) from None

    @contextlib.contextmanager
    def changing(self) -> Iterator[Page]:
        """The book, while nobody else changes it. Raises StateError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.with_suffix(".lock").open("a+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                page = Page(self.read())
                yield page
                self._write(page.book)
        except OSError as e:
            raise self._cannot(e) from None

    def _write(self, book: Book) -> None:
        partial = self._path.with_name(f".{self._path.name}.partial")
        with partial.open("wb") as f:
            f.write(msgspec.json.format(msgspec.json.encode(book), indent=1) + b"\n")
            f.flush()
            os.fsync(f.fileno())
        partial.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _cannot(self, error: OSError) -> StateError:
        return StateError(
            str(self._path), (error.strerror or "an error").lower(), "a file that can be read and written"
        )


_HINT = "look at the log, put the file aside, and hand each GPU over again"
