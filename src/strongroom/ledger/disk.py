"""Writing that survives: every function returns once the bytes, and the names that lead to them, are on the disk.

A crash leaves a file as it was or as it was to be. `fsync` of a file does not make its name durable; that of its folder
does, and a new folder's name is in its parent. A name that begins with `TEMPORARY` is of a write that was cut off.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from strongroom.model.errors import LogDamaged, LogUnavailable

TEMPORARY = ".new-"
_SPACE = "free space, and the right to write; what was acknowledged is safe, so try again then"


def unavailable(subject: Path | str, error: OSError) -> LogUnavailable:
    """What the log says when the system refuses."""
    return LogUnavailable(f"log {subject}", (error.strerror or type(error).__name__).lower(), "a durable write", _SPACE)


def let_go(descriptor: int) -> None:
    """Close a file of which all that must be durable was synced: it is closed whatever `close` answers (close(2))."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        let_go(descriptor)


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write every byte: a write may stop short, as it does when the disk is nearly full."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        write_all(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        let_go(descriptor)


def replace(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put a file in the place of whatever has its name, or leave that as it is. Raises OSError."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    _write_new(temporary, data, mode)
    temporary.rename(path)
    sync_folder(path.parent)


def create(path: Path, data: bytes) -> None:
    """Make a file that is not there yet, whole. Raises FileExistsError, and OSError as the system refuses."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    _write_new(temporary, data, 0o600)
    try:
        os.link(temporary, path)  # A link never takes the place of a file, as a rename would.
    finally:
        temporary.unlink()


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, each with its name durable. Raises OSError."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    sync_folder(folder.parent)


def add(root: Path, files: Mapping[str, bytes]) -> None:
    """Add files that are never changed; one that is there must have the same bytes.

    Raises:
        LogDamaged: one is there with other bytes.
        OSError: the system refuses; what was written before stays, and is right.
    """
    touched: dict[Path, None] = {}
    for name, data in files.items():
        path = root / name
        touched[path.parent] = None
        if path.exists():
            _same(path, data)
            continue
        make_folders(path.parent)
        try:
            create(path, data)
        except FileExistsError:
            _same(path, data)
    # A file or a folder may be there from a run that was cut off before its name was synced: every name is.
    above = {folder for path in touched for folder in path.parents if folder.is_relative_to(root)}
    for folder in (*touched, *sorted(above.difference(touched), reverse=True)):
        sync_folder(folder)


def _same(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise LogDamaged(str(path), "other bytes than the journal makes", "the tile of the tree that was signed")


def temporaries(root: Path) -> Iterable[Path]:
    """What writes that were cut off have left."""
    return root.rglob(f"{TEMPORARY}*")


@contextlib.contextmanager
def lock(path: Path, seconds: float) -> Iterator[bool]:
    """Hold the lock of a file; the kernel takes it back when the process ends, however it ends.

    Gives False, at once for 0 seconds, when another process or another open lock of this one keeps it for that long.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield _take(descriptor, seconds)
    finally:
        let_go(descriptor)


def _take(descriptor: int, seconds: float) -> bool:
    deadline, pause = time.monotonic() + seconds, 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        else:
            return True
