"""JSON Web Signatures: what is signed is read, and whoever made the token chooses nothing."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.kit import jose
from strongroom.kit.jose import Algorithm
from strongroom.model.errors import BadSignature, Malformed, TooLarge

RSA = rsa.generate_private_key(65537, 2048)
P256, P384 = ec.derive_private_key(5, ec.SECP256R1()), ec.derive_private_key(6, ec.SECP384R1())
PAYLOAD = b'{"sub":"x"}'
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def coded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def made(key: Key, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    size = key.curve.key_size // 8
    halves = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256() if size == 32 else SHA384())))
    return b"".join(n.to_bytes(size) for n in halves)


def token(key: Key, header: Mapping[str, object] | bytes, payload: bytes = PAYLOAD) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    signed = coded(text) + b"." + coded(payload)
    return signed + b"." + coded(made(key, signed))


def members(key: Key) -> dict[str, str]:
    def number(value: int, size: int) -> str:
        return coded(value.to_bytes(size)).decode()

    if isinstance(key, rsa.RSAPrivateKey):
        held = key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(held.n, 256), "e": number(held.e, 3)}
    point, size = key.public_key().public_numbers(), key.curve.key_size // 8
    return {"kty": "EC", "crv": f"P-{size * 8}", "x": number(point.x, size), "y": number(point.y, size)}


@pytest.mark.parametrize(("key", "how"), [(RSA, "RS256"), (P256, "ES256"), (P384, "ES384")])
def test_a_genuine_token_gives_its_payload(key: Key, how: str) -> None:
    """Each algorithm verifies with the key that its set names, and gives what was signed."""
    (held,) = jose.keys(json.dumps({"keys": [{**members(key), "kid": "a", "use": "sig", "alg": how}]}).encode())
    assert (held.key_id, held.algorithm, held.key) == ("a", how, spki(key))
    read = jose.read(token(key, {"alg": how, "kid": "a", "typ": "JWT", "more": [1]}))
    assert jose.verify(read, Algorithm[how], held.key) == PAYLOAD


@pytest.mark.parametrize("said", ["none", "HS256", "RS384", "ES256", "", "rs256"])
def test_the_header_does_not_choose_the_algorithm(said: str) -> None:
    """A token that names another algorithm than the caller is refused, also where the signature is one by the key."""
    with pytest.raises(BadSignature):
        jose.verify(jose.read(token(RSA, {"alg": said})), Algorithm.RS256, spki(RSA))


@pytest.mark.parametrize(
    ("key", "how", "error"),
    [
        (rsa.generate_private_key(65537, 2048), Algorithm.RS256, BadSignature),
        (P256, Algorithm.RS256, Malformed),
        (RSA, Algorithm.ES256, Malformed),
        (P384, Algorithm.ES256, Malformed),
    ],
)
def test_another_key_is_refused(key: Key, how: Algorithm, error: type[Exception]) -> None:
    """A key that did not sign, or that is not of the algorithm, opens nothing."""
    signer = RSA if how is Algorithm.RS256 else P256
    with pytest.raises(error):
        jose.verify(jose.read(token(signer, {"alg": how.value[0]})), how, spki(key))


def test_a_signature_of_another_length_is_refused() -> None:
    """R and S have the size of the curve: DER, or a shorter pair, is no signature of a token."""
    signed = coded(b'{"alg":"ES256"}') + b"." + coded(PAYLOAD)
    der = P256.sign(signed, ec.ECDSA(SHA256()))
    for octets in (der, made(P256, signed)[:-1], b""):
        with pytest.raises(BadSignature):
            jose.verify(jose.read(signed + b"." + coded(octets)), Algorithm.ES256, spki(P256))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"RS256","alg":"none"}',
        b'{"alg":"RS256","crit":["exp"]}',
        b'{"alg":"RS256","crit":[]}',
        b'{"alg":"RS256","b64":false}',
        b'{"alg":"RS256","jwk":{}}',
        b'{"alg":"RS256","zip":"DEF"}',
        b'{"alg":7}',
        b'{"kid":"a"}',
        b'{"alg":"RS256","x5c":["not base64!"]}',
        b"[]",
        b"{",
        b"\xff",
    ],
)
def test_a_header_that_says_too_much_is_refused(header: bytes) -> None:
    """A name twice, what must be understood, a key of the sender's own, or another type make no token."""
    with pytest.raises(Malformed):
        jose.read(token(RSA, header))


