"""Endorsements from files and folders: bounded, links in folders not followed, and what is ignored is told by name."""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from strongroom.kit import endorsement_text
from strongroom.model.attest import Endorsements
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable

MOST_FILES = 2048  # of one folder
MOST_TOTAL = 256 << 20  # bytes of one folder
_WHAT = "a certificate, a chain, a revocation list, collateral, a bundle, or a folder of these"


class File(NamedTuple):
    """A file and its bytes."""

    path: str
    data: bytes


class Ignored(NamedTuple):
    """A file of a folder that is not used, and why."""

    path: str
    reason: str


def read(path: str, most: int = endorsement_text.MOST) -> File:
    """The bytes of a file that somebody named; a link that somebody named is followed. Raises Unreadable, TooLarge."""
    return File(path, _bytes(Path(path), most, follow=True))


def is_folder(path: str) -> bool:
    """Whether a path that somebody named is a folder. Raises Unreadable where that cannot be told."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError) as e:
        raise _unreadable(path, e) from None


def within(path: str, most: int = endorsement_text.MOST) -> Iterator[File | Ignored]:
    """The files of a folder in the order of their names, folders in it left aside.

    Raises:
        Unreadable: the folder cannot be looked into.
        TooLarge: it holds more than MOST_FILES names.
    """
    try:
        with os.scandir(path) as found:
            names = sorted(e.name for e in islice(found, MOST_FILES + 1))
    except OSError as e:
        raise _unreadable(path, e) from None
    if len(names) > MOST_FILES:
        raise TooLarge(path, f"over {MOST_FILES} files", "a folder of endorsements", "name the files that are meant")
    left = MOST_TOTAL
    for name in names:
        file = Path(path) / name
        try:
            data = _bytes(file, min(most, left), follow=False)
        except BadInput as e:
            yield Ignored(str(file), e.found)
            continue
        left -= len(data)
        yield File(str(file), data)


def _bytes(path: Path, most: int, *, follow: bool) -> bytes:
    # A pipe blocks whoever opens it until somebody writes, so nothing waits, and the kind is asked of what was opened.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as e:
        if not follow and path.is_symlink():
            raise Unreadable(str(path), "a link, which is not followed", "a file") from None
        raise _unreadable(str(path), e) from None
    try:
        held = os.fstat(descriptor)
        if not stat.S_ISREG(held.st_mode):
            what = "a folder, which is not entered" if stat.S_ISDIR(held.st_mode) else "no regular file"
            raise Unreadable(str(path), what, _WHAT)
        with os.fdopen(descriptor, "rb", closefd=False) as f:
            data = f.read(most + 1) if held.st_size <= most else b""
    except OSError as e:
        raise _unreadable(str(path), e) from None
    finally:
        os.close(descriptor)
    if len(data) > most or held.st_size > most:
        raise TooLarge(str(path), f"over {most:,} bytes", _WHAT)
    return data


def _unreadable(path: str, error: OSError | ValueError) -> Unreadable:
    why = (error.strerror or "an error").lower() if isinstance(error, OSError) else "no path"
    return Unreadable(path, why, _WHAT)


def parse(file: File) -> Endorsements:
    """What a file says. Raises Malformed or TooLarge, naming the file."""
    try:
        return endorsement_text.read(file.data, file.path)
    except BadInput as e:
        kind = TooLarge if isinstance(e, TooLarge) else Malformed
        raise kind(file.path, f"{e.found}", e.wanted, e.hint) from None
