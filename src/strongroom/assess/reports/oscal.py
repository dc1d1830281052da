"""OSCAL 1.2.1 assessment results: for auditors and GRC systems.

One finding for each clause that was measured or that a person vouches for, one observation for each answer of a check.
An objective is satisfied only where every answer says so: unknown and accepted are not, and say why. What nothing
measured has no finding and stands among the excluded objectives, for OSCAL has no third state.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain

from strongroom.assess.people_prose import attested_words
from strongroom.assess.reports._accepted import note_words
from strongroom.assess.reports._clauses import clause_of
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._oscal import (
    ORIGINS,
    Observations,
    assets_of_assessor,
    document_uuid,
    inventory_item,
    listing,
    markup,
    metadata,
    props,
    time_text,
)
from strongroom.assess.reports._oscal_log import log_evidence, log_resources
from strongroom.assess.reports._oscal_risks import Risk, accepted_risks, by_check, open_risks, related
from strongroom.assess.reports._overview import coverage_sentence
from strongroom.assess.reports._shared import PROGRAM, VERSION, count, everything, in_pieces
from strongroom.assess.reports._streams import array, array_of_pieces, open_object
from strongroom.kit.uuids import uuid5
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, ClauseResult
from strongroom.model.people import Assertion
from strongroom.model.ports import Catalogue, Report

# finding.target.status: state, reason and what is said of it. A status without a row has no finding.
STATES = {
    Status.PASS: ("satisfied", "pass", "proven on everything that it applies to"),
    Status.FAIL: ("not-satisfied", "fail", "broken on at least one asset"),
    Status.UNKNOWN: ("not-satisfied", "other", "could not be determined: an unknown is not a pass, and no failure"),
    Status.ACCEPTED: ("not-satisfied", "other", "not proven, and a person accepts that"),
    Status.ATTESTED: ("satisfied", "other", "not measured: a person vouches for it until a date"),
}


def _target(r: ClauseResult, title: str) -> Json:
    state, reason, said = STATES[r.status]
    told = "; ".join((said, *r.reasons))
    return {
        "type": "objective-id",
        "target-id": r.clause,
        "title": markup(title),
        "status": {"state": state, "reason": reason, "remarks": markup(told)},
    }


class _Findings:
    """Makes findings: a clause with its observations and risks."""

    def __init__(self, catalogue: Catalogue, observed: Mapping[str, list[str]], risks: Mapping[str, list[str]]) -> None:
        self._texts = {c.id: c.text for control in catalogue.controls.values() for c in control.clauses}
        self._titles = {c.id: k.title for k in catalogue.controls.values() for c in k.clauses}
        self._observed = observed
        self._risks = risks

    def pieces(self, r: ClauseResult) -> Iterator[str]:
        """One finding, encoded."""
        counted = ((r.passed, "passed"), (r.failed, "failed"), (r.unknown, "unknown"), (r.accepted, "accepted"))
        counts = ", ".join(f"{n} {word}" for n, word in counted if n)
        title = self._titles.get(r.clause, r.clause)
        yield open_object(
            {
                "uuid": uuid5("oscal", "finding", r.clause),
                "title": markup(f"{r.clause}: {title}"),
                "description": markup(self._texts.get(r.clause, title)),
                "props": props(status=r.status.value, answers=counts),
                "origins": ORIGINS,
                "target": _target(r, title),
            }
        )
        yield from related(self._observed.get(r.clause, ()))
        yield from array("related-risks", (f'{{"risk-uuid":"{ident}"}}' for ident in self._risks.get(r.clause, ())))
        yield "}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _attestation_uuid(a: Assertion) -> str:
    said = (a.id,) if a.id else (a.clause, a.asset, a.statement, a.owner, _moment(a.made_at))
    return uuid5("oscal", "assertion", *said)


def _attestation(a: Assertion) -> str:
    """What a person vouches for, encoded: examined, not tested, and it expires."""
    logged = f"entry {a.entry} of the log {a.log}" if a.log else "in no log"
    out: Json = {
        "uuid": _attestation_uuid(a),
        "title": markup(f"Attested: {a.clause}"),
        "description": markup(attested_words(a)),
        "props": props(owner=a.owner, approver=a.approver, assertion=a.id, key=a.key, asset_id=a.asset),
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "origins": ORIGINS,
        "relevant-evidence": [{"description": markup(f"sha256 {a.evidence_digest or 'none given'}, {logged}")}],
        "collected": _moment(a.made_at),
        "expires": _moment(a.expires_at),
    }
    return encode(out)


def _reviewed(assessment: Assessment, catalogue: Catalogue) -> Json:
    """Which controls and objectives were looked at, and which were not."""
    results = {c.clause: c.status in STATES for r in assessment.controls for c in r.clauses}
    seen = [r.control for r in assessment.controls if any(results[c.clause] for c in r.clauses)]
    unseen: list[Json] = [{"control-id": c} for c in catalogue.controls if c not in seen]
    controls: dict[str, Json] = {"include-controls": [{"control-id": c} for c in seen]} if seen else {"include-all": {}}
    if unseen:
        controls["exclude-controls"] = unseen
    looked: list[Json] = [{"objective-id": c} for c, yes in results.items() if yes]
    not_looked: list[Json] = [{"objective-id": c} for c, yes in results.items() if not yes]
    objectives: dict[str, Json] = {"include-objectives": looked} if looked else {"include-all": {}}
    if not_looked:
        objectives["exclude-objectives"] = not_looked
    said = (
        "What was measured or attested is included; what no given source measures, or what applies to nothing, is not."
    )
    out: dict[str, Json] = {"description": said, "control-selections": [controls]}
    if results:
        out["control-objective-selections"] = [objectives]
    return out


def _plan(assessment: Assessment, ident: str) -> dict[str, Json]:
    """What stands for the assessment plan that the standard wants to be named."""
    read = [f"{s.spec}: {count(s.files, 'file')}, sha256 {s.digest or 'not taken'}" for s in assessment.sources]
    said = f"No assessment plan was given. Every check of {PROGRAM} {VERSION} was asked of what these sources show:"
    return {
        "uuid": ident,
        "title": "What was assessed",
        "description": f"{said}\n\n{listing(read) if read else 'no source'}",
    }


def _observed(assessment: Assessment, catalogue: Catalogue, observations: Observations) -> Mapping[str, list[str]]:
    of: dict[str, list[str]] = defaultdict(list)
    for f, ident in observations.ids():
        of[clause_of(f, catalogue)].append(ident)
    for a in assessment.attested:
        of[a.clause].append(_attestation_uuid(a))
    return of


def _risks_of(risks: Iterable[Risk], catalogue: Catalogue, of_check: Mapping[str, str]) -> Mapping[str, list[str]]:
    of: dict[str, list[str]] = defaultdict(list)
    for check, idents in by_check(risks).items():
        known = catalogue.checks.get(check)
        of[known.clause if known else of_check.get(check, "")] += idents
    return of


def _result(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    assets = everything(assessment)
    observations = Observations(assessment, catalogue, assets, log_evidence(assessment))
    risks = [*open_risks(catalogue, observations), *accepted_risks(assessment, catalogue, observations)]
    of_check = {f.check: clause_of(f, catalogue) for f in assessment.findings}
    findings = _Findings(
        catalogue, _observed(assessment, catalogue, observations), _risks_of(risks, catalogue, of_check)
    )
    yield open_object(
        {
            "uuid": document_uuid("result", assessment),
            "title": "AI infrastructure assessment",
            "description": markup(coverage_sentence(assessment)),
            "start": time_text(assessment),
            "end": time_text(assessment),
        }
    )
    yield ',\n"local-definitions":' + open_object({"assessment-assets": assets_of_assessor()})
    yield from array("inventory-items", (inventory_item(a) for a in assets.values()))
    yield f'}},\n"reviewed-controls":{encode(_reviewed(assessment, catalogue))}'
    seen = (observations.encoded(f, ident) for f, ident in observations.ids())
    yield from array("observations", chain(seen, map(_attestation, assessment.attested)))
    yield from array_of_pieces("risks", (r.pieces() for r in risks))
    clauses = (c for r in assessment.controls for c in r.clauses if c.status in STATES)
    yield from array_of_pieces("findings", (findings.pieces(c) for c in clauses))
    notes = note_words(assessment)
    if notes:
        yield f',\n"remarks":{encode(listing(notes))}'
    yield "}"


def _document(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    plan = document_uuid("assessment-plan", assessment)
    at = time_text(assessment)
    head: dict[str, Json] = {
        "uuid": document_uuid("assessment-results", assessment),
        "metadata": metadata(
            "AI infrastructure assessment results", assessment.snapshot or at, at, log_words(assessment)
        ),
        "import-ap": {"href": f"#{plan}"},
    }
    resources: list[Json] = [_plan(assessment, plan), *log_resources(assessment)]
    yield f'{{"assessment-results":{open_object(head)},\n"results":[\n'
    yield from _result(assessment, catalogue)
    yield f'],\n"back-matter":{encode({"resources": resources})}}}}}\n'


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """One document with one result."""
    return in_pieces(_document(assessment, catalogue))


REPORT = Report("oscal", "OSCAL 1.2.1 assessment results: for auditors and GRC systems", ".oscal-ar.json", render)
