"""JSON Web Signatures (RFC 7515) in compact form, and the keys that verify them (RFC 7517): read strictly.

A header is what the sender says about himself, so it chooses nothing here: the caller names the algorithm, a key comes
from a set or a chain that the caller has, and neither `none` nor a symmetric algorithm exists (RFC 8725 section 3.1).
"""

import base64
import binascii
import hashlib
import json
from enum import Enum
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.kit import strict_json
from strongroom.kit.x509 import certificate, signing
from strongroom.kit.x509.signing import public_key, valid
from strongroom.model.errors import BadSignature, Malformed, TooLarge

MOST = 256 << 10  # bytes of a token; one with a chain of three certificates has 11 KiB
_MOST_KEYS = 64
_SUBJECT, _KEY = "token", "JSON Web Key"


class Algorithm(Enum):
    """A signature algorithm (RFC 7518 section 3.1): its name, how it signs, octets of R and of S, and the curve."""

    RS256 = ("RS256", signing.Algorithm.RSA_SHA256, 0, "")
    ES256 = ("ES256", signing.Algorithm.ECDSA_SHA256, 32, "secp256r1")
    ES384 = ("ES384", signing.Algorithm.ECDSA_SHA384, 48, "secp384r1")


class Jws(NamedTuple):
    """A token that was read and of which nothing is proven yet. `chain` is `x5c`, DER, the signer first."""

    algorithm: str
    key_id: str
    type: str
    key_set: str  # `jku`: where the sender says that keys are; nobody goes there
    chain: tuple[bytes, ...]
    payload: bytes
    signature: bytes
    signed: bytes


class _Header(msgspec.Struct):
    alg: str
    kid: str = ""
    typ: str = ""
    jku: str = ""
    x5c: list[str] = []


class Jwk(NamedTuple):
    """A public key of a set: its id, the algorithm that it is for where it says one, and the key in DER."""

    key_id: str
    algorithm: str
    key: bytes  # SubjectPublicKeyInfo
    thumbprint: str  # RFC 7638, SHA-256 in hex


class _Jwk(msgspec.Struct):
    kty: str
    kid: str = ""
    alg: str = ""
    use: str = ""
    n: str = ""
    e: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""
    x5c: tuple[str, ...] = ()


class _Set(msgspec.Struct):
    keys: list[msgspec.Raw]


def read(token: bytes) -> Jws:
    """The token of octets. Raises Malformed, TooLarge.

    A header parameter that must be understood (`crit`), or that carries the key to verify with (`jwk`), is refused: the
    one changes what the signature means, and the other lets whoever made the token choose who vouches for it.
    """
    if len(token) > MOST:
        raise TooLarge(_SUBJECT, f"{len(token)} bytes", f"at most {MOST}")
    parts = token.split(b".")
    if len(parts) != 3:
        raise Malformed(_SUBJECT, f"{len(parts)} parts", "three: header, payload and signature")
    header, payload, signature = (unpadded(p, _SUBJECT) for p in parts)
    said = _header(header)
    chain = tuple(_certificate(text) for text in said.x5c[:16])
    signed = parts[0] + b"." + parts[1]
    return Jws(said.alg, said.kid, said.typ, said.jku, chain, payload, signature, signed)


def _header(data: bytes) -> _Header:
    strict_json.check(data, "header of the token")
    try:
        names = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        for name in ("crit", "jwk", "b64", "zip"):
            if name in names:
                raise Malformed(_SUBJECT, f"the header parameter {name!r}", "one without it")
        return msgspec.json.decode(data, type=_Header)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed("header of the token", str(e)[:200], "an object with `alg`") from None


def _certificate(text: str) -> bytes:
    """A certificate of `x5c`: base64 with padding, not base64url (RFC 7515 section 4.1.6)."""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("certificate of the token", "text that is not base64", "base64 of DER") from None


def unpadded(text: bytes, subject: str) -> bytes:
    """The octets of base64url without padding (RFC 7515 section 2), of which there is one text only. Raises Malformed."""
    wanted = "base64url without padding"
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(subject, "text that is not base64url", wanted) from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text:
        raise Malformed(subject, "base64url with other signs, or bits behind the end", wanted)
    return data


