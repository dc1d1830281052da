"""Words that were given out once: ids, codes and statuses are never renamed, removed or forgotten in the list."""

import pytest
from house.words import kept, words

from strongroom.model.codes import Severity
from strongroom.model.errors import BadInput, StrongroomError

LISTS = sorted({*kept(), *words()})


@pytest.mark.parametrize("name", LISTS)
def test_no_word_is_gone(name: str) -> None:
    """A word that was promised is still there: other programs compare with it."""
    assert [w for w in kept().get(name, []) if w not in words().get(name, [])] == []


@pytest.mark.parametrize("name", LISTS)
def test_every_word_is_promised(name: str) -> None:
    """A new word is added to the list on purpose: `python -m house.words`."""
    assert [w for w in words().get(name, []) if w not in kept().get(name, [])] == []


def test_severities_rank_from_info_to_critical() -> None:
    """The worst severity ranks highest, and no two rank the same."""
    assert [s.value for s in sorted(Severity, key=lambda s: -s.rank)] == ["critical", "high", "medium", "low", "info"]


def test_an_error_says_subject_found_and_wanted() -> None:
    """A message has three parts in lower case; the hint stands beside it."""
    error = BadInput("plan.json:3", "the end of the file", "complete JSON", "make it again")
    assert str(error) == "plan.json:3: found the end of the file, wanted complete JSON"
    assert error.hint == "make it again"
    assert error.exit_code == 2
    assert StrongroomError("x", "y", "z").exit_code == 4
