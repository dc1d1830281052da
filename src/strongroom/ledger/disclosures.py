"""The erasable store as files: one line for each disclosure, overwritten in place when it is erased.

A line is the commitment in hex, a space, and the disclosure. Nothing is copied aside on the way (no rollback journal, no
temporary file), so that after an overwrite and a sync the text is nowhere in the file system. What the device, a
snapshot or a backup keeps below it is not in this program's hand; docs/how/redact.md says so.
"""

import contextlib
import mmap
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from strongroom.ledger import disk
from strongroom.model.errors import LogUnavailable

FILE = 16 << 20  # bytes after which a new file is begun
_PREFIX = "sha256:"
_BLANK = b"-"
_COMMITMENT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class FileDisclosures:
    """A `Disclosures` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with disk.lock(self._folder / "lock", 10) as held:
                if not held:
                    raise LogUnavailable(
                        f"log {self._folder}", "another writer for 10 seconds", "its lock", "try again"
                    )
                yield
        except OSError as e:
            raise disk.unavailable(self._folder, e) from None

    def _files(self) -> list[Path]:
        return sorted(p for p in self._folder.glob("*.sealed"))

    def keep(self, disclosures: Mapping[str, str]) -> None:
        """Append and sync. Raises LogUnavailable."""
        if not disclosures:
            return
        data = b"".join(f"{c.removeprefix(_PREFIX)} {text}\n".encode("ascii") for c, text in disclosures.items())
        with self._locked():
            files = self._files()
            fresh = not files or files[-1].stat().st_size > FILE
            path = self._folder / f"{len(files):06d}.sealed" if fresh else files[-1]
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                end = os.fstat(descriptor).st_size
                if end and os.pread(descriptor, 1, end - 1) != b"\n":  # a write that was cut off
                    data = b"\n" + data
                disk.write_all(descriptor, data, end)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            if fresh:
                disk.sync_folder(self._folder)

    def find(self, commitments: tuple[str, ...]) -> dict[str, str]:
        """Those that are there, by commitment."""
        found: dict[str, str] = {}
        try:
            for path in self._files():
                with path.open("rb") as file, _mapped(file.fileno(), mmap.ACCESS_READ) as text:
                    for commitment in commitments:
                        for start, end in _lines(text, commitment):
                            if not text[start:end].startswith(_BLANK):
                                found[commitment] = bytes(text[start:end]).decode("ascii", "replace")
        except OSError as e:
            raise disk.unavailable(self._folder, e) from None
        return found

    def erase(self, commitments: tuple[str, ...]) -> int:
        """Overwrite in place, every copy, and sync; how many of the commitments were there."""
        erased = set()
        with self._locked():
            for path in self._files():
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    with _mapped(descriptor, mmap.ACCESS_READ) as text:
                        places = [(c, *at) for c in commitments for at in _lines(text, c)]
                        there = [(c, start, end) for c, start, end in places if not text[start:end].startswith(_BLANK)]
                    for commitment, start, end in there:
                        disk.write_all(descriptor, _BLANK * (end - start), start)
                        erased.add(commitment)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        return len(erased)

    def close(self) -> None:
        """Nothing stays open."""


@contextlib.contextmanager
def _mapped(descriptor: int, access: int) -> Iterator[mmap.mmap | bytes]:
    if not os.fstat(descriptor).st_size:
        yield b""  # what is empty cannot be mapped
        return
    with mmap.mmap(descriptor, 0, access=access) as text:
        yield text


def _lines(text: mmap.mmap | bytes, commitment: str) -> Iterator[tuple[int, int]]:
    """Where the disclosures of a commitment stand."""
    if not _COMMITMENT.fullmatch(commitment):
        return
    wanted = commitment.removeprefix(_PREFIX).encode("ascii") + b" "
    at = text.find(wanted)
    while at >= 0:
        start = at + len(wanted)
        end = text.find(b"\n", start)
        end = end if end >= 0 else len(text)
        if at == 0 or text[at - 1 : at] == b"\n":
            yield start, end
        at = text.find(wanted, end)
