"""The formats for auditors and GRC systems: assessment results, plan of action, and the catalog that they refer to."""

import json
import uuid
from base64 import b64decode
from datetime import UTC, date, datetime
from pathlib import Path

import jsonschema
import msgspec
import oscal_shape
import pytest
import reports_fixture as fixture
from travel_fixture import EXCEPTION, with_people

from strongroom.app.catalogue import catalogue
from strongroom.assess.oscal_catalog import catalog
from strongroom.assess.reports import _oscal
from strongroom.assess.reports.oscal import REPORT as RESULTS
from strongroom.assess.reports.oscal import STATES
from strongroom.assess.reports.oscal_poam import REPORT as POAM
from strongroom.kit.uuids import NAMESPACE, uuid5
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, Coverage
from strongroom.model.people import RiskException
from strongroom.plan.ninety_days import plan

NOTHING = Assessment(fixture.SEEN, (), (), (), (), (), Coverage(0, 0, ()))
SHAPES = {"assessment-results": oscal_shape.RESULTS, "poam": oscal_shape.POAM}


def document(kind: str, assessment: Assessment | None = None) -> dict[str, object]:
    chosen = RESULTS if kind == "assessment-results" else POAM
    return json.loads(fixture.text(chosen.render(assessment or with_people(), fixture.CATALOGUE)))


def result(assessment: Assessment | None = None) -> dict[str, list[dict[str, object]]]:
    return document("assessment-results", assessment)["assessment-results"]["results"][0]


def target(clause: str, assessment: Assessment | None = None) -> dict[str, object]:
    found = (f["target"] for f in result(assessment)["findings"])
    return next(t for t in found if t["target-id"] == clause)["status"]


def props_of(thing: dict[str, object]) -> dict[str, str]:
    return {p["name"]: p["value"] for p in thing["props"]}


def nist(vectors: Path, kind: str) -> jsonschema.Draft7Validator:
    """NIST's own schema; its letters and digits of Unicode are written as Python's expressions write them."""
    text = (vectors / f"govern/oscal/oscal_{kind}_schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft7Validator(
        json.loads(text.replace("\\\\p{L}", "[^\\\\W\\\\d_]").replace("\\\\p{N}", "\\\\d"))
    )


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize("assessment", [with_people(), fixture.assessment(), NOTHING], ids=["people", "small", "none"])
def test_document_has_the_shape_of_oscal(kind: str, assessment: Assessment) -> None:
    """Every object has the members of OSCAL that it needs and no others; ids are unique and lead somewhere."""
    made = document(kind, assessment)
    jsonschema.Draft202012Validator(SHAPES[kind]).validate(made)
    assert oscal_shape.repeated(made) == []
    assert oscal_shape.dangling(made) == []


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize("assessment", [with_people(), NOTHING], ids=["people", "none"])
def test_document_is_valid_for_nist(vectors: Path, kind: str, assessment: Assessment) -> None:
    """NIST's schema of OSCAL 1.2.1 finds no error."""
    assert [e.message for e in nist(vectors, kind).iter_errors(document(kind, assessment))] == []


def test_nists_schema_would_find_an_error(vectors: Path) -> None:
    """The schema is applied: a state that OSCAL does not know and a blank in a property are found."""
    made = document("assessment-results")
    one = made["assessment-results"]["results"][0]
    one["findings"][0]["target"]["status"]["state"] = "unknown"
    one["observations"][0]["props"][0]["value"] = " blank"
    assert len(list(nist(vectors, "assessment-results").iter_errors(made))) == 2


def test_shape_would_find_a_reference_to_nothing() -> None:
    """The search for references looks everywhere."""
    made = document("assessment-results")
    made["assessment-results"]["results"][0]["observations"].pop()
    assert len(oscal_shape.dangling(made)) == 1


def test_only_a_proof_is_satisfied() -> None:
    """Unknown, accepted and broken clauses are not satisfied, each for its own reason; an attested one is, as such."""
    told = {clause: (s["state"], s["reason"]) for clause in CLAUSES for s in [target(clause)]}
    assert told == {
        "INV-01.sources-agree": ("not-satisfied", "other"),
        "NET-01.not-exposed": ("not-satisfied", "fail"),
        "ART-01.stores-cmk": ("not-satisfied", "other"),
        "TEE-01.keys-need-attestation": ("satisfied", "other"),
    }
    assert "unknown is not a pass" in target("INV-01.sources-agree")["remarks"]
    assert target("ART-01.stores-cmk", fixture.assessment()) | {"remarks": ""} == {
        "state": "satisfied",
        "reason": "pass",
        "remarks": "",
    }
    assert {s for s, row in STATES.items() if row[:2] == ("satisfied", "pass")} == {Status.PASS}


CLAUSES = ("INV-01.sources-agree", "NET-01.not-exposed", "ART-01.stores-cmk", "TEE-01.keys-need-attestation")


