"""Evidence files, by content: each is a file named by its SHA-256, its owner's alone, and never changed."""

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from strongroom.model.errors import BadInput, NotFound, StateError, TooLarge, Unreadable

MAX_BYTES = 256 << 20
_PIECE = 1 << 20


def place(folder: Path, digest: str) -> Path:
    """Where the file of a digest is."""
    return folder / digest[:2] / digest


def keep(folder: Path, source: Path) -> tuple[str, int]:
    """Copy a file into the folder; its SHA-256 in hex and its size. What is there already stays as it is.

    Raises:
        Unreadable, TooLarge: the file cannot be taken.
        StateError: the folder cannot be written.
    """
    temporary = folder / f".new-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        out = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as e:
        raise _cannot(folder, e) from None
    try:
        with os.fdopen(out, "wb") as target:
            digest, size = _copy(source, target.write)
            target.flush()
            os.fsync(target.fileno())
        path = place(folder, digest)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        temporary.replace(path)
    except OSError as e:
        raise _cannot(folder, e) from None
    finally:
        temporary.unlink(missing_ok=True)
    return digest, size


def _cannot(folder: Path, error: OSError) -> StateError:
    return StateError(f"evidence in {folder}", (error.strerror or "an error").lower(), "a folder that can be written")


def _copy(source: Path, write: Callable[[bytes], object]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(source):
        size += len(piece)
        if size > MAX_BYTES:
            hint = "give a file of digests instead"
            raise TooLarge(str(source), f"over {MAX_BYTES >> 20} MiB", "a smaller file", hint)
        digest.update(piece)
        write(piece)
    if not size:
        raise BadInput(str(source), "an empty file", "evidence")
    return digest.hexdigest(), size


def _pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a regular file; a pipe or a device could go on for ever. Raises Unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable(str(path), "no regular file", "a file that can be read")
        while piece := file.read(_PIECE):
            yield piece


def verify(folder: Path, digest: str) -> None:
    """See that the file of a digest is there and is what it was.

    Raises:
        NotFound: it is not there.
        BadInput: its bytes are others.
        Unreadable: it cannot be read.
    """
    path = place(folder, digest)
    if not path.exists():
        raise NotFound(f"evidence {digest[:12]}", "no such file", f"{path}")
    found = hashlib.sha256()
    for piece in _pieces(path):
        found.update(piece)
    if found.hexdigest() != digest:
        raise BadInput(f"evidence {digest[:12]}", "other bytes", "those that were given")
