"""Key files: one signer key as text, its owner's alone. They lie beside a log, not in it, so a copy of it has no key."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from strongroom.kit.tlog.keys import SignerKey, parse_signer_key
from strongroom.ledger import disk
from strongroom.model.errors import BadInput, Malformed, NotFound, Unreadable

_MOST = 1 << 14  # bytes; a key has a few hundred


def read(path: Path) -> SignerKey:
    """The key of a file.

    Raises:
        NotFound: there is none.
        Unreadable: it cannot be read, or others than its owner could.
        Malformed: it holds no signer key; no message carries any of its text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(
            f"key file {path}", "no such file", "a signer key", "strongroom log keygen NAME -o FILE"
        ) from None
    except OSError as e:
        raise Unreadable(f"key file {path}", (e.strerror or "an error").lower(), "a file that can be read") from None
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable(f"key file {path}", "no regular file", "a signer key")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            found = f"mode {stat.S_IMODE(mode):04o}, which others can use"
            raise Unreadable(f"key file {path}", found, "its owner's alone", f"chmod 600 {path}")
        data = file.read(_MOST)
    try:
        return parse_signer_key(data.decode("ascii").strip())
    except UnicodeDecodeError:
        raise Malformed(f"key file {path}", "no text", "a signer key") from None
    except Malformed as e:
        raise Malformed(f"key file {path}", e.found, e.wanted) from None


def write(path: Path, key: SignerKey) -> None:
    """Make a key file; it appears whole, and never in the place of another.

    Raises:
        BadInput: there is a file already.
        Unreadable: it cannot be written.
    """
    temporary = path.with_name(f"{disk.TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    try:
        disk.make_folders(path.parent)
        disk.replace(temporary, (key.secret_text() + "\n").encode("ascii"))
        try:
            os.link(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        disk.sync_folder(path.parent)
    except FileExistsError:
        raise BadInput(f"key file {path}", "a file that is there already", "a new one", "choose another path") from None
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(f"key file {path}", why, "a file that can be written", "choose another path") from None
