"""When a host is trusted: the judge of standings, whose verdict is a lease that evidence renews and silence ends.

Only an answer of the host itself moves its standing: one that its own key signed, for a challenge that was made for it.
Whatever else arrives under its name says nothing about it; otherwise anybody on the network could take its standing away.

A lease is counted from the challenge, not from the answer. A quote shows what a machine was when it quoted, and the one
thing that is known of that moment is that it came after the challenge: who quotes at once, is changed, and answers late
gains nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from strongroom.model.attest import Appraisal, StepResult, StepVerdict
from strongroom.model.standing import SKEW, Change, Counters, Enrolment, Standing, StandingState

# What must hold before an answer is the host's own: a TPM's key signed it, that key is this host's, and it is fresh.
OWN = ("tpm.magic", "tpm.type", "tpm.ak_attributes", "tpm.ak_certified", "tpm.signature", "tpm.extra_data")
_S = StandingState


class Answer(NamedTuple):
    """What came back for a challenge, as it was appraised. `evidence` is the digest of what came."""

    appraisal: Appraisal
    counters: Counters | None
    evidence: str
    asked_at: datetime


class Judged(NamedTuple):
    """Where the host stands now; `change` where that is to be told and logged."""

    standing: Standing
    change: Change | None = None


def is_own(answer: Answer, enrolment: Enrolment) -> bool:
    """Whether the host itself said it, and now; by the key that was enrolled, not by one that somebody certifies."""
    found = answer.appraisal
    held = {s.id: s.verdict for s in found.steps}
    signed = all(held.get(name) is StepVerdict.PASS for name in OWN)
    return signed and answer.counters is not None and found.subject == f"tpm:{enrolment.ak_name}"


def first(enrolment: Enrolment, state: StandingState = _S.ENROLLED, reason: str = "") -> Standing:
    """Where a host stands that was enrolled just now: nowhere yet."""
    return Standing(enrolment.host, state, enrolment.enrolled_at, reason or _waits(enrolment))


def renew(standing: Standing, enrolment: Enrolment, answer: Answer, now: datetime, interval: timedelta) -> Judged:
    """Where a host stands after an answer. One that is not its own, or comes too late, leaves it where it stands."""
    lapsed = overdue(standing, now, interval)
    if standing.state is _S.REFUSED or not is_own(answer, enrolment):
        return lapsed
    standing = lapsed.standing  # who was silent too long and answers before anybody noticed was not trusted in between
    until = min(answer.asked_at + interval, answer.appraisal.expires_at)
    why = _wrong(standing, answer)
    if not why and not answer.asked_at - SKEW <= now < until:
        return lapsed
    if why:
        return _fallen(standing, answer, enrolment, why, now)
    state = _S.TRUSTED if enrolment.admitted else _S.ENROLLED
    restarted = _restarted(standing.counters, answer.counters)
    reason = "its answer passes" if enrolment.admitted else f"its answer passes; {_waits(enrolment)}"
    after = replace(
        standing,
        state=state,
        since=standing.since if state is standing.state else now,
        reason=reason,
        last_at=answer.asked_at,
        until=until if enrolment.admitted else None,
        failed=(),
        counters=answer.counters,
        evidence=answer.evidence,
    )
    if state is standing.state and not restarted:
        return Judged(after)
    said = f"{reason}; the machine was started again" if restarted else reason
    return Judged(after, Change(standing.host, standing.state, state, now, said, (), restarted))


def overdue(standing: Standing, now: datetime, interval: timedelta) -> Judged:
    """Where a host stands that has said nothing since: its trust is over with its lease."""
    if standing.state is not _S.TRUSTED:
        return Judged(standing)
    last = standing.last_at
    if standing.trusted_at(now) and last is not None and now < last + interval:
        return Judged(standing)
    back = last is not None and now < last - SKEW
    why = "the verifier's clock was set back" if back else f"no answer that passes since {_text(last)}"
    return _without(standing, _S.STALE, why, now)


def forgotten(standing: Standing, now: datetime, why: str) -> Change:
    """What is told of a host that is known no more."""
    return Change(standing.host, standing.state, _S.REFUSED, now, why)


def _without(standing: Standing, state: StandingState, why: str, now: datetime) -> Judged:
    after = replace(standing, state=state, since=now, reason=why, until=None)
    return Judged(after, Change(standing.host, standing.state, state, now, why))


def _fallen(standing: Standing, answer: Answer, enrolment: Enrolment, why: str, now: datetime) -> Judged:
    """A host that is not admitted has nothing to lose: what its answer failed by is kept, for whoever would admit it."""
    failed = tuple(s.id for s in answer.appraisal.steps if s.verdict is StepVerdict.FAIL)
    told = replace(standing, reason=why, failed=failed, evidence=answer.evidence)
    if not enrolment.admitted:
        return Judged(told)
    if standing.state is _S.LOST:
        return Judged(told)
    after = replace(told, state=_S.LOST, since=now, until=None)
    return Judged(after, Change(standing.host, standing.state, _S.LOST, now, why, failed))


def _wrong(standing: Standing, answer: Answer) -> str:
    """Why an answer does not do, in words; empty where it does."""
    steps = [s for s in answer.appraisal.steps if s.verdict is StepVerdict.FAIL]
    if steps:
        return _first_of(steps)
    if not answer.appraisal.opens:
        open_ = [
            s for s in answer.appraisal.steps if s.mandatory and s.verdict is not StepVerdict.PASS and not s.waived
        ]
        return f"not checked: {', '.join(s.id for s in open_)}" if open_ else "its appraisal is not complete"
    # `tpm.clock` says the same, and a policy may name that step unchecked; a machine that went back in time is another.
    if _behind(standing.counters, answer.counters):
        return f"its counters went back, from {_numbers(standing.counters)} to {_numbers(answer.counters)}"
    return ""


def _first_of(steps: Sequence[StepResult]) -> str:
    more = f", and {len(steps) - 1} more" if len(steps) > 1 else ""
    return f"{steps[0].id}: found {steps[0].found}, wanted {steps[0].wanted}{more}"


def _behind(before: Counters | None, after: Counters | None) -> bool:
    """Resets and restarts count up for as long as a TPM lives. Its clock may lose a little where power failed, which is a
    reset; within one run it may not.
    """
    return before is not None and after is not None and after < before


def _restarted(before: Counters | None, after: Counters | None) -> bool:
    return (
        before is not None and after is not None and (after.resets, after.restarts) > (before.resets, before.restarts)
    )


def _numbers(held: Counters | None) -> str:
    return f"{held.resets} resets, {held.restarts} restarts, {held.clock} ms" if held else "none"


def _waits(enrolment: Enrolment) -> str:
    return "it has not answered since it was admitted" if enrolment.admitted else "it waits for its owner to admit it"


def _text(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "it was enrolled"
