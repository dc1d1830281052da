"""DSSE v1.0: an envelope around what was signed, with its type inside the signature.

Source: secure-systems-lab/dsse, protocol.md and envelope.md.
"""

import base64
import binascii
from typing import NamedTuple

import msgspec

from strongroom.model.errors import Malformed

IN_TOTO = "application/vnd.in-toto+json"  # in-toto attestation framework, envelope.md
MOST_SIGNATURE = 8 << 10  # octets; ML-DSA-87, the longest that is standard, has 4,627


class Envelope(NamedTuple):
    """What an envelope holds; nothing of it is proven until the signature over `pae` is."""

    payload_type: str
    payload: bytes
    signature: bytes


class SignatureJson(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A signature as JSON has it. `keyid` is a hint that may be absent, empty or null, and is not used."""

    sig: str
    keyid: str | None = None


class EnvelopeJson(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """An envelope as JSON has it."""

    payload: str
    payload_type: str
    signatures: list[SignatureJson]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The octets that are signed (protocol.md, PAE): lengths stand before the texts, so that nothing can slide."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def legacy_pae(payload_type: str, payload: bytes) -> bytes:
    """What model-signing 0.2.0 signed instead: another first word, and the payload as Python prints octets.

    It is no encoding that a standard knows, and is looked at only where a caller asks for old bundles.
    """
    return f"DSSEV1 {len(payload_type)} {payload_type} {len(payload)} {payload!r}".encode()


def octets(text: str, subject: str, what: str) -> bytes:
    """Base64 of RFC 4648 section 4, in the one form that its octets have. Raises Malformed."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(subject, f"{what} that is not base64", "base64") from None
    if base64.b64encode(data) != text.encode():  # bits that no octet has, or blanks
        raise Malformed(subject, f"{what} in a second form of base64", "the form that encoding gives")
    return data


def opened(found: EnvelopeJson, subject: str) -> Envelope:
    """The envelope of its JSON.

    Raises:
        Malformed: there is not exactly one signature (Sigstore bundle v0.3), or something is not base64.
    """
    if len(found.signatures) != 1:
        raise Malformed(subject, f"{len(found.signatures)} signatures in the envelope", "exactly one")
    signature = octets(found.signatures[0].sig, subject, "a signature")
    if not 0 < len(signature) <= MOST_SIGNATURE:
        raise Malformed(subject, f"a signature of {len(signature)} octets", f"1 to {MOST_SIGNATURE}")
    payload = octets(found.payload, subject, "a payload")
    if not payload:
        raise Malformed(subject, "an empty payload", "a statement")
    return Envelope(found.payload_type, payload, signature)


def written(envelope: Envelope) -> EnvelopeJson:
    """The JSON of an envelope, with the empty `keyid` that older readers insist on."""
    signature = SignatureJson(base64.b64encode(envelope.signature).decode(), "")
    return EnvelopeJson(base64.b64encode(envelope.payload).decode(), envelope.payload_type, [signature])
