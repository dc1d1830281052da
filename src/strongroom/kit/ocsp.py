"""OCSP responses (RFC 6960): what an authority, or a responder that it named, says of one certificate at a time."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.x509 import certificate
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE, Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.kit.x509.signing import Algorithm, algorithm, verify
from strongroom.model.errors import BadSignature, Malformed

MOST = 64 << 10  # bytes; a response about one certificate with its responder's has about one KiB
MOST_ANSWERS, MOST_CERTIFICATES = 32, 8
HOLD = 6  # CRLReason certificateHold (RFC 5280 5.3.1): it may be taken back
_BASIC = "1.3.6.1.5.5.7.48.1.1"
_NONCE = "1.3.6.1.5.5.7.48.1.2"
_EXTENDED_USAGE = "2.5.29.37"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_HASHES = {"1.3.14.3.2.26": "sha1", "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384"}
_HASHES["2.16.840.1.101.3.4.2.3"] = "sha512"
GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
_SUBJECT = "OCSP response"


class Answer(NamedTuple):
    """What a response says of one certificate, which it names by hashes of its issuer's name and key, and its number."""

    hash_name: str
    name_hash: bytes
    key_hash: bytes
    serial: int
    status: str  # GOOD, REVOKED or UNKNOWN
    revoked_at: datetime | None
    reason: int | None
    this_update: datetime
    next_update: datetime | None

    def is_about(self, held: Certificate, issuer: Certificate) -> bool:
        """Whether it is about the certificate of this issuer."""
        key = der.bits(der.sequence(issuer.key)[-1])
        same_name = hmac.compare_digest(hashlib.new(self.hash_name, issuer.subject).digest(), self.name_hash)
        return self.serial == held.serial and same_name and hashlib.new(self.hash_name, key).digest() == self.key_hash


class Response(NamedTuple):
    """A response that was read and of which nothing is proven yet."""

    signed: bytes
    algorithm: Algorithm
    signature: bytes
    responder: der.Element
    produced_at: datetime
    answers: tuple[Answer, ...]
    nonce: bytes | None
    certificates: tuple[bytes, ...]


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed(_SUBJECT, found, wanted)


@lru_cache(maxsize=1024)
def parse(data: bytes) -> Response:
    """The response of DER octets. Raises Malformed, also for one that says that there was an error (RFC 6960 4.2.1)."""
    if len(data) > MOST:
        raise _bad(f"{len(data)} bytes", f"at most {MOST}")
    outer = der.sequence(data)
    status = der.integer(outer[0], der.ENUMERATED) if outer else -1
    if status or len(outer) != 2:
        raise _bad(f"the status {status} without an answer", "status 0, successful, and an answer")
    kind = der.sequence(der.of(outer[1], 0xA0).value)
    if len(kind) != 2 or der.oid(kind[0]) != _BASIC:
        raise _bad("an answer of another type", "a basic response")
    basic = der.sequence(der.of(kind[1], der.OCTET_STRING).value)
    if not 3 <= len(basic) <= 4:
        raise _bad(f"{len(basic)} members", "three or four")
    held = der.members(der.one(der.of(basic[3], 0xA0).value, der.SEQUENCE)) if len(basic) == 4 else []
    if len(held) > MOST_CERTIFICATES:
        raise _bad(f"{len(held)} certificates", f"at most {MOST_CERTIFICATES}")
    return _response(basic, tuple(e.whole for e in held))


def _response(basic: Sequence[der.Element], held: tuple[bytes, ...]) -> Response:
    fields = der.members(basic[0])
    if fields and fields[0].tag == 0xA0:
        raise _bad("another version", "version 1, which is not written")
    if not 3 <= len(fields) <= 4 or fields[0].tag not in (0xA1, 0xA2):
        raise _bad("other fields", "responder, time, answers")
    answers = der.members(fields[2])
    if not 1 <= len(answers) <= MOST_ANSWERS:
        raise _bad(f"{len(answers)} answers", f"1 to {MOST_ANSWERS}")
    return Response(
        signed=basic[0].whole,
        algorithm=algorithm(basic[1]),
        signature=der.bits(basic[2]),
        responder=fields[0],
        produced_at=der.time(fields[1]),
        answers=tuple(_answer(a) for a in answers),
        nonce=_nonce(fields[3]) if len(fields) == 4 else None,
        certificates=held,
    )


def _nonce(element: der.Element) -> bytes | None:
    for item in der.members(der.one(der.of(element, 0xA1).value, der.SEQUENCE)):
        parts = der.members(item)
        if len(parts) >= 2 and der.oid(parts[0]) == _NONCE:
            return der.one(der.of(parts[-1], der.OCTET_STRING).value, der.OCTET_STRING).value
    return None