def verify(token: Jws, how: Algorithm, spki: bytes) -> bytes:
    """The payload, when the key has signed it by the algorithm that the caller chose.

    Raises:
        BadSignature: the header names another algorithm, or the key did not make the signature.
        Malformed: the key is of another kind.
    """
    name, signs, size, curve = how.value
    if token.algorithm != name:
        raise BadSignature(_SUBJECT, f"the algorithm {token.algorithm[:40]!r}", name)
    key, signature = public_key(spki), token.signature
    if size:
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != curve:
            raise Malformed("public key", "another kind of key", f"one on {curve}")
        if len(signature) != 2 * size:  # RFC 7518 section 3.4
            raise BadSignature(_SUBJECT, f"a signature of {len(signature)} octets", f"{2 * size}")
        halves = (int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
        signature = encode_dss_signature(*halves)
    if not valid(key, signs, signature, token.signed):
        raise BadSignature(_SUBJECT, "a signature that the key did not make", name)
    return token.payload


def keys(data: bytes) -> tuple[Jwk, ...]:
    """The keys of a set (RFC 7517 section 5) that can verify here; those of other kinds are left out.

    Raises Malformed for a set that is none, that has an id twice, or in which a key of a known kind cannot be read.
    """
    if len(data) > MOST:
        raise TooLarge("JSON Web Key Set", f"{len(data)} bytes", f"at most {MOST}")
    strict_json.check(data, "JSON Web Key Set")
    try:
        held = msgspec.json.decode(data, type=_Set).keys[:_MOST_KEYS]
        found = [_known(raw) for raw in held]
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed("JSON Web Key Set", str(e)[:200], "an object with `keys`") from None
    known = tuple(k for k in found if k is not None)
    ids = [k.key_id for k in known if k.key_id]
    if len(ids) != len(set(ids)):
        raise Malformed("JSON Web Key Set", "two keys with one id", "every id once")
    return known


def _known(raw: msgspec.Raw) -> Jwk | None:
    key = msgspec.json.decode(raw, type=_Jwk)
    if key.use not in ("", "sig"):
        return None
    if key.kty == "RSA":
        return _of_certificate(key) if key.x5c and not key.n else jwk_rsa(key.n, key.e, key.kid, key.alg)
    if key.kty == "EC" and key.crv in _CURVES:
        return _elliptic(key)
    return None


def _of_certificate(key: _Jwk) -> Jwk:
    """The RSA key of a member that has certificates alone, as Microsoft's have: that of the first (RFC 7517 4.7)."""
    found = public_key(certificate.parse(_certificate(key.x5c[0])).key)
    if not isinstance(found, rsa.RSAPublicKey):
        raise Malformed(_KEY, "a certificate of another key", "one of an RSA key")
    numbers = found.public_numbers()
    n, e = (_coded(v) for v in (numbers.n, numbers.e))
    return jwk_rsa(n, e, key.kid, key.alg)


def _coded(number: int) -> str:
    """Base64urlUInt (RFC 7518 section 2)."""
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def jwk_rsa(n: str, e: str, key_id: str = "", algorithm: str = "") -> Jwk:
    """The RSA key of its modulus and exponent in base64url (RFC 7518 section 6.3). Raises Malformed."""
    modulus, exponent = (int.from_bytes(unpadded(_ascii(v), _KEY), "big") for v in (n, e))
    try:
        numbers = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise Malformed(_KEY, "numbers that are no RSA key", "a modulus and an exponent") from None
    if not 2048 <= numbers.key_size <= 8192:
        raise Malformed(_KEY, f"an RSA key of {numbers.key_size} bits", "2048 to 8192")
    spki = numbers.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Jwk(key_id, algorithm, spki, _thumbprint(e=e, kty="RSA", n=n))


_CURVES: dict[str, tuple[type[ec.EllipticCurve], int]] = {"P-256": (ec.SECP256R1, 32), "P-384": (ec.SECP384R1, 48)}


def _elliptic(key: _Jwk) -> Jwk:
    curve, size = _CURVES[key.crv]
    x, y = (unpadded(_ascii(v), _KEY) for v in (key.x, key.y))
    if len(x) != size or len(y) != size:  # RFC 7518 section 6.2.1.2
        raise Malformed(_KEY, f"coordinates of {len(x)} and {len(y)} octets", f"{size}")
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve(), b"\x04" + x + y)
    except ValueError:
        raise Malformed(_KEY, "a point that is not on the curve", key.crv) from None
    spki = point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Jwk(key.kid, key.alg, spki, _thumbprint(crv=key.crv, kty="EC", x=key.x, y=key.y))


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _thumbprint(**members: str) -> str:
    """The hash over the members that make the key, by name and without blanks (RFC 7638 section 3)."""
    return hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
