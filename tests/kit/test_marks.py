"""Labels that mark a thing as sensitive."""

import pytest

from strongroom.kit.marks import sensitive


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, None),
        ({"team": "vision"}, None),
        ({"tier": "0"}, True),
        ({"Tier": "0"}, True),
        ({"tier": "2"}, False),
        ({"artifact": "weights"}, True),
        ({"artifact": "docs"}, False),
        ({"tier": "2", "artifact": "weights"}, True),
        ({"sensitivity": "high"}, True),
        ({"sensitivity": "public"}, False),
        ({"sensitivity": ""}, None),
    ],
)
def test_marks_say_yes_no_or_nothing(labels: dict[str, str], said: bool | None) -> None:
    """A tier of nought, weights or a sensitivity mark a thing; another tier says the opposite; else nothing is said."""
    assert sensitive(labels) is said
