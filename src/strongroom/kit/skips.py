"""Skips: what an owner writes beside a thing to have a check passed over there, with the reason.

    # strongroom:skip=net.notebook.direct-internet:an isolated sandbox without data

stands in a comment on the lines of the block, or in comments of their own directly above it (`//` and `/* */` too).
Kubernetes objects may carry the annotation `strongroom.dev/skip.net.notebook.direct-internet: the reason` instead.
A skip only says what its author wants: whether it counts is decided by `assess.exceptions`, and never silently.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from strongroom.model.estate import Skip
from strongroom.model.values import Where

ANNOTATION = "strongroom.dev/skip."
MAX_REASON = 500  # characters; it goes into every report and into the log
_WORDS = re.compile(r"strongroom:skip=([^\s:]+)(?:[ \t]*:[ \t]*(.*))?")
_SIGNS = re.compile(r"^(?:/\*|#+|//+|\*)?\s*")


class Comment(NamedTuple):
    """One line of a comment: its text with or without its sign, its 1-based line, and whether it has the line alone."""

    text: str
    line: int
    alone: bool


class Said(NamedTuple):
    """What one comment asks to have skipped, and where it stands."""

    check: str
    reason: str
    line: int
    alone: bool


def said(comment: Comment) -> Said | None:
    """The skip of a comment, or None when it is an ordinary one. A skip without a reason has an empty one."""
    text = _SIGNS.sub("", comment.text.strip(), count=1).removesuffix("*/").strip()
    found = _WORDS.fullmatch(text)
    if found is None:
        return None
    return Said(found[1], (found[2] or "").strip()[:MAX_REASON], comment.line, comment.alone)


def by_line(comments: Iterable[Comment]) -> dict[int, list[Comment]]:
    """The comments of a file by their line, as `of_block` takes them."""
    found: dict[int, list[Comment]] = {}
    for c in comments:
        found.setdefault(c.line, []).append(c)
    return found


def of_block(comments: Mapping[int, Sequence[Comment]], start: int, end: int) -> Iterator[Said]:
    """The skips that belong to the block on these lines: those on them, and in the unbroken comment directly above."""
    first = start
    while all(c.alone for c in comments.get(first - 1, ())) and first - 1 in comments:
        first -= 1
    for line in sorted(n for n in comments if first <= n <= end):
        yield from (found for c in comments[line] if (found := said(c)) is not None)


def of_annotations(annotations: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The check and the reason of every annotation that asks for a skip; a value that is no text is no reason."""
    for name, value in annotations.items():
        if name.startswith(ANNOTATION) and len(name) > len(ANNOTATION):
            yield name.removeprefix(ANNOTATION), value.strip()[:MAX_REASON] if isinstance(value, str) else ""


def yaml_comments(lines: Iterable[str], texts: Collection[int] = ()) -> Iterator[Comment]:
    """The comments of a YAML file (YAML 1.2.2 section 6.6), whose parsers drop them.

    `texts` are the 1-based lines that are the inside of a block scalar or of a quoted text over several lines: a `#`
    there is text, and a script inside a ConfigMap must not speak for the ConfigMap.
    """
    for number, line in enumerate(lines, 1):
        at = _comment_at(line) if number not in texts and "#" in line else -1
        if at >= 0:
            yield Comment(line[at:], number, not line[:at].strip())


def _comment_at(line: str) -> int:
    """Where the comment of a line begins: at a `#` outside quotes, at the line's start or after white space; or -1."""
    quote = ""
    escaped = False
    for n, c in enumerate(line):
        if quote:
            if escaped:
                escaped = False
            elif c == "\\" and quote == '"':
                escaped = True
            elif c == quote:
                quote = ""
        elif c in "\"'" and (n == 0 or line[n - 1] in " \t[{,:-"):
            quote = c
        elif c == "#" and (n == 0 or line[n - 1] in " \t"):
            return n
    return -1


def skips(found: Iterable[Said], file: str) -> tuple[Skip, ...]:
    """What was said in a file, as an asset carries it."""
    return tuple(Skip(s.check, s.reason, Where(file, s.line, s.line)) for s in found)
