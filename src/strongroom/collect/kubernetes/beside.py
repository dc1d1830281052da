"""What stands beside an object to have a check skipped there: comments of YAML, and annotations.

A comment counts for the object on whose lines it stands, or directly above which it stands with nothing but comments
between; behind the last line of an object it counts for none. A `#` inside a text is text.
"""

import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from strongroom.collect.kubernetes.templates import Template
from strongroom.collect.kubernetes.trees import Tree, tree_at
from strongroom.collect.yaml_text import Chunk, YamlError
from strongroom.kit.skips import Said, of_annotations, said, skips, yaml_comments
from strongroom.model.codes import GapCode
from strongroom.model.estate import Skip
from strongroom.model.values import Where

_WORD = "strongroom:skip="
MOST = 1000  # skips of one document; whoever needs more needs an exceptions file
LONGEST = 4000  # characters of a line that holds one
_NEVER = 1 << 60
# Breaks of lines to YAML 1.1 (5.4), and to nobody who shows or counts lines: where they stand, a comment has no place.
_ODD_BREAKS = ("\x85", "\u2028", "\u2029")


@dataclass(slots=True)
class _One:
    """A skip with what tells whose it is. Lines are 1-based within the file."""

    said: Said
    followed: int = _NEVER  # the next line that holds something


@dataclass(slots=True)
class Beside:
    """The skips in the comments of one document, by line."""

    found: list[_One] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # of each of them
    above: dict[int, int] = field(default_factory=dict)  # the last line of a comment, and where in `found` it begins

    def of(self, where: Where) -> tuple[Skip, ...]:
        """The skips of the object on these lines."""
        return skips(self._of(where.line_start, where.line_end), where.file)

    def _of(self, start: int, end: int) -> Iterator[Said]:
        first = self.above.get(start - 1, bisect_left(self.lines, start))
        for one in self.found[first : bisect_right(self.lines, end)]:
            if one.said.line < start or not one.said.alone or one.followed <= end:
                yield one.said


def beside(chunk: Chunk) -> Beside | None:
    """The skips in the comments of a document; None when there are none. Raises YamlError when it is no YAML."""
    text = chunk.text
    if _WORD not in text or any(b in text for b in _ODD_BREAKS) or text.count("\r") != text.count("\r\n"):
        return None
    made = Beside()
    waiting: list[_One] = []  # those since the last line that held something
    inside = _texts(chunk)
    first, last = next(inside, (_NEVER, _NEVER))
    run = 0  # where in `found` the unbroken comment begins that we are in
    for number, line in enumerate(io.StringIO(text), chunk.line):
        while number > last:
            first, last = next(inside, (_NEVER, _NEVER))
        bare = line.lstrip()
        is_text = first <= number <= last
        if is_text or bare[:1] not in ("#", ""):
            for before in waiting:
                before.followed = number
            waiting.clear()
        if is_text or bare[:1] != "#":
            run = len(made.found)
        if _WORD in line and not is_text and (one := _heard(line, number)) is not None:
            if len(made.found) >= MOST:
                detail = f"it has more than {MOST} skips; those after line {number} were not heard"
                raise YamlError(GapCode.TOO_LARGE, detail, number)
            made.found.append(one)
            made.lines.append(number)
            if one.said.alone:
                waiting.append(one)
        if bare[:1] == "#" and run < len(made.found):
            made.above.pop(number - 1, None)
            made.above[number] = run
        elif bare[:1] != "#":
            run = len(made.found)
    return made if made.found else None


def _heard(line: str, number: int) -> _One | None:
    if len(line) > LONGEST:
        return None
    comment = next(yaml_comments((line,)), None)
    heard = said(comment._replace(line=number)) if comment is not None else None
    return _One(heard) if heard is not None else None


def _texts(chunk: Chunk) -> Iterator[tuple[int, int]]:
    """The lines, first and last, that are the inside of block scalars and of quoted texts over several lines."""
    try:
        for event in yaml.parse(chunk.text, yaml.CSafeLoader):
            if isinstance(event, yaml.ScalarEvent) and event.style and event.start_mark and event.end_mark:
                first, last = event.start_mark.line, event.end_mark.line
                if event.style in "|>" and event.end_mark.column == 0:
                    last -= 1  # it ends where the next line begins
                if last > first:
                    yield first + 1 + chunk.line, last + chunk.line
    except yaml.YAMLError:
        raise YamlError(GapCode.MALFORMED, "it is no YAML", chunk.line) from None


def asked(obj: Tree, described: Iterable[Template], comments: tuple[Skip, ...], where: Where) -> tuple[Skip, ...]:
    """Every skip of an object: of comments, of its annotations, and of those that its pods carry, each once."""
    notes = [tree_at(obj, "metadata", "annotations"), *(t.annotations for t in described)]
    found = [Skip(check, reason, where) for n in notes for check, reason in of_annotations(n)]
    return tuple(dict.fromkeys((*comments, *found))) if found else comments
