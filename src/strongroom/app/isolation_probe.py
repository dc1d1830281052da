"""Probe a running cluster: what the rule forbids is tried as a dry run, and what became of it is an entry of the log."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from strongroom.app.admission_open import connection, digest_of
from strongroom.app.isolation_live import live
from strongroom.app.log import Log, actor
from strongroom.collect.kubernetes.live import Client
from strongroom.isolate import probes
from strongroom.isolate.probes import Answered, Told
from strongroom.model.codes import EntryKind
from strongroom.model.isolate import Rule
from strongroom.model.log import LogEntry

SUBJECT = "isolation probe"
_LONG = 300


class Probed(NamedTuple):
    """Where it was tried, what became of each probe, and what they say together."""

    server: str
    namespace: str
    answers: tuple[Answered, ...]
    told: Told


def probe(rule: Rule, kubeconfig: str | None, context: str, namespace: str) -> Probed:
    """Try it. Raises Unreadable, Malformed, TooLarge: the cluster cannot be read. NotFound: the namespace shows nothing."""
    to = connection(kubeconfig, context)
    client = Client(to)
    tried = probes.probes(rule, live(client).state, namespace)
    found = tuple(probes.answered(p, *client.tried(p.path, p.body)[:2]) for p in tried)
    return Probed(f"{to.host}:{to.port}", namespace, found, probes.told(found))


def record(log: Log, rule: Rule, found: Probed, now: datetime) -> int:
    """Log what became of it; the entry. Raises LogUnavailable."""
    entry = LogEntry(
        kind=EntryKind.DRILL, subject=SUBJECT, actor=actor(), at=now,
        fields={
            "server": found.server, "namespace": found.namespace, "passed": found.told.passed is True,
            "why": found.told.why[:_LONG], "probes": tuple(str(a)[:_LONG] for a in found.answers),
        },
        digests={"rule": digest_of(rule)},
    )  # fmt: skip
    return log.record(entry).index


def last(entries: Iterable[LogEntry]) -> LogEntry | None:
    """The newest probe of a log's entries."""
    found = [e for e in entries if e.kind is EntryKind.DRILL and e.subject == SUBJECT]
    return max(found, key=lambda e: e.at, default=None)
