"""The payload of an age file (c2sp.org/age, "Payload"): STREAM over ChaCha20-Poly1305 in chunks of 64 KiB.

A chunk's nonce counts, and says which chunk is the last: one that was cut off, put on or moved does not open.
"""

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.model.errors import Malformed

NONCE = 16  # octets that the payload begins with
CHUNK = 64 << 10  # octets of plaintext
_TAG = 16
_SUBJECT = "age payload"


def _cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, nonce, b"payload").derive(file_key))


def _counted(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def sealed(file_key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    """The payload. `nonce` comes from whoever holds chance, and is never used twice."""
    cipher, out = _cipher(file_key, nonce), bytearray(nonce)
    chunks = max(1, -(-len(plaintext) // CHUNK))
    for i in range(chunks):
        part = plaintext[i * CHUNK : (i + 1) * CHUNK]
        out += cipher.encrypt(_counted(i, last=i == chunks - 1), part, None)
    return bytes(out)


def opened(file_key: bytes, payload: bytes) -> Iterator[bytes]:
    """The plaintext, chunk by chunk; each is authentic when it is given, and that none is missing is known at the end.

    Raises Malformed where a chunk was changed, moved, cut off or put on.
    """
    if len(payload) < NONCE + _TAG:
        raise Malformed(_SUBJECT, f"{len(payload)} octets", "a nonce and a last chunk")
    cipher, held = _cipher(file_key, payload[:NONCE]), memoryview(payload)[NONCE:]
    chunks = -(-len(held) // (CHUNK + _TAG))
    for i in range(chunks):
        part = held[i * (CHUNK + _TAG) : (i + 1) * (CHUNK + _TAG)]
        last = i == chunks - 1
        if last and i and len(part) <= _TAG:
            raise Malformed(_SUBJECT, "a last chunk with nothing in it", "the chunk before as the last")
        plain = _chunk(cipher, i, part, last=last)
        if plain is None and not last and (plain := _chunk(cipher, i, part, last=True)) is not None:
            yield plain  # authentic, and the last: what follows was put on
            raise Malformed(_SUBJECT, "octets behind the last chunk", "nothing")
        if plain is None:
            raise Malformed(_SUBJECT, f"a chunk {i} that does not open", "what was written, whole")
        yield plain


def _chunk(cipher: ChaCha20Poly1305, number: int, part: memoryview, *, last: bool) -> bytes | None:
    try:
        return cipher.decrypt(_counted(number, last=last), part, None)
    except InvalidTag:
        return None
