"""A key wrapped to whoever holds an identity: HPKE (RFC 9180) with MLKEM768-X25519, HKDF-SHA256 and AES-256-GCM.

Base mode: anybody can seal to a recipient, so what is opened says nothing of who sealed it. The purpose is bound as `info`:
what was wrapped for one does not open for another. docs/decisions/0015 says why this suite.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.hpke import AEAD, KDF, Suite

from strongroom.kit import xwing
from strongroom.kit.xwing import PrivateKey, PublicKey
from strongroom.model.errors import BadSignature, BadUsage, Malformed

KEY = 32  # octets that are wrapped
SEALED = xwing.ENCAPSULATED + KEY + 16  # octets of a wrap
RECIPIENT, IDENTITY = "strongroom-recipient-1:", "STRONGROOM-IDENTITY-1:"
SUITE = Suite(xwing.HYBRID, KDF.HKDF_SHA256, AEAD.AES_256_GCM)  # 0x647a, 0x0001, 0x0002
_CHECK = 4  # octets


def wrap(key: bytes, to: PublicKey, info: bytes) -> bytes:
    """A key for a recipient: the encapsulated key and the ciphertext. Raises BadUsage, Malformed (a key of low order)."""
    if len(key) != KEY:
        raise BadUsage("key to wrap", f"{len(key)} octets", f"{KEY}")
    return xwing.seal(SUITE, key, to, info)


def unwrap(sealed: bytes, identity: PrivateKey, info: bytes) -> bytes:
    """The key.

    Raises:
        Malformed: it is no wrap of a key.
        BadSignature: it is for somebody else or for another purpose, or was changed.
    """
    if len(sealed) != SEALED:
        raise Malformed("wrapped key", f"{len(sealed)} octets", f"{SEALED}")
    key = xwing.unseal(SUITE, sealed, identity, info)
    if len(key) != KEY:
        raise BadSignature("wrapped key", f"{len(key)} octets inside", f"{KEY}")
    return key


def recipient_text(key: PublicKey) -> str:
    """A recipient in one line. Its last octets are a checksum: what is sealed to a mistyped key is lost."""
    return _text(RECIPIENT, key.octets)


def recipient(text: str) -> PublicKey:
    """The recipient of a text. Raises Malformed."""
    return PublicKey(_octets(RECIPIENT, text, xwing.PUBLIC, "recipient"))


def identity_text(key: PrivateKey) -> str:
    """An identity in one line: a secret."""
    return _text(IDENTITY, key.seed)


def identity(text: str) -> PrivateKey:
    """The identity of a text; no message has any of it. Raises Malformed."""
    return PrivateKey(_octets(IDENTITY, text, xwing.SEED, "identity"))


def thumbprint(key: PublicKey) -> str:
    """A short name of a recipient: the SHA-256 of its octets, in hex."""
    return hashlib.sha256(key.octets).hexdigest()


def _checksum(word: str, octets: bytes) -> bytes:
    return hashlib.sha256(word.encode() + octets).digest()[:_CHECK]


def _text(word: str, octets: bytes) -> str:
    return word + base64.urlsafe_b64encode(octets + _checksum(word, octets)).decode().rstrip("=")


def _octets(word: str, text: str, size: int, subject: str) -> bytes:
    wanted = f"{word}… in one line"
    body = text.removeprefix(word)
    if body == text or not body.isascii():
        raise Malformed(subject, "a text of another kind", wanted)
    try:
        found = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(subject, "signs that are not of base64url", wanted) from None
    if len(found) != size + _CHECK or not hmac.compare_digest(found[size:], _checksum(word, found[:size])):
        raise Malformed(subject, "a checksum that is off", wanted, "a letter was lost or changed: copy it again")
    if _text(word, found[:size]) != text:
        raise Malformed(subject, "base64url of another form", "its one form, without padding")
    return found[:size]
