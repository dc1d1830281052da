"""What people say, gathered for a judgement: the exceptions file that was named, and the assertions that verify."""

from datetime import datetime
from pathlib import Path

from strongroom.app.assertions import standing
from strongroom.app.config import Config
from strongroom.app.exceptions_file import load
from strongroom.app.state import state_path
from strongroom.model.errors import StateError
from strongroom.model.people import People


def people(
    config: Config, exceptions: str | None, now: datetime, *, state: str | None = None, log: str | None = None
) -> tuple[People, str]:
    """What people say, and why their assertions could not be looked at, if they could not.

    Raises:
        Unreadable, TooLarge, Malformed: the exceptions file, or a key of the configuration, is not what it must be.
    """
    said = accepted(config, exceptions)
    where = state_path(state or config.state.path)
    try:
        if "://" not in where and not Path(where).exists():
            return said, ""
        verified, notes = standing(config, where, log, now)
    except StateError as e:
        return said, f"assertions could not be looked at: {e}"
    except OSError as e:
        return said, f"assertions could not be looked at: {where}: {(e.strerror or 'an error').lower()}"
    return People(said.exceptions, said.inline, verified, notes), ""


def accepted(config: Config, exceptions: str | None) -> People:
    """What people accept, without what they vouch for: a plan needs no more. Raises Unreadable, TooLarge, Malformed."""
    named = exceptions or config.assess.exceptions
    return People(load(named) if named else (), config.assess.inline)
