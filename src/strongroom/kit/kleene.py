"""Three-valued logic: an answer is decided when no value of what is unknown could change it (Kleene's strong logic)."""

from collections.abc import Iterable

from strongroom.model.values import Unknown

Tri = bool | Unknown


def any_of(answers: Iterable[Tri]) -> Tri:
    """True if one is true, whatever the others; else unknown if one is unknown; else False."""
    doubt: Unknown | None = None
    for answer in answers:
        if answer is True:
            return True
        if isinstance(answer, Unknown) and doubt is None:
            doubt = answer
    return doubt if doubt is not None else False


def all_of(answers: Iterable[Tri]) -> Tri:
    """False if one is false, whatever the others; else unknown if one is unknown; else True."""
    doubt: Unknown | None = None
    for answer in answers:
        if answer is False:
            return False
        if isinstance(answer, Unknown) and doubt is None:
            doubt = answer
    return doubt if doubt is not None else True


def negate(answer: Tri) -> Tri:
    """Not."""
    return answer if isinstance(answer, Unknown) else not answer
