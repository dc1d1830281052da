"""A cluster kept in sight: each kind is listed, then watched, and listed anew where the watch has lost its place.

What is handed on is handed on in order, once. A kind that was not heard of for too long is said to be stale.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import SystemRandom
from typing import NamedTuple

import msgspec

from strongroom.collect.kubernetes.live import Client, Event, Listed, RefusedError, Resource
from strongroom.collect.wire import Hold
from strongroom.model.errors import Malformed, StrongroomError, TooLarge

SECONDS = 300  # for which a watch is asked
SILENCE = 330.0  # seconds without a word of a kind, after which nobody knows how it is
# Seconds without a word after which no watch is begun, but the list made anew: nobody promises bookmarks. A watch that begins
# just before, and is quiet to its end, leaves a minute for the list before the silence is too long.
RELIST = 120.0
_FIRST, _LONGEST = 0.2, 30.0  # seconds between two tries
_CHANCE = SystemRandom().random


class Action(StrEnum):
    """What is to be done with an object. A list replaces all of its kind."""

    LIST = "list"
    PUT = "put"
    REMOVE = "remove"


class Change(NamedTuple):
    """Something to be taken over: one object, or all of a kind."""

    kind: str
    action: Action
    objects: Sequence[msgspec.Raw]


Apply = Callable[[Change], None]
_ACTIONS = {"ADDED": Action.PUT, "MODIFIED": Action.PUT, "DELETED": Action.REMOVE}


class _Sight:
    """What is known of one kind. `version` is the last that was taken over; empty where it must be listed."""

    def __init__(self) -> None:
        self.hold = Hold()
        self.listed = False
        self.unserved = False  # there is none, and nothing to watch
        self.version = ""
        self.heard = 0.0  # when the server last said something of it: a list, an event or a bookmark
        self.said = 0  # events and bookmarks
        self.trouble = "not asked yet"

    def lose(self, error: StrongroomError) -> None:
        """Something of it is not known as it is: only a list mends that."""
        self.listed, self.unserved, self.version, self.trouble = False, False, "", str(error)


class Cache:
    """Threads that keep some kinds in sight. `apply` is called from them, one kind at a time in order; it must not block.

    `apply` may raise a StrongroomError for what it cannot read: then the kind is listed again, and is not synced meanwhile.
    """

    def __init__(
        self,
        client: Client,
        resources: Sequence[Resource],
        apply: Apply,
        *,
        absent: bool = True,
        jitter: Callable[[], float] = _CHANCE,
    ) -> None:
        """`absent`: a kind that the server says it does not serve counts as one of which there is none.

        `jitter` gives a number from 0 to 1, so that many that lost one server do not come back to it at once.
        """
        self._client, self._apply, self._absent, self._jitter = client, apply, absent, jitter
        self._sights = {r: _Sight() for r in resources}
        self._threads = [
            threading.Thread(target=self._keep, args=(r,), name=f"watch-{r.kind}", daemon=True) for r in resources
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 5.0) -> bool:
        """Hand on nothing any more, and cut what is waited for; whether every thread has ended within so many seconds.

        One that looks up a name or waits for a connection cannot be cut; it ends by that, or with the process.
        """
        for sight in self._sights.values():
            sight.hold.release()
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def ages(self) -> dict[str, float | None]:
        """Seconds since each kind was heard of: by a list, an event or a bookmark. None where it never was."""
        now = time.monotonic()
        return {r.kind: now - s.heard if s.heard else None for r, s in self._sights.items()}

    def troubles(self, silence: float = SILENCE) -> tuple[str, ...]:
        """The kinds that are not in sight, and why; empty where all are."""
        now = time.monotonic()
        found = []
        for resource, sight in self._sights.items():
            if not sight.listed:
                found.append(f"{resource.kind}: {sight.trouble}")
            elif now - sight.heard > silence:
                found.append(f"{resource.kind}: stale, nothing heard for {silence:g} s: {sight.trouble}")
        return tuple(found)

    def synced(self) -> bool:
        """Whether every kind is in sight."""
        return not self.troubles()

    def _keep(self, resource: Resource) -> None:
        sight, wait = self._sights[resource], _FIRST
        try:
            while not sight.hold.released:
                began, said = time.monotonic(), sight.said
                least = self._once(resource, sight)
                # A server that only ever lists, or cuts each watch at once, is not asked as fast as it answers.
                if sight.said > said or time.monotonic() - began > _LONGEST:
                    wait = _FIRST
                sight.hold.pause(max(least, wait * (1 + self._jitter()) / 2))
                wait = min(2 * wait, _LONGEST)
        finally:
            # Whatever ended it, nobody follows this kind any more.
            sight.listed, sight.trouble = False, "nobody follows it any more"

    def _once(self, resource: Resource, sight: _Sight) -> float:
        """List where there is no version to go on from, or no word for long; then watch. Seconds until it may be asked again."""
        if not sight.version or time.monotonic() - sight.heard > RELIST:
            try:
                self._list(resource, sight)
            except StrongroomError as e:
                sight.trouble = str(e)
                if not sight.version and not sight.unserved:
                    sight.lose(e)
                return e.refusal.after if isinstance(e, RefusedError) else 0.0
            if sight.unserved:
                return _LONGEST
        try:
            self._watch(resource, sight)
        except RefusedError as e:
            sight.trouble = str(e)
            if not e.passing:
                sight.version = ""
            return e.refusal.after
        except (Malformed, TooLarge) as e:
            sight.lose(e)  # an event that nobody could take
        except StrongroomError as e:
            sight.trouble = str(e)
        return 0.0

    def _list(self, resource: Resource, sight: _Sight) -> None:
        began = time.monotonic()  # what is listed is as old as the question
        try:
            found = self._client.list(resource, sight.hold)
        except RefusedError as e:
            if not (e.absent and self._absent and self._client.unserved(resource, sight.hold)):
                raise
            found = Listed([], "")
        self._take(sight, Change(resource.kind, Action.LIST, found.items))
        sight.unserved = not found.version
        sight.version, sight.heard, sight.trouble, sight.listed = found.version, began, "in sight", True

    def _watch(self, resource: Resource, sight: _Sight) -> None:
        with contextlib.closing(self._client.watch(resource, sight.version, SECONDS, sight.hold)) as events:
            for event in events:
                if sight.hold.released:
                    return
                self._event(resource, sight, event)

    def _event(self, resource: Resource, sight: _Sight, event: Event) -> None:
        heard = time.monotonic()
        action = _ACTIONS.get(event.action)
        if action is not None:
            self._take(sight, Change(resource.kind, action, (event.object,)))
        sight.version, sight.heard, sight.said, sight.trouble = event.version, heard, sight.said + 1, "in sight"

    def _take(self, sight: _Sight, change: Change) -> None:
        if sight.hold.released:
            return
        try:
            self._apply(change)
        except StrongroomError as e:
            sight.lose(e)
            raise
