"""The files of a workload: whole, digested, and of a bounded size."""

import contextlib
import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strongroom.model.errors import Malformed, TooLarge, Unreadable


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read: its digest, and its size in octets."""

    path: str
    sha256: str
    size: int

    @property
    def digest(self) -> str:
        """`sha256:` and the hash."""
        return f"sha256:{self.sha256}"


@contextlib.contextmanager
def opened(path: str, what: str, most: int) -> Iterator[memoryview]:
    """The octets of a file, mapped and not copied. They must not be kept.

    Raises:
        Unreadable: it cannot be opened, or is no regular file.
        Malformed, TooLarge: it is empty, or over the limit.
    """
    at = Path(path)
    try:
        if at.exists() and not at.is_file():
            raise Unreadable(path, "no regular file", what)
        with at.open("rb") as f:
            size = f.seek(0, 2)
            if size > most:
                raise TooLarge(path, f"{size} octets", f"at most {most}")
            if not size:
                raise Malformed(path, "an empty file", what)
            with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as held, memoryview(held) as view:
                yield view
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), what) from None


def digest(path: str, what: str, most: int) -> File:
    """A file's digest. Raises as `opened`."""
    with opened(path, what, most) as view:
        return File(path, hashlib.sha256(view).hexdigest(), len(view))


def of(path: str, view: memoryview) -> File:
    """The digest of octets that are open."""
    return File(path, hashlib.sha256(view).hexdigest(), len(view))
