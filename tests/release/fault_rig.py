"""One trial of the fail-closed matrix: a moment of the protocol, what goes wrong at it, and what is seen of it outside."""

import signal
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import NamedTuple

import broker_rig as b
import pytest
from sqlalchemy import event

from strongroom.app import log_entries
from strongroom.app.broker import Broker, Challenge
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.log import Log
from strongroom.model.codes import EntryKind
from strongroom.model.log import LogEntry
from strongroom.model.trust import Decision, Receipt
from strongroom.store.broker import BrokerStore

ANOTHER = "key:another"
CANARY = "canary-6f1d0c5e"
LONGEST = 20  # seconds of a trial on any machine: one that hangs has failed
AUTH, ATTEST, RESOURCE, UNWRAP = "auth", "attest", "resource", "unwrap"


class HangsError(BaseException):
    """A trial that does not end; no `except Exception` takes it for a fault."""


class Unforeseen(Exception):
    """What no code of ours raises."""


@dataclass
class Trial:
    """A rig just before the moment, and what the fault does to it."""

    rig: b.Rig
    patch: pytest.MonkeyPatch
    moment: str
    broker: Broker = field(init=False)
    challenge: Challenge = field(init=False)
    body: bytes = b""
    cookie: str = ""
    mend: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = self.rig.broker
        self.again()
        if self.moment in (RESOURCE, UNWRAP):
            self.cookie, _ = b.attested(self.rig)

    def again(self) -> None:
        """Another challenge, and a sound answer to it."""
        self.challenge = self.rig.broker.auth(b.opening())
        self.body = b.answer(b.nonce_of(self.challenge.body))

    def act(self) -> object:
        """The moment itself."""
        if self.moment == AUTH:
            return self.broker.auth(b.opening())
        if self.moment == ATTEST:
            return self.broker.attest(self.challenge.cookie, self.body)
        return resource(self.broker, b.WEIGHTS, self.cookie)

    def but(self, **fields: object) -> None:
        """Let the broker have another part."""
        self.broker = self.rig.but(**fields)

    def raising(self, error: Exception) -> Callable[..., object]:
        """A function that fails."""

        def fails(*_: object, **__: object) -> object:
            raise error

        return fails

    def slowly(self, work: Callable[..., object], seconds: float = 61) -> Callable[..., object]:
        """The same function, while time passes."""

        def takes(*given: object) -> object:
            done = work(*given)
            self.rig.now += timedelta(seconds=seconds)
            return done

        return takes

    def entries(self, log: Log | None = None) -> list[LogEntry]:
        """What a log holds, in order."""
        held = log or self.rig.log
        held.publish()
        return [got.entry for got in log_entries.entries(held.place) if got.entry is not None]


@dataclass
class DecidedBy:
    """A log in the place of the broker's own."""

    decide: Callable[[Decision], Receipt]


class Cell(NamedTuple):
    """What a fault does at a moment, the status that is answered, and words that the log then has.

    `said` is None where nothing is logged: the log is what fails, or nobody's session is refused. `lasting` says that the
    fault is no fault but somebody's will, which still holds afterwards.
    """

    harm: Callable[[Trial], object]
    status: int
    said: str | None
    lasting: bool = False


class Outcome(NamedTuple):
    """What was answered, and what was logged since the fault began."""

    told: Refused
    logged: list[LogEntry]


def run(trial: Trial, cell: Cell) -> Outcome:
    """Do harm, and then what was meant to be done. Fails where it ends otherwise than refused, or not at all."""
    before = len(trial.entries())
    cell.harm(trial)
    with bounded(), pytest.raises(Refused) as caught:
        trial.act()
    for work in trial.mend:
        work()
    trial.patch.undo()
    return Outcome(caught.value, trial.entries()[before:])


@contextmanager
def bounded() -> Iterator[None]:
    """End what hangs."""

    def ends(_: int, __: FrameType | None) -> None:
        raise HangsError

    before = signal.signal(signal.SIGALRM, ends)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def all_told(outcome: Outcome) -> str:
    """Everything that anybody could read of a refusal, with what a server's own log would add to it."""
    return "\n".join((*traceback.format_exception(outcome.told), *(str(e) for e in outcome.logged)))


def nothing_left(logged: list[LogEntry]) -> bool:
    """Whether every release in the log, but another's, is followed by the word that nothing came of it."""
    taken = {str(e.fields["decision"]) for e in logged if e.kind is EntryKind.RELEASE and e.actor != ANOTHER}
    denied = " ".join(str(e.fields["reasons"]) for e in logged if e.kind is EntryKind.DENIAL)
    return all(f"nothing left by the decision {ident}" in denied for ident in taken)


# Harm to the database


def database(trial: Trial, work: Callable[[sqlite3.Connection], object]) -> None:
    """Do something to the broker's database from another process's point of view."""
    with sqlite3.connect(trial.rig.folder / "broker.db", isolation_level=None) as db:
        work(db)
    db.close()


def locked(trial: Trial) -> None:
    """Somebody else holds the database's lock, and does not let go."""
    impatient = BrokerStore(str(trial.rig.folder / "broker.db"), seconds=0.05)
    other = sqlite3.connect(trial.rig.folder / "broker.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    trial.mend += [other.close, impatient.close]
    trial.but(store=impatient)


def full(trial: Trial) -> None:
    """The database may not grow by a page; what is in it can be read."""

    def small(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1")

    def to_the_brim(db: sqlite3.Connection) -> None:
        small(db, None)
        for size in (3000, 300, 30, 3):
            for n in range(1000):
                row = (f"{size} {n}", b"0" * size)
                try:
                    db.execute("INSERT INTO broker_decision (id, terms, at) VALUES (?, ?, '')", row)
                    db.execute("INSERT INTO broker_attestation VALUES (?, ?, '', '', '9')", row)
                except sqlite3.OperationalError:
                    break

    store = BrokerStore(str(trial.rig.folder / "broker.db"))
    store.close()
    event.listen(store._engine, "connect", small)
    trial.mend.append(store.close)
    database(trial, to_the_brim)
    trial.but(store=store)


def damaged(trial: Trial) -> None:
    """The file is no database any more; it is put back afterwards."""
    path = trial.rig.folder / "broker.db"
    held = trial.rig.folder / "put-aside"
    trial.rig.store.close()
    for name in ("", "-wal", "-shm"):
        if (found := path.with_name(f"broker.db{name}")).exists():
            found.rename(f"{held}{name}")
    path.write_bytes(b"no database " * 1000)

    def back() -> None:
        trial.rig.store.close()
        for name in ("-wal", "-shm", ""):
            path.with_name(f"broker.db{name}").unlink(missing_ok=True)
            if (kept := trial.rig.folder / f"put-aside{name}").exists():
                kept.rename(path.with_name(f"broker.db{name}"))

    trial.mend.append(back)
