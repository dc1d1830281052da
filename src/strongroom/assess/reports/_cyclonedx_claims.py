"""CycloneDX attestations (CDXA): the clauses as a standard, the findings as claims and counter-claims with evidence.

A pass is a claim, a failure a counter-claim; what could not be decided is neither, and lowers the conformance.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from strongroom.assess import prose
from strongroom.assess.people_prose import accepted_words, attested_words
from strongroom.assess.reports._accepted import exceptions, was_unknown
from strongroom.assess.reports._clauses import clause_of, standards
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._shared import PROGRAM, VERSION, one_line, place
from strongroom.assess.reports._streams import Once, array, array_of_pieces, open_object
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, ClauseResult, Finding
from strongroom.model.estate import Fact
from strongroom.model.ports import Catalogue, Control

ASSESSOR = "strongroom:assessor"
STANDARD = "strongroom:controls"
CLAIMED = frozenset({Status.PASS})
DISPUTED = frozenset({Status.FAIL, Status.ACCEPTED})


def requirement_ref(ident: str) -> str:
    """The bom-ref of a control or clause."""
    return f"strongroom:requirement:{ident}"


def _requirements(control: Control) -> Iterator[str]:
    maps: list[Json] = [{"name": "strongroom:maps-to", "value": name} for name in standards(control.maps)]
    head: dict[str, Json] = {
        "bom-ref": requirement_ref(control.id),
        "identifier": control.id,
        "title": control.title,
        "text": control.what,
    }
    if maps:
        head["properties"] = maps
    yield encode(head)
    for clause in control.clauses:
        yield encode(
            {
                "bom-ref": requirement_ref(clause.id),
                "identifier": clause.id,
                "text": clause.text,
                "parent": requirement_ref(control.id),
            }
        )


def definitions(catalogue: Catalogue) -> Iterator[str]:
    """The catalogue as a standard with its requirements, as a further member."""
    standard: dict[str, Json] = {
        "bom-ref": STANDARD,
        "name": "Strongroom controls",
        "version": VERSION,
        "description": "What must be true of the infrastructure under AI.",
        "owner": PROGRAM,
    }
    yield ',\n"definitions":{"standards":[' + open_object(standard)
    yield from array("requirements", (r for c in catalogue.controls.values() for r in _requirements(c)))
    yield "}]}"


class Claims:
    """The findings as claims, with the ids that the attestation cites."""

    def __init__(self, assessment: Assessment, catalogue: Catalogue) -> None:
        self._assessment = assessment
        self._catalogue = catalogue
        self._exceptions = exceptions(assessment)
        once = Once()
        self._ids = [once.name(f.fingerprint) for f in assessment.findings]
        self._created = assessment.seen_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _said(self) -> Iterator[tuple[Finding, str]]:
        said = zip(self._assessment.findings, self._ids, strict=True)
        return ((f, i) for f, i in said if f.status in CLAIMED or (f.status in DISPUTED and not was_unknown(f)))

    def _claim(self, f: Finding, ident: str) -> str:
        reasoning = prose.because(f, self._catalogue)
        if f.status is Status.ACCEPTED:
            reasoning = f"{reasoning}; {accepted_words(self._exceptions.get(f.fingerprint))}"
        title = prose.title(f.check, self._catalogue)
        out: dict[str, Json] = {
            "bom-ref": f"strongroom:claim:{ident}",
            "target": f.asset,
            "predicate": title if f.status in CLAIMED else f"Not so: {title}",
            "reasoning": one_line(reasoning),
        }
        if f.facts:
            out["evidence"] = [f"strongroom:evidence:{ident}"]
        return encode(out)

    def _evidence(self, f: Finding, ident: str) -> str:
        return encode(
            {
                "bom-ref": f"strongroom:evidence:{ident}",
                "propertyName": f"strongroom:check:{f.check}",
                "description": "What the check read, as it stood there.",
                "data": [_datum(fact) for fact in f.facts],
                "created": self._created,
            }
        )

    def _map(self, r: ClauseResult, claims: Sequence[str], counter: Sequence[str]) -> Iterator[str]:
        asked = r.passed + r.failed + r.unknown + r.accepted
        rationale = f"{r.passed} passed, {r.failed} failed, {r.unknown} unknown, {r.accepted} accepted"
        vouched = [one_line(attested_words(a)) for a in self._assessment.attested if a.clause == r.clause]
        conformance: dict[str, Json] = {"rationale": "; ".join([r.status.value, rationale, *vouched, *r.reasons])}
        if asked:
            conformance["score"] = round(r.passed / asked, 4)
        yield open_object({"requirement": requirement_ref(r.clause), "conformance": conformance})
        yield from array("claims", (encode(f"strongroom:claim:{i}") for i in claims))
        yield from array("counterClaims", (encode(f"strongroom:claim:{i}") for i in counter))
        yield "}"

    def _maps(self) -> Iterator[Iterator[str]]:
        claims: dict[str, list[str]] = defaultdict(list)
        counter: dict[str, list[str]] = defaultdict(list)
        for f, ident in self._said():
            (claims if f.status in CLAIMED else counter)[clause_of(f, self._catalogue)].append(ident)
        for result in self._assessment.controls:
            for r in result.clauses:
                if r.status not in (Status.NOT_ASSESSED, Status.NOT_APPLICABLE):
                    yield self._map(r, claims[r.clause], counter[r.clause])

    def declarations(self) -> Iterator[str]:
        """Assessor, attestation, claims and evidence, as a further member."""
        assessor: Json = {"bom-ref": ASSESSOR, "thirdParty": False, "organization": {"name": PROGRAM}}
        yield f',\n"declarations":{{"assessors":[{encode(assessor)}]'
        yield ',\n"attestations":[' + open_object(
            {"summary": "What the checks of this build found.", "assessor": ASSESSOR}
        )
        yield from array_of_pieces("map", self._maps())
        yield "}]"
        yield from array("claims", (self._claim(f, i) for f, i in self._said()))
        yield from array("evidence", (self._evidence(f, i) for f, i in self._said() if f.facts))
        yield "}"


def _datum(fact: Fact) -> Json:
    shown = one_line(prose.show(fact))
    stands = f" ({one_line(place(fact.where))})" if fact.where is not None else ""
    attachment: Json = {"contentType": "text/plain", "content": f"{shown}{stands}"}
    return {"name": fact.name, "contents": {"attachment": attachment}}
