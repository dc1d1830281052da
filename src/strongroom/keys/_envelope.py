"""Envelopes: a secret under a data key of its own, and the data key under the key that a back end holds.

AES-256-GCM (NIST SP 800-38D) with a fresh key for each secret, so that no nonce of the payload can meet another under one
key. A back end sees 32 octets and never the secret, and a new key-encryption key wraps those 32 octets again. Name,
version, owners and purpose of the resource (`bound_to`) are the associated data of the payload, and of the data key too where the
back end can take associated data: a blob that is put in another's place does not open, even where it cannot.
"""

import hashlib
import secrets
import struct
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.model.errors import Malformed

KEY = 32  # octets of AES-256
NONCE = 12  # octets; SP 800-38D 5.2.1.1 recommends 96 bits
TAG = 16
MAGIC = b"SRW1"
MOST_WRAPPED = 4096  # octets of a wrapped data key: RSA-4096 makes 512, a cloud's ciphertext some hundred
_HEAD = struct.Struct(">4s32sH")

Random = Callable[[int], bytes]
WrapKey = Callable[[bytes, bytes], tuple[str, bytes]]  # data key, context → name of the key, wrapped
UnwrapKey = Callable[[str, bytes, bytes], bytes]  # name of the key, wrapped, context → data key


class Envelope(NamedTuple):
    """The parts of a blob. `of` is the SHA-256 of the context that it was made for, in clear: it says what a blob is of."""

    of: bytes
    wrapped: bytes
    nonce: bytes
    sealed: bytes

    def pack(self) -> bytes:
        """The blob."""
        return _HEAD.pack(MAGIC, self.of, len(self.wrapped)) + self.wrapped + self.nonce + self.sealed


def read(blob: bytes, context: bytes, subject: str) -> Envelope:
    """The parts of a blob that says it is of this context. Raises Malformed."""
    if len(blob) < _HEAD.size:
        raise Malformed(subject, f"{len(blob)} octets", "an envelope")
    magic, of, size = _HEAD.unpack_from(blob)
    if magic != MAGIC:
        raise Malformed(subject, "octets of another form", "an envelope of this program")
    start = _HEAD.size + size
    if not 0 < size <= MOST_WRAPPED or len(blob) < start + NONCE + TAG:
        raise Malformed(subject, "an envelope that was cut or changed", "a whole one")
    if of != hashlib.sha256(context).digest():
        raise Malformed(subject, "an envelope of another name, version, purpose or set of owners", "its own")
    return Envelope(of, blob[_HEAD.size : start], blob[start : start + NONCE], blob[start + NONCE :])


def seal(secret: bytes, context: bytes, wrap_key: WrapKey, random: Random = secrets.token_bytes) -> tuple[str, bytes]:
    """The name of the key that wrapped it, and the blob. Raises what `wrap_key` raises."""
    data_key, nonce = random(KEY), random(NONCE)
    name, wrapped = wrap_key(data_key, context)
    sealed = AESGCM(data_key).encrypt(nonce, secret, MAGIC + context)
    return name, Envelope(hashlib.sha256(context).digest(), wrapped, nonce, sealed).pack()


def unseal(key: str, blob: bytes, context: bytes, unwrap_key: UnwrapKey, subject: str) -> bytes:
    """The secret of a blob. Raises Malformed where anything was changed, and what `unwrap_key` raises."""
    envelope = read(blob, context, subject)
    data_key = unwrap_key(key, envelope.wrapped, context)
    try:
        return AESGCM(data_key).decrypt(envelope.nonce, envelope.sealed, MAGIC + context)
    except (InvalidTag, ValueError):
        raise Malformed(subject, "octets that were changed", "those that were sealed") from None


def gcm_seal(key: bytes, plain: bytes, context: bytes, random: Random = secrets.token_bytes) -> bytes:
    """Nonce, ciphertext and tag under a key that is here. At most 2**32 times for one key (SP 800-38D 8.3)."""
    nonce = random(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def gcm_open(key: bytes, sealed: bytes, context: bytes) -> bytes | None:
    """What `gcm_seal` sealed; None where the key, the context or the octets are others."""
    if len(sealed) < NONCE + TAG:
        return None
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], context)
    except InvalidTag:
        return None
