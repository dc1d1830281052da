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
    APPRAISAL = "appraisal"
    ENROLMENT = "enrolment"
    STANDING = "standing"
    ROLL_CALL = "roll-call"
    SEALING = "sealing"
    ADMISSION = "admission"
    DRIFT = "drift"


class Inline(StrEnum):
    """What a skip that stands beside an asset is worth. A critical finding is never accepted by one."""

    ACCEPT = "accept"  # the finding is accepted, and listed as unapproved
    NOTE = "note"  # the finding stays open, and the reason is shown beside it
    REFUSE = "refuse"  # the same, and the skip itself is reported as refused


class ExceptionState(StrEnum):
    """Why an exception does not accept what it names."""

    EXPIRED = "expired"  # its day is over: what it had accepted is open again
    UNUSED = "unused"  # no open finding is named by it
    INCOMPLETE = "incomplete"  # owner, approver, reason or expiry is missing
    SELF_APPROVED = "self-approved"  # a critical finding, and owner and approver are one person
    UNAPPROVED = "unapproved"  # a critical finding, and nobody approved it: an inline skip
    NOTED = "noted"  # an inline skip, and the configuration takes these as remarks
    REFUSED = "refused"  # an inline skip, and the configuration takes none, or it is in a module of others
    NO_SUCH_CHECK = "no-such-check"  # it names a check or a control that is not in the catalogue


class AssertionState(StrEnum):
    """Why an assertion counts for nothing."""

    EXPIRED = "expired"  # its day is over
    REVOKED = "revoked"  # it was taken back
    UNVERIFIED = "unverified"  # signature, log entry or evidence is not what it must be, or could not be looked at
    OVERRULED = "overruled"  # a machine could measure the clause, and its answer stands
    NOT_YET = "not-yet"  # it was made after the time that counts as now
    PARTIAL = "partial"  # it speaks of one asset, which is shown; the clause speaks of all
    NOT_FOR_PEOPLE = "not-for-people"  # the clause is measured by machines only, or there is no such clause
