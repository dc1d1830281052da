"""A broker that serves says so in its state, with what its operator's lines tell: `assess` asks those that run, not a file."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from strongroom.model.errors import StateError
from strongroom.store import broker_workers
from strongroom.store.broker import BrokerStore
from strongroom.store.broker_workers import Worker

GONE = timedelta(hours=1)  # a broker says each minute that it is there


@dataclass(slots=True)
class Presence:
    """One serving broker in its state."""

    store: BrokerStore
    redacted: bool
    twin: bool
    started: datetime
    ident: str = field(default_factory=lambda: secrets.token_hex(8))

    def begin(self) -> None:
        """Say that it serves. Raises StateError: a broker that cannot say how it serves does not."""
        self._join(self.started)

    def beat(self, now: datetime) -> None:
        """Say that it still does. Raises StateError."""
        with self.store.transaction() as db:
            there = broker_workers.seen(db, self.ident, now, now - GONE)
        if not there:  # another took it for gone, or the state is another one since
            self._join(now)

    def end(self) -> None:
        """Say that it serves no more; who cannot is forgotten by the others."""
        with suppress(StateError), self.store.transaction() as db:
            broker_workers.left(db, self.ident)

    def _join(self, now: datetime) -> None:
        with self.store.transaction() as db:
            broker_workers.joined(db, Worker(self.ident, self.redacted, self.twin, self.started, now))
