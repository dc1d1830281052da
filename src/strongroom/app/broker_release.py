"""The release: who asks, on what terms, decided, logged, unwrapped against the receipt, and encrypted to the attested key."""

import uuid
from datetime import datetime

import msgspec

from strongroom.app import broker_words as words
from strongroom.app.appraisal import ask as ask_fenced
from strongroom.app.boundary import contained
from strongroom.app.broker import Broker
from strongroom.app.broker_denials import Case, answered, in_time, unforeseen
from strongroom.app.broker_fresh import fresh
from strongroom.app.broker_words import Refused
from strongroom.kit import jwe
from strongroom.kit.jwk import Recipient, recipient
from strongroom.model.attest import Evidence, EvidenceKind
from strongroom.model.errors import BadInput, LogError, StrongroomError
from strongroom.model.release import (
    ALLOW,
    DENY,
    VERB,
    Ask,
    ReleasePolicy,
    Revocation,
    Terms,
    What,
    Workload,
    Wrapped,
    resource_name,
)
from strongroom.model.trust import Decision, Receipt
from strongroom.release.decide import decide, matches, rule_for
from strongroom.store.broker import Held

_UNDER_WAY = 1024  # releases that are under way at once, in all brokers of a database, are fewer
TRIES = 8  # how often a use is tried for, while others take the same


def resource(broker: Broker, name: str, cookie: str = "", token: str = "") -> bytes:
    """The resource, encrypted to the key that was attested (a flattened JWE). Raises Refused; the denial is logged."""
    try:
        resource_name(name)
    except BadInput as e:
        raise words.not_released(e.found) from None
    case = Case("release", name)
    setup = broker.setup
    return answered(case, setup.log.decide, setup.clock, lambda: _resource(broker, case, cookie, token))


def _resource(broker: Broker, case: Case, cookie: str, token: str) -> bytes:
    now, name = broker.setup.clock(), case.subject
    case.ident = ident_of(broker, cookie, token, now)
    for _ in range(TRIES):
        held = held_for(broker, case.ident, name, now, most_of(broker.setup.policy(), name))
        to = recipient(msgspec.json.decode(held.attestation.key))
        terms = terms_of(broker, Ask(name, to.thumbprint, case.ident, now), held)
        in_time(now, terms.now, broker.setup.patience)  # what was read that long ago, revocations too, may not hold now
        decision = decide(terms)
        if kept(broker, decision, terms):
            return _answered(broker, decision, held.wrapped, to)
    raise words.cannot_work(f"others took every use of {name} first, {TRIES} times")


def ident_of(broker: Broker, cookie: str, token: str, now: datetime) -> str:
    """The attestation of a token or of a session. Raises Refused where there is none, or its life is over."""
    if token:
        return broker.setup.tokens.bearer(token, now).attestation
    if not cookie:
        raise words.no_session("neither a session nor a token")
    return broker.setup.tokens.session(cookie, now).id


def most_of(policy: ReleasePolicy | None, name: str) -> int:
    """So many uses of an hour need to be counted to know that a rule allows no more."""
    return max((r.per_hour for r in policy.rules if matches(r.resource, name)), default=0) if policy else 0


def held_for(broker: Broker, ident: str, name: str, now: datetime, most: int) -> Held:
    """All that a decision on a resource depends on. Raises Refused where the session was not attested, or that is over."""
    found = broker.setup.store.held(ident, name, now, most)
    if found is None:
        raise words.no_session("a session that was not attested")
    if now >= found.attestation.expires:
        raise words.ended("an attestation that is over", ident)
    return found


def _answered(broker: Broker, decision: Decision, wrapped: Wrapped | None, to: Recipient) -> bytes:
    receipt = logged(broker, decision)
    if decision.outcome != ALLOW or wrapped is None:
        raise words.not_released("; ".join(decision.reasons)[:2000] if wrapped else "there is no such resource")
    return sealed(broker, receipt, wrapped, to)


def terms_of(broker: Broker, asked: Ask, held: Held) -> Terms:
    """All that the decision depends on, as it stands now. Raises BadInput, StateError where that cannot be known."""
    policy = broker.setup.policy()
    workload = held.attestation.workload
    now = broker.setup.clock()
    terms = Terms(
        id=str(uuid.UUID(bytes=broker.setup.chance(16), version=4)),
        ask=asked,
        workload=workload,
        policy=policy,
        revocations=(*held.revocations, *_replaced(broker, workload, now)),
        approvals=held.approvals,
        usage=held.usage,
        now=now,
        owners=held.wrapped.owners if held.wrapped else (),
        version=held.wrapped.version if held.wrapped else msgspec.UNSET,
        purpose=held.wrapped.purpose if held.wrapped else msgspec.UNSET,
    )
    return msgspec.structs.replace(terms, answers=_answers(terms, policy, workload))


