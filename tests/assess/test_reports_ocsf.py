"""The format for security lakes and SIEMs."""

import json
from datetime import UTC, datetime

import jsonschema
import msgspec
import pytest
import reports_fixture as fixture
from ocsf_shape import EVENT
from travel_fixture import EXCEPTION, with_people

from strongroom.assess.reports.ocsf import REPORT, milliseconds
from strongroom.model.codes import Severity
from strongroom.model.control import Assessment

SHAPE = jsonschema.Draft202012Validator(EVENT)


def events(assessment: Assessment) -> list[dict[str, object]]:
    return [json.loads(line) for line in fixture.text(REPORT.render(assessment, fixture.CATALOGUE)).splitlines()]


def event_of(asset: str, assessment: Assessment | None = None) -> dict[str, object]:
    found = events(assessment or with_people())
    return next(e for e in found if e.get("resources", [{"uid": ""}])[0]["uid"] == asset)


def test_every_line_is_a_compliance_finding() -> None:
    """One event for each finding, passes included, and each has the shape of the class with nothing beside it."""
    found = events(with_people())
    assert len(found) == len(with_people().findings) + len(with_people().attested)
    for event in found:
        SHAPE.validate(event)


@pytest.mark.parametrize(
    "change",
    [
        {"time": 1_772_600_767},
        {"severity": "Low"},
        {"status_id": 3, "status": "Suppressed"},
        {"invented": 1},
        {"cloud": {"provider": "AWS", "zone": "a"}},
    ],
)
def test_shape_refuses_what_receivers_refuse(change: dict[str, object]) -> None:
    """Seconds for milliseconds, a caption of another id, a suppression without words: the shape sees each."""
    assert not SHAPE.is_valid(event_of("h0") | change)


@pytest.mark.parametrize(
    ("asset", "ident", "caption", "severity"),
    [
        ("h0", 3, "Fail", 5),
        ("n0", 1, "Pass", 1),
        ("doubtful", 2, "Warning", 5),
        ("nothing", 99, "not-applicable", 1),
        ("accepted", 3, "Fail", 5),
    ],
)
def test_each_status_has_its_own_id(asset: str, ident: int, caption: str, severity: int) -> None:
    """Unknown is a warning for missing information and never a pass; what holds alarms nobody."""
    event = event_of(asset)
    assert (event["compliance"]["status_id"], event["compliance"]["status"]) == (ident, caption)
    assert event["severity_id"] == severity


def test_check_keeps_its_severity_where_it_passes() -> None:
    """The event of a pass is informational; how bad a failure would be stands at the check."""
    (asked,) = event_of("n0")["compliance"]["checks"]
    assert (asked["severity"], event_of("n0")["severity"]) == ("High", "Informational")


def test_accepted_failure_is_suppressed_and_names_its_owner() -> None:
    """An accepted finding still fails; its event says who accepts it, until when and why."""
    event = event_of("accepted")
    assert (event["status_id"], event["status"]) == (3, "Suppressed")
    for word in ("Ada", "Grace", "2026-06-30", "RISK-7", "a sandbox without data"):
        assert word in event["status_detail"]
    assert event["unmapped"]["exception"]["digest"] == EXCEPTION.digest


def test_accepted_doubt_stays_a_warning() -> None:
    """Accepting an unknown does not make a failure of it."""
    assessment = with_people()
    assessment.findings = tuple(
        msgspec.structs.replace(f, status=fixture.Status.ACCEPTED) for f in assessment.findings if f.asset == "doubtful"
    )
    event = events(assessment)[0]
    assert (event["compliance"]["status"], event["status"]) == ("Warning", "Suppressed")


def test_attestation_is_an_event_that_is_no_pass() -> None:
    """What a person vouches for has a status of its own, the person and the end."""
    event = events(with_people())[-1]
    assert (event["compliance"]["status_id"], event["compliance"]["status"]) == (99, "attested")
    assert event["unmapped"]["assertion"]["owner"] == "Ada"
    assert "2026-09-01" in event["message"]


def test_exception_that_ended_is_told_where_the_finding_is_open_again() -> None:
    """Whoever believes that a failure is accepted reads at the failure that it is not."""
    assessment = with_people()
    (note,) = assessment.exception_notes
    one = assessment.findings[0]
    assessment.exception_notes = (msgspec.structs.replace(note, fingerprints=(one.fingerprint,)),)
    event = event_of("h0", assessment)
    SHAPE.validate(event)
    assert "expired" in event["unmapped"]["notes"][0]


def test_events_have_uids_of_their_own() -> None:
    """Two findings with one fingerprint are two events."""
    twice = with_people()
    twice.findings = twice.findings * 2
    uids = [e["metadata"]["uid"] for e in events(twice)]
    assert len(set(uids)) == len(uids)


def test_uid_of_a_finding_outlives_the_run_and_that_of_the_event_does_not() -> None:
    """A receiver joins runs by the finding's uid; two runs are two events."""
    later = with_people()
    later.seen_at = datetime(2026, 4, 1, tzinfo=UTC)
    first, second = event_of("h0"), event_of("h0", later)
    assert first["finding_info"]["uid"] == second["finding_info"]["uid"] == with_people().findings[0].fingerprint
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_remediation_is_the_fix_or_what_would_answer() -> None:
    """A failure says how to close it, an unknown what it waits for, a pass nothing."""
    assert "direct_internet_access" in event_of("n1")["remediation"]["desc"]
    assert event_of("doubtful")["remediation"]["desc"].startswith("give the variable its value")
    assert "remediation" not in event_of("n0")


def test_time_counts_milliseconds() -> None:
    """Microseconds are cut, not rounded up into the next millisecond."""
    assert milliseconds(datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)) == 1_772_600_767_000
    assert milliseconds(datetime(2026, 3, 4, 5, 6, 7, 89_999, tzinfo=UTC)) == 1_772_600_767_089


def test_every_severity_has_a_caption() -> None:
    """No severity of ours is without one of theirs."""
    assessment = with_people()
    one = assessment.findings[0]
    assessment.findings = tuple(msgspec.structs.replace(one, severity=s) for s in Severity)
    assert [e["severity_id"] for e in events(assessment)][:5] == [5, 4, 3, 2, 1]
