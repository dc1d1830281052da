"""Wildcards, and strings that stand for all that they match.

Source: IAM User Guide, "IAM JSON policy elements: Resource", "…: Action" (`*` any run of characters, `?` any one; in an ARN
within one of its six parts, of which the last may hold colons), and "Policy variables and tags" (`${aws:username}`, with a
default after a comma; `${*}` is the character itself).
"""

import re
from collections.abc import Callable
from functools import lru_cache

from strongroom.assess.identity.levels import NO, PERHAPS, YES

FRESH = "\ue000" * 12
"""Text that no policy names: what it matches, it matches by wildcard."""

Lookup = Callable[[str], tuple[str, ...] | None]
"""The values that a request has under a context key: none at all, or None where they depend on the request."""

_PARTS = 6
_VARIABLE = re.compile(r"\$\{([a-zA-Z][\w-]*:[\w./@=+-]+)(?:,\s*'([^']*)')?\s*\}")
_ESCAPED = re.compile(r"\$\{([*?$])\}")
_HOLE = re.compile(r"\$\{[^}]*\}?")
_PIECES = re.compile(r"(\$\{[^}]*\}?|[*?])")


class Glob:
    """One pattern, taken apart once. It is walked through without going back, so that no row of stars is slow."""

    __slots__ = ("doubtful", "literal", "parts", "text", "variable")

    def __init__(self, text: str) -> None:
        self.text = text
        self.literal = "${" not in text and "*" not in text and "?" not in text
        self.variable = "${" in text and _VARIABLE.search(text) is not None
        self.doubtful = _doubtful(text)
        whole = arn_parts(text)
        self.parts = tuple(_Run(p) for p in (whole or [text]))

    def meets(self, name: str, lookup: Lookup) -> int:
        """Whether a name is covered; perhaps, where a piece of the pattern is not known."""
        if self.literal:
            return YES if self.text == name else NO
        if self.variable:
            spelt = spell(self.text, lookup)
            return NO if spelt is None else glob(spelt).meets(name, lookup)
        names = name.split(":", _PARTS - 1) if len(self.parts) == _PARTS else [name]
        if len(names) != len(self.parts) or not all(p.covers(n) for p, n in zip(self.parts, names, strict=True)):
            return NO
        return PERHAPS if self.doubtful else YES


class _Run:
    """A pattern without colons of its own: what stands between its stars."""

    __slots__ = ("pieces",)

    def __init__(self, text: str) -> None:
        pieces: list[list[str]] = [[]]  # characters; an empty one is any
        for piece in _PIECES.split(text) if "*" in text or "?" in text or "$" in text else (text,):
            escaped = _ESCAPED.fullmatch(piece) if piece.startswith("${") else None
            if escaped is not None:
                pieces[-1].append(escaped[1])
            elif piece == "*" or piece.startswith("${"):
                pieces.append([])
            else:
                pieces[-1] += [""] if piece == "?" else piece
        self.pieces = tuple(_Piece(p) for p in pieces)

    def covers(self, name: str) -> bool:
        """Whether the whole of a name is covered: each piece is taken where it first comes."""
        first, *others = self.pieces
        if not first.at(name, 0):
            return False
        place = first.size
        if not others:
            return place == len(name)
        *middle, last = others
        for piece in middle:
            place = piece.find(name, place)
            if place < 0:
                return False
            place += piece.size
        end = len(name) - last.size
        return end >= place and last.at(name, end)


class _Piece:
    """Characters in a row, some of which may be any."""

    __slots__ = ("pattern", "size", "text")

    def __init__(self, characters: list[str]) -> None:
        self.size = len(characters)
        self.text = "".join(characters)
        open_ = len(self.text) < self.size
        self.pattern = _with_any(characters) if open_ else None

    def at(self, name: str, place: int) -> bool:
        """Whether they stand at a place."""
        if self.pattern is None:
            return name.startswith(self.text, place)
        return self.pattern.match(name, place) is not None

    def find(self, name: str, start: int) -> int:
        """The first place from a start on where they stand; -1 for none."""
        if self.pattern is None:
            return name.find(self.text, start)
        found = self.pattern.search(name, start)
        return -1 if found is None else found.start()


def _with_any(characters: list[str]) -> re.Pattern[str]:
    return re.compile("".join(re.escape(c) if c else "." for c in characters), re.DOTALL)


