"""The log of what was assessed: each kept snapshot is an entry, so that history cannot be made up later."""

from collections.abc import Sequence

from strongroom.app.config import Config
from strongroom.app.log import Log, Place, actor, sealing
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.log_people import log_exceptions
from strongroom.app.state import cite, keep, state_path
from strongroom.kit.tlog.proof import LogProof, encode
from strongroom.ledger import tree
from strongroom.model.codes import EntryKind
from strongroom.model.control import Assessment
from strongroom.model.log import LogEntry, Logged
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

    The run is told the snapshot's id as soon as it is kept, and where the log holds it as soon as it does. `seal` are fields of exceptions that the log commits to.
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
    found.logged = log_snapshot(kept, where, place, made=made, offline=offline)


def log_snapshot(
    snapshot: Snapshot, state: str, place: Place, *, made: bool, offline: bool, judged_again: str = ""
) -> Logged:
    """Log a kept snapshot, and note in the state where; what proves the entry.

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
        logged = _logged(log, entry)
    cite(state, snapshot, logged.origin, logged.entry)
    return logged


def _logged(log: Log, entry: LogEntry) -> Logged:
    """Put an entry into the log; its proof is under the published checkpoint, which witnesses have seen, where it can be."""
    sealed = sealing(entry)
    done = log.append([sealed])[0]
    proof = LogProof(done.index, done.proof, done.checkpoint)
    published = log.publish()
    if published is not None and published.head.checkpoint.size > done.index:
        head = published.head
        path = tree.inclusion(done.index, done.leaf, head.checkpoint, log.storage.read)
        proof = LogProof(done.index, path, head.note)
    return Logged(
        origin=log.settings.origin,
        entry=done.index,
        at=entry.at,
        findings=entry.digests["findings"],
        data=sealed.data.decode(),
        proof=encode(proof).decode(),
        keys=log.settings.keys,
    )
