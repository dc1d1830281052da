"""What people say, in the state database: accepted findings, exceptions and where they are logged, assertions.

Functions of one connection, so that they are a part of whatever transaction they are called in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Table, insert, select

from strongroom.model.codes import Status
from strongroom.model.estate import Skip
from strongroom.model.people import RiskException
from strongroom.model.snapshot import Beside, StoredSkip
from strongroom.model.values import Where
from strongroom.store.schema import (
    ACCEPTED,
    ALIASES,
    ASSERTIONS,
    DIGESTS,
    EVIDENCE,
    EXCEPTIONS,
    EXCEPTIONS_LOGGED,
    REVOKED,
    SKIPS,
)

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
_PART = 500  # names in one question: SQLite takes 999 at the least


class KeptAssertion(NamedTuple):
    """An assertion as it is kept; nothing in it has been verified. `revoked` is when and why, or None."""

    id: str
    note: str
    origin: str
    entry: int
    revoked: tuple[str, str] | None


def keep(db: Connection, snapshot: str, beside: Beside) -> None:
    """Keep what stands beside the findings of a snapshot."""
    keep_exceptions(db, beside.exceptions)
    rows = [{"snapshot": snapshot, "fingerprint": f, "was": w.value, "exception": d} for f, w, d in beside.accepted]
    _add(db, ACCEPTED, rows)
    _add(db, ALIASES, [{"snapshot": snapshot, "asset": asset, "alias": alias} for asset, alias in beside.aliases])
    _add(db, SKIPS, [_skip_row(snapshot, s) for s in beside.skips])
    if beside.evidence:
        db.execute(insert(DIGESTS), {"snapshot": snapshot, "digests": beside.evidence})


def _skip_row(snapshot: str, s: StoredSkip) -> dict[str, object]:
    w = s.skip.where
    return {
        "snapshot": snapshot,
        "asset": s.asset,
        "address": s.address,
        "check_id": s.skip.check,
        "reason": s.skip.reason,
        "file": w.file if w else "",
        "line": w.line_start if w else 0,
    }


def _add(db: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        db.execute(insert(table), rows)


def keep_exceptions(db: Connection, exceptions: Iterable[RiskException]) -> None:
    """Keep the words of exceptions that are not kept yet."""
    wanted = {e.digest: e for e in exceptions}
    known = _known(db, EXCEPTIONS, wanted)
    rows = [{"digest": d, "words": msgspec.json.encode(e).decode()} for d, e in wanted.items() if d not in known]
    _add(db, EXCEPTIONS, rows)


def _known(db: Connection, table: Table, digests: Iterable[str]) -> set[str]:
    asked = list(digests)
    parts = (asked[i : i + _PART] for i in range(0, len(asked), _PART))
    return {d for p in parts for d in db.execute(select(table.c.digest).where(table.c.digest.in_(p))).scalars()}


def beside(db: Connection, snapshot: str) -> Beside:
    """What stands beside the findings of a snapshot."""
    accepted = [
        (r.fingerprint, Status(r.was), r.exception)
        for r in db.execute(select(ACCEPTED).where(ACCEPTED.c.snapshot == snapshot))
    ]
    return Beside(
        tuple(accepted),
        tuple(_words(db, {d for _, _, d in accepted})),
        tuple((r.asset, r.alias) for r in db.execute(select(ALIASES).where(ALIASES.c.snapshot == snapshot))),
        tuple(
            _skip(r.asset, r.address, r.check_id, r.reason, r.file, r.line)
            for r in db.execute(select(SKIPS).where(SKIPS.c.snapshot == snapshot))
        ),
        bytes(db.execute(select(DIGESTS.c.digests).where(DIGESTS.c.snapshot == snapshot)).scalar() or b""),
    )


def _skip(asset: str, address: str, check: str, reason: str, file: str, line: int) -> StoredSkip:
    return StoredSkip(asset, address, Skip(check, reason, Where(file, line, line) if file else None))


def _words(db: Connection, digests: Iterable[str]) -> Iterator[RiskException]:
    asked = sorted(digests)
    for i in range(0, len(asked), _PART):
        part = select(EXCEPTIONS.c.words).where(EXCEPTIONS.c.digest.in_(asked[i : i + _PART]))
        for words in db.execute(part).scalars():
            yield msgspec.json.decode(words, type=RiskException)


def not_logged(db: Connection, exceptions: Iterable[RiskException]) -> list[RiskException]:
    """The exceptions that no log is known to hold, each once."""
    wanted = {e.digest: e for e in exceptions}
    known = _known(db, EXCEPTIONS_LOGGED, wanted)
    return [e for d, e in wanted.items() if d not in known]


def cite_exceptions(db: Connection, origin: str, entries: Sequence[tuple[RiskException, int]]) -> None:
    """Remember where the log holds exceptions."""
    keep_exceptions(db, [e for e, _ in entries])
    _add(db, EXCEPTIONS_LOGGED, [{"digest": e.digest, "origin": origin, "entry": n} for e, n in entries])


def keep_assertion(db: Connection, ident: str, note: str, origin: str, entry: int) -> None:
    """Keep an assertion that the log holds."""
    db.execute(insert(ASSERTIONS), {"id": ident, "note": note, "origin": origin, "entry": entry})


def revoke(db: Connection, ident: str, at: datetime, reason: str, origin: str, entry: int) -> None:
    """Keep that an assertion was taken back."""
    said = {"id": ident, "at": at.strftime(_STAMP), "reason": reason, "origin": origin, "entry": entry}
    db.execute(insert(REVOKED), said)


def assertions(db: Connection) -> tuple[KeptAssertion, ...]:
    """Every assertion, oldest first."""
    asked = select(ASSERTIONS, REVOKED.c.at, REVOKED.c.reason).outerjoin(REVOKED, REVOKED.c.id == ASSERTIONS.c.id)
    rows = db.execute(asked.order_by(ASSERTIONS.c.entry, ASSERTIONS.c.id))
    return tuple(
        KeptAssertion(r.id, r.note, r.origin, r.entry, (r.at, r.reason) if r.at is not None else None) for r in rows
    )


def keep_evidence(db: Connection, digest: str, size: int, retain_until: datetime) -> None:
    """Remember how long a piece of evidence is to be kept; the longest of several wishes counts."""
    until = retain_until.strftime(_STAMP)
    held = db.execute(select(EVIDENCE.c.retain_until).where(EVIDENCE.c.digest == digest)).scalar()
    if held is None:
        db.execute(insert(EVIDENCE), {"digest": digest, "size": size, "retain_until": until})
    elif until > held:
        db.execute(EVIDENCE.update().where(EVIDENCE.c.digest == digest).values(retain_until=until))
