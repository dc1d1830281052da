"""How a file key is wrapped to a recipient, and opened by an identity (c2sp.org/age, "Native recipient types")."""

import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from strongroom.kit import xwing
from strongroom.kit.age_header import FILE_KEY, SUBJECT, Stanza, encoded, unpadded
from strongroom.kit.age_keys import HybridRecipient, Identity, Passphrase, Recipient, X25519Identity, X25519Recipient
from strongroom.model.errors import BadSignature, Malformed, TooLarge

X25519, HYBRID, SCRYPT = "X25519", "mlkem768x25519", "scrypt"
UNSUPPORTED = ("ssh-ed25519", "ssh-rsa", "p256tag", "mlkem768p256tag")  # known, and not opened here
_BODY = FILE_KEY + 16
_SALT = 16
_INFO_X25519 = b"age-encryption.org/v1/X25519"
_INFO_SCRYPT = b"age-encryption.org/v1/scrypt"
_INFO_HYBRID = b"age-encryption.org/mlkem768x25519"
_ZERO = bytes(12)  # each wrapping key is used once
_WORK = re.compile(r"[1-9][0-9]*")
_SUITE = Suite(xwing.HYBRID, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def wrap(to: Recipient, file_key: bytes, ephemeral: bytes) -> Stanza:
    """A stanza for a recipient. `ephemeral` is 32 octets of chance that serve once; HPKE draws its own.

    Raises Malformed for a recipient of low order.
    """
    if isinstance(to, HybridRecipient):
        sealed = xwing.seal(_SUITE, file_key, to.key, _INFO_HYBRID)
        share, body = sealed[: xwing.ENCAPSULATED], sealed[xwing.ENCAPSULATED :]
        return Stanza((HYBRID, encoded(share).decode()), body)
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    share = private.public_key().public_bytes_raw()
    key = _agreed(private, to.key, share + to.octets)
    return Stanza((X25519, encoded(share).decode()), ChaCha20Poly1305(key).encrypt(_ZERO, file_key, None))


def unwrap(stanza: Stanza, identity: Identity) -> bytes | None:
    """The file key; None where the stanza is of another kind, or for somebody else.

    Raises:
        Malformed: it is of this kind, and not as it must be.
        TooLarge: it asks for more work than the identity gives.
    """
    if isinstance(identity, Passphrase):
        return _by_passphrase(stanza, identity) if stanza.type == SCRYPT else None
    if isinstance(identity, X25519Identity):
        return _by_x25519(stanza, identity) if stanza.type == X25519 else None
    if stanza.type != HYBRID:
        return None
    share = _share(stanza, 2, xwing.ENCAPSULATED)
    try:
        return xwing.unseal(_SUITE, share + stanza.body, identity.key, _INFO_HYBRID)
    except BadSignature:
        return None


def _share(stanza: Stanza, arguments: int, size: int) -> bytes:
    """The second argument. The body's length is held before it is opened, against partitioning oracles."""
    if len(stanza.arguments) != arguments:
        raise Malformed(SUBJECT, f"{stanza.type} with {len(stanza.arguments)} arguments", f"{arguments}")
    share = unpadded(stanza.arguments[1].encode(), f"an argument of {stanza.type}")
    if len(share) != size or len(stanza.body) != _BODY:
        found = f"{stanza.type} with {len(share)} octets and a body of {len(stanza.body)}"
        raise Malformed(SUBJECT, found, f"{size} and {_BODY}")
    return share


def _agreed(private: X25519PrivateKey, public: X25519PublicKey, salt: bytes) -> bytes:
    try:
        shared = private.exchange(public)  # refuses the secret that is all zeros (RFC 7748, section 6.1)
    except ValueError:
        raise Malformed(SUBJECT, "a point of low order", "a public key that was generated") from None
    return HKDF(SHA256(), 32, salt, _INFO_X25519).derive(shared)


def _by_x25519(stanza: Stanza, identity: X25519Identity) -> bytes | None:
    share = _share(stanza, 2, 32)
    to: X25519Recipient = identity.recipient
    return _opened(_agreed(identity.key, X25519PublicKey.from_public_bytes(share), share + to.octets), stanza.body)


def _by_passphrase(stanza: Stanza, identity: Passphrase) -> bytes | None:
    salt = _share(stanza, 3, _SALT)
    work = stanza.arguments[2]
    if not _WORK.fullmatch(work):
        raise Malformed(SUBJECT, f"a work factor {work[:20]!r}", "a decimal number")
    if len(work) > 2 or int(work) > identity.most_work:
        raise TooLarge(SUBJECT, f"a work factor of {work[:20]}", f"at most {identity.most_work}")
    key = Scrypt(salt=_INFO_SCRYPT + salt, length=32, n=1 << int(work), r=8, p=1).derive(identity.octets)
    return _opened(key, stanza.body)


def _opened(key: bytes, body: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO, body, None)
    except InvalidTag:
        return None
