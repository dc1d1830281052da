"""IAM's wildcards: what they cover, and examples of what two of them cover together."""

import fnmatch
import re

from hypothesis import given
from hypothesis import strategies as st

from strongroom.assess.identity.cells import cells
from strongroom.assess.identity.globs import FRESH, glob, overlap, spell, witness
from strongroom.assess.identity.levels import NO, PERHAPS, YES

LETTERS = "ab:/"
patterns = st.text(alphabet="ab*?:/", max_size=8)


def nothing(_key: str) -> tuple[str, ...] | None:
    return None


def known(key: str) -> tuple[str, ...] | None:
    return {"aws:username": ("alice",), "aws:principaltag/team": ()}.get(key)


def reference(pattern: str, name: str) -> bool:
    """The same by Python's own matching; a bracket means nothing to IAM, and none is made here."""
    return re.fullmatch(fnmatch.translate(pattern), name) is not None


@given(patterns, st.text(alphabet=LETTERS, max_size=10))
def test_a_pattern_covers_what_a_shell_would(pattern: str, name: str) -> None:
    """`*` is any run of characters and `?` is one, wherever and however often they stand."""
    assert (glob(pattern).meets(name, nothing) == YES) is reference(pattern, name)


@given(patterns, st.text(alphabet=LETTERS, max_size=6))
def test_an_example_is_covered_by_both(pattern: str, start: str) -> None:
    """What is found for a pattern within a beginning is within both; where none is found, none of many strings is."""
    found = witness(pattern, f"{start}*")
    if found is not None:
        assert glob(pattern).meets(found, nothing) == YES
        assert found.startswith(start)
    else:
        tried = (start + rest for rest in ("", "a", "b", "ab", "ba", "a:", "/b", "aab", "b/a"))
        assert not any(reference(pattern, t) for t in tried)


@given(patterns, patterns)
def test_overlapping_goes_both_ways(one: str, other: str) -> None:
    """Two patterns overlap, or they do not, in whatever order they are asked."""
    assert overlap(one, other) is overlap(other, one)


def test_a_star_stays_within_its_part_of_an_arn() -> None:
    """Account and region are parts of their own; the last part may hold colons."""
    pattern = glob("arn:aws:iam::*:role/r")
    assert pattern.meets("arn:aws:iam::111122223333:role/r", nothing) == YES
    assert pattern.meets("arn:aws:iam::111122223333:role/x:role/r", nothing) == NO
    assert glob("arn:aws:logs:*:*:log-group:*").meets("arn:aws:logs:a:1:log-group:g:*", nothing) == YES
    assert witness("arn:aws:iam::*:role/r", "arn:aws:iam::1:role/*") == "arn:aws:iam::1:role/r"


def test_variables_take_the_requests_values() -> None:
    """A value that the request lacks matches nothing, unless a default is given; one that is not known may match."""
    assert glob("home/${aws:username}/*").meets("home/alice/x", known) == YES
    assert glob("home/${aws:username}/*").meets("home/bob/x", known) == NO
    assert glob("${aws:PrincipalTag/team}/*").meets("ml/x", known) == NO
    assert glob("${aws:PrincipalTag/team, 'ml'}/*").meets("ml/x", known) == YES
    assert glob("${aws:SourceIp}/*").meets("1/x", nothing) == PERHAPS
    assert spell("${*}", known) == "${*}"
    assert glob("a${*}").meets("a*", nothing) == YES
    assert glob("a${*}").meets("ab", nothing) == NO


def test_a_hole_may_be_anything() -> None:
    """What a configuration leaves open matches perhaps, as long as the rest fits."""
    assert glob("arn:aws:s3:::${var.bucket}/*").meets("arn:aws:s3:::weights/x", nothing) == PERHAPS
    assert glob("arn:aws:s3:::${var.bucket}/m/*").meets("arn:aws:s3:::weights/x", nothing) == NO


def test_what_nobody_names_is_matched_by_wildcards_only() -> None:
    """The most general example of a bucket's objects is denied by no denial of some of them."""
    found = witness("arn:aws:s3:::w*", "arn:aws:s3:::weights/*")
    assert found == f"arn:aws:s3:::weights/{FRESH}"


@given(
    st.lists(st.text(alphabet="ab*?", min_size=1, max_size=5), max_size=4),
    st.text(alphabet="ab", min_size=1, max_size=6),
)
def test_every_way_to_be_covered_has_its_name(texts: list[str], name: str) -> None:
    """Whatever set of patterns a name meets, one of the names that are found meets the same, and each is found once."""
    found = cells(texts, "x*")
    assert found.whole
    met = [tuple(reference(t, n) for t in texts) for n in found.names]
    assert tuple(reference(t, f"x{name}") for t in texts) in met
    assert len(set(met)) == len(met)


def test_what_a_pattern_leaves_of_another_is_named() -> None:
    """`a?` without `ax` has a name left; `ax` without `a?` has none."""
    names = cells(["x/a?", "x/ax"], "x/*").names
    assert [n for n in names if reference("x/a?", n) and n != "x/ax"]
    assert not [n for n in names if n == "x/ax" and not reference("x/a?", n)]


def test_too_many_patterns_are_not_whole() -> None:
    """Where there are more ways than can be tried, that is said."""
    many = [f"x*{n:02}*" for n in range(40)]
    assert not cells(many, "x*").whole
