"""What people bring to a broker's database: policies that come into force, and approvals. Two brokers may be told at once.

Whoever loses a race looks again: what was done meanwhile is either what he came to do, or it is refused as it would have been
a moment later.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from strongroom.model.errors import Denied, StateError
from strongroom.store.broker_schema import APPROVALS, POLICIES

TRIES = 16


def settled(transaction: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], bool]) -> None:
    """Do a work in a transaction of its own, again where another was faster. Raises StateError where others always are."""
    for _ in range(TRIES):
        try:
            with transaction() as db:
                if work(db):
                    return
        except IntegrityError:  # another has written the same row meanwhile
            continue
    raise StateError("broker database", f"others who were faster, {TRIES} times", "a turn")


def in_force(db: Connection, name: str, version: int, digest: str) -> bool:
    """Note that a policy is in force; False where another changed it meanwhile. Raises Denied, IntegrityError."""
    row = db.execute(select(POLICIES).where(POLICIES.c.name == name)).mappings().first()
    if row is None:
        db.execute(insert(POLICIES), {"name": name, "version": version, "digest": digest})
        return True
    held = (int(row["version"]), str(row["digest"]))
    if held == (version, digest):
        return True
    if version <= held[0]:
        found = f"version {version} of {name}, where {held[0]} was in force"
        raise Denied("release policy", found, "a higher version: an old one may name an old build")
    same = (POLICIES.c.name == name, POLICIES.c.version == held[0], POLICIES.c.digest == held[1])
    return db.execute(update(POLICIES).where(*same).values(version=version, digest=digest)).rowcount == 1


def approved(db: Connection, row: dict[str, object]) -> bool:
    """Keep a person's word in the place of that person's last one on the same release. Raises IntegrityError."""
    key = (
        APPROVALS.c.resource == row["resource"],
        APPROVALS.c.requester == row["requester"],
        APPROVALS.c.approver == row["approver"],
    )
    db.execute(delete(APPROVALS).where(*key))
    db.execute(insert(APPROVALS), row)
    return True
