"""Azure's secure key release: the token that a vault answers with, and the key in it, wrapped to the key of a TEE.

`POST {key}/release` gives a JSON Web Signature. Its header has the certificates of the vault (`x5c`); its payload repeats
what was asked for and holds the key as `key_hsm`, a JSON document whose `ciphertext` is the key by one of the algorithms
that Microsoft names (REST API of Key Vault, "Release", `KeyEncryptionAlgorithm`): an AES key under RSA-OAEP, then the key
under it by AES key wrap with padding (RFC 5649), as PKCS #11 has it (v3.1, section 6.1.25).
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from strongroom.kit import jose, strict_json
from strongroom.kit.x509 import certificate
from strongroom.model.errors import BadSignature, Malformed

# Which hash OAEP takes; PKCS #11's name means SHA-1 in a vault, whose collisions OAEP does not rest on.
ALGORITHMS: dict[str, type[hashes.HashAlgorithm]] = {
    "RSA_AES_KEY_WRAP_256": hashes.SHA256,
    "RSA_AES_KEY_WRAP_384": hashes.SHA384,
    "CKM_RSA_AES_KEY_WRAP": hashes.SHA1,
}
_SUBJECT = "released key"
T = TypeVar("T", bound=msgspec.Struct)


class Asked(NamedTuple):
    """What was asked of which vault: its host, the key, the algorithm, and a nonce that nobody else has."""

    host: str
    key: str  # the key's id with its version, as the vault writes it
    how: str
    nonce: str


class _Request(msgspec.Struct, frozen=True):
    kid: str
    enc: str = ""
    nonce: str = ""


class _Jwk(msgspec.Struct, frozen=True):
    kid: str
    kty: str
    key_hsm: str


class _Key(msgspec.Struct, frozen=True):
    key: _Jwk


class _Response(msgspec.Struct, frozen=True):
    key: _Key


class _Payload(msgspec.Struct, frozen=True):
    request: _Request
    response: _Response


class _Hsm(msgspec.Struct, frozen=True):
    ciphertext: str


class Released(NamedTuple):
    """A release that a vault has signed. `kind` is the type of the key, such as `RSA-HSM`; `wrapped` only its TEE opens."""

    key: str
    kind: str
    how: str
    wrapped: bytes


def verify(token: bytes, asked: Asked, roots: Iterable[bytes], now: datetime) -> Released:
    """The release in a token, once its chain leads to one of the roots (DER), is the vault's own, and answers what was asked.

    Raises:
        BadSignature: the chain, the host or the signature is another's, or it answers another request.
        Malformed: it is no such token.
    """
    held = jose.read(token)
    _check_chain(held.chain, asked.host, tuple(roots), now)
    payload = jose.verify(held, jose.Algorithm.RS256, certificate.parse(held.chain[0]).key)
    said = _read(payload, _Payload)
    same = (
        (said.request.kid, asked.key),
        (said.response.key.key.kid, asked.key),
        (said.request.enc, asked.how),
        (said.request.nonce, asked.nonce),
    )
    if not all(hmac.compare_digest(found.encode(), wanted.encode()) for found, wanted in same):
        raise BadSignature(_SUBJECT, "the answer to another request", "this key, algorithm and nonce")
    hsm = _read(jose.unpadded(said.response.key.key.key_hsm.encode("ascii", "replace"), "key_hsm"), _Hsm)
    wrapped = jose.unpadded(hsm.ciphertext.encode("ascii", "replace"), "ciphertext")
    return Released(said.response.key.key.kid, said.response.key.key.kty, said.request.enc, wrapped)


def _read(data: bytes, kind: type[T]) -> T:
    strict_json.check(data, _SUBJECT)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError):  # its words could quote the payload
        raise Malformed(_SUBJECT, "a payload of another form", "that of a release") from None


def _check_chain(chain: tuple[bytes, ...], host: str, roots: tuple[bytes, ...], now: datetime) -> None:
    """That the first certificate is of this host, as for TLS: a vault signs releases with what its name is vouched by."""
    if not chain or not roots:
        raise BadSignature(_SUBJECT, "no certificates, or no root to hold them against", "a chain to a root")
    try:
        leaf, *between = (x509.load_der_x509_certificate(c) for c in chain)
        store = Store([x509.load_der_x509_certificate(c) for c in roots])
        policy = PolicyBuilder().store(store).time(now)
        policy.build_server_verifier(x509.DNSName(host)).verify(leaf, between)
    except VerificationError:
        raise BadSignature(_SUBJECT, "certificates of another", f"those of {host[:200]}, from a root") from None
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Malformed(_SUBJECT, "what is no certificate", "a chain in x5c") from None


def unwrap(released: Released, key: rsa.RSAPrivateKey) -> bytes:
    """The key: PKCS #8 in DER where it is asymmetric, else its octets.

    Raises:
        BadSignature: it is wrapped to another key, or was changed.
        Malformed: another algorithm.
    """
    kind = ALGORITHMS.get(released.how)
    if kind is None:
        raise Malformed(_SUBJECT, f"the algorithm {released.how[:40]!r}", ", ".join(ALGORITHMS))
    size = key.key_size // 8
    oaep = padding.OAEP(mgf=padding.MGF1(kind()), algorithm=kind(), label=None)
    try:
        wrapping = key.decrypt(released.wrapped[:size], oaep)
        return aes_key_unwrap_with_padding(wrapping, released.wrapped[size:])
    except (ValueError, InvalidUnwrap):
        raise BadSignature(_SUBJECT, "octets that do not open", "a key that was wrapped to this one") from None
