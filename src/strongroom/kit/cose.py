"""COSE_Sign1 (RFC 9052 section 4.2): one signature over a payload, read strictly.

The signed octets are never written again: the protected header goes into the Sig_structure as it came.
"""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.kit import cbor
from strongroom.kit.cbor import Item, Key
from strongroom.kit.x509.signing import Algorithm, public_key, valid
from strongroom.model.errors import BadSignature, Malformed

TAG = 18  # RFC 9052 section 2
ALG = 1  # RFC 9052 section 3.1, the header that names the algorithm
ES384 = -35  # RFC 9053 section 2.1
_PART = 48  # octets of r and of s in ES384
_SUBJECT = "COSE_Sign1"


class Sign1(NamedTuple):
    """A message that was read and of which nothing is proven yet. `protected` are the octets that were signed."""

    protected: bytes
    headers: dict[Key, Item]
    unprotected: dict[Key, Item]
    payload: bytes
    signature: bytes


def first(data: bytes) -> tuple[Sign1, int]:
    """The message at the beginning, with its tag or without, and the offset behind it. Raises Malformed, TooLarge."""
    item, end = cbor.first(data, (TAG,))
    body = item.value if isinstance(item, cbor.Tagged) else item
    if not isinstance(body, tuple) or len(body) != 4:
        raise Malformed(_SUBJECT, "something else", "an array of four")
    protected, unprotected, payload, signature = body
    if not isinstance(protected, bytes) or not isinstance(unprotected, dict):
        raise Malformed(_SUBJECT, "headers of another type", "octets and a map")
    if not isinstance(payload, bytes) or not isinstance(signature, bytes):
        raise Malformed(_SUBJECT, "payload or signature of another type", "octets: the payload is inside")
    headers = cbor.read(protected) if protected else {}
    if not isinstance(headers, dict):
        raise Malformed(_SUBJECT, "a protected header that is no map", "a map")
    if set(headers) & set(unprotected):  # RFC 9052 section 3: a label stands in one of the two
        raise Malformed(_SUBJECT, "a header both protected and not", "every header once")
    return Sign1(protected, headers, unprotected, payload, signature), end


def to_be_signed(protected: bytes, payload: bytes, external: bytes = b"") -> bytes:
    """The Sig_structure that the signature is over (RFC 9052 section 4.4)."""
    return cbor.encode(("Signature1", protected, external, payload))


def verify_es384(message: Sign1, spki: bytes) -> bytes:
    """The payload, when the key of a SubjectPublicKeyInfo has signed it with ES384.

    Raises:
        Malformed: the key is not on P-384, or the signature is not two numbers of 48 octets (RFC 9053 section 2.1).
        BadSignature: the key did not make it.
    """
    key = public_key(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Malformed(_SUBJECT, "a key that is not on P-384", "a key for ES384")
    if len(message.signature) != 2 * _PART:
        raise Malformed(_SUBJECT, f"a signature of {len(message.signature)} octets", f"{2 * _PART}")
    r, s = (int.from_bytes(x, "big") for x in (message.signature[:_PART], message.signature[_PART:]))
    signed = to_be_signed(message.protected, message.payload)
    if not r or not s or not valid(key, Algorithm.ECDSA_SHA384, encode_dss_signature(r, s), signed):
        raise BadSignature(_SUBJECT, "a signature that the key did not make", "one over these headers and this payload")
    return message.payload
