"""Signing of JSON Web Signatures in their compact form (RFC 7515 section 7.1), by ES256 or ES384. `kit/jose.py` verifies."""

import base64
from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from strongroom.model.errors import Malformed

_ALGORITHMS: dict[str, tuple[str, int, hashes.HashAlgorithm]] = {
    "secp256r1": ("ES256", 32, hashes.SHA256()),
    "secp384r1": ("ES384", 48, hashes.SHA384()),
}


def sign(claims: bytes, header: Mapping[str, object], key: ec.EllipticCurvePrivateKey) -> str:
    """The token over the octets of the claims; `alg` is that of the key's curve. Raises Malformed for another curve."""
    known = _ALGORITHMS.get(key.curve.name)
    if known is None:
        raise Malformed("signing key", f"a key on {key.curve.name}", "P-256 or P-384")
    algorithm, size, digest = known
    head = msgspec.json.encode({**header, "alg": algorithm}, order="sorted")
    signed = _b64(head) + b"." + _b64(claims)
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
    return (signed + b"." + _b64(r.to_bytes(size, "big") + s.to_bytes(size, "big"))).decode()


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
