"""Findings from facts, clauses from findings, controls from clauses.

The rules: any fail is fail; a pass needs every clause proven on every asset that it applies to; what could not be
looked at is unknown; what no given source could measure is not-assessed. What people accept or vouch for is shown as
that, and is never a pass.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from strongroom.assess import assertions, exceptions
from strongroom.assess.view import AssetView, NotKnown
from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import FindingCode, Severity, Status
from strongroom.model.control import Assessment, ClauseResult, ControlResult, Coverage, Finding
from strongroom.model.estate import Asset, Estate, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.people import People
from strongroom.model.ports import Answer, Catalogue, Check, Control, broken, holds, unknown
from strongroom.model.values import Unknown, Where

SOURCE_CHECK = "inv.source.read-whole"
SOURCE_CLAUSE = "INV-01.sources-agree"
WITHHELD = "(sensitive)"


def judge(check: Check, asset: Asset, now: datetime) -> Finding:
    """The answer of one check for one asset that it applies to."""
    view = AssetView(asset, now)
    try:
        said = check.judge(view)
    except NotKnown as e:
        said = unknown(e.reason)
    answer = said if isinstance(said, Answer) else holds() if said else broken()
    arguments = answer.arguments
    if any(f.sensitive and not isinstance(f.value, Unknown) for f in view.read.values()):
        # The reason of a fact that is wholly unknown quotes nothing; every other argument may.
        arguments = tuple((name, WITHHELD) for name, _ in arguments)
    return Finding(
        check=check.id,
        control=check.control,
        asset=asset.id,
        status=answer.status,
        code=answer.code,
        severity=check.severity,
        arguments=arguments,
        facts=tuple(view.read.values()),
        fingerprint=fingerprint(check.id, asset.id),
        where=asset.where,
    )


def by_kind(checks: Iterable[Check]) -> dict[Kind, list[tuple[frozenset[str], Check]]]:
    """The checks that can apply to each kind, with the facts that each needs."""
    table: dict[Kind, list[tuple[frozenset[str], Check]]] = defaultdict(list)
    for check in checks:
        for kind in check.kinds:
            table[kind].append((frozenset(check.needs), check))
    return table


def findings(assets: Iterable[Asset], checks: Iterable[Check], now: datetime) -> Iterator[Finding]:
    """Every check on every asset that it applies to, passes included."""
    table = by_kind(checks)
    for asset in assets:
        carried = asset.facts.keys()
        for needs, check in table.get(asset.kind, ()):
            if needs <= carried:
                yield judge(check, asset, now)


def source_assets(sources: Sequence[SourceRead]) -> tuple[Asset, ...]:
    """The sources themselves, so that what could not be read of them is a finding like any other."""
    return tuple(
        Asset(
            id=f"source:{s.spec}",
            kind=Kind.SOURCE,
            native_type=s.scheme,
            address=s.spec,
            name=s.title,
            origin=s.spec,
            where=Where(s.spec),
        )
        for s in sources
    )


def source_findings(sources: Sequence[SourceRead], gaps: Sequence[Gap]) -> Iterator[Finding]:
    """One unknown for every gap, and a pass for a source without one: a failed look-up is never silence."""
    of: dict[str, list[Gap]] = defaultdict(list)
    for gap in gaps:
        of[gap.source].append(gap)
    for s in sources:
        if not of[s.spec]:
            files = (("files", str(s.files)),)
            yield _source_finding(s, "", Status.PASS, FindingCode.SOURCE_WHOLE, files, None)
        for gap in of[s.spec]:
            arguments = (("scope", gap.scope), ("code", gap.code.value), ("detail", gap.detail))
            yield _source_finding(s, gap.scope, Status.UNKNOWN, FindingCode.SOURCE_GAP, arguments, gap.where)


def _source_finding(
    s: SourceRead,
    scope: str,
    status: Status,
    code: FindingCode,
    arguments: tuple[tuple[str, str], ...],
    where: Where | None,
) -> Finding:
    return Finding(
        check=SOURCE_CHECK,
        control=SOURCE_CLAUSE.partition(".")[0],
        asset=f"source:{s.spec}",
        status=status,
        code=code,
        severity=Severity.MEDIUM,
        arguments=arguments,
        facts=(),
        fingerprint=fingerprint(SOURCE_CHECK, s.spec, scope, *(v for _, v in arguments[1:2])),
        where=where,
    )


def clause_results(
    found: Iterable[Finding], clauses: Mapping[str, str], hidden: Mapping[str, Sequence[Gap]]
) -> dict[str, ClauseResult]:
    """The state of every clause that some check measured. `clauses` maps check to clause, `hidden` clause to gaps."""
    counts: dict[str, dict[Status, int]] = defaultdict(lambda: defaultdict(int))
    for f in found:
        counts[clauses[f.check]][f.status] += 1
    results = {}
    for clause, n in counts.items():
        blind = tuple(f"{g.scope}: {g.detail}" for g in hidden.get(clause, ()))[:3]
        status = _clause_status(n, bool(hidden.get(clause)))
        results[clause] = ClauseResult(
            clause,
            status,
            n[Status.PASS],
            n[Status.FAIL],
            n[Status.UNKNOWN],
            n[Status.ACCEPTED],
            blind if status is Status.UNKNOWN else (),
        )
    return results


def _clause_status(n: Mapping[Status, int], blind: bool) -> Status:
    if n.get(Status.FAIL):
        return Status.FAIL
    if n.get(Status.UNKNOWN) or (blind and (n.get(Status.PASS) or n.get(Status.ACCEPTED))):
        return Status.UNKNOWN
    if n.get(Status.ACCEPTED):
        return Status.ACCEPTED
    if n.get(Status.PASS):
        return Status.PASS
    return Status.NOT_APPLICABLE if n.get(Status.NOT_APPLICABLE) else Status.NOT_ASSESSED


def control_result(control: Control, measured: Mapping[str, ClauseResult]) -> ControlResult:
    """The state of a control from its clauses; a clause that nothing measured is not-assessed."""
    results = tuple(measured.get(c.id, ClauseResult(c.id, Status.NOT_ASSESSED)) for c in control.clauses)
    seen = {r.status for r in results} - {Status.NOT_APPLICABLE}
    if Status.FAIL in seen:
        status = Status.FAIL
    elif Status.UNKNOWN in seen:
        status = Status.UNKNOWN
    elif not seen:
        status = Status.NOT_APPLICABLE
    else:
        weakest = (Status.NOT_ASSESSED, Status.ACCEPTED, Status.ATTESTED, Status.PASS)
        status = next(s for s in weakest if s in seen)
    reasons = tuple(reason for r in results for reason in r.reasons)[:3]
    return ControlResult(control.id, status, results, reasons)


def coverage(
    catalogue: Catalogue, results: Sequence[ControlResult], given: Iterable[str], available: Iterable[str]
) -> Coverage:
    """How many controls had anything measured, and what each available source that was not given would add.

    A source adds a control when it can measure a clause that some check asks and no given source can measure.
    """
    measured = {r.control for r in results if r.measured}
    attested = {r.control for r in results for c in r.clauses if c.status is Status.ATTESTED}
    schemes = set(given)
    asked = {c.clause for c in catalogue.checks.values()} | {SOURCE_CLAUSE}
    adds: dict[str, set[str]] = defaultdict(set)
    for control in catalogue.controls.values():
        for clause in control.clauses:
            if control.id not in measured and clause.id in asked and not schemes.intersection(clause.measured_by):
                for scheme in clause.measured_by:
                    adds[scheme].add(control.id)
    known = set(available) - schemes
    ranked = sorted(((s, len(ids)) for s, ids in adds.items() if s in known), key=lambda x: (-x[1], x[0]))
    return Coverage(len(catalogue.controls), len(measured), tuple(ranked), len(attested - measured))


def hidden_by_clause(catalogue: Catalogue, gaps: Sequence[Gap]) -> dict[str, list[Gap]]:
    """The gaps that may hide an asset of a kind that some check of the clause applies to."""
    hidden: dict[str, list[Gap]] = defaultdict(list)
    for check in catalogue.checks.values():
        for gap in gaps:
            hides = not gap.hides or any(k in gap.hides for k in check.kinds)
            if hides and gap not in hidden[check.clause]:
                hidden[check.clause].append(gap)
    return hidden


def assess(
    estate: Estate,
    catalogue: Catalogue,
    now: datetime,
    available: Iterable[str] = (),
    people: People = People(),  # noqa: B008 - it is frozen
) -> Assessment:
    """The whole judgement of an estate, without its plan. `available` are the schemes of every source there is."""
    judged = [*findings(estate.assets, catalogue.checks.values(), now), *source_findings(estate.sources, estate.gaps)]
    clauses = {c.id: c.clause for c in catalogue.checks.values()} | {SOURCE_CHECK: SOURCE_CLAUSE}
    assets = (*estate.assets, *source_assets(estate.sources))
    said = exceptions.decide(
        exceptions.open_findings(judged, {a.id: a for a in assets}),
        people.exceptions,
        exceptions.skips_of(assets),
        people.inline,
        now,
        {*clauses, *catalogue.controls},
    )
    found = exceptions.apply(judged, said.accepted) if said.accepted else judged
    # That a source was read whole takes a doubt away; it proves no clause.
    proofs = (f for f in found if f.code is not FindingCode.SOURCE_WHOLE)
    measured = clause_results(proofs, clauses, hidden_by_clause(catalogue, estate.gaps))
    attested = assertions.attest(catalogue, measured, people, now)
    measured |= assertions.results(attested)
    results = tuple(control_result(c, measured) for c in catalogue.controls.values())
    given = {s.scheme for s in estate.sources}
    return Assessment(
        seen_at=estate.seen_at,
        sources=estate.sources,
        assets=assets,
        gaps=estate.gaps,
        findings=tuple(found),
        controls=results,
        coverage=coverage(catalogue, results, given, available),
        accepted=said.accepted,
        exception_notes=said.notes,
        attested=tuple(attested.clauses[c] for c in sorted(attested.clauses)),
        assertion_notes=attested.notes,
    )
