"""How a broker is: what keeps it from releasing anything, and its figures in the text format of Prometheus (0.0.4)."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.app.broker import Broker
from strongroom.app.broker_judging import Judged, ReleaseTerms
from strongroom.app.log import Log
from strongroom.model.errors import StateError, StrongroomError

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
_LASTS = 2.0  # seconds for which what was found is told again: anybody may ask how the broker is
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Taken:
    """How long requests took, as a histogram."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Counts:
    """What was done since it started: by moment and outcome, by the step that refused, and how long it took."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    taken: dict[str, Taken] = field(default_factory=dict)
    waiting: int = 0

    def answered(self, moment: str, outcome: str, seconds: float | None = None) -> None:
        """One request."""
        self.answers[moment, outcome] += 1
        if seconds is not None:
            self.taken.setdefault(moment, Taken()).add(seconds)


def troubles(broker: Broker) -> list[str]:
    """What keeps the broker from releasing anything, in words for the operator. Nothing is changed by looking."""
    setup = broker.setup
    found = [*_log(setup.log), *_told(setup.algorithm, "what evidence is judged by"), *_policy(broker)]
    found += _told(setup.store.revocations, "database")
    for name, keys in sorted(setup.keys.items()):
        found += _told(keys.check, f"key back end {name}")
    return found if setup.keys else [*found, "no key back end: [broker.keys] names none"]


def _log(log: object) -> Iterator[str]:
    if isinstance(log, Log):
        if log.trouble is not None:
            yield f"log: {log.trouble}"
        else:
            yield from _told(log.published, "log")


def _policy(broker: Broker) -> Iterator[str]:
    terms = broker.setup.policy
    try:
        if terms() is None:
            why = terms.trouble if isinstance(terms, ReleaseTerms) else ""
            yield f"no release policy that its signers have signed{f': {why}' if why else ''}"
    except StateError as e:
        yield f"release policy: {e}"


def _told(look: Callable[[], object], what: str) -> Iterator[str]:
    try:
        look()
    except StrongroomError as e:
        yield f"{what}: {e}"


class Health:
    """What was found last: whoever asks again at once is told the same, and one looks at a time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._found: list[str] = []
        self._until = 0.0

    def troubles(self) -> list[str]:
        """As the function of this name."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = troubles(self._broker)
                self._until = time.monotonic() + _LASTS
            return list(self._found)


def metrics(broker: Broker, counts: Counts, *, ready: bool) -> str:
    """All figures."""
    return "".join(_lines(broker, counts, ready))


def _lines(broker: Broker, counts: Counts, ready: bool) -> Iterator[str]:
    answers = (({"moment": m, "outcome": o}, n) for (m, o), n in sorted(counts.answers.items()))
    yield from _family("requests_total", "counter", "Requests by moment and outcome.", answers)
    steps = (({"step": s}, n) for s, n in sorted(counts.steps.items()))
    yield from _family("refused_by_total", "counter", "Steps and conditions that refused.", steps)
    yield from _family("waiting", "gauge", "Requests being judged, or waiting for it.", [({}, counts.waiting)])
    yield from _family("ready", "gauge", "Whether anything could be released.", [({}, int(ready))])
    yield from _of_policy(broker)
    judged = broker.setup.judging
    end = judged.next_end() if isinstance(judged, Judged) else None
    about = "When the first endorsement in use ends; absent where none says."
    yield from _family("endorsements_end_timestamp_seconds", "gauge", about, [({}, end.timestamp())] if end else [])
    yield from _histogram(counts)


def _of_policy(broker: Broker) -> Iterator[str]:
    terms = broker.setup.policy
    try:
        policy = terms()
    except StateError:
        policy = None
    version = [({"name": policy.name}, policy.version)] if policy else []
    yield from _family("policy_version", "gauge", "The release policy in force; absent where there is none.", version)
    since = terms.since if isinstance(terms, ReleaseTerms) and policy else None
    changed: list[tuple[dict[str, str], float]] = [({}, since.timestamp())] if since else []
    yield from _family("policy_changed_timestamp_seconds", "gauge", "When its file was changed.", changed)


def _histogram(counts: Counts) -> Iterator[str]:
    name = "strongroom_broker_seconds"
    yield f"# HELP {name} From a request's coming to its answer.\n# TYPE {name} histogram\n"
    for moment, taken in sorted(counts.taken.items()):
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), taken.counts, strict=True):
            total += count
            yield f'{name}_bucket{{moment="{moment}",le="{bound}"}} {total}\n'
        yield f'{name}_sum{{moment="{moment}"}} {taken.total:.6f}\n{name}_count{{moment="{moment}"}} {total}\n'


def _family(name: str, kind: str, about: str, held: Iterable[tuple[dict[str, str], float]]) -> Iterator[str]:
    name = f"strongroom_broker_{name}"
    yield f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
    for labels, value in held:
        shown = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
        yield f"{name}{{{shown}}} {value}\n" if labels else f"{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
