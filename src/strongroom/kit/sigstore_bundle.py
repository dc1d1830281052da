"""Sigstore bundles (sigstore/protobuf-specs, sigstore_bundle.proto) that hold a DSSE envelope: read strictly, and written.

What verifies the envelope is only named in a bundle; whoever trusts the key or the certificates that lie beside a
signature has verified nothing. This file reads and proves nothing.
"""

import base64
from typing import NamedTuple

import msgspec

from strongroom.kit import dsse, strict_json
from strongroom.model.errors import Malformed, TooLarge

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_OLDER = frozenset(f"application/vnd.dev.sigstore.bundle+json;version=0.{n}" for n in (1, 2, 3))
MOST = 256 << 20  # octets: a statement has some 200 for each file or shard
MOST_CERTIFICATES = 16
MOST_ENTRIES = 32


class PublicKey(NamedTuple):
    """A key that is only named: the SHA-256 of its PEM in hex, or in bundles before 1.1.0 the PEM itself."""

    hint: str
    pem: bytes


class CertificateChain(NamedTuple):
    """The certificates that came with a signature, as DER, that of the signer first."""

    certificates: tuple[bytes, ...]


class Keyless(NamedTuple):
    """A short-lived certificate as DER, and how many entries of a transparency log stand beside it."""

    certificate: bytes
    entries: int


Material = PublicKey | CertificateChain | Keyless


class Bundle(NamedTuple):
    """A bundle that was read and of which nothing is proven."""

    media_type: str
    material: Material
    envelope: dsse.Envelope


class _Key(msgspec.Struct, rename="camel"):
    hint: str | None = None
    raw_bytes: str | None = None


class _Certificate(msgspec.Struct, rename="camel"):
    raw_bytes: str


class _Chain(msgspec.Struct, rename="camel"):
    certificates: list[_Certificate]


class _Material(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    public_key: _Key | None = None
    x509_certificate_chain: _Chain | None = None
    certificate: _Certificate | None = None
    tlog_entries: list[msgspec.Raw] | None = None
    timestamp_verification_data: msgspec.Raw = msgspec.Raw(b"null")  # looked at by a client of Sigstore alone


class _Bundle(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: dsse.EnvelopeJson


def read(data: bytes, subject: str, *, compat: bool = False) -> Bundle:
    """The bundle of a file's octets; `compat` takes the media types of older bundles too.

    Raises:
        Malformed: it is no bundle with an envelope, or a key stands in it twice.
        TooLarge: it is longer, or nests deeper, than any bundle.
    """
    if len(data) > MOST:
        raise TooLarge(subject, f"{len(data)} octets", f"at most {MOST}")
    strict_json.check(data, subject)
    try:
        found = msgspec.json.decode(data, type=_Bundle)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, _told(e), "a Sigstore bundle with a DSSE envelope") from None
    known = {MEDIA_TYPE, *(_OLDER if compat else ())}
    if found.media_type not in known:
        hint = "--compat reads older bundles" if found.media_type in _OLDER else ""
        raise Malformed(subject, f"the media type {found.media_type[:80]!r}", MEDIA_TYPE, hint)
    return Bundle(
        found.media_type, _material(found.verification_material, subject), dsse.opened(found.dsse_envelope, subject)
    )


def _told(error: Exception) -> str:
    text = str(error)
    return (text[:1].lower() + text[1:160]) or type(error).__name__


def _material(found: _Material, subject: str) -> Material:
    """The one kind of verification material: it is a `oneof`, so that two kinds could be read two ways."""
    given = [m for m in (found.public_key, found.x509_certificate_chain, found.certificate) if m is not None]
    if len(given) != 1:
        wanted = "one of publicKey, x509CertificateChain and certificate"
        raise Malformed(subject, f"{len(given)} kinds of verification material", wanted)
    entries = len(found.tlog_entries or ())
    if entries > MOST_ENTRIES:
        raise TooLarge(subject, f"{entries} entries of a transparency log", f"at most {MOST_ENTRIES}")
    if found.public_key is not None:
        return _key(found.public_key, subject)
    if found.x509_certificate_chain is not None:
        held = found.x509_certificate_chain.certificates
        if not 0 < len(held) <= MOST_CERTIFICATES:
            raise Malformed(subject, f"a chain of {len(held)} certificates", f"1 to {MOST_CERTIFICATES}")
        return CertificateChain(tuple(dsse.octets(c.raw_bytes, subject, "a certificate") for c in held))
    assert found.certificate is not None
    if not entries:  # OMS v1.0 section 4.1: without the log's entry, nobody knows when the certificate was used
        raise Malformed(subject, "a certificate without entries of a transparency log", "at least one in tlogEntries")
    return Keyless(dsse.octets(found.certificate.raw_bytes, subject, "a certificate"), entries)


def _key(found: _Key, subject: str) -> PublicKey:
    if found.hint is None and found.raw_bytes is None:
        raise Malformed(subject, "a public key with neither hint nor rawBytes", "one of them")
    return PublicKey(found.hint or "", dsse.octets(found.raw_bytes or "", subject, "a public key"))


def written(material: PublicKey | CertificateChain, envelope: dsse.Envelope) -> bytes:
    """The JSON of a bundle in the form of version 0.3, with the empty list of log entries that older readers want."""
    held: dict[str, object]
    if isinstance(material, PublicKey):
        held = {"publicKey": {"hint": material.hint}}
    else:
        listed = [{"rawBytes": base64.b64encode(c).decode()} for c in material.certificates]
        held = {"x509CertificateChain": {"certificates": listed}}
    whole = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {**held, "tlogEntries": []},
        "dsseEnvelope": dsse.written(envelope),
    }
    return msgspec.json.encode(whole) + b"\n"
