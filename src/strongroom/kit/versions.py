"""Versions as numbers: vendors write them with words, letters and suffixes, and none of them sorts as text.

`535.54.03` is before `535.129.03`; `12.1 Update 1` after `12.1`; `4.8` is `4.8.0`; `580.159.03-0ubuntu1` is the vendor's
580.159.03, as a distribution packed it.
"""

import re

_VERSION = re.compile(
    r"(?<![\w.])[vVrR]?(\d{1,9}(?:\.\d{1,9}){0,7})(?![\w]*\.\d)(?:\s+Update\s+(\d{1,3}))?", re.IGNORECASE
)
_WHOLE = re.compile(
    r"(?:\d{1,3}:)?(?:[vV]|[rR](?=\d+\.))?(\d{1,9}(?:\.\d{1,9}){0,7})(?:(?:\s+Update\s+|[uU])(\d{1,3}))?"
    r"(?P<rest>(?:[-+~]|\.?(?=[A-Za-z]))[A-Za-z0-9.+~_-]{1,80})?",
    re.IGNORECASE,
)
_EARLIER = re.compile(r"[-.~]?(?:rc|alpha|beta|dev|pre|a|b)\.?\d*", re.IGNORECASE)
Key = tuple[int, ...]
_PLACES = 9


def key(text: str) -> Key | None:
    """What a version sorts by; None for what is none. One before a release (`-rc1`) is before it."""
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        return None
    rest = found["rest"] or ""
    early = _EARLIER.fullmatch(rest) is not None or re.match(r"[-.~]?(?:rc|alpha|beta|dev|pre)\b", rest, re.IGNORECASE)
    numbers = tuple(int(p) for p in found[1].split("."))
    if rest and rest[0] not in "-+~." and not early:
        return None  # 1.2abc: whose the letters are is a guess
    if found[2]:
        numbers = (*numbers, int(found[2]))
    # All of one length, so that 4.8 is 4.8.0; what comes before a release differs from it in the last place alone.
    return (*numbers, *[0] * (_PLACES - len(numbers)), -1 if early else 0)


def first(text: str) -> str:
    """The first version in a text, as it is written there without its letter; empty where there is none."""
    found = _VERSION.search(text)
    if found is None:
        return ""
    return f"{found[1]} Update {found[2]}" if found[2] else found[1]


def major(found: Key) -> int:
    """The first number."""
    return found[0]
