"""Get the key of a sealed artifact: by the identities that are here, or by attesting this machine to the slot's broker."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from strongroom.app import seal_keys
from strongroom.app.seal_hands import Hands
from strongroom.app.seal_model import octets_of
from strongroom.kit import sealed, slot_wraps, slots
from strongroom.kit.sealed import Artifact
from strongroom.kit.slots import AnySlot, BrokerSlot, KeySlot, Sidecar
from strongroom.model.errors import BadInput

if TYPE_CHECKING:
    from strongroom.app.release_get import Asking

_MOST = 64 << 10
__all__ = ["Hands", "Unlocked", "Way", "unlock"]


@dataclass(frozen=True, slots=True)
class Way:
    """How an artifact is to be opened, in the words of a command.

    `identities` are files. `asking` says of the broker and of this machine what a slot does not; its URL counts for the
    slot of a key back end, while a broker's slot names its own. `slot` is the id of the one slot to take. `least` is the
    generation of the slots that is known of: an older list was put back. `recovered` is the file of what the age program
    has opened of an age slot, `-` for standard input.
    """

    identities: tuple[str, ...] = ()
    asking: "Asking | None" = None
    slot: str = ""
    least: int = 1
    recovered: str = ""

    @property
    def by_broker(self) -> bool:
        """Whether a broker is to release the key."""
        return not self.identities and not self.recovered


class Unlocked(NamedTuple):
    """The key, the slot that gave it, and the slots, which have held under it."""

    key: bytes
    slot: AnySlot
    sidecar: Sidecar

    @property
    def released(self) -> bool:
        """Whether a broker has released it to this machine, by a policy."""
        return isinstance(self.slot, BrokerSlot | KeySlot)


def unlock(octets: bytes, artifact: Artifact, way: Way, hands: Hands) -> Unlocked:
    """The key of an artifact, from its slots as they are written.

    Raises:
        BadInput, NotFound: no slot is for whoever is here.
        BadSignature, Malformed: slots that were changed, moved or put back.
        TurnedAway, OutOfReach: the broker refused, or did not answer.
    """
    found = slots.read(octets, artifact)
    tried = (found.slot(way.slot),) if way.slot else found.slots
    if way.recovered:
        slot, key = slot_wraps.recovered(_recovered(way.recovered), found, way.least)
        return Unlocked(key, slot, found)
    if way.identities:
        mine = seal_keys.identities(way.identities)
        if not way.slot:
            slot, key = slot_wraps.unlock(found, mine, way.least)
            return Unlocked(key, slot, found)
        key = slot_wraps.open_slot(tried[0], found.artifact, mine)
        return Unlocked(key, tried[0], slots.verify(found, key, way.least))
    released = [s for s in tried if isinstance(s, BrokerSlot | KeySlot)]
    if not released or way.asking is None:
        kinds = ", ".join(sorted({slots.type_of(s) for s in tried}))
        hint = "--identity FILE opens hpke, age and escrow slots, --attest those of a broker"
        raise BadInput(sealed.SLOTS_FILE, f"slots of {kinds}, and nobody to open one", "an identity, or a broker", hint)
    from strongroom.app import seal_release  # noqa: PLC0415 - whoever has an identity does not pay for TLS and evidence

    key = seal_release.released(released[0], found.artifact, way.asking, hands)
    return Unlocked(key, released[0], slots.verify(found, key, way.least))


def _recovered(path: str) -> bytes:
    return sys.stdin.buffer.read(_MOST) if path == "-" else octets_of(path, "what age has opened", _MOST)
