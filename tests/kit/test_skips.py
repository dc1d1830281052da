"""Skips beside what they speak of: which comments are one, and which block each belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.skips import MAX_REASON, Comment, by_line, of_annotations, of_block, said, yaml_comments


@pytest.mark.parametrize(
    ("text", "check", "reason"),
    [
        ("# strongroom:skip=net.x.y:a sandbox", "net.x.y", "a sandbox"),
        ("// strongroom:skip=net.x.y: a sandbox: really ", "net.x.y", "a sandbox: really"),
        ("/* strongroom:skip=net.x.y:a sandbox */", "net.x.y", "a sandbox"),
        ("#strongroom:skip=net.x.y", "net.x.y", ""),
        ("## strongroom:skip=net.x.y:", "net.x.y", ""),
    ],
)
def test_a_skip_is_read(text: str, check: str, reason: str) -> None:
    """Every kind of comment can hold a skip; one without a reason has an empty one."""
    found = said(Comment(text, 3, alone=True))
    assert found is not None
    assert (found.check, found.reason, found.line) == (check, reason, 3)


@pytest.mark.parametrize(
    "text",
    [
        "# see strongroom:skip=net.x.y:no",
        "# strongroom:skip= net.x.y:no",
        "# strongroom: skip=a:b",
        "# checkov:skip=a:b",
    ],
)
def test_an_ordinary_comment_is_no_skip(text: str) -> None:
    """What only mentions a skip, or is not written as one, skips nothing."""
    assert said(Comment(text, 1, alone=True)) is None


def test_a_reason_is_bounded() -> None:
    """A comment of a megabyte does not fill every report."""
    found = said(Comment("# strongroom:skip=a.b.c:" + "x" * 1_000_000, 1, alone=True))
    assert found is not None
    assert len(found.reason) == MAX_REASON


def comment(line: int, *, alone: bool = True) -> Comment:
    """A skip that names its own line."""
    return Comment(f"# strongroom:skip=line.{line}:why", line, alone)


def test_a_block_has_the_comments_on_its_lines_and_directly_above() -> None:
    """An empty line, or code, parts a comment from the block below it."""
    comments = by_line([comment(1), comment(3), comment(4), comment(6, alone=False), comment(8), comment(9)])
    assert [s.line for s in of_block(comments, 5, 8)] == [3, 4, 6, 8]
    assert [s.line for s in of_block(comments, 2, 2)] == [1]
    assert [s.line for s in of_block(comments, 7, 7)] == []


def test_annotations_name_checks() -> None:
    """An annotation's value is the reason; one that is no text is none."""
    found = dict(of_annotations({"strongroom.dev/skip.net.x.y": " why ", "strongroom.dev/skip.a.b": 3, "other": "x"}))
    assert found == {"net.x.y": "why", "a.b": ""}


def test_yaml_comments_are_found_and_texts_are_not() -> None:
    """A `#` within quotes, within a word or within a block scalar begins no comment."""
    text = ["# one", "a: 'x # no'", 'b: "\\" # no" # four', "c: a#no", "d: |", "  # no", "e: don't # seven"]
    found = list(yaml_comments(text, texts={6}))
    assert [(c.line, c.alone) for c in found] == [(1, True), (3, False), (7, False)]


@given(st.lists(st.text("#'\"\\ a:-\t", max_size=12), max_size=6))
def test_any_text_is_looked_through(lines: list[str]) -> None:
    """Whatever a line holds, a comment is a part of it that begins with its sign."""
    assert all(c.text.startswith("#") and lines[c.line - 1].endswith(c.text) for c in yaml_comments(lines))
