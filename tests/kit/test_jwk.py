"""Keys to encrypt to, and the runtime data that carries one."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import jwk, runtime_data
from strongroom.kit.canonical import canonical
from strongroom.model.errors import BadInput, Malformed

_EC = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
_P521 = ec.derive_private_key(9, ec.SECP521R1()).public_key().public_numbers()
_RSA = rsa.generate_private_key(65537, 2048).public_key()
_MLKEM = mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(64)).public_key()


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n: int, size: int) -> str:
    """A number of so many octets."""
    return b64(n.to_bytes(size, "big"))


KEYS: dict[str, dict[str, str]] = {
    "P-256": {"kty": "EC", "crv": "P-256", "x": number(_EC.x, 32), "y": number(_EC.y, 32)},
    "P-521": {"kty": "EC", "crv": "P-521", "x": number(_P521.x, 66), "y": number(_P521.y, 66)},
    "RSA": {"kty": "RSA", "n": number(_RSA.public_numbers().n, 256), "e": "AQAB", "alg": "RSA-OAEP-256"},
    "ML-KEM": {"kty": "AKP", "alg": "ML-KEM-768+A192KW", "pub": b64(_MLKEM.public_bytes_raw())},
}


@pytest.mark.parametrize("members", KEYS.values(), ids=KEYS)
def test_a_key_is_read_with_its_algorithm(members: dict[str, str]) -> None:
    """A key of each kind is read, and its SubjectPublicKeyInfo is that of the key."""
    found = jwk.recipient(members)
    assert found.algorithm in (jwk.ECDH, jwk.OAEP, jwk.MLKEM)
    assert found.spki == found.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_thumbprint_is_that_of_the_standard() -> None:
    """The example key of RFC 7638 section 3.1 has the thumbprint that is printed there."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o"
        "knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHz"
        "u6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8"
        "awapJzKnqDKgw"
    )
    found = jwk.recipient({"kty": "RSA", "n": n, "e": "AQAB", "kid": "2011-04-29", "alg": "RSA-OAEP-256"})
    assert b64(bytes.fromhex(found.thumbprint)) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP"},
        {"d": "AAAA"},
        {"alg": "RSA1_5"},
        {"alg": "ECDH-ES"},
        {"crv": "P-192"},
        {"x": number(_EC.x, 33)},
        {"y": number(_EC.x, 32)},
        {"x": "*"},
        {"x": number(_EC.x, 32) + "="},
    ],
)
def test_another_key_is_refused(changes: dict[str, str]) -> None:
    """Private members, other kinds, other algorithms, other curves and points off the curve are Malformed."""
    with pytest.raises(Malformed):
        jwk.recipient({**KEYS["P-256"], **changes})


@pytest.mark.parametrize("changes", [{"e": "AA"}, {"n": number(1 << 1023, 128)}, {"alg": "RSA1_5"}, {"n": ""}])
def test_another_rsa_key_is_refused(changes: dict[str, str]) -> None:
    """An exponent of zero, a short modulus and the old padding are Malformed."""
    with pytest.raises(Malformed):
        jwk.recipient({**KEYS["RSA"], **changes})


@pytest.mark.parametrize("changes", [{"pub": b64(bytes(1183))}, {"pub": b64(b"\xff" * 1184)}, {"alg": "ML-KEM-1024"}])
def test_another_mlkem_key_is_refused(changes: dict[str, str]) -> None:
    """A key of another size, coefficients that are none, and another parameter set are Malformed."""
    with pytest.raises(Malformed):
        jwk.recipient({**KEYS["ML-KEM"], **changes})


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "pub", "alg", "d"]), st.text(max_size=60)))
def test_nothing_else_escapes_a_key(members: dict[str, str]) -> None:
    """Whatever the members are, a key is read or BadInput says why not."""
    try:
        jwk.recipient(members)
    except BadInput:
        return


def data(**changes: object) -> bytes:
    """Runtime data with other members."""
    return runtime_data.of_value({"nonce": "AAECAw==", "tee-pubkey": KEYS["P-256"], **changes})  # type: ignore[dict-item, arg-type] # what is wrong is what is tested


def test_runtime_data_has_the_digest_of_the_protocol() -> None:
    """The example of the protocol has the digest that its own implementation tests for."""
    octets = runtime_data.of_value({"b": 1, "a": "test", "c": {"d": "e"}})
    assert runtime_data.digest(octets, "sha384").hex().startswith("e71ce8e7")


def test_runtime_data_is_read() -> None:
    """The nonce is decoded and the key is read."""
    found = runtime_data.read(data())
    assert found.nonce == bytes(range(4))
    assert found.key.algorithm == jwk.ECDH
    runtime_data.check_canonical(found.octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"[]",
        b"1",
        b'{"nonce":"AA=="}',
        data(nonce=None),
        data(nonce=""),
        data(nonce="A"),
        data(nonce=7),
        data(**{"tee-pubkey": "x"}),
        b'{"nonce":"AA==","nonce":"AB=="}',
        b" " * (1 << 17),
    ],
)
def test_other_runtime_data_is_refused(octets: bytes) -> None:
    """No object, no nonce, no key, a name twice and too much are Malformed."""
    with pytest.raises(Malformed):
        runtime_data.read(octets)


def test_another_form_is_not_canonical() -> None:
    """The same values with a blank, or in another order, are refused as another form."""
    held = json.loads(data())
    with pytest.raises(Malformed):
        runtime_data.check_canonical(json.dumps(held).encode())
    assert canonical(held, "x") == data()


def test_an_unknown_hash_is_refused() -> None:
    """Only the three hashes of the protocol are taken."""
    with pytest.raises(Malformed):
        runtime_data.digest(b"", "md5")
