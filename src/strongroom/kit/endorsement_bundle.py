"""The bundle: endorsements for where no vendor can be asked, in one signed file.

    {"bundle": {"items": […], "made_at": "…Z", "name": "…", "schema": "strongroom.endorsement-bundle/1"}, "note": "…"}

It is canonical JSON (RFC 8785) and a line end; the same endorsements, name, time and key give the same octets. The note
(c2sp.org/signed-note) is over name, time and the SHA-256 of the `bundle` object as it stands. Every item carries what it
says of itself, so that the file can be read without this program; what an item does not say is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.canonical import canonical
from strongroom.kit.endorsement_names import Described, describe
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, VerifierKey
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, VerifiedNote
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge

SCHEMA = "strongroom.endorsement-bundle/1"
MOST = 64 << 20  # bytes
MOST_ITEMS = 10_000
_SUBJECT = "endorsement bundle"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_HINT = "strongroom attest bundle create"


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One endorsement: octets in base64, `sha256` of the octets, and what they say of themselves."""

    kind: EndorsementKind
    title: str
    origin: str
    sha256: str
    begins: str
    ends: str
    data: str
    signature: str
    chain: tuple[str, ...]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    name: str
    made_at: datetime
    items: tuple[Item, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bundle: msgspec.Raw
    note: str


class Member(NamedTuple):
    """An endorsement of a bundle and what it says of itself."""

    item: Endorsement
    says: Described


class Bundle(NamedTuple):
    """A bundle as it was read. Nobody has signed it until `verify` says so."""

    name: str
    made_at: datetime
    members: tuple[Member, ...]
    digest: str
    note: bytes

    @property
    def endorsements(self) -> Endorsements:
        """What is inside."""
        return Endorsements(tuple(m.item for m in self.members))

    @property
    def statement(self) -> str:
        """The text that a key signs."""
        return f"{SCHEMA}\nname {self.name}\nmade {_time(self.made_at)}\n{self.digest}\n"


def recognises(data: bytes) -> bool:
    """Whether the octets look like a bundle."""
    return data.lstrip()[:1] == b"{" and f'"{SCHEMA}"'.encode() in data


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else ""


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


# Making


def make(given: Endorsements, name: str, now: datetime, signer: Ed25519Signer) -> bytes:
    """The file, its items sorted by kind, title and digest, each once.

    Raises:
        Malformed: the name is none, or an item cannot be read.
        TooLarge: it would hold more than MOST_ITEMS, or be over MOST.
    """
    if not _NAME.fullmatch(name):
        raise Malformed(_SUBJECT, f"the name {name[:60]!r}", "letters, digits and . _ + -")
    unique = {e.digest: e for e in given.items}
    if not unique:
        raise Malformed(_SUBJECT, "nothing to put into it", "at least one endorsement")
    if len(unique) > MOST_ITEMS:
        raise TooLarge(_SUBJECT, f"{len(unique)} endorsements", f"at most {MOST_ITEMS}")
    items = sorted((_item(e) for e in unique.values()), key=lambda i: (i.kind, i.title, i.sha256, i.signature))
    content = _Content(SCHEMA, name, now.replace(microsecond=0), tuple(items))
    inner = canonical(
        {**msgspec.to_builtins(content), "made_at": _time(content.made_at)},
        _SUBJECT,
    )
    held = _bundle(inner, "")
    note = notes.sign(held.statement, [signer]).decode()
    data = b'{"bundle":' + inner + b',"note":' + canonical(note, _SUBJECT) + b"}\n"
    if len(data) > MOST:
        raise TooLarge(_SUBJECT, f"{len(data):,} bytes", f"at most {MOST:,}")
    return data


def _item(e: Endorsement) -> Item:
    says = describe(e)
    sha256 = hashlib.sha256(e.data).hexdigest()
    begins, ends = _time(says.begins), _time(says.ends)
    chain = tuple(_text(c) for c in e.chain)
    return Item(e.kind, says.title, e.origin, sha256, begins, ends, _text(e.data), _text(e.signature), chain)


# Reading


def parse(data: bytes, subject: str = _SUBJECT) -> Bundle:
    """The bundle of a file's octets, every item compared with what the file says of it; not verified.

    Raises:
        Malformed: it is none, or an item is not what the file says.
        TooLarge: it is over MOST or MOST_ITEMS.
    """
    if len(data) > MOST:
        raise TooLarge(subject, f"over {MOST >> 20} MiB", "a bundle of endorsements")
    strict_json.check(data, subject, _HINT)
    try:
        file = msgspec.json.decode(data, type=_File)
        return _bundle(bytes(file.bundle), file.note)
    except (msgspec.MsgspecError, UnicodeEncodeError) as e:
        raise Malformed(subject, str(e)[:200], "a bundle of endorsements", _HINT) from None
    except BadInput as e:
        raise type(e)(subject, e.found, e.wanted, e.hint) from None


def _bundle(inner: bytes, note: str) -> Bundle:
    content = msgspec.json.decode(inner, type=_Content)
    if content.schema != SCHEMA or not _NAME.fullmatch(content.name) or content.made_at.tzinfo is None:
        found = f"schema {content.schema[:60]!r}, name {content.name[:60]!r}"
        raise Malformed(_SUBJECT, found, f"{SCHEMA}, a name, and a time in UTC")
    if len(content.items) > MOST_ITEMS:
        raise TooLarge(_SUBJECT, f"{len(content.items)} items", f"at most {MOST_ITEMS}")
    members = tuple(_member(n, item) for n, item in enumerate(content.items, 1))
    digest = f"sha256:{hashlib.sha256(inner).hexdigest()}"
    return Bundle(content.name, content.made_at, members, digest, note.encode())


def _member(number: int, stated: Item) -> Member:
    try:
        data, signature = _octets(stated.data), _octets(stated.signature)
        item = Endorsement(stated.kind, data, signature, tuple(map(_octets, stated.chain)), stated.origin)
        found = _item(item)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, f"item {number} that is not base64", "base64") from None
    except Malformed as e:
        raise Malformed(_SUBJECT, f"item {number}: {e.subject}: {e.found}", e.wanted) from None
    if found != stated:
        differs = next(f for f in stated.__struct_fields__ if getattr(found, f) != getattr(stated, f))
        raise Malformed(_SUBJECT, f"item {number}, whose {differs} is not that of its octets", "what it says itself")
    return Member(item, describe(item))


