"""How the watch itself is: for a load balancer, and in the text format of Prometheus (version 0.0.4)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from strongroom.app.watch_setup import Watch
from strongroom.model.errors import StateError

_LATE = timedelta(seconds=30)  # since the last sweep: a watch that does not sweep trusts the dead


class Health:
    """Whether it can work. Without a log it can: standings are renewed and lost, and none is gained."""

    def __init__(self, watch: Watch) -> None:
        now = watch.clock()
        try:
            self.pending = watch.store.pending()
            self.store = True
        except StateError:
            self.pending, self.store = 0, False
        self.log = not watch.journal.trouble
        self.sweeps = _swept(watch, now)

    @property
    def status(self) -> int:
        """The HTTP status of `/healthz`."""
        return 200 if self.store and self.sweeps else 503

    def words(self) -> dict[str, str | int]:
        """As JSON."""
        whole = "ok" if self.log else "degraded"
        return {
            "status": whole if self.status == 200 else "failing",
            "store": "ok" if self.store else "unreachable",
            "log": "ok" if self.log else "unavailable",
            "log_pending": self.pending,
            "sweep": "ok" if self.sweeps else "late",
        }


def _swept(watch: Watch, now: datetime) -> bool:
    at = watch.counts.swept_at
    return at is not None and abs(now - at) < _LATE


def metrics(watch: Watch) -> str:
    """All figures. Raises StateError."""
    return "".join(_lines(watch))


def _lines(watch: Watch) -> Iterator[str]:
    c = watch.counts
    yield from _family("strongroom_hosts", "gauge", "Hosts by standing.", "state", watch.store.counts().items())
    yield from _family("strongroom_answers_total", "counter", "Answers to challenges.", "outcome", c.answers.items())
    yield from _family("strongroom_changes_total", "counter", "Changes of standing.", "after", c.changes.items())
    yield from _family("strongroom_refusals_total", "counter", "Requests refused.", "status", c.refusals.items())
    yield from _family(
        "strongroom_log_pending", "gauge", "Entries that wait for the log.", "", [("", watch.store.pending())]
    )
    ready = [("", int(not watch.journal.trouble))]
    yield from _family("strongroom_log_up", "gauge", "Whether the log took the last entry.", "", ready)
    at = c.swept_at.timestamp() if c.swept_at else 0
    yield from _family(
        "strongroom_swept_timestamp_seconds", "gauge", "When leases were last looked at.", "", [("", at)]
    )
    name, total = "strongroom_decision_seconds", 0
    yield f"# HELP {name} From an answer's coming to its standing.\n# TYPE {name} histogram\n"
    for bound, count in zip((*map(str, c.seconds.bounds), "+Inf"), c.seconds.counts, strict=True):
        total += count
        yield f'{name}_bucket{{le="{bound}"}} {total}\n'
    yield f"{name}_sum {c.seconds.total:.6f}\n{name}_count {total}\n"


def _family(name: str, kind: str, about: str, label: str, held: Iterable[tuple[object, float]]) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
    for key, value in held:
        yield f'{name}{{{label}="{key}"}} {value}\n' if label else f"{name} {value}\n"