def test_only_one_text_is_a_token() -> None:
    """Padding, blanks, other alphabets, bits behind the end, and parts too few or too many are refused."""
    good = token(RSA, {"alg": "RS256"})
    header, payload, signature = good.split(b".")
    last = b"".join(bytes([c]) for c in signature)
    spoilt = (good + b"=", b" " + good, good + b".", header + b"." + payload, good.replace(b".", b"..", 1), b"", b"..")
    for text in (*spoilt, header + b"." + payload + b"." + last[:-1] + (b"_" if last[-1:] != b"_" else b"-")):
        with pytest.raises((Malformed, BadSignature)):
            jose.verify(jose.read(text), Algorithm.RS256, spki(RSA))
    with pytest.raises(TooLarge):
        jose.read(b"a" * (jose.MOST + 1))


@pytest.mark.parametrize(
    "document",
    [
        b"{}",
        b'{"keys":7}',
        b'{"keys":[7]}',
        b'{"keys":[],"keys":[]}',
        json.dumps({"keys": [{**members(RSA), "kid": "a"}, {**members(P256), "kid": "a"}]}).encode(),
        json.dumps({"keys": [{**members(RSA), "n": coded(b"\x0f" * 128).decode()}]}).encode(),
        json.dumps({"keys": [{**members(RSA), "e": coded(b"\x02").decode()}]}).encode(),
        json.dumps({"keys": [{**members(RSA), "n": members(RSA)["n"] + "="}]}).encode(),
        json.dumps({"keys": [{**members(P256), "y": members(P256)["x"]}]}).encode(),
        json.dumps({"keys": [{**members(P256), "x": coded(b"\1").decode()}]}).encode(),
        json.dumps({"keys": [{**members(RSA), "n": "\u00fc"}]}).encode(),
    ],
)
def test_a_set_that_is_wrong_is_refused(document: bytes) -> None:
    """A set that is none, an id twice, a weak key, a point off its curve, or another text of a number are refused."""
    with pytest.raises(Malformed):
        jose.keys(document)


def test_keys_for_something_else_are_left_out() -> None:
    """Keys to encrypt with, symmetric ones and other curves verify nothing."""
    others = [
        {**members(RSA), "use": "enc"},
        {"kty": "oct", "k": "AA"},
        {"kty": "EC", "crv": "secp256k1"},
        {"kty": "OKP"},
    ]
    assert jose.keys(json.dumps({"keys": others}).encode()) == ()


def test_a_thumbprint_is_that_of_the_standard() -> None:
    """The example of RFC 7638 section 3.1 has the thumbprint that stands there."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
        "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
        "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8aw"
        "apJzKnqDKgw"
    )
    wanted = base64.urlsafe_b64decode("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=").hex()
    assert jose.jwk_rsa(n, "AQAB").thumbprint == wanted


def test_recorded_tokens_verify_with_their_set(vectors: Path) -> None:
    """The tokens of NVIDIA's verifier are signed by the keys of its set, each by the one that it names."""
    folder = vectors / "attest/composite/chutes-20260629"
    held = {k.key_id: k for k in jose.keys((folder / "nras_jwks.json").read_bytes())}
    texts = re.findall(rb"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", (folder / "nras_response.json").read_bytes())
    read = [jose.read(text) for text in texts]
    signed = [t for t in read if t.key_id in held]
    assert signed
    for found in signed:
        assert jose.verify(found, Algorithm.ES384, held[found.key_id].key) == found.payload
        with pytest.raises(BadSignature):
            jose.verify(found._replace(signed=found.signed + b"A"), Algorithm.ES384, held[found.key_id].key)
