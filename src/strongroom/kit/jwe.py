"""JSON Web Encryption (RFC 7516): flattened for one recipient (section 7.2.2), general for several (7.2.1). Always A256GCM.

Three ways to wrap the content's key: ECDH-ES+A256KW (RFC 7518 section 4.6), RSA-OAEP-256 (4.3), and ML-KEM-768+A192KW
(draft-ietf-jose-pqc-kem-05, with the key derivation that the Key Broker Service protocol's own programs use). RSA1_5 is not
here: its padding tells an attacker what was inside.
"""

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from strongroom.kit import jwk, strict_json
from strongroom.kit.jose import unpadded
from strongroom.kit.jwk import ECDH, MLKEM, OAEP, Recipient, recipient
from strongroom.kit.kmac import kmac256
from strongroom.model.errors import BadSignature, Malformed

ENC = "A256GCM"
CEK, IV = 32, 12  # octets
MOST = 16 << 20
_SUBJECT = "JSON Web Encryption"
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
Room = TypeVar("Room", bytearray, memoryview)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | mlkem.MLKEM768PrivateKey


class Fresh(NamedTuple):
    """What is used once, and comes from whoever holds chance: the content's key, its vector, and a key of its own.

    `ephemeral` for elliptic curves is a private key on the recipient's curve; for ML-KEM the encapsulated shared secret.
    """

    cek: bytes
    iv: bytes
    ephemeral: ec.EllipticCurvePrivateKey | tuple[bytes, bytes] | None = None


class _Flattened(msgspec.Struct, forbid_unknown_fields=True):
    protected: str
    encrypted_key: str
    iv: str
    ciphertext: str
    tag: str
    aad: str | None = None


class _Header(msgspec.Struct):
    alg: str
    enc: str
    epk: dict[str, object] | None = None
    ek: str = ""


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encrypt(to: Recipient, plaintext: bytes, fresh: Fresh) -> bytes:
    """The plaintext for the recipient, as JSON. `fresh` must never be used twice. Raises Malformed for one that is not fit."""
    header: dict[str, object] = {"alg": to.algorithm, "enc": ENC}
    wrapped, more = _wrap(to, fresh)
    protected = _b64(msgspec.json.encode(header | more, order="sorted"))
    sealed = AESGCM(fresh.cek).encrypt(fresh.iv, plaintext, protected.encode())
    made = _Flattened(protected, _b64(wrapped), _b64(fresh.iv), _b64(sealed[:-16]), _b64(sealed[-16:]))
    return msgspec.json.encode({n: getattr(made, n) for n in made.__struct_fields__ if n != "aad"})


def _wrap(to: Recipient, fresh: Fresh) -> tuple[bytes, dict[str, object]]:
    key, once = to.key, fresh.ephemeral
    if isinstance(key, rsa.RSAPublicKey):
        return key.encrypt(fresh.cek, _OAEP), {}
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(once, ec.EllipticCurvePrivateKey):
        shared = once.exchange(ec.ECDH(), key)
        return aes_key_wrap(_concat(shared), fresh.cek), {"epk": _public(once.public_key())}
    if isinstance(key, mlkem.MLKEM768PublicKey) and isinstance(once, tuple):
        secret, encapsulated = once
        return aes_key_wrap(_kem(secret), fresh.cek), {"ek": _b64(encapsulated)}
    raise Malformed(_SUBJECT, "an ephemeral key of another kind", "one of the recipient's")


def _concat(shared: bytes) -> bytes:
    """The key that wraps, of an agreement (RFC 7518, section 4.6.2), without information of either party."""
    info = struct.pack(">I", len(ECDH)) + ECDH.encode() + bytes(8) + struct.pack(">I", 256)
    return ConcatKDFHash(hashes.SHA256(), 32, info).derive(shared)


def _kem(secret: bytes) -> bytes:
    """The key that wraps, of an encapsulated secret (draft-ietf-jose-pqc-kem-05, section 5.1)."""
    info = struct.pack(">I", len(MLKEM)) + MLKEM.encode() + struct.pack(">I", 192)
    return kmac256(secret, info, 24)


def _public(key: ec.EllipticCurvePublicKey) -> dict[str, object]:
    return {n: v for n, v in jwk.public_members(key).items() if n != "alg"}


def public_members(key: PrivateKey) -> dict[str, object]:
    """The public half as JSON Web Key, with the algorithm that it is for."""
    return {**jwk.public_members(key.public_key())}


