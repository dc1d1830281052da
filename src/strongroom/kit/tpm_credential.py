"""Making a credential: a secret that only a TPM with one endorsement key can open, and only for one other key inside of it.

Sources: TCG TPM 2.0 Library 1.59, Part 1: 24 (credential protection), 11.4.10 (KDFa, KDFe), B.4 and B.10.4 (OAEP with a
label), C.6.4 (ECDH); Part 2: 12.2.4 (TPMT_PUBLIC), 11.1.9 (TPMT_SYM_DEF_OBJECT); Part 3: 12.5 and 12.6 (TPM2_ActivateCredential,
TPM2_MakeCredential). RFC 8017, 7.1.1 (the encoding of OAEP).

Who made the secret learns from its coming back that the key whose name is in the credential lives in the TPM of the
endorsement key. The TPM looks at the name before it opens anything; a credential for another name stays closed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from strongroom.kit import tpm
from strongroom.kit.x509.signing import public_key
from strongroom.model.errors import Malformed

SEED = (
    128  # octets of chance for one credential: more than either kind of key takes, so that callers need not know which
)
_AES, _CFB = 0x0006, 0x0043  # Part 2, 6.3
_KEY_BITS = frozenset({128, 192, 256})
# Part 2, 6.3: SHA-1 names a key too weakly to trust what is behind the name.
_HASHES: Mapping[int, tuple[str, int]] = MappingProxyType({n: h for n, h in tpm.HASHES.items() if h[0] != "sha1"})
_IDENTITY, _STORAGE, _INTEGRITY = b"IDENTITY", b"STORAGE", b"INTEGRITY"
_MAGIC = bytes.fromhex("badcc0de00000001")  # files of tpm2-tools: TPM2_CREDENTIAL magic and version, lib/files.c


class Credential(NamedTuple):
    """What goes to the TPM: `blob` is a TPM2B_ID_OBJECT, `secret` a TPM2B_ENCRYPTED_SECRET, each with its length."""

    blob: bytes
    secret: bytes

    @property
    def file(self) -> bytes:
        """The two as tpm2_activatecredential reads them from a file."""
        return _MAGIC + self.blob + self.secret


class Protection(NamedTuple):
    """How an endorsement key protects what is under it: the hash's name and octets, and the octets of its AES key."""

    hash: str
    size: int
    key: int


