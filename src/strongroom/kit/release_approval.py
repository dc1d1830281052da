"""A person's approval of one release, as a signed note: what for, for which key, why, until when.

    strongroom.release-approval/1
    resource models/weights/llm-1
    requester THUMBPRINT
    until 2026-11-22T12:00:00.000000Z
    reason the run of Monday

The approver is the key that signed; nothing in a database can stand in for the signature.
"""

import re
from datetime import UTC, datetime

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier
from strongroom.model.errors import BadInput, BadSignature, Malformed
from strongroom.model.release import Approval, resource_name

SCHEMA = "strongroom.release-approval/1"
_SUBJECT = "approval"
_THUMBPRINT = re.compile(r"[0-9a-f]{64}")  # RFC 7638 with SHA-256, in hex
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def statement(a: Approval) -> str:
    """The text that is signed. Raises Malformed: a field would be read as another line."""
    resource_name(a.resource)
    if not _THUMBPRINT.fullmatch(a.requester):
        raise Malformed(_SUBJECT, f"the requester {a.requester[:70]!r}", "the thumbprint of a key, 64 hex digits")
    if not a.reason.strip() or not a.reason.isprintable() or len(a.reason) > 1000:
        raise Malformed(_SUBJECT, "a reason of no words, or with line breaks", "one line of at most 1000 characters")
    if a.until.tzinfo is None:
        raise Malformed(_SUBJECT, "an end without time zone", "a time in UTC")
    until = a.until.astimezone(UTC).strftime(_STAMP)
    return f"{SCHEMA}\nresource {a.resource}\nrequester {a.requester}\nuntil {until}\nreason {a.reason}\n"


def sign(a: Approval, signer: Ed25519Signer) -> bytes:
    """The note of an approval, by the key of its approver. Raises Malformed, BadSignature (another's key)."""
    if a.approver != str(signer.key.verifier):
        raise BadSignature(_SUBJECT, f"a key of {signer.key.verifier.name}", a.approver[:80])
    return notes.sign(statement(a), [signer])


def verify(note: bytes, approver: str) -> Approval:
    """What an approver has signed. Raises Malformed, BadSignature."""
    key = parse_verifier_key(approver)
    if key.kind is not Kind.ED25519:
        raise BadSignature(_SUBJECT, f"a key of {key.name} of another type", "an Ed25519 key")
    text = notes.open_note(note, [Ed25519Verifier(key)]).text
    found = _parsed(text, approver)
    if statement(found) != text:
        raise Malformed(_SUBJECT, "a text that is written otherwise", SCHEMA)
    return found


def _parsed(text: str, approver: str) -> Approval:
    lines = text.split("\n")
    names = ("resource", "requester", "until", "reason")
    if len(lines) != 6 or lines[0] != SCHEMA or lines[5]:
        raise Malformed(_SUBJECT, f"{lines[0][:60]!r}, {len(lines)} lines", SCHEMA)
    held = {}
    for name, line in zip(names, lines[1:5], strict=True):
        if not line.startswith(f"{name} "):
            raise Malformed(_SUBJECT, repr(line[:60]), name)
        held[name] = line[len(name) + 1 :]
    try:
        until = datetime.strptime(held["until"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(_SUBJECT, repr(held["until"][:60]), "a time such as 2026-11-22T12:00:00.000000Z") from None
    return Approval(held["resource"], held["requester"], approver, held["reason"], until)


def held(note: bytes, claimed: Approval) -> bool:
    """Whether a row of a database is what its approver has signed."""
    try:
        return verify(note, claimed.approver) == claimed
    except BadInput:
        return False
