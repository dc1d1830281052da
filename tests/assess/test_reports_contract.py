"""What holds for every report format."""

import re
import sys
import threading
import tracemalloc

import msgspec
import pytest
import reports_fixture as fixture

from strongroom.kit.rooms import room
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, Coverage
from strongroom.model.ports import Report
from strongroom.plan.ninety_days import plan

REPORTS = {r.name: r for r in room("strongroom.assess.reports", "REPORT", Report).values()}
FOR_PEOPLE = ("csv", "html", "junit", "md", "oscal", "sarif")
LINES = ("jsonl", "ocsf")
every_format = pytest.mark.parametrize("name", sorted(REPORTS))


def rendered(name: str, assessment: Assessment) -> str:
    # The page marks where a long name may be broken; without the marks a secret in it could not be found.
    return fixture.text(REPORTS[name].render(assessment, fixture.CATALOGUE)).replace("<wbr>", "")


SUFFIXES = {
    "csv": ".csv",
    "cyclonedx": ".cdx.json",  # what CycloneDX recommends
    "html": ".html",
    "json": ".json",
    "jsonl": ".jsonl",
    "junit": ".junit.xml",
    "md": ".md",
    "ocsf": ".ocsf.jsonl",
    "oscal": ".oscal-ar.json",
    "oscal-poam": ".oscal-poam.json",
    "sarif": ".sarif",
}


def test_room_has_the_eleven_formats() -> None:
    """Each format is one file of the room, named as its command-line word, with an ending of its own."""
    assert {name: r.suffix for name, r in REPORTS.items()} == SUFFIXES
    assert len(set(SUFFIXES.values())) == len(SUFFIXES)


@every_format
def test_sensitive_value_is_in_no_format(name: str) -> None:
    """The value of a sensitive fact is judged and never printed."""
    assert fixture.CANARY not in rendered(name, fixture.assessment())


def test_canary_would_be_printed_if_it_were_not_sensitive() -> None:
    """The test for secrets can fail: the same value is printed where it is no secret."""
    plain = fixture.assessment()
    hidden = next(f for f in plain.findings if any(fact.sensitive for fact in f.facts))
    shown = fixture.bucket("shown", "aws_s3_bucket.shown", key=fixture.Fact("enc.key", hidden.facts[0].value))
    plain.findings = (fixture.finding(fixture.cmk, shown, fixture.Status.FAIL, fixture.FindingCode.BROKEN, key="x"),)
    plain.tasks = plan(plain.findings, fixture.CATALOGUE)
    assert all(fixture.CANARY in rendered(name, plain) for name in REPORTS)


@every_format
def test_no_format_holds_a_character_that_a_terminal_obeys(name: str) -> None:
    """Escape sequences, C1 controls, reordering marks and lone surrogates reach no reader."""
    out = rendered(name, fixture.assessment())
    assert not set(out) & set("\x1b\x07\x7f\x9b\u202e\u200b")
    assert out.encode("utf-8")


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_replaced_characters_leave_a_mark(name: str) -> None:
    """A name that differs from another only in what is not seen stays another name."""
    assert "red\ufffd" in rendered(name, fixture.assessment()).replace("%EF%BF%BD", "\ufffd")


@every_format
def test_rendering_opens_nothing(name: str) -> None:
    """A report is a function of its arguments: no file, socket or process is touched while it is made."""
    touched: list[str] = []
    watching = threading.get_ident()

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if watching == threading.get_ident() and event.startswith(("open", "socket.", "subprocess.", "os.", "import")):
            touched.append(event)

    sys.addaudithook(hook)
    try:
        rendered(name, fixture.assessment())
    finally:
        watching = 0
    assert touched == []


@every_format
def test_rendering_twice_gives_the_same_text(name: str) -> None:
    """Nothing of a clock, of chance or of an earlier report is in a report."""
    first = rendered(name, fixture.assessment())
    rendered(name, fixture.large(3))
    assert rendered(name, fixture.assessment()) == first


@every_format
def test_large_report_comes_in_pieces(name: str) -> None:
    """Twenty thousand findings are given away in pieces and never held as one text."""
    large = fixture.large(20_000)
    if name == "oscal-poam":
        large.tasks = plan(large.findings, fixture.CATALOGUE)  # it is about what tasks close, and nothing else
    tracemalloc.start()
    longest = total = 0
    for piece in REPORTS[name].render(large, fixture.CATALOGUE):
        longest, total = max(longest, len(piece)), total + len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert longest < 400_000
    assert name in {"html", "md"} or total > 4_000_000
    assert name in {"html", "md", "sarif"} or peak < total


@every_format
def test_empty_assessment_has_a_report(name: str) -> None:
    """Nothing read and nothing found is a report like any other, and claims no pass."""
    nothing = Assessment(fixture.SEEN, (), (), (), (), (), Coverage(0, 0, ()))
    out = rendered(name, nothing)
    assert not re.search(r"\d (is|are) proven", out)
    assert out if name not in LINES else out == ""


@pytest.mark.parametrize("name", sorted({*REPORTS} - {"csv", "jsonl"}))  # these are findings and nothing else
def test_a_run_that_no_log_holds_is_told_apart(name: str) -> None:
    """Every format that speaks of the run says which entry of which log holds it, or that none does."""
    whole = fixture.assessment()
    logged = rendered(name, whole)
    assert fixture.LOGGED.origin in logged
    whole.logged = None
    bare = rendered(name, whole)
    assert fixture.LOGGED.origin not in bare
    assert ('"log":null' if name == "json" else "not logged") in bare


@pytest.mark.parametrize("name", sorted({*REPORTS} - {"html", "md"}))  # these count clauses, and list no pass
def test_every_status_is_told_apart(name: str) -> None:
    """A pass, a failure, a doubt and an accepted failure are four things in every format."""
    whole = fixture.assessment()
    base = next(f for f in whole.findings if f.asset == "accepted")
    said = set()
    for status in (Status.PASS, Status.FAIL, Status.UNKNOWN, Status.ACCEPTED):
        whole.findings = (msgspec.structs.replace(base, status=status),)
        whole.tasks = plan(whole.findings, fixture.CATALOGUE)
        said.add(rendered(name, whole))
    assert len(said) == 4
