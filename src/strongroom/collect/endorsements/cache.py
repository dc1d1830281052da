"""Endorsements kept on disk: each under the SHA-256 of its file, found by its name, with what a service refused.

    items/HEX           one endorsement; the file's name is the SHA-256 of its octets
    names/HEX           which items a name has, the newest first
    services/HEX        until when a service wants to be left alone, or has none of a name
    services/HEX.lock   held by whoever asks it just now

What is read is compared with its digest, so a damaged file is no endorsement. A whole cache may be deleted at any time.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.kit.endorsement_names import Described, described
from strongroom.model.attest import Endorsement
from strongroom.model.errors import Unreadable

MOST_OF_A_NAME = 8  # older ones are let go
_MOST = 24 << 20  # bytes of a file
_WHAT = "a folder of this user's own, mode 0700"
T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True):
    item: str
    kept_at: datetime
    source: str


class _Name(msgspec.Struct, frozen=True):
    name: str
    held: tuple[_Entry, ...] = ()


class Hold(msgspec.Struct, frozen=True):
    """Until when something is not asked for, and why."""

    until: datetime
    why: str


class Kept(NamedTuple):
    """A kept endorsement: what it says of itself, when it was kept, and where it came from."""

    item: Endorsement
    says: Described
    kept_at: datetime
    source: str


class Cache:
    """The cache in a folder. `troubles` collects what was found damaged; it is not used."""

    def __init__(self, root: Path) -> None:
        """Make the folders. Raises Unreadable where they cannot be made, or others may write to them."""
        self._root = root
        self.troubles: list[str] = []
        try:
            for folder in (root, *(root / n for n in ("items", "names", "services"))):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = root.stat()
        except OSError as e:
            raise Unreadable(f"cache {root}", (e.strerror or "an error").lower(), _WHAT) from None
        if held.st_uid != os.geteuid() or held.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            found = f"owner {held.st_uid}, mode {stat.S_IMODE(held.st_mode):04o}"
            raise Unreadable(f"cache {root}", found, _WHAT, f"chmod 700 {root}")

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._root)

    # What is kept

    def find(self, name: str) -> tuple[Kept, ...]:
        """What is kept under a name, the newest first; whether it still holds is the caller's question."""
        found = []
        for entry in self._name(name).held:
            item = self._item(entry.item)
            says = described(item) if item is not None else None
            if item is None or says is None or says.name != name:
                self.troubles.append(f"{self._root}/items/{entry.item} is damaged or gone, and is not used")
                continue
            found.append(Kept(item, says, entry.kept_at, entry.source))
        return tuple(found)

    def keep(self, item: Endorsement, at: datetime, source: str) -> bool:
        """Keep an endorsement; whether it has a name to be found by. Raises Unreadable where it cannot be written."""
        says = described(item)
        if says is None:
            return False
        data = msgspec.json.encode(item)
        digest = hashlib.sha256(data).hexdigest()
        before = self._name(says.name).held
        newer = next((e.kept_at for e in before if e.item == digest and e.kept_at >= at), at)
        held = [_Entry(digest, newer, source), *(e for e in before if e.item != digest)]
        held.sort(key=lambda e: e.kept_at, reverse=True)
        try:
            self._write(self._root / "items" / digest, data)
            self._write_name(_Name(says.name, tuple(held[:MOST_OF_A_NAME])))
            for old in held[MOST_OF_A_NAME:]:
                (self._root / "items" / old.item).unlink(missing_ok=True)
        except OSError as e:
            raise self._unwritable(e) from None
        return True

    # What is not to be had

    def held_off(self, service: str, now: datetime) -> Hold | None:
        """Until when a service wants to be left alone, or (`SERVICE NAME`) has none of a name."""
        found = _decoded(self._read(self._service(service)), Hold)
        return found if found is not None and now < found.until else None

    def hold_off(self, service: str, hold: Hold) -> None:
        """Leave a service alone for a while, or not ask it for a name. Raises Unreadable."""
        try:
            self._write(self._service(service), msgspec.json.encode(hold))
        except OSError as e:
            raise self._unwritable(e) from None

    @contextlib.contextmanager
    def one_at_a_time(self, service: str) -> Iterator[None]:
        """Hold the right to ask a service: key services count requests by address. Raises Unreadable."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._service(service).with_suffix(".lock"), flags, 0o600)
        except OSError as e:
            raise self._unwritable(e) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # whoever has it waits for bounded answers only
            yield
        finally:
            os.close(descriptor)

    # Files

    def _service(self, service: str) -> Path:
        return self._root / "services" / hashlib.sha256(service.encode()).hexdigest()[:32]

    def _name(self, name: str) -> _Name:
        found = _decoded(self._read(self._name_file(name)), _Name)
        return found if found is not None and found.name == name else _Name(name)

    def _name_file(self, name: str) -> Path:
        return self._root / "names" / hashlib.sha256(name.encode()).hexdigest()

    def _write_name(self, found: _Name) -> None:
        self._write(self._name_file(found.name), msgspec.json.encode(found))

    def _item(self, digest: str) -> Endorsement | None:
        if len(digest) != 64 or not digest.isalnum():
            return None
        data = self._read(self._root / "items" / digest)
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            return None
        return _decoded(data, Endorsement)

    def _read(self, path: Path) -> bytes | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as e:
            self.troubles.append(f"{path} cannot be read: {(e.strerror or 'an error').lower()}")
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as f:
                data = f.read(_MOST + 1)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return data if 0 < len(data) <= _MOST else None

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all. A cut-off write leaves a file that nobody reads; a lost one is fetched again."""
        temporary = path.with_name(f".new-{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as f:
                f.write(data)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _unwritable(self, error: OSError) -> Unreadable:
        return Unreadable(f"cache {self._root}", (error.strerror or "an error").lower(), "a folder that can be written")


def _decoded(data: bytes | None, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data, type=kind) if data is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
