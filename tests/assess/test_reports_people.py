"""What people say, in every report: hostile words stay words, and long lists are cut and say so."""

import csv
import io
import json
import re
from datetime import date, timedelta

import jsonschema
import pytest
import reports_fixture as fixture
from sarif_shape import LOG

from strongroom.app.catalogue import reports
from strongroom.assess.exceptions import identified
from strongroom.model.codes import AssertionState, ExceptionState, Severity, Status
from strongroom.model.control import Assessment
from strongroom.model.people import Accepted, Assertion, AssertionNote, ExceptionNote, RiskException
from strongroom.model.values import Where

OWN = ("csv", "html", "json", "jsonl", "md", "sarif")


def exception(text: str, *, inline: bool = False) -> RiskException:
    """An exception all of whose words are the text."""
    place = Where("infra/main.tf", 3, 3)
    if inline:
        return identified(RiskException("", True, check=text, asset=text, reason=text, where=place))
    words = dict.fromkeys(("check", "asset", "owner", "approver", "reason", "ticket"), text)
    return identified(RiskException("", False, **words, expires=date(2026, 12, 31), where=place))  # type: ignore[arg-type]


def said(*texts: str) -> Assessment:
    """The small assessment, with each text accepted, noted, attested and fallen."""
    found = fixture.assessment()
    one = next(f for f in found.findings if f.status is Status.ACCEPTED)
    failing = next(f for f in found.findings if f.status is Status.FAIL)
    given = [exception(t, inline=n % 2 == 1) for n, t in enumerate(texts)]
    found.accepted = tuple(
        Accepted(one.fingerprint, one.check, one.control, one.asset, t, Status.FAIL, Severity.HIGH, e)
        for t, e in zip(texts, given, strict=True)
    )
    found.exception_notes = tuple(
        ExceptionNote(ExceptionState.EXPIRED, e, (failing.fingerprint,), (t,))
        for t, e in zip(texts, given, strict=True)
    )
    end = fixture.SEEN + timedelta(days=30)
    vouched = tuple(Assertion("X-01", t, t, t, t, "0" * 64, end, t, fixture.SEEN, "i" * 64) for t in texts)
    found.attested = vouched
    found.assertion_notes = tuple(AssertionNote(AssertionState.UNVERIFIED, a, a.owner) for a in vouched)
    return found


def written(form: str, found: Assessment) -> str:
    """A report as text."""
    return fixture.text(reports()[form].render(found, fixture.CATALOGUE))


@pytest.mark.parametrize("form", OWN)
def test_hostile_words_stay_words(form: str) -> None:
    """No script, no mention, no escape sequence and no formula comes from the words of an exception or assertion."""
    out = written(form, said(*fixture.HOSTILE))
    assert "\x1b" not in out
    assert "\u202e" not in out
    if form == "html":
        assert "<script>alert" not in out
    if form == "md":
        spans = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", out)
        assert "<script" not in spans
        assert "@octocat" not in spans
    if form == "csv":
        cells = [c for row in csv.reader(io.StringIO(out)) for c in row]
        assert not any(c.startswith("=") for c in cells)


def test_json_is_json_and_sarif_is_sarif() -> None:
    """With hostile words in each place, the documents keep their shape."""
    found = said(*fixture.HOSTILE)
    document = json.loads(written("json", found))
    assert len(document["exceptions"]) == 2 * len(fixture.HOSTILE)
    assert len(document["assertions"]) == 2 * len(fixture.HOSTILE)
    jsonschema.Draft202012Validator(LOG).validate(json.loads(written("sarif", found)))


def test_a_finding_names_the_exception_that_ended() -> None:
    """A line says that the finding was accepted once; where none speaks of it, it says nothing."""
    lines = [json.loads(line) for line in written("jsonl", said("x", "y")).splitlines()]
    states = {line["exception"]["state"]: line["status"] for line in lines if "exception" in line}
    assert states == {"expired": "fail", "accepted": "accepted"}
    assert sum("exception" in line for line in lines) == 2


def test_a_comment_has_room_for_failures() -> None:
    """Thousands of long exceptions do not crowd a pull request's comment out; it says how many there are."""
    out = written("md", said(*(f"{n:05}" + "x" * 900 for n in range(500))))
    assert len(out) < 65_536
    assert "more exceptions: see the JSON" in out
    assert "## Failures" in out


def test_a_page_is_cut_and_says_so() -> None:
    """The HTML page lists a hundred exceptions and counts the rest."""
    out = written("html", said(*(f"exception {n}" for n in range(250))))
    assert "and 150 more exceptions" in out


def test_what_nobody_says_leaves_no_trace() -> None:
    """Without exceptions and assertions the pages have no such lists."""
    found = fixture.assessment()
    assert "## Accepted" not in written("md", found)
    assert "Nobody has accepted a finding" in written("html", found)
