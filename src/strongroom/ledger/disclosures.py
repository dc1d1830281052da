"""The erasable store as files: one line for each disclosure, overwritten in place when it is erased.

A line is the commitment in hex, a space, and the disclosure. Nothing is copied aside on the way (no rollback journal, no
temporary file), so that after an overwrite and a sync the text is nowhere in the file system. What the device, a
snapshot or a backup keeps below it is not in this program's hand; docs/how/redact.md says so.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from strongroom.kit.log_entry import commitment
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
        self._named: Path | None = None  # the file whose name is known to be durable

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
        names = os.listdir(self._folder)  # noqa: PTH208 - glob gives nothing where it may not look
        return [self._folder / name for name in sorted(names) if name.endswith(".sealed")]

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
                # The newline keeps it apart from a write before it that was cut off, or whose sync failed.
                disk.write_all(descriptor, b"\n" + data if end else data, end)
                os.fdatasync(descriptor)
            finally:
                disk.let_go(descriptor)
            if path != self._named:  # Whoever made the file may have been cut off before its name was synced.
                disk.sync_folder(self._folder)
                self._named = path

    def find(self, commitments: tuple[str, ...]) -> dict[str, str]:
        """Those that are there, by commitment; what was torn, or erased in part, is none."""
        found: dict[str, str] = {}
        try:
            for path in self._files():
                text = path.read_bytes()
                for wanted in commitments:
                    for start, end in _lines(text, wanted):
                        disclosure = text[start:end].decode("ascii", "replace")
                        if commitment(disclosure) == wanted:
                            found[wanted] = disclosure
        except OSError as e:
            raise disk.unavailable(self._folder, e) from None
        return found

    def erase(self, commitments: tuple[str, ...]) -> int:
        """Overwrite in place, every copy, and sync; how many of the commitments were there.

        What is blank is written again too: an erasure before may have been cut off within a text, or its sync failed.
        """
        erased = set()
        with self._locked():
            for path in self._files():
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    text = path.read_bytes()
                    for wanted in commitments:
                        for start, end in _lines(text, wanted):
                            disk.write_all(descriptor, _BLANK * (end - start), start)
                            if text[start:end].strip(_BLANK):
                                erased.add(wanted)
                    os.fsync(descriptor)
                finally:
                    disk.let_go(descriptor)
        return len(erased)

    def close(self) -> None:
        """Nothing stays open."""


def _lines(text: bytes, wanted: str) -> Iterator[tuple[int, int]]:
    """Where the disclosures of a commitment stand."""
    if not _COMMITMENT.fullmatch(wanted):
        return
    head = wanted.removeprefix(_PREFIX).encode("ascii") + b" "
    at = text.find(head)
    while at >= 0:
        start = at + len(head)
        end = text.find(b"\n", start)
        end = end if end >= 0 else len(text)
        if at == 0 or text[at - 1 : at] == b"\n":
            yield start, end
        at = text.find(head, end)
