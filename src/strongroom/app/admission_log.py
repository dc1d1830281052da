"""The log of admission: a denial that holds is an entry before it is answered; what is only observed is rolled up.

A controller that tries again a thousand times is one line of a roll, with a count, and a thousand entries where it is denied.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from strongroom.app.log import Appended
from strongroom.isolate.review import Request
from strongroom.model.codes import EntryKind
from strongroom.model.isolate import Mode, Verdict
from strongroom.model.log import LogEntry

SUBJECT = "admission"
MOST_ROWS = 2000
_LONG = 300


class Writer(Protocol):
    """What entries are put into: a log."""

    def record(self, entry: LogEntry) -> Appended:
        """Put one entry into it. Raises LogError."""


class Row(msgspec.Struct, frozen=True):
    """What happened so often, and when first and last: of a tenant's namespace, by clause and road."""

    mode: str
    namespace: str
    tenant: str
    kind: str
    operation: str
    name: str
    user: str
    clause: str
    road: str
    found: str
    count: int
    first: datetime
    last: datetime


class _Key(NamedTuple):
    mode: str
    namespace: str
    tenant: str
    kind: str
    operation: str
    name: str
    user: str
    clause: str
    road: str


class Journal:
    """Where verdicts go. Threads may share it."""

    def __init__(self, log: Writer, actor: str, rule: str) -> None:
        """`rule` is the digest of the rule that is judged by."""
        self._log, self._actor, self._rule = log, actor, rule
        self._lock = threading.Lock()
        self._rows: dict[_Key, Row] = {}

    def note(
        self, request: Request | None, verdict: Verdict, mode: Mode, now: datetime, digest: str, *, tenant: str = ""
    ) -> None:
        """Take a verdict. Raises LogError: a denial that holds could not be logged."""
        if verdict.exempt:
            self._roll(request, "exempt", now, tenant, (("5.1", "exempt", verdict.exempt),))
        elif mode is Mode.DENY:
            self._log.record(self._denial(request, verdict, now, digest, tenant))
        else:
            self._roll(request, mode.value, now, tenant, ((r.clause, r.road, r.found) for r in verdict.reasons))

    def _denial(self, request: Request | None, verdict: Verdict, now: datetime, digest: str, tenant: str) -> LogEntry:
        who, what = _words(request)
        return LogEntry(
            kind=EntryKind.DENIAL,
            subject=f"{SUBJECT} {what}",
            actor=self._actor,
            at=now,
            fields={
                "verb": SUBJECT, "tenant": tenant, "user": who, "namespace": (request.namespace or "") if request else "",
                "clauses": tuple(dict.fromkeys(r.clause for r in verdict.reasons)),
                "reasons": tuple(str(r)[:_LONG] for r in verdict.reasons),
            },
            digests={"rule": self._rule, "review": f"sha256:{digest}"},
        )  # fmt: skip

    def _roll(
        self, request: Request | None, mode: str, now: datetime, tenant: str, reasons: Iterable[tuple[str, str, str]]
    ) -> None:
        kind = (request.kind.kind if request.kind else "") if request else ""
        space, name = (request.namespace or "", request.name or "") if request else ("", "")
        operation = request.operation if request else ""
        user = request.actor.user if request else ""
        with self._lock:
            for clause, road, found in reasons:
                key = _Key(mode, space, tenant, kind, operation, name, user, clause, road)
                old = self._rows.get(key)
                if old is None and len(self._rows) >= MOST_ROWS:  # names alone make no end of rows
                    key = key._replace(name="", user="")
                    old = self._rows.get(key)
                made = (
                    Row(*key, found[:_LONG], 1, now, now)
                    if old is None
                    else msgspec.structs.replace(old, count=old.count + 1, last=now)
                )
                self._rows[key] = made

    def flush(self, now: datetime) -> int:
        """Put what was rolled up into the log; how many rows. Raises LogError: it is kept, and tried again."""
        with self._lock:
            rows, self._rows = self._rows, {}
        if not rows:
            return 0
        lines = tuple(msgspec.json.encode(row).decode() for row in rows.values())
        entry = LogEntry(
            kind=EntryKind.ADMISSION, subject=f"{SUBJECT} roll", actor=self._actor, at=now,
            fields={"rows": lines, "verdicts": sum(r.count for r in rows.values())}, digests={"rule": self._rule},
        )  # fmt: skip
        done = False
        try:
            self._log.record(entry)
            done = True
        finally:
            if not done:
                self._back(rows)
        return len(rows)

    def _back(self, rows: dict[_Key, Row]) -> None:
        with self._lock:
            for key, old in rows.items():
                new = self._rows.get(key)
                self._rows[key] = (
                    old if new is None else msgspec.structs.replace(new, count=new.count + old.count, first=old.first)
                )


def _words(request: Request | None) -> tuple[str, str]:
    if request is None:
        return "", "of what cannot be read"
    kind = request.kind.kind if request.kind else "object"
    return request.actor.user, f"{request.operation} {kind} {request.namespace or ''}/{request.name or ''}"


Tell = Callable[[str], None]