def decrypt(data: bytes, key: PrivateKey) -> bytes:
    """The plaintext, for the holder of the key. Raises as `decrypt_into`."""
    return bytes(decrypt_into(data, key, bytearray))


def decrypt_into(data: bytes, key: PrivateKey, room: Callable[[int], Room]) -> Room:
    """The plaintext in octets of the caller's, which the caller can lock and wipe. `room` makes so many of them.

    Raises:
        Malformed: it is none, of another algorithm, or for a key of another kind.
        BadSignature: it was changed, or is for another key; the octets that were made hold nothing then.
    """
    held = _read(data)
    header = _header(held.protected)
    if header.enc != ENC:
        raise Malformed(_SUBJECT, f"enc {header.enc[:20]!r}", ENC)
    pieces = (_octets(getattr(held, n), n) for n in ("encrypted_key", "iv", "ciphertext", "tag"))
    wrapped, iv, ciphertext, tag = pieces
    if len(iv) != IV or len(tag) != 16:
        raise Malformed(_SUBJECT, f"a vector of {len(iv)} octets, a tag of {len(tag)}", f"{IV} and 16")
    try:
        cek = _unwrap(header, wrapped, key)
        into = room(len(ciphertext))
        _open(cek, iv, ciphertext + tag, held.protected.encode(), into)
    except (InvalidTag, InvalidUnwrap, ValueError):
        raise BadSignature(_SUBJECT, "octets that do not open", "an answer to this key, unchanged") from None
    return into


def _open(cek: bytes, iv: bytes, sealed: bytes, bound: bytes, into: Room) -> None:
    """GCM writes before it knows whether the tag holds: what does not hold is overwritten (SP 800-38D, section 7.2)."""
    try:
        AESGCM(cek).decrypt_into(iv, sealed, bound, into)
    except InvalidTag:
        into[:] = bytes(len(into))
        raise


def _read(data: bytes) -> _Flattened:
    if len(data) > MOST:
        raise Malformed(_SUBJECT, f"{len(data)} octets", f"at most {MOST}")
    strict_json.check(data, _SUBJECT)
    try:
        held = msgspec.json.decode(data, type=_Flattened)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "the flattened form") from None
    if held.aad:
        raise Malformed(_SUBJECT, "additional data beside the header", "none")
    return held


def _header(text: str) -> _Header:
    octets = _octets(text, "protected")
    strict_json.check(octets, _SUBJECT)
    try:
        return msgspec.json.decode(octets, type=_Header)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "a header with alg and enc") from None


def _octets(text: str, name: str) -> bytes:
    return unpadded(text.encode("ascii", "replace"), f"member {name!r}")


def _unwrap(header: _Header, wrapped: bytes, key: PrivateKey) -> bytes:
    if header.alg == OAEP and isinstance(key, rsa.RSAPrivateKey):
        return key.decrypt(wrapped, _OAEP)
    if header.alg == ECDH and isinstance(key, ec.EllipticCurvePrivateKey):
        other = recipient(_known(header.epk)).key
        if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != key.curve.name:
            raise Malformed(_SUBJECT, "an ephemeral key on another curve", key.curve.name)
        return aes_key_unwrap(_concat(key.exchange(ec.ECDH(), other)), wrapped)
    if header.alg == MLKEM and isinstance(key, mlkem.MLKEM768PrivateKey):
        return aes_key_unwrap(_kem(key.decapsulate(_octets(header.ek, "ek"))), wrapped)
    raise Malformed(_SUBJECT, f"alg {header.alg[:40]!r}", "that of the key")


def _known(epk: Mapping[str, object] | None) -> Mapping[str, object]:
    if epk is None:
        raise Malformed(_SUBJECT, "no epk", "the sender's ephemeral key")
    return {n: v for n, v in epk.items() if n in ("kty", "crv", "x", "y")}


# For several recipients (section 7.2.1)


class Said(NamedTuple):
    """What is encrypted for several: the plaintext, the protected header as JSON, and the thumbprints of all recipients."""

    plaintext: bytes
    header: bytes
    recipients: tuple[str, ...]


