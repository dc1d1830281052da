"""The tables of the state database."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

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

# A query has to say this in the same words, or neither engine sees that the index below answers it.
STANDING = text("status IN ('accepted', 'fail', 'unknown')")

# What a line of runs is drawn from, without touching the rows; passes, which are most of them, are not in it. It came
# after the first databases, so `store.snapshots` makes it where it is missing.
STANDING_INDEX = Index(
    "finding_standing",
    FINDINGS.c.snapshot,
    FINDINGS.c.status,
    FINDINGS.c.control,
    FINDINGS.c.fingerprint,
    sqlite_where=STANDING,
    postgresql_where=STANDING,
)

# What follows are tables of their own, so that databases made before them have them too.

ACCEPTED = Table(
    "accepted",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("was", String(16), nullable=False),
    Column("exception", String(64), nullable=False),  # the digest of its words
)

# The words of every exception that a stored run applied or that the log holds, as JSON.
EXCEPTIONS = Table(
    "exception",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("words", Text, nullable=False),
)

EXCEPTIONS_LOGGED = Table(
    "exception_logged",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
)

ALIASES = Table(
    "alias",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("asset", Text, nullable=False),
    Column("alias", Text, nullable=False),
)

SKIPS = Table(
    "skip",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), nullable=False),
    Column("asset", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("check_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("line", Integer, nullable=False),
)

for _table in (ACCEPTED, ALIASES, SKIPS):
    Index(f"{_table.name}_of_snapshot", _table.c.snapshot)

ASSERTIONS = Table(
    "assertion",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("note", Text, nullable=False),  # the signed note, whose words alone count
    Column("origin", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
)

REVOKED = Table(
    "assertion_revoked",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
)

EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("retain_until", String(32), nullable=False),
)

# What the checks of a run read, as digests; see kit.evidence_digests.
DIGESTS = Table(
    "evidence_digests",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True),
    Column("digests", LargeBinary, nullable=False),
)

# Where the log says that a snapshot was taken. A table of its own, so that databases made before it have it too.
LOGGED = Table(
    "logged",
    METADATA,
    Column("snapshot", String(32), ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
)
