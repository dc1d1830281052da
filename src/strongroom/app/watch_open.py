"""A watch over hosts, made of the configuration: its store, its log, and what evidence is judged by."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.app.attest_policy import load as load_policy
from strongroom.app.config import Config
from strongroom.app.endorsements import gather
from strongroom.app.log import Log, actor, now
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.references import load as load_references
from strongroom.app.state import state_path
from strongroom.app.watch_log import Journal
from strongroom.app.watch_record import Judging
from strongroom.app.watch_setup import Watch
from strongroom.attest.policy import Policy
from strongroom.model.attest import EndorsementKind, Endorsements
from strongroom.model.errors import StrongroomError
from strongroom.store.standing import WatchStore


@dataclass(frozen=True, slots=True)
class Options:
    """What a command names beside the configuration."""

    policy: str | None = None
    references: tuple[str, ...] = ()
    endorsements: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    interval: float | None = None
    state: str | None = None
    log: str | None = None
    offline: bool = False


class Inputs:
    """What evidence is judged by, read again when a file of it changes. What cannot be used leaves the last in force."""

    def __init__(
        self, options: Options, config: Config, clock: Callable[[], datetime], tell: Callable[[str], None]
    ) -> None:
        self._options = options
        self._config = config
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._held: Judging | None = None
        self._stamp: tuple[object, ...] = ()

    def __call__(self) -> Judging:
        """What is in force. Raises BadInput where it was never read and cannot be."""
        held = self._held
        if held is None:
            self._read()
            held = self._held
        assert held is not None  # _read raises, or sets it
        return held

    def refresh(self) -> None:
        """Read what changed."""
        if _stamp(self._paths()) == self._stamp:
            return
        try:
            self._read()
            self._tell("policy, reference values and endorsements were read again")
        except StrongroomError as e:
            self._stamp = _stamp(self._paths())
            self._tell(f"what was in force stays: {e}")

    def _paths(self) -> tuple[str, ...]:
        o, a = self._options, self._config.attest
        named = (o.policy or a.policy, *(o.references or a.references), *o.endorsements, *a.endorsements)
        return tuple(p for p in named if p)

    def _read(self) -> None:
        with self._lock:
            o, a = self._options, self._config.attest
            stamp, keys = _stamp(self._paths()), (*o.keys, *a.keys)
            chosen = o.policy or a.policy
            policy = load_policy(chosen) if chosen else Policy()
            references = load_references(o.references or a.references, self._config, keys)
            if references.trouble:
                self._tell(references.trouble)
            given = gather(o.endorsements, (), self._clock(), self._config, offline=True, keys=o.keys)
            certificates = Endorsements(given.endorsements.of(EndorsementKind.CERTIFICATE))
            self._held, self._stamp = Judging(policy, references, certificates), stamp


def _stamp(paths: Sequence[str]) -> tuple[object, ...]:
    return tuple(s for path in paths for s in _stamps(Path(path)))


def _stamps(path: Path) -> Iterator[tuple[str, int, int]]:
    try:
        within = sorted(path.iterdir()) if path.is_dir() else [path, Path(f"{path}.sig")]
    except OSError:
        within = [path]
    for each in within:
        try:
            found = each.stat()
        except OSError:
            yield str(each), 0, 0
        else:
            yield str(each), found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Opened:
    """A watch, and what it is judged by."""

    watch: Watch
    inputs: Inputs


def places(config: Config, state: str | None = None) -> tuple[str, Path]:
    """The database, and the folder of evidence beside it."""
    own = state or config.watch.state
    beside = Path(state_path(None if "://" in config.state.path else config.state.path or None)).parent
    where = own or (config.state.path if "://" in config.state.path else str(beside / "watch.db"))
    near = beside if "://" in where else Path(where).parent
    return where, Path(config.watch.files) if config.watch.files else near / "watch"


@contextmanager
def opened(options: Options, config: Config, tell: Callable[[str], None]) -> Iterator[Opened]:
    """The watch of a configuration. Raises StateError; what is wrong with policy or references when they are needed."""
    where, files = places(config, options.state)
    inputs = Inputs(options, config, now, tell)

    def log() -> Log:
        made = not (options.log or config.log.path)
        return open_or_create(
            place_of(config, options.log, state=options.state or ""), made=made, offline=options.offline
        )

    with WatchStore(where) as store:
        journal = Journal(store, log, now, secrets.token_bytes)
        watch = Watch(
            store=store,
            journal=journal,
            judging=inputs,
            files=files,
            clock=now,
            chance=secrets.token_bytes,
            actor=actor(),
            interval=timedelta(seconds=options.interval or config.watch.interval),
            admit=config.watch.admit,
            roll=timedelta(minutes=config.watch.roll_minutes),
            tell=tell,
        )
        try:
            yield Opened(watch, inputs)
        finally:
            journal.close()
