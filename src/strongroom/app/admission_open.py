"""Take up what admission needs: the rule, the cluster, the log, and whether somebody looked before anything is denied."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from strongroom.app import log_entries
from strongroom.app.admission import Admission, Sight, watched
from strongroom.app.admission_log import SUBJECT, Journal
from strongroom.app.config import Config
from strongroom.app.isolation import load_rule
from strongroom.app.log import Log, Place, actor, now
from strongroom.app.log_default import open_or_create, place_of
from strongroom.collect.kubernetes import kubeconfig
from strongroom.collect.kubernetes.live import Client
from strongroom.collect.kubernetes.watching import Cache
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogError
from strongroom.model.isolate import Mode, Rule
from strongroom.model.log import LogEntry

REVIEWED = f"{SUBJECT} report"
SWITCH = f"{SUBJECT} switch"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where everything is. No kubeconfig is the pod's own cluster; `off` is a file whose being there switches denials off."""

    rule: str | None
    kubeconfig: str | None = None
    context: str = ""
    secrets: bool = False
    off: str | None = None
    log: str | None = None
    offline: bool = False


def digest_of(rule: Rule) -> str:
    """The digest of a rule as it is judged by, without how far it is enforced: a report counts for any mode."""
    judged = msgspec.structs.replace(rule, rollout=type(rule.rollout)())
    return f"sha256:{hashlib.sha256(msgspec.json.encode(judged, order='deterministic')).hexdigest()}"


@contextmanager
def opened(config: Config, asked: Asked) -> Iterator[Admission]:
    """Everything open, and the cluster watched until the end.

    Raises:
        Unreadable, Malformed, BadUsage: rule, kubeconfig or service account cannot be used.
        LogError, NotFound: the log cannot be written.
    """
    rule = load_rule(asked.rule)
    place = place_of(config, asked.log)
    cache_to = connection(asked.kubeconfig, asked.context)
    with open_or_create(place, made=not (asked.log or config.log.path), offline=asked.offline) as log:
        log.keep_publishing()
        sight = Sight()
        cache = Cache(Client(cache_to), watched(secrets=asked.secrets), sight.apply)
        journal = Journal(log, actor(), digest_of(rule))
        made = Admission(rule, sight, journal, now, cache, reviewed(rule, place))
        made.switched_off = Switch(Path(asked.off), log, now) if asked.off else made.switched_off
        cache.start()
        try:
            yield made
        finally:
            cache.stop()
            journal.flush(now())
            log.publish()


def connection(path: str | None, context: str) -> kubeconfig.Connection:
    """The cluster of a kubeconfig; without one, that of this pod. Raises Unreadable, TooLarge, Malformed."""
    if path:
        return kubeconfig.read(Path(path).expanduser(), context)
    env = os.environ  # noqa: TID251 - what Kubernetes tells a pod stands there
    return kubeconfig.in_cluster(env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", ""))


def reviewed(rule: Rule, place: Place) -> bool:
    """Whether a report that the rule names was looked at: whoever did, put that into the log."""
    if not rule.rollout.reviewed:
        return False
    wanted = set(rule.rollout.reviewed)
    for got in log_entries.entries(place, [EntryKind.POLICY_CHANGE.value]):
        if got.entry is not None and got.entry.subject == REVIEWED and got.entry.digests.get("report") in wanted:
            return True
    return False


def denies(rule: Rule) -> bool:
    """Whether a rule would deny anything, once it may."""
    rollout = rule.rollout
    return Mode.DENY in {rollout.default, *rollout.clauses.values(), *rollout.namespaces.values()}


class Switch:
    """A file that switches denials off while it is there. Each turn of it is an entry of the log, with what the file says."""

    def __init__(self, path: Path, log: Log, clock: Callable[[], datetime]) -> None:
        """It is on until the file is found."""
        self._path, self._log, self._clock, self._off = path, log, clock, False
        self._looked = datetime.fromtimestamp(0, UTC)

    def __call__(self) -> bool:
        """Whether it is off; the file is looked at once a second."""
        moment = self._clock()
        if (moment - self._looked).total_seconds() >= 1:
            self._looked = moment
            off = self._path.exists()
            if off != self._off and self._told(moment, off=off):
                self._off = off
        return self._off

    def _told(self, moment: datetime, *, off: bool) -> bool:
        """Log the turn; whether that could be done. What is not logged is not switched off."""
        reason = ""
        if off:
            try:
                reason = self._path.read_text("utf-8", "replace")[:300].strip()
            except OSError:
                reason = "the file cannot be read"
        entry = LogEntry(
            kind=EntryKind.POLICY_CHANGE, subject=SWITCH, actor=actor(), at=moment,
            fields={"denials": "off" if off else "on", "reason": reason},
        )  # fmt: skip
        try:
            self._log.record(entry)
        except LogError:
            return not off
        return True
