"""OSCAL 1.2.1 plan of action and milestones: the tasks for 30, 60 and 90 days as risks with remediations.

An accepted risk is an item too: it is not gone, and it ends on a day.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._oscal import (
    ORIGINS,
    Observations,
    assets_of_assessor,
    document_uuid,
    inventory_item,
    markup,
    metadata,
    props,
    time_text,
)
from strongroom.assess.reports._oscal_risks import Risk, accepted_risks, related, risk_uuid, why
from strongroom.assess.reports._shared import count, everything, in_pieces
from strongroom.assess.reports._streams import array, array_of_pieces, open_object
from strongroom.kit.uuids import uuid5
from strongroom.model.control import Assessment, Task
from strongroom.model.ports import Catalogue, Report

IDENTIFIER_TYPE = "http://ietf.org/rfc/rfc4122"  # system-id.identifier-type: a UUID


def _deadline(assessment: Assessment, phase: int) -> str:
    """The end of a phase, counted from the day of the assessment."""
    end = assessment.seen_at + timedelta(days=phase)
    return end.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _task_uuid(task_id: str) -> str:
    return uuid5("oscal", "task", task_id)


def _remediation(t: Task, deadline: str, known: Mapping[str, Task]) -> Json:
    """A task as a response to its risk: recommended, as nobody has promised it yet."""
    step: dict[str, Json] = {
        "uuid": _task_uuid(t.id),
        "type": "milestone",
        "title": markup(t.title),
        "description": markup(f"Verify: {t.verify}"),
        "props": props(task=t.id, phase=str(t.phase)),
        "timing": {"on-date": {"date": deadline}},
    }
    after: list[Json] = [{"task-uuid": _task_uuid(i)} for i in t.depends_on if i in known]
    if after:
        step["dependencies"] = after
    return {
        "uuid": uuid5("oscal", "remediation", t.id),
        "lifecycle": "recommendation",
        "title": markup(t.title),
        "description": markup(t.fix),
        "props": props(effort=t.effort.value, verb=t.verb.value, type="mitigate"),
        "origins": ORIGINS,
        "tasks": [step],
    }


def _risk(
    t: Task, assessment: Assessment, catalogue: Catalogue, known: Mapping[str, Task], seen: Mapping[str, list[str]]
) -> Risk:
    deadline = _deadline(assessment, t.phase)
    about = count(len(t.closes), "finding")
    return Risk(
        # A check has one task; what could not be read has one for each reason.
        uuid=risk_uuid(t.check) if t.check in catalogue.checks else uuid5("oscal", "risk", t.check, t.id),
        check=t.check,
        title=t.title,
        description=f"{about} of the check {t.check} on {count(len(t.assets), 'asset')}",
        statement=why(t.check, catalogue),
        status="open",
        severity=t.severity,
        properties=props(control=t.control, phase=str(t.phase)),
        deadline=deadline,
        remediations=[_remediation(t, deadline, known)],
        observations=[ident for f in t.closes for ident in seen.get(f, ())],
    )


def _item(risk: Risk) -> Iterator[str]:
    yield open_object(
        {
            "uuid": uuid5("oscal", "item", risk.uuid),
            "title": markup(risk.title),
            "description": markup(risk.description),
            "props": props(check=risk.check, severity=risk.severity.value),
            "origins": ORIGINS,
            "related-risks": [{"risk-uuid": risk.uuid}],
        }
    )
    yield from related(risk.observations)
    yield "}"


def _nothing(assessment: Assessment) -> Iterator[str]:
    """The standard wants an item; where there is nothing to do, that is the item."""
    item: Json = {
        "uuid": document_uuid("no-item", assessment),
        "title": "No open item",
        "description": "Nothing that was read fails or is in doubt. What was not read is not in this plan.",
    }
    yield encode(item)


def _risks(assessment: Assessment, catalogue: Catalogue, observations: Observations) -> list[Risk]:
    known = {t.id: t for t in assessment.tasks}
    seen: dict[str, list[str]] = {}
    for f, ident in observations.ids():
        seen.setdefault(f.fingerprint, []).append(ident)
    planned = [_risk(t, assessment, catalogue, known, seen) for t in assessment.tasks]
    return [*planned, *accepted_risks(assessment, catalogue, observations)]


def _document(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    assets = everything(assessment)
    observations = Observations(assessment, catalogue, assets)
    risks = _risks(assessment, catalogue, observations)
    cited = {ident for r in risks for ident in r.observations}
    shown = [(f, ident) for f, ident in observations.ids() if ident in cited]
    at = time_text(assessment)
    head: dict[str, Json] = {
        "uuid": document_uuid("poam", assessment),
        "metadata": metadata(
            "AI infrastructure plan of action and milestones", assessment.snapshot or at, at, log_words(assessment)
        ),
        "system-id": {
            "identifier-type": IDENTIFIER_TYPE,
            "id": uuid5("oscal", "system", *(s.spec for s in assessment.sources)),
        },
    }
    yield '{"plan-of-action-and-milestones":' + open_object(head)
    yield ',\n"local-definitions":' + open_object({"assessment-assets": assets_of_assessor()})
    about = dict.fromkeys(f.asset for f, _ in shown)
    yield from array("inventory-items", (inventory_item(assets[i]) for i in about))
    yield "}"
    yield from array("observations", (observations.encoded(f, ident) for f, ident in shown))
    yield from array_of_pieces("risks", (r.pieces() for r in risks))
    items: Iterable[Iterator[str]] = (_item(r) for r in risks) if risks else (_nothing(assessment),)
    yield from array_of_pieces("poam-items", items)
    yield "}}\n"


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """One document; its deadlines are the ends of the phases, from the day of the assessment."""
    return in_pieces(_document(assessment, catalogue))


REPORT = Report("oscal-poam", "OSCAL 1.2.1 plan of action and milestones: for GRC systems", ".oscal-poam.json", render)