def protection(ek: tpm.Public) -> Protection:
    """What the public area says of its own protection. Raises Malformed for one that is none of a storage key with SHA-2
    and AES in CFB, as every template of the TCG's EK Credential Profile has it.
    """
    named = _HASHES.get(ek.name_algorithm)
    if named is None:
        raise Malformed("endorsement key", f"the hash 0x{ek.name_algorithm:04x}", "SHA-256, SHA-384 or SHA-512")
    at = 10 + len(ek.auth_policy)  # type, hash, attributes, the policy with its length
    algorithm, bits, mode = (int.from_bytes(ek.raw[n : n + 2], "big") for n in (at, at + 2, at + 4))
    if algorithm != _AES or bits not in _KEY_BITS or mode != _CFB:
        found = f"the symmetric algorithm 0x{algorithm:04x}"
        raise Malformed("endorsement key", found, "AES in CFB: a key that protects others")
    return Protection(*named, bits // 8)


def make_credential(ek: tpm.Public, ak_name: bytes, secret: bytes, seed: bytes) -> Credential:
    """The secret, closed for the TPM of the endorsement key and the key of that name (Part 1, 24.4).

    `seed` is SEED octets of chance, never used twice; `ak_name` is the name with its algorithm, as `tpm.Public.name`.

    Raises Malformed for a key that protects nothing, a secret that is longer than the key's hash, or too little chance.
    """
    how = protection(ek)
    if len(seed) != SEED or not 0 < len(secret) <= how.size:
        found = f"{len(secret)} octets of secret and {len(seed)} of chance"
        raise Malformed("credential", found, f"1 to {how.size}, and {SEED}")
    key = public_key(ek.spki)
    if isinstance(key, rsa.RSAPublicKey):
        shared, closed = seed[: how.size], _oaep(key, how, seed[: how.size], seed[how.size : 2 * how.size])
    elif isinstance(key, ec.EllipticCurvePublicKey):
        shared, closed = _agreed(key, how, seed)
    else:
        raise Malformed("endorsement key", "a key of another kind", "RSA or ECC")
    return Credential(_sized(_object(how, shared, ak_name, secret)), _sized(closed))


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _object(how: Protection, seed: bytes, ak_name: bytes, secret: bytes) -> bytes:
    """TPMS_ID_OBJECT (Part 1, 24.4 and 24.5): the secret in AES-CFB, and before it an HMAC over that and the key's name."""
    key = kdfa(how.hash, seed, _STORAGE, ak_name, how.key)
    encryptor = Cipher(AES(key), CFB(bytes(16))).encryptor()
    closed = encryptor.update(_sized(secret)) + encryptor.finalize()
    mac = hmac.digest(kdfa(how.hash, seed, _INTEGRITY, b"", how.size), closed + ak_name, how.hash)
    return _sized(mac) + closed


def kdfa(hashed: str, key: bytes, label: bytes, context: bytes, size: int) -> bytes:
    """KDFa (Part 1, 11.4.10.2): SP 800-108 in counter mode with HMAC; the label ends in a zero, the second context is empty."""
    rounds = -(-size // hashlib.new(hashed).digest_size)
    tail = label + b"\0" + context + (8 * size).to_bytes(4, "big")
    return b"".join(hmac.digest(key, n.to_bytes(4, "big") + tail, hashed) for n in range(1, rounds + 1))[:size]


def kdfe(hashed: str, z: bytes, parties: bytes) -> bytes:
    """KDFe (Part 1, 11.4.10.3) for as many octets as the hash has: Z, the label and both parties' x, hashed once."""
    return hashlib.new(hashed, (1).to_bytes(4, "big") + z + _IDENTITY + b"\0" + parties).digest()


def _agreed(key: ec.EllipticCurvePublicKey, how: Protection, seed: bytes) -> tuple[bytes, bytes]:
    """The seed that both sides come to, and the point that the TPM needs for it (Part 1, C.6.4): TPMS_ECC_POINT."""
    order = _ORDERS.get(key.curve.name)
    if order is None:
        raise Malformed("endorsement key", f"the curve {key.curve.name}", "NIST P-256, P-384 or P-521")
    # FIPS 186-5, A.2.1: with over 64 octets of chance more than are needed, the remainder is as good as uniform.
    own = ec.derive_private_key(int.from_bytes(seed, "big") % (order - 1) + 1, key.curve)
    size = (key.curve.key_size + 7) // 8
    point, theirs = own.public_key().public_numbers(), key.public_numbers()
    x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
    shared = kdfe(how.hash, own.exchange(ec.ECDH(), key), x + theirs.x.to_bytes(size, "big"))
    return shared, _sized(x) + _sized(y)


# SEC 2, 2.4.2, 2.5.1 and 2.6.1: n, the order of the base point.
_ORDERS: Mapping[str, int] = MappingProxyType(
    {
        "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        "secp384r1": 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D,
        "secp521r1": 0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    }
)


def _oaep(key: rsa.RSAPublicKey, how: Protection, message: bytes, seed: bytes) -> bytes:
    """RSAES-OAEP with the hash of the key's name and the label IDENTITY with its zero (RFC 8017, 7.1.1; Part 1, B.4).

    By hand, because libraries draw the seed themselves, and what is made here must be made again from a record.
    """
    numbers = key.public_numbers()
    size = (key.key_size + 7) // 8
    room = size - 2 * how.size - 2
    if room < len(message):
        raise Malformed("endorsement key", f"{key.key_size} bits", "more than its hash calls for")
    label = hashlib.new(how.hash, _IDENTITY + b"\0").digest()
    block = label + bytes(room - len(message)) + b"\1" + message
    masked = _xor(block, _mgf1(how, seed, len(block)))
    encoded = b"\0" + _xor(seed, _mgf1(how, masked, how.size)) + masked
    return pow(int.from_bytes(encoded, "big"), numbers.e, numbers.n).to_bytes(size, "big")


def _mgf1(how: Protection, seed: bytes, size: int) -> bytes:
    rounds = -(-size // how.size)
    return b"".join(hashlib.new(how.hash, seed + n.to_bytes(4, "big")).digest() for n in range(rounds))[:size]


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
