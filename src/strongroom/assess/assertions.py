"""What a person's word is worth: a clause that no machine measured, until the day that was named, and no more.

An assertion never overrules a machine, whatever the machine answered; it never makes a pass; it ends. Whether it is
signed and logged has been verified before it comes here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from strongroom.model.codes import AssertionState, Status
from strongroom.model.control import ClauseResult
from strongroom.model.people import Assertion, AssertionNote, People
from strongroom.model.ports import Catalogue, Control

BY_PEOPLE = frozenset({"assert", "drill", "probe"})
"""What may measure a clause that a person can speak for: who made the probe or the drill says what came of it."""
MOST_MONTHS = 13  # a yearly review, and a month to hold it


class Attested(NamedTuple):
    """The clauses that stand on somebody's word, and the assertions that count for nothing."""

    clauses: Mapping[str, Assertion]
    notes: tuple[AssertionNote, ...]


def latest_end(made_at: datetime) -> datetime:
    """The last moment at which an assertion that is made now may end: the same day 13 months later."""
    months = made_at.month - 1 + MOST_MONTHS
    year, month = made_at.year + months // 12, months % 12 + 1
    end = made_at.replace(year=year, month=month, day=1, hour=23, minute=59, second=59, microsecond=999999)
    last = (end.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return end.replace(day=min(made_at.day, last.day))


def clauses_for_people(control: Control) -> tuple[str, ...]:
    """The clauses of a control that a person can speak for."""
    return tuple(c.id for c in control.clauses if BY_PEOPLE.intersection(c.measured_by))


def attest(catalogue: Catalogue, measured: Mapping[str, ClauseResult], people: People, now: datetime) -> Attested:
    """The clauses that assertions stand for at `now`; of several, the one that ends last."""
    open_to_people = {c for control in catalogue.controls.values() for c in clauses_for_people(control)}
    standing: dict[str, Assertion] = {}
    notes = list(people.notes)
    for a in sorted(people.assertions, key=lambda a: (a.expires_at, a.id), reverse=True):
        state, detail = _fallen(a, now, open_to_people, measured)
        if state is not None:
            notes.append(AssertionNote(state, a, detail))
        else:
            standing.setdefault(a.clause, a)
    return Attested(standing, _without_the_replaced(notes, standing))


def _fallen(
    a: Assertion, now: datetime, open_to_people: Iterable[str], measured: Mapping[str, ClauseResult]
) -> tuple[AssertionState | None, str]:
    if a.clause not in open_to_people:
        return AssertionState.NOT_FOR_PEOPLE, ""
    if now < a.made_at:
        return AssertionState.NOT_YET, f"it was made at {a.made_at:%Y-%m-%d %H:%M} UTC"
    if now > min(a.expires_at, latest_end(a.made_at)):
        return AssertionState.EXPIRED, ""
    result = measured.get(a.clause)
    if result is not None and result.status is not Status.NOT_ASSESSED:
        return AssertionState.OVERRULED, f"measured: {result.status.value}"
    return (AssertionState.PARTIAL, "") if a.asset else (None, "")


def _without_the_replaced(
    notes: Iterable[AssertionNote], standing: Mapping[str, Assertion]
) -> tuple[AssertionNote, ...]:
    """An assertion that has ended is no news where a newer one stands for the same clause."""
    ended = (AssertionState.EXPIRED, AssertionState.REVOKED)
    return tuple(n for n in notes if n.state not in ended or n.assertion.clause not in standing)


def results(attested: Attested) -> dict[str, ClauseResult]:
    """The attested clauses as results, to be put beside the measured ones."""
    return {
        clause: ClauseResult(
            clause, Status.ATTESTED, reasons=(f"{a.owner} vouches for it until {a.expires_at:%Y-%m-%d}",)
        )
        for clause, a in attested.clauses.items()
    }
