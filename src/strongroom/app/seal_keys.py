"""Identities and recipients of sealed artifacts, as they lie in files: of this program, and of age."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from strongroom.kit import age_keys, hpke_slot, slot_wraps, xwing
from strongroom.kit.slot_wraps import Identity, Recipient
from strongroom.ledger import disk
from strongroom.model.errors import BadInput, Malformed, NotFound, TooLarge, Unreadable

_MOST = 1 << 20  # octets
_AGE_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - the word that such a line begins with
_PLUGIN = "AGE-PLUGIN-"
_FORMS = "STRONGROOM-IDENTITY-1:…, AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…"
_RECIPIENT_WORDS = (hpke_slot.RECIPIENT, "age1", "ssh-")
Read = TypeVar("Read")


def generate(now: datetime) -> tuple[str, str]:
    """A new identity as the text of its file, and its recipient."""
    key = xwing.PrivateKey(secrets.token_bytes(xwing.SEED))
    to = hpke_slot.recipient_text(key.public)
    lines = (f"# created: {now:%Y-%m-%dT%H:%M:%SZ}", f"# recipient: {to}", hpke_slot.identity_text(key), "")
    return "\n".join(lines), to


def keep(path: Path, text: str) -> None:
    """Make an identity's file, its owner's alone: it appears whole, and never in the place of another.

    Raises:
        BadInput: there is a file already.
        Unreadable: it cannot be written.
    """
    temporary = path.with_name(f"{disk.TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    try:
        disk.replace(temporary, text.encode("ascii"))
        try:
            os.link(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        disk.sync_folder(path.parent)
    except FileExistsError:
        found = "a file that is there already"
        raise BadInput(
            f"identity file {path}", found, "a new one", "what was sealed to it opens with it alone"
        ) from None
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(f"identity file {path}", why, "a file that can be written") from None


def identities(paths: Iterable[str]) -> tuple[Identity, ...]:
    """The identities of files, in their order. A line is one, or a comment with `#`.

    Raises:
        NotFound, Unreadable: a file is not there, cannot be read, or could be read by others than its owner.
        Malformed, TooLarge: it holds something else; no message has any of its text.
    """
    found: list[Identity] = []
    for path in paths:
        found += _lines(f"identity file {path}", _octets(path, private=True), _identity, _FORMS)
    return tuple(found)


def recipients(words: Sequence[str]) -> tuple[Recipient, ...]:
    """The recipients that a command names: each word is one, or a file with one in each line. Each counts once.

    Raises NotFound, Unreadable, Malformed, TooLarge.
    """
    found: list[Recipient] = []
    for word in words:
        if word.startswith(_RECIPIENT_WORDS):
            found.append(slot_wraps.recipient(word))
        else:
            octets = _octets(word, private=False)
            wanted = "strongroom-recipient-1:…, age1… or age1pq1…"
            found += _lines(f"recipients of {word}", octets, slot_wraps.recipient, wanted)
    return tuple(dict.fromkeys(found))


def _identity(line: str) -> Identity:
    if line.startswith(hpke_slot.IDENTITY):
        return hpke_slot.identity(line)
    if line.startswith(_AGE_SECRET):
        return age_keys.identity(line)
    if line.startswith(_PLUGIN):
        hint = "open the slot with the age program and its plugin"
        raise Malformed("identity", "one of a plugin of age", _FORMS, hint)
    raise Malformed("identity", "a line of another form", _FORMS)


def _lines(subject: str, octets: bytes, read: Callable[[str], Read], wanted: str) -> list[Read]:
    """What the lines are. An error names the line by its number, never by its text."""
    try:
        lines = octets.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise Malformed(subject, "no text", wanted) from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            found.append(read(text))
        except Malformed as e:
            raise Malformed(f"{subject}:{number}", e.found, e.wanted, e.hint) from None
    if not found:
        raise Malformed(subject, "nothing in it", wanted)
    return found


def _octets(path: str, *, private: bool) -> bytes:
    subject = f"{'identity' if private else 'recipients'} file {path}"
    try:
        # Not blocking: a pipe that nobody writes to is told, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound(subject, "no such file", "one that exists", "strongroom seal keygen -o FILE makes one") from None
    except (OSError, ValueError) as e:
        why = (e.strerror if isinstance(e, OSError) else None) or "no path"
        raise Unreadable(subject, why.lower(), "a file that can be read") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise Unreadable(subject, "no regular file", "a file of lines")
    with os.fdopen(descriptor, "rb") as file:
        if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
            found = f"mode {stat.S_IMODE(mode):04o}, which others can use"
            raise Unreadable(subject, found, "its owner's alone", f"chmod 600 {path}")
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise TooLarge(subject, f"over {_MOST} octets", "a few lines")
    return data
