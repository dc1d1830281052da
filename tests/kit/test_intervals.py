"""Sets of numbers as intervals, against Python's own sets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import intervals

LAST = 24
pairs = st.lists(st.tuples(st.integers(0, LAST), st.integers(0, LAST)), max_size=6)
sets = pairs.map(intervals.of)


def members(held: intervals.Intervals) -> set[int]:
    return {n for low, high in held for n in range(low, high + 1)}


def is_normal(held: intervals.Intervals) -> bool:
    """Sorted, and no two overlap or touch."""
    apart = all(one[1] + 1 < other[0] for one, other in itertools.pairwise(held))
    return apart and all(low <= high for low, high in held)


@given(pairs)
def test_a_set_of_pairs_has_their_numbers(given_pairs: list[tuple[int, int]]) -> None:
    """Any pairs become a set in normal form with exactly their numbers; a pair the wrong way round has none."""
    held = intervals.of(given_pairs)
    assert is_normal(held)
    assert members(held) == {n for low, high in given_pairs for n in range(low, high + 1)}


@given(sets, sets)
def test_operations_are_those_of_sets(a: intervals.Intervals, b: intervals.Intervals) -> None:
    """Union, intersection and difference hold what Python's do, in normal form."""
    for found, wanted in (
        (intervals.union(a, b), members(a) | members(b)),
        (intervals.intersect(a, b), members(a) & members(b)),
        (intervals.subtract(a, b), members(a) - members(b)),
    ):
        assert is_normal(found)
        assert members(found) == wanted
    assert (a == b) is (members(a) == members(b))


@given(sets, st.integers(0, LAST))
def test_membership_is_that_of_sets(held: intervals.Intervals, number: int) -> None:
    """A number is in a set exactly where one of its intervals has it."""
    assert intervals.contains(held, number) is (number in members(held))


@given(st.lists(sets, max_size=4))
def test_atoms_are_the_coarsest_cut(given_sets: list[intervals.Intervals]) -> None:
    """The pieces cover everything in order, no set tells two numbers of a piece apart, and neighbours differ in some set."""
    pieces = intervals.atoms((0, LAST), given_sets)
    assert [n for low, high in pieces for n in range(low, high + 1)] == list(range(LAST + 1))
    for low, high in pieces:
        for held in given_sets:
            assert len({intervals.contains(held, n) for n in range(low, high + 1)}) == 1
    for (_, before), (after, _) in itertools.pairwise(pieces):
        assert any(intervals.contains(s, before) is not intervals.contains(s, after) for s in given_sets)


def test_a_set_is_written_as_people_write_it() -> None:
    """Single numbers stand alone, and ranges have both ends."""
    assert intervals.text(intervals.of([(443, 443), (80, 80), (8000, 8010)])) == "80,443,8000-8010"
    assert intervals.text(intervals.EMPTY) == ""
