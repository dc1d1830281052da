"""Enveloped data of the Cryptographic Message Syntax (RFC 5652, section 6), for one RSA key: AWS KMS's answer to an enclave.

KMS encrypts the plaintext with AES-256-CBC under a fresh key, and that key with RSAES-OAEP with SHA-256 (RFC 4055,
section 4.1) to the key in the attestation document. Both versions are 2, the recipient is named by a key identifier. It
writes the outer structures with indefinite lengths (BER, X.690 8.1.3.6) and the ciphertext in pieces: just that much of
BER is read, to a depth and size that end. Nothing signs it: CBC has no tag, so whoever stands between KMS and the enclave
could change it or put another in its place. What is opened here counts only once it opens something that is authenticated.
"""

from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from strongroom.kit import der
from strongroom.model.errors import BadSignature, Malformed

MOST = 1 << 16  # octets: KMS encrypts at most 4096, and a data key pair some thousand
ENVELOPED, DATA = "1.2.840.113549.1.7.3", "1.2.840.113549.1.7.1"
OAEP, MGF1 = "1.2.840.113549.1.1.7", "1.2.840.113549.1.1.8"
SHA256, AES256_CBC = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.1.42"
_DEPTH, _PIECES = 12, 4096  # KMS goes to 10
_IMPLICIT, _CONSTRUCTED = 0x80, 0x20
_SUBJECT = "CMS enveloped data"
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class Enveloped(NamedTuple):
    """What was read: the content's key under the recipient's, the vector, and the ciphertext put together."""

    recipient: bytes  # subjectKeyIdentifier
    key: bytes
    vector: bytes
    content: bytes


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed(_SUBJECT, found, wanted)


def definite(data: bytes) -> bytes:
    """The same data with definite lengths. Raises Malformed where it is none, is too deep, or has octets behind it."""
    if len(data) > MOST:
        raise _bad(f"{len(data)} octets", f"at most {MOST}")
    made, end = _definite(data, 0, 0)
    if end != len(data):
        raise _bad(f"{len(data) - end} octets after the element", "nothing")
    return made


def _definite(data: bytes, at: int, depth: int) -> tuple[bytes, int]:
    if depth > _DEPTH or at + 2 > len(data):
        raise _bad("elements too deep, or a cut one", f"whole ones to a depth of {_DEPTH}")
    tag = data[at]
    if data[at + 1] != 0x80:
        element = der.prefix(data[at:])
        end = at + len(element.whole)
        if not tag & _CONSTRUCTED:
            return element.whole, end
        return _element(tag, _inside(data[:end], end - len(element.value), depth, ends=False)[0]), end
    if not tag & _CONSTRUCTED:
        raise _bad("an indefinite length of a primitive element", "one of a constructed element")
    inner, end = _inside(data, at + 2, depth, ends=True)
    return _element(tag, inner), end


def _inside(data: bytes, at: int, depth: int, *, ends: bool) -> tuple[bytes, int]:
    """The elements up to the end of the data, or up to end-of-contents (two zero octets)."""
    parts: list[bytes] = []
    while ends or at < len(data):
        if ends and data[at : at + 2] == b"\0\0":
            return b"".join(parts), at + 2
        if len(parts) >= _PIECES:
            raise _bad(f"more than {_PIECES} elements in one", "fewer")
        made, at = _definite(data, at, depth + 1)
        parts.append(made)
    return b"".join(parts), at


