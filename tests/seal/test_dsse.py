"""DSSE: what is signed, and the one form that an envelope has."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import dsse
from strongroom.model.errors import Malformed


def test_dsse_pae_is_that_of_the_specification() -> None:
    """The example of protocol.md comes out octet by octet."""
    made = dsse.pae("http://example.com/HelloWorld", b"hello world")
    assert made == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_dsse_pae_counts_octets_of_the_type() -> None:
    """The length of a type is that of its UTF-8, and not of its letters."""
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_dsse_legacy_pae_is_what_python_prints() -> None:
    """The encoding of model-signing 0.2.0 has the payload with Python's own escapes."""
    assert dsse.legacy_pae("t", b'a"\n\xff') == b"DSSEV1 1 t 4 b'a\"\\n\\xff'"


@given(st.text(), st.binary(), st.text(), st.binary())
def test_dsse_pae_tells_all_pairs_apart(a: str, b: bytes, c: str, d: bytes) -> None:
    """Two envelopes that differ are signed differently, wherever the boundary between type and payload lies."""
    try:
        first, second = dsse.pae(a, b), dsse.pae(c, d)
    except UnicodeEncodeError:
        return
    assert (first == second) == ((a, b) == (c, d))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.binary(min_size=1), st.binary(min_size=1))
def test_dsse_envelope_comes_back(kind: str, payload: bytes, signature: bytes) -> None:
    """What is written is read again."""
    made = dsse.Envelope(kind, payload, signature)
    assert dsse.opened(dsse.written(made), "it") == made


@given(st.binary())
def test_dsse_base64_has_one_form(data: bytes) -> None:
    """The form that encoding gives is read, and one with a bit more that no octet has is not."""
    text = base64.b64encode(data).decode()
    assert dsse.octets(text, "it", "octets") == data
    if len(data) % 3:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        last = text.rstrip("=")
        other = last[:-1] + letters[letters.index(last[-1]) + 1] + "=" * (len(text) - len(last))
        with pytest.raises(Malformed, match="second form"):
            dsse.octets(other, "it", "octets")


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YQ==\n", " YQ==", "Y-==", "YQ===", "YQ==YQ==", "é"])
def test_dsse_base64_takes_nothing_else(text: str) -> None:
    """Blanks, another alphabet, and padding that is missing or in the middle are refused."""
    with pytest.raises(Malformed):
        dsse.octets(text, "it", "octets")


@pytest.mark.parametrize(
    ("payload", "signatures", "found"),
    [
        ("YQ==", [], "0 signatures"),
        ("YQ==", ["YQ==", "YQ=="], "2 signatures"),
        ("YQ==", [""], "0 octets"),
        ("YQ==", ["YWFh" * 4000], "octets"),
        ("", ["YQ=="], "empty payload"),
    ],
)
def test_dsse_envelope_has_one_signature_over_something(payload: str, signatures: list[str], found: str) -> None:
    """No signature, two, an empty or an endless one, and nothing to sign are each refused."""
    made = dsse.EnvelopeJson(payload, dsse.IN_TOTO, [dsse.SignatureJson(s) for s in signatures])
    with pytest.raises(Malformed, match=found):
        dsse.opened(made, "it")
