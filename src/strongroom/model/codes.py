"""The closed lists of words that other programs may rely on. Snapshot-tested: a word is never renamed or reused."""

from enum import StrEnum


class Status(StrEnum):
    """The status of one check on one asset, or of one control. `UNKNOWN` is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ACCEPTED = "accepted"
    NOT_ASSESSED = "not-assessed"  # controls and clauses only: no given source could measure it
    ATTESTED = "attested"  # controls only: a person vouches for it, until a date


class Severity(StrEnum):
    """How bad a failure is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info up to 4 for critical."""
        return _RANK[self]


_RANK = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}


class GapCode(StrEnum):
    """Why something could not be looked at."""

    DENIED = "denied"  # a permission is missing; the detail names it
    ABSENT = "absent"  # the file, device or interface does not exist here
    MALFORMED = "malformed"  # it does not parse
    DUPLICATE_KEY = "duplicate-key"  # two values under one key: which one counts is a guess
    NOT_UTF8 = "not-utf8"
    TOO_LARGE = "too-large"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    NOT_FETCHED = "not-fetched"  # a module or document that lives elsewhere
    OUTSIDE = "outside"  # a path that leaves the assessed tree
    LINK = "link"  # a symbolic link, which is never followed
    LOST = "lost"  # the parser dropped a block that is in the text
    UNDECIDED = "undecided"  # a variable without value, or known only after apply
    CONFLICT = "conflict"  # two sources say different things
    UNSUPPORTED = "unsupported"  # a format or version that is not understood
    CRASHED = "crashed"  # the fenced child died


class FindingCode(StrEnum):
    """What a finding says; the check's own prose and the arguments say the rest."""

    HOLDS = "holds"
    BROKEN = "broken"
    FACT_UNKNOWN = "fact-unknown"
    NOT_APPLICABLE = "not-applicable"
    SOURCE_WHOLE = "source-whole"
    SOURCE_GAP = "source-gap"


class Verb(StrEnum):
    """The verbs of the guide, in its order."""

    ASSESS = "ASSESS"
    PLAN = "PLAN"
    ATTEST = "ATTEST"
    ISOLATE = "ISOLATE"
    SEAL = "SEAL"
    LOG = "LOG"
    WATCH = "WATCH"
    RESPOND = "RESPOND"


class Effort(StrEnum):
    """How much work a fix is: minutes, about a day, or a project."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class EntryKind(StrEnum):
    """What an entry of the log records."""

    DECISION = "decision"
    RELEASE = "release"
    DENIAL = "denial"
    SCRUB = "scrub"
    POLICY_CHANGE = "policy-change"
    EXCEPTION = "exception"
    PROMOTION = "promotion"
    DRILL = "drill"
    SNAPSHOT = "snapshot"
    ASSERTION = "assertion"
    REDACTION = "redaction"