def _answer(element: der.Element) -> Answer:
    parts = der.members(element)
    if len(parts) < 3:
        raise _bad(f"an answer of {len(parts)} members", "at least three")
    about = der.members(parts[0])
    if len(about) != 4:
        raise _bad(f"a certificate named by {len(about)} members", "four")
    how = der.members(about[0])
    name = _HASHES.get(der.oid(how[0])) if how else None
    if name is None:
        raise _bad("a certificate named by another hash", "SHA-1 or SHA-2")
    status, when, why = _status(parts[1])
    late = [der.time(der.prefix(p.value)) for p in parts[3:] if p.tag == 0xA0]
    return Answer(
        name,
        der.of(about[1], der.OCTET_STRING).value,
        der.of(about[2], der.OCTET_STRING).value,
        der.integer(about[3]),
        status,
        when,
        why,
        der.time(parts[2]),
        late[0] if late else None,
    )


def _status(element: der.Element) -> tuple[str, datetime | None, int | None]:
    if element.tag in (0x80, 0x82):
        return (GOOD if element.tag == 0x80 else UNKNOWN), None, None
    if element.tag != 0xA1:
        raise _bad(f"the status 0x{element.tag:02x}", "good, revoked or unknown")
    inner = list(der.elements(element.value))
    reason = [der.integer(der.prefix(e.value), der.ENUMERATED) for e in inner[1:] if e.tag == 0xA0]
    if not inner:
        raise _bad("a revocation without a time", "a time")
    return REVOKED, der.time(inner[0]), reason[0] if reason else None


def verify_response(found: Response, issuer: Certificate, now: datetime, nonce: bytes | None = None) -> Response:
    """The response, when the issuer, or a responder that it has named, made it; with the nonce, where one was asked.

    Raises:
        BadSignature: neither has signed it; the responder may not answer, or not at this time; another nonce.
        Malformed: a certificate or a key in it cannot be read.
    """
    signer = _signer(found, issuer, now)
    if nonce is not None and not hmac.compare_digest(found.nonce or b"", nonce):
        raise BadSignature(_SUBJECT, "another nonce, or none", "the nonce that was asked with")
    try:
        verify(signer.key, found.algorithm, found.signature, found.signed)
    except BadSignature:
        raise BadSignature(_SUBJECT, f"a signature that {signer.common_name!r} did not make", "its own") from None
    return found


def _signer(found: Response, issuer: Certificate, now: datetime) -> Certificate:
    """Who signs: the issuer itself, or the responder that it has certified for just that (RFC 6960 4.2.2.2)."""
    if _names(found.responder, issuer):
        return issuer
    held = next((c for c in map(certificate.parse, found.certificates) if _names(found.responder, c)), None)
    if held is None:
        raise BadSignature(_SUBJECT, "no certificate of its responder", f"that of one named by {issuer.common_name!r}")
    verify_issued(held, issuer, understood=frozenset({_EXTENDED_USAGE}))
    if not _may_answer(held):
        raise BadSignature(_SUBJECT, f"made by {held.common_name!r}", "a certificate for signing OCSP responses")
    if not held.valid_at(now):
        ends = f"{held.common_name!r}, valid {held.not_before:%Y-%m-%d} to {held.not_after:%Y-%m-%d}"
        raise BadSignature(_SUBJECT, f"made by {ends}", f"a responder that is valid at {now:%Y-%m-%dT%H:%M:%SZ}")
    return held


def _names(responder: der.Element, held: Certificate) -> bool:
    """Whether a ResponderID names the certificate: by its name, or by the SHA-1 of its key."""
    if responder.tag == 0xA1:
        return responder.value == held.subject
    key = der.bits(der.sequence(held.key)[-1])
    name = der.one(responder.value, der.OCTET_STRING).value
    return hashlib.sha1(key, usedforsecurity=False).digest() == name


def _may_answer(held: Certificate) -> bool:
    usage = held.extensions.get(_EXTENDED_USAGE)
    named = [der.oid(e) for e in der.sequence(usage.value)] if usage else []
    return _OCSP_SIGNING in named and (not held.usages or DIGITAL_SIGNATURE in held.usages)


def trouble(found: Answer, now: datetime) -> str:
    """Why an answer says nothing about a time; empty when it does. An answer without an end is of no use."""
    if found.next_update is None:
        return "it has no next update"
    if now < found.this_update:
        return f"it begins {found.this_update:%Y-%m-%dT%H:%M:%SZ}"
    if now > found.next_update:
        return f"it ended {found.next_update:%Y-%m-%dT%H:%M:%SZ}"
    return ""
