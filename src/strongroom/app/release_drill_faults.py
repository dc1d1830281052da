"""What can go wrong with a broker, as harm that is done to one: before it attests, or between attestation and release."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.app.broker import Judging
from strongroom.app.release_drill_stand import Stand
from strongroom.attest.members import MEMBER
from strongroom.attest.policy import Policy
from strongroom.kit import jwe
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues
from strongroom.model.errors import KeyUnavailable, LogUnavailable, StateError, Unreadable
from strongroom.model.release import Revocation, Secret, What, Wrapped
from strongroom.model.trust import Decision, Receipt

LATE = timedelta(seconds=61)  # more than any request may take
_YEARS = timedelta(days=3650)


class Moment(StrEnum):
    """When the harm is done."""

    ATTEST = "attest"
    RELEASE = "release"


class Told(StrEnum):
    """What must be in the log afterwards."""

    DENIAL = "denial"  # the refusal, before it was answered
    NOTHING = "nothing"  # it could not be logged, and so nothing was done; or nobody in particular asked
    UNDONE = "undone"  # a release that was logged, and after it that nothing of it left


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell of the matrix: what goes wrong, when, how it is done, and what the log must say."""

    name: str
    moment: Moment
    harm: Callable[[Stand], object]
    told: Told = Told.DENIAL
    session: Callable[[Stand], str] | None = None  # another session than the attested one


class FaultError(Exception):
    """What no code of ours raises."""


