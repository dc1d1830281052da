"""The tables of the state database."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

VERSION = 1

METADATA = MetaData()

SCHEMA = Table("strongroom_schema", METADATA, Column("version", Integer, nullable=False))

SNAPSHOTS = Table(
    "snapshot",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("taken_at", String(32), nullable=False),  # ISO 8601, UTC, microseconds: sorts as text in every engine
    Column("sources", Text, nullable=False),  # a JSON list
    Column("assets", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)

FINDINGS = Table(
    "finding",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("check_id", String(128), nullable=False),
    Column("control", String(16), nullable=False),
    Column("asset", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("because", Text, nullable=False),
)

Index("finding_of_snapshot", FINDINGS.c.snapshot)

# Where the log says that a snapshot was taken. A table of its own, so that databases made before it have it too.
LOGGED = Table(
    "logged",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
)
