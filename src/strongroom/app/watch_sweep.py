"""What the watch does by itself: end the standing of who is silent, log what waits, call the roll, sweep out what is old."""

import hashlib
from collections import Counter
from datetime import datetime, timedelta

from strongroom.app.watch_log import of_change
from strongroom.app.watch_record import named
from strongroom.app.watch_setup import Watch
from strongroom.attest.standing import overdue
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogError
from strongroom.model.log import LogEntry
from strongroom.model.standing import SKEW
from strongroom.store import evidence_blobs
from strongroom.store.standing import Move
from strongroom.store.standing_rows import Held

_EVERY = timedelta(minutes=10)  # for what has time
_TOLD = 20  # changes of one sweep that the operator is told one by one
_ROLL = "roll of {host} {ak} {state} {since} {evidence}\n"


def sweep(watch: Watch) -> int:
    """End every lease that is over, and log what waits; how many ended. Raises StateError."""
    ended = 0
    while True:
        now = watch.clock()
        due = watch.store.due(now, now + SKEW)
        moves = [m for h in due if (m := _move(watch, h, now)) is not None]
        done = watch.store.replace_all(moves) if moves else 0
        ended += done
        for m in moves[:_TOLD]:
            watch.tell(
                f"{m.before.enrolment.host}: trusted to {m.after.standing.state.value}: {m.after.standing.reason}"
            )
        if len(moves) > _TOLD:
            watch.tell(f"and {len(moves) - _TOLD} more hosts lost their standing")
        if not done:
            break
    watch.counts.changes["stale"] += ended
    _rest(watch, now)
    return ended


def _move(watch: Watch, held: Held, now: datetime) -> Move | None:
    judged = overdue(held.standing, now, watch.interval)
    if judged.change is None:
        return None
    entry = of_change(judged.change, held.enrolment, watch.actor, {})
    return Move(held, Held(held.enrolment, judged.standing, held.revision), entry)


def _rest(watch: Watch, now: datetime) -> None:
    before = watch.counts.swept_at
    watch.counts.swept_at = now
    if before is None or _period(now, timedelta(seconds=10)) != _period(before, timedelta(seconds=10)):
        watch.store.sweep(now)
    if watch.roll and (before is None or _period(now, watch.roll) != _period(before, watch.roll)):
        call_roll(watch, now)
    if before is not None and _period(now, _EVERY) != _period(before, _EVERY):
        clean(watch, now)
    said = watch.journal.trouble
    try:
        watch.journal.flush()
    except LogError as e:
        if str(e) != said:
            watch.tell(f"the log cannot take what waits: {e}")


def _period(at: datetime, length: timedelta) -> int:
    return int(at.timestamp() // length.total_seconds())


def call_roll(watch: Watch, now: datetime) -> bool:
    """Log the digest of all standings, once a period whoever asks: renewals that change nothing have no other entry."""
    begun = _period(now, watch.roll) * watch.roll.total_seconds()
    if not watch.store.call_roll(f"{begun:020.0f}/{watch.roll.total_seconds():.0f}"):
        return False
    everyone = watch.store.all()
    words = "".join(
        _ROLL.format(
            host=h.enrolment.host,
            ak=h.enrolment.ak_name,
            state=h.standing.state.value,
            since=h.standing.since.isoformat(),
            evidence=h.standing.evidence or "-",
        )
        for h in everyone
    ).encode()
    states = Counter(h.standing.state.value for h in everyone)
    entry = LogEntry(
        kind=EntryKind.ROLL_CALL,
        subject="hosts",
        actor=watch.actor,
        at=now,
        fields={"hosts": len(everyone), **dict(sorted(states.items()))},
        digests={"roll": f"sha256:{hashlib.sha256(words).hexdigest()}"},
    )
    evidence_blobs.put(watch.files / "rolls", words)
    watch.store.enlist([entry])
    return True


def clean(watch: Watch, now: datetime) -> int:
    """Remove files of evidence that no record names any more; how many."""
    wanted = {digest for record in watch.store.every_record() for digest in named(record)}
    return evidence_blobs.sweep(watch.files, wanted, (now - _EVERY).timestamp())
