"""The pattern of the scrub: one definition, whole pages in few steps, and no two words that could be taken for each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import scrub_pattern as pattern

KEYS = st.binary(min_size=pattern.KEY_SIZE, max_size=pattern.KEY_SIZE)
PAGES = st.integers(0, (1 << 32) - 1)


def words(data: bytes) -> list[bytes]:
    return [data[at : at + pattern.WORD] for at in range(0, len(data), pattern.WORD)]


@given(KEYS, PAGES, st.integers(1, 300))
def test_a_page_is_its_words(key: bytes, number: int, count: int) -> None:
    """The quick way to a page gives the words of the definition, one by one."""
    assert words(pattern.page(key, number, count)) == [pattern.word(key, number, n) for n in range(count)]


def test_the_pattern_is_this_one() -> None:
    """The words of one page are fixed: reports of one build can be read by another."""
    found = pattern.page(bytes(range(16)), 7, 2)
    assert found.hex() == PINNED


PINNED = "2a7d8003952e1c3dce126a83877f96205a3bb52cd96970c220b991cde76d96ce"


@given(KEYS, st.sets(PAGES, min_size=2, max_size=2), st.integers(0, (1 << 20) - 1))
def test_no_two_pages_have_a_lane_in_common(key: bytes, pair: set[int], index: int) -> None:
    """At the same place of two pages, every one of the four lanes differs: an alias of a page is found in any of its words."""
    a, b = (pattern.lanes(pattern.word(key, page, index)) for page in pair)
    assert all(x != y for x, y in zip(a, b, strict=True))


@given(KEYS, PAGES, st.sets(st.integers(0, (1 << 20) - 1), min_size=2, max_size=2))
def test_no_word_of_a_page_comes_twice(key: bytes, page: int, pair: set[int]) -> None:
    """Two places of a page differ in every lane."""
    a, b = (pattern.lanes(pattern.word(key, page, index)) for index in pair)
    assert all(x != y for x, y in zip(a, b, strict=True))


@given(KEYS, KEYS, PAGES)
def test_another_key_is_another_page(key: bytes, other: bytes, page: int) -> None:
    """What an earlier run wrote does not verify under the key of this one."""
    assert (pattern.page(key, page, 8) == pattern.page(other, page, 8)) is (key == other)


@given(st.sets(st.integers(0, (1 << 32) - 1), min_size=2, max_size=2))
def test_mixing_is_a_bijection(pair: set[int]) -> None:
    """Two numbers stay two: every factor is odd, and every shift is undone by itself."""
    a, b = pair
    assert pattern.mixed(a) != pattern.mixed(b)
    assert all(n % 2 for n in (*pattern.STEPS, pattern.MIX_1, pattern.MIX_2))


@pytest.mark.parametrize("count", [0, -1, pattern.MOST_WORDS + 1])
def test_a_page_has_words(count: int) -> None:
    """A page without words, or of more than a device has, is a fault of the caller."""
    with pytest.raises(ValueError, match="a page of"):
        pattern.page(bytes(16), 0, count)


def test_a_canary_is_a_tag_and_a_place() -> None:
    """A canary is one word, which begins with its tag."""
    assert pattern.canary(b"TAGTAGTA", 258) == b"TAGTAGTA\x02\x01" + bytes(6)


@pytest.mark.parametrize(
    ("histogram", "wanted"),
    [([0] * 256, None), ([9] + [0] * 255, 0), ([1] * 256, 8000), ([3, 3] + [0] * 254, 1000), ([], None)],
)
def test_entropy_is_told_in_thousandths(histogram: list[int], wanted: int | None) -> None:
    """One octet alone has none, all alike have eight bits, and without a sample it is not known."""
    assert pattern.entropy_millibits(histogram) == wanted
