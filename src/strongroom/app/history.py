"""The kept runs as lines: how what fails became less, or more, and how old it is.

Runs are on one line when they read the same sources, as they were named; only those can be compared. Rules are not
counted as a source: with a new rule the line goes on, and what the rule finds is new.

A finding counts as open while it fails. Its age runs from the first run of the line that saw it fail, as long as no run
since gave another answer: a run in which it was unknown does not make it younger, one in which it passed, was accepted
or was no longer there does.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from strongroom.app.catalogue import catalogue
from strongroom.app.merging import scheme
from strongroom.app.rules import SCHEME as RULES
from strongroom.model.codes import Status
from strongroom.model.errors import BadUsage, NotFound
from strongroom.model.snapshot import Line, Point, Snapshot
from strongroom.store import history
from strongroom.store.snapshots import Store

_DAY = 86_400
_STANDING = (Status.FAIL, Status.UNKNOWN, Status.ACCEPTED)
_LAST_PHASE = 90  # of a control that this build does not know: it must not look more pressing than it is


@dataclass(slots=True)
class _Way:
    """A line up to a run: what fails in it and since when (POSIX seconds), and what is unknown that had failed before.

    `born` is the sum of `since` over what fails, so that a run costs as much as what changed in it.
    """

    run: str = ""
    failing: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    since: dict[str, float] = field(default_factory=dict)
    born: float = 0.0

    def go(self, run: str, at: float, failing: set[str], unknown: set[str]) -> None:
        """Go on to the next run."""
        closed, opened = self.failing - failing, failing - self.failing
        self.born -= sum(self.since[f] for f in closed)
        doubtful = (self.doubtful | closed) & unknown
        for f in (self.doubtful | closed) - doubtful - failing:
            del self.since[f]
        for f in opened:
            self.born += self.since.setdefault(f, at)
        self.run, self.failing, self.doubtful = run, failing, doubtful

    def age_days(self, at: float) -> float | None:
        """The mean age of what fails; None where nothing does."""
        n = len(self.failing)
        return round(max(0.0, at - self.born / n) / _DAY, 1) if n else None


def lines(state: str, controls: Collection[str] | None = None) -> tuple[Line, ...]:
    """Every line of runs, that of the latest run first. With `controls`, only their findings count.

    Raises:
        NotFound: there is no state.
        StateError: it cannot be read.
    """
    if "://" not in state and not Path(state).exists():
        raise NotFound(f"state database {state}", "no such file", "kept runs", "strongroom assess SOURCE keeps one")
    with Store(state) as store:
        grouped: dict[tuple[str, ...], list[Snapshot]] = defaultdict(list)
        for s in store.list():
            grouped[_line_of(s)].append(s)
        with store.reading() as db:
            found = [Line(sources, tuple(_points(db, runs, controls))) for sources, runs in grouped.items()]
    return tuple(sorted(found, key=lambda x: (x.points[-1].at, x.points[-1].snapshot), reverse=True))


def burn_down(state: str) -> tuple[Point, ...]:
    """The line of the latest run, oldest first: open per phase, accepted, and when. Empty without a run."""
    found = lines(state)
    return found[0].points if found else ()


def line_of(found: Sequence[Line], name: str) -> Line:
    """The line that a run is on. Raises NotFound."""
    on = {id(x): x for x in found for p in x.points if p.snapshot.startswith(name)}
    if len(on) != 1:
        what = "no such run" if not on else "runs of several lines that begin so"
        raise NotFound(f"snapshot {name!r}", what, "the id of one run", "strongroom snapshots lists them")
    return next(iter(on.values()))


def chosen_controls(control: str | None, area: str | None) -> frozenset[str] | None:
    """The controls of an id or an area; None for all. Raises NotFound, BadUsage."""
    known = catalogue().controls
    if control and area:
        raise BadUsage("trend", "--control and --area", "one of the two")
    if control:
        if control.upper() not in known:
            raise NotFound("control", repr(control), "the id of a control", "strongroom controls")
        return frozenset({control.upper()})
    if area:
        areas = dict.fromkeys(c.area for c in known.values())
        if area.lower() not in areas:
            raise NotFound("area", repr(area), f"one of {', '.join(areas)}", "strongroom controls")
        return frozenset(c.id for c in known.values() if c.area == area.lower())
    return None


def _line_of(s: Snapshot) -> tuple[str, ...]:
    return tuple(sorted(spec for spec in s.sources if scheme(spec) != RULES))


def _points(db: Connection, runs: Sequence[Snapshot], controls: Collection[str] | None) -> Iterator[Point]:
    phases = {c.id: c.phase for c in catalogue().controls.values()}
    way = _Way()
    for run in runs:
        rows = [s for s in history.standing(db, run.id) if controls is None or s.control in controls]
        of = {w: {f for s in rows if s.status == w for f in s.fingerprints} for w in _STANDING}
        failing = of[Status.FAIL]
        open_in: Counter[int] = Counter()
        for s in rows:
            if s.status == Status.FAIL:
                open_in[phases.get(s.control, _LAST_PHASE)] += len(s.fingerprints)
        new, fixed, gone = _moved(db, way, run.id, of)
        way.go(run.id, run.taken_at.timestamp(), failing, of[Status.UNKNOWN])
        yield Point(
            snapshot=run.id,
            at=run.taken_at,
            failing=len(failing),
            unknown=len(of[Status.UNKNOWN]),
            passing=run.passed if controls is None else history.passes(db, run.id, controls),
            accepted=len(of[Status.ACCEPTED]),
            open_30=open_in[30],
            open_60=open_in[60],
            open_90=open_in[90],
            new=new,
            fixed=fixed,
            gone=gone,
            age_days=way.age_days(run.taken_at.timestamp()),
        )


def _moved(
    db: Connection, way: _Way, run: str, of: Mapping[Status, set[str]]
) -> tuple[int, int, int] | tuple[None, None, None]:
    """What fails anew, what was fixed, and what is no longer seen, since the run before."""
    if not way.run:
        return None, None, None
    # What became unknown is not fixed, nor is what was accepted.
    closed = way.failing.difference(*of.values())
    fixed = history.still_there(db, way.run, run, closed) if closed else 0
    return len(of[Status.FAIL] - way.failing), fixed, len(closed) - fixed


def window(line: Line, last: int | None, since: datetime | None) -> Line:
    """The end of a line: at most `last` points, none before `since`. What they say of earlier ones stays."""
    points = tuple(p for p in line.points if since is None or p.at >= since)
    return msgspec.structs.replace(line, points=points if last is None else points[-last:])
