"""The tables of the broker's own database, apart from the state database: another process, other people."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

VERSION = 2
BROKER = MetaData()

SCHEMA = Table("broker_schema", BROKER, Column("version", Integer, nullable=False))

# One row for each challenge that was answered; its id is the hash of the nonce, so that no nonce is answered twice.
ATTESTATIONS = Table(
    "broker_attestation",
    BROKER,
    Column("id", String(64), primary_key=True),
    Column("workload", Text, nullable=False),  # JSON
    Column("key", Text, nullable=False),  # the public key to encrypt to, JSON Web Key
    Column("at", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
)
Index("broker_attestation_expires", ATTESTATIONS.c.expires)

# A use is taken before it is logged, by a number that only one can have.
USES = Table(
    "broker_use",
    BROKER,
    Column("attestation", String(64), nullable=False),
    Column("resource", String(400), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    UniqueConstraint("attestation", "resource", "number"),
)
Index("broker_use_recent", USES.c.resource, USES.c.at)

RESOURCES = Table(
    "broker_resource",
    BROKER,
    Column("name", String(400), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("backend", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("owners", Text, nullable=False),  # a JSON list
    Column("blob", LargeBinary, nullable=False),
    Column("at", String(32), nullable=False),
    Column("purpose", String(32), nullable=False, server_default=""),  # of schema 2
)

REVOCATIONS = Table(
    "broker_revocation",
    BROKER,
    Column("what", String(32), primary_key=True),
    Column("value", String(512), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", String(32), nullable=False),
    Column("by", Text, nullable=False),
)

APPROVALS = Table(
    "broker_approval",
    BROKER,
    Column("resource", String(400), primary_key=True),
    Column("requester", String(64), primary_key=True),
    Column("approver", String(256), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("until", String(32), nullable=False),
    Column("note", LargeBinary, nullable=False),  # what the approver signed: the row counts only as far as this says so
)

# The highest version of each policy that was ever in force: an older one, however well signed, is a step back.
POLICIES = Table(
    "broker_policy",
    BROKER,
    Column("name", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("digest", String(80), nullable=False),
)

# What each decision was made of, to make it again. It is written with the use that it takes, before it is logged.
DECISIONS = Table(
    "broker_decision",
    BROKER,
    Column("id", String(64), primary_key=True),
    Column("terms", LargeBinary, nullable=False),  # JSON
    Column("at", String(32), nullable=False),
)
Index("broker_decision_at", DECISIONS.c.at)

# Brokers that serve from this database, and what their operators' lines tell. Each says again that it is there.
WORKERS = Table(
    "broker_worker",
    BROKER,
    Column("id", String(32), primary_key=True),
    Column("redacted", Integer, nullable=False),  # 1 where its lines have words of a fixed list alone
    Column("twin", Integer, nullable=False),  # 1 for a debug twin
    Column("started", String(32), nullable=False),
    Column("seen", String(32), nullable=False),
)

# Records of attestations and what they share, by content: any broker on this database can make a verdict again.
RECORDS = Table(
    "broker_record",
    BROKER,
    Column("digest", String(71), primary_key=True),  # sha256:…
    Column("octets", LargeBinary, nullable=False),
)
