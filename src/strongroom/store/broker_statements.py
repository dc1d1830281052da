"""The statements of a broker's database that are asked again and again: building one costs as much as its answer."""

from typing import TypeAlias

from sqlalchemy import and_, bindparam, func, insert, select

from strongroom.store.broker_schema import (
    APPROVALS,
    ATTESTATIONS,
    DECISIONS,
    RECORDS,
    RESOURCES,
    REVOCATIONS,
    USES,
)

ATTESTATION = select(ATTESTATIONS).where(ATTESTATIONS.c.id == bindparam("ident"))
NEWEST = select(RESOURCES).where(RESOURCES.c.name == bindparam("name")).order_by(RESOURCES.c.version.desc()).limit(1)
REVOKED = select(REVOCATIONS).order_by(REVOCATIONS.c.what, REVOCATIONS.c.value)
APPROVED = select(APPROVALS).where(APPROVALS.c.resource == bindparam("name"))
_MINE = select(func.coalesce(func.max(USES.c.number) + 1, 0)).where(
    USES.c.attestation == bindparam("ident"), USES.c.resource == bindparam("name")
)
_RECENT = select(func.count()).select_from(
    select(USES.c.number)
    .where(USES.c.resource == bindparam("name"), USES.c.at > bindparam("since"))
    .limit(bindparam("most"))
    .subquery()
)
_APPROVALS_OF = select(func.count()).select_from(APPROVALS).where(APPROVALS.c.resource == bindparam("name"))
_LATEST = select(func.max(RESOURCES.c.version)).where(RESOURCES.c.name == bindparam("name")).scalar_subquery()
# All that a decision depends on in one round trip; revocations and approvals are read where there are any.
HELD = (
    select(
        ATTESTATIONS.c.workload,
        ATTESTATIONS.c.key,
        ATTESTATIONS.c.expires,
        RESOURCES.c.version,
        RESOURCES.c.backend,
        RESOURCES.c.key.label("wrapped_by"),
        RESOURCES.c.owners,
        RESOURCES.c.blob,
        RESOURCES.c.purpose,
        _MINE.scalar_subquery().label("mine"),
        _RECENT.scalar_subquery().label("recent"),
        select(func.count()).select_from(REVOCATIONS).scalar_subquery().label("revocations"),
        _APPROVALS_OF.scalar_subquery().label("approvals"),
    )
    .select_from(
        ATTESTATIONS.outerjoin(RESOURCES, and_(RESOURCES.c.name == bindparam("name"), RESOURCES.c.version == _LATEST))
    )
    .where(ATTESTATIONS.c.id == bindparam("ident"))
)
ADD_ATTESTATION, ADD_DECISION, ADD_USE = insert(ATTESTATIONS), insert(DECISIONS), insert(USES)
ADD_RECORD = insert(RECORDS)
RECENT = select(_RECENT.scalar_subquery())
TURN = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name"))))  # until the transaction ends
RECORD = select(RECORDS.c.octets).where(RECORDS.c.digest == bindparam("wanted"))
# What HELD selects, in its order.
HeldRow: TypeAlias = tuple[str, str, str, int | None, str, str, str, bytes, str, int, int, int, int]
