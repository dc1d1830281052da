"""FLOE, a random-access AEAD for huge files (c2sp.org/FLOE): AES-256-GCM in segments, keys by HKDF-Expand-SHA-384.

A message is a header of 74 octets and segments of one size, of which the last may be shorter and says so under its tag:
what is cut off, put on, moved or taken from another message is told from what belongs there. This is the random-access
half of the specification; `seal/` holds to its rules: every segment is written once, the last one is read first.
"""

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from strongroom.model.errors import BadUsage, Malformed

KEY = 32  # octets of a key: AEAD_KEY_LEN
IV = 32  # octets of a message's IV: FLOE_IV_LEN
TAG = 32  # octets of the header's tag
HEADER = 10 + IV + TAG
NONCE = 12  # octets of a segment's IV: AEAD_IV_LEN
OVERHEAD = 4 + NONCE + 16  # octets that a segment is longer than what is in it
MEBIBYTE = 1 << 20  # the segment of the named set GCM256_IV256_1M
MOST_SEGMENTS = 1 << 40  # AEAD_MAX_SEGMENTS
_INNER = 0xFFFFFFFF  # in place of a length: a segment that is not the last
_SUBJECT = "FLOE message"
_POSITION = struct.Struct(">QB")  # the AAD of a segment: its position, and whether it is the last
_LENGTH = struct.Struct(">I")
Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a message is made by: octets of a segment, and every so many segments (a power of two) another key."""

    segment: int = MEBIBYTE
    rotation: int = 20  # AEAD_ROTATION_MASK; another one is for the known answers alone

    @property
    def inside(self) -> int:
        """Octets of plaintext in a whole segment."""
        return self.segment - OVERHEAD

    @property
    def encoded(self) -> bytes:
        """PARAM_ENCODE: AES-256-GCM, HKDF-Expand-SHA-384, the segment, the IV."""
        return struct.pack(">BBII", 0, 0, self.segment, IV)

    def segments(self, size: int) -> int:
        """Of how many segments a plaintext of so many octets is: at least one, and the last may be full."""
        return max(1, -(-size // self.inside))

    def sealed(self, size: int) -> int:
        """Octets of a message with a plaintext of so many."""
        return HEADER + size + self.segments(size) * OVERHEAD

    def opened(self, size: int) -> int:
        """Octets of plaintext in a message of so many. Raises Malformed for a length that no message has."""
        body = size - HEADER
        whole, rest = divmod(body, self.segment)
        if body < OVERHEAD or 0 < rest < OVERHEAD:
            raise Malformed(_SUBJECT, f"{size} octets", "a header, and segments of which the last is complete")
        return body - (whole + (rest > 0)) * OVERHEAD


def _expand(key: bytes, parameters: Parameters, iv: bytes, purpose: bytes, aad: bytes, length: int) -> bytes:
    """FLOE_KDF."""
    return HKDFExpand(SHA384(), length, parameters.encoded + iv + purpose + aad).derive(key)


class Message:
    """An open message: seals and opens its segments in any order, in buffers that the caller has. Safe between threads."""

    def __init__(self, key: bytes, aad: bytes, iv: bytes, parameters: Parameters) -> None:
        """`start` and `resume` make one."""
        if len(key) != KEY or len(iv) != IV:
            raise BadUsage(_SUBJECT, f"a key of {len(key)} and an IV of {len(iv)} octets", f"{KEY} and {IV}")
        self.parameters = parameters
        tag = _expand(key, parameters, iv, b"HEADER_TAG:", aad, TAG)
        self.header = parameters.encoded + iv + tag
        inner = _expand(key, parameters, iv, b"MESSAGE_KEY:", aad, 48)

        @lru_cache(maxsize=16)
        def derived(number: int) -> AESGCM:
            purpose = b"DEK:" + number.to_bytes(8, "big")
            return AESGCM(_expand(inner, parameters, iv, purpose, aad, KEY))

        self._derived: Callable[[int], AESGCM] = derived

    def _cipher(self, position: int) -> AESGCM:
        """DERIVE_KEY."""
        return self._derived(position >> self.parameters.rotation << self.parameters.rotation)

    def seal(self, position: int, plain: Buffer, out: memoryview, nonce: bytes, *, last: bool) -> int:
        """Seal the segment at a position into `out`; how many octets it is. `nonce` is 12 octets of chance.

        Raises BadUsage for a plaintext that is none of a segment.
        """
        inside = self.parameters.inside
        if not (len(plain) <= inside if last else len(plain) == inside) or not 0 <= position < MOST_SEGMENTS:
            raise BadUsage(_SUBJECT, f"{len(plain)} octets for segment {position}", f"{inside}, or fewer in the last")
        length = len(plain) + OVERHEAD
        _LENGTH.pack_into(out, 0, length if last else _INNER)
        out[4 : 4 + NONCE] = nonce
        aad = _POSITION.pack(position, last)
        self._cipher(position).encrypt_into(nonce, plain, aad, out[4 + NONCE : length])
        return length

    def open(self, position: int, sealed: memoryview, out: memoryview, *, last: bool) -> int:
        """Open the segment at a position into `out`; how many octets are in it.

        Where it raises, `out` has zeros: Malformed, with what is amiss.
        """
        (found,) = _LENGTH.unpack_from(sealed) if len(sealed) >= OVERHEAD else (0,)
        if found != (len(sealed) if last else _INNER) or len(sealed) > self.parameters.segment:
            wanted = "the last segment, whole" if last else "a segment that is not the last"
            raise Malformed(f"segment {position}", "another length than it has", wanted)
        size = len(sealed) - OVERHEAD
        aad = _POSITION.pack(position, last)
        try:
            self._cipher(position).decrypt_into(bytes(sealed[4 : 4 + NONCE]), sealed[4 + NONCE :], aad, out[:size])
        except InvalidTag:
            out[:size] = bytes(size)  # the cipher writes before it knows: nobody may read what nobody vouches for
            why = "octets that were changed, moved, or are of another message"
            raise Malformed(f"segment {position}", why, "a segment as it was sealed") from None
        return size


def start(key: bytes, aad: bytes, iv: bytes, parameters: Parameters | None = None) -> Message:
    """A new message, to be sealed. `iv` is 32 octets of chance, never used before. Raises BadUsage."""
    return Message(key, aad, iv, parameters or Parameters())


def resume(key: bytes, aad: bytes, header: bytes, parameters: Parameters | None = None) -> Message:
    """The message of a header.

    Raises Malformed: another key, another AAD, another segment size than is wanted, or no header at all. The tag commits
    to key and AAD, so that no two keys open one message.
    """
    wanted = parameters or Parameters()
    if len(header) != HEADER or header[:10] != wanted.encoded:
        raise Malformed(_SUBJECT, "a header of another form", f"parameters {wanted.encoded.hex()}, an IV and a tag")
    found = Message(key, aad, header[10 : 10 + IV], wanted)
    if not hmac.compare_digest(found.header, header):
        raise Malformed(_SUBJECT, "a header that is not of this key and place", "that of the file, as it was sealed")
    return found
