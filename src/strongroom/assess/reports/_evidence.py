"""What stands behind each clause, for an auditor: the checks that ask it, what they read where, and who vouches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.assess import people_prose, prose
from strongroom.assess.reports._clauses import clause_of
from strongroom.assess.reports._groups import SENTENCE, Proof, Spot, proofs, spot
from strongroom.assess.reports._shared import asset_of, by_id, short
from strongroom.assess.reports._words import SHOWN
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, Clause, ClauseResult, Finding
from strongroom.model.estate import Asset
from strongroom.model.ports import Catalogue, Control

FACTS = 6
"""Facts that are shown of one answer."""
SAID = 5
"""Exceptions and assertions that are shown of one clause."""
_ASKED = (*(s for s in SHOWN if s is not Status.NOT_ASSESSED),)


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer, as evidence of its kind. `more` facts are not shown."""

    status: Status
    spot: Spot
    because: str
    proofs: tuple[Proof, ...]
    more: int


@dataclass(slots=True)
class Asked:
    """One check of a clause: how often it answered what, and one answer of each kind."""

    id: str
    title: str
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    first: dict[Status, Finding] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class ClauseProof:
    """One clause with all that stands behind it."""

    result: ClauseResult
    text: str
    measured_by: tuple[str, ...]
    checks: tuple[Asked, ...]
    accepted: tuple[str, ...]
    vouched: tuple[str, ...]


class Evidence:
    """The evidence of a whole assessment, gathered once."""

    def __init__(self, assessment: Assessment, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        assets = by_id(assessment)
        self._asked = _asked(assessment, catalogue, assets)
        self._accepted: dict[str, dict[str, str]] = defaultdict(dict)
        clauses = {c.id: c.clause for c in catalogue.checks.values()}
        for a in assessment.accepted:
            e = a.exception
            words = f"{people_prose.names(e)}: {people_prose.reasoned(e)}"
            self._accepted[clauses.get(a.check, "")][e.digest] = short(words, SENTENCE)
        self._vouched: dict[str, list[str]] = defaultdict(list)
        for v in assessment.attested:
            logged = f"entry {v.entry} of the log {v.log}" if v.log else "in no log"
            words = f"{people_prose.vouched(v)}: {v.statement} (evidence sha256:{v.evidence_digest}; {logged})"
            self._vouched[v.clause].append(short(words, SENTENCE))

    def of(self, control: Control, results: Sequence[ClauseResult]) -> tuple[ClauseProof, ...]:
        """The clauses of a control."""
        known: Mapping[str, Clause] = {c.id: c for c in control.clauses}
        return tuple(self._clause(r, known.get(r.clause)) for r in results)

    def _clause(self, r: ClauseResult, clause: Clause | None) -> ClauseProof:
        return ClauseProof(
            result=r,
            text=clause.text if clause else r.clause,
            measured_by=clause.measured_by if clause else (),
            checks=tuple(self._asked.get(r.clause, {}).values()),
            accepted=tuple(self._accepted.get(r.clause, {}).values()),
            vouched=tuple(self._vouched.get(r.clause, ())),
        )


def _asked(assessment: Assessment, catalogue: Catalogue, assets: Mapping[str, Asset]) -> Mapping[str, dict[str, Asked]]:
    of: dict[str, dict[str, Asked]] = defaultdict(dict)
    for f in assessment.findings:
        clause = of[clause_of(f, catalogue)]
        asked = clause.get(f.check)
        if asked is None:
            asked = clause[f.check] = Asked(f.check, prose.title(f.check, catalogue))
        asked.counts[f.status] += 1
        asked.first.setdefault(f.status, f)
    for asked in (a for clause in of.values() for a in clause.values()):
        asked.samples = tuple(_sample(asked.first[s], catalogue, assets) for s in _ASKED if s in asked.first)
    return of


def _sample(f: Finding, catalogue: Catalogue, assets: Mapping[str, Asset]) -> Sample:
    return Sample(
        f.status,
        spot(asset_of(assets, f.asset), f),
        short(prose.because(f, catalogue), SENTENCE),
        proofs(f.facts[:FACTS]),
        max(0, len(f.facts) - FACTS),
    )