def test_what_nothing_measured_is_excluded_and_has_no_finding() -> None:
    """OSCAL has no third state: a clause that was not assessed is named among the excluded objectives."""
    one = result(fixture.assessment())
    (selected,) = one["reviewed-controls"]["control-objective-selections"]
    excluded = {o["objective-id"] for o in selected["exclude-objectives"]}
    assert excluded == {"NET-01.probe-agrees", "TEE-01.keys-need-attestation"}
    assert excluded.isdisjoint(f["target"]["target-id"] for f in one["findings"])
    assert {"control-id": "TEE-01"} in one["reviewed-controls"]["control-selections"][0]["exclude-controls"]


def test_observation_carries_what_the_check_read() -> None:
    """Method, subject, evidence and the page that states a default; the finding of the clause refers to it."""
    one = result()
    seen = next(o for o in one["observations"] if props_of(o)["fingerprint"] == with_people().findings[0].fingerprint)
    assert seen["methods"] == ["TEST"]
    assert seen["relevant-evidence"][0]["href"] == "https://example.test/defaults"
    finding = next(f for f in one["findings"] if f["target"]["target-id"] == "ART-01.stores-cmk")
    assert {"observation-uuid": seen["uuid"]} in finding["related-observations"]


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        (EXCEPTION, "deviation-approved"),
        (msgspec.structs.replace(EXCEPTION, approver=""), "deviation-requested"),
        (RiskException(digest="12" * 32, inline=True, check="x", approver="me", reason="lab"), "deviation-requested"),
        (None, "deviation-requested"),
    ],
)
def test_accepted_risk_is_approved_only_by_a_person_who_is_named(exception: RiskException | None, status: str) -> None:
    """An exception without an approver, and a skip beside the asset, are requests."""
    for kind in SHAPES:
        made = document(kind, with_people(exception))
        risks = made[next(iter(made))].get("risks") or made["assessment-results"]["results"][0]["risks"]
        accepted = [r for r in risks if r["title"].startswith("Accepted")]
        assert [r["status"] for r in accepted] == [status]


def test_accepted_risk_ends_on_its_day() -> None:
    """The end of an exception is the deadline of its risk, in the plan of action too."""
    made = document("poam")["plan-of-action-and-milestones"]
    risk = next(r for r in made["risks"] if r["title"].startswith("Accepted"))
    assert risk["deadline"] == "2026-06-30T23:59:59Z"
    assert props_of(risk)["owner"] == "Ada"
    assert any({"risk-uuid": risk["uuid"]} in i["related-risks"] for i in made["poam-items"])


def test_end_that_oscal_cannot_write_is_no_deadline() -> None:
    """An exception for ever has no deadline: its document stays one that OSCAL knows."""
    made = document("poam", with_people(msgspec.structs.replace(EXCEPTION, expires=date.max)))
    risk = next(r for r in made["plan-of-action-and-milestones"]["risks"] if r["title"].startswith("Accepted"))
    assert "deadline" not in risk
    assert "9999" in risk["description"]


def test_attestation_is_examined_and_expires() -> None:
    """What a person vouches for is no test; it carries its evidence, its log entry and its end."""
    (seen,) = (o for o in result()["observations"] if o["methods"] == ["EXAMINE"])
    assert seen["expires"] == "2026-09-01T00:00:00.000000Z"
    assert "entry 41 of the log log.example/people" in seen["relevant-evidence"][0]["description"]


def test_notes_on_exceptions_and_assertions_are_remarks() -> None:
    """An exception that ended and an assertion that was taken back are told, as somebody may rely on them."""
    remarks = str(result()["remarks"])
    assert "expired" in remarks
    assert "revoked" in remarks


def test_plan_has_the_deadlines_of_its_phases() -> None:
    """A task of phase 60 ends 60 days after the assessment, and waits for the task that it depends on."""
    made = document("poam")["plan-of-action-and-milestones"]
    steps = {props_of(s)["task"]: s for r in made["risks"] for m in r.get("remediations", ()) for s in m["tasks"]}
    late, early = steps["task.enc.bucket.cmk"], steps["task.net.notebook.direct-internet"]
    assert late["timing"]["on-date"]["date"].startswith("2026-05-03T")
    assert early["timing"]["on-date"]["date"].startswith("2026-04-03T")
    assert late["dependencies"] == [{"task-uuid": early["uuid"]}]


def test_results_and_plan_speak_of_the_same_risks() -> None:
    """A risk, an observation and an asset have one id in both documents."""
    both = [dict.fromkeys(str(v) for n, v in oscal_shape.members(document(k)) if n == "uuid") for k in sorted(SHAPES)]
    shared = set(both[0]) & set(both[1])
    risk = uuid5("oscal", "risk", "enc.bucket.cmk")
    assert risk in shared
    assert len(shared) > 5


def test_every_finding_of_a_real_plan_is_in_the_plan_of_action() -> None:
    """Failures, unknowns and gaps are all closed by some item."""
    assessment = fixture.assessment()
    assessment.tasks = plan(assessment.findings, fixture.CATALOGUE)
    made = document("poam", assessment)
    jsonschema.Draft202012Validator(oscal_shape.POAM).validate(made)
    seen = {props_of(o)["fingerprint"] for o in made["plan-of-action-and-milestones"]["observations"]}
    wanted = {f.fingerprint for f in assessment.findings if f.status in {Status.FAIL, Status.UNKNOWN, Status.ACCEPTED}}
    assert seen == wanted


