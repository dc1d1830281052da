"""Back ends of keys for tests: how each is set up in a folder, and what counts the times that it was asked.

A new back end is one more `Case` in a file of its own; `CASES` in `test_key_backends.py` names them all.
"""

import dataclasses
import importlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.log import Log, Place, create
from strongroom.kit.gate import LogGate
from strongroom.kit.rooms import room
from strongroom.kit.tlog.policy import Policy
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings, Rotates, Secret, Wrapped
from strongroom.model.trust import Decision, Receipt

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOBODY = Policy((), (), (), None)
RESOURCE = "models/key/llama"
OWNERS = ("owner.example+0a1b2c3d+AAAA", "second.example+0a1b2c3d+BBBB")
_NUMBERS = itertools.count()
CANARY = b"canary-7c4a8d09ca3762af61e59520943dc264"


@dataclass
class Running:
    """A back end that can be opened, and how often whoever holds its keys was asked."""

    backend: KeyBackend
    settings: KeySettings
    asked: Callable[[], int]

    def open(self, gate: Gate) -> Keys:
        return self.backend.open(self.settings, gate)


Start = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Case:
    """One way to run one back end; `start` skips with its reason where something is missing."""

    name: str
    start: Start


def part(name: str) -> KeyBackend:
    """A back end of the room, as the program finds it."""
    return room("strongroom.keys", "KEYS", KeyBackend)[name]


@dataclass
class Calls:
    """Counts the calls of a function that is put in the place of another."""

    count: int = 0

    def watch(self, patch: pytest.MonkeyPatch, name: str) -> None:
        """Count the calls of a method, `package.module.Class.method`, from now on."""
        module, owner, method = name.rsplit(".", 2)
        held = getattr(importlib.import_module(module), owner)
        before = getattr(held, method)

        def counted(*args: object, **named: object) -> object:
            self.count += 1
            return before(*args, **named)

        patch.setattr(held, method, counted)


@contextmanager
def log_in(folder: Path) -> Iterator[tuple[Log, Gate]]:
    """A new log in a folder, and the gate of whoever trusts it and no other."""
    place = Place(str(folder / f"log-{next(_NUMBERS)}"))
    create(place, f"log.example/{next(_NUMBERS)}")
    with Log.open(place, clock=lambda: NOW) as log:
        yield log, LogGate(NOBODY, log.settings.verifiers())


def decision(outcome: str = "allow", resource: str = RESOURCE, at: datetime = NOW, verb: str = "release") -> Decision:
    """What the broker's judge decided."""
    return Decision(
        f"d{next(_NUMBERS)}", verb, resource, outcome, ("fine",), (("terms", "sha256:" + "0" * 64),), "broker", at
    )


@dataclass
class Scene:
    """A back end behind a gate, the log that it trusts, and a resource that is kept."""

    running: Running
    keys: Keys
    log: Log
    wrapped: Wrapped
    folder: Path
    gate: Gate

    def receipt(self, outcome: str = "allow", resource: str = RESOURCE, at: datetime = NOW) -> Receipt:
        return self.log.decide(decision(outcome, resource, at))

    def unwrap(self, wrapped: Wrapped | None = None, receipt: Receipt | None = None) -> bytes:
        return self.keys.unwrap(receipt or self.receipt(), wrapped or self.wrapped, NOW).reveal()

    @property
    def rotating(self) -> Rotates:
        assert isinstance(self.keys, Rotates)
        return self.keys


@contextmanager
def scene(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A running back end with one resource in it."""
    with case.start(folder, patch) as running, log_in(folder) as (log, gate):
        keys = running.open(gate)
        try:
            yield Scene(running, keys, log, keys.wrap(Secret(CANARY), RESOURCE, 1, OWNERS), folder, gate)
        finally:
            keys.close()


def with_options(settings: KeySettings, **options: str) -> KeySettings:
    """The same settings with other options; `_` stands for `-`, and an empty value takes one away."""
    merged = {**settings.options, **{name.replace("_", "-"): value for name, value in options.items()}}
    return dataclasses.replace(settings, options={name: value for name, value in merged.items() if value})
