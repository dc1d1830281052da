"""The bundle of feeds: all that is known of vulnerabilities in the normal form, in one signed file, for behind an air gap.

A line with the schema and the length of the note in octets, the note, and a JSON object on each line that follows. The note
(c2sp.org/signed-note) is over the name, the time, the day up to which the feed goes and the SHA-256 of the lines; the same feed,
name, time and key give the same octets. It holds facts of versions, and no vendor's document.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, VerifierKey
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier
from strongroom.model.advisory import Asked, Document, Feed, Signals
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge

SCHEMA = "strongroom.feed-bundle/1"
MOST = 1 << 30  # octets
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_SUBJECT, _WHAT = "feed bundle", "a bundle of feeds"
_NOTE_MOST = 64 << 10
_HINT = "strongroom feeds bundle -o FILE"
_STATEMENT = re.compile(
    rf"{SCHEMA}\nname (?P<name>[^\n]{{1,128}})\nmade (?P<made>[^\n]{{20}})\nas of (?P<as_of>[^\n]{{0,10}})\n"
    r"sha256:(?P<digest>[0-9a-f]{64})\n"
)


class _Line(msgspec.Struct, omit_defaults=True):
    document: Document | None = None
    signals: Signals | None = None
    asked: Asked | None = None


class Bundle(NamedTuple):
    """A bundle that a trusted key has signed."""

    name: str
    made: str
    as_of: str
    feed: Feed
    signed_by: tuple[str, ...]


def recognises(head: bytes) -> bool:
    """Whether octets look like one."""
    return head.startswith(SCHEMA.encode() + b" ")


def make(feed: Feed, name: str, now: datetime, signer: Ed25519Signer) -> bytes:
    """The file. Raises Malformed for a name that is none."""
    if not _NAME.fullmatch(name):
        raise Malformed(_SUBJECT, f"the name {name[:60]!r}", "letters, digits and . _ + -")
    lines = [_Line(document=d) for d in sorted(feed.documents, key=lambda d: (d.publisher, d.id))]
    lines += [_Line(signals=s) for s in sorted(feed.signals, key=lambda s: s.kind)]
    lines += [_Line(asked=a) for a in sorted(feed.asked, key=lambda a: a.url)]
    encoder = msgspec.json.Encoder(order="sorted")
    body = b"".join(encoder.encode(line) + b"\n" for line in lines)
    as_of = max((d.published for d in feed.documents), default="")
    digest = hashlib.sha256(body).hexdigest()
    statement = f"{SCHEMA}\nname {name}\nmade {now:%Y-%m-%dT%H:%M:%SZ}\nas of {as_of}\nsha256:{digest}\n"
    note = notes.sign(statement, [signer])
    return b"".join((f"{SCHEMA} {len(note)}\n".encode(), note, body))


def parse(data: bytes, keys: Sequence[VerifierKey], subject: str = _SUBJECT) -> Bundle:
    """The bundle, once a trusted key has signed exactly this.

    Raises:
        BadSignature: nobody who is trusted has, or it is another than the one that was signed.
        Malformed, TooLarge: it is none.
    """
    note, body = _parts(data, subject)
    hint = "name the public key of who made it in [feeds] keys"
    verifiers = [Ed25519Verifier(k) for k in keys if k.kind is Kind.ED25519]
    if not verifiers:
        raise BadSignature(subject, "no key that is trusted", "the public key of who made it", hint)
    try:
        opened = notes.open_note(note, verifiers)
    except BadInput as e:
        raise BadSignature(subject, e.found, e.wanted, hint) from None
    told = _STATEMENT.fullmatch(opened.text)
    if told is None:
        raise Malformed(subject, "a statement of another form", SCHEMA, _HINT)
    if hashlib.sha256(body).hexdigest() != told["digest"]:
        raise BadSignature(subject, "a signature over another bundle", "one over this bundle")
    try:
        lines = msgspec.json.Decoder(_Line).decode_lines(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160].lower(), _WHAT, _HINT) from None
    feed = Feed(
        tuple(x.document for x in lines if x.document), tuple(x.signals for x in lines if x.signals),
        asked=tuple(x.asked for x in lines if x.asked),
    )  # fmt: skip
    signed_by = tuple(f"{v.key.name}+{v.key.key_id:08x}" for v in opened.verified)
    return Bundle(told["name"], told["made"], told["as_of"], feed, signed_by)


def _parts(data: bytes, subject: str) -> tuple[bytes, bytes]:
    head, end, _ = data[:200].partition(b"\n")
    schema, _, size = head.decode("ascii", "replace").partition(" ")
    if schema != SCHEMA or not end or not size.isdecimal() or len(size) > 6 or int(size) > _NOTE_MOST:
        raise Malformed(subject, f"{head[:60]!r}", _WHAT, _HINT)
    if len(data) > MOST:
        raise TooLarge(subject, f"over {MOST >> 20} MiB", _WHAT)
    start = len(head) + 1
    return data[start : start + int(size)], data[start + int(size) :]
