"""Change who may open a sealed artifact: its slots are written anew, its payload is not touched.

Taking a slot out takes back nothing: who has opened the artifact, or has a copy with the old slots, has its key.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from strongroom.app import seal_log, seal_slots, seal_unlock
from strongroom.app.log import Log
from strongroom.app.seal_unlock import Way
from strongroom.kit import sealed, slots
from strongroom.kit.slots import AnySlot, Sidecar
from strongroom.model.errors import BadInput, BadUsage, Unreadable
from strongroom.seal import writing
from strongroom.seal.reading import Sealed

if TYPE_CHECKING:
    from strongroom.app.release_admin import Desk


@dataclass(frozen=True, slots=True)
class Asked:
    """What is changed: slots that are added, ids of slots that go, or (`only`) the added ones in the place of all."""

    path: Path
    way: Way
    wanted: seal_slots.Wanted
    remove: tuple[str, ...] = ()
    only: bool = False

    @property
    def adds(self) -> bool:
        """Whether there is anybody to add."""
        w = self.wanted
        return bool(w.recipients or w.brokers or w.holders or w.backend)

    def check(self) -> None:
        """Raise BadUsage where the words do not fit together."""
        if not self.adds and not self.remove:
            raise BadUsage(
                "seal rewrap", "nothing to change", "--to, --to-broker, --to-backend, --escrow, or --remove ID"
            )
        if self.only and (self.remove or not self.adds):
            raise BadUsage("--only", "nobody to seal to, or --remove beside it", "who alone is to open it from now on")
        if self.adds:
            self.wanted.check("seal rewrap")


class Rewrapped(NamedTuple):
    """The slots before and now, and the entry in the log."""

    before: Sidecar
    after: Sidecar
    entry: int


def rewrap(asked: Asked, hands: seal_unlock.Hands, log: Log, desk: "Desk | None") -> Rewrapped:
    """Write the slots anew, once the change is in the log.

    Raises:
        BadInput, NotFound, BadSignature: nobody here opens it, or the slots do not hold.
        BadUsage: the boundary refuses a slot, or it would be the last one that goes.
        LogUnavailable: then nothing was changed.
    """
    asked.check()
    to = seal_slots.read(asked.wanted)
    with alone(asked.path), Sealed(asked.path) as held:
        artifact = held.artifact
        found = seal_unlock.unlock(held.slots, artifact, asked.way, hands)
        held.unlock(found.key)  # the slots and the index are of one key: else the slots of another would be written
        made = seal_slots.made(to, artifact, found.key, desk)
        after = _changed(asked, found.sidecar, held, found.key, made)
        seal_slots.deposited(made, desk)
        entry = seal_log.rewrapped(log, artifact, found.sidecar, after, hands.clock())
        try:
            writing.put(asked.path / sealed.SLOTS_FILE, slots.render(after))
        except OSError as e:
            why = (e.strerror or "an error").lower()
            raise Unreadable(str(asked.path / sealed.SLOTS_FILE), why, "a file that can be written") from None
    return Rewrapped(found.sidecar, after, entry)


def _changed(asked: Asked, before: Sidecar, held: Sealed, key: bytes, made: tuple[AnySlot, ...]) -> Sidecar:
    """The next generation: one, however much is changed."""
    kept = [] if asked.only else [s for s in before.slots if s.id not in asked.remove]
    for ident in asked.remove:
        before.slot(ident)
    new = {s.id for s in made}
    if taken := sorted(new & {s.id for s in kept}):
        raise BadInput(f"slot {taken[0]}", "there already, for the same recipient and policy", "one that is new")
    return slots.rotate(before, held.artifact, key, (*kept, *made), mixed=asked.wanted.mixed or not made)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One at a time: of two that read the same generation, the slots of one would be lost."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a sealed artifact") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
