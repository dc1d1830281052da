"""OCSF 1.8 Compliance Findings (class 2003), one event a line: for security lakes and SIEMs.

Lines and no array: shippers, search engines and lake loaders take events one by one, and a cut file loses one event.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from strongroom.assess import prose
from strongroom.assess.people_prose import accepted_words, attested_words, exception_note_words
from strongroom.assess.reports._accepted import exceptions, was_unknown
from strongroom.assess.reports._clauses import clause_of, standards
from strongroom.assess.reports._lines import TO_FIX, Json, encode, fact_json, fix_json, where_json
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._shared import PROGRAM, VERSION, asset_of, by_id, elsewhere, in_pieces
from strongroom.assess.reports._streams import Once
from strongroom.kit.fingerprint import fingerprint
from strongroom.kit.uuids import uuid5
from strongroom.model.codes import FindingCode, GapCode, Severity, Status
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import SCHEMA, Asset
from strongroom.model.people import Assertion, RiskException
from strongroom.model.ports import Catalogue, Check, Report
from strongroom.model.values import Unknown

OCSF = "1.8.0"
CLASS = 2003  # Compliance Finding
CREATE = 1  # finding.activity_id; whether an earlier run said the same is for the receiver, by finding_info.uid
STANDARD = "Strongroom controls"
# base_event.severity_id
SEVERITIES = {
    Severity.CRITICAL: (5, "Critical"),
    Severity.HIGH: (4, "High"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.LOW: (2, "Low"),
    Severity.INFO: (1, "Informational"),
}
# compliance.status_id. 2 is by its definition "did not yield a result due to missing information": our unknown.
RESULTS = {
    Status.PASS: (1, "Pass"),
    Status.FAIL: (3, "Fail"),
    Status.UNKNOWN: (2, "Warning"),
}
OTHER = 99
HARMLESS = frozenset({Status.PASS, Status.NOT_APPLICABLE})
NEW, SUPPRESSED = (1, "New"), (3, "Suppressed")  # finding.status_id
RULE = 1  # analytic.type_id
TARGET = 1  # resource_details.role_id: the subject of the finding
CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "GCP"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """A moment as OCSF counts it (timestamp_t): whole milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _result(f: Finding) -> dict[str, Json]:
    """What the check said; what is accepted stays what it was, and is suppressed as a finding."""
    was = Status.UNKNOWN if was_unknown(f) else Status.FAIL
    ident, caption = RESULTS.get(was if f.status is Status.ACCEPTED else f.status, (OTHER, f.status.value))
    return {"status_id": ident, "status": caption}


def _severity(severity: Severity) -> dict[str, Json]:
    ident, caption = SEVERITIES[severity]
    return {"severity_id": ident, "severity": caption}


def _cloud(asset: Asset) -> dict[str, Json]:
    """The cloud profile's object; none for what stands in no cloud that OCSF names."""
    out: dict[str, Json] = {"provider": CLOUDS[asset.provider]}
    if asset.account:
        out["account"] = {"uid": asset.account}
    if asset.region:
        out["region"] = asset.region
    return out


def _resource(asset: Asset, f: Finding) -> Json:
    out: dict[str, Json] = {
        "uid": asset.id,
        "name": asset.address,
        "type": asset.native_type or asset.kind.value,
        "role_id": TARGET,
        "role": "Target",
        "data": {"kind": asset.kind.value, "where": where_json(f.where)},
    }
    if asset.aliases:
        out["uid_alt"] = asset.aliases[0]
    if asset.region and asset.provider in CLOUDS:  # an attribute of the cloud profile
        out["region"] = asset.region
    tags: list[Json] = [{"name": name, "value": value} for name, value in asset.labels if name]
    if tags:
        out["tags"] = tags
    return out


def _missing(f: Finding) -> GapCode | None:
    if f.code is FindingCode.SOURCE_GAP:
        return GapCode(dict(f.arguments)["code"])
    return next((fact.value.code for fact in f.facts if isinstance(fact.value, Unknown)), None)


def _remediation(f: Finding, check: Check | None, asset: Asset) -> Json:
    """How to close a failure, or what would answer an unknown."""
    if f.status is Status.UNKNOWN:
        code = _missing(f)
        return {"desc": prose.answer_to(code)} if code else None
    if check is None or f.status not in TO_FIX:
        return None
    fix = fix_json(check.fix, asset.native_type)
    assert isinstance(fix, dict)
    heads = (("text", ""), ("snippet", ""), ("command", "Run: "), ("verify", "Verify: "))
    return {"desc": "\n\n".join(f"{head}{fix[name]}" for name, head in heads if name in fix)}


def _head(time: int) -> dict[str, Json]:
    return {
        "category_uid": CLASS // 1000,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "activity_id": CREATE,
        "activity_name": "Create",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Compliance Finding: Create",
        "time": time,
    }


def _notes(assessment: Assessment) -> Mapping[str, list[str]]:
    """Exceptions that do not do what they were written for, at the findings that stay open in spite of them."""
    notes: dict[str, list[str]] = {}
    for n in assessment.exception_notes:
        for ident in n.fingerprints:
            notes.setdefault(ident, []).append(exception_note_words(n))
    return notes


