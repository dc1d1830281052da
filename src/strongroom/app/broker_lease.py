"""How long a released resource may be held: whoever keeps it beside a workload attests again before that."""

from datetime import datetime, timedelta

from strongroom.app.broker import Broker
from strongroom.app.broker_release import ident_of
from strongroom.app.broker_words import Refused
from strongroom.model.errors import StateError
from strongroom.model.release import Ask, ReleasePolicy, Terms, Usage, Workload
from strongroom.release.decide import rule_for


def lease(broker: Broker, name: str, cookie: str, token: str) -> int | None:
    """Whole seconds from now; None where that is not known any more, and then the token's own end holds."""
    now = broker.setup.clock()
    try:
        found = broker.setup.store.attestation(ident_of(broker, cookie, token, now))
        policy = broker.setup.policy()
    except (Refused, StateError):
        return None
    ends = ends_of(policy, found.workload, name) if found is not None and policy is not None else None
    return None if ends is None else max(0, int((ends - now).total_seconds()))


def ends_of(policy: ReleasePolicy, held: Workload, name: str) -> datetime | None:
    """When the same resource would be refused to the same attestation for its age alone; None without a rule."""
    asked = Ask(name, "", "", held.appraised_at)
    rule = rule_for(Terms("", asked, held, policy, (), (), Usage(), held.appraised_at))
    if rule is None:
        return None
    minutes = min((rule.lease_minutes, *(d.max_age_minutes for d in rule.owners.values())))
    return min(held.appraised_at + timedelta(minutes=minutes), held.expires_at)
