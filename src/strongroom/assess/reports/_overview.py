"""What stands above the findings: posture by verb and phase, what to do first, the inventory, the plan."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from strongroom.assess.reports._groups import CAP, NAME, ControlGroup, Spot
from strongroom.assess.reports._shared import count, place, short, tally
from strongroom.assess.reports._words import EFFORT, FAMILIES, PHASES, SHOWN, STATUS, VERBS, area_name, kind_name
from strongroom.model.codes import Severity, Status, Verb
from strongroom.model.control import Assessment, ControlResult, Task
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Catalogue, Control

FIRST = 10
TASKS_A_PHASE = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """How many of something are in which state."""

    counts: Mapping[Status, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def parts(self) -> list[tuple[Status, int]]:
        """The states that occur, in the order of a bar."""
        return [(s, self.counts[s]) for s in SHOWN if self.counts[s]]

    @property
    def spoken(self) -> str:
        """The bar in words, for those who cannot see it."""
        return ", ".join(f"{n} {STATUS[s]}" for s, n in self.parts) or "none"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a posture table.

    Most controls need more than one kind of source before all their clauses are proven, so that the progress of an
    organisation shows in clauses long before it shows in controls: a line has both.
    """

    name: str
    note: str
    controls: Bar
    clauses: Bar

    @property
    def failing_of(self) -> str:
        """How many of its controls fail, of how many: `2 of 19`."""
        return f"{self.controls.counts[Status.FAIL]} of {self.controls.total}"

    @property
    def failing(self) -> str:
        """The same as a sentence."""
        many = "control" if self.controls.total == 1 else "controls"
        return f"{self.failing_of} {many} {'fails' if self.controls.counts[Status.FAIL] == 1 else 'fail'}"


def _line(name: str, note: str, results: Sequence[ControlResult]) -> Line:
    clauses = tally(c.status for r in results for c in r.clauses)
    return Line(name, note, Bar(tally(r.status for r in results)), Bar(clauses))


def posture(assessment: Assessment) -> Line:
    """All the controls as one line."""
    return _line("All", "", assessment.controls)


def by_verb(assessment: Assessment, catalogue: Catalogue) -> list[Line]:
    """A line for each verb, in the guide's order."""
    of: dict[Verb, list[ControlResult]] = {verb: [] for verb in Verb}
    for control, result in _known(assessment, catalogue):
        of[control.verb].append(result)
    return [_line(verb.value, VERBS[verb], results) for verb, results in of.items() if results]


def by_phase(assessment: Assessment, catalogue: Catalogue) -> list[Line]:
    """A line for each phase."""
    of: dict[int, list[ControlResult]] = {phase: [] for phase in PHASES}
    for control, result in _known(assessment, catalogue):
        of.setdefault(control.phase, []).append(result)
    return [_line(PHASES.get(p, f"Day {p}"), "", results) for p, results in sorted(of.items()) if results]


def by_area(assessment: Assessment, catalogue: Catalogue) -> list[Line]:
    """A line for each area, in the catalogue's order."""
    of: dict[str, list[ControlResult]] = {}
    for control, result in _known(assessment, catalogue):
        of.setdefault(control.area, []).append(result)
    return [_line(area_name(area), "", results) for area, results in of.items()]


def _known(assessment: Assessment, catalogue: Catalogue) -> Iterable[tuple[Control, ControlResult]]:
    for result in assessment.controls:
        control = catalogue.controls.get(result.control)
        if control is not None:
            yield control, result


