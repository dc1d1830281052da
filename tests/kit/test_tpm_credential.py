"""Credentials, opened again as a TPM opens them: written out here from the specification, with private keys at hand."""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from strongroom.kit import tpm, tpm_credential
from strongroom.model.errors import Malformed

HASHES: dict[int, type[HashAlgorithm]] = {0x000B: SHA256, 0x000C: SHA384, 0x000D: SHA512}
CURVES: dict[int, ec.EllipticCurve] = {3: ec.SECP256R1(), 4: ec.SECP384R1(), 5: ec.SECP521R1()}
SEED = bytes(range(128))
NAME = b"\x00\x0b" + bytes(32)
SECRET = b"opened only inside"


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return len(data).to_bytes(2, "big") + data


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """One key a size for the whole run."""
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Inside:
    """An endorsement key inside of its TPM: what the TPM does with a credential, by Part 1, 24.5."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    hash: int = 0x000B
    bits: int = 128
    symmetric: bytes = b""  # instead of AES in CFB

    @property
    def public(self) -> tpm.Public:
        """The public area by the templates: restricted, decrypt, fixed, with a policy."""
        policy = sized(bytes(HASHES[self.hash]().digest_size))
        protected = self.symmetric or b"\x00\x06" + self.bits.to_bytes(2, "big") + b"\x00\x43"
        head = self.hash.to_bytes(2, "big") + (0x000300B2).to_bytes(4, "big") + policy + protected + b"\x00\x10"
        numbers = self.key.public_key().public_numbers()
        if isinstance(numbers, rsa.RSAPublicNumbers):
            size = self.key.key_size
            area = b"\x00\x01" + head + size.to_bytes(2, "big") + bytes(4) + sized(numbers.n.to_bytes(size // 8, "big"))
        else:
            curve = next(n for n, c in CURVES.items() if c.name == numbers.curve.name)
            size = (numbers.curve.key_size + 7) // 8
            point = sized(numbers.x.to_bytes(size, "big")) + sized(numbers.y.to_bytes(size, "big"))
            area = b"\x00\x23" + head + curve.to_bytes(2, "big") + b"\x00\x10" + point
        return tpm.public(area)

    def _kdfa(self, key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
        made = b""
        for n in (1, 2, 3):
            mac = hmac.new(key, digestmod=HASHES[self.hash].name)
            for piece in (n.to_bytes(4, "big"), label, b"\0", context, bits.to_bytes(4, "big")):
                mac.update(piece)
            made += mac.digest()
        return made[: bits // 8]

    def _seed(self, secret: bytes) -> bytes:
        how = HASHES[self.hash]
        assert int.from_bytes(secret[:2], "big") == len(secret) - 2
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.decrypt(secret[2:], padding.OAEP(padding.MGF1(how()), how(), b"IDENTITY\0"))
        length = int.from_bytes(secret[2:4], "big")
        x, y = secret[4 : 4 + length], secret[6 + length :]
        point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), self.key.curve)
        z = self.key.exchange(ec.ECDH(), point.public_key())
        mine = self.key.public_key().public_numbers().x.to_bytes(length, "big")
        return hashlib.new(how.name, b"\0\0\0\1" + z + b"IDENTITY\0" + x + mine).digest()

    def activate(self, made: tpm_credential.Credential, name: bytes) -> bytes:
        """What TPM2_ActivateCredential answers for the key of that name. Raises ValueError where the TPM would refuse."""
        seed, size = self._seed(made.secret), HASHES[self.hash]().digest_size
        assert int.from_bytes(made.blob[:2], "big") == len(made.blob) - 2
        assert int.from_bytes(made.blob[2:4], "big") == size
        mac, closed = made.blob[4 : 4 + size], made.blob[4 + size :]
        key = self._kdfa(seed, b"INTEGRITY", b"", size * 8)
        if not hmac.compare_digest(hmac.digest(key, closed + name, HASHES[self.hash].name), mac):
            raise ValueError("TPM_RC_INTEGRITY")
        inner = _cfb(self._kdfa(seed, b"STORAGE", name, self.bits), closed)
        return inner[2 : 2 + int.from_bytes(inner[:2], "big")]


def _cfb(key: bytes, closed: bytes) -> bytes:
    """CFB by hand, of single blocks: what is under test takes the library's."""
    out, chain = b"", bytes(16)
    for n in range(0, len(closed), 16):
        block = closed[n : n + 16]
        stream = Cipher(AES(key), ECB()).encryptor().update(chain)
        out += bytes(a ^ b for a, b in zip(block, stream, strict=False))
        chain = block
    return out


KEYS = {
    "RSA 2048": Inside(rsa_key(2048)),
    "RSA 3072, SHA-384, AES-256": Inside(rsa_key(3072), 0x000C, 256),
    "RSA 2048, SHA-512, AES-192": Inside(rsa_key(2048), 0x000D, 192),
    "P-256": Inside(ec.derive_private_key(77, CURVES[3])),
    "P-384, SHA-384, AES-256": Inside(ec.derive_private_key(78, CURVES[4]), 0x000C, 256),
    "P-521, SHA-512, AES-256": Inside(ec.derive_private_key(79, CURVES[5]), 0x000D, 256),
    "P-256, SHA-256, AES-256": Inside(ec.derive_private_key(80, CURVES[3]), bits=256),
}


