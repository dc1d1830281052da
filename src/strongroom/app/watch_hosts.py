"""What the owner sees and says of the hosts that are watched."""

from datetime import datetime
from typing import NamedTuple

from strongroom.app.appraisal import appraise
from strongroom.app.config import Config
from strongroom.app.watch_enrol import admit as admitted
from strongroom.app.watch_enrol import forget as forgot
from strongroom.app.watch_open import Options, opened, places
from strongroom.app.watch_record import Restored, restore
from strongroom.model.errors import LogError, NotFound
from strongroom.model.standing import Enrolment, Standing, StandingState
from strongroom.store.standing import WatchStore

_BAD = frozenset({StandingState.LOST, StandingState.STALE})
_LIST = "strongroom attest hosts"


class Host(NamedTuple):
    """A host as it stands at a time, whether or not anybody has swept since."""

    enrolment: Enrolment
    standing: Standing
    state: StandingState

    @property
    def is_bad(self) -> bool:
        """Whether its owner let it in, and it is not trusted for a reason that he must see to."""
        return self.enrolment.admitted and self.state in _BAD


def listed(config: Config, state: str | None, now: datetime) -> list[Host]:
    """Every host, and every key that was refused, by name. Raises StateError."""
    where, _ = places(config, state)
    with WatchStore(where) as store:
        held = store.all()
    return [Host(h.enrolment, h.standing, _state(h.standing, now)) for h in held]


def _state(standing: Standing, now: datetime) -> StandingState:
    over = standing.state is StandingState.TRUSTED and not standing.trusted_at(now)
    return StandingState.STALE if over else standing.state


class Said(NamedTuple):
    """What was done, and what is worth a remark."""

    host: str
    keys: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def admit(config: Config, options: Options, host: str, key: str | None) -> Said:
    """Let a host be trusted from its next answer on. Raises as `watch_enrol.admit`."""
    with opened(options, config, lambda _: None) as found:
        made = admitted(found.watch, host.lower(), key)
    return Said(made.host, (made.ak_name,))


def forget(config: Config, options: Options, host: str) -> Said:
    """Know a host no more. Raises NotFound, StateError."""
    with opened(options, config, lambda _: None) as found:
        keys = tuple(h.enrolment.ak_name for h in found.watch.store.all() if h.enrolment.host == host.lower())
        forgot(found.watch, host.lower())
        try:
            found.watch.journal.flush()
        except LogError as e:
            return Said(host, keys, (f"it is not in the log yet, and waits: {e}",))
    return Said(host, keys)


def record(config: Config, state: str | None, host: str, *, failed: bool) -> Restored:
    """The record of the last answer that passed, or failed. Raises NotFound, StateError, Malformed."""
    where, files = places(config, state)
    with WatchStore(where) as store:
        live = store.live(host.lower())
        kept = store.records(live.enrolment.host, live.enrolment.ak_name) if live else None
    data = (kept.failing if failed else kept.passed) if kept else None
    if not data:
        what = "no answer that failed" if failed else "no answer that passed"
        raise NotFound(f"host {host!r}", what if live else "no such host", "a record", _LIST)
    return restore(files, data, appraise)
