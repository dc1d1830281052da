"""Encryption to one recipient, in three ways, and KMAC256 by its published values."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.kit import jwe
from strongroom.kit.jwk import recipient
from strongroom.kit.kmac import kmac256
from strongroom.model.errors import BadInput, BadSignature, Malformed

KEYS: dict[str, jwe.PrivateKey] = {
    "P-256": ec.derive_private_key(11, ec.SECP256R1()),
    "P-521": ec.derive_private_key(12, ec.SECP521R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "ML-KEM": mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(range(64))),
}
OTHERS: dict[str, jwe.PrivateKey] = {
    "P-256": ec.derive_private_key(21, ec.SECP256R1()),
    "P-521": ec.derive_private_key(22, ec.SECP521R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "ML-KEM": mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(64)),
}


def fresh(key: jwe.PrivateKey) -> jwe.Fresh:
    """What is used once, the same each time here."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return jwe.Fresh(bytes(32), bytes(12), ec.derive_private_key(5, key.curve))
    if isinstance(key, mlkem.MLKEM768PrivateKey):
        return jwe.Fresh(bytes(32), bytes(12), key.public_key().encapsulate())
    return jwe.Fresh(bytes(32), bytes(12))


def made(name: str, plaintext: bytes = b"weights") -> bytes:
    """Something encrypted to a key of the table."""
    key = KEYS[name]
    return jwe.encrypt(recipient(jwe.public_members(key)), plaintext, fresh(key))


@pytest.mark.parametrize("name", KEYS)
def test_the_holder_of_the_key_reads_it(name: str) -> None:
    """What was encrypted to a key is what its holder reads, of any length."""
    for plaintext in (b"", b"x", bytes(70_000)):
        assert jwe.decrypt(made(name, plaintext), KEYS[name]) == plaintext


@pytest.mark.parametrize("name", KEYS)
def test_nobody_else_reads_it(name: str) -> None:
    """Another key of the same kind opens nothing, and a key of another kind is told so."""
    with pytest.raises(BadSignature):
        jwe.decrypt(made(name), OTHERS[name])
    with pytest.raises(Malformed):
        jwe.decrypt(made(name), KEYS["RSA" if name != "RSA" else "P-256"])


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("member", ["protected", "encrypted_key", "iv", "ciphertext", "tag"])
def test_a_changed_member_is_refused(name: str, member: str) -> None:
    """One bit changed in any member, and nothing is read."""
    held = json.loads(made(name))
    octets = bytearray(base64.urlsafe_b64decode(held[member] + "=="))
    octets[len(octets) // 2] ^= 1
    held[member] = base64.urlsafe_b64encode(bytes(octets)).rstrip(b"=").decode()
    with pytest.raises(BadInput):
        jwe.decrypt(json.dumps(held).encode(), KEYS[name])


def header(**members: object) -> bytes:
    """A message with another header."""
    held = json.loads(made("P-256"))
    first = json.loads(base64.urlsafe_b64decode(held["protected"] + "=="))
    held["protected"] = base64.urlsafe_b64encode(json.dumps(first | members).encode()).rstrip(b"=").decode()
    return json.dumps(held).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"protected":"e30"}',
        header(enc="A128GCM"),
        header(alg="RSA1_5"),
        header(alg="dir"),
        header(epk=None),
        header(epk={"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}),
        json.dumps(json.loads(made("P-256")) | {"aad": "AAAA"}).encode(),
        json.dumps(json.loads(made("P-256")) | {"iv": "AAAA"}).encode(),
        json.dumps(json.loads(made("P-256")) | {"header": {}}).encode(),
        b" " * ((16 << 20) + 1),
    ],
)
def test_another_message_is_refused(data: bytes) -> None:
    """Other forms, algorithms, sizes and additional data are refused with their reason."""
    with pytest.raises(BadInput):
        jwe.decrypt(data, KEYS["P-256"])


def test_a_point_off_the_curve_is_refused() -> None:
    """An ephemeral key that is no point of the curve, by which a private key would leak, is never used."""
    x = base64.urlsafe_b64encode(bytes(31) + b"\1").rstrip(b"=").decode()
    with pytest.raises(Malformed):
        jwe.decrypt(header(epk={"kty": "EC", "crv": "P-256", "x": x, "y": x}), KEYS["P-256"])


def test_an_ephemeral_key_of_another_kind_is_refused() -> None:
    """Whoever hands in the wrong sort of one-time key gets nothing encrypted."""
    with pytest.raises(Malformed):
        jwe.encrypt(recipient(jwe.public_members(KEYS["P-256"])), b"", jwe.Fresh(bytes(32), bytes(12)))


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_nothing_else_escapes(data: bytes) -> None:
    """Whatever the octets are, they are read or BadInput says why not."""
    try:
        jwe.decrypt(data, KEYS["P-256"])
    except BadInput:
        return


SHORT = bytes.fromhex("00010203")
LONG = bytes(range(200))
NIST_KEY = bytes(range(0x40, 0x60))


@pytest.mark.parametrize(
    ("data", "custom", "expected"),
    [
        (
            SHORT,
            b"My Tagged Application",
            "20C570C31346F703C9AC36C61C03CB64C3970D0CFC787E9B79599D273A68D2F7F69D4CC3DE9D104A351689F27CF6F5951F0103F33F4F24871024D9C27773A8DD",
        ),
        (
            LONG,
            b"",
            "75358CF39E41494E949707927CEE0AF20A3FF553904C86B08F21CC414BCFD691589D27CF5E15369CBBFF8B9A4C2EB17800855D0235FF635DA82533EC6B759B69",
        ),
        (
            LONG,
            b"My Tagged Application",
            "B58618F71F92E1D56C1B8C55DDD7CD188B97B4CA4D99831EB2699A837DA2E4D970FBACFDE50033AEA585F1A2708510C32D07880801BD182898FE476876FC8965",
        ),
    ],
)
def test_kmac_gives_the_published_values(data: bytes, custom: bytes, expected: str) -> None:
    """The samples that NIST publishes for KMAC256 come out."""
    assert kmac256(NIST_KEY, data, 64, custom).hex().upper() == expected
