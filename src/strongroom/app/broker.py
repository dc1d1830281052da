"""The broker: a challenge, an attestation, a release. Each of them may be refused, and nothing leaves unlogged.

The order is what it rests on. Evidence is judged and its record is on the disk before a token is given; terms are judged
and the decision is in the log before a back end is asked; the back end verifies the receipt again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from strongroom.app import broker_words as words
from strongroom.app.appraisal import appraise, code_digest
from strongroom.app.boundary import contained
from strongroom.app.broker_denials import Case, answered, in_time, unforeseen
from strongroom.app.broker_record import Judge, Judged, keep, made
from strongroom.app.broker_tokens import Session, Tokens
from strongroom.app.broker_words import Refused
from strongroom.attest.members import ADDITIONAL, INIT, KBS_KINDS, MEMBER, RUNTIME
from strongroom.attest.policy import Policy
from strongroom.kit import kbs
from strongroom.kit.jwk import recipient
from strongroom.model.attest import Endorsements, Evidence, EvidenceKind, EvidencePart, ReferenceValues
from strongroom.model.errors import BadInput, Denied, LogError, StrongroomError
from strongroom.model.release import DENY, Keys, ReleasePolicy
from strongroom.model.trust import Decision, Receipt
from strongroom.release import workload
from strongroom.store.broker import Attestation, BrokerStore, digest

NONCE = 32  # octets
SKEW = 5  # seconds by which the clocks of brokers that share a key may differ
Chance = Callable[[int], bytes]


class Decides(Protocol):
    """The log, as far as a broker needs it."""

    def decide(self, decision: Decision) -> Receipt:
        """Log a decision durably. Raises LogUnavailable."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What evidence is judged by, as it stands now: read again for every attestation."""

    policy: Policy
    references: ReferenceValues
    endorsements: Endorsements


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a broker is made of. `judging` and `policy` are asked each time: what was changed counts at once."""

    store: BrokerStore
    log: Decides
    tokens: Tokens
    judging: Callable[[Evidence, datetime], Judging]
    algorithm: Callable[[], str]  # what the appraisal policy binds a node's parts by
    policy: Callable[[], ReleasePolicy | None]
    keys: Mapping[str, Keys]
    clock: Callable[[], datetime]
    chance: Chance
    judge: Judge = appraise  # only a test has another: one with roots of its own
    session: timedelta = timedelta(minutes=5)
    token: timedelta = timedelta(minutes=5)
    patience: timedelta = timedelta(seconds=30)  # what takes longer is denied, whatever it comes to


@dataclass(frozen=True, slots=True)
class Challenge:
    """The answer to the opening message, and the cookie that goes with it."""

    body: bytes
    cookie: str


class Broker:
    """Serves the Key Broker Service protocol: `auth`, then `attest`; `app/broker_release.py` does the rest.

    Every method raises Refused, which says what the caller may know; nothing else goes out.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def auth(self, body: bytes) -> Challenge:
        """Give out a challenge. Raises Refused: nothing was decided, so that nothing is in the log."""
        try:
            return contained(lambda: self._auth(body), unforeseen)
        except Refused:
            raise
        except StrongroomError as e:
            raise words.cannot_work(str(e)) from None

    def _auth(self, body: bytes) -> Challenge:
        try:
            asked = kbs.request(body)
        except BadInput as e:
            raise (
                words.version(e.found, e.wanted) if e.subject == "protocol version" else words.bad_message(e.found)
            ) from None
        if asked.tee not in KBS_KINDS:
            raise words.bad_message(f"a root of kind {asked.tee[:40]!r}")
        nonce = self.setup.chance(NONCE)
        algorithm = self.setup.algorithm()
        if algorithm not in asked.algorithms:
            raise words.bad_message(f"no {algorithm}, which the policy binds by")
        ends = int((self.setup.clock() + self.setup.session).timestamp())
        session = Session(nonce, asked.tee, algorithm, ends)
        return Challenge(kbs.challenge(nonce, algorithm), self.setup.tokens.cookie(session))

    def attest(self, cookie: str, body: bytes) -> str:
        """Judge the answer to a challenge; the token. Raises Refused: the denial is in the log by then."""
        case = Case("attest", "unknown")
        return answered(case, self.setup.log.decide, self.setup.clock, lambda: self._attest(case, cookie, body))

    def _attest(self, case: Case, cookie: str, body: bytes) -> str:
        now = self.setup.clock()
        session = self.setup.tokens.session(cookie, now)
        case.ident, case.subject = session.id, f"{session.tee}:unknown"
        if session.ends - now.timestamp() > self.setup.session.total_seconds() + SKEW:
            raise words.ended("a session of the future: a clock was set back since")
        try:
            message = kbs.attestation(body)
            key = _key_of(message.runtime)
        except BadInput as e:
            raise words.bad_message(e.found) from None
        judged = self._judged(session, _node(session, message, now), now)
        case.subject = judged.appraisal.subject or case.subject
        in_time(now, self.setup.clock(), self.setup.patience)
        if not judged.appraisal.opens:
            raise self._denied(session, judged, now)
        expires = min(now + self.setup.token, judged.appraisal.expires_at)
        try:
            record = made(self.setup.store, judged)
            found = workload.of(judged.appraisal, digest(record), judged.references)
            self.setup.store.attested(Attestation(session.id, found, msgspec.json.encode(key), expires), now, record)
        except Denied as e:
            raise words.not_attested(e.found, owed=True) from None
        return self.setup.tokens.token(judged.appraisal, session.id, key, now, self.setup.token)

    def _judged(self, session: Session, evidence: Evidence, now: datetime) -> Judged:
        """The verdict by what is in force now, bound by the hash of the session."""
        try:
            by = self.setup.judging(evidence, now)
            if by.policy.composite.hash != session.algorithm:
                raise words.ended("a challenge of before the policy changed", session.id)
            return Judged(
                evidence,
                by.endorsements,
                by.references,
                by.policy,
                now,
                self.setup.judge(evidence, by.endorsements, by.references, by.policy, now),
            )
        except BadInput as e:  # a policy that is misunderstood, or what nobody can fetch
            raise self._log_denial(session, (f"attest.judging: {e}",), {}, now) from None

    def _denied(self, session: Session, judged: Judged, now: datetime) -> Refused:
        """The refusal of evidence, once it is logged with every step that it failed by."""
        a = judged.appraisal
        against = [f"{s.id}: {s.found}" for s in a.steps if s.verdict.value == "fail"]
        against += [
            f"{s.id}: not checked: {s.reason}" for s in a.steps if s.verdict.value == "not-checked" and s.mandatory
        ]
        inputs = {"appraisal-record": keep(self.setup.store, judged), "code": code_digest()}
        return self._log_denial(session, tuple(against) or (a.tier.value,), inputs, now, a.subject)

    def _log_denial(
        self, session: Session, reasons: tuple[str, ...], inputs: Mapping[str, str], now: datetime, subject: str = ""
    ) -> Refused:
        decision = Decision(
            id=session.id,
            verb="attest",
            subject=subject or f"{session.tee}:unknown",
            outcome=DENY,
            reasons=reasons,
            inputs=tuple(sorted(inputs.items())),
            actor=f"session:{session.id[:16]}",
            decided_at=now,
        )
        try:
            self.setup.log.decide(decision)
        except LogError as e:
            return words.cannot_work(str(e), owed=False)
        return words.not_attested("; ".join(reasons)[:2000])


def _key_of(runtime: bytes) -> dict[str, object]:
    """The members of the requester's key. Raises Malformed where there is none to encrypt to."""
    held = msgspec.json.decode(runtime).get("tee-pubkey")
    members: dict[str, object] = (
        {str(n): v for n, v in held.items() if isinstance(v, str)} if isinstance(held, dict) else {}
    )
    recipient(members)
    return members


def _node(session: Session, message: kbs.Attestation, now: datetime) -> Evidence:
    """The message as evidence of a node: one root of trust, and the devices that answered before it."""
    kind = KBS_KINDS[session.tee]
    parts = [
        EvidencePart(RUNTIME, "application/json", message.runtime),
        EvidencePart(ADDITIONAL, "application/json", message.additional.encode("utf-8", "replace")),
        EvidencePart(f"{MEMBER}.{kind}.cpu0", "application/octet-stream", message.primary),
    ]
    if message.init is not None:
        parts.append(EvidencePart(INIT, "application/toml", message.init.encode("utf-8", "replace")))
    return Evidence(EvidenceKind.COMPOSITE, tuple(parts), session.nonce, now)
