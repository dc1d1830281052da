"""Files by content: each is named by its SHA-256, is its owner's alone, and never changes. Small ones, held in memory."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from strongroom.model.errors import NotFound, StateError

MOST = 64 << 20


def put(folder: Path, data: bytes) -> str:
    """Keep octets; their digest as `sha256:…`. It is on the disk when this returns. Raises StateError."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / digest[:2] / digest
    try:
        if not path.exists():
            _write(path, data)
    except OSError as e:
        raise StateError(f"files in {folder}", (e.strerror or "an error").lower(), "a folder with room") from None
    return f"sha256:{digest}"


def _write(path: Path, data: bytes) -> None:
    """Write a file aside, and rename it once it is on the disk."""
    aside = f"{path.parent}/.new-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(aside, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(aside, flags, 0o600)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)  # noqa: PTH105 - a path is made for each call there, and this is called for each attestation
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # the name too: a log entry names it, and must not outlive it
        finally:
            os.close(folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(aside)  # noqa: PTH108 - as above
        raise


def get(folder: Path, digest: str) -> bytes:
    """The octets of a digest. Raises NotFound, StateError where they are not what they were."""
    name = digest.removeprefix("sha256:")
    path = folder / name[:2] / name
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError:
        raise NotFound(f"file in {folder}", digest[:80], "one that is kept") from None
    if hashlib.sha256(data).hexdigest() != name:
        raise StateError(f"file {path}", "octets that were changed", digest[:80])
    return data