@pytest.mark.parametrize("inside", KEYS.values(), ids=KEYS)
def test_the_tpm_of_the_key_opens_it(inside: Inside) -> None:
    """What was closed for an endorsement key comes out whole inside of its TPM, also at the longest that its hash allows."""
    for secret in (SECRET, b"\xff" * HASHES[inside.hash]().digest_size, b"\0"):
        made = tpm_credential.make_credential(inside.public, NAME, secret, SEED)
        assert inside.activate(made, NAME) == secret


@pytest.mark.parametrize("inside", KEYS.values(), ids=KEYS)
def test_it_opens_for_no_other_name(inside: Inside) -> None:
    """A key with another name in the same TPM does not get the secret: the name is under the seal, and in the key of it."""
    made = tpm_credential.make_credential(inside.public, NAME, SECRET, SEED)
    with pytest.raises(ValueError, match="INTEGRITY"):
        inside.activate(made, NAME[:-1] + b"\1")


@pytest.mark.parametrize("inside", KEYS.values(), ids=KEYS)
def test_a_changed_octet_anywhere_keeps_it_closed(inside: Inside) -> None:
    """Neither a changed blob nor another machine's secret opens."""
    made = tpm_credential.make_credential(inside.public, NAME, SECRET, SEED)
    for at in (5, len(made.blob) - 1):
        blob = made.blob[:at] + bytes([made.blob[at] ^ 1]) + made.blob[at + 1 :]
        with pytest.raises(ValueError, match="INTEGRITY"):
            inside.activate(made._replace(blob=blob), NAME)
    other = tpm_credential.make_credential(inside.public, NAME, SECRET, SEED[::-1])
    with pytest.raises(ValueError, match="INTEGRITY"):
        inside.activate(other._replace(secret=made.secret), NAME)


def test_another_machine_cannot_open_it() -> None:
    """What is closed for one endorsement key stays closed for another."""
    stranger = Inside(ec.derive_private_key(81, CURVES[3]))
    made = tpm_credential.make_credential(KEYS["P-256"].public, NAME, SECRET, SEED)
    with pytest.raises(ValueError, match="INTEGRITY"):
        stranger.activate(made, NAME)


def test_it_is_the_same_for_the_same_chance() -> None:
    """Chance is an argument: what was made is made again, and with other chance nothing of it is the same."""
    for inside in KEYS.values():
        once, again, other = (
            tpm_credential.make_credential(inside.public, NAME, SECRET, s) for s in (SEED, SEED, bytes(128))
        )
        assert once == again
        assert once.secret != other.secret
        assert once.blob[2:36] != other.blob[2:36]


def test_the_orders_of_the_curves_are_theirs() -> None:
    """One less than the order gives the base point's mirror image, as no other number does."""
    for curve in CURVES.values():
        first = ec.derive_private_key(1, curve).public_key().public_numbers()
        last = ec.derive_private_key(tpm_credential._ORDERS[curve.name] - 1, curve).public_key().public_numbers()
        assert (first.x, first.y != last.y) == (last.x, True)


@pytest.mark.parametrize(
    ("inside", "secret", "seed"),
    [
        (KEYS["P-256"], bytes(33), SEED),
        (KEYS["P-256"], b"", SEED),
        (KEYS["P-256"], SECRET, SEED[:-1]),
        (Inside(rsa_key(2048), symmetric=b"\x00\x10"), SECRET, SEED),
        (Inside(rsa_key(2048), symmetric=b"\x00\x06\x00\x80\x00\x42"), SECRET, SEED),
        (Inside(rsa_key(2048), symmetric=b"\x00\x06\x00\x40\x00\x43"), SECRET, SEED),
        (Inside(rsa_key(1024), 0x000D, 256), SECRET, SEED),
    ],
    ids=["secret too long", "no secret", "too little chance", "no storage key", "no CFB", "64 bits", "RSA 1024"],
)
def test_what_cannot_be_is_refused(inside: Inside, secret: bytes, seed: bytes) -> None:
    """A key that protects nothing, a secret that no TPM takes, and chance that was cut short are refused in words."""
    with pytest.raises(Malformed):
        tpm_credential.make_credential(inside.public, NAME, secret, seed)


def test_a_name_by_sha1_is_refused() -> None:
    """A key whose name is a SHA-1 is not one that a credential is made for."""
    with pytest.raises(Malformed, match="0x0004"):
        tpm_credential.protection(KEYS["P-256"].public._replace(name_algorithm=0x0004))


def test_the_file_is_that_of_the_tools() -> None:
    """The file begins as tpm2_makecredential's, and holds the two structures one behind the other."""
    made = tpm_credential.make_credential(KEYS["RSA 2048"].public, NAME, SECRET, SEED)
    assert made.file == bytes.fromhex("badcc0de00000001") + made.blob + made.secret
    assert int.from_bytes(made.secret[:2], "big") == 256
