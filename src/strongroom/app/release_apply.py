"""Put a release policy into force: signed, newer than any before, its difference seen, logged, and only then in its place."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.app.broker_open import open_state
from strongroom.app.config import Config
from strongroom.app.log import actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.release_policy import SIGNATURE, Loaded, check, in_force, load, note_files
from strongroom.app.release_trial import Case, Difference, Known, cases, difference, of_workloads, resources_of
from strongroom.ledger import disk
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, Denied, NotFound, Unreadable
from strongroom.model.log import Field, LogEntry
from strongroom.model.release import ReleasePolicy
from strongroom.store import broker_admin
from strongroom.store.broker import BrokerStore

_MOST_NAMED = 50  # resources in the entry of the log; the digest stands for all


@dataclass(frozen=True, slots=True)
class Ready:
    """A policy that may be put into force: what it changes, where it goes, and who has signed it."""

    loaded: Loaded
    policy: ReleasePolicy
    before: ReleasePolicy | None
    difference: Difference
    target: Path
    signers: tuple[str, ...]
    trouble: str
    closed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """Where it is in force, and the entry of the log that says so."""

    ready: Ready
    entry: int


def recorded(config: Config, paths: Sequence[str], *, broker: bool) -> tuple[tuple[Case, ...], Known]:
    """The appraisals that a policy is tried on, and what the broker's state adds. Raises as `cases`, and StateError."""
    held = list(cases(paths))
    if not broker:
        return tuple(held), Known()
    store = open_state(config)
    with store:
        more, known = _remembered(store)
    seen = {c.where for c in held}
    return (*held, *(c for c in more if c.where not in seen)), known


def _remembered(store: BrokerStore) -> tuple[tuple[Case, ...], Known]:
    with store.transaction() as db:
        held = tuple(of_workloads(broker_admin.workloads(db)))
        kept = tuple(broker_admin.versions(db))
    return held, Known(store.revocations(), kept)


def ready(path: str, config: Config, paths: Sequence[str], resources: Sequence[str]) -> Ready:
    """What putting it into force would change. Nothing is written.

    Raises:
        BadSignature, Malformed, Unreadable: it does not count, or cannot be read.
        Denied: one as new was in force before.
        NotFound: the configuration names no place for it.
    """
    if not config.broker.policy:
        raise NotFound("[broker] policy", "nothing", "the file that the broker reads its policy from")
    target = Path(config.broker.policy)
    loaded = load(path)
    policy = in_force(loaded, config.broker.signers, config.broker.threshold)
    held, known = recorded(config, paths, broker=True)
    store = open_state(config)
    with store, store.transaction() as db:
        _newer(policy, broker_admin.in_force(db, policy.name))
    before, trouble = _before(target, config)
    chosen = resources_of([p for p in (before, policy) if p], resources)
    checked = check(loaded, config.broker.signers, config.broker.threshold)
    signed = (checked.signers.signed if checked.signers else ()) + tuple(k for o in checked.owners for k in o.signed)
    made = difference(before, policy, held, chosen, known)
    closed = tuple(sorted(checked.closed()))
    return Ready(loaded, policy, before, made, target, tuple(dict.fromkeys(signed)), trouble, closed)


def _newer(policy: ReleasePolicy, was: tuple[int, str] | None) -> None:
    if was is None or was == (policy.version, policy.digest) or policy.version > was[0]:
        return
    found = f"version {policy.version} of {policy.name}, where {was[0]} was in force"
    raise Denied("release policy", found, f"version {was[0] + 1} or above: an old one may name an old build")


def _before(target: Path, config: Config) -> tuple[ReleasePolicy | None, str]:
    """The policy that is in its place now, as far as it counts; else why not."""
    if not target.exists():
        return None, "none is in its place"
    try:
        return in_force(load(target), config.broker.signers, config.broker.threshold), ""
    except BadInput as e:
        return None, f"the one in its place does not count: {e.found}"


def apply(it: Ready, config: Config, log: str | None, now: datetime, *, offline: bool, who: str = "") -> Applied:
    """Log the change, and put file and notes into their place; the broker reads them again. `who` is else this process.

    Between the two renames the broker finds notes of the other version, and releases nothing.

    Raises:
        LogUnavailable, LogDamaged, NotFound: it could not be logged; then nothing was changed.
        Denied: another one as new came into force meanwhile.
        Unreadable: the place cannot be written.
    """
    with open_or_create(place_of(config, log), made=not (log or config.log.path), offline=offline) as held:
        done = held.record(_entry(it, now, who or actor()))
        held.publish()
    store = open_state(config)
    with store:
        store.in_force(it.policy.name, it.policy.version, it.policy.digest)
    _place(it)
    return Applied(it, done.index)


def _entry(it: Ready, now: datetime, who: str) -> LogEntry:
    d = it.difference
    fields: dict[str, Field] = {
        "action": "apply",
        "version": it.policy.version,
        "version-before": it.before.version if it.before else None,
        "signers": it.signers,
        "closed-owners": it.closed,
        "changed": d.rules[:_MOST_NAMED],
        "gains": tuple(dict.fromkeys(t.resource for t in d.gains))[:_MOST_NAMED],
        "loses": tuple(dict.fromkeys(t.resource for t in d.loses))[:_MOST_NAMED],
        "gain-count": len(d.gains),
        "lose-count": len(d.loses),
        "appraisals": d.cases,
    }
    digests = {"file": f"sha256:{hashlib.sha256(it.loaded.data).hexdigest()}", "release-policy": it.policy.digest}
    if it.before:
        digests["release-policy-before"] = it.before.digest
    subject = f"release policy {it.policy.name}"
    return LogEntry(kind=EntryKind.POLICY_CHANGE, subject=subject, actor=who, at=now, fields=fields, digests=digests)


def _place(it: Ready) -> None:
    """The file, then its notes, then away with notes of the version before: they would speak against it."""
    if it.target.resolve() == it.loaded.path.resolve():
        return
    own = it.loaded.path.name
    try:
        disk.make_folders(it.target.resolve().parent)
        disk.replace(it.target, it.loaded.data, 0o644)
        kept = set()
        for path, data in it.loaded.notes:
            note = it.target.with_name(f"{it.target.name}{path.name.removeprefix(own)}")
            disk.replace(note, data, 0o644)
            kept.add(note)
        for stale in note_files(it.target):
            if stale not in kept and stale.suffix == SIGNATURE:
                stale.unlink()
    except OSError as e:
        raise Unreadable(str(it.target), (e.strerror or "an error").lower(), "a place that can be written") from None
