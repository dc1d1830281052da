"""Certificate revocation lists (RFC 5280 section 5.1)."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.x509.certificate import CRL_SIGN, Certificate, common_name
from strongroom.kit.x509.signing import Algorithm, algorithm, verify
from strongroom.model.errors import BadSignature, Malformed

MOST = 8 << 20  # bytes
_TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
_DELTA, _ISSUING = "2.5.29.27", "2.5.29.28"  # a delta, or a list of only some certificates: neither shows the whole


class RevocationList(NamedTuple):
    """A list that was read and of which nothing is proven yet. `revoked` gives the time by serial number."""

    der: bytes
    tbs: bytes
    issuer: bytes
    issuer_name: str
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, datetime]
    algorithm: Algorithm
    signature: bytes


def _revoked(element: der.Element) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for entry in der.members(element):
        parts = der.members(entry)
        if len(parts) < 2:
            raise Malformed("revocation list", "an entry without a time", "serial number and time")
        found[der.integer(parts[0])] = der.time(parts[1])
        if len(parts) > 2:
            _check_extensions(parts[2])
    return found


def _check_extensions(element: der.Element) -> None:
    """Refuse what changes whom the list is about: all that is critical does (RFC 5280 sections 5.2 and 5.3)."""
    for item in der.members(element):
        parts = der.members(item)
        if len(parts) < 2:
            raise Malformed("revocation list", "an extension without a value", "its name and its value")
        name = der.oid(parts[0])
        if name in (_DELTA, _ISSUING):
            raise Malformed("revocation list", "a part of a list", "a whole one")
        if len(parts) > 2 and der.boolean(parts[1]):
            raise Malformed("revocation list", f"the critical extension {name}", "none")


@lru_cache(maxsize=64)
def parse(data: bytes) -> RevocationList:
    """The list of DER octets. Raises Malformed, whatever the octets are."""
    if len(data) > MOST:
        raise Malformed("revocation list", f"{len(data)} bytes", f"at most {MOST}")
    try:
        return _parse(data)
    except Malformed as e:
        raise Malformed("revocation list", e.found, e.wanted) from None


def _parse(data: bytes) -> RevocationList:
    outer = der.sequence(data)
    if len(outer) != 3:
        raise Malformed("revocation list", f"{len(outer)} members", "three")
    fields = der.members(outer[0])
    if fields and fields[0].tag == der.INTEGER:
        fields = fields[1:]
    if len(fields) < 3 or fields[0].whole != outer[1].whole:
        raise Malformed("revocation list", "fields that are not those of a list", "algorithm, issuer and times")
    issuer, this_update, *rest = fields[1:]
    next_update = der.time(rest.pop(0)) if rest and rest[0].tag in _TIMES else None
    revoked = _revoked(rest.pop(0)) if rest and rest[0].tag == der.SEQUENCE else {}
    for late in rest:
        _check_extensions(der.one(der.of(late, 0xA0).value, der.SEQUENCE))
    return RevocationList(
        der=data,
        tbs=outer[0].whole,
        issuer=issuer.whole,
        issuer_name=common_name(issuer.whole),
        this_update=der.time(this_update),
        next_update=next_update,
        revoked=revoked,
        algorithm=algorithm(outer[1]),
        signature=der.bits(outer[2]),
    )


def verify_list(found: RevocationList, issuer: Certificate) -> RevocationList:
    """The list, when the authority has signed it. Raises BadSignature or Malformed; times are judged apart."""
    subject = f"revocation list of {found.issuer_name!r}"
    if found.issuer != issuer.subject:
        raise BadSignature(subject, f"another issuer than {issuer.common_name!r}", "a list of that authority")
    if issuer.usages and CRL_SIGN not in issuer.usages:
        raise BadSignature(subject, f"signed by {issuer.common_name!r}, which may not sign lists", "a list signer")
    try:
        verify(issuer.key, found.algorithm, found.signature, found.tbs)
    except BadSignature:
        raise BadSignature(subject, f"a signature that {issuer.common_name!r} did not make", "its own") from None
    return found


def trouble(found: RevocationList, now: datetime) -> str:
    """Why a verified list says nothing about a time; empty when it does. A list without an end is of no use."""
    if found.next_update is None:
        return "it has no next update"
    if now < found.this_update:
        return f"it begins {found.this_update:%Y-%m-%dT%H:%M:%SZ}"
    if now > found.next_update:
        return f"it ended {found.next_update:%Y-%m-%dT%H:%M:%SZ}"
    return ""
