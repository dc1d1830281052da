"""Where a log is kept: a folder, a database by URL, or a bucket; and what is published of one, wherever it is read."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from strongroom.kit.canonical import canonical
from strongroom.kit.tlog.keys import VerifierKey, parse_verifier_key
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.storage import Disclosures, Storage
from strongroom.model.errors import Malformed, NotFound, Unreadable

SCHEMA = "strongroom.log-settings/1"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a log says of itself: its origin, its public keys, and whether an append waits for the quorum of witnesses."""

    schema: str
    origin: str
    keys: tuple[str, ...]
    require_quorum: bool = False

    def encode(self) -> bytes:
        """As canonical JSON."""
        return canonical(msgspec.to_builtins(self), "settings of a log")

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public keys. Raises Malformed."""
        return tuple(parse_verifier_key(key) for key in self.keys)


def decode_settings(data: bytes, where: str) -> Settings:
    """The settings of a log. Raises Malformed."""
    try:
        found = msgspec.json.decode(data, type=Settings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(f"settings of {where}", str(e).lower()[:160], SCHEMA) from None
    if found.schema != SCHEMA:
        raise Malformed(f"settings of {where}", f"schema {found.schema[:80]!r}", SCHEMA, "upgrade strongroom")
    return found


def exists(path: Path) -> bool:
    """Whether there is something of a name. Raises Unreadable where that cannot be said: it is not the same as no."""
    try:
        return path.exists()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a place that can be looked into") from None


def storage_of(where: str) -> Storage:
    """The place that a path or URL names. Raises LogUnavailable."""
    scheme = urlsplit(where).scheme if "://" in where else ""
    if not scheme:
        return FileStorage(Path(where))
    if scheme == "s3":
        from strongroom.ledger.bucket import BucketStorage  # noqa: PLC0415 - who keeps files pays for no client

        return BucketStorage(where, clock=_clock)
    from strongroom.ledger.database import DatabaseStorage  # noqa: PLC0415 - same

    return DatabaseStorage(where)


def disclosures_of(where: str) -> Disclosures:
    """The erasable store that belongs to the place. Raises LogUnavailable."""
    scheme = urlsplit(where).scheme if "://" in where else ""
    if not scheme:
        return FileDisclosures(Path(where) / "sealed")
    if scheme == "s3":
        from strongroom.ledger.bucket import BucketDisclosures  # noqa: PLC0415 - who keeps files pays for no client

        return BucketDisclosures(where)
    from strongroom.ledger.database import DatabaseDisclosures  # noqa: PLC0415 - same

    return DatabaseDisclosures(where)


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - app is where the clock is asked


class Reading(Protocol):
    """The published tree of a log, wherever it is."""

    where: str

    def read(self, path: str) -> bytes:
        """An object by its standard name. Raises NotFound, LogUnavailable."""
        ...

    def close(self) -> None:
        """Let go of it."""


class _Folder:
    """A tree in a folder of its own: an exported copy, or another program's log."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def read(self, path: str) -> bytes:
        """An object by its name."""
        try:
            return (self._path / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"log {self.where}", f"no {path}", "an object of the log") from None
        except OSError as e:
            raise Unreadable(f"log {self.where}", (e.strerror or "an error").lower(), f"a {path} to read") from None

    def close(self) -> None:
        """Nothing is held."""


class _Stored:
    """The published part of a log that this program keeps."""

    def __init__(self, storage: Storage) -> None:
        self.where = storage.where
        self.read: Callable[[str], bytes] = storage.read
        self.close: Callable[[], None] = storage.close


def reading(where: str) -> Reading:
    """The published tree of a log: a log of ours, a folder with `checkpoint` and `tile/`, or an http(s) URL prefix.

    Raises:
        NotFound: there is no log.
        LogUnavailable: it cannot be reached.
    """
    if where.startswith(("http://", "https://")):
        from strongroom.ledger.remote import RemoteTree  # noqa: PLC0415 - only who reads afar pays for it

        return RemoteTree(where)
    if "://" not in where:
        path = Path(where)
        if not exists(path / "log.json") and exists(path / "checkpoint"):
            return _Folder(path)
    with ExitStack() as stack:
        storage = storage_of(where)
        stack.callback(storage.close)
        storage.settings()
        stack.pop_all()
    return _Stored(storage)


def settings_of(where: str) -> Settings | None:
    """The settings of a log of ours; None of a tree that is read from elsewhere."""
    if where.startswith(("http://", "https://")):
        return None
    with closing(storage_of(where)) as storage:
        try:
            return decode_settings(storage.settings(), where)
        except NotFound:
            if "://" not in where and exists(Path(where) / "checkpoint"):
                return None
            raise
