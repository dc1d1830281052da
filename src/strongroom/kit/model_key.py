"""Keys that sign models: ECDSA with the hash of its curve (OMS algorithm registry), and ML-DSA-65 beside it (FIPS 204)."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from strongroom.kit import dsse
from strongroom.model.errors import BadSignature, Malformed

_CURVES: dict[str, type[HashAlgorithm]] = {"secp256r1": SHA256, "secp384r1": SHA384, "secp521r1": SHA512}
_WANTED = "ECDSA on P-256, P-384 or P-521, or ML-DSA-65"

PublicKey = ec.EllipticCurvePublicKey | mldsa.MLDSA65PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey


def _fits(key: object, subject: str) -> PublicKey:
    if isinstance(key, mldsa.MLDSA65PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    what = f"ECDSA on {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    raise Malformed(subject, what, _WANTED)


def public_key(pem: bytes, subject: str) -> PublicKey:
    """The key of a PEM. Raises Malformed for anything but a public key that may sign models."""
    try:
        return _fits(load_pem_public_key(pem), subject)
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed(subject, "no public key in PEM", _WANTED) from None


def public_key_of(spki: bytes, subject: str) -> PublicKey:
    """The key of a SubjectPublicKeyInfo in DER. Raises Malformed."""
    try:
        return _fits(load_der_public_key(spki), subject)
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed(subject, "no public key", _WANTED) from None


def private_key(pem: bytes, password: bytes | None, subject: str) -> PrivateKey:
    """The key of a PEM. Raises Malformed for another kind, or where the password does not open it."""
    try:
        key = load_pem_private_key(pem, password)
    except TypeError:
        hint = "--password-file FILE" if password is None else ""
        found = "a key behind a password" if password is None else "a key without a password"
        raise Malformed(subject, found, "the other", hint) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed(subject, "no private key in PEM that opens", _WANTED) from None
    if isinstance(key, ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey):
        _fits(key.public_key(), subject)
        return key
    raise Malformed(subject, type(key).__name__, _WANTED)


def pem_of(key: PublicKey) -> bytes:
    """The SubjectPublicKeyInfo of a key in PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hint_of(key: PublicKey) -> str:
    """How a bundle names a key: SHA-256 of its PEM, in hex (OMS 4.1)."""
    return hashlib.sha256(pem_of(key)).hexdigest()


def is_named(key: PublicKey, hint: str, pem: bytes, subject: str) -> bool:
    """Whether a bundle names this key: by the digest of its PEM, or by the PEM, and by both where it has both."""
    by_hint = not hint or hmac.compare_digest(hint.encode(), hint_of(key).encode())
    try:
        by_pem = not pem or pem_of(public_key(pem, subject)) == pem_of(key)
    except Malformed:
        by_pem = False
    return by_hint and by_pem


def kind_of(key: PublicKey) -> str:
    """The algorithm, in words."""
    return f"ECDSA {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else "ML-DSA-65"


def hash_of(key: ec.EllipticCurvePublicKey) -> HashAlgorithm:
    """The hash that goes with the curve of a key."""
    return _CURVES[key.curve.name]()


def signed(key: PrivateKey, data: bytes) -> bytes:
    """The signature over octets."""
    if isinstance(key, mldsa.MLDSA65PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(hash_of(key.public_key())))


def _made(key: PublicKey, signature: bytes, data: bytes, how: HashAlgorithm | None = None) -> bool:
    try:
        if isinstance(key, mldsa.MLDSA65PublicKey):
            key.verify(signature, data)
        else:
            key.verify(signature, data, ec.ECDSA(how or hash_of(key)))
    except InvalidSignature:
        return False
    return True


def verified(key: PublicKey, envelope: dsse.Envelope, subject: str, *, compat: bool = False) -> str:
    """A note on how the envelope was signed, empty where it is as DSSE says.

    `compat` looks at what model-signing 0.2.0 signed too: its own encoding, with SHA-256 whatever the curve.

    Raises:
        BadSignature: the key did not sign the envelope.
    """
    if _made(key, envelope.signature, dsse.pae(envelope.payload_type, envelope.payload)):
        return ""
    if compat and isinstance(key, ec.EllipticCurvePublicKey):
        old = dsse.legacy_pae(envelope.payload_type, envelope.payload)
        if any(_made(key, envelope.signature, old, how) for how in (SHA256(), hash_of(key))):
            return "the signature is over the encoding of model-signing 0.2.0, and not that of DSSE"
    raise BadSignature(subject, "a signature that the key did not make", "its own over this payload")
