"""Risks of an OSCAL document: what fails, and what is accepted and still fails."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.assess import prose
from strongroom.assess.people_prose import accepted_words
from strongroom.assess.reports._accepted import exceptions
from strongroom.assess.reports._lines import Json
from strongroom.assess.reports._oscal import NAMESPACE, ORIGINS, TOOL, Observations, markup, props, risk_status
from strongroom.assess.reports._shared import count
from strongroom.assess.reports._streams import array, open_object
from strongroom.kit.uuids import uuid5
from strongroom.model.codes import Severity, Status
from strongroom.model.control import Assessment
from strongroom.model.people import RiskException
from strongroom.model.ports import Catalogue


@dataclass(slots=True)
class Risk:
    """One risk with the observations that it is seen by."""

    uuid: str
    check: str
    title: str
    description: str
    statement: str
    status: str
    severity: Severity
    properties: list[Json] = field(default_factory=list)
    deadline: str = ""
    remediations: Sequence[Json] = ()
    observations: list[str] = field(default_factory=list)

    def pieces(self) -> Iterator[str]:
        """The risk, encoded."""
        facet: Json = {"name": "severity", "system": NAMESPACE, "value": self.severity.value}
        out: dict[str, Json] = {
            "uuid": self.uuid,
            "title": markup(self.title),
            "description": markup(self.description),
            "statement": markup(self.statement),
            "props": [*props(check=self.check, severity=self.severity.value), *self.properties],
            "status": self.status,
            "origins": ORIGINS,
            "characterizations": [
                {"origin": {"actors": [{"type": "tool", "actor-uuid": TOOL}]}, "facets": [facet]},
            ],
        }
        if self.deadline:
            out["deadline"] = self.deadline
        if self.remediations:
            out["remediations"] = list(self.remediations)
        yield open_object(out)
        yield from related(self.observations)
        yield "}"


def related(observations: Iterable[str]) -> Iterator[str]:
    """The observations that something is related to, as a further member."""
    return array("related-observations", (f'{{"observation-uuid":"{ident}"}}' for ident in observations))


def risk_uuid(check_id: str) -> str:
    """The id of the risk that a check shows: the same in the results and in the plan of action."""
    return uuid5("oscal", "risk", check_id)


def why(check_id: str, catalogue: Catalogue) -> str:
    """What is at stake, from the check's own reason, or from its control's."""
    check = catalogue.checks.get(check_id)
    return check.why if check is not None and check.why else prose.title(check_id, catalogue)


def open_risks(catalogue: Catalogue, observations: Observations) -> list[Risk]:
    """One risk for each check that fails somewhere, in the order of the findings."""
    failing: dict[str, Risk] = {}
    for f, ident in observations.ids():
        if f.status is not Status.FAIL:
            continue
        risk = failing.get(f.check) or failing.setdefault(
            f.check,
            Risk(
                uuid=risk_uuid(f.check),
                check=f.check,
                title=f"Not so: {prose.title(f.check, catalogue)}",
                description="",
                statement=why(f.check, catalogue),
                status="open",
                severity=f.severity,
            ),
        )
        risk.observations.append(ident)
    for risk in failing.values():
        risk.description = f"{count(len(risk.observations), 'failure')} of the check {risk.check}"
    return list(failing.values())


def accepted_risks(assessment: Assessment, catalogue: Catalogue, observations: Observations) -> list[Risk]:
    """One risk for each exception and check: it is accepted, and it is not gone."""
    known = exceptions(assessment)
    taken: dict[tuple[str, str], Risk] = {}
    for f, ident in observations.ids():
        if f.status is not Status.ACCEPTED:
            continue
        exception = known.get(f.fingerprint)
        key = (f.check, exception.digest if exception else "")
        risk = taken.get(key) or taken.setdefault(
            key,
            Risk(
                uuid=uuid5("oscal", "accepted", *key),
                check=f.check,
                title=f"Accepted: {prose.title(f.check, catalogue)}",
                description=accepted_words(exception),
                statement=why(f.check, catalogue),
                status=risk_status(exception),
                severity=f.severity,
                properties=_exception_props(exception),
                deadline=_end(exception),
            ),
        )
        risk.observations.append(ident)
    return list(taken.values())


def _end(e: RiskException | None) -> str:
    """The last second of an exception. OSCAL has no year after 2999, and an end so far away is none."""
    if e is None or e.expires is None or e.expires.year > 2999:
        return ""
    return f"{e.expires:%Y-%m-%d}T23:59:59Z"


def _exception_props(e: RiskException | None) -> list[Json]:
    if e is None:
        return []
    return props(owner=e.owner, approver=e.approver, ticket=e.ticket, exception=e.digest)


def by_check(risks: Iterable[Risk]) -> Mapping[str, list[str]]:
    """The ids of the risks of each check."""
    found: dict[str, list[str]] = defaultdict(list)
    for risk in risks:
        found[risk.check].append(risk.uuid)
    return found
