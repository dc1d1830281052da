"""Outputs of a workload, sealed to those whom the owners' policy names: who they are, and the envelope.

A broker signs who may get outputs, by which policy, and for which attested key. The envelope is JSON Web Encryption for
exactly them (RFC 7516, section 7.2.1), with the resource, the policy and their thumbprints in its protected header. Nothing in
it says who made it: that is for the log, where its digest is before it may be handed out.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.kit import jwe, strict_json
from strongroom.kit.jwk import Recipient, recipient
from strongroom.model.errors import BadSignature, Denied, Malformed, TooLarge
from strongroom.model.release import Receiver

STATEMENT = "strongroom-recipients+jwt"  # the type of the broker's statement
ENVELOPE = "strongroom-output"  # the type of an envelope
MOST = 64 << 20  # octets of an output: sealing one takes some 350 MiB of memory, opening it 550; cut what is larger
MOST_ENVELOPE = MOST // 3 * 4 + (1 << 20)  # the same in base64, with its recipients
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
T = TypeVar("T")


class Statement(msgspec.Struct, frozen=True):
    """Who may get outputs of a resource, and for whom that was said. `key` is the thumbprint of the attested key."""

    resource: str
    policy: str
    recipients: tuple[Receiver, ...]
    key: str
    decision: str
    iat: int
    exp: int


class Header(msgspec.Struct, frozen=True):
    """What the protected header of an envelope says: of which resource and policy it is, and for which keys."""

    typ: str
    resource: str
    policy: str
    recipients: tuple[str, ...]


class Handed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked before an envelope is handed out: its digest, and the policy that it was sealed by."""

    output: str
    policy: str


class Opened(NamedTuple):
    """An envelope that was opened: what it says, what was inside, its digest."""

    header: Header
    plaintext: bytes
    digest: str


def statement(payload: bytes) -> Statement:
    """The claims of a statement whose signature was verified. Raises Malformed."""
    return _decoded(payload, Statement, "statement of recipients")


def handed(body: bytes) -> Handed:
    """The message that asks to hand an envelope out. Raises Malformed."""
    found = _decoded(body, Handed, "output")
    for digest in (found.output, found.policy):
        if not _DIGEST.fullmatch(digest):
            raise Malformed("output", repr(digest[:80]), "sha256: and 64 hex digits")
    return found


def keys_of(said: Statement) -> tuple[Recipient, ...]:
    """The keys that outputs are encrypted to. Raises Denied where there are none, Malformed."""
    if not said.recipients:
        raise Denied(said.resource, "nobody who may get an output", "recipients in its rule")
    return tuple(recipient(r.key) for r in said.recipients)


def sealed(said: Statement, data: bytes, fresh: Sequence[jwe.Fresh]) -> bytes:
    """The data for the recipients of a statement and nobody else. `fresh` has one for each of `keys_of`, in order.

    Raises:
        Denied: there are no recipients.
        TooLarge: it is over 64 MiB.
    """
    to = keys_of(said)
    if len(data) > MOST:
        raise TooLarge("output", f"{len(data)} octets", f"at most {MOST}", "cut it, and seal each piece")
    header = Header(ENVELOPE, said.resource, said.policy, tuple(r.thumbprint for r in to))
    return jwe.encrypt_for(to, data, fresh, msgspec.to_builtins(header))


def opened(data: bytes, key: jwe.PrivateKey) -> Opened:
    """What an envelope holds, for one of its recipients.

    Raises:
        Malformed: it is none.
        BadSignature: it is for others, was changed, or is for others than its header says.
    """
    said = jwe.decrypt_general(data, key, MOST_ENVELOPE)
    header = _decoded(said.header, Header, "envelope")
    if header.typ != ENVELOPE:
        raise Malformed("envelope", f"the type {header.typ[:40]!r}", ENVELOPE)
    if sorted(said.recipients) != sorted(header.recipients):
        raise BadSignature("envelope", "other recipients than its header names", "exactly those")
    return Opened(header, said.plaintext, digest_of(data))


def digest_of(data: bytes) -> str:
    """What an envelope is logged by."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _decoded(payload: bytes, kind: type[T], subject: str) -> T:
    strict_json.check(payload, subject)
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(subject, str(e)[:160], "one of this program's") from None
