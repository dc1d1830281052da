"""What took too long to be answered: the denial is logged by another than who is at it, for he may never end."""

import uuid

from strongroom.app.broker import Broker
from strongroom.app.broker_words import Refused
from strongroom.model.release import DENY
from strongroom.model.trust import Decision


def late(broker: Broker, verb: str, subject: str, cookie: str, token: str, seconds: float) -> bool:
    """Log that a request of a session of ours was refused for its time; whether it is one. Raises LogError.

    What it comes to in the end denies too, and says so in an entry of its own: the broker's patience is shorter.
    """
    now = broker.setup.clock()
    try:
        tokens = broker.setup.tokens
        ident = tokens.bearer(token, now).attestation if token else tokens.session(cookie, now).id
    except Refused as e:
        if not e.ident:
            return False
        ident = e.ident
    decision = Decision(
        id=str(uuid.uuid4()),
        verb=verb,
        subject=subject,
        outcome=DENY,
        reasons=(f"{verb}.late: not answered within {seconds:g} seconds",),
        inputs=(),
        actor=f"session:{ident[:16]}",
        decided_at=now,
    )
    broker.setup.log.decide(decision)
    return True
