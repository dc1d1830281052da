"""What a sealed artifact says of itself: in clear, and, to whoever can open it, of what is inside."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app import seal_slots, seal_unlock
from strongroom.app.seal_unlock import Way
from strongroom.kit import sealed, slots
from strongroom.seal.reading import Sealed, Unsealed

SCHEMA = "strongroom.seal-inspection/1"


class Slot(msgspec.Struct, frozen=True):
    """A slot: nobody has vouched for it before the artifact's key is there."""

    id: str
    type: str
    policy: str
    recipient: str
    who: str


class File(msgspec.Struct, frozen=True):
    """A file inside."""

    path: str
    size: int
    payload: str
    executable: bool


class Inside(msgspec.Struct, frozen=True):
    """What only a key shows, and by whose slot it came."""

    name: str
    single: bool
    sealed_at: datetime
    files: tuple[File, ...]
    folders: tuple[str, ...]
    attached: dict[str, int]
    opened_by: str


class Inspection(msgspec.Struct, frozen=True):
    """All of it. `verified` says whether the slots have held under the key."""

    schema: str
    path: str
    artifact: str
    boundary: str
    segment: int
    messages: int
    octets: int
    generation: int
    slots: tuple[Slot, ...]
    signed: bool
    verified: bool
    inside: Inside | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which artifact, and how it is opened, where it is."""

    path: Path
    way: Way | None = None


def inspect(asked: Asked, hands: seal_unlock.Hands) -> Inspection:
    """Look at an artifact. Raises BadInput where it is none, and as `unlock` where it is opened."""
    with Sealed(asked.path) as held:
        found = slots.read(held.slots, held.artifact)
        inside = None
        if asked.way is not None:
            unlocked = seal_unlock.unlock(held.slots, held.artifact, asked.way, hands)
            inside = _inside(held.unlock(unlocked.key), unlocked.slot.id)
        a = held.artifact
        messages = [asked.path / sealed.payload_file(n) for n in range(a.files)]
        return Inspection(
            SCHEMA,
            str(asked.path),
            a.id,
            a.boundary.value,
            a.segment,
            a.files,
            sum(m.stat().st_size for m in messages if m.exists()),
            found.generation,
            tuple(Slot(s.id, slots.type_of(s), s.policy, s.recipient, seal_slots.who(s)) for s in found.slots),
            (asked.path / sealed.SIGNATURE_FILE).exists(),
            inside is not None,
            inside,
        )


def _inside(found: Unsealed, by: str) -> Inside:
    i = found.index
    files = tuple(File(e.path, e.size, sealed.payload_file(e.number), e.executable) for e in i.files)
    attached = {e.role.value: e.size for e in i.entries if e.role is not sealed.Role.FILE}
    return Inside(i.name, i.single, i.sealed_at, files, i.folders, attached, by)