def test_ids_do_not_move_when_something_is_added() -> None:
    """A further finding leaves the ids of the others as they are, so that two runs can be compared."""
    grown = fixture.assessment()
    grown.findings = (*grown.findings[3:], *grown.findings[:3])
    ids = [{o["uuid"] for o in result(a)["observations"]} for a in (fixture.assessment(), grown)]
    assert ids[0] == ids[1]


def test_two_gaps_of_one_scope_are_two_observations() -> None:
    """Findings that share a fingerprint are told apart by their number."""
    twice = fixture.assessment()
    gap = next(f for f in twice.findings if f.code is fixture.FindingCode.SOURCE_GAP)
    twice.findings = (*twice.findings, gap)
    made = document("assessment-results", twice)
    assert oscal_shape.repeated(made) == []
    assert len(made["assessment-results"]["results"][0]["observations"]) == len(twice.findings)


@pytest.mark.parametrize("name", fixture.HOSTILE)
def test_foreign_text_is_no_markup(name: str) -> None:
    """No HTML, link, emphasis or parameter insertion of OSCAL can come from a name."""
    text = _oscal.markup(name)
    plain = text.split("`")[0]
    assert "<" not in text.replace("`<", "")
    assert "{{" not in plain
    assert "](" not in plain.replace("\\]", "")


def test_names_with_underscores_stay_readable() -> None:
    """An underscore inside a word is no emphasis and needs no escape; at its edge it does."""
    assert _oscal.markup("aws_s3_bucket and _this_") == "aws_s3_bucket and \\_this\\_"


def test_our_uuids_are_those_of_the_standard_library() -> None:
    """Namespace and names are made as RFC 9562 says."""
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:strongroom:1")
    assert namespace.bytes == NAMESPACE
    assert uuid5("a", "b") == str(uuid.uuid5(namespace, "a\x1fb"))
    assert uuid5("ab", "c") != uuid5("a", "bc")


# The catalog


def controls_document() -> dict[str, object]:
    known = catalogue()
    made = fixture.text(catalog(known, [*known.controls.values()], datetime(2026, 3, 4, tzinfo=UTC)))
    return json.loads(made)


def test_catalog_is_valid_for_nist(vectors: Path) -> None:
    """NIST's schema finds no error in the catalog of our controls."""
    assert [e.message for e in nist(vectors, "catalog").iter_errors(controls_document())] == []


def test_catalog_has_every_control_and_every_objective() -> None:
    """The ids that results name as controls and targets are ids of the catalog."""
    found = controls_document()["catalog"]["groups"]
    controls = [c for g in found for c in g["controls"]]
    assert {c["id"] for c in controls} == set(catalogue().controls)
    parts = {p["id"] for c in controls for p in c["parts"] if p["name"] == "assessment-objective"}
    assert parts == {c.id for k in catalogue().controls.values() for c in k.clauses}
    ids = [v for n, v in oscal_shape.members(found) if n == "id"]
    assert len(ids) == len(set(ids))


def test_catalog_of_a_moment_is_always_the_same() -> None:
    """The same build and the same moment give the same bytes."""
    assert controls_document() == controls_document()
    assert controls_document()["catalog"]["metadata"]["last-modified"] == "2026-03-04T00:00:00.000000Z"


def test_every_observation_leads_to_the_log_entry() -> None:
    """Its evidence names a resource of the document that holds the entry's own bytes; the proof lies beside it."""
    made = document("assessment-results", fixture.assessment())["assessment-results"]
    held = {r["uuid"]: r for r in made["back-matter"]["resources"]}
    (result,) = made["results"]
    hrefs = {e["href"] for o in result["observations"] for e in o["relevant-evidence"] if e.get("href", "")[:1] == "#"}
    (href,) = hrefs
    assert all(any(e.get("href") == href for e in o["relevant-evidence"]) for o in result["observations"])
    assert b64decode(held[href[1:]]["base64"]["value"]).decode() == fixture.LOGGED.data
    proofs = [r["base64"] for r in held.values() if r.get("base64", {}).get("filename") == "entry.tlog-proof"]
    assert [b64decode(p["value"]).decode() for p in proofs] == [fixture.LOGGED.proof]


def test_document_of_a_run_without_a_log_says_so() -> None:
    """No evidence points at an entry, and the document calls the run not logged."""
    whole = fixture.assessment()
    whole.logged = None
    made = document("assessment-results", whole)["assessment-results"]
    assert {p["name"]: p["value"] for p in made["metadata"]["props"]}["log"] == "not logged"
    evidence = [e for o in made["results"][0]["observations"] for e in o.get("relevant-evidence", [])]
    assert not [e for e in evidence if e.get("href", "").startswith("#")]