class _To(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    kid: str
    epk: dict[str, object] | None = None
    ek: str = ""


class _One(msgspec.Struct, forbid_unknown_fields=True):
    header: _To
    encrypted_key: str


class _General(msgspec.Struct, forbid_unknown_fields=True):
    """Neither `unprotected` nor `aad`: what counts of a message is under its tag."""

    protected: str
    recipients: list[_One]
    iv: str
    ciphertext: str
    tag: str


class _Protected(msgspec.Struct):
    """What the protected header may not say belongs to each recipient: the names must be apart (section 7.2.1)."""

    enc: str
    alg: msgspec.Raw | None = None
    kid: msgspec.Raw | None = None
    epk: msgspec.Raw | None = None
    ek: msgspec.Raw | None = None
    zip: msgspec.Raw | None = None
    crit: msgspec.Raw | None = None


def encrypt_for(to: Sequence[Recipient], plaintext: bytes, fresh: Sequence[Fresh], said: Mapping[str, object]) -> bytes:
    """The plaintext for each of the recipients and nobody else, as JSON; `said` goes into the protected header.

    The content's key and vector are those of the first of `fresh`; each recipient has an ephemeral key of his own. A
    recipient finds his entry by the thumbprint of his key (`kid`).

    Raises Malformed without recipients, for one twice, or what is fresh for another number of them.
    """
    if not to or len({r.thumbprint for r in to}) != len(to) or len(fresh) != len(to):
        raise Malformed(_SUBJECT, f"{len(to)} recipients, {len(fresh)} fresh keys", "one or more, each once")
    content = fresh[0]
    entries = []
    for each, once in zip(to, fresh, strict=True):
        wrapped, more = _wrap(each, once._replace(cek=content.cek, iv=content.iv))
        header = {"alg": each.algorithm, "kid": each.thumbprint, **more}
        entries.append({"header": header, "encrypted_key": _b64(wrapped)})
    protected = _b64(msgspec.json.encode({**said, "enc": ENC}, order="sorted"))
    sealed = AESGCM(content.cek).encrypt(content.iv, plaintext, protected.encode())
    parts = {"iv": _b64(content.iv), "ciphertext": _b64(sealed[:-16]), "tag": _b64(sealed[-16:])}
    return msgspec.json.encode({"protected": protected, "recipients": entries, **parts})


def decrypt_general(data: bytes, key: PrivateKey, most: int = MOST) -> Said:
    """What is encrypted for several, for the holder of one of the keys. `most` is how many octets are read.

    Who the recipients are is not under the tag: compare it with what the protected header says.

    Raises:
        Malformed: it is none, or of another algorithm.
        BadSignature: it has no entry for this key, or was changed.
    """
    held = _general(data, most)
    header = _octets(held.protected, "protected")
    strict_json.check(header, _SUBJECT)
    _apart(header)
    mine = jwk.thumbprint_of(key.public_key())
    kids = tuple(r.header.kid for r in held.recipients)
    if len(set(kids)) != len(kids):
        raise Malformed(_SUBJECT, "a recipient twice", "each once")
    if mine not in kids:
        raise BadSignature(_SUBJECT, "no entry for this key", f"one for {mine}")
    entry = held.recipients[kids.index(mine)]
    to = _Header(entry.header.alg, ENC, entry.header.epk, entry.header.ek)
    iv, tag = _octets(held.iv, "iv"), _octets(held.tag, "tag")
    if len(iv) != IV or len(tag) != 16:
        raise Malformed(_SUBJECT, f"a vector of {len(iv)} octets, a tag of {len(tag)}", f"{IV} and 16")
    sealed = _octets(held.ciphertext, "ciphertext") + tag
    try:
        cek = _unwrap(to, _octets(entry.encrypted_key, "encrypted_key"), key)
        plaintext = AESGCM(cek).decrypt(iv, sealed, held.protected.encode())
    except (InvalidTag, InvalidUnwrap, ValueError):
        raise BadSignature(_SUBJECT, "octets that do not open", "a message for this key, unchanged") from None
    return Said(plaintext, header, kids)


def _general(data: bytes, most: int) -> _General:
    if len(data) > most:
        raise Malformed(_SUBJECT, f"{len(data)} octets", f"at most {most}")
    strict_json.check(data, _SUBJECT)
    try:
        return msgspec.json.decode(data, type=_General)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "the general form") from None


def _apart(header: bytes) -> None:
    try:
        found = msgspec.json.decode(header, type=_Protected)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "a header with enc") from None
    if found.enc != ENC:
        raise Malformed(_SUBJECT, f"enc {found.enc[:20]!r}", ENC)
    for name in ("alg", "kid", "epk", "ek", "zip", "crit"):
        if getattr(found, name) is not None:
            raise Malformed(_SUBJECT, f"{name!r} in the protected header", "in the recipients' alone, or nowhere")
