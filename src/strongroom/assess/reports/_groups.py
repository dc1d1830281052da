"""Findings put together for people: what is alike is said once, with how many times it is so.

A page is for reading. Ten thousand assets that fail for one reason are one paragraph; passes are counts; lists end
after `CAP` and say how many more there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.assess import prose
from strongroom.assess.reports._shared import WORST_FIRST, asset_of, by_id, place, short, tally
from strongroom.model.codes import FindingCode, GapCode, Severity, Status
from strongroom.model.control import Assessment, ControlResult, Finding, Fix
from strongroom.model.estate import Asset, Fact
from strongroom.model.ports import Catalogue, Check, Control
from strongroom.model.values import NetRule, Unknown, Value

CAP = 10
"""How many assets are named for one reason, and how many reasons for one check."""
FEWEST = 3
REASONS = 1000
"""Where very many checks fail, each names fewer reasons, so that all of them together stay about as many."""
NAME = 200
SENTENCE = 600
"""Characters of a name and of a sentence; nothing sane is longer, and a page must not be filled by one that is."""


@dataclass(frozen=True, slots=True)
class Spot:
    """An asset in a list."""

    address: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A fact that a check read. `default_of` is the page that states the default, when the default counted."""

    name: str
    shown: str
    place: str
    default_of: str


@dataclass(slots=True)
class Row:
    """Assets that fail one check for one reason with one evidence."""

    because: str
    proofs: tuple[Proof, ...]
    spots: list[Spot] = field(default_factory=list)
    total: int = 0

    @property
    def more(self) -> int:
        """How many assets are not named."""
        return self.total - len(self.spots)


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """One check that fails somewhere."""

    id: str
    title: str
    severity: Severity
    check: Check | None
    counts: Mapping[Status, int]
    rows: tuple[Row, ...]
    more: int  # findings whose reasons are not listed
    snippets: tuple[tuple[str, str], ...]  # for the native types that fail here

    @property
    def fix(self) -> Fix | None:
        """How to close it."""
        return self.check.fix if self.check else None


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """One control with its failing checks, worst first."""

    id: str
    control: Control | None
    result: ControlResult | None
    checks: tuple[CheckGroup, ...]

    @property
    def failed(self) -> int:
        """How many findings fail."""
        return sum(c.counts[Status.FAIL] for c in self.checks)


@dataclass(slots=True)
class Doubt:
    """One reason why questions stay open, and all that hangs on it."""

    reason: str
    code: GapCode | None
    checks: dict[str, str] = field(default_factory=dict)  # id to title
    spots: list[Spot] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    findings: int = 0

    @property
    def answer(self) -> str:
        """What would answer it."""
        return prose.answer_to(self.code) if self.code else ""

    @property
    def more(self) -> int:
        """How many assets are not named."""
        return len(self.assets) - len(self.spots)


def severities(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Failures by severity, worst first, zeros included."""
    counts = dict.fromkeys(WORST_FIRST, 0)
    for f in findings:
        if f.status is Status.FAIL:
            counts[f.severity] += 1
    return counts


def control_groups(assessment: Assessment, catalogue: Catalogue) -> list[ControlGroup]:
    """The controls with failures, worst first: by the worst severity, then by how often."""
    assets = by_id(assessment)
    results = {r.control: r for r in assessment.controls}
    by_check: dict[str, list[Finding]] = defaultdict(list)
    for f in assessment.findings:
        by_check[f.check].append(f)
    failing = {check: found for check, found in by_check.items() if any(f.status is Status.FAIL for f in found)}
    reasons = max(FEWEST, min(CAP, REASONS // max(1, len(failing))))
    of_control: dict[str, list[CheckGroup]] = defaultdict(list)
    for check_id, found in failing.items():
        of_control[found[0].control].append(_check_group(check_id, found, catalogue, assets, reasons))
    groups = [
        ControlGroup(i, catalogue.controls.get(i), results.get(i), tuple(sorted(checks, key=_weight)))
        for i, checks in of_control.items()
    ]
    return sorted(groups, key=lambda g: (_weight(g.checks[0])[0], -g.failed, g.id))


def _weight(group: CheckGroup) -> tuple[int, int, str]:
    return (-group.severity.rank, -group.counts[Status.FAIL], group.id)


def _check_group(
    check_id: str, found: Sequence[Finding], catalogue: Catalogue, assets: Mapping[str, Asset], reasons: int
) -> CheckGroup:
    check = catalogue.checks.get(check_id)
    failing = [f for f in found if f.status is Status.FAIL]
    rows: dict[tuple[str, tuple[Proof, ...]], Row] = {}
    types = {}
    for f in failing:
        asset = asset_of(assets, f.asset)
        types[asset.native_type] = True
        key = (short(prose.because(f, catalogue), SENTENCE), proofs(f.facts))
        row = rows.get(key) or rows.setdefault(key, Row(*key))
        row.total += 1
        if len(row.spots) < CAP:
            row.spots.append(spot(asset, f))
    ranked = sorted(rows.values(), key=lambda r: -r.total)
    return CheckGroup(
        id=check_id,
        title=prose.title(check_id, catalogue),
        severity=max((f.severity for f in failing), key=lambda s: s.rank),
        check=check,
        counts=tally(f.status for f in found),
        rows=tuple(ranked[:reasons]),
        more=sum(r.total for r in ranked[reasons:]),
        snippets=prose.snippets(check.fix, types) if check else (),
    )


def spot(asset: Asset, f: Finding) -> Spot:
    """Where a finding is."""
    return Spot(short(asset.address, NAME), asset.kind.value, short(place(f.where), NAME))


def proofs(facts: Iterable[Fact]) -> tuple[Proof, ...]:
    """The facts that a check read, for a reader; a sensitive one is withheld."""
    return tuple(Proof(f.name, prose.show(f), short(place(f.where), NAME), f.default_of) for f in facts)


def doubts(assessment: Assessment, catalogue: Catalogue) -> list[Doubt]:
    """The open questions by their reason, the one that most hangs on first. Gaps of a source are listed as gaps."""
    assets = by_id(assessment)
    found: dict[tuple[GapCode | None, str], Doubt] = {}
    for f in assessment.findings:
        if f.status is not Status.UNKNOWN or f.code is FindingCode.SOURCE_GAP:
            continue
        code, reason = _reason(f, catalogue)
        doubt = found.setdefault((code, reason), Doubt(reason, code))
        doubt.findings += 1
        doubt.checks[f.check] = prose.title(f.check, catalogue)
        if f.asset not in doubt.assets:
            doubt.assets.add(f.asset)
            if len(doubt.spots) < CAP:
                doubt.spots.append(spot(asset_of(assets, f.asset), f))
    return sorted(found.values(), key=lambda d: (-d.findings, d.reason))


def _reason(f: Finding, catalogue: Catalogue) -> tuple[GapCode | None, str]:
    for fact in f.facts:
        missing = _missing(fact.value)
        if missing is not None:
            return missing.code, short(missing.detail, SENTENCE)
    return None, short(dict(f.arguments).get("because") or prose.because(f, catalogue), SENTENCE)


def _missing(value: Value) -> Unknown | None:
    if isinstance(value, Unknown):
        return value
    parts = value if isinstance(value, tuple) else value.peers if isinstance(value, NetRule) else ()
    return next((m for m in map(_missing, parts) if m is not None), None)
