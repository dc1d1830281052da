"""Names that look alike."""

import pytest

from strongroom.kit.lookalike import skeleton, trouble


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "ada  lovelace"),
        ("Ada", "\u0410da"),  # a Cyrillic A
        ("ada.lovelace@x", "Ada Lovelace X"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("ada", "\uff41\uff44\uff41"),
        ("cope", "\u0441\u043e\u0440\u0435"),  # wholly Cyrillic
    ],
)
def test_names_of_one_look_have_one_skeleton(one: str, other: str) -> None:
    """Capitals, spaces, accents, widths and other alphabets do not make two people of one."""
    assert skeleton(one) == skeleton(other)


def test_other_names_stay_other() -> None:
    """Two people are not made one."""
    assert skeleton("Ada Lovelace") != skeleton("Grace Hopper")
    assert skeleton("\u042e\u043b\u0438\u044f") != skeleton("Julia")


@pytest.mark.parametrize("text", ["p\u0430ypal", "a\u200bb", "a\u202eb", "a\x1b[2J", "\uff41bc", "a\nb", "\udcff"])
def test_texts_that_deceive_are_told(text: str) -> None:
    """Mixed alphabets in a word, what is not seen, and wide forms of ASCII are named."""
    assert trouble(text)


@pytest.mark.parametrize(
    "text", ["plain", "Zo\u00eb", "\u042e\u043b\u0438\u044f and Ada", 'b["\u0444"]', "caf\u00e9 \u65e5\u672c"]
)
def test_honest_texts_are_left_alone(text: str) -> None:
    """Names in any one alphabet are names."""
    assert trouble(text) == ""
