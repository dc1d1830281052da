"""The gate: what every key back end asks of a receipt before it opens anything.

A back end is handed a receipt, not a word. The decision counts once its entry is proven to be in the log that this gate
was made for; it must release, must release this resource and no other, and must have been made just now, so that a
receipt that was kept opens nothing later.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from strongroom.kit.receipt import verify_receipt
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.policy import Policy
from strongroom.model.errors import Denied
from strongroom.model.release import ALLOW, VERB
from strongroom.model.trust import Decision, Receipt

AGE = timedelta(seconds=60)  # from the decision to the unwrapping: longer than any back end may take
_SKEW = timedelta(seconds=5)


class LogGate:
    """A gate that trusts the logs of a policy, or of keys that are known from elsewhere."""

    def __init__(self, policy: Policy, logs: Iterable[VerifierKey] = (), age: timedelta = AGE) -> None:
        self._policy = policy
        self._logs = tuple(logs)
        self._age = age

    def opened(self, receipt: Receipt, resource: str, now: datetime) -> Decision:
        """The decision of a receipt that releases exactly this resource, now.

        Raises:
            Denied: it denies, is of another verb or resource, or is too old.
            Malformed, BadProof, BadSignature: it is not proven to be in a log that is trusted.
        """
        decision = verify_receipt(receipt, self._policy, self._logs)
        if decision.verb != VERB or decision.outcome != ALLOW:
            raise Denied("receipt", f"{decision.verb} {decision.outcome}", f"{VERB} {ALLOW}")
        if decision.subject != resource:
            raise Denied("receipt", f"a release of {decision.subject[:80]}", resource)
        if not -_SKEW <= now - decision.decided_at <= self._age:
            raise Denied("receipt", f"a decision of {decision.decided_at:%Y-%m-%dT%H:%M:%SZ}", "one of just now")
        return decision
