"""Public keys to encrypt to, as JSON Web Keys (RFC 7517, RFC 7518 section 6; AKP: draft-ietf-jose-pqc-kem).

`kit/jose.py` reads keys that sign; these are keys that something is wrapped for. A key that says what it is for
(`alg`) is held to it, and private members are refused: whoever sends one has lost it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.kit.jose import unpadded
from strongroom.model.errors import Malformed

ECDH, OAEP, MLKEM = "ECDH-ES+A256KW", "RSA-OAEP-256", "ML-KEM-768+A192KW"
_SUBJECT = "JSON Web Key"
_CURVES: Mapping[str, tuple[type[ec.EllipticCurve], int]] = {
    "P-256": (ec.SECP256R1, 32),
    "P-384": (ec.SECP384R1, 48),
    "P-521": (ec.SECP521R1, 66),
}
_MLKEM768 = 1184  # octets of an encapsulation key (FIPS 203, table 3)
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
EncryptionKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | mlkem.MLKEM768PublicKey
_FEW = 8  # members of a key that is remembered


class Recipient(NamedTuple):
    """A key to encrypt to: its algorithm, its SubjectPublicKeyInfo in DER, its thumbprint (RFC 7638, SHA-256, hex)."""

    algorithm: str
    spki: bytes
    thumbprint: str
    key: EncryptionKey


def recipient(members: Mapping[str, object]) -> Recipient:
    """The key of a JWK's members.

    Raises Malformed for private members, other kinds of keys, numbers that are none, and an `alg` that is not the
    key's; RSA1_5 is refused with them: its padding tells an attacker what was inside (RFC 8017 section 7.2, note).
    """
    texts = {n: v for n, v in members.items() if isinstance(v, str)}
    if len(texts) == len(members) <= _FEW:
        return _remembered(tuple(sorted(texts.items())))
    return _recipient(members)


@lru_cache(maxsize=256)
def _remembered(members: tuple[tuple[str, str], ...]) -> Recipient:
    """A key is read when it is attested, and again with each release to it."""
    return _recipient(dict(members))


def _recipient(members: Mapping[str, object]) -> Recipient:
    for name in _PRIVATE:
        if name in members:
            raise Malformed(_SUBJECT, f"the private member {name!r}", "a public key")
    kind, named = _text(members, "kty"), members.get("alg", "")
    make = {"EC": _elliptic, "RSA": _rsa, "AKP": _mlkem}.get(kind)
    if make is None:
        raise Malformed(_SUBJECT, f"a key of type {kind[:20]!r}", "EC, RSA or AKP")
    algorithm, key, required = make(members)
    if named not in ("", algorithm):
        raise Malformed(_SUBJECT, f"alg {str(named)[:40]!r}", algorithm)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Recipient(algorithm, spki, _thumbprint(required), key)


def _text(members: Mapping[str, object], name: str) -> str:
    found = members.get(name)
    if not isinstance(found, str) or not found.isascii():
        raise Malformed(_SUBJECT, f"no {name!r}" if found is None else f"{name!r} that is no text", "a text")
    return found


def _octets(members: Mapping[str, object], name: str) -> bytes:
    return unpadded(_text(members, name).encode(), f"member {name!r} of the key")


def _elliptic(members: Mapping[str, object]) -> tuple[str, EncryptionKey, dict[str, str]]:
    curve = _text(members, "crv")
    if curve not in _CURVES:
        raise Malformed(_SUBJECT, f"the curve {curve[:20]!r}", ", ".join(_CURVES))
    made, size = _CURVES[curve]
    x, y = _octets(members, "x"), _octets(members, "y")
    if len(x) != size or len(y) != size:  # RFC 7518 section 6.2.1.2
        raise Malformed(_SUBJECT, f"coordinates of {len(x)} and {len(y)} octets", f"{size}")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(made(), b"\x04" + x + y)
    except ValueError:
        raise Malformed(_SUBJECT, "a point that is not on the curve", curve) from None
    return ECDH, key, {n: _text(members, n) for n in ("crv", "kty", "x", "y")}


def _rsa(members: Mapping[str, object]) -> tuple[str, EncryptionKey, dict[str, str]]:
    modulus, exponent = (int.from_bytes(_octets(members, n), "big") for n in ("n", "e"))
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise Malformed(_SUBJECT, "numbers that are no RSA key", "a modulus and an exponent") from None
    if not 2048 <= key.key_size <= 8192:
        raise Malformed(_SUBJECT, f"an RSA key of {key.key_size} bits", "2048 to 8192")
    return OAEP, key, {n: _text(members, n) for n in ("e", "kty", "n")}


def _mlkem(members: Mapping[str, object]) -> tuple[str, EncryptionKey, dict[str, str]]:
    octets = _octets(members, "pub")
    if len(octets) != _MLKEM768:
        raise Malformed(_SUBJECT, f"an encapsulation key of {len(octets)} octets", f"{_MLKEM768}: ML-KEM-768")
    try:
        key = mlkem.MLKEM768PublicKey.from_public_bytes(octets)
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed(_SUBJECT, "octets that are no ML-KEM-768 key", "one by FIPS 203 section 7.2") from None
    if _text(members, "alg") != MLKEM:  # AKP: `alg` is one of the members that make the key
        raise Malformed(_SUBJECT, f"alg {_text(members, 'alg')[:40]!r}", MLKEM)
    return MLKEM, key, {n: _text(members, n) for n in ("alg", "kty", "pub")}


def _thumbprint(required: Mapping[str, str]) -> str:
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def public_members(key: EncryptionKey) -> dict[str, str]:
    """The members of a public key, with the algorithm that it is for. Raises Malformed for another curve."""
    if isinstance(key, rsa.RSAPublicKey):
        n, e = (
            _b64(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (key.public_numbers().n, key.public_numbers().e)
        )
        return {"kty": "RSA", "n": n, "e": e, "alg": OAEP}
    if isinstance(key, mlkem.MLKEM768PublicKey):
        return {"kty": "AKP", "alg": MLKEM, "pub": _b64(key.public_bytes_raw())}
    for name, (made, size) in _CURVES.items():
        if made().name == key.curve.name:
            at = key.public_numbers()
            x, y = (_b64(v.to_bytes(size, "big")) for v in (at.x, at.y))
            return {"kty": "EC", "crv": name, "x": x, "y": y, "alg": ECDH}
    raise Malformed(_SUBJECT, f"a key on {key.curve.name}", ", ".join(_CURVES))


def thumbprint_of(key: EncryptionKey) -> str:
    """The thumbprint of a public key (RFC 7638, SHA-256, hex). Raises Malformed for another curve."""
    return recipient(public_members(key)).thumbprint


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
