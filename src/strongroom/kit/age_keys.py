"""Who an age file is for: recipients and identities, and their texts (c2sp.org/age, "Native recipient types")."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.kit import bech32, xwing
from strongroom.model.errors import Malformed

CLASSICAL, HYBRID = "age", "age1pq"  # the words of recipients
_SECRET, _SECRET_PQ = "age-secret-key-", "age-secret-key-pq-"
_KEY = 32  # octets of X25519
_RECIPIENT, _IDENTITY = "age recipient", "age identity"
_WANTED = "age1… of X25519, or age1pq1… of MLKEM768-X25519"


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """A classical recipient: what is wrapped to it is readable once X25519 falls."""

    octets: bytes

    @property
    def text(self) -> str:
        """`age1…`."""
        return bech32.encode(CLASSICAL, self.octets)

    @property
    def key(self) -> X25519PublicKey:
        """The public key."""
        return X25519PublicKey.from_public_bytes(self.octets)


@dataclass(frozen=True, slots=True)
class HybridRecipient:
    """A recipient of MLKEM768-X25519."""

    key: xwing.PublicKey

    @property
    def text(self) -> str:
        """`age1pq1…`."""
        return bech32.encode(HYBRID, self.key.octets)


@dataclass(frozen=True, slots=True)
class X25519Identity:
    """The holder of an X25519 key."""

    octets: bytes = field(repr=False)

    @property
    def key(self) -> X25519PrivateKey:
        """The private key."""
        return X25519PrivateKey.from_private_bytes(self.octets)

    @property
    def recipient(self) -> X25519Recipient:
        """Its public half."""
        return X25519Recipient(self.key.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """`AGE-SECRET-KEY-1…`."""
        return bech32.encode(_SECRET, self.octets).upper()


@dataclass(frozen=True, slots=True)
class HybridIdentity:
    """The holder of a key of MLKEM768-X25519."""

    key: xwing.PrivateKey

    @property
    def recipient(self) -> HybridRecipient:
        """Its public half."""
        return HybridRecipient(self.key.public)

    @property
    def text(self) -> str:
        """`AGE-SECRET-KEY-PQ-1…`."""
        return bech32.encode(_SECRET_PQ, self.key.seed).upper()


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Who knows a passphrase. `most_work` bounds the base-two logarithm of scrypt's N that a file may ask for.

    22 is what the age program takes; N = 2**22 asks for 4 GiB of memory, and so the limit here is lower.
    """

    octets: bytes = field(repr=False)
    most_work: int = 20


Recipient = X25519Recipient | HybridRecipient
Identity = X25519Identity | HybridIdentity | Passphrase


def recipient(text: str) -> Recipient:
    """A recipient of its text. Raises Malformed, and says so of kinds that are known and not supported."""
    if text.startswith("ssh-"):
        raise Malformed(_RECIPIENT, f"a key of {text.split(' ', 1)[0][:20]}", _WANTED, "SSH keys are not supported")
    word, octets = bech32.decode(text, _RECIPIENT)
    if text != text.lower():
        raise Malformed(_RECIPIENT, "capital letters", _WANTED)
    if word == HYBRID:
        return HybridRecipient(xwing.PublicKey(octets))
    if word == CLASSICAL and len(octets) == _KEY:
        return X25519Recipient(octets)
    hint = "a plugin's recipients are for the age program" if word.startswith("age1") else ""
    raise Malformed(_RECIPIENT, f"{word[:40]!r} with {len(octets)} octets", _WANTED, hint)


def identity(text: str) -> X25519Identity | HybridIdentity:
    """An identity of its text; no message has any of it. Raises Malformed."""
    if text != text.upper():
        raise Malformed(_IDENTITY, "small letters", "AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…")
    word, octets = bech32.decode(text, _IDENTITY)
    if word == _SECRET_PQ and len(octets) == xwing.SEED:
        return HybridIdentity(xwing.PrivateKey(octets))
    if word == _SECRET and len(octets) == _KEY:
        return X25519Identity(octets)
    raise Malformed(_IDENTITY, "another kind, or another length", "AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…")
