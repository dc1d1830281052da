"""The texts that binary evidence travels as."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.armour import LEAST, unarmoured

OCTETS = st.binary(min_size=LEAST, max_size=400)


@given(OCTETS, st.integers(1, 80))
def test_base64_in_lines_is_undone(octets: bytes, width: int) -> None:
    """Base64 of any line length gives the octets back, also without its padding."""
    text = base64.b64encode(octets)
    lines = b"\n".join(text[n : n + width] for n in range(0, len(text), width))
    assert octets in unarmoured(lines + b"\n")
    assert octets in unarmoured(text.rstrip(b"="))


@given(OCTETS)
def test_hexadecimal_is_undone(octets: bytes) -> None:
    """Hexadecimal in either case, with a prefix, blanks or colons gives the octets back, and comes before base64."""
    text = octets.hex().encode()
    for form in (text, text.upper(), b"0x" + text, octets.hex(":").encode(), octets.hex(" ", 2).encode() + b"\r\n"):
        assert unarmoured(form)[0] == octets


@given(OCTETS)
def test_the_safe_alphabet_is_undone(octets: bytes) -> None:
    """Base64 with `-` and `_` gives the octets back."""
    assert octets in unarmoured(base64.urlsafe_b64encode(octets))


@given(st.binary(max_size=300))
def test_anything_else_is_left(octets: bytes) -> None:
    """Octets that are no such text give nothing or octets, and never an error."""
    assert all(isinstance(found, bytes) for found in unarmoured(octets))


def test_a_word_is_no_armour() -> None:
    """A short text is a word, not evidence."""
    assert unarmoured(b"deadbeef") == ()
