"""Versions as numbers, and ranges that vendors write as sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import versions
from strongroom.kit.advisory_prose import Span, fix, span

ORDERED = (
    "1.16.2", "1.17.0-rc.1", "1.17", "1.17.4", "1.17.5", "1.17.10", "12.0 Update 1", "12.1", "12.1 Update 1", "12.6", "12.6U1", "25.07",
    "r26.03", "535.54.03", "535.129.03", "535.309.01", "580.95.05", "580.126.09", "580.159.03",
)  # fmt: skip


def test_versions_sort_as_their_vendors_mean_them() -> None:
    """Numbers and not letters: 54 is before 129, an update after its release, a candidate before it."""
    keys = [versions.key(v) for v in ORDERED]
    assert None not in keys
    assert sorted(keys) == keys  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4.8", "4.8.0"), ("v1.16.2", "1.16.2"), ("580.159.03", "580.159.3"), ("580.159.03-0ubuntu0.24.04.1", "580.159.03"),
        ("1:1.2-3", "1.2"), ("1.2.3+cuda12", "1.2.3"), ("12.6 Update 1", "12.6U1"),
    ],
)  # fmt: skip
def test_one_version_in_two_forms_is_one(one: str, other: str) -> None:
    """Zeros at the end, a letter before it, and what a distribution adds change nothing."""
    assert versions.key(one) == versions.key(other) is not None


@pytest.mark.parametrize("text", ["", "abc", "S2W_3A13", "OTA0", "HGX-22.10-1-rc57", "1..2", "latest", "1.2 and 3"])
def test_what_is_no_version_is_none(text: str) -> None:
    """A name that holds a number is no version, and is not compared as one."""
    assert versions.key(text) is None


_NUMBERS = st.lists(st.integers(0, 999), min_size=1, max_size=4)


@given(_NUMBERS, _NUMBERS)
def test_numbers_compare_place_by_place(one: list[int], other: list[int]) -> None:
    """Of any two versions one is before the other, or they are the same, as their numbers are with zeros behind."""
    a, b = (versions.key(".".join(map(str, n))) for n in (one, other))
    assert a is not None
    assert b is not None
    wide = [(*n, *[0] * (4 - len(n))) for n in (one, other)]
    assert ((a < b), (a == b)) == ((wide[0] < wide[1]), (wide[0] == wide[1]))


@given(st.text(max_size=60))
def test_no_text_is_a_fault(text: str) -> None:
    """Whatever stands there, it is read, or said to be unreadable."""
    found = span(text)
    assert found.trouble or (not found.high or versions.key(found.high) is not None)
    versions.key(text)
    fix(text)


SPANS: dict[str, Span] = {
    "All driver versions prior to 535.129.03": Span("", "535.129.03"),
    "All driver version prior to 570.172.08": Span("", "570.172.08"),
    "All versions prior to 25.07": Span("", "25.07"),
    "All versions prior to r26.03": Span("", "26.03"),
    "All BMC firmware versions prior to 2.09.00": Span("", "2.09.00"),
    "All versions up to and including v1.16.1": Span("", "1.16.1", high_in=True),
    "All versions up to CUDA Toolkit 12.8": Span("", "12.8", high_in=True),
    "535.247.02(All versions prior to and including vGPU 16.10)": Span("", "535.247.02", high_in=True),
    "0.0  to 4.8.2": Span("0.0", "4.8.2", high_in=True),
    "0.0-26.05": Span("0.0", "26.05", high_in=True),
    "1.2.3": Span("1.2.3", "1.2.3", high_in=True),
    "All driver versions": Span(),
    "vers:generic/>=1.0|<2.0": Span("1.0", "2.0"),
    "<=2.0": Span("", "2.0", high_in=True),
    "All versions up to and including 1.17.7 (CDI mode only for versions prior to 1.17.5)": Span(
        "", "1.17.7", high_in=True, condition="CDI mode", below="1.17.5"
    ),
    "All versions up to and including 0.12.1 (only when CDI is enabled)": Span(
        "", "0.12.1", high_in=True, condition="only when CDI is enabled"
    ),
}


@pytest.mark.parametrize(("text", "expected"), SPANS.items(), ids=SPANS.keys())
def test_a_range_in_prose_is_read(text: str, expected: Span) -> None:
    """Each form in which vendors write a range, with its condition."""
    assert span(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "All versions prior to OTA0", "All versions prior to v3.5.1 and v3.1.7", "2.1, 3.1, 3.1.1", "GB200 1.2",
        "LTS:2.8.2-46, 23.04", "some versions", ">=1.0|<2.0|>=3.0|<4.0", "!=1.0", "All versions prior to nvJPEG 13.0.0",
    ],
)  # fmt: skip
def test_a_range_that_is_not_understood_says_so(text: str) -> None:
    """No number is picked out of a sentence that says more than is understood."""
    assert span(text).trouble


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("581.42", "581.42"),
        ("v24.6.2", "24.6.2"),
        ("595.71.05(vGPU 20.1)", "595.71.05"),
        ("12.1 Update 1", "12.1 Update 1"),
        ("OTA0", ""),
    ],
)
def test_a_fix_is_named_by_its_version(text: str, version: str) -> None:
    """A fix may stand before other words of the same release."""
    assert fix(text) == version
