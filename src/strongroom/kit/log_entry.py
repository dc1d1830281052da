"""Entries of the log as bytes, and commitments to what must be erasable.

An entry is canonical JSON (RFC 8785), so the same entry has the same leaf hash for everyone. What must be erasable is
left out of it: the entry holds a salted hash, and the salt lies with the value elsewhere. Once both are erased, the
hash tells nothing (the salt has 256 bits), while every proof of the entry still holds. A disclosure has the form of
SD-JWT (RFC 9901 section 4.2.1): base64url of the JSON list of salt, name and value, hashed as that text.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import cast

import msgspec

from strongroom.kit.canonical import Json, canonical
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadProof, Malformed, TooLarge
from strongroom.model.log import Disclosed, Field, LogEntry, SealedEntry

SCHEMA = "strongroom.log/1"
MAX_ENTRY = 0xFFFF  # tlog-tiles, "Log entries": a uint16 length
SALT_SIZE = 32  # bytes; RFC 9901 section 9.3 asks for at least 16

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_OWN = ("subject", "actor")  # what can be sealed beside the fields

Salts = Callable[[], bytes]
"""Gives a fresh salt of `SALT_SIZE` unpredictable bytes at every call."""


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    actor: str
    at: str
    digests: dict[str, str]
    fields: dict[str, bool | int | str | list[str] | None]
    kind: EntryKind
    schema: str
    sealed: dict[str, str]
    subject: str


_DECODER = msgspec.json.Decoder(_Wire)
_ENCODER = msgspec.json.Encoder(order="sorted")
_EXACT = 2**53 - 1  # RFC 8785 section 3.2.2.3: a number is a double


def _check_names(entry: LogEntry) -> None:
    for name in (*entry.fields, *entry.digests, *entry.sealed):
        if not _NAME.fullmatch(name):
            raise Malformed("log entry", f"the name {name[:80]!r}", "lower-case words with dots, dashes or underscores")
    for name, digest in (*entry.digests.items(), *entry.sealed.items()):
        if not _DIGEST.fullmatch(digest):
            raise Malformed(f"log entry: {name}", repr(digest[:80]), "sha256: and 64 lower-case hex digits")
    for name in entry.sealed:
        if name in entry.fields or (name in _OWN and getattr(entry, name)):
            raise Malformed("log entry", f"{name} in clear and sealed", "one of the two")


def _stamp(at: datetime) -> str:
    try:
        utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    except OverflowError:
        raise Malformed("log entry: at", at.isoformat(), "a time that there is in UTC") from None
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"  # in place of +00:00


def _is_plain(entry: LogEntry) -> bool:
    """Whether sorted and compact is canonical: only for texts, exact integers and what JSON has words for."""
    for value in (entry.subject, entry.actor, *entry.fields.values()):
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int and -_EXACT <= cast("int", value) <= _EXACT:
            continue
        if kind is not tuple or any(type(part) is not str for part in cast("tuple[str, ...]", value)):
            return False
    return True


def _quick(value: object) -> bytes:
    """As `canonical`, many times as quick: names are ASCII here, so that their order is the one of RFC 8785."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError as e:
        raise Malformed("log entry", str(e).lower()[:160], "a value that JSON can hold exactly") from None


def encode(entry: LogEntry) -> bytes:
    """The bytes of an entry, which are what the log hashes.

    Raises:
        Malformed: a name or a digest is none, a value is sealed and in clear, or the time has no zone.
        TooLarge: it has over 65,535 bytes.
    """
    _check_names(entry)
    if entry.at.tzinfo is None or entry.at.year < 1970:
        raise Malformed("log entry: at", entry.at.isoformat(), "a time since 1970, with its zone")
    value: dict[str, object] = {
        "actor": entry.actor,
        "at": _stamp(entry.at),
        "digests": entry.digests,
        "fields": entry.fields,
        "kind": str(entry.kind),
        "schema": SCHEMA,
        "sealed": entry.sealed,
        "subject": entry.subject,
    }
    data = _quick(value) if _is_plain(entry) else canonical(cast("Json", value), "log entry")
    if len(data) > MAX_ENTRY:
        raise TooLarge(
            "log entry",
            f"{len(data)} bytes",
            f"at most {MAX_ENTRY}",
            "log the digest of what is large, and keep the blob",
        )
    return data


def decode(data: bytes) -> LogEntry:
    """The entry of its bytes; `encode` gives the same bytes back.

    Raises:
        Malformed: it is no entry of this schema, or another text stands for the same entry.
    """
    try:
        wire = _DECODER.decode(data)
        at = datetime.fromisoformat(wire.at)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as e:
        raise Malformed("log entry", str(e).lower()[:160], f"an entry of schema {SCHEMA}") from None
    if not _TIME.fullmatch(wire.at) or at.year < 1970:  # other forms of ISO 8601 are read too
        raise Malformed("log entry: at", repr(wire.at[:40]), "a time in UTC with six digits after the point, and Z")
    if wire.schema != SCHEMA:
        raise Malformed("log entry", f"schema {wire.schema[:80]!r}", SCHEMA)
    fields: dict[str, Field] = {k: tuple(v) if isinstance(v, list) else v for k, v in wire.fields.items()}
    entry = LogEntry(
        kind=wire.kind,
        subject=wire.subject,
        actor=wire.actor,
        at=at,
        fields=fields,
        digests=wire.digests,
        sealed=wire.sealed,
    )
    _check_names(entry)
    if (_quick(wire) if _is_plain(entry) else encode(entry)) != data:
        raise Malformed("log entry", "another text for the same entry", "canonical JSON (RFC 8785)")
    return entry


