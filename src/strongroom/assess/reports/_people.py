"""What people say, for the reports: the exception of each finding, exceptions and assertions as rows and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.assess import people_prose as prose
from strongroom.assess.reports._shared import short
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.people import Assertion, AssertionNote, ExceptionNote, RiskException
from strongroom.model.values import Where

Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]
NAMED = 5
"""How many assets are named for one exception."""
LONG = 300


@dataclass(slots=True)
class Accepts:
    """One exception with the findings that it accepts."""

    what: str
    terms: str
    reason: str
    unapproved: bool
    total: int = 0
    addresses: list[str] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many assets are not named."""
        return self.total - len(self.addresses)


@dataclass(frozen=True, slots=True)
class Told:
    """One exception or assertion that does not count: the word for it, what it is about, why, and how much stays open."""

    state: str
    what: str
    why: str
    open: int = 0


def accepts(assessment: Assessment) -> list[Accepts]:
    """The exceptions that accept something, what nobody approved first, then by how much they accept."""
    of: dict[str, Accepts] = {}
    for a in assessment.accepted:
        e = a.exception
        row = of.get(e.digest)
        if row is None:
            what = short(prose.names(e), LONG)
            row = of[e.digest] = Accepts(what, short(prose.terms(e), LONG), short(e.reason, LONG), e.inline)
        row.total += 1
        if len(row.addresses) < NAMED:
            row.addresses.append(short(a.address, LONG))
    return sorted(of.values(), key=lambda r: (not r.unapproved, -r.total, r.what))


def idle(assessment: Assessment) -> list[Told]:
    """The exceptions that do not do what they were written for."""
    return [
        Told(n.state.value, short(prose.names(n.exception), LONG), prose.exception_state(n), len(n.fingerprints))
        for n in assessment.exception_notes
    ]


def fallen(assessment: Assessment) -> list[Told]:
    """The assertions that count for nothing."""
    return [
        Told(n.state.value, _about(n.assertion), short(prose.assertion_state(n), LONG))
        for n in assessment.assertion_notes
    ]


def standing(assessment: Assessment) -> list[Told]:
    """The assertions that stand for a clause."""
    return [
        Told(Status.ATTESTED.value, _about(a), short(f"{prose.vouched(a)}: {a.statement}", LONG))
        for a in assessment.attested
    ]


def _about(a: Assertion) -> str:
    clause = a.clause or "an assertion that cannot be read"
    return short(f"{clause} on {a.asset}" if a.asset else clause, LONG)


def by_fingerprint(assessment: Assessment) -> Mapping[str, tuple[str, RiskException]]:
    """The exception that speaks of a finding, and `accepted` or why it does not accept it."""
    said = {f: (n.state.value, n.exception) for n in assessment.exception_notes for f in n.fingerprints}
    return said | {a.fingerprint: (Status.ACCEPTED.value, a.exception) for a in assessment.accepted}


def _where(where: Where | None) -> Json:
    return {"file": where.file, "line_start": where.line_start} if where else None


def exception_json(state: str, e: RiskException) -> dict[str, Json]:
    """An exception and what came of it; what it does not say is left out."""
    said: dict[str, Json] = {
        "state": state,
        "origin": "inline" if e.inline else "file",
        "approved": not e.inline,
        "digest": e.digest,
        "check": e.check,
        "control": e.control,
        "asset": e.asset,
        "owner": e.owner,
        "approver": e.approver,
        "reason": e.reason,
        "expires": e.expires.isoformat() if e.expires else "",
        "ticket": e.ticket,
        "where": _where(e.where),
    }
    return {name: value for name, value in said.items() if value not in ("", None)}


def exceptions_json(assessment: Assessment) -> list[Json]:
    """Every exception that accepts something, with what it accepts, and every one that does not do what it should."""
    taken: dict[str, list[Json]] = {}
    of: dict[str, RiskException] = {}
    for a in assessment.accepted:
        of[a.exception.digest] = a.exception
        taken.setdefault(a.exception.digest, []).append(a.fingerprint)
    out: list[Json] = [exception_json("accepted", of[d]) | {"findings": found} for d, found in taken.items()]
    return [*out, *(_note_json(n) for n in assessment.exception_notes)]


def _note_json(n: ExceptionNote) -> Json:
    more: dict[str, Json] = {"because": prose.exception_state(n), "findings": list(n.fingerprints)}
    return exception_json(n.state.value, n.exception) | more


def assertions_json(assessment: Assessment) -> list[Json]:
    """Every assertion that stands for a clause, and every one that counts for nothing."""
    standing_: list[Json] = [_assertion_json("attested", a, "") for a in assessment.attested]
    return [*standing_, *(_fallen_json(n) for n in assessment.assertion_notes)]


def _fallen_json(n: AssertionNote) -> Json:
    return _assertion_json(n.state.value, n.assertion, prose.assertion_state(n))


def _assertion_json(state: str, a: Assertion, because: str) -> Json:
    return {
        "state": state,
        "because": because,
        "id": a.id,
        "control": a.control,
        "clause": a.clause,
        "asset": a.asset,
        "statement": a.statement,
        "owner": a.owner,
        "approver": a.approver,
        "evidence": f"sha256:{a.evidence_digest}",
        "made_at": a.made_at.isoformat().replace("+00:00", "Z"),
        "expires_at": a.expires_at.isoformat().replace("+00:00", "Z"),
        "key": a.key,
        "log": a.log,
        "entry": a.entry,
    }