def _replaced(broker: Broker, workload: Workload, now: datetime) -> tuple[Revocation, ...]:
    """A policy of appraisal that another has replaced since the attestation is as good as revoked."""
    by = broker.setup.judging(Evidence(EvidenceKind.COMPOSITE, (), None, now), now).policy.digest
    if workload.policy == by:
        return ()
    return (Revocation(What.POLICY, workload.policy, "another policy of appraisal is in force", now, "broker"),)


def _answers(terms: Terms, policy: ReleasePolicy | None, held: Workload | None) -> dict[str, bool | str]:
    """What the owners' expressions say of the claims; evaluated behind the fence, and kept with the terms."""
    rule = rule_for(terms) if policy else None
    texts = tuple(dict.fromkeys(t for d in rule.owners.values() for t in d.require)) if rule else ()
    if not texts or held is None:
        return {}
    return dict(zip(texts, ask_fenced(texts, msgspec.to_builtins(held.claims)), strict=True))


def kept(broker: Broker, decision: Decision, terms: Terms) -> bool:
    """Whether the terms are kept, with the use that they give; False where another was faster. Raises StateError."""
    use = (terms.ask.attestation, terms.ask.resource, terms.usage.attestation)
    octets = msgspec.json.encode(terms, order="sorted")
    taken = decision.outcome == ALLOW and decision.verb == VERB
    rule = rule_for(terms) if taken else None
    near = rule is not None and terms.usage.hour + _UNDER_WAY >= rule.per_hour  # else no others could use up the hour
    most = rule.per_hour if rule is not None and near else None
    return broker.setup.store.settle(decision.id, octets, terms.now, use if taken else None, most)


def logged(broker: Broker, decision: Decision) -> Receipt:
    """The receipt of a decision whose terms are kept. Raises Refused where it cannot be logged: then nothing is done."""
    try:
        receipt = broker.setup.log.decide(decision)
    except LogError as e:
        # It may be in the log for all that, without its witnesses: what is logged next says that nothing left.
        raise words.cannot_work(f"{e}; nothing left by the decision {decision.id}") from None
    if receipt.decision != decision:
        # A gate takes any fresh release of this resource: somebody else's receipt is no receipt for this request.
        raise words.cannot_work(f"a receipt of another decision; nothing left by the decision {decision.id}")
    return receipt


def sealed(broker: Broker, receipt: Receipt, wrapped: Wrapped, to: Recipient) -> bytes:
    """The resource for the recipient. What a back end cannot open, or not in time, is logged as a denial that came after."""
    try:
        found = contained(lambda: _sealed(broker, receipt, wrapped, to), unforeseen)
        in_time(receipt.decision.decided_at, broker.setup.clock(), broker.setup.patience)
    except StrongroomError as e:
        why = e.found if isinstance(e, Refused) else str(e)
        not_delivered(broker, receipt.decision, why, broker.setup.clock())
        raise words.cannot_work(why, owed=False) from None
    return found


def _sealed(broker: Broker, receipt: Receipt, wrapped: Wrapped, to: Recipient) -> bytes:
    keys = broker.setup.keys.get(wrapped.backend)
    if keys is None:
        raise words.cannot_work(f"no back end {wrapped.backend!r} is open")
    secret = keys.unwrap(receipt, wrapped, broker.setup.clock())
    try:
        return jwe.encrypt(to, secret.reveal(), fresh(to, broker.setup.chance))
    finally:
        secret.wipe()


def not_delivered(broker: Broker, decision: Decision, why: str, now: datetime) -> None:
    """Log that what was released never left: the log must not say more than happened. Raises Refused if it cannot."""
    after = msgspec.structs.replace(
        decision,
        id=str(uuid.UUID(bytes=broker.setup.chance(16), version=4)),
        outcome=DENY,
        reasons=(f"release.backend: {why[:500]}", f"nothing left by the decision {decision.id}"),
        decided_at=now,
    )
    try:
        broker.setup.log.decide(after)
    except LogError as e:
        raise words.cannot_work(str(e), owed=False) from None
