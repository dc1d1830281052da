"""What people who administer a broker ask of its database, and change in it: within a transaction of `BrokerStore`."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, select, update

from strongroom.model.errors import StateError
from strongroom.model.release import Workload, Wrapped
from strongroom.store.broker_schema import ATTESTATIONS, POLICIES, RESOURCES, USES

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def workloads(db: Connection) -> Iterator[tuple[str, Workload]]:
    """Every appraised workload that is remembered, by the digest of its record. Raises StateError."""
    for row in db.execute(select(ATTESTATIONS).order_by(ATTESTATIONS.c.at, ATTESTATIONS.c.id)).mappings():
        try:
            found = msgspec.json.decode(str(row["workload"]), type=Workload)
        except msgspec.MsgspecError as e:
            raise StateError(f"attestation {row['id']}", str(e)[:120], "a workload as it was kept") from None
        yield found.record, found


def versions(db: Connection) -> Iterator[Wrapped]:
    """Every version of every resource, in their wrapping."""
    for row in db.execute(select(RESOURCES).order_by(RESOURCES.c.name, RESOURCES.c.version)).mappings():
        owners = msgspec.json.decode(str(row["owners"]), type=tuple[str, ...])
        yield Wrapped(
            str(row["name"]),
            int(row["version"]),
            str(row["backend"]),
            str(row["key"]),
            bytes(row["blob"]),
            owners,
            str(row["purpose"]),
        )


def rewrapped(db: Connection, before: Wrapped, after: Wrapped) -> bool:
    """Put a resource under another key; False where it was changed meanwhile."""
    changed = update(RESOURCES).where(
        RESOURCES.c.name == before.resource, RESOURCES.c.version == before.version, RESOURCES.c.blob == before.blob
    )
    return db.execute(changed.values(key=after.key, blob=after.blob)).rowcount == 1


def in_force(db: Connection, name: str) -> tuple[int, str] | None:
    """The highest version of a policy that was ever in force, and its digest; None where none was."""
    row = db.execute(select(POLICIES).where(POLICIES.c.name == name)).mappings().first()
    return (int(row["version"]), str(row["digest"])) if row is not None else None


def released_within_hour(db: Connection, resource: str, now: datetime) -> int:
    """How often a resource was released within the last hour."""
    since = (now - timedelta(hours=1)).strftime(_STAMP)
    asked = select(func.count()).select_from(USES).where(USES.c.resource == resource, USES.c.at > since)
    return int(db.execute(asked).scalar_one())
