"""What the watch over hosts is made of, and how it says no."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from strongroom.app.appraisal import appraise
from strongroom.app.broker_record import Judge
from strongroom.app.watch_record import Judging
from strongroom.model.log import LogEntry
from strongroom.model.standing import Admission
from strongroom.store.standing import WatchStore

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds


class RefusedError(Exception):
    """An answer other than 200: `told` is for the host, the message for the operator; `after` is when to come back."""

    def __init__(self, status: int, told: str, found: str = "", after: float | None = None) -> None:
        super().__init__(f"{told}{f': {found}' if found else ''}")
        self.status = status
        self.told = told
        self.after = after


class Journals(Protocol):
    """The log, as the watch needs it; see `app.watch_log.Journal`."""

    @property
    def trouble(self) -> str:
        """Why it could not be written last; empty where it could."""
        ...

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Log what waits, then these, durably. Raises LogError: then nobody may act on them."""
        ...

    def flush(self) -> int:
        """Log what waits; how many there were. Raises LogError."""
        ...


@dataclass(slots=True)
class Seconds:
    """How long something took, as a histogram."""

    bounds: tuple[float, ...] = _BOUNDS
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[next((n for n, b in enumerate(self.bounds) if seconds <= b), len(self.bounds))] += 1
        self.total += seconds


@dataclass(slots=True)
class Counts:
    """What this process did since it began. Threads may be off by one: these are for graphs, not for decisions."""

    answers: Counter[str] = field(default_factory=Counter)  # passed, failed, foreign
    refusals: Counter[int] = field(default_factory=Counter)  # by HTTP status
    changes: Counter[str] = field(default_factory=Counter)  # by what a host became
    seconds: Seconds = field(default_factory=Seconds)
    swept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """All that the watch is made of. `judging` is asked each time: what was changed counts at once."""

    store: WatchStore
    journal: Journals
    judging: Callable[[], Judging]
    files: Path
    clock: Callable[[], datetime]
    chance: Callable[[int], bytes]
    actor: str
    interval: timedelta = timedelta(seconds=60)
    admit: Admission = Admission.NEVER
    roll: timedelta = timedelta(hours=1)
    judge: Judge = appraise
    tell: Callable[[str], None] = lambda _: None  # to the operator
    counts: Counts = field(default_factory=Counts)
