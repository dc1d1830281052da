"""What people say, beside what machines see: exceptions that accept a risk, and assertions of what no machine can see."""

from datetime import date, datetime

import msgspec

from strongroom.model.codes import AssertionState, ExceptionState, Inline, Severity, Status
from strongroom.model.values import Where


class RiskException(msgspec.Struct, frozen=True):
    """One exception: who accepts which findings, why, approved by whom, and until the end of which day (UTC).

    It speaks of the findings of a `check` (or of all the checks of a `control`) on the assets that `asset` names, or
    of one `fingerprint`. `digest` is sha256 over what it says: another word makes it another exception. An `inline`
    one stands beside the asset itself; it has no owner, approver or expiry, and is never called approved.
    """

    digest: str
    inline: bool
    check: str = ""
    control: str = ""
    asset: str = ""
    fingerprint: str = ""
    everything: bool = False  # said in so many words, where `asset` is a glob that matches almost anything
    owner: str = ""
    approver: str = ""
    reason: str = ""
    expires: date | None = None
    ticket: str = ""
    where: Where | None = None


class Accepted(msgspec.Struct, frozen=True):
    """One finding that is accepted: what it was, and by which exception. `exception.expires` says until when."""

    fingerprint: str
    check: str
    control: str
    asset: str
    address: str
    was: Status
    severity: Severity
    exception: RiskException


class ExceptionNote(msgspec.Struct, frozen=True):
    """An exception that does not do what it was written for, with the findings that stay open in spite of it."""

    state: ExceptionState
    exception: RiskException
    fingerprints: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Assertion(msgspec.Struct, frozen=True):
    """What only a person can attest: that a clause holds, from `made_at` until `expires_at`, both included.

    `asset` is empty where it speaks of everything that the clause applies to. `id` is the digest of the signed note,
    `key` the name and id of the key that signed it, and `log` and `entry` say where it is logged.
    """

    control: str
    asset: str
    statement: str
    owner: str
    approver: str
    evidence_digest: str
    expires_at: datetime
    clause: str
    made_at: datetime
    id: str = ""
    key: str = ""
    log: str = ""
    entry: int = 0


class AssertionNote(msgspec.Struct, frozen=True):
    """An assertion that counts for nothing, and why."""

    state: AssertionState
    assertion: Assertion
    detail: str = ""


class People(msgspec.Struct, frozen=True):
    """What people say, as a judge takes it. `assertions` are verified; `notes` are those that could not be."""

    exceptions: tuple[RiskException, ...] = ()
    inline: Inline = Inline.ACCEPT
    assertions: tuple[Assertion, ...] = ()
    notes: tuple[AssertionNote, ...] = ()
