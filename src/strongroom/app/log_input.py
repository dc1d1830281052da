"""Entries as people and programs give them: words of a command, or lines of JSON."""

import hashlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.kit import log_entry, strict_json
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadUsage, Malformed, Unreadable
from strongroom.model.log import Field, LogEntry, SealedEntry

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Given:
    """An entry in the words of a command."""

    kind: str
    subject: str
    actor: str
    at: datetime
    fields: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    kind: EntryKind
    subject: str = ""
    actor: str | None = None
    at: datetime | None = None
    fields: dict[str, bool | int | str | list[str] | None] = {}
    digests: dict[str, str] = {}
    seal: tuple[str, ...] = ()


def _salt() -> bytes:
    return secrets.token_bytes(log_entry.SALT_SIZE)


def _kind(word: str) -> EntryKind:
    try:
        return EntryKind(word)
    except ValueError:
        raise BadUsage("kind of an entry", repr(word[:40]), f"one of {', '.join(EntryKind)}") from None


def from_words(given: Given) -> SealedEntry:
    """The entry of a command's words. Raises BadUsage, Malformed, TooLarge, Unreadable."""
    entry = LogEntry(
        kind=_kind(given.kind),
        subject=given.subject,
        actor=given.actor,
        at=given.at,
        fields=dict(_field(word) for word in given.fields),
        digests=dict(_digest(word) for word in given.digests),
    )
    return log_entry.seal(entry, given.sealed, _salt)


def _field(word: str) -> tuple[str, Field]:
    name, found, text = word.partition("=")
    if not found:
        raise BadUsage("--field", repr(word[:80]), "NAME=VALUE")
    try:
        value = msgspec.json.decode(text, type=bool | int | str | list[str] | None)
    except msgspec.MsgspecError:
        return name, text
    return name, tuple(value) if isinstance(value, list) else value


def _digest(word: str) -> tuple[str, str]:
    name, found, text = word.partition("=")
    if not found:
        raise BadUsage("--digest", repr(word[:80]), "NAME=FILE or NAME=sha256:HEX")
    return name, text if text.startswith("sha256:") else f"sha256:{_digest_of(Path(text))}"


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read") from None
    return digest.hexdigest()


def from_lines(source: str, now: datetime, actor: str) -> list[SealedEntry]:
    """The entries of a file of JSON lines; all of them, or none. Raises Unreadable, Malformed, TooLarge."""
    return [_of_line(text, f"{source}:{number}", now, actor) for number, text in _lines(source)]


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as e:
        raise Unreadable(source, (e.strerror or "an error").lower(), "a file of JSON lines") from None
    for number, text in enumerate(data.split(b"\n"), 1):
        if text.strip():
            yield number, text


def _of_line(text: bytes, subject: str, now: datetime, actor: str) -> SealedEntry:
    strict_json.check(text, subject)
    try:
        found = msgspec.json.decode(text, type=_Line)
    except msgspec.MsgspecError as e:
        raise Malformed(subject, str(e).lower()[:160], "kind, subject, actor, at, fields, digests, seal") from None
    if found.at is not None and found.at.tzinfo is None:
        raise Malformed(subject, f"the time {found.at.isoformat()}", "a time with its zone")
    entry = LogEntry(
        kind=found.kind,
        subject=found.subject,
        actor=actor if found.actor is None else found.actor,
        at=found.at or now,
        fields={k: tuple(v) if isinstance(v, list) else v for k, v in found.fields.items()},
        digests=found.digests,
    )
    return log_entry.seal(entry, found.seal, _salt)
