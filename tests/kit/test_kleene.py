"""Three-valued logic: the truth tables of Kleene, and that an answer is decided only when nothing could change it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

A = Unknown(GapCode.DENIED, "first")
B = Unknown(GapCode.ABSENT, "second")
tri = st.sampled_from([True, False, A, B])


@pytest.mark.parametrize(
    ("a", "b", "either", "both"),
    [
        (True, True, True, True),
        (True, False, True, False),
        (True, A, True, A),
        (False, True, True, False),
        (False, False, False, False),
        (False, A, A, False),
        (A, True, True, A),
        (A, False, A, False),
        (A, A, A, A),
    ],
)
def test_the_truth_tables(a: Tri, b: Tri, either: Tri, both: Tri) -> None:
    """Or and and of two answers are those of Kleene's strong logic."""
    assert any_of((a, b)) is either
    assert all_of((a, b)) is both


def test_nothing_is_all_and_not_any() -> None:
    """Of no answers all are true and none is."""
    assert all_of(()) is True
    assert any_of(()) is False


@pytest.mark.parametrize(("a", "opposite"), [(True, False), (False, True), (A, A)])
def test_not(a: Tri, opposite: Tri) -> None:
    """The opposite of what is not known is not known, for the same reason."""
    assert negate(a) is opposite


def test_the_first_reason_is_kept() -> None:
    """Of several unknowns the first one is the reason."""
    assert any_of((False, A, B)) is A
    assert all_of((True, B, A)) is B


def worlds(answers: list[Tri]) -> list[list[bool]]:
    """Every way in which the unknown answers could turn out."""
    return [list(w) for w in product(*([a] if isinstance(a, bool) else [True, False] for a in answers))]


@given(st.lists(tri, max_size=6))
def test_an_answer_is_decided_exactly_when_nothing_could_change_it(answers: list[Tri]) -> None:
    """Any and all agree with every world; they are unknown exactly when worlds differ."""
    for combine, ordinary in ((any_of, any), (all_of, all)):
        outcomes = {ordinary(world) for world in worlds(answers)}
        found = combine(answers)
        assert (found in outcomes) if len(outcomes) == 1 else isinstance(found, Unknown)


@given(st.lists(tri, max_size=6))
def test_de_morgan(answers: list[Tri]) -> None:
    """Not any is all not."""
    assert negate(any_of(answers)) == all_of(negate(a) for a in answers)


def test_they_stop_at_the_answer() -> None:
    """What comes after a deciding answer is not asked."""
    answers: list[Tri] = [False, True, A]
    asked = iter(answers)
    assert any_of(asked) is True
    assert list(asked) == [A]
