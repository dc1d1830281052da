"""DER: one spelling for each value, and every other refused."""

from collections.abc import Callable
from datetime import UTC, datetime

import minted_x509 as x
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import der
from strongroom.model.errors import Malformed


def one(octets: str) -> der.Element:
    """The only element of octets in hexadecimal."""
    data = bytes.fromhex(octets)
    return der.one(data, data[0])


@given(st.integers(-(1 << 1000), 1 << 1000))
def test_a_number_comes_back(number: int) -> None:
    """Any whole number of up to 128 octets is read as it was written."""
    size = (number.bit_length() if number >= 0 else (number + 1).bit_length()) // 8 + 1
    assert der.integer(der.prefix(x.tlv(2, number.to_bytes(size, "big", signed=True)))) == number


@given(st.lists(st.integers(0, (1 << 60) - 1), max_size=6), st.integers(0, 39))
def test_an_identifier_comes_back(arcs: list[int], second: int) -> None:
    """Any object identifier is read as it was written."""
    dotted = ".".join(map(str, (1, second, *arcs)))
    assert der.oid(der.prefix(x.oid(dotted))) == dotted


@given(st.binary(max_size=300))
def test_a_value_of_any_length_comes_back(value: bytes) -> None:
    """Contents of any length are found whole, in short and in long form."""
    element = der.one(x.tlv(der.OCTET_STRING, value), der.OCTET_STRING)
    assert (element.value, element.whole) == (value, x.tlv(der.OCTET_STRING, value))
    assert list(der.elements(element.whole * 3)) == [element] * 3


@given(st.binary(max_size=80))
def test_any_octets_are_elements_or_malformed(octets: bytes) -> None:
    """Elements give their octets back; all else is malformed."""
    try:
        found = list(der.elements(octets))
    except Malformed:
        return
    assert b"".join(e.whole for e in found) == octets


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3080",  # indefinite
        "300100"[:4],
        "30050101",
        "0481" + "7f" + "00" * 127,  # a long form that is short
        "04820080" + "00" * 128,
        "0485" + "0000000000",
        "04ff",
        "1f8101",  # a tag of several octets
        "0484ffffffff",
        "040100aa",
    ],
)
def test_what_is_no_element_is_malformed(octets: str) -> None:
    """Indefinite and longer lengths, several octets of tag, and octets behind are refused."""
    with pytest.raises(Malformed):
        der.one(bytes.fromhex(octets), bytes.fromhex(octets or "04")[0])


BAD: list[tuple[Callable[[der.Element], object], str]] = [
    (der.integer, "0200"),
    (der.integer, "02020001"),
    (der.integer, "0202ff80"),
    (der.integer, "0401" + "01"),
    (der.integer, "028181" + "7f" * 129),
    (der.boolean, "010101"),
    (der.boolean, "0100"),
    (der.boolean, "01020000"),
    (der.bits, "030101"),
    (der.bits, "0300"),
    (der.flags, "030108"),
    (der.flags, "030101"),
    (der.oid, "0600"),
    (der.oid, "060180"),
    (der.oid, "06022a81"),
    (der.oid, "06032a8001"),
    (der.oid, "060b2affffffffffffffffff7f"),
    (der.text, "020100"),
    (der.text, "0c01ff"),
    (der.text, "1301e4"),
    (der.text, "1e0100"),
    (der.time, "170d3236303130313030303030305a"[:-2] + "2b"),
    (der.time, "170d" + b"260230000000Z".hex()),
    (der.time, "170d" + b"26010100000aZ".hex()),
    (der.time, "170b" + b"2601010000Z".hex()),
    (der.time, "180d" + b"260101000000Z".hex()),
    (der.time, "180f" + b"00000101000000Z".hex()),
    (der.time, "0401" + "00"),
]


@pytest.mark.parametrize(("reader", "octets"), BAD)
def test_a_value_in_another_form_is_malformed(reader: Callable[[der.Element], object], octets: str) -> None:
    """Padded, empty, oversized and mistyped values are refused by the reader of their type."""
    with pytest.raises(Malformed):
        reader(one(octets))


def test_times_are_of_their_century() -> None:
    """Two digits of a year mean 1950 to 2049, four what they say."""
    assert der.time(one("170d" + b"500101000000Z".hex())) == datetime(1950, 1, 1, tzinfo=UTC)
    assert der.time(one("170d" + b"491231235959Z".hex())) == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert der.time(one("180f" + b"20500101000000Z".hex())) == datetime(2050, 1, 1, tzinfo=UTC)


def test_values_are_read() -> None:
    """Booleans, bits, flags, texts and members have their values."""
    assert der.boolean(one("0101ff"))
    assert not der.boolean(one("010100"))
    assert der.bits(one("03020041")) == b"A"
    assert der.flags(one("03020780")) == {0}
    assert der.flags(one("03020106")) == {5, 6}
    assert der.text(one("1e0400410042")) == "AB"
    assert [e.tag for e in der.sequence(bytes.fromhex("3006020101010100"))] == [2, 1]
    with pytest.raises(Malformed, match="0x02"):
        der.of(one("020101"), der.SEQUENCE)
