"""Which log is meant where none is named: the configured one, else one beside the state database."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from strongroom.app.config import Config
from strongroom.app.log import Log, Place, create
from strongroom.app.state_place import state_path
from strongroom.model.errors import BadInput, NotFound


def place_of(
    config: Config, where: str | None = None, policy: str | None = None, keys: Iterable[str] = (), state: str = ""
) -> Place:
    """The log that is named, configured or the default, with the files beside it."""
    files = tuple(Path(k) for k in (tuple(keys) or config.log.key))
    chosen = policy or config.log.policy
    return Place(
        where or config.log.path or beside(state or config.state.path), files, Path(chosen) if chosen else None
    )


def beside(state: str) -> str:
    """The place of the log that belongs to a state database in a file; for one elsewhere, that of the default file."""
    path = state_path(None if "://" in state else state)
    return str(Path(path).parent / "log")


def open_or_create(place: Place, *, made: bool, offline: bool) -> Log:
    """Open a log; where it is the default one (`made`), it is made when it is not there yet."""
    try:
        return Log.open(place, offline=offline)
    except NotFound:
        if not made:
            raise
    with contextlib.suppress(BadInput):  # another process made it just now
        create(place)
    return Log.open(place, offline=offline)
