"""Keys of MLKEM768-X25519, also called X-Wing: secret as long as one of ML-KEM-768 and X25519 holds.

draft-ietf-hpke-pq-03 (KEM 0x647a), draft-connolly-cfrg-xwing-kem: a private key is 32 octets, of which SHAKE256 makes the
seed of ML-KEM (d and z of FIPS 203) and the scalar of X25519; a public key is both public keys in that order.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from strongroom.model.errors import BadSignature, Malformed

HYBRID = KEM.MLKEM768_X25519
SEED = 32  # octets of a private key: Nsk
PUBLIC = 1216  # octets of a public key: Npk
ENCAPSULATED = 1120  # octets: Nenc
_MLKEM = 1184  # octets of the encapsulation key of ML-KEM-768 (FIPS 203, table 3)
_SUBJECT = "MLKEM768-X25519 key"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, as its octets."""

    octets: bytes

    def __post_init__(self) -> None:
        """Refuse what no sender could use. Raises Malformed."""
        _public(self.octets)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key, as its seed. The seed is never part of a text."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a seed of another length. Raises Malformed."""
        if len(self.seed) != SEED:
            raise Malformed(_SUBJECT, f"{len(self.seed)} octets", f"a seed of {SEED}")

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        mlkem, x25519 = _halves(self.seed)
        return PublicKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())


def seal(suite: Suite, plaintext: bytes, to: PublicKey, info: bytes) -> bytes:
    """SealBase of RFC 9180, section 6.1: the encapsulated key and the ciphertext. What is drawn for it, the library draws.

    Raises Malformed for a public key of low order, which would leave one of the two halves without a secret.
    """
    try:
        return suite.encrypt(plaintext, _public(to.octets), info)
    except ValueError:
        raise Malformed(_SUBJECT, "a public key of low order", "one that was generated") from None


def unseal(suite: Suite, sealed: bytes, key: PrivateKey, info: bytes) -> bytes:
    """OpenBase. Raises BadSignature where it is for another key, for another `info`, or was changed."""
    try:
        return suite.decrypt(sealed, MLKEM768X25519PrivateKey(*_halves(key.seed)), info)
    except (InvalidTag, ValueError):
        wanted = "what was sealed to this key, for this purpose, unchanged"
        raise BadSignature("HPKE ciphertext", "octets that do not open", wanted) from None


def _halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


@lru_cache(maxsize=64)
def _public(octets: bytes) -> MLKEM768X25519PublicKey:
    if len(octets) != PUBLIC:
        raise Malformed(_SUBJECT, f"{len(octets)} octets", f"a public key of {PUBLIC}")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(octets[:_MLKEM])  # the modulus check of FIPS 203, section 7.2
    except ValueError:
        raise Malformed(_SUBJECT, "numbers over the modulus", "a public key of ML-KEM-768") from None
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(octets[_MLKEM:]))
