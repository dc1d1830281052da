"""The standing of hosts that are attested again and again: who is known by which key, who is trusted, and until when.

A standing is a lease: it ends by itself, and only evidence that passes renews it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

SKEW = timedelta(seconds=5)
"""How far the clocks of servers that share their memory may be apart. A clock that was set back makes no trust last."""


class Grade(StrEnum):
    """How well a host's attestation key is known. Nothing turns the second into the first by itself."""

    CERTIFIED = "certified"  # a maker whom the owner trusts certifies the endorsement key of the same TPM
    FIRST_USE = (
        "first-use"  # it lives in some TPM, or in a program that acts like one: as sure as the first meeting was
    )


class Admission(StrEnum):
    """Who is let in without the owner's word."""

    NEVER = "never"
    CERTIFIED = "certified"  # hosts of that grade


class StandingState(StrEnum):
    """Where a host stands."""

    ENROLLED = "enrolled"  # its key is known; nobody admitted it yet, or it has not answered since
    TRUSTED = "trusted"  # its last answer passed, and is not older than one interval
    LOST = "lost"  # its last answer failed
    STALE = "stale"  # it fell silent
    REFUSED = "refused"  # another key has this name, or another name this TPM: the owner decides


class Counters(msgspec.Struct, frozen=True, order=True):
    """TPMS_CLOCK_INFO (TPM 2.0 Part 2, 10.11.1): resets of the TPM, restarts since then, and milliseconds of running."""

    resets: int
    restarts: int
    clock: int


class Enrolment(msgspec.Struct, frozen=True):
    """A host and the attestation key that was enrolled for it by credential activation.

    `ek` is the SHA-256 of the endorsement key's SubjectPublicKeyInfo and `ak_name` the name of the attestation key (TPM
    2.0 Part 1, 16), both in lower-case hex; `ak_public` is the key's public area. `root` is the SHA-256 of the root that
    certifies the endorsement key, empty where none does. `admitted_at` is None until the owner admits the host.
    """

    host: str
    ek: str
    ak_name: str
    ak_public: bytes
    grade: Grade
    enrolled_at: datetime
    admitted_at: datetime | None = None
    admitted_by: str = ""
    root: str = ""
    maker: str = ""  # what the endorsement key's certificate says of the TPM

    @property
    def admitted(self) -> bool:
        """Whether the owner lets it be trusted."""
        return self.admitted_at is not None


class Standing(msgspec.Struct, frozen=True):
    """Where a host stands. `since` is when the state began.

    `last_at` is when the challenge was made that it last answered well: of the time before, a quote says what the machine
    was; of the time behind, nothing. `until` is the end of the trust. `failed` are the steps that the last answer failed
    by, `counters` those of the last one that passed, and `evidence` is the digest of the last one (`sha256:…`).
    """

    host: str
    state: StandingState
    since: datetime
    reason: str = ""
    last_at: datetime | None = None
    until: datetime | None = None
    failed: tuple[str, ...] = ()
    counters: Counters | None = None
    evidence: str = ""

    def trusted_at(self, now: datetime) -> bool:
        """Whether it is trusted at a time: whoever asks late, before anybody has swept, gets no other answer."""
        if self.state is not StandingState.TRUSTED or self.until is None or self.last_at is None:
            return False
        return self.last_at - SKEW <= now < self.until


class Change(msgspec.Struct, frozen=True):
    """What is told and logged of a standing: that it began or ended, or that the machine was started again.

    `before` and `after` are the same where a host only restarted.
    """

    host: str
    before: StandingState
    after: StandingState
    at: datetime
    reason: str
    failed: tuple[str, ...] = ()
    restarted: bool = False

    @property
    def gains(self) -> bool:
        """Whether the host is trusted by it, and was not before."""
        return self.after is StandingState.TRUSTED and self.before is not StandingState.TRUSTED
