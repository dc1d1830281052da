"""A certificate as RFC 5280 section 4.1 lays it out: read strictly, with the octets that were signed kept as they are."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.x509.signing import Algorithm, algorithm
from strongroom.model.errors import Malformed, StrongroomError

COMMON_NAME = "2.5.4.3"
BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = 0, 5, 6  # RFC 5280 4.2.1.3
MOST = 64 << 10  # bytes; the longest certificate of any vendor here is under 3 KiB


class Extension(NamedTuple):
    """One extension: whether a reader that does not know it must refuse, and the octets inside."""

    critical: bool
    value: bytes


class Certificate(NamedTuple):
    """A certificate that was read and of which nothing is proven yet. `issuer` and `subject` are the DER of the names."""

    der: bytes
    tbs: bytes
    serial: int
    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    key: bytes  # SubjectPublicKeyInfo in DER
    algorithm: Algorithm
    signature: bytes
    extensions: Mapping[str, Extension]
    common_name: str
    issuer_name: str
    is_authority: bool
    path_length: int | None
    usages: frozenset[int]  # empty when the certificate has no KeyUsage extension
    fingerprint: str  # SHA-256 of the DER, in hex: what roots are pinned by

    def valid_at(self, now: datetime) -> bool:
        """Whether a time lies within the validity; both ends belong to it."""
        return self.not_before <= now <= self.not_after


def common_name(name: bytes) -> str:
    """The common name in a DER Name; empty where there is none, Malformed where there are two."""
    found = [
        der.text(pair[1])
        for attributes in der.sequence(name)
        for attribute in der.members(attributes, der.SET)
        if len(pair := der.members(attribute)) == 2 and der.oid(pair[0]) == COMMON_NAME
    ]
    if len(found) > 1:
        raise Malformed("certificate", f"{len(found)} common names", "one")
    return found[0] if found else ""


def _extensions(field: der.Element) -> dict[str, Extension]:
    found: dict[str, Extension] = {}
    for item in der.members(der.one(field.value, der.SEQUENCE)):
        parts = der.members(item)
        if not 2 <= len(parts) <= 3:
            raise Malformed("certificate", f"an extension of {len(parts)} members", "two or three")
        name = der.oid(parts[0])
        if name in found:  # RFC 5280 4.2: not more than one instance
            raise Malformed("certificate", f"the extension {name} twice", "every extension once")
        critical = len(parts) == 3 and der.boolean(parts[1])
        found[name] = Extension(critical, der.of(parts[-1], der.OCTET_STRING).value)
    return found


def _constraints(extensions: Mapping[str, Extension]) -> tuple[bool, int | None]:
    held = extensions.get(BASIC_CONSTRAINTS)
    if held is None:
        return False, None
    parts = der.sequence(held.value)
    authority = bool(parts) and parts[0].tag == der.BOOLEAN and der.boolean(parts[0])
    length = der.integer(parts[-1]) if parts and parts[-1].tag == der.INTEGER else None
    return authority, length


def _usages(extensions: Mapping[str, Extension]) -> frozenset[int]:
    held = extensions.get(KEY_USAGE)
    return der.flags(der.one(held.value, der.BIT_STRING)) if held else frozenset()


def _fields(tbs: der.Element) -> tuple[Sequence[der.Element], der.Element | None]:
    """The six fields from the serial number to the key, and the extensions (RFC 5280 4.1: version 3)."""
    fields = der.members(tbs)
    if not fields or fields[0].whole != b"\xa0\x03\x02\x01\x02":
        raise Malformed("certificate", "another version", "version 3")
    if len(fields) < 7:
        raise Malformed("certificate", f"{len(fields)} fields", "at least seven")
    rest = [f for f in fields[7:] if f.tag not in (0x81, 0x82)]  # unique identifiers, which nobody uses
    if len(rest) > 1 or any(f.tag != 0xA3 for f in rest):
        raise Malformed("certificate", "fields after the extensions", "nothing")
    return fields[1:7], rest[0] if rest else None


@lru_cache(maxsize=1024)
def parse(data: bytes) -> Certificate:
    """The certificate of DER octets. Raises Malformed, whatever the octets are."""
    if len(data) > MOST:
        raise Malformed("certificate", f"{len(data)} bytes", f"at most {MOST}")
    try:
        return _parse(data)
    except Malformed as e:
        raise Malformed("certificate", e.found, e.wanted) from None


def _parse(data: bytes) -> Certificate:
    outer = der.sequence(data)
    if len(outer) != 3:
        raise Malformed("certificate", f"{len(outer)} members", "three")
    (serial, signed_with, issuer, validity, subject, key), late = _fields(outer[0])
    if signed_with.whole != outer[1].whole:  # RFC 5280 4.1.1.2: both must be the same, or the outer one is unsigned
        raise Malformed("certificate", "two signature algorithms", "one")
    times = der.members(validity)
    if len(times) != 2:
        raise Malformed("certificate", f"a validity of {len(times)} times", "two")
    extensions = _extensions(late) if late else {}
    authority, length = _constraints(extensions)
    return Certificate(
        der=data,
        tbs=outer[0].whole,
        serial=der.integer(serial),
        issuer=der.of(issuer, der.SEQUENCE).whole,
        subject=der.of(subject, der.SEQUENCE).whole,
        not_before=der.time(times[0]),
        not_after=der.time(times[1]),
        key=der.of(key, der.SEQUENCE).whole,
        algorithm=algorithm(outer[1]),
        signature=der.bits(outer[2]),
        extensions=extensions,
        common_name=common_name(subject.whole),
        issuer_name=common_name(issuer.whole),
        is_authority=authority,
        path_length=length,
        usages=_usages(extensions),
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def readable(data: bytes) -> Certificate | None:
    """The certificate, or None where the octets are none: for picking among many."""
    try:
        return parse(data)
    except StrongroomError:
        return None
