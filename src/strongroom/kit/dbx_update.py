"""Signed updates of dbx, Secure Boot's list of what is revoked: as a vendor hands them out, and as firmware takes them.

Sources: UEFI 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2, what is signed) and 32.4.1 (EFI_SIGNATURE_LIST); RFC 2315, 9
(SignedData of PKCS #7, version 1).

Vendors write one fixed time into every update, and nobody signs the date of a list: it is in the file's name. What is
signed says only that the list is not older than its signer's certificate.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from strongroom.kit import der, secure_boot
from strongroom.kit.secure_boot import Entry
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.kit.x509.signing import Algorithm, verify
from strongroom.model.errors import BadInput, BadSignature, Malformed

MOST = 1 << 20  # octets; the longest of June 2026 has 24 KiB
_SUBJECT = "dbx update"
_TIME, _HEAD = 16, 24  # octets of EFI_TIME, and of WIN_CERTIFICATE_UEFI_GUID before its data
_REVISION, _TYPE = 0x0200, 0x0EF1  # WIN_CERT_TYPE_EFI_GUID
_PKCS7 = "4aafd29d-68df-49ee-8aa9-347d375665a7"  # EFI_CERT_TYPE_PKCS7_GUID
_SIGNED_DATA, _DATA, _SHA256, _RSA = (
    "1.2.840.113549.1.7.2",
    "1.2.840.113549.1.7.1",
    "2.16.840.1.101.3.4.2.1",
    "1.2.840.113549.1.1.1",
)
_MOST_CERTIFICATES = 8
# What is signed before the lists (8.2.2): name without its end, GUID of the vendor, attributes, time. The attributes are
# not in the file: non-volatile, of boot and run time, authenticated by time, and with or without "append".
_NAME = "dbx".encode("utf-16-le")
_OWNER = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")  # EFI_IMAGE_SECURITY_DATABASE_GUID
_ATTRIBUTES = (0x67, 0x27)
_DATE = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
# As names of files and of programs have it.
_ARCHITECTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("arm64", ("arm64", "aa64", "aarch64")),
    ("x64", ("x64", "amd64", "x86_64")),
    ("ia32", ("x86", "ia32")),
    ("arm", ("arm",)),
)


class Update(NamedTuple):
    """An update that was read and of which nothing is proven yet."""

    time: bytes  # EFI_TIME
    lists: bytes  # what is put into dbx
    entries: tuple[Entry, ...]
    signer: Certificate
    certificates: tuple[Certificate, ...]  # that came along
    signature: bytes


def recognises(data: bytes) -> bool:
    """Whether octets begin as an update does."""
    return data[20:24] == b"\x00\x02\xf1\x0e" and secure_boot.guid(data[24:40]) == _PKCS7


@lru_cache(maxsize=64)  # a fleet is held against one list
def parse(data: bytes) -> Update:
    """The update. Raises Malformed."""
    if len(data) > MOST or not recognises(data):
        raise Malformed(_SUBJECT, f"{len(data)} octets of another kind", "EFI_VARIABLE_AUTHENTICATION_2 with PKCS #7")
    size = int.from_bytes(data[_TIME : _TIME + 4], "little")
    end = _TIME + size
    if size < _HEAD or end > len(data):
        raise Malformed(_SUBJECT, f"a signature of {size} octets", f"at most {len(data) - _TIME}")
    signer, held, signature = _signed(data[_TIME + _HEAD : end])
    lists = data[end:]
    entries = secure_boot.entries(lists)
    if not entries:
        raise Malformed(_SUBJECT, "an empty list", "what is revoked")
    return Update(data[:_TIME], lists, entries, signer, held, signature)


def readable(data: bytes) -> Update | None:
    """The update, or None where the octets are none: for picking among many."""
    try:
        return parse(data)
    except BadInput:
        return None


def _signed(data: bytes) -> tuple[Certificate, tuple[Certificate, ...], bytes]:
    """Signer, certificates and signature of SignedData, with or without the ContentInfo around it."""
    parts = der.sequence(data)
    if len(parts) == 2 and parts[0].tag == der.OID and der.oid(parts[0]) == _SIGNED_DATA:
        parts = der.sequence(parts[1].value)
    named = {p.tag: p for p in parts[3:]}
    if len(parts) < 5 or 0xA0 not in named or 0x31 not in named or _algorithm(parts[2]) != _DATA:
        raise Malformed(_SUBJECT, f"PKCS #7 of {len(parts)} members", "SignedData, detached, with its certificates")
    if der.integer(parts[0]) != 1 or [_algorithm(e) for e in der.members(parts[1], 0x31)] != [_SHA256]:
        raise Malformed(_SUBJECT, "SignedData of another kind", "version 1, SHA-256")
    found = [certificates.parse(e.whole) for e, _ in zip(der.elements(named[0xA0].value), range(9), strict=False)]
    infos = list(der.elements(named[0x31].value))
    if len(infos) != 1 or len(found) > _MOST_CERTIFICATES:
        raise Malformed(_SUBJECT, f"{len(infos)} signers, {len(found)} certificates", "one signer")
    version, who, digest, encryption, signature = _info(infos[0])
    issuer, serial = der.members(who)[:2]
    if der.integer(version) != 1 or _algorithm(digest) != _SHA256 or _algorithm(encryption) != _RSA:
        raise Malformed(_SUBJECT, "another way of signing", "RSA with SHA-256, over the content itself")
    number = der.integer(serial)
    signer = next((c for c in found if (c.issuer, c.serial) == (issuer.whole, number)), None)
    if signer is None:
        raise Malformed(_SUBJECT, "no certificate of its signer", "one that came along")
    return signer, tuple(found), der.of(signature, der.OCTET_STRING).value


def _info(info: der.Element) -> tuple[der.Element, der.Element, der.Element, der.Element, der.Element]:
    """SignerInfo without attributes: firmware wants the signature over the content itself (8.2.2)."""
    parts = [p for p in der.members(info) if p.tag != 0xA1]
    if len(parts) != 5 or len(der.members(parts[1])) < 2:
        raise Malformed(_SUBJECT, f"a signer of {len(parts)} members", "five, without signed attributes")
    return parts[0], parts[1], parts[2], parts[3], parts[4]


def _algorithm(element: der.Element) -> str:
    """The name of an algorithm, or of a content, without parameters."""
    parts = der.members(element)
    if not 1 <= len(parts) <= 2 or any(p.whole != b"\5\0" for p in parts[1:]):
        raise Malformed(_SUBJECT, "an algorithm with parameters", "one without")
    return der.oid(parts[0])


def proven(update: Update, pinned: frozenset[str], beside: tuple[Certificate, ...] = ()) -> Certificate:
    """The key exchange key (KEK) that stands behind an update, once it is pinned and all signatures hold.

    `pinned` are SHA-256 fingerprints; `beside` are certificates that did not come along. The dates of the signer's
    certificate are not looked at, as firmware does not: a list holds until a newer one is out.

    Raises BadSignature, Malformed.
    """
    held = [c for c in (*update.certificates, *beside) if c.fingerprint in pinned]
    above = next(
        (c for c in held if c.fingerprint == update.signer.fingerprint or c.subject == update.signer.issuer), None
    )
    if above is None:
        wanted = "a key exchange key that is pinned"
        raise BadSignature(_SUBJECT, f"signed under {update.signer.issuer_name!r}", wanted, "get it from the vendor")
    if above.fingerprint != update.signer.fingerprint:
        verify_issued(update.signer, above)
    for attributes, prefix in product(_ATTRIBUTES, (_NAME + _OWNER,)):
        content = prefix + attributes.to_bytes(4, "little") + update.time + update.lists
        try:
            verify(update.signer.key, Algorithm.RSA_SHA256, update.signature, content)
        except BadSignature:
            continue
        return above
    raise BadSignature(_SUBJECT, "a list that its signer did not sign", "the vendor's, unchanged")


def date(update: Update, origin: str) -> datetime:
    """When a list came out: by the name of its file, and never before its signer had a certificate."""
    least = update.signer.not_before
    found = _DATE.findall(origin.replace("\\", "/").rsplit("/", 1)[-1])
    try:
        year, month, day = map(int, found[-1]) if found else (1, 1, 1)
        named = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        named = least
    return max(named, least)


def architecture(name: str) -> str:
    """The architecture that a file's name tells, `x64`, `arm64`, `ia32` or `arm`; empty where it tells none."""
    text = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return next((a for a, words in _ARCHITECTURES if any(w in text for w in words)), "")
