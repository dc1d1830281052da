"""The burn-down: what is still to be mended, phase by phase, against the plan and over the runs that are kept.

A fix closes one check on every asset that fails it, so that fixes are counted, not findings: a hundred assets with one
fault are one piece of work. What is no longer seen, or can no longer be told, was not mended and is not called done.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.assess.reports._shared import count
from strongroom.assess.reports._words import PHASES
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue

DAYS = 90
_OUTCOMES = {
    Status.FAIL: "open",
    Status.ACCEPTED: "accepted",
    Status.PASS: "done",
    Status.NOT_APPLICABLE: "done",
}
# The picture, in its own units: x from LEFT to RIGHT is time, y from TOP to BOTTOM is from all fixes to none.
LEFT, RIGHT, TOP, BOTTOM = 34.0, 352.0, 12.0, 150.0
_LAST = 90
_WORSE = (
    *(Status.NOT_APPLICABLE, Status.NOT_ASSESSED, Status.PASS, Status.ATTESTED),
    *(Status.ACCEPTED, Status.UNKNOWN, Status.FAIL),
)


@dataclass(frozen=True, slots=True)
class PhaseWork:
    """The fixes of one phase. `unseen` failed before and cannot be told now, or what failed is not there any more."""

    name: str
    day: int
    open: int
    done: int
    accepted: int
    unseen: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.open + self.done + self.accepted + self.unseen


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled place on an axis."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class BurnDown:
    """The picture: `planned` and `actual` are points of lines, `dots` the runs. Without earlier runs there is no `actual`."""

    phases: tuple[PhaseWork, ...]
    planned: str
    actual: str
    dots: tuple[tuple[str, str], ...]
    days: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    since: datetime | None
    spoken: str
    runs: int

    @property
    def open(self) -> int:
        """How many fixes are open now."""
        return sum(p.open for p in self.phases)

    @property
    def most(self) -> int:
        """The fixes of the largest phase."""
        return max((p.total for p in self.phases), default=0)


def burn_down(assessment: Assessment, catalogue: Catalogue) -> BurnDown:
    """The burn-down of a run."""
    states = _states(assessment, catalogue)
    now = {c for c, s in states.items() if s is Status.FAIL}
    runs = [(k.at, {c for c in k.failing if c in catalogue.checks}) for k in assessment.history]
    runs = [*((at, failing) for at, failing in runs if at < assessment.seen_at), (assessment.seen_at, now)]
    first, began = runs[0]
    ever = set().union(*(failing for _, failing in runs))
    day = _day_of(catalogue)
    planned = _plan(began, day)
    actual = [((at - first).total_seconds() / 86_400, len(failing)) for at, failing in runs] if runs[1:] else []
    end = max(DAYS, *(x for x, _ in actual)) if actual else DAYS
    top = max(1, *(n for _, n in (*planned, *actual)))
    x, y = _scale(end, LEFT, RIGHT), _scale(top, BOTTOM, TOP)
    work = _phases(ever, states, day)
    return BurnDown(
        phases=work,
        planned=_line(planned, x, y),
        actual=_line(actual, x, y),
        dots=tuple((f"{x(d):.1f}", f"{y(n):.1f}") for d, n in _thinned(actual)),
        days=tuple(Mark(f"{x(d):.1f}", f"day {d}") for d in _days(end)),
        levels=tuple(Mark(f"{y(n):.1f}", f"{n:,}") for n in sorted({0, top // 2, top})),
        since=first if actual else None,
        spoken=_spoken(work, len(began), planned, actual),
        runs=len(runs),
    )


def _states(assessment: Assessment, catalogue: Catalogue) -> dict[str, Status]:
    """The worst answer of every check."""
    worst: dict[str, Status] = {}
    for f in assessment.findings:
        if f.check in catalogue.checks:
            worst[f.check] = max(f.status, worst.get(f.check, f.status), key=_WORSE.index)
    return worst


def _day_of(catalogue: Catalogue) -> Mapping[str, int]:
    """By which day a check's fix is due: the phase of its control, and the last for a rule that proves none."""
    phases = {c.id: c.phase for c in catalogue.controls.values()}
    return {c.id: phases.get(c.control, _LAST) for c in catalogue.checks.values()}


def _plan(checks: Iterable[str], day: Mapping[str, int]) -> list[tuple[float, int]]:
    due: dict[int, int] = defaultdict(int)
    for c in checks:
        due[day[c]] += 1
    left = sum(due.values())
    points = [(0.0, left)]
    for d in PHASES:
        left -= due[d]
        points.append((float(d), left))
    return points


def _phases(ever: Iterable[str], states: Mapping[str, Status], day: Mapping[str, int]) -> tuple[PhaseWork, ...]:
    of: dict[int, list[str]] = {d: [] for d in PHASES}
    for check in ever:
        of.setdefault(day[check], []).append(_outcome(states.get(check)))
    words = ("open", "done", "accepted", "unseen")
    return tuple(PhaseWork(PHASES.get(d, f"Day {d}"), d, *map(said.count, words)) for d, said in sorted(of.items()))


def _outcome(status: Status | None) -> str:
    return _OUTCOMES.get(status, "unseen") if status else "unseen"


class _scale:  # noqa: N801 - it is used as a function
    def __init__(self, most: float, start: float, end: float) -> None:
        self._start = start
        self._each = (end - start) / most

    def __call__(self, value: float) -> float:
        return self._start + value * self._each


def _line(points: Sequence[tuple[float, int]], x: _scale, y: _scale) -> str:
    return " ".join(f"{x(d):.1f},{y(n):.1f}" for d, n in points)


def _thinned(points: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    """Dots where they can be told apart; the last run always has one."""
    return points if len(points) <= 30 else points[-1:]


def _days(end: float) -> list[int]:
    if end <= DAYS * 1.2:
        return [0, *PHASES]
    step = 30 * max(1, round(end / 120))
    return list(range(0, int(end) + 1, step))


def _spoken(
    work: Sequence[PhaseWork], began: int, planned: Sequence[tuple[float, int]], actual: Sequence[tuple[float, int]]
) -> str:
    """The picture in words."""
    plan = ", ".join(f"{n} after day {int(d)}" for d, n in planned[1:])
    said = f"The plan: {count(began, 'open fix', 'open fixes')} on day 0, {plan}."
    if actual:
        days = int(actual[-1][0])
        said += f" What happened: {actual[0][1]} open at first, {actual[-1][1]} open {count(days, 'day')} later."
    phases = "; ".join(
        f"{p.name.lower()}: {p.open} open, {p.done} done, {p.accepted} accepted, {p.unseen} no longer told"
        for p in work
    )
    return f"{said} By phase: {phases}."
