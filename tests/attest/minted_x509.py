"""Certificates and revocation lists as a vendor would make them, written octet by octet.

AMD's have serial number 0, and forgeries have worse; builders of libraries refuse both. EC signatures are
deterministic, so that a run can be repeated to the octet.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element with its contents."""
    value = b"".join(parts)
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + value


def integer(n: int, tag: int = 0x02) -> bytes:
    """An INTEGER in its shortest form."""
    return tlv(tag, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    octets = b""
    for arc in (40 * first + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        octets += bytes(reversed(septets))
    return tlv(0x06, octets)


def name(common: str, *more: bytes) -> bytes:
    """A Name of an organisation and a common name."""
    parts = [(oid("2.5.4.10"), tlv(0x0C, b"Made Up")), (oid("2.5.4.3"), tlv(0x0C, common.encode()))]
    return tlv(0x30, *(tlv(0x31, tlv(0x30, *p)) for p in parts), *more)


def time(at: datetime) -> bytes:
    """A time as RFC 5280 has it."""
    return tlv(0x17, f"{at:%y%m%d%H%M%SZ}".encode()) if at.year < 2050 else tlv(0x18, f"{at:%Y%m%d%H%M%SZ}".encode())


def bits(data: bytes) -> bytes:
    """A BIT STRING of whole octets."""
    return tlv(0x03, b"\0", data)


_SHA384 = tlv(0x30, oid("2.16.840.1.101.3.4.2.2"), tlv(0x05))
PSS_SHA384 = tlv(
    0x30,
    oid("1.2.840.113549.1.1.10"),
    tlv(
        0x30,
        tlv(0xA0, _SHA384),
        tlv(0xA1, tlv(0x30, oid("1.2.840.113549.1.1.8"), _SHA384)),
        tlv(0xA2, integer(48)),
    ),
)
ECDSA_SHA256 = tlv(0x30, oid("1.2.840.10045.4.3.2"))
ECDSA_SHA384 = tlv(0x30, oid("1.2.840.10045.4.3.3"))


@lru_cache(maxsize=32)
def ec_key(number: int, curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePrivateKey:
    """The EC key of a number: the same in every run."""
    return ec.derive_private_key(0x5EED << 64 | number, curve())


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:  # noqa: ARG001 - it is what the key is kept by
    """An RSA key, made once a run for a number. AMD's have 4096 bits; what is tested does not depend on it."""
    return rsa.generate_private_key(65537, 2048)


def spki(key: Key) -> bytes:
    """The SubjectPublicKeyInfo of a key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def algorithm_of(key: Key) -> bytes:
    """The algorithm that a vendor signs with by a key of this kind."""
    if isinstance(key, rsa.RSAPrivateKey):
        return PSS_SHA384
    return ECDSA_SHA256 if key.curve.key_size == 256 else ECDSA_SHA384


def sign(key: Key, data: bytes) -> bytes:
    """A signature by the key as `algorithm_of` names it."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PSS(padding.MGF1(SHA384()), 48), SHA384())
    digest = SHA256() if key.curve.key_size == 256 else SHA384()
    return key.sign(data, ec.ECDSA(digest, deterministic_signing=True))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    """One extension."""
    return tlv(0x30, oid(dotted), *([tlv(0x01, b"\xff")] if critical else []), tlv(0x04, value))


def authority(path: int | None = None) -> tuple[bytes, ...]:
    """The extensions of an authority: basic constraints, and the usages of signing certificates and lists."""
    inside = tlv(0x30, tlv(0x01, b"\xff"), *([] if path is None else [integer(path)]))
    usage = tlv(0x03, b"\x01\x06")
    return (extension("2.5.29.19", inside, critical=True), extension("2.5.29.15", usage, critical=True))


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for, and all else that stands in it."""

    common: str
    key: Key
    extensions: tuple[bytes, ...] = ()
    serial: int = 0
    begins: datetime = NOW - 365 * DAY
    ends: datetime = NOW + 365 * DAY


def certificate(subject: Subject, issuer: Subject, signer: Key | None = None, issuer_name: str = "") -> bytes:
    """The certificate of a subject by an issuer, who signs with `signer`, or his own key."""
    key = signer or issuer.key
    how = algorithm_of(key)
    tbs = tlv(
        0x30,
        tlv(0xA0, integer(2)),
        integer(subject.serial),
        how,
        name(issuer_name or issuer.common),
        tlv(0x30, time(subject.begins), time(subject.ends)),
        name(subject.common),
        spki(subject.key),
        *([tlv(0xA3, tlv(0x30, *subject.extensions))] if subject.extensions else []),
    )
    return tlv(0x30, tbs, how, bits(sign(key, tbs)))


@dataclass(frozen=True)
class Listing:
    """What stands in a revocation list."""

    serials: Sequence[int] = ()
    begins: datetime = NOW - DAY
    ends: datetime | None = NOW + 30 * DAY
    since: datetime = NOW - 2 * DAY
    extensions: tuple[bytes, ...] = field(default=())


def revocations(issuer: Subject, held: Listing = Listing(), signer: Key | None = None) -> bytes:
    """A revocation list of an issuer."""
    key = signer or issuer.key
    how = algorithm_of(key)
    entries = [tlv(0x30, integer(n), time(held.since)) for n in held.serials]
    tbs = tlv(
        0x30,
        integer(1),
        how,
        name(issuer.common),
        time(held.begins),
        *([time(held.ends)] if held.ends else []),
        *([tlv(0x30, *entries)] if entries else []),
        *([tlv(0xA0, tlv(0x30, *held.extensions))] if held.extensions else []),
    )
    return tlv(0x30, tbs, how, bits(sign(key, tbs)))


def pem(data: bytes, label: str = "CERTIFICATE") -> bytes:
    """The block of a PEM text."""
    text = base64.encodebytes(data)
    return b"-----BEGIN " + label.encode() + b"-----\n" + text + b"-----END " + label.encode() + b"-----\n"


def changed(subject: Subject, **fields: object) -> Subject:
    """The subject with other fields."""
    return replace(subject, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name
