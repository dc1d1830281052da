"""What a line of runs is drawn from: which findings stood open or accepted in each, and how many passed.

Functions of one connection. Rows are read one run at a time, through the index that holds only what stands.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from strongroom.model.codes import Status
from strongroom.store.schema import FINDINGS, STANDING

_PART = 500  # names in one question: SQLite takes 999 at the least


class Standing(NamedTuple):
    """The findings of one control that are `fail`, `unknown` or `accepted` in one run."""

    status: str
    control: str
    fingerprints: list[str]


STANDS = (
    # One row a control: a row for each finding would cost more than all that is done with it.
    select(
        FINDINGS.c.status,
        FINDINGS.c.control,
        func.aggregate_strings(FINDINGS.c.fingerprint, ","),
    )
    .where(FINDINGS.c.snapshot == bindparam("snapshot"), STANDING)
    .group_by(FINDINGS.c.status, FINDINGS.c.control)
)
"""What stands in a run: answered by `schema.STANDING_INDEX` alone."""


def standing(db: Connection, snapshot: str) -> Iterator[Standing]:
    """What stood in a run, in no order."""
    for status, control, joined in db.execute(STANDS, {"snapshot": snapshot}):
        yield Standing(status, control, joined.split(","))


def still_there(db: Connection, before: str, after: str, fingerprints: Iterable[str]) -> int:
    """How many of these findings of one run are about an asset that another run shows too."""
    f, asked = FINDINGS.c, sorted(fingerprints)
    there = 0
    for part in (asked[i : i + _PART] for i in range(0, len(asked), _PART)):
        chosen = select(f.asset).where(f.snapshot == before, STANDING, f.fingerprint.in_(part))
        assets = list(db.execute(chosen).scalars())
        shown = select(f.asset).where(f.snapshot == after, f.asset.in_(sorted(set(assets)))).distinct()
        seen = set(db.execute(shown).scalars())
        there += sum(a in seen for a in assets)
    return there


def passes(db: Connection, snapshot: str, controls: Collection[str]) -> int:
    """How many findings of some controls passed in a run."""
    f = FINDINGS.c
    chosen = select(func.count()).where(
        f.snapshot == snapshot, f.status == Status.PASS.value, f.control.in_(sorted(controls))
    )
    return int(db.execute(chosen).scalar() or 0)
