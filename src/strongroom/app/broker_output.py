"""Outputs of attested workloads: who may get them, and the word that one is handed out. Both are decided, and in the log.

The broker never sees an output. It says, signed, to whom the owners' policy lets outputs go, and takes the digest of what was
sealed to exactly them; a workload hands nothing out before that is in the log.
"""

import msgspec

from strongroom.app import broker_words as words
from strongroom.app.broker import Broker
from strongroom.app.broker_asked import Question, decided
from strongroom.app.broker_denials import Case, answered
from strongroom.kit import outputs
from strongroom.kit.jwk import Recipient
from strongroom.kit.release_policy import receivers
from strongroom.model.errors import BadInput
from strongroom.model.release import OUTPUT, RECIPIENTS, Receiver, Terms, resource_name
from strongroom.release.decide import rule_for


class Stated(msgspec.Struct, frozen=True):
    """The answer to who may get outputs: a statement that the key of the broker's tokens has signed (`kit/outputs.py`)."""

    statement: str


class Noted(msgspec.Struct, frozen=True):
    """The answer to an output: the decision, and the number of its entry in the log."""

    decision: str
    entry: int
    policy: str


def recipients(broker: Broker, name: str, cookie: str = "", token: str = "") -> bytes:
    """Who may get outputs of a resource, as JSON. Raises Refused; the denial is logged."""
    case, setup = _case(RECIPIENTS, name), broker.setup
    return answered(case, setup.log.decide, setup.clock, lambda: _recipients(broker, case, (cookie, token)))


def output(broker: Broker, name: str, body: bytes, cookie: str = "", token: str = "") -> bytes:
    """Log that an output is handed out; what it is logged by, as JSON. Raises Refused; the denial is logged."""
    case, setup = _case(OUTPUT, name), broker.setup
    return answered(case, setup.log.decide, setup.clock, lambda: _output(broker, case, body, (cookie, token)))


def _case(verb: str, name: str) -> Case:
    try:
        resource_name(name)
    except BadInput as e:
        raise words.not_released(e.found) from None
    return Case(verb, name)


def _recipients(broker: Broker, case: Case, who: tuple[str, str]) -> bytes:
    def reads(to: Recipient, _: Terms) -> tuple[str, str]:
        return to.thumbprint, ""

    done = decided(broker, case, Question(case.subject, *who, RECIPIENTS, reads))
    terms, rule = done.terms, rule_for(done.terms)
    if terms.policy is None or terms.workload is None or rule is None:
        raise words.cannot_work("terms without a policy or a workload")
    named = receivers(terms.policy.recipients, rule)
    said = outputs.Statement(
        resource=case.subject,
        policy=terms.policy.digest,
        recipients=tuple(Receiver(name, _members(terms, name)) for name, _ in named),
        key=done.to.thumbprint,
        decision=terms.id,
        iat=int(terms.now.timestamp()),
        exp=int(min(terms.now + broker.setup.token, terms.workload.expires_at).timestamp()),
    )
    signed = broker.setup.tokens.statement(msgspec.to_builtins(said), outputs.STATEMENT)
    return msgspec.json.encode(Stated(signed))


def _members(terms: Terms, name: str) -> dict[str, str]:
    return next(r.key for r in (terms.policy.recipients if terms.policy else ()) if r.name == name)


def _output(broker: Broker, case: Case, body: bytes, who: tuple[str, str]) -> bytes:
    def reads(to: Recipient, terms: Terms) -> tuple[str, str]:
        """It was sealed to those whom the policy named then: if others are named now, it must not be handed out."""
        try:
            asked = outputs.handed(body)
        except BadInput as e:
            raise words.bad_message(f"{e.subject}: {e.found}") from None
        if terms.policy is None or terms.policy.digest != asked.policy:
            raise words.not_released(f"an output sealed by the policy {asked.policy[:23]}…", owed=True)
        return to.thumbprint, asked.output

    done = decided(broker, case, Question(case.subject, *who, OUTPUT, reads))
    policy = done.terms.policy
    return msgspec.json.encode(Noted(done.receipt.decision.id, done.receipt.index, policy.digest if policy else ""))
