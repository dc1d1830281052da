"""Open what a person administers: the broker's state, its back ends behind the gate of its log, and the policy in force."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from strongroom.app.broker_open import open_keys, open_state
from strongroom.app.config import Config, load
from strongroom.app.log import actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.release_admin import Desk
from strongroom.app.release_policy import in_force
from strongroom.app.release_policy import load as load_policy
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.model.errors import BadInput
from strongroom.model.release import ReleasePolicy

_NOBODY = b"quorum none\n"


def policy_of(config: Config) -> ReleasePolicy | None:
    """The policy in force; None where none counts: then no rule names anything."""
    if not config.broker.policy or not Path(config.broker.policy).exists():
        return None
    try:
        return in_force(load_policy(config.broker.policy), config.broker.signers, config.broker.threshold)
    except BadInput:
        return None


@contextmanager
def opened(path: str | None, log: str | None, now: datetime, *, offline: bool, keyless: bool = False) -> Iterator[Desk]:
    """A desk, `keyless` without its back ends. What it logged is published when it is closed.

    Raises what a part of it raises that cannot be opened.
    """
    config = load(path)
    place = place_of(config, log)
    with open_or_create(place, made=not (log or config.log.path), offline=offline) as held:
        gate = LogGate(place.read_policy() or trust.parse(_NOBODY), held.settings.verifiers())
        keys = {} if keyless else open_keys(config, gate)
        store = open_state(config)
        try:
            with store:
                yield Desk(store, keys, held, policy_of(config), actor(), now)
        finally:
            for one in keys.values():
                one.close()
            held.publish()