def verdict(line: Line) -> str:
    """The state of the whole in one sentence; what nobody looked at is named, never left out."""
    n = line.controls.counts
    said = [
        (n[Status.FAIL], "fails", "fail"),
        (n[Status.UNKNOWN], "cannot be told from what was read", "cannot be told from what was read"),
        (n[Status.ACCEPTED], "is an accepted risk", "are accepted risks"),
        (n[Status.PASS], "is proven", "are proven"),
        (n[Status.ATTESTED], "is attested by a person", "are attested by a person"),
        (n[Status.NOT_ASSESSED], "was not assessed in full", "were not assessed in full"),
        (n[Status.NOT_APPLICABLE], "does not apply", "do not apply"),
    ]
    parts = [f"{k} {one if k == 1 else many}" for k, one, many in said if k]
    return f"Of {count(line.controls.total, 'control')}, {listed(parts)}." if parts else "No control was judged."


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence: `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if parts[1:] else "".join(parts)


@dataclass(frozen=True, slots=True)
class Todo:
    """One of the first things to do."""

    title: str
    control: str
    check: str
    severity: Severity
    effort: str
    phase: int
    assets: int
    fix: str


def first_things(assessment: Assessment, groups: Sequence[ControlGroup]) -> list[Todo]:
    """The head of the plan, in the plan's order; without a plan, the worst failures that most assets share."""
    if assessment.tasks:
        return [_todo(t) for t in assessment.tasks[:FIRST]]
    checks = [(g, c) for g in groups for c in g.checks]
    checks.sort(key=lambda gc: (-gc[1].severity.rank, -gc[1].counts[Status.FAIL], gc[1].id))
    return [
        Todo(
            title=c.title,
            control=g.id,
            check=c.id,
            severity=c.severity,
            effort=EFFORT[c.fix.effort] if c.fix else "",
            phase=g.control.phase if g.control else 0,
            assets=c.counts[Status.FAIL],
            fix=c.fix.text if c.fix else "",
        )
        for g, c in checks[:FIRST]
    ]


def _todo(t: Task) -> Todo:
    return Todo(t.title, t.control, t.check, t.severity, EFFORT[t.effort], t.phase, len(t.assets), t.fix)


@dataclass(frozen=True, slots=True)
class Phase:
    """The tasks of one phase. `more` are not listed."""

    name: str
    tasks: tuple[Task, ...]
    more: int


def phases(assessment: Assessment) -> list[Phase]:
    """The plan, phase by phase, in its own order."""
    of: dict[int, list[Task]] = {phase: [] for phase in PHASES}
    for t in assessment.tasks:
        of.setdefault(t.phase, []).append(t)
    return [
        Phase(PHASES.get(p, f"Day {p}"), tuple(ts[:TASKS_A_PHASE]), max(0, len(ts) - TASKS_A_PHASE))
        for p, ts in sorted(of.items())
    ]


@dataclass(frozen=True, slots=True)
class KindLine:
    """The assets of one kind: how many, how many of them fail or are in doubt, and the first of them."""

    name: str
    total: int
    failing: int
    doubtful: int
    sound: int
    unjudged: int
    spots: tuple[Spot, ...]

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.total - len(self.spots)


@dataclass(frozen=True, slots=True)
class Family:
    """Kinds that belong together."""

    name: str
    kinds: tuple[KindLine, ...]

    @property
    def total(self) -> int:
        """How many assets."""
        return sum(k.total for k in self.kinds)


def inventory(assessment: Assessment) -> list[Family]:
    """The assets by kind; the sources themselves are not among them."""
    worst = _worst(assessment)
    of: dict[Kind, list[Asset]] = defaultdict(list)
    for asset in assessment.assets:
        if asset.kind is not Kind.SOURCE:
            of[asset.kind].append(asset)
    named = {kind for _, kinds in FAMILIES for kind in kinds}
    families = [*FAMILIES, ("Other", frozenset(k for k in Kind if k not in named))]
    out = []
    for name, kinds in families:
        lines = tuple(_kind_line(k, of[k], worst) for k in Kind if k in kinds and k in of)
        if lines:
            out.append(Family(name, lines))
    return out


def _worst(assessment: Assessment) -> dict[str, Status]:
    order = {Status.FAIL: 3, Status.UNKNOWN: 2, Status.ACCEPTED: 1, Status.PASS: 1}
    worst: dict[str, Status] = {}
    for f in assessment.findings:
        if f.status in order and order[f.status] > order.get(worst.get(f.asset, Status.NOT_ASSESSED), 0):
            worst[f.asset] = f.status
    return worst


def _kind_line(kind: Kind, assets: Sequence[Asset], worst: Mapping[str, Status]) -> KindLine:
    states = tally(worst.get(a.id, Status.NOT_ASSESSED) for a in assets)
    return KindLine(
        name=kind_name(kind),
        total=len(assets),
        failing=states[Status.FAIL],
        doubtful=states[Status.UNKNOWN],
        sound=states[Status.PASS] + states[Status.ACCEPTED],
        unjudged=states[Status.NOT_ASSESSED],
        spots=tuple(Spot(short(a.address, NAME), a.native_type, short(place(a.where), NAME)) for a in assets[:CAP]),
    )


def coverage_sentence(assessment: Assessment) -> str:
    """How much of the catalogue was measured."""
    c = assessment.coverage
    return f"{c.measured} of {count(c.controls, 'control')} measured"


def would_add(assessment: Assessment) -> list[tuple[str, str]]:
    """The sources that would begin to measure more, the one that adds most first: (source, controls)."""
    return [(f"{scheme}:", count(n, "control")) for scheme, n in assessment.coverage.would_add]