def _raises(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


class _Down:
    """A part that does not answer, whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _name: str) -> Callable[..., NoReturn]:
        """Any method of it."""
        return _raises(self._error)


def _part(**parts: object) -> Callable[[Stand], object]:
    return lambda s: s.harm(**parts)


def _judging(change: Callable[[Judging], Judging]) -> Callable[[Stand], object]:
    def harm(s: Stand) -> None:
        held = s.taken.judged
        changed = change(Judging(held.policy, held.references, held.endorsements))
        s.harm(judging=lambda _evidence, _now: changed)

    return harm


def _without_endorsements(s: Stand) -> None:
    if not s.taken.judged.endorsements.items:
        raise LookupError("endorsements")
    held = s.taken.judged
    s.harm(judging=lambda _evidence, _now: Judging(held.policy, held.references, Endorsements()))


def _at_another_time(delta: timedelta) -> Callable[[Stand], object]:
    """Certificates and lists are not of that time; what a TPM signs has none."""

    def harm(s: Stand) -> None:
        held = s.taken.judged
        if not held.endorsements.items and any(p.name.startswith(f"{MEMBER}.tpm.") for p in held.evidence.parts):
            raise LookupError("dated endorsement")
        s.later(delta)

    return harm


def _slow_verifier(s: Stand) -> None:
    def judge(e: Evidence, given: Endorsements, known: ReferenceValues, by: Policy, now: datetime) -> Appraisal:
        s.later(LATE)
        return s.taken.judge(e, given, known, by, now)

    s.harm(judge=judge)


def _back_end(work: Callable[[Stand, Receipt, Wrapped, datetime], Secret]) -> Callable[[Stand], object]:
    """The back end opens otherwise than it should."""

    def harm(s: Stand) -> None:
        held = s.setup.keys["drill"]

        class Harmed:
            """The same back end, but for `unwrap`."""

            wrap, check, close = staticmethod(held.wrap), staticmethod(held.check), staticmethod(held.close)

            @staticmethod
            def unwrap(receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
                return work(s, receipt, wrapped, now)

        s.harm(keys={"drill": Harmed()})

    return harm


def _slow_back_end(s: Stand) -> None:
    held = s.setup.keys["drill"]

    def slowly(s: Stand, receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
        s.later(LATE)
        return held.unwrap(receipt, wrapped, now)

    _back_end(slowly)(s)


def _slow_log(s: Stand) -> None:
    held = s.setup.log

    class Slow:
        """The same log, a minute later."""

        @staticmethod
        def decide(decision: Decision) -> Receipt:
            done = held.decide(decision)
            if decision.outcome == "allow":
                s.later(LATE)
            return done

    s.harm(log=Slow())


def _revoked(what: What) -> Callable[[Stand], object]:
    """Somebody revokes what the attestation rests on."""

    def harm(s: Stand) -> None:
        found = s.setup.store.attestation(s.setup.tokens.session(s.cookie(), s.now).id)
        assert found is not None  # the stand has attested just now
        w = found.workload
        values = {
            What.MEASUREMENT: next(iter(w.measured.values()), ""),
            What.CHIP: w.subjects[-1] if w.subjects else "",
            What.KEY: w.key,
            What.POLICY: w.policy,
            What.REFERENCE: w.references[0] if w.references else "",
            What.IMAGE: w.images[0] if w.images else "",
        }
        if not values[what]:
            raise LookupError(what.value)
        s.setup.store.revoke(Revocation(what, values[what], "drill", s.now, "drill"))

    return harm


def _anothers_key(s: Stand) -> None:
    """The evidence is shown with the key of somebody else."""
    runtime = msgspec.json.decode(s.runtime)
    if not isinstance(runtime, dict) or "tee-pubkey" not in runtime:
        raise LookupError("key")
    other = jwe.public_members(ec.generate_private_key(ec.SECP256R1()))
    s.runtime = msgspec.json.encode({**runtime, "tee-pubkey": other})


def _twice(s: Stand) -> None:
    s.attest()


_DOWN = KeyUnavailable("back end", "no answer in 5 s", "one that answers")
_NO_LOG = LogUnavailable("log", "no space left on device", "a log that takes entries")
_NO_STATE = StateError("broker database", "no answer", "one that answers")
_GONE = Unreadable("policy", "gone", "the policy")
_A, _R = Moment.ATTEST, Moment.RELEASE

FAULTS: tuple[Fault, ...] = (
    Fault("a verifier that fails", _A, _part(judge=_raises(FaultError("drill")))),
    Fault("a verifier that takes a minute", _A, _slow_verifier),
    Fault("no endorsements", _A, _without_endorsements),
    Fault("endorsements that are long over", _A, _at_another_time(_YEARS)),
    Fault("a clock that is years behind", _A, _at_another_time(-_YEARS)),
    Fault("no reference values", _A, _judging(lambda j: Judging(j.policy, ReferenceValues((), ""), j.endorsements))),
    Fault("an appraisal policy that is gone", _A, _part(judging=_raises(_GONE))),
    Fault("evidence that was replayed", _A, lambda _: None, session=lambda s: s.cookie(os.urandom(len(s.nonce)))),
    Fault("evidence shown with another's key", _A, _anothers_key),
    Fault("an answer that was given before", _A, _twice),
    Fault("a database that is down", _A, _part(store=_Down(_NO_STATE))),
    Fault("a log that is full, for bad evidence", _A, _part(log=_Down(_NO_LOG), judge=_raises(FaultError("drill"))), Told.NOTHING),
    Fault("no attestation at all", _R, lambda _: None, Told.NOTHING, session=lambda s: s.cookie(os.urandom(len(s.nonce)))),
    Fault("a session that is over", _R, lambda s: s.later(timedelta(minutes=6))),
    Fault("a log that is full", _R, _part(log=_Down(_NO_LOG)), Told.NOTHING),
    Fault("a log that takes a minute", _R, _slow_log, Told.UNDONE),
    Fault("a database that is gone", _R, _part(store=_Down(_NO_STATE))),
    Fault("a key back end that is down", _R, _back_end(_raises(_DOWN)), Told.UNDONE),
    Fault("a key back end that takes a minute", _R, _slow_back_end, Told.UNDONE),
    Fault("a key back end that is not open", _R, _part(keys={}), Told.UNDONE),
    Fault("no release policy", _R, _part(policy=lambda: None)),
    Fault("a release policy that is gone", _R, _part(policy=_raises(_GONE))),
    Fault("a measurement that was revoked since", _R, _revoked(What.MEASUREMENT)),
    Fault("a chip that was revoked since", _R, _revoked(What.CHIP)),
    Fault("a key that was revoked since", _R, _revoked(What.KEY)),
    Fault("an appraisal policy that was revoked since", _R, _revoked(What.POLICY)),
    Fault("a reference that was revoked since", _R, _revoked(What.REFERENCE)),
    Fault("an image that was revoked since", _R, _revoked(What.IMAGE)),
)  # fmt: skip