class _Events:
    """Makes events; what only the check decides is made once."""

    def __init__(self, assessment: Assessment, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._assets = by_id(assessment)
        self._exceptions = exceptions(assessment)
        self._notes = _notes(assessment)
        self._once = Once()
        self._seen_at = assessment.seen_at
        self._time = milliseconds(assessment.seen_at)
        self._snapshot = assessment.snapshot
        self._log = log_words(assessment)

    def event(self, f: Finding) -> Json:
        """One finding as one event."""
        asset = asset_of(self._assets, f.asset)
        check = self._catalogue.checks.get(f.check)
        because = prose.because(f, self._catalogue)
        accepted = f.status is Status.ACCEPTED
        exception = self._exceptions.get(f.fingerprint)
        state, caption = SUPPRESSED if accepted else NEW
        out = _head(self._time) | {
            # What holds alarms nobody, however bad it would be if it did not; the check keeps its own severity.
            **_severity(Severity.INFO if f.status in HARMLESS else f.severity),
            "status_id": state,
            "status": caption,
            "status_code": f.code.value,
            "message": f"{asset.address}: {because}",
            "metadata": self._metadata(f.fingerprint, cloud=asset.provider in CLOUDS),
            "finding_info": self._info(f, check, asset),
            "compliance": self._compliance(f, because),
            "resources": [_resource(asset, f)],
            "evidences": [{"name": fact.name, "data": fact_json(fact)} for fact in f.facts],
            "unmapped": self._unmapped(f, check, asset, exception),
        }
        if not f.facts:
            del out["evidences"]
        if accepted:
            out["status_detail"] = accepted_words(exception)
        if asset.provider in CLOUDS:
            out["cloud"] = _cloud(asset)
        remediation = _remediation(f, check, asset)
        if remediation is not None:
            out["remediation"] = remediation
        return out

    def attested(self, a: Assertion) -> Json:
        """What a person vouches for as one event: no result of a check, and of no resource unless it names one."""
        said = attested_words(a)
        ident = fingerprint("attested", a.clause, a.asset)
        compliance: Json = {
            "control": a.control,
            "requirements": [a.clause],
            "standards": [STANDARD],
            "status_id": OTHER,
            "status": Status.ATTESTED.value,
            "status_code": Status.ATTESTED.value,
            "status_details": [said],
        }
        out = _head(self._time) | _severity(Severity.INFO)
        out["status_id"], out["status"] = NEW
        out["status_code"] = Status.ATTESTED.value
        out["message"] = f"{a.clause}: {said}"
        out["metadata"] = self._metadata(ident, cloud=False)
        out["finding_info"] = {"uid": ident, "title": f"Attested: {a.clause}"}
        out["compliance"] = compliance
        person: Json = {"owner": a.owner, "approver": a.approver, "expires": a.expires_at.isoformat(), "id": a.id}
        out["unmapped"] = {"schema": SCHEMA, "status": Status.ATTESTED.value, "log": self._log, "assertion": person}
        if a.asset:
            asset = asset_of(self._assets, a.asset)
            out["resources"] = [{"uid": a.asset, "name": asset.address, "role_id": TARGET, "role": "Target"}]
        return out

    def _metadata(self, ident: str, *, cloud: bool) -> Json:
        out: dict[str, Json] = {
            "version": OCSF,
            "product": {"name": PROGRAM, "vendor_name": "Strongroom", "version": VERSION},
            "uid": uuid5("ocsf", self._once.name(ident), self._seen_at.isoformat()),
            "log_name": PROGRAM,
            "log_version": SCHEMA,
            "original_time": str(self._time),
        }
        if self._snapshot:
            out["correlation_uid"] = self._snapshot
        if cloud:
            out["profiles"] = ["cloud"]
        return out

    def _info(self, f: Finding, check: Check | None, asset: Asset) -> Json:
        title = prose.title(f.check, self._catalogue)
        out: dict[str, Json] = {
            "uid": f.fingerprint,
            "title": title,
            "analytic": {"uid": f.check, "name": title, "type_id": RULE, "type": "Rule"},
        }
        if check is not None and check.why:
            out["desc"] = check.why
        if asset.origin:
            out["data_sources"] = [asset.origin]
        return out

    def _compliance(self, f: Finding, because: str) -> Json:
        control = self._catalogue.controls.get(f.control)
        asked: dict[str, Json] = {"uid": f.check, "name": prose.title(f.check, self._catalogue)}
        asked |= _severity(f.severity) | _result(f)
        if control is not None:
            asked["standards"] = [*standards(control.maps)]
        out: dict[str, Json] = {
            "control": f.control or f.check,  # a rule of the user's own may prove no clause: it stands for itself
            "requirements": [clause_of(f, self._catalogue) or f.check],
            "standards": [STANDARD],
            **_result(f),
            "status_code": f.status.value,
            "status_details": [because],
            "checks": [asked],
        }
        if control is not None:
            out["desc"] = control.title
            out["category"] = control.domain
        return out

    def _unmapped(self, f: Finding, check: Check | None, asset: Asset, exception: RiskException | None) -> Json:
        out: dict[str, Json] = {"schema": SCHEMA, "status": f.status.value, "log": self._log}
        if check is not None and (same := elsewhere(check, asset)):
            out["equivalents"] = [*same]
        if f.fingerprint in self._notes:
            out["notes"] = [*self._notes[f.fingerprint]]
        if exception is not None:
            out["exception"] = {
                "owner": exception.owner,
                "approver": exception.approver,
                "expires": exception.expires.isoformat() if exception.expires else None,
                "digest": exception.digest,
            }
        return out


def _lines(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    events = _Events(assessment, catalogue)
    for f in assessment.findings:
        yield encode(events.event(f)) + "\n"
    for a in assessment.attested:
        yield encode(events.attested(a)) + "\n"


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """Every finding, passes included, in the order of the assessment; then what people vouch for."""
    return in_pieces(_lines(assessment, catalogue))


REPORT = Report("ocsf", "OCSF 1.8: Compliance Findings, one event a line, for SIEMs", ".ocsf.jsonl", render)
