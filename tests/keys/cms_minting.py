"""CMS enveloped data as AWS KMS writes it, minted here: indefinite lengths outside, definite ones in the recipient."""

import hashlib
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ENVELOPED = bytes.fromhex("06092a864886f70d010703")
DATA = bytes.fromhex("06092a864886f70d010701")
OAEP = bytes.fromhex("06092a864886f70d010107")
MGF1 = bytes.fromhex("06092a864886f70d010108")
SHA256 = bytes.fromhex("300d06096086480165030402010500")
AES256_CBC = bytes.fromhex("060960864801650304012a")
END = b"\0\0"


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of a definite length."""
    value = b"".join(parts)
    size = len(value)
    if size < 128:
        return bytes((tag, size)) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def open_ended(tag: int, *parts: bytes) -> bytes:
    """An element of an indefinite length."""
    return bytes((tag, 0x80)) + b"".join(parts) + END


@dataclass
class Parts:
    """What goes into it; a test puts something else in the place of a part."""

    version: bytes = b"\x02\x01\x02"
    recipient_version: bytes = b"\x02\x01\x02"
    oaep: bytes = tlv(0x30, OAEP, tlv(0x30, tlv(0xA0, SHA256), tlv(0xA1, tlv(0x30, MGF1, SHA256))))
    content_type: bytes = DATA
    algorithm: bytes = AES256_CBC
    outer: bytes = ENVELOPED
    recipients: int = 1
    more: bytes = b""
    pieces: int = 1
    cek: bytes = field(default_factory=lambda: os.urandom(32))
    padded: bytes = b""


def enveloped(plain: bytes, key: rsa.RSAPublicKey, parts: Parts | None = None, *, definite: bool = False) -> bytes:
    """The plaintext for the key."""
    held = parts or Parts()
    wrap = tlv if definite else open_ended
    vector = os.urandom(16)
    padder = PKCS7(128).padder()
    padded = held.padded or padder.update(plain) + padder.finalize()
    sealing = Cipher(algorithms.AES(held.cek), modes.CBC(vector)).encryptor()
    sealed = sealing.update(padded) + sealing.finalize()
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    named = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    recipient = tlv(0x30, held.recipient_version, tlv(0x80, named), held.oaep, tlv(0x04, key.encrypt(held.cek, oaep)))
    step = -(-len(sealed) // held.pieces)
    pieces = [tlv(0x04, sealed[n : n + step]) for n in range(0, len(sealed), step)]
    content = tlv(0x80, sealed) if definite else open_ended(0xA0, *pieces)
    info = wrap(0x30, held.content_type, tlv(0x30, held.algorithm, tlv(0x04, vector)), content)
    body = wrap(0x30, held.version, tlv(0x31, recipient * held.recipients), info, held.more)
    return wrap(0x30, held.outer, wrap(0xA0, body))
