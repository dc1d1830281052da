"""Signing with a key in a PKCS#11 token: SoftHSM, where it is installed."""

from pathlib import Path

import pytest
import signing_case as s
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from pkcs11_case import PIN, TOKEN
from token_case import CURVES, Token, made

from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_verify import Trust
from strongroom.model.errors import BadInput, KeyUnavailable, Unreadable


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    return made(tmp_path, monkeypatch)


@pytest.fixture
def case(tmp_path: Path) -> s.Case:
    return s.Case(tmp_path, s.make_model(tmp_path / "model"))


@pytest.mark.parametrize("curve", CURVES)
def test_sign_by_a_token(case: s.Case, token: Token, curve: str) -> None:
    """A key of each curve that never leaves its token signs what its public key verifies."""
    case.signed(SignerWords(pkcs11=token.uri(f"object={curve}")))
    public = load_der_public_key(token.public[curve]).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert case.verdict(Trust(s.put(case.folder / "p", public))).valid
    case.signed(SignerWords(pkcs11=token.uri(f"id=%{list(CURVES).index(curve):02x}", f"&pin-value={PIN}")))
    assert case.verdict(Trust(str(case.folder / "p"))).valid


def test_sign_by_a_token_with_a_certificate(case: s.Case, token: Token) -> None:
    """A certificate of another key than the token's signs nothing."""
    words = SignerWords(pkcs11=token.uri("object=p256"), certificate=s.put(case.folder / "c", s.pem(s.LEAF)))
    with pytest.raises(BadInput, match="another key"):
        case.signed(words)


def test_sign_by_a_token_that_has_no_such_key(case: s.Case, token: Token) -> None:
    """A label that is not there, another token, a wrong PIN and a missing library each say what is missing."""
    for uri, found in (
        (token.uri("object=none"), "0 private keys"),
        (token.uri("object=p256").replace(TOKEN, "none"), "0 tokens"),
        (token.uri("object=p256", "&pin-value=0000"), "PinIncorrect"),
        (token.uri("object=p256").replace(token.library, "/no/such.so"), "wanted a token that opens"),
    ):
        with pytest.raises(KeyUnavailable, match=found):
            case.signed(SignerWords(pkcs11=uri))
    with pytest.raises(Unreadable, match="no/pin"):
        case.signed(SignerWords(pkcs11=token.uri("object=p256", "&pin-source=/no/pin")))