def _element(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def read(data: bytes) -> Enveloped:
    """The parts of enveloped data for exactly one recipient, by exactly these algorithms. Raises Malformed."""
    outer = der.sequence(definite(data))
    if len(outer) != 2 or der.oid(outer[0]) != ENVELOPED:
        raise _bad("another type of content", "enveloped data")
    explicit = der.members(outer[1], _IMPLICIT | _CONSTRUCTED)
    if len(explicit) != 1:
        raise _bad(f"{len(explicit)} contents", "one")
    parts = der.members(explicit[0])
    if len(parts) != 3 or der.integer(parts[0]) != 2:
        raise _bad("another version, or members that KMS does not write", "version 2, recipients and content")
    recipients = der.members(parts[1], der.SET)
    if len(recipients) != 1:
        raise _bad(f"{len(recipients)} recipients", "one")
    recipient, key = _recipient(recipients[0])
    vector, content = _content(parts[2])
    return Enveloped(recipient, key, vector, content)


def _recipient(element: der.Element) -> tuple[bytes, bytes]:
    """KeyTransRecipientInfo (6.2.1), which names a key and not a certificate."""
    parts = der.members(element)
    if len(parts) != 4 or der.integer(parts[0]) != 2:
        raise _bad("a recipient of another kind", "one named by the identifier of its key")
    _check_oaep(parts[2])
    return der.of(parts[1], _IMPLICIT).value, der.of(parts[3], der.OCTET_STRING).value


def _check_oaep(element: der.Element) -> None:
    """RSAES-OAEP-params (RFC 4055, section 4.1): SHA-256 for both, and no label. SHA-1 stands where a field is left out."""
    algorithm = der.members(element)
    if len(algorithm) != 2 or der.oid(algorithm[0]) != OAEP:
        raise _bad("another way to encrypt the key", "RSAES-OAEP with its parameters")
    fields = der.members(algorithm[1])
    if [f.tag for f in fields] != [0xA0, 0xA1]:
        raise _bad("OAEP with SHA-1, or with a label", "OAEP with SHA-256")
    _check_hash(der.one(fields[0].value, der.SEQUENCE))
    mask = der.sequence(fields[1].value)
    if len(mask) != 2 or der.oid(mask[0]) != MGF1:
        raise _bad("another mask generation function", "MGF1")
    _check_hash(mask[1])


def _check_hash(element: der.Element) -> None:
    parts = der.members(element)
    parameters = [(p.tag, p.value) for p in parts[1:]]
    if not parts or der.oid(parts[0]) != SHA256 or parameters not in ([], [(der.NULL, b"")]):
        raise _bad("another hash in OAEP", "SHA-256")


def _content(element: der.Element) -> tuple[bytes, bytes]:
    """EncryptedContentInfo (6.1): the vector and the ciphertext, whole or in pieces."""
    parts = der.members(element)
    if len(parts) != 3 or der.oid(parts[0]) != DATA:
        raise _bad("encrypted content of another type, or none", "data")
    algorithm = der.members(parts[1])
    if len(algorithm) != 2 or der.oid(algorithm[0]) != AES256_CBC:
        raise _bad("content encrypted in another way", "AES-256-CBC")
    vector = der.of(algorithm[1], der.OCTET_STRING).value
    if parts[2].tag == _IMPLICIT:
        content = parts[2].value
    else:
        pieces = der.members(parts[2], _IMPLICIT | _CONSTRUCTED)
        content = b"".join(der.of(piece, der.OCTET_STRING).value for piece in pieces)
    if len(vector) != 16 or not content or len(content) % 16:
        raise _bad(f"a vector of {len(vector)} octets, content of {len(content)}", "16, and whole blocks")
    return vector, content


def open_for_recipient(data: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """The plaintext of `CiphertextForRecipient`, for the enclave that holds the key of its attestation document.

    Raises:
        Malformed: it is not what KMS writes.
        BadSignature: it is for another key, or was changed so far that its padding shows it. Not every change shows.
    """
    held = read(data)
    wanted = "data for this key, unchanged"
    try:
        cek = key.decrypt(held.key, _OAEP)
    except ValueError:
        raise BadSignature(_SUBJECT, "a key that does not open", wanted) from None
    if len(cek) != 32:
        raise BadSignature(_SUBJECT, f"a key of {len(cek)} octets", "32")
    opening = Cipher(algorithms.AES(cek), modes.CBC(held.vector)).decryptor()
    padded = opening.update(held.content) + opening.finalize()
    unpadding = PKCS7(128).unpadder()
    try:
        return unpadding.update(padded) + unpadding.finalize()
    except ValueError:
        raise BadSignature(_SUBJECT, "content that does not open", wanted) from None
