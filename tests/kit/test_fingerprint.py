"""Stable names of things."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.fingerprint import fingerprint

pieces = st.lists(st.text(st.characters(exclude_characters="\x1f", codec="utf-8")), min_size=1, max_size=4)


def test_a_fingerprint_is_the_same_for_ever() -> None:
    """The value is part of the promise: snapshots of older versions are compared with it."""
    assert fingerprint("net.notebook.direct-internet", "terraform:aws_sagemaker_notebook_instance.n") == (
        "a7694e3423f649acf942f814e9dd8fe8"
    )


@given(pieces, pieces)
def test_different_pieces_have_different_names(a: list[str], b: list[str]) -> None:
    """Where one piece ends and the next begins counts."""
    assert (fingerprint(*a) == fingerprint(*b)) is (a == b)


@given(pieces)
def test_a_fingerprint_is_32_hex_digits(a: list[str]) -> None:
    """It fits a column and a URL."""
    found = fingerprint(*a)
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")
