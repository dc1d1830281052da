"""COSE_Sign1: its structure, the octets that are signed, and ES384."""

import minted_x509 as x
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from nitro_minting import sign

from strongroom.kit import cbor, cose
from strongroom.kit.cbor import Item, Tagged
from strongroom.model.errors import BadInput, BadSignature, Malformed

KEY = x.ec_key(300)
PROTECTED = cbor.encode({cose.ALG: cose.ES384})
BODY: tuple[Item, ...] = (PROTECTED, {}, b"payload", sign(KEY, PROTECTED, b"payload"))


def test_a_message_is_read_with_its_tag_and_without() -> None:
    """Both forms give the same message; what stands behind is left."""
    plain, end = cose.first(cbor.encode(BODY) + b"more")
    tagged, _ = cose.first(cbor.encode(Tagged(cose.TAG, BODY)))
    assert plain == tagged
    assert (plain.headers, plain.payload, end) == ({1: -35}, b"payload", len(cbor.encode(BODY)))
    assert cose.verify_es384(plain, x.spki(KEY)) == b"payload"


def test_the_signed_octets_are_those_of_the_specification() -> None:
    """Sig_structure of RFC 9052 section 4.4: context, protected header, external data, payload."""
    assert cose.to_be_signed(b"\xa1\x01\x26", b"This is the content.", b"\x11\xaa").hex() == (
        "846a5369676e61747572653143a101264211aa54546869732069732074686520636f6e74656e742e"
    )


@pytest.mark.parametrize(
    "item",
    [
        1,
        (),
        BODY[:3],
        (*BODY, 1),
        ({}, {}, b"", b""),
        (PROTECTED, b"", b"", b""),
        (PROTECTED, {}, None, b""),  # a payload that is elsewhere
        (PROTECTED, {}, b"", "text"),
        (b"\x01", {}, b"", b""),
        (b"\xa1", {}, b"", b""),
        (PROTECTED, {1: -7}, b"", b""),  # a header in both
        Tagged(17, BODY),
        Tagged(18, Tagged(18, BODY)),
    ],
)
def test_another_structure_is_malformed(item: Item) -> None:
    """Whatever is not four fields of their types is bad input."""
    with pytest.raises(BadInput):
        cose.first(cbor.encode(item))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"payload": b"other"}, BadSignature),
        ({"protected": cbor.encode({1: -7})}, BadSignature),
        ({"signature": bytes(96)}, BadSignature),
        ({"signature": b"\xff" * 96}, BadSignature),
        ({"signature": BODY[3] + b"\0"}, Malformed),  # type: ignore[operator] # octets
        ({"signature": b""}, Malformed),
    ],
)
def test_what_the_key_did_not_sign_is_refused(change: dict[str, object], error: type[BadInput]) -> None:
    """Another payload, header or signature raises; nothing is returned."""
    message, _ = cose.first(cbor.encode(BODY))
    with pytest.raises(error):
        cose.verify_es384(message._replace(**change), x.spki(KEY))


@pytest.mark.parametrize("spki", [x.spki(x.ec_key(1, ec.SECP256R1)), b"", b"no key"])
def test_a_key_of_another_kind_is_refused(spki: bytes) -> None:
    """ES384 is by a key on P-384 and no other."""
    message, _ = cose.first(cbor.encode(BODY))
    with pytest.raises(Malformed):
        cose.verify_es384(message, spki)