class Glance(msgspec.Struct, frozen=True):
    """What a reader of very many entries needs of each: kind, time as text (it sorts as such), and commitments."""

    kind: EntryKind
    at: str
    schema: str
    sealed: dict[str, str]


_GLANCER = msgspec.json.Decoder(Glance)


def glance(data: bytes) -> Glance:
    """A quick look at an entry, eight times as quick as `decode`; that it is canonical is not looked at.

    Raises:
        Malformed: it is no entry of this schema.
    """
    try:
        found = _GLANCER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed("log entry", str(e).lower()[:160], f"an entry of schema {SCHEMA}") from None
    if found.schema != SCHEMA or not _TIME.fullmatch(found.at):
        raise Malformed("log entry", f"schema {found.schema[:80]!r}, time {found.at[:40]!r}", SCHEMA)
    return found


def _disclosure(salt: bytes, name: str, value: Field) -> str:
    if len(salt) != SALT_SIZE:
        raise BadInput("salt of a commitment", f"{len(salt)} bytes", f"{SALT_SIZE}")
    text = base64.urlsafe_b64encode(salt).rstrip(b"=").decode("ascii")
    data = canonical(cast("Json", [text, name, value]), f"sealed field {name}")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def commitment(disclosure: str) -> str:
    """The commitment that a disclosure opens: the hash of its text (RFC 9901 section 4.2.3)."""
    return "sha256:" + hashlib.sha256(disclosure.encode("utf-8", "replace")).hexdigest()


def seal(entry: LogEntry, names: Iterable[str], salts: Salts) -> SealedEntry:
    """The entry with commitments in place of the fields of these names (or of `subject`, `actor`).

    Raises:
        BadInput: the entry has no such field.
        Malformed, TooLarge: as `encode`.
    """
    fields, sealed, disclosures = dict(entry.fields), dict(entry.sealed), []
    own = {name: getattr(entry, name) for name in _OWN}
    for name in dict.fromkeys(names):
        if name in own:
            value: Field = own[name]
            own[name] = ""
        elif name in fields:
            value = fields.pop(name)
        else:
            raise BadInput(
                "sealed field", repr(name[:80]), f"subject, actor or one of {', '.join(sorted(entry.fields))}"
            )
        disclosures.append(_disclosure(salts(), name, value))
        sealed[name] = commitment(disclosures[-1])
    closed = msgspec.structs.replace(entry, fields=fields, sealed=sealed, subject=own["subject"], actor=own["actor"])
    return SealedEntry(encode(closed), tuple(disclosures))


def read_disclosure(disclosure: str) -> Disclosed:
    """What a disclosure says; whether an entry commits to it is not looked at.

    Raises:
        Malformed: it is no disclosure.
    """
    wanted = "base64url of a JSON list of salt, name and value"
    try:
        padded = disclosure + "=" * (-len(disclosure) % 4)
        data = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        _, name, value = msgspec.json.decode(data, type=tuple[str, str, bool | int | str | list[str] | None])
    except (binascii.Error, UnicodeError, msgspec.MsgspecError) as e:
        raise Malformed("disclosure", str(e).lower()[:160], wanted) from None
    return Disclosed(name, tuple(value) if isinstance(value, list) else value)


def disclose(entry: LogEntry, disclosure: str) -> Disclosed:
    """What a disclosure opens of an entry, once the entry is found to commit to it under that name.

    Raises:
        Malformed: it is no disclosure.
        BadProof: the entry does not commit to it.
    """
    found = read_disclosure(disclosure)
    if entry.sealed.get(found.name) != commitment(disclosure):
        raise BadProof(f"disclosure of {found.name[:80]!r}", "another value", "the one that the entry commits to")
    return found


def opened(entry: LogEntry, disclosures: Iterable[str]) -> LogEntry:
    """The entry with what the disclosures open in its place; `sealed` keeps what stays closed.

    Raises:
        Malformed, BadProof: as `disclose`.
    """
    fields, sealed = dict(entry.fields), dict(entry.sealed)
    own: dict[str, str] = {name: getattr(entry, name) for name in _OWN}
    for disclosure in disclosures:
        found = disclose(entry, disclosure)
        sealed.pop(found.name, None)
        if found.name in own:
            own[found.name] = str(found.value)
        else:
            fields[found.name] = found.value
    return msgspec.structs.replace(entry, fields=fields, sealed=sealed, subject=own["subject"], actor=own["actor"])
