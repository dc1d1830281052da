"""Hosts that are attested again and again: a challenge, its answer, and what the answer does to the host's standing.

What a standing rests on is an order. A challenge is taken by one answer only. A gain of trust is in the log before the
store has it; a loss is in the store, together with what is to be logged of it, before anything else can fail.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple

from strongroom.app.evidence import verifier_of
from strongroom.app.watch_log import of_change
from strongroom.app.watch_record import Judged as Record
from strongroom.app.watch_record import keep, known, policy_for
from strongroom.app.watch_setup import RefusedError, Watch
from strongroom.attest.standing import Answer, Judged, is_own, renew
from strongroom.model.attest import Appraisal, Evidence, EvidenceKind, EvidencePart, StepVerdict
from strongroom.model.errors import BadInput, LogError
from strongroom.model.standing import Change, Counters, StandingState
from strongroom.store.standing import Challenge, Kept
from strongroom.store.standing_rows import Held

NONCE = 32  # octets
_ATTEMPTS = 5  # to write a host that others write at the same time
_NOT_ENROLLED = "this host and key are not enrolled"
_DECIDE = "another key is known for this host; its owner has to decide"
_USED = "this is no challenge of this host, or it was answered, or its time is over"


class Challenged(NamedTuple):
    """What a host is to quote, and how many seconds one answer is good for."""

    nonce: bytes
    bank: str
    pcrs: tuple[int, ...]
    interval: float


class Told(NamedTuple):
    """What a host is told of its standing."""

    standing: StandingState
    until: datetime | None
    failed: tuple[str, ...]


def challenge(watch: Watch, host: str, ak_name: str) -> Challenged:
    """A fresh challenge for a host. Raises RefusedError, StateError."""
    held = watch.store.held(host, ak_name)
    if held is None:
        raise RefusedError(404, _NOT_ENROLLED, host)
    if held.standing.state is StandingState.REFUSED:
        raise RefusedError(409, _DECIDE, host)
    now, nonce, told = watch.clock(), watch.chance(NONCE), watch.judging().policy.tpm
    watch.store.ask(Challenge(_ident(nonce), host, ak_name, now, now + watch.interval))
    pcrs = sorted({*told.pcrs, 7} if told.secure_boot else set(told.pcrs))
    return Challenged(nonce, told.bank, tuple(pcrs), watch.interval.total_seconds())


def _ident(nonce: bytes) -> str:
    return hashlib.sha256(nonce).hexdigest()


def evidence(watch: Watch, host: str, nonce: bytes, document: bytes) -> Told:
    """Judge the answer to a challenge, and move the host's standing by it.

    Raises:
        RefusedError: it answers no challenge of this host, or a gain could not be logged: then nothing is gained.
        StateError: the store cannot be used.
    """
    began = watch.clock()
    asked = watch.store.asked(_ident(nonce))
    if asked is None or asked.host != host or began >= asked.expires:
        raise RefusedError(403, _USED, host)
    parts = _parts(watch, asked, document)
    for _ in range(_ATTEMPTS):
        told = _answered(watch, asked, Evidence(EvidenceKind.TPM, parts, nonce, began))
        if told is not None:
            watch.counts.seconds.add((watch.clock() - began).total_seconds())
            return told
    raise RefusedError(503, "too much at once; try again", host, 1.0)


def _parts(watch: Watch, asked: Challenge, document: bytes) -> tuple[EvidencePart, ...]:
    try:
        return verifier_of(EvidenceKind.TPM).read(document)
    except BadInput as e:
        watch.store.take(asked)
        raise RefusedError(400, "this is no evidence of a TPM", f"{asked.host}: {e}") from None


def _answered(watch: Watch, asked: Challenge, given: Evidence) -> Told | None:
    """What the answer came to; None where somebody wrote the host meanwhile: then it is judged again."""
    held = watch.store.held(asked.host, asked.ak_name)
    if held is None:
        raise RefusedError(404, _NOT_ENROLLED, asked.host)
    by, seen, now = watch.judging(), known(held.standing.counters), watch.clock()
    policy = policy_for(by.policy, asked.ak_name, seen)
    found = watch.judge(given, by.endorsements, by.references, policy, now)
    answer = Answer(found, _counters(found), _digest(given), asked.asked_at)
    judged = renew(held.standing, held.enrolment, answer, now, watch.interval)
    failed = tuple(s.id for s in found.steps if s.verdict is StepVerdict.FAIL)
    if not is_own(answer, held.enrolment):
        return _foreign(watch, asked, held, failed)
    record = keep(watch.files, Record(given, by, asked.ak_name, seen, now, found))
    kept = Kept(passed=record) if found.opens else Kept(failing=record)
    if not _moved(watch, asked, held, judged, kept, found):
        return None
    watch.counts.answers["passed" if found.opens else "failed"] += 1
    return Told(judged.standing.state, judged.standing.until, failed)


def _foreign(watch: Watch, asked: Challenge, held: Held, failed: tuple[str, ...]) -> Told:
    """It says nothing of the host. The challenge is spent; the standing is what it was."""
    if not watch.store.take(asked):
        raise RefusedError(403, _USED, asked.host)
    watch.counts.answers["foreign"] += 1
    watch.tell(f"an answer for {asked.host} is not its own: {', '.join(failed) or 'its key did not sign it'}")
    s = held.standing
    trusted = s.trusted_at(watch.clock())
    state = StandingState.STALE if s.state is StandingState.TRUSTED and not trusted else s.state
    return Told(state, s.until if trusted else None, failed)


def _moved(watch: Watch, asked: Challenge, held: Held, judged: Judged, kept: Kept, found: Appraisal) -> bool:
    """Write what the answer came to; False where somebody wrote meanwhile. Raises RefusedError."""
    after, change = Held(held.enrolment, judged.standing, held.revision), judged.change
    if change is not None and change.gains:
        return _gained(watch, asked, held, after, change, kept, found)
    entry = of_change(change, held.enrolment, watch.actor, digests(found)) if change else None
    done = watch.store.settle(asked, held, after, kept, entry)
    if done is None:
        raise RefusedError(403, _USED, asked.host)
    if done and change is not None:
        announce(watch, change)
    return done


def _gained(
    watch: Watch, asked: Challenge, held: Held, after: Held, change: Change, kept: Kept, found: Appraisal
) -> bool:
    """A gain of trust: the challenge is taken, the log has it, and only then the store."""
    if not watch.store.take(asked):
        raise RefusedError(403, _USED, asked.host)
    try:
        watch.journal.write([of_change(change, held.enrolment, watch.actor, digests(found))])
    except LogError as e:
        raise RefusedError(503, "not now; try again", f"{asked.host} gains nothing: {e}", 5.0) from None
    if not watch.store.replace(held, after, kept):
        # Somebody wrote the host between: the log says more than the store holds, which harms nobody.
        raise RefusedError(503, "too much at once; try again", asked.host, 1.0)
    watch.store.supersede(asked)
    _counted(watch, change)
    return True


def announce(watch: Watch, change: Change) -> None:
    """Tell the operator of a change that is in the store, and log it now if that is possible."""
    _counted(watch, change)
    try:
        watch.journal.flush()
    except LogError as e:
        watch.tell(f"the log cannot take it now, it waits: {e}")


def _counted(watch: Watch, change: Change) -> None:
    watch.counts.changes[change.after.value] += 1
    how = change.after.value if change.after is change.before else f"{change.before.value} to {change.after.value}"
    watch.tell(f"{change.host}: {how}: {change.reason}")


def digests(found: Appraisal) -> dict[str, str]:
    """What an entry names of an appraisal's inputs."""
    named = {"evidence": "evidence.quote", "policy": "policy", "references": "references"}
    return {name: found.inputs[key] for name, key in named.items() if key in found.inputs}


def _digest(given: Evidence) -> str:
    """That of the quote: it covers the challenge and every register that was asked for."""
    quoted = given.part("quote")
    return quoted.digest if quoted else ""


def _counters(found: Appraisal) -> Counters | None:
    values = [found.claims.get(name) for name in ("resets", "restarts", "clock")]
    resets, restarts, clock = values
    if isinstance(resets, int) and isinstance(restarts, int) and isinstance(clock, int):
        return Counters(resets, restarts, clock)
    return None
