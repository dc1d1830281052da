"""What is asked of a broker other than the resource itself: decided by the same judge, and in the log before it is answered."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from strongroom.app import broker_words as words
from strongroom.app.broker import Broker
from strongroom.app.broker_denials import Case, in_time
from strongroom.app.broker_release import TRIES, held_for, ident_of, kept, logged, most_of, terms_of
from strongroom.kit.jwk import Recipient, recipient
from strongroom.model.release import ALLOW, Ask, Terms, Wrapped
from strongroom.model.trust import Receipt
from strongroom.release.decide import decide


class Question(NamedTuple):
    """What is asked for, by whom: a session or a token, and why.

    `reads` reads what it is asked with, once it is known that somebody attested asks. It may refuse that for the attested key
    and the terms; it says for which key it is, by its thumbprint, which the judge holds against the key of the evidence, and
    the digest of what it has read.
    """

    name: str
    cookie: str
    token: str
    purpose: str
    reads: Callable[[Recipient, Terms], tuple[str, str]]


class Answered(NamedTuple):
    """What was allowed: the proof of it, the terms, what is kept of the resource, and the key that was attested."""

    receipt: Receipt
    terms: Terms
    wrapped: Wrapped
    to: Recipient


def decided(broker: Broker, case: Case, asked: Question) -> Answered:
    """Decide and log. Raises Refused where it is denied, with the denial logged or owed."""
    now = broker.setup.clock()
    case.ident = ident_of(broker, asked.cookie, asked.token, now)
    for _ in range(TRIES):
        held = held_for(broker, case.ident, asked.name, now, most_of(broker.setup.policy(), asked.name))
        to = recipient(msgspec.json.decode(held.attestation.key))
        ask = Ask(asked.name, to.thumbprint, case.ident, now, purpose=asked.purpose)
        terms = terms_of(broker, ask, held)
        in_time(now, terms.now, broker.setup.patience)
        requester, request = asked.reads(to, terms)
        ask = msgspec.structs.replace(ask, requester=requester, request=request)
        terms = msgspec.structs.replace(terms, ask=ask)
        if held.wrapped is None:
            raise words.not_released("there is no such resource", owed=True)
        decision = decide(terms)
        if not kept(broker, decision, terms):
            continue
        receipt = logged(broker, decision)
        if decision.outcome != ALLOW:
            raise words.not_released("; ".join(decision.reasons)[:2000])
        return Answered(receipt, terms, held.wrapped, to)
    raise words.cannot_work(f"others took every use of {asked.name} first, {TRIES} times")
