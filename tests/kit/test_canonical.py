"""Canonical JSON: the short way and the long one write the same octets."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.canonical import Json, canonical
from strongroom.model.errors import Malformed

_LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.text('abc"\\/\x7f\x1f<é😀\uffff')
)
_NUMBERS = _LEAVES | st.floats(allow_nan=False, allow_infinity=False)


@given(st.recursive(_NUMBERS, lambda c: st.lists(c, max_size=4) | st.dictionaries(st.text(max_size=6), c, max_size=5)))
def test_it_is_rfc_8785(value: Json) -> None:
    """Whatever the value, the octets are those of the standard's own implementation."""
    assert canonical(value, "x") == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), [2**60], {"a": 1 << 70}, float("nan"), float("inf"), "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: Json) -> None:
    """A number that is not exact in a double, and a text that is no Unicode, have none."""
    with pytest.raises(Malformed):
        canonical(value, "x")
