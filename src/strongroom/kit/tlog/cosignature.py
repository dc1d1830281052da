"""Cosignatures of checkpoints (c2sp.org/tlog-cosignature v1.0.1): Ed25519 with a time, and ML-DSA-44.

A cosignature says that its key has seen this checkpoint grow from all that it saw of the log before.
"""

from typing import NamedTuple

from strongroom.kit.tlog import checkpoint as checkpoints
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.keys import SIGNATURE_SIZE, Kind, SignerKey, VerifierKey
from strongroom.kit.tlog.merkle import MAX_SIZE, Range
from strongroom.kit.tlog.note import Ed25519Verifier, Signature, Verifier
from strongroom.model.errors import BadInput, BadSignature, Malformed

MAX_TIMESTAMP = 2**63 - 1  # tlog-cosignature, "Format"
_TIMESTAMP_SIZE = 8  # tlog-cosignature, "Format": u64 timestamp
_LABEL = b"subtree/v1\n\0"  # tlog-cosignature, "ML-DSA-44 signed message"
_HEADER = "cosignature/v1"  # tlog-cosignature, "Ed25519 signed message"


def _opaque(text: str, subject: str) -> bytes:
    value = text.encode()
    if not 1 <= len(value) <= 0xFF:  # opaque <1..2^8-1>: RFC 8446 section 3.4
        raise Malformed(subject, f"{len(value)} bytes", "1 to 255 bytes of UTF-8")
    return bytes([len(value)]) + value


def _check_time(timestamp: int) -> None:
    if not 0 <= timestamp <= MAX_TIMESTAMP:
        raise Malformed("time of a cosignature", str(timestamp), f"0 to {MAX_TIMESTAMP} seconds since 1970")


def ed25519_message(text: str, timestamp: int) -> bytes:
    """What an Ed25519 cosignature covers: the whole text of the checkpoint (section "Ed25519 signed message").

    Raises:
        Malformed: the time does not fit in 63 bits.
    """
    _check_time(timestamp)
    return f"{_HEADER}\ntime {timestamp}\n{text}".encode()


def ml_dsa_message(cosigner: str, timestamp: int, origin: str, part: Range, root: bytes) -> bytes:
    """What an ML-DSA-44 cosignature covers: a subtree, and the cosigner's name (section "ML-DSA-44 signed message").

    A checkpoint is the subtree from 0 to its size. Extension lines are not covered.

    Raises:
        Malformed: a name is longer than 255 bytes, the time or the range does not fit, or a subtree that does not start
            at 0 has a time.
    """
    _check_time(timestamp)
    if not 0 <= part.start <= part.end <= MAX_SIZE or (part.start and timestamp):
        raise Malformed("cosigned subtree", f"{part.start}..{part.end} at {timestamp}", "no time unless it starts at 0")
    numbers = part.start.to_bytes(8, "big") + part.end.to_bytes(8, "big")
    head = _LABEL + _opaque(cosigner, "name of a cosigner") + timestamp.to_bytes(8, "big")
    return head + _opaque(origin, "origin of a checkpoint") + numbers + root


def _message(key: VerifierKey, text: str, timestamp: int) -> bytes:
    found: Checkpoint = checkpoints.parse(text)  # Both types are statements on a checkpoint, and on nothing else.
    if key.kind is Kind.COSIGNATURE_ML_DSA_44:
        return ml_dsa_message(key.name, timestamp, found.origin, Range(0, found.size), found.root)
    return ed25519_message(text, timestamp)


def _check_kind(key: VerifierKey) -> None:
    if key.kind is Kind.ED25519:
        raise BadInput(f"key {key.name}", "signature type 0x01", "0x04 or 0x06, a cosignature")


class Cosigner(NamedTuple):
    """Signs a checkpoint as of one time, in seconds since 1970: a `note.Signer` of type 0x04 or 0x06.

    The time is 0 where no statement is made that this is the latest tree (section "ML-DSA-44 signed message"); an
    Ed25519 cosignature always makes it.
    """

    key: SignerKey
    timestamp: int

    def sign(self, text: str) -> Signature:
        """The cosignature of a checkpoint.

        Raises:
            Malformed: the text is no checkpoint, or the time does not fit.
            BadInput: the key is of another type, or an Ed25519 cosigner gives no time.
        """
        key = self.key.verifier
        _check_kind(key)
        if not self.timestamp and key.kind is Kind.COSIGNATURE_ED25519:
            raise BadInput(f"cosignature of {key.name}", "no time", "seconds since 1970")
        value = self.key.sign_raw(_message(key, text, self.timestamp))
        return Signature(key.name, key.key_id, self.timestamp.to_bytes(_TIMESTAMP_SIZE, "big") + value)


class CosignatureVerifier(NamedTuple):
    """Verifies cosignatures of one key: a `note.Verifier` of type 0x04 or 0x06."""

    key: VerifierKey

    def verify(self, text: str, value: bytes) -> int:
        """The time of the cosignature, in seconds since 1970; 0 where it states none.

        Whether that time is too early, too late or to come is for the caller to judge.

        Raises:
            BadSignature: it does not verify, or is not of its type's length.
            BadInput: the key is of another type.
            Malformed: the text is no checkpoint.
        """
        _check_kind(self.key)
        if len(value) != (wanted := _TIMESTAMP_SIZE + SIGNATURE_SIZE[self.key.kind]):
            raise BadSignature(f"cosignature of {self.key.name}", f"{len(value)} bytes", f"{wanted}")
        timestamp = int.from_bytes(value[:_TIMESTAMP_SIZE], "big")
        if timestamp > MAX_TIMESTAMP:
            raise BadSignature(f"cosignature of {self.key.name}", f"the time {timestamp}", f"at most {MAX_TIMESTAMP}")
        self.key.verify_raw(_message(self.key, text, timestamp), value[_TIMESTAMP_SIZE:])
        return timestamp


def verifier(key: VerifierKey) -> Verifier:
    """What verifies the signatures of a key, by its type."""
    return Ed25519Verifier(key) if key.kind is Kind.ED25519 else CosignatureVerifier(key)
