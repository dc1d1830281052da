"""The watch's entries in the log. A gain of trust is written before it counts; a loss counts at once, and is written when
the log can take it: until then it waits in the store, and no gain is written before it.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from strongroom.app.log import Log, sealing
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogError, LogUnavailable, StrongroomError
from strongroom.model.log import Field, LogEntry
from strongroom.model.standing import Change, Enrolment
from strongroom.store.standing import WatchStore

_RETRY = timedelta(seconds=2)  # before a log that could not be opened is tried again
_CLAIM = timedelta(minutes=2)  # after which what another server wanted to log, and did not, is free


class Journal:
    """The log and what waits for it. Threads may share it."""

    def __init__(
        self,
        store: WatchStore,
        open_log: Callable[[], Log],
        clock: Callable[[], datetime],
        chance: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._open = open_log
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._log: Log | None = None
        self._tried: datetime | None = None
        self._failure: LogUnavailable | None = None
        self.trouble = ""

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Log what waits, then these, durably. Raises LogError: then nobody may act on them."""
        self.flush()
        self._append(entries)

    def flush(self) -> int:
        """Log what waits; how many there were. Raises LogError."""
        done = 0
        while self._store.pending():
            token, now = self._chance(16).hex(), self._clock()
            waiting = self._store.claim(token, now, now - _CLAIM)
            if not waiting:  # another server is at it
                break
            try:
                self._append(waiting)
            except LogError:
                self._store.free(token)
                raise
            self._store.logged(token)
            done += len(waiting)
        return done

    def _append(self, entries: Sequence[LogEntry]) -> None:
        try:
            self._opened().append([sealing(e) for e in entries])
        except LogError as e:
            self.trouble = str(e)
            raise
        self.trouble = ""

    def _opened(self) -> Log:
        with self._lock:
            now = self._clock()
            if self._log is None:
                if self._failure and self._tried and self._tried <= now < self._tried + _RETRY:
                    raise self._failure
                self._tried = now
                try:
                    self._log = self._open()
                except StrongroomError as e:  # also keys and settings: whatever it is, nothing can be logged
                    self._failure = LogUnavailable(e.subject, e.found, e.wanted, e.hint)
                    raise self._failure from None
                self._log.keep_publishing()
            return self._log

    def close(self) -> None:
        """Publish what was logged, and let go of the log."""
        with self._lock:
            if self._log is not None:
                with contextlib.suppress(LogError):  # it is durable: whoever opens the log next publishes it
                    self._log.publish()
                self._log.close()
                self._log = None


def of_change(change: Change, enrolment: Enrolment, actor: str, digests: dict[str, str]) -> LogEntry:
    """The entry of a change of standing."""
    fields: dict[str, Field] = {
        "before": change.before.value,
        "after": change.after.value,
        "reason": change.reason[:1000],
        "failed": change.failed,
        "restarted": change.restarted,
        "grade": enrolment.grade.value,
        "ak": enrolment.ak_name,
    }
    return LogEntry(
        kind=EntryKind.STANDING, subject=change.host, actor=actor, at=change.at, fields=fields, digests=digests
    )


def of_enrolment(enrolment: Enrolment, action: str, actor: str, at: datetime, reason: str = "") -> LogEntry:
    """The entry of what happened to an enrolment: `enrol`, `certify`, `refuse`, `admit`, `forget`."""
    fields: dict[str, Field] = {
        "action": action,
        "grade": enrolment.grade.value,
        "ak": enrolment.ak_name,
        "ek": enrolment.ek,
        "root": enrolment.root,
        "maker": enrolment.maker[:400],
        "admitted": enrolment.admitted,
        "reason": reason,
    }
    return LogEntry(kind=EntryKind.ENROLMENT, subject=enrolment.host, actor=actor, at=at, fields=fields)
