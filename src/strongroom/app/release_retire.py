"""Retire a version of a resource: it is released no more, whatever comes to lie on top of the state."""

from dataclasses import dataclass

from strongroom.app.release_admin import Desk, revoke
from strongroom.model.errors import NotFound
from strongroom.model.release import What, version_name, version_of
from strongroom.store import broker_admin


@dataclass(frozen=True, slots=True)
class Retired:
    """What was retired now, by number and entry of the log; `before` was already. `left` is what may still be released."""

    resource: str
    now: tuple[tuple[int, int], ...]
    before: tuple[int, ...]
    left: int | None


def retire(desk: Desk, named: str, reason: str, *, older: bool = False) -> Retired:
    """Retire `NAME@NUMBER`, and with `older` what came before it. The wrapped octets stay: what they opened can be read again
    only by depositing them as a new version, on purpose and in the log.

    Raises:
        Malformed: it is no version of a resource, or there is no reason.
        NotFound: there is none of that number.
        LogUnavailable, StateError: then no more is retired than is said.
    """
    name, number = version_of(named)
    with desk.store.transaction() as db:
        there = sorted(w.version for w in broker_admin.versions(db) if w.resource == name)
    if number not in there:
        held = ", ".join(map(str, there)) or "none"
        raise NotFound(f"version {number} of {name}", "none of that number", f"one that was deposited: {held}")
    gone = {r.value.lower() for r in desk.store.revocations() if r.what in (What.VERSION, What.RESOURCE)}
    meant = [v for v in there if v == number or (older and v < number)]
    before = tuple(v for v in meant if version_name(name, v).lower() in gone)
    now = tuple((v, revoke(desk, What.VERSION, version_name(name, v), reason)) for v in meant if v not in before)
    newest = there[-1]
    closed = newest in meant or bool({name.lower(), version_name(name, newest).lower()} & gone)
    return Retired(name, now, before, None if closed else newest)
