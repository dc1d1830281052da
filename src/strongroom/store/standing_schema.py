"""The tables of hosts that are attested again and again. They may lie in a database of their own, or beside others."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

VERSION = 1
WATCH = MetaData()

SCHEMA = Table("watch_schema", WATCH, Column("version", Integer, nullable=False))

# One row for each key that was enrolled under a name. Of one name, and of one endorsement key, one row is not refused.
HOSTS = Table(
    "watch_host",
    WATCH,
    Column("host", String(253), primary_key=True),
    Column("ak_name", String(136), primary_key=True),
    Column("ek", String(64), nullable=False),
    Column("ak_public", LargeBinary, nullable=False),
    Column("grade", String(16), nullable=False),
    Column("root", String(64), nullable=False),
    Column("maker", Text, nullable=False),
    Column("enrolled_at", String(32), nullable=False),
    Column("admitted_at", String(32)),
    Column("admitted_by", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("last_at", String(32)),
    Column("until", String(32)),
    Column("failed", Text, nullable=False),  # step ids, a space between
    Column("resets", BigInteger),
    Column("restarts", BigInteger),
    Column("clock", BigInteger),
    Column("evidence", String(80), nullable=False),
    Column("revision", BigInteger, nullable=False),  # one more with each write: who wrote meanwhile is seen
    Column("passed", LargeBinary, nullable=False),  # what the last good appraisal was made of; see app.watch_record
    Column("failing", LargeBinary, nullable=False),  # and the last failed one
)
_LIVE = text("state <> 'refused'")
Index("watch_host_name", HOSTS.c.host, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)
Index("watch_host_ek", HOSTS.c.ek, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)
Index("watch_host_until", HOSTS.c.state, HOSTS.c.until)

# A challenge that nobody answered yet; answering takes it away. The id is the hash of the nonce: who reads the table
# cannot answer in another's place with what is in it.
CHALLENGES = Table(
    "watch_challenge",
    WATCH,
    Column("id", String(64), primary_key=True),
    Column("host", String(253), nullable=False),
    Column("ak_name", String(136), nullable=False),
    Column("asked_at", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
)
Index("watch_challenge_host", CHALLENGES.c.host, CHALLENGES.c.ak_name)
Index("watch_challenge_expires", CHALLENGES.c.expires)

# An enrolment that waits for its secret to come back.
SESSIONS = Table(
    "watch_session",
    WATCH,
    Column("id", String(64), primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    Column("expires", String(32), nullable=False),
)
Index("watch_session_expires", SESSIONS.c.expires)

# What happened and is not in the log yet.
OUTBOX = Table(
    "watch_outbox",
    WATCH,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("entry", LargeBinary, nullable=False),  # JSON
    Column("claimed", String(32), nullable=False),
    Column("claimed_at", String(32), nullable=False),
)

# The periods whose roll was called: one of several servers does it.
ROLLS = Table("watch_roll", WATCH, Column("period", String(32), primary_key=True))