def _octets(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), validate=True)


def verify(held: Bundle, keys: Sequence[VerifierKey], subject: str = _SUBJECT) -> VerifiedNote:
    """The note, once a trusted key has signed exactly this bundle.

    Raises:
        BadSignature: nobody who is trusted has, or it is another bundle than the one that was signed.
        BadInput: a key is of another type.
    """
    for key in keys:
        if key.kind is not Kind.ED25519:
            raise BadInput(f"key {key.name}", f"signature type 0x{key.kind:02x}", "0x01, Ed25519 over the note")
    hint = "name the public key of who made it with --key, or in [attest] keys"
    if not keys:
        raise BadSignature(subject, "no key that is trusted", "the public key of who made it", hint)
    try:
        opened = notes.open_note(held.note, [Ed25519Verifier(key) for key in keys])
    except BadInput as e:
        raise BadSignature(subject, e.found, e.wanted, hint) from None
    if opened.text != held.statement:
        raise BadSignature(subject, "a signature over another bundle", "one over this bundle")
    return opened


def signers(held: Bundle) -> tuple[str, ...]:
    """Who the note says has signed, not verified; none where it is no note."""
    try:
        return tuple(f"{s.name}+{s.key_id:08x}" for s in notes.parse(held.note).signatures)
    except BadInput:
        return ()
