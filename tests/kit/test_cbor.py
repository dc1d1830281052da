"""CBOR: every value once, within limits, and nothing that two readers could read differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import cbor
from strongroom.kit.cbor import MAX_DEPTH, MAX_ITEMS, Item, Tagged
from strongroom.model.errors import BadInput, Malformed, TooLarge

KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=8)
LEAVES = KEYS | st.binary(max_size=40) | st.booleans() | st.none()
ITEMS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5).map(tuple) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


def depth(item: Item) -> int:
    if isinstance(item, dict):
        return 1 + max(map(depth, item.values()), default=0)
    return 1 + max(map(depth, item), default=0) if isinstance(item, tuple) else 1


@given(ITEMS)
def test_what_is_written_is_read(item: Item) -> None:
    """Any value comes back from its octets, with its types."""
    if depth(item) <= MAX_DEPTH - 1:
        found = cbor.read(cbor.encode(item))
        assert found == item
        assert repr(found) == repr(item)


@given(st.binary(max_size=60))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    """Octets that are no item are bad input; those that are one have only this one spelling."""
    try:
        item = cbor.read(octets)
    except BadInput:
        return
    if not any(b in octets for b in (0x9F, 0xBF)):
        assert cbor.encode(item) == octets


# RFC 8949, appendix A, as far as it is what evidence needs.
EXAMPLES: list[tuple[str, Item]] = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3903e7", -1000),
    ("3bffffffffffffffff", -18446744073709551616),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("6449455446", "IETF"),
    ("62c3bc", "\u00fc"),
    ("80", ()),
    ("8301820203820405", (1, (2, 3), (4, 5))),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": (2, 3)}),
    ("9fff", ()),
    ("9f018202039f0405ffff", (1, (2, 3), (4, 5))),
    ("bf61610161629f0203ffff", {"a": 1, "b": (2, 3)}),
]


@pytest.mark.parametrize(("octets", "item"), EXAMPLES)
def test_the_examples_of_the_specification_are_read(octets: str, item: Item) -> None:
    """The examples of RFC 8949, appendix A, have the values that it gives them."""
    found = cbor.read(bytes.fromhex(octets))
    assert (found, repr(found)) == (item, repr(item))


@pytest.mark.parametrize(
    "octets",
    [
        "",  # nothing
        "1801",  # a longer form than needed
        "190001",
        "1a00000001",
        "1b0000000000000001",
        "5800",
        "1900ff",
        "1c",  # reserved
        "1f",  # an integer of indefinite length
        "5f41014102ff",  # a string in pieces
        "7f616161ff",
        "ff",  # a break that ends nothing
        "81ff",
        "bf01ff",  # a break in place of a value
        "9f01",  # no break
        "a1",  # a map without its pair
        "a101",
        "a201020103",  # a key twice
        "a2616101616102",
        "bf01020103ff",
        "a14001",  # a key that is octets
        "a1f501",  # a key that is true
        "a1f601",
        "a18001",
        "61ff",  # no UTF-8
        "62c328",
        "f7",  # undefined
        "f0",
        "f820",
        "f818",
        "f90000",  # floating-point numbers
        "fa47c35000",
        "fb3ff199999999999a",
        "c000",  # a tag that nobody asked for
        "d28100",
        "0000",  # an octet behind
        "4401",  # fewer octets than told
        "5bffffffffffffffff",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
    ],
)
def test_what_could_be_read_differently_is_refused(octets: str) -> None:
    """Longer forms, keys that stand twice, strings in pieces, floats, tags and octets behind are bad input."""
    with pytest.raises(BadInput):
        cbor.read(bytes.fromhex(octets))


def test_a_tag_is_read_where_it_is_asked_for() -> None:
    """A tag that the reader names is kept with its value; another one is refused."""
    assert cbor.read(bytes.fromhex("d201"), (18,)) == Tagged(18, 1)
    assert cbor.read(cbor.encode(Tagged(18, (1, 2))), (18,)) == Tagged(18, (1, 2))
    with pytest.raises(Malformed, match="the tag 17"):
        cbor.read(bytes.fromhex("d101"), (18,))


def test_limits_hold() -> None:
    """Levels, items and octets are bounded, however few octets say otherwise."""
    with pytest.raises(TooLarge):
        cbor.read(b"\x81" * (MAX_DEPTH + 1) + b"\0")
    assert cbor.read(b"\x81" * (MAX_DEPTH - 1) + b"\0")
    with pytest.raises(TooLarge):
        cbor.read(b"\x81" * 100_000)
    with pytest.raises(TooLarge):
        cbor.read(b"\x9f" + bytes(MAX_ITEMS) + b"\xff")
    assert cbor.read(b"\x9f" + bytes(MAX_ITEMS - 1) + b"\xff") == (0,) * (MAX_ITEMS - 1)
    with pytest.raises(TooLarge):
        cbor.read(bytes(cbor.MAX + 1))


def test_the_first_item_says_where_it_ends() -> None:
    """What follows an item is left to who asks for it."""
    assert cbor.first(bytes.fromhex("8101ffff")) == ((1,), 2)


@pytest.mark.parametrize("number", [1 << 64, -(1 << 64) - 1])
def test_a_number_beyond_64_bits_is_not_written(number: int) -> None:
    """What has no encoding is an error, not another number."""
    with pytest.raises(OverflowError):
        cbor.encode(number)
