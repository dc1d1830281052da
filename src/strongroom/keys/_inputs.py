"""Options of a back end, and secrets that unlock it: from a descriptor, a file or a systemd credential.

Never from the command line, which everybody on the host can list, nor from the environment, which children inherit and
crash reports carry.
"""

import os
import select
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from strongroom.model.errors import BadInput, KeyUnavailable, Unreadable
from strongroom.model.release import KeySettings, Secret

MOST = 1 << 16  # octets of a passphrase, a PIN or a token


def want(settings: KeySettings, name: str, backend: str) -> str:
    """An option that must be there. Raises BadInput."""
    value = settings.options.get(name, "")
    if not value:
        raise BadInput(f"key back end {backend}", f"no option {name}", name)
    return value


def number(settings: KeySettings, name: str, default: int, least: int, most: int) -> int:
    """An option that is a whole number within bounds. Raises BadInput."""
    text = settings.options.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise BadInput(f"option {name}", repr(text[:40]), f"a number from {least} to {most}")
    return int(text)


def known(settings: KeySettings, options: Mapping[str, str], backend: str) -> None:
    """Refuse an option that the back end does not have: a mistyped `ca` would be a connection to anybody."""
    strange = sorted(set(settings.options) - set(options))
    if strange:
        raise BadInput(f"key back end {backend}", f"an option {strange[0][:80]!r}", ", ".join(sorted(options)))


def given(settings: KeySettings, what: str) -> bool:
    """Whether a secret of this name is given in any way."""
    return any(settings.options.get(f"{what}-{way}") for way in ("fd", "file", "credential"))


def secret(settings: KeySettings, what: str) -> Secret:
    """The secret that `<what>-fd`, `<what>-file` or `<what>-credential` names; one line end behind it is not part of it.

    Raises:
        BadInput: none or several are named, or it is empty.
        Unreadable: it cannot be read, or others than its owner could read the file.
        KeyUnavailable: nobody has written it to the descriptor in time.
    """
    options = settings.options
    ways = [way for way in ("fd", "file", "credential") if options.get(f"{what}-{way}")]
    if len(ways) != 1:
        wanted = f"one of {what}-fd, {what}-file, {what}-credential"
        raise BadInput(what, f"{len(ways)} ways to read it", wanted, "a secret is never an argument or a variable")
    value = options[f"{what}-{ways[0]}"]
    if ways[0] == "fd":
        data = _from_descriptor(value, what, settings.seconds)
    elif ways[0] == "file":
        data = _from_file(Path(value), what, private=True)
    else:
        data = _from_file(_credential(settings, value), what, private=False)
    for end in (b"\r\n", b"\n"):
        if data.endswith(end):
            del data[-len(end) :]
            break
    if not data:
        raise BadInput(what, "nothing", "a secret")
    return Secret(data)


def _credential(settings: KeySettings, name: str) -> Path:
    folder = settings.options.get("credentials", "")
    if not folder or "/" in name:
        hint = "credentials = /run/credentials/UNIT.service, which systemd makes for LoadCredentialEncrypted="
        raise BadInput(f"credential {name[:80]}", "no folder of credentials", "a name in such a folder", hint)
    return Path(folder) / name


def _from_file(path: Path, what: str, *, private: bool) -> bytearray:
    """`private`: nobody else may read it. The modes of credentials are systemd's own, with an ACL for the one user."""
    subject = f"{what} in {path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise Unreadable(subject, (e.strerror or "an error").lower(), "a file that can be read") from None
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable(subject, "no regular file", "a file with the secret")
        if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
            found = f"mode {stat.S_IMODE(mode):04o}, which others can use"
            raise Unreadable(subject, found, "its owner's alone", f"chmod 600 {path}")
        data = bytearray(file.read(MOST + 1))
    if len(data) > MOST:
        raise Unreadable(subject, f"more than {MOST} octets", "a short secret")
    return data


def _from_descriptor(text: str, what: str, seconds: float) -> bytearray:
    """All that comes until the other side closes it; it is closed here too."""
    subject = f"{what} on descriptor {text[:10]}"
    if not (text.isascii() and text.isdigit()):
        raise BadInput(subject, "no number", "the number of an open descriptor")
    descriptor, data, end = int(text), bytearray(), time.monotonic() + seconds
    try:
        waiting = select.poll()  # select(2) knows no descriptor from 1024 on
        waiting.register(descriptor, select.POLLIN)
        while True:
            if not waiting.poll(max(0.0, end - time.monotonic()) * 1000):
                raise KeyUnavailable(subject, f"no end within {seconds:g} seconds", "the secret, and an end")
            piece = os.read(descriptor, MOST)
            data += piece
            if not piece or len(data) > MOST:
                break
        os.close(descriptor)
    except (OSError, ValueError, OverflowError) as e:
        why = e.strerror if isinstance(e, OSError) and e.strerror else "no descriptor"
        raise Unreadable(subject, why.lower(), "an open descriptor") from None
    if len(data) > MOST:
        raise Unreadable(subject, f"more than {MOST} octets", "a short secret")
    return data
