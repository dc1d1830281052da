"""The hand-made assessment with what people say of it: exceptions, an assertion, and notes on both."""

from datetime import UTC, date, datetime

import reports_fixture as fixture

from strongroom.model.codes import AssertionState, ExceptionState, Status
from strongroom.model.control import Assessment, ClauseResult, ControlResult
from strongroom.model.people import Accepted, Assertion, AssertionNote, ExceptionNote, RiskException

EXCEPTION = RiskException(
    digest="ab" * 32,
    inline=False,
    check="enc.bucket.cmk",
    asset="aws_s3_bucket.accepted",
    owner="Ada",
    approver="Grace",
    reason="a sandbox without data",
    expires=date(2026, 6, 30),
    ticket="RISK-7",
)
ASSERTION = Assertion(
    control="TEE-01",
    asset="",
    statement="Every key was ceremonially wrapped",
    owner="Ada",
    approver="Grace",
    evidence_digest="cd" * 32,
    expires_at=datetime(2026, 9, 1, tzinfo=UTC),
    clause="TEE-01.keys-need-attestation",
    made_at=datetime(2026, 3, 1, tzinfo=UTC),
    id="ef" * 32,
    key="people+0badcafe",
    log="log.example/people",
    entry=41,
)


def with_people(exception: RiskException | None = EXCEPTION) -> Assessment:
    """One accepted failure with its exception, one attested clause, an exception and an assertion that ended."""
    out = fixture.assessment()
    found = next(f for f in out.findings if f.status is Status.ACCEPTED)
    if exception is not None:
        out.accepted = (
            Accepted(
                fingerprint=found.fingerprint,
                check=found.check,
                control=found.control,
                asset=found.asset,
                address="aws_s3_bucket.accepted",
                was=Status.FAIL,
                severity=found.severity,
                exception=exception,
            ),
        )
    out.attested = (ASSERTION,)
    out.exception_notes = (ExceptionNote(ExceptionState.EXPIRED, EXCEPTION),)
    out.assertion_notes = (AssertionNote(AssertionState.REVOKED, ASSERTION),)
    clause = ClauseResult(ASSERTION.clause, Status.ATTESTED)
    stored = ClauseResult("ART-01.stores-cmk", Status.ACCEPTED, 1, 0, 0, 1)
    changed = {
        "TEE-01": ControlResult("TEE-01", Status.ATTESTED, (clause,)),
        "ART-01": ControlResult("ART-01", Status.ACCEPTED, (stored,)),
    }
    out.controls = tuple(changed.get(r.control, r) for r in out.controls)
    return out
