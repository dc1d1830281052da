"""OCSP requests (RFC 6960 section 4.1): a question about one certificate, and the media types of question and answer."""

import hashlib

from strongroom.kit import der
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.errors import BadInput, Malformed

REQUEST, RESPONSE = "application/ocsp-request", "application/ocsp-response"  # appendix A
NONCE_SIZE = 32  # RFC 9654 section 2.1: a client sends 32 octets
_SHA384 = bytes.fromhex("300d06096086480165030402020500")  # AlgorithmIdentifier of id-sha384 with NULL
_NONCE = bytes.fromhex("06092b0601050507300102")  # id-pkix-ocsp-nonce
_HASH = 48


def certificate_id(held: Certificate, issuer: Certificate) -> bytes:
    """The CertID of a certificate: SHA-384 of its issuer's name and key, and its number (section 4.1.1)."""
    key = der.bits(der.sequence(issuer.key)[-1])
    hashes = b"".join(_tlv(der.OCTET_STRING, hashlib.sha384(part).digest()) for part in (issuer.subject, key))
    return _tlv(der.SEQUENCE, _SHA384 + hashes + _tlv(der.INTEGER, _number(held.serial)))


def request(about: bytes, nonce: bytes) -> bytes:
    """The request about a CertID, with a nonce, in DER. Raises Malformed for what is no CertID, or a nonce of no size."""
    try:
        parts = der.sequence(about)
    except BadInput as e:
        raise Malformed("OCSP request", e.found, "a CertID") from None
    if len(parts) != 4 or any(len(p.value) != _HASH for p in parts[1:3]):
        raise Malformed("OCSP request", f"{len(parts)} members", "a CertID of SHA-384")
    if not 1 <= len(nonce) <= 128:  # RFC 9654 section 2.1
        raise Malformed("OCSP request", f"a nonce of {len(nonce)} octets", "1 to 128")
    listed = _tlv(der.SEQUENCE, _tlv(der.SEQUENCE, about))
    extension = _tlv(der.SEQUENCE, _NONCE + _tlv(der.OCTET_STRING, _tlv(der.OCTET_STRING, nonce)))
    return _tlv(der.SEQUENCE, _tlv(der.SEQUENCE, listed + _tlv(0xA2, _tlv(der.SEQUENCE, extension))))


def _number(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value
