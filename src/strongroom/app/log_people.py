"""The log of what people accept: each exception is an entry when it is first applied, and again when its words change."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from strongroom.app.log import Log, Place, actor, sealing
from strongroom.app.log_default import open_or_create
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadUsage
from strongroom.model.log import Field, LogEntry
from strongroom.model.people import RiskException
from strongroom.store import people
from strongroom.store.snapshots import Store

SEALABLE = ("owner", "approver", "reason", "ticket")
_SAID = ("check", "control", "asset", "fingerprint", "owner", "approver", "reason", "ticket")
_BATCH = 1000


def checked_seal(names: Iterable[str]) -> tuple[str, ...]:
    """The fields to be sealed. Raises BadUsage for one that cannot be."""
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in SEALABLE:
            raise BadUsage("--seal", repr(name[:40]), f"one of {', '.join(SEALABLE)}")
    return wanted


def entry_of(e: RiskException, who: str, at: datetime, seal: Sequence[str]) -> tuple[LogEntry, tuple[str, ...]]:
    """The entry of an exception, and the names of its fields that are to be sealed."""
    fields: dict[str, Field] = {name: getattr(e, name) for name in _SAID if getattr(e, name)}
    fields["origin"] = "inline" if e.inline else "file"
    if e.expires is not None:
        fields["expires"] = e.expires.isoformat()
    sealed = tuple(name for name in seal if name in fields)
    digests = {"exception": f"sha256:{e.digest}"}
    if sealed:
        # The digest is over the words in clear: whoever guesses a sealed name could see in it that the guess is right.
        fields["exception"] = digests.pop("exception")
        sealed = (*sealed, "exception")
    what = e.check or e.control or e.fingerprint
    subject = f"{what} on {e.asset}" if e.asset else what
    return LogEntry(kind=EntryKind.EXCEPTION, subject=subject, actor=who, at=at, fields=fields, digests=digests), sealed


def log_exceptions(
    exceptions: Iterable[RiskException],
    state: str,
    place: Place,
    now: datetime,
    *,
    made: bool,
    offline: bool,
    seal: Sequence[str] = (),
) -> int:
    """Log the exceptions that no log holds yet, and note in the state where; how many that were.

    Raises:
        LogUnavailable, LogDamaged, NotFound, BadInput, StateError: they could not be logged.
    """
    with Store(state) as store, store.transaction() as db:
        fresh = people.not_logged(db, exceptions)
    if not fresh:
        return 0
    who = actor()
    with open_or_create(place, made=made, offline=offline) as log:
        indices = [n for i in range(0, len(fresh), _BATCH) for n in _append(log, fresh[i : i + _BATCH], who, now, seal)]
        log.publish()
        origin = log.settings.origin
    with Store(state) as store, store.transaction() as db:
        people.cite_exceptions(db, origin, list(zip(fresh, indices, strict=True)))
    return len(fresh)


def _append(log: Log, part: Sequence[RiskException], who: str, now: datetime, seal: Sequence[str]) -> list[int]:
    closed = [sealing(*entry_of(e, who, now, seal)) for e in part]
    return [done.index for done in log.append(closed)]
