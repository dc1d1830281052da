"""Keys of logs and witnesses (c2sp.org/signed-note v1.0.0, "Signature types" and "Verifier keys").

A key is a name, a signature type, and the bytes of one algorithm. Its id follows from these three, so the same bytes
under two types are two keys.
"""

import hashlib
from enum import IntEnum
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from strongroom.kit.tlog.text import from_base64, shown, to_base64
from strongroom.model.errors import BadSignature, Malformed

SEED_SIZE = 32  # RFC 8032 section 5.1.5; FIPS 204 section 6.1
_SIGNER_PREFIX = "PRIVATE+KEY+"  # golang.org/x/mod/sumdb/note: the text of a signer key
_VERIFIER_PARTS = 3


class Kind(IntEnum):
    """The signature types that are made and verified here (signed-note, "Signature types")."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06


PUBLIC_SIZE = {Kind.ED25519: 32, Kind.COSIGNATURE_ED25519: 32, Kind.COSIGNATURE_ML_DSA_44: 1312}
SIGNATURE_SIZE = {Kind.ED25519: 64, Kind.COSIGNATURE_ED25519: 64, Kind.COSIGNATURE_ML_DSA_44: 2420}


def check_name(name: str) -> str:
    """A key's name: not empty, without Unicode spaces, plus signs and control characters (signed-note, "Format").

    Raises:
        Malformed: it is not.
    """
    if not name or any(c.isspace() or c == "+" or c < " " or "\ud800" <= c <= "\udfff" for c in name):
        raise Malformed("name of a key", shown(name), "a name without spaces and plus signs")
    return name


def _kind(byte: int, subject: str) -> Kind:
    try:
        return Kind(byte)
    except ValueError:
        known = ", ".join(f"0x{k:02x}" for k in Kind)
        raise Malformed(subject, f"signature type 0x{byte:02x}", f"one of {known}") from None


class VerifierKey(NamedTuple):
    """A public key, the signature type that it is for, and the name of its owner."""

    name: str
    kind: Kind
    public: bytes

    @property
    def key_id(self) -> int:
        """Four bytes of a hash, to find a key by: an identifier, and no fingerprint to trust (signed-note, "Signatures")."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return int.from_bytes(hashlib.sha256(material).digest()[:4], "big")

    def __str__(self) -> str:
        """The vkey: name, id in hex, and base64 of type and public key (signed-note, "Verifier keys")."""
        return f"{self.name}+{self.key_id:08x}+{to_base64(bytes([self.kind]) + self.public)}"

    def verify_raw(self, message: bytes, signature: bytes) -> None:
        """Check the algorithm's own signature over the bytes that it covers.

        Raises:
            BadSignature: it does not verify, or is not of the algorithm's length.
        """
        wanted = SIGNATURE_SIZE[self.kind]
        if len(signature) != wanted:
            raise BadSignature(f"signature of {self.name}", f"{len(signature)} bytes", f"{wanted}")
        try:
            if self.kind is Kind.COSIGNATURE_ML_DSA_44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            subject = f"signature of {self.name}+{self.key_id:08x}"
            raise BadSignature(subject, "one that does not verify", "the key's signature over this text") from None


class SignerKey:
    """A private key with its public half. It is never shown: its repr names the public key only."""

    __slots__ = ("_private", "_seed", "verifier")

    def __init__(self, name: str, kind: Kind, seed: bytes) -> None:
        """A key from its seed.

        Raises:
            Malformed: the name is none, or the seed has not 32 bytes.
        """
        if len(seed) != SEED_SIZE:
            raise Malformed("seed of a signer key", f"{len(seed)} bytes", f"{SEED_SIZE}")
        self._seed = seed
        self._private: MLDSA44PrivateKey | Ed25519PrivateKey
        if kind is Kind.COSIGNATURE_ML_DSA_44:
            self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(check_name(name), kind, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SignerKey({self.verifier.name}+{self.verifier.key_id:08x})"

    def sign_raw(self, message: bytes) -> bytes:
        """The algorithm's own signature over a message."""
        return self._private.sign(message)

    def secret_text(self) -> str:
        """The key as text, private half included: for a key file, and nowhere else."""
        material = to_base64(bytes([self.verifier.kind]) + self._seed)
        return f"{_SIGNER_PREFIX}{self.verifier.name}+{self.verifier.key_id:08x}+{material}"


def _hex_id(text: str, subject: str) -> int:
    # int() takes signs, underscores and capitals: none of them may stand here (signed-note, "Conventions").
    if len(text) != 8 or any(c not in "0123456789abcdef" for c in text):
        raise Malformed(subject, f"the key id {shown(text)}", "8 lower-case hex digits")
    return int(text, 16)


def _check_id(stated: int, key: VerifierKey, subject: str) -> None:
    if stated != key.key_id:
        raise Malformed(subject, f"the key id {stated:08x}", f"{key.key_id:08x}, which follows from name, type and key")


def parse_verifier_key(text: str) -> VerifierKey:
    """The key of a vkey (signed-note, "Verifier keys").

    Raises:
        Malformed: it is none, of a type that is not verified here, or its id does not follow from its key.
    """
    parts = text.split("+", 2)  # Base64 has plus signs of its own; a name has none.
    if len(parts) != _VERIFIER_PARTS:
        raise Malformed("verifier key", shown(text), "<name>+<key id>+<base64>")
    name, stated = check_name(parts[0]), _hex_id(parts[1], "verifier key")
    subject = f"verifier key of {name}"
    material = from_base64(parts[2], subject)
    kind = _kind(material[0] if material else 0, subject)
    if len(material) != 1 + PUBLIC_SIZE[kind]:
        raise Malformed(subject, f"{len(material) - 1} bytes of key", f"{PUBLIC_SIZE[kind]}")
    key = VerifierKey(name, kind, material[1:])
    _check_id(stated, key, subject)
    return key


def parse_signer_key(text: str) -> SignerKey:
    """The key of `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`; no message carries any of the text.

    Raises:
        Malformed: it is none, of a type that is not made here, or its id does not follow from its key.
    """
    parts = text.removeprefix(_SIGNER_PREFIX).split("+", 2)
    if not text.startswith(_SIGNER_PREFIX) or len(parts) != _VERIFIER_PARTS:
        raise Malformed("signer key", "another text", "PRIVATE+KEY+<name>+<key id>+<base64>")
    try:
        name, stated, material = check_name(parts[0]), _hex_id(parts[1], ""), from_base64(parts[2], "")
    except Malformed:
        raise Malformed("signer key", "a part that is not well formed", "a name, 8 hex digits and base64") from None
    kind = _kind(material[0] if material else 0, "signer key")
    key = SignerKey(name, kind, material[1:])
    _check_id(stated, key.verifier, "signer key")
    return key
