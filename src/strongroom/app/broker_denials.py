"""Denials that no judge has made: a fault, an end, a delay. Each is in the log before its refusal is answered.

What is refused to somebody without a session is no entry: anybody could fill the log with it. Where the log takes nothing,
the broker answers that it cannot work, whatever it was asked.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from strongroom.app import broker_words as words
from strongroom.app.boundary import contained, fault
from strongroom.app.broker_words import Refused
from strongroom.model.errors import StrongroomError
from strongroom.model.release import DENY
from strongroom.model.trust import Decision

T = TypeVar("T")
_MOST = 500  # signs of a reason


@dataclass(slots=True)
class Case:
    """What is asked: to attest or to release what, and of which session, once that is known."""

    verb: str
    subject: str
    ident: str = ""


def answered(case: Case, log: Callable[[Decision], object], clock: Callable[[], datetime], work: Callable[[], T]) -> T:
    """What a work comes to. Raises Refused and nothing else, and owes the log nothing by then."""
    try:
        return contained(work, unforeseen)
    except Refused as e:
        refusal = e
    except StrongroomError as e:
        refusal = words.cannot_work(str(e))
    if refusal.owed:
        decision = Decision(
            id=str(uuid.uuid4()),
            verb=case.verb,
            subject=case.subject,
            outcome=DENY,
            reasons=(f"{case.verb}.refused: {refusal.found[:_MOST]}",),
            inputs=(),
            actor=f"session:{(refusal.ident or case.ident)[:16] or 'unknown'}",
            decided_at=clock(),
        )
        _log(lambda: log(decision), refusal)
    raise refusal from None


def _log(work: Callable[[], object], refusal: Refused) -> None:
    try:
        contained(work, unforeseen)
    except StrongroomError as e:
        raise words.cannot_work(f"{refusal.found[:_MOST]}; and the log: {e}", owed=False) from None


def unforeseen(e: Exception) -> Refused:
    """The refusal of what nobody foresaw: its type and place, and nothing of its message."""
    return words.cannot_work(f"internal fault {fault(e)}")


def in_time(began: datetime, now: datetime, patience: timedelta) -> None:
    """Refuse what took too long, and what a clock that was set has made old or new. Raises Refused."""
    if not timedelta() <= now - began <= patience:
        raise words.cannot_work(f"{(now - began).total_seconds():.3f} s since it began")
