"""The log of what was assessed: each kept snapshot is an entry, so that history cannot be made up later."""

from collections.abc import Sequence

from strongroom.app.config import Config
from strongroom.app.log import Place, actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.log_people import log_exceptions
from strongroom.app.state import cite, keep, state_path
from strongroom.model.codes import EntryKind
from strongroom.model.control import Assessment
from strongroom.model.log import LogEntry
from strongroom.model.ports import Catalogue
from strongroom.model.snapshot import Snapshot


def keep_and_log(
    found: Assessment,
    config: Config,
    *,
    state: str | None,
    log: str | None,
    offline: bool,
    seal: Sequence[str] = (),
    known: Catalogue | None = None,
) -> None:
    """Keep a run as a snapshot, and log it and the exceptions that it applied for the first time.

    The run is told the snapshot's id as soon as it is kept. `seal` are fields of exceptions that the log commits to.
    `known` is the catalogue that it was judged by, where rules of the user's own are in it.

    Raises:
        StateError: it could not be kept.
        LogUnavailable, LogDamaged, NotFound, BadInput: it was kept and could not be logged.
    """
    where = state_path(state or config.state.path)
    kept = keep(found, where, known)
    found.snapshot = kept.id
    place = place_of(config, log, state=where)
    made = not (log or config.log.path)
    applied = (a.exception for a in found.accepted)
    log_exceptions(applied, where, place, found.seen_at, made=made, offline=offline, seal=seal)
    log_snapshot(kept, where, place, made=made, offline=offline)


def log_snapshot(
    snapshot: Snapshot, state: str, place: Place, *, made: bool, offline: bool, judged_again: str = ""
) -> int:
    """Log a kept snapshot, and note in the state where; the index of the entry.

    `judged_again` is the snapshot whose findings these are, where only exceptions were judged anew. `made` says that
    the log is the default one, which is made when it is first needed.

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
            **({"judged-again": judged_again} if judged_again else {}),
        },
        digests={"findings": f"sha256:{snapshot.digest}"},
    )
    with open_or_create(place, made=made, offline=offline) as log:
        done = log.record(entry)
        log.publish()
        origin = log.settings.origin
    cite(state, snapshot, origin, done.index)
    return done.index
