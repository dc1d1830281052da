"""Where a secret may be put: a new file that lies in memory, or an open descriptor; never a terminal, never a disk by mistake."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from strongroom.app.release_secret import Secret
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.seal import memory

_DISK_HINT = "name a place on a tmpfs such as /run or /dev/shm, or say --allow-disk"


class Sink(Protocol):
    """A place that was looked at before anything was asked for: a release may be good for once."""

    def put(self, secret: Secret) -> None:
        """Put the secret there, whole or not at all. Raises Unreadable."""


class _Nowhere:
    """The exit code says it all."""

    def put(self, secret: Secret) -> None:
        pass


class _File:
    """A file that has no name until all of it is there: whatever ends this process, nothing is left."""

    def __init__(self, path: Path, folder: int, descriptor: int) -> None:
        self._path = path
        self._folder = folder
        self._descriptor = descriptor

    def put(self, secret: Secret) -> None:
        """Write it, and give it its name: as open(2) says of O_TMPFILE, which never takes the place of another file."""
        _write(self._descriptor, secret, str(self._path))
        try:
            os.link(f"/proc/self/fd/{self._descriptor}", self._path.name, dst_dir_fd=self._folder, follow_symlinks=True)
        except OSError as e:
            raise _cannot(self._path, e) from None


class _Descriptor:
    def __init__(self, number: int) -> None:
        self._number = number

    def put(self, secret: Secret) -> None:
        """Write it."""
        _write(self._number, secret, f"descriptor {self._number}")


@contextlib.contextmanager
def opened(output: str | None, number: int | None, *, disk: bool = False) -> Iterator[Sink]:
    """The place that is named: a file that does not exist yet, a descriptor, or neither.

    Raises:
        BadUsage: both, a file that exists, a terminal, what lies on a disk (unless `disk`), or what is not open.
        Unreadable: the place cannot be written to.
    """
    if output is not None and number is not None:
        raise BadUsage("-o and --fd", "both", "one of them")
    if number is not None:
        yield _descriptor(number, disk=disk)
    elif output is None:
        yield _Nowhere()
    else:
        with contextlib.ExitStack() as held:
            yield _new(Path(output), held, disk=disk)


def _new(path: Path, held: contextlib.ExitStack, *, disk: bool) -> _File:
    if os.path.lexists(path):
        raise BadUsage("-o", f"{path}, which exists", "a file that does not: nothing is written over")
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, folder)
        if not disk and not memory.in_memory(os.fstat(folder).st_dev):
            raise BadUsage("-o", f"{path}, on a disk", "a file in memory", _DISK_HINT)
        made = os.open(f"/proc/self/fd/{folder}", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        held.callback(os.close, made)
    except OSError as e:
        raise _cannot(path, e) from None
    return _File(path, folder, made)


def _descriptor(number: int, *, disk: bool) -> _Descriptor:
    try:
        found = os.fstat(number)
    except (OSError, OverflowError):
        raise BadUsage("--fd", f"{number}, which is not open", "an open descriptor, as in --fd 3 3>PLACE") from None
    if os.isatty(number):
        raise BadUsage("--fd", f"{number}, a terminal", "a pipe, a socket or a file in memory")
    if stat.S_ISREG(found.st_mode) and not disk and not memory.in_memory(found.st_dev):
        raise BadUsage("--fd", f"{number}, a file on a disk", "a pipe, a socket or a file in memory", _DISK_HINT)
    return _Descriptor(number)


def _write(descriptor: int, secret: Secret, place: str) -> None:
    with secret.view as view:
        at = 0
        try:
            while at < len(view):
                at += os.write(descriptor, view[at:])
        except OSError as e:  # a reader that went away among them: it did not get all of it
            raise _cannot(place, e) from None


def _cannot(place: Path | str, error: OSError) -> Unreadable:
    why = (error.strerror or "an error").lower()
    return Unreadable(str(place), why, "a place that takes the secret", "the secret was not written")
