"""Certificates to attested keys. The key of the authority is unwrapped against the receipt, signs once, and is wiped.

What is asked is a PKCS#10 request: its key must have signed it, and must be the key that the evidence vouches for. No name in
it counts. The decision is in the log before the authority's key is opened, and the certificate before it is answered.
"""

import hashlib
import uuid
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.app import broker_words as words
from strongroom.app.boundary import contained
from strongroom.app.broker import Broker
from strongroom.app.broker_asked import Answered, Question, decided
from strongroom.app.broker_denials import Case, answered, in_time, unforeseen
from strongroom.app.broker_release import logged, not_delivered
from strongroom.app.broker_words import Refused
from strongroom.kit import svid
from strongroom.kit.jwk import MLKEM, Recipient, thumbprint_of
from strongroom.model.errors import BadInput, BadSignature, StrongroomError
from strongroom.model.release import CERTIFICATE, Issue, Terms, resource_name
from strongroom.model.trust import Decision
from strongroom.release.decide import rule_for

MOST = svid.MOST_REQUEST


class Certified(msgspec.Struct, frozen=True):
    """The answer: the certificate and those above it but for roots, in PEM, what it was decided by, and until when it lasts."""

    certificate: str
    decision: str
    policy: str
    ends: datetime


def certificate(broker: Broker, name: str, body: bytes, cookie: str = "", token: str = "") -> bytes:
    """A certificate for the attested key, as JSON. Raises Refused; the denial is logged."""
    try:
        resource_name(name)
    except BadInput as e:
        raise words.not_released(e.found) from None
    case, setup = Case(CERTIFICATE, name), broker.setup
    return answered(case, setup.log.decide, setup.clock, lambda: _certificate(broker, case, body, (cookie, token)))


def _certificate(broker: Broker, case: Case, body: bytes, who: tuple[str, str]) -> bytes:
    def reads(to: Recipient, _: Terms) -> tuple[str, str]:
        if to.algorithm == MLKEM:
            raise words.not_certified("a key of ML-KEM signs nothing, so that it can have no certificate")
        asked = _read(body)
        return (to.thumbprint if to.spki == asked.spki else thumbprint_of(asked.key)), asked.digest

    done = decided(broker, case, Question(case.subject, *who, CERTIFICATE, reads))
    made = _delivered(broker, done, _read(body))
    chain = "".join(c.public_bytes(Encoding.PEM).decode() for c in made)
    policy = done.terms.policy
    told = Certified(chain, done.receipt.decision.id, policy.digest if policy else "", made[0].not_valid_after_utc)
    return msgspec.json.encode(told)


def _read(body: bytes) -> svid.Request:
    try:
        return svid.request(body)
    except BadSignature as e:
        raise words.not_certified(f"{e.subject}: {e.found}") from None
    except BadInput as e:
        raise words.bad_message(f"{e.subject}: {e.found}") from None


def _delivered(broker: Broker, done: Answered, asked: svid.Request) -> tuple[x509.Certificate, ...]:
    """The certificate, once it is in the log too. What cannot be made is logged as a denial that came after."""
    receipt, setup = done.receipt, broker.setup
    try:
        made = contained(lambda: _made(broker, done, asked), unforeseen)
        in_time(receipt.decision.decided_at, setup.clock(), setup.patience)
    except StrongroomError as e:
        why = e.found if isinstance(e, Refused) else str(e)
        not_delivered(broker, receipt.decision, why, setup.clock())
        raise words.cannot_work(why, owed=False) from None
    logged(broker, _issued(broker, receipt.decision, made[0]))
    return made


def _made(broker: Broker, done: Answered, asked: svid.Request) -> tuple[x509.Certificate, ...]:
    setup, workload = broker.setup, done.terms.workload
    rule = rule_for(done.terms)
    issue: Issue | None = rule.issue if rule else None
    keys = setup.keys.get(done.wrapped.backend)
    if issue is None or workload is None:
        raise words.cannot_work("terms without a workload or a certificate")
    if keys is None:
        raise words.cannot_work(f"no back end {done.wrapped.backend!r} is open")
    now = done.terms.now
    secret = keys.unwrap(done.receipt, done.wrapped, setup.clock())
    try:
        by = svid.authority(secret.reveal(), now)
    finally:
        secret.wipe()
    made = svid.issued(by, asked, issue, svid.Spell(now, workload.expires_at, setup.chance(svid.SERIAL)))
    return (made, *(c for c in by.chain if c.subject != c.issuer))


def _issued(broker: Broker, by: Decision, made: x509.Certificate) -> Decision:
    """What is logged of a certificate: its digest, under the decision that gave it."""
    digest = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()
    return Decision(
        id=str(uuid.UUID(bytes=broker.setup.chance(16), version=4)),
        verb=CERTIFICATE,
        subject=by.subject,
        outcome=by.outcome,
        reasons=(f"issued by the decision {by.id}", f"to {made.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"),
        inputs=(("certificate", f"sha256:{digest}"), *(i for i in by.inputs if i[0] != "terms")),
        actor=by.actor,
        decided_at=broker.setup.clock(),
    )
