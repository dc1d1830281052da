"""The exceptions file: what is refused, with its line."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.app.exceptions_file import MAX_BYTES, load, parse, written
from strongroom.assess.exceptions import identified
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.people import RiskException

GOOD = """
[[exception]]   # the lab
check = "net.x.y"
asset = 'b["a"]'
owner = "Ada"
approver = "Grace"
reason = "why # not"
expires = 2027-01-31
ticket = "SEC-1"
"""


def test_an_entry_is_read_with_its_place() -> None:
    """Every word of an entry, the lines that it stands on, and its digest."""
    (e,) = parse(GOOD.encode(), "x.toml").exceptions
    assert (e.check, e.asset, e.owner, e.approver, e.reason) == ("net.x.y", 'b["a"]', "Ada", "Grace", "why # not")
    assert (e.expires, e.ticket, e.inline) == (date(2027, 1, 31), "SEC-1", False)
    assert e.where is not None
    assert (e.where.file, e.where.line_start, e.where.line_end) == ("x.toml", 2, 9)
    assert len(e.digest) == 64


@pytest.mark.parametrize("key", ["owner", "approver", "reason", "expires"])
def test_an_entry_without_a_name_or_a_day_is_read(key: str) -> None:
    """It is no fault of form: the judge reports it as incomplete, and it accepts nothing."""
    text = "\n".join(line for line in GOOD.split("\n") if not line.startswith(key))
    found = parse(text.encode(), "x.toml")
    assert found.problems == ()
    assert not getattr(found.exceptions[0], key)


BASE = '[[exception]]\nowner = "A"\n'


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (BASE + 'check = "a.b"\n', ":1", "no asset"),
        (BASE + 'asset = "a.b"\n', ":3", "no check"),
        (BASE + 'check = "a.b"\nasset = "*"\n', ":4", "nearly everything"),
        (BASE + 'check = "a.b"\nasset = "*.*"\n', ":4", "nearly everything"),
        (BASE + 'check = "a.b"\nasset = "x.abc"\nall = true\n', ":5", "not everything"),
        (BASE + 'check = "a.b"\ncontrol = "NET-01"\nasset = "x.abc"\n', ":4", "one of the two"),
        (BASE + 'check = "a b"\nasset = "x.abc"\n', ":3", "check 'a b'"),
        (BASE + 'fingerprint = "XYZ"\n', ":3", "32 lower-case"),
        (BASE + 'check = "a.b"\nasset = "x.abc"\nexpires = "soon"\n', ":5", "date"),
        (BASE + 'check = "a.b"\nasset = "x.abc"\nexpires = 2027-01-01T00:00:00Z\n', ":5", "date"),
        (BASE + 'check = "a.b"\nasset = "x.abc"\nexpire = 2027-01-01\n', ":5", "unknown field"),
        (BASE + 'check = "a.b"\nasset = ["x.abc"]\n', ":4", "expected `str`"),
        (BASE + 'check = "a.b"\nasset = "x.p\u0430y"\n', ":4", "Cyrillic and Latin"),
        (BASE + 'check = "a.b"\nasset = "x.\u200babc"\n', ":4", "U+200B"),
        (BASE + 'check = "a.b"\nasset = "x.abc"\nreason = "\\u001b[2J"\n', ":5", "U+001B"),
        (BASE + 'check = "a.b"\nasset = "' + "x" * 2000 + '"\n', ":4", "2000 characters"),
        (BASE + 'check = "a.b"\nasset = "' + "*abc" * 20 + '"\n', ":4", "20 stars"),
        (BASE + 'owner = "B"\n', ":3", "overwrite"),
        (BASE + 'reason = """\n[[exception]]\n"""\n', ":3", "several lines"),
        ("exception = [{check = 'a.b', asset = 'x.abc'}]\n", "", "under 0 headers"),
        ("[exception]\ncheck = 'a.b'\n", "", "another form"),
        ("title = 'x'\n" + BASE, "", "title"),
        ("[[exception]]\nx = " + "[" * 20_000, "", ""),
        ("[[exception]\n", ":1", ""),
        (GOOD + GOOD, ":11", "same as line 2"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, line: str, word: str) -> None:
    """Nothing is guessed: the message names the line and what is wrong there."""
    found = parse(text.encode(), "x.toml")
    assert found.problems
    assert word.lower() in str(found.problems[0]).lower()
    assert str(found.problems[0]).startswith(f"x.toml{line}")


def test_all_that_is_wrong_is_listed() -> None:
    """A reader of `check` sees every fault at once; one good entry among them is still read."""
    found = parse((BASE + 'check = "a"\n' + GOOD + BASE + 'asset = "x"\n').encode(), "x.toml")
    assert len(found.problems) == 2
    assert [e.check for e in found.exceptions] == ["net.x.y"]


def test_bytes_that_are_no_text_are_refused() -> None:
    """The line of the byte is named."""
    assert str(parse(b"\n\xff", "x.toml").problems[0]).startswith("x.toml:2: found byte 0xff")


def test_a_file_must_be_one(tmp_path: Path) -> None:
    """A folder, nothing, a file of many megabytes and a malformed one are errors, never no exceptions."""
    large, bad = tmp_path / "large.toml", tmp_path / "bad.toml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    bad.write_text("x = 1\n")
    for path, error in ((tmp_path, Unreadable), (tmp_path / "none", Unreadable), (large, TooLarge), (bad, Malformed)):
        with pytest.raises(error):
            load(str(path))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Hostile bytes end in problems, never in another error."""
    found = parse(data, "x.toml")
    assert all(isinstance(p, BadInput) for p in found.problems)


@given(st.text("a\"\\#=[]'\u00e9 ", min_size=1, max_size=20))
def test_what_is_written_is_read_again(word: str) -> None:
    """Quotes and backslashes in a text come back as they went."""
    said = {"owner": f"x{word}x", "approver": "Grace", "reason": f"x{word}x", "expires": date(2027, 1, 31)}
    e = identified(RiskException("", False, check="a.b", asset=f"x{word}abc", **said))  # type: ignore[arg-type]
    found = parse(written(e).encode(), "x.toml")
    assert [p.found for p in found.problems] == []
    assert found.exceptions[0].digest == e.digest
