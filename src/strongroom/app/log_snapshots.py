"""The log of what was assessed: each kept snapshot is an entry, so that history cannot be made up later."""

from strongroom.app.config import Config
from strongroom.app.log import Place, actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.state import cite, keep, state_path
from strongroom.model.codes import EntryKind
from strongroom.model.control import Assessment
from strongroom.model.log import LogEntry
from strongroom.model.snapshot import Snapshot


def keep_and_log(found: Assessment, config: Config, *, state: str | None, log: str | None, offline: bool) -> None:
    """Keep a run as a snapshot, and log it; the run is told the snapshot's id as soon as it is kept.

    Raises:
        StateError: it could not be kept.
        LogUnavailable, LogDamaged, NotFound, BadInput: it was kept and could not be logged.
    """
    where = state_path(state or config.state.path)
    kept = keep(found, where)
    found.snapshot = kept.id
    place = place_of(config, log, state=where)
    log_snapshot(kept, where, place, made=not (log or config.log.path), offline=offline)


def log_snapshot(snapshot: Snapshot, state: str, place: Place, *, made: bool, offline: bool) -> int:
    """Log a kept snapshot, and note in the state where; the index of the entry.

    `made` says that the log is the default one, which is made when it is first needed.

    Raises:
        LogUnavailable, LogDamaged, NotFound, StateError: it could not be logged.
    """
    entry = LogEntry(
        kind=EntryKind.SNAPSHOT,
        subject=snapshot.id,
        actor=actor(),
        at=snapshot.taken_at,
        fields={
            "sources": snapshot.sources,
            "assets": snapshot.assets,
            "passed": snapshot.passed,
            "failed": snapshot.failed,
            "unknown": snapshot.unknown,
        },
        digests={"findings": f"sha256:{snapshot.digest}"},
    )
    with open_or_create(place, made=made, offline=offline) as log:
        done = log.record(entry)
        log.publish()
        origin = log.settings.origin
    cite(state, snapshot, origin, done.index)
    return done.index
