"""What a broker's state says of the broker itself, apart from its releases: who serves from it, and how they tell of refusals."""

from collections.abc import Callable
from typing import TypeVar

from strongroom.app.broker_judging import DEBUG
from strongroom.model.errors import StateError
from strongroom.model.release import ReleasePolicy
from strongroom.model.values import Unknown, Value
from strongroom.store.broker_reading import BrokerReading

T = TypeVar("T")
OF_BROKER = ("broker.log_plain", "broker.twin")
Doubt = Callable[[StateError], Unknown]


def of_broker(store: BrokerReading | Unknown, terms: ReleasePolicy | Unknown | None, doubt: Doubt) -> dict[str, Value]:
    """Facts of a broker. One for debugging is told by its policy: another policy is refused by it, and this one by others."""
    twin: Value = terms if isinstance(terms, Unknown) else terms is not None and terms.name.startswith(f"{DEBUG}-")
    return {"broker.twin": twin, "broker.log_plain": _asked(store, _plain, doubt)}


def _plain(store: BrokerReading) -> tuple[str, ...]:
    """The brokers of production whose lines tell what was found."""
    return tuple(
        f"broker {w.id}, from {w.started:%Y-%m-%dT%H:%M:%SZ}, last seen {w.seen:%Y-%m-%dT%H:%M:%SZ}"
        for w in store.workers()
        if not (w.redacted or w.twin)
    )


def _asked(store: BrokerReading | Unknown, reads: Callable[[BrokerReading], T], doubt: Doubt) -> T | Unknown:
    if isinstance(store, Unknown):
        return store
    try:
        return reads(store)
    except StateError as e:
        return doubt(e)