def _doubtful(text: str) -> bool:
    return "${" in text and _HOLE.search(_ESCAPED.sub("", _VARIABLE.sub("", text))) is not None


def arn_parts(text: str) -> list[str] | None:
    """The six parts of an ARN or of a pattern for some; None for anything else."""
    if not text.startswith("arn:"):
        return None
    if "${" not in text:
        parts = text.split(":", _PARTS - 1)
        return parts if len(parts) == _PARTS else None
    holes = _HOLE.findall(text)  # a hole may hold a colon of its own
    parts = _HOLE.sub("\ue002", text).split(":", _PARTS - 1)
    if len(parts) < _PARTS:
        return None
    filled = iter(holes)
    return [re.sub("\ue002", lambda _: next(filled), p) for p in parts]


@lru_cache(maxsize=100_000)
def glob(text: str) -> Glob:
    """The compiled pattern of a text."""
    return Glob(text)


def spell(text: str, lookup: Lookup) -> str | None:
    """A text with the request's values in place of its variables; None where it has none, and matches nothing then."""
    out, start = [], 0
    for found in _VARIABLE.finditer(text):
        values = lookup(found[1].lower())
        if values is None:
            value = "${" + found[1].replace(":", " ") + "}"  # a hole: the request decides
        elif values:
            value = values[0].replace("*", "${*}").replace("?", "${?}")
        elif found[2] is not None:
            value = found[2]
        else:
            return None
        out += [text[start : found.start()], value]
        start = found.end()
    return "".join((*out, text[start:]))


def witness(pattern: str, within: str) -> str | None:
    """A string that both patterns cover, as unlike anything that is named as can be; None when there is none.

    `within` is a literal, or a literal that ends in `*`.
    """
    text = _HOLE.sub("*", _ESCAPED.sub("x", pattern)) if "${" in pattern else pattern
    if not within.endswith("*"):
        return within if glob(text).meets(within, _nothing) else None
    parts, inside = arn_parts(text), arn_parts(within)
    if parts is None or inside is None:
        return _within(text, within)
    if not all(glob(p).meets(w, _nothing) for p, w in zip(parts[:5], inside[:5], strict=True)):
        return None
    found = _within(parts[5], inside[5])
    return None if found is None else ":".join((*inside[:5], found))


def _within(text: str, within: str) -> str | None:
    start = within[:-1]
    cut = next((i for i, c in enumerate(text) if c in "*?"), len(text))
    if text[:cut].startswith(start):
        return text.replace("*", FRESH).replace("?", "x")
    if not start.startswith(text[:cut]) or cut == len(text):
        return None
    return start + FRESH if text[cut:] == "*" else _meet(text, within)


def _nothing(_key: str) -> tuple[str, ...] | None:
    return None


def overlap(one: str, other: str) -> bool:
    """Whether some string matches both patterns."""
    return _meet(_HOLE.sub("*", one), _HOLE.sub("*", other)) is not None


def _meet(one: str, other: str) -> str | None:
    """A string that two wildcard patterns both match: a walk through the places of both at once."""
    came: dict[tuple[int, int], tuple[tuple[int, int], str]] = {(0, 0): ((0, 0), "")}
    waiting = [(0, 0)]
    end = (len(one), len(other))
    while waiting and end not in came:
        here = waiting.pop()
        for there, text in _steps(one, other, *here):
            if there not in came:
                came[there] = (here, text)
                waiting.append(there)
    if end not in came:
        return None
    pieces, here = [], end
    while here != (0, 0):
        here, text = came[here]
        pieces.append(text)
    return "".join(reversed(pieces))


def _steps(one: str, other: str, i: int, j: int) -> list[tuple[tuple[int, int], str]]:
    a, b = one[i : i + 1], other[j : j + 1]
    out: list[tuple[tuple[int, int], str]] = []
    if a == "*":
        out.append(((i + 1, j), FRESH if b == "*" else ""))
        if b and b != "*":
            out.append(((i, j + 1), "x" if b == "?" else b))
    if b == "*":
        out.append(((i, j + 1), ""))
        if a and a != "*":
            out.append(((i + 1, j), "x" if a == "?" else a))
    if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
        plain = next((c for c in (a, b) if c != "?"), "x")
        out.append(((i + 1, j + 1), plain))
    return out
