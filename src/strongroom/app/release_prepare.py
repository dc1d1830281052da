"""Make the first key of a back end: what has to be there before anything can be deposited in it."""

from dataclasses import dataclass

from strongroom.app.config import Config
from strongroom.app.key_backends import backend
from strongroom.app.release_admin import Desk
from strongroom.model.errors import BadUsage, NotFound
from strongroom.model.release import KeySettings


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the back end says that it has now, and the entry of the log."""

    backend: str
    said: str
    entry: int


def prepare(desk: Desk, config: Config, name: str) -> Prepared:
    """Make the first key of a back end that the configuration has; where it is there, nothing changes.

    Raises:
        NotFound: there is no such back end, or the configuration does not have it.
        BadUsage: the key of this back end is made by its own means.
        LogUnavailable: then no key is made.
        BadInput, KeyUnavailable: its options are amiss, or it does not answer.
    """
    part, options = backend(name), config.broker.keys.get(name)
    if options is None:
        there = ", ".join(config.broker.keys) or "none"
        raise NotFound(f"[broker.keys.{name}]", f"not in the configuration, which has {there}", "its options")
    if part.prepare is None:
        raise BadUsage(name, "a back end whose key is made by its provider", "a key that is named in its options")
    entry = desk.record("prepare", name)
    return Prepared(name, part.prepare(KeySettings(options, config.broker.seconds)), entry)
