"""Open a sealed artifact: verify, get its key, look at what it shows, write it out, and give that its name when all holds."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from strongroom.app import seal_gate, seal_log, seal_unlock
from strongroom.app.log import Log
from strongroom.app.seal_gate import Demands, Shown, Verdicts
from strongroom.app.seal_unlock import Unlocked, Way
from strongroom.kit import oms
from strongroom.kit.oms import Piece
from strongroom.kit.sealed import Artifact, Boundary, Entry, Role
from strongroom.kit.slots import AnySlot
from strongroom.model.errors import BadInput, BadUsage, Unreadable
from strongroom.model.ports import Progress
from strongroom.seal import hashing, memory, mounting, protection, sealing, unsealing, writing
from strongroom.seal.reading import Sealed, Unsealed
from strongroom.seal.sealing import STRETCH

OPENING = ".opening"  # what the folder of an opening under way ends in


@dataclass(frozen=True, slots=True)
class Asked:
    """What is opened, how, and what it must show. `whole` verifies every message before the key is asked for.

    `target` is where it is to be written, if anywhere; `disk` lets that be a disk.
    """

    path: Path
    way: Way
    demands: Demands = field(default_factory=Demands)
    whole: bool = True
    target: Path | None = None
    disk: bool = False


class Hands(NamedTuple):
    """The clock, a log where there is one, who is told, and who attests where it is not this machine."""

    unlocking: seal_unlock.Hands
    log: Log | None = None
    tell: Progress | None = None

    @property
    def clock(self) -> Callable[[], datetime]:
        """What time it is."""
        return self.unlocking.clock


class Open(NamedTuple):
    """An artifact that is open and has shown what was demanded."""

    asked: Asked
    unsealed: Unsealed
    unlocked: Unlocked
    verdicts: Verdicts
    demands: Demands


@contextlib.contextmanager
def opened(asked: Asked, hands: Hands) -> Iterator[Open]:
    """Open an artifact for reading: nothing of it is given out before all that can be verified without its files was.

    Raises:
        Denied, BadSignature: something that is demanded is missing or refuses.
        BadInput: it cannot be read, or nobody here can open it.
    """
    for trouble in memory.protect():
        hands.unlocking.tell(trouble)
    with Sealed(asked.path) as held:
        demands = asked.demands.with_all(seal_gate.released(held.artifact.boundary, by_broker=asked.way.by_broker))
        demands.check()
        if asked.target is not None:  # before anything is asked for: a release may be good for once
            _place(asked.target, hands, disk=asked.disk, boundary=held.artifact.boundary)
        if Shown.SIGNATURE in demands.required or demands.trust is not None:
            who = seal_gate.outside(asked.path, demands, hands.clock(), hands.tell, whole=asked.whole)
            hands.unlocking.tell(f"signed by {who}")
        unlocked = seal_unlock.unlock(held.slots, held.artifact, asked.way, hands.unlocking)
        unsealed = held.unlock(unlocked.key)
        verdicts = seal_gate.attached(unsealed, demands, hands.clock())
        if hands.log is not None:
            seal_log.opening(hands.log, held.artifact, unlocked.sidecar, hands.clock())
        yield Open(asked, unsealed, unlocked, verdicts, demands)


class Written(NamedTuple):
    """What was written out."""

    path: Path
    files: int
    octets: int
    lines: tuple[str, ...]
    slot: AnySlot
    artifact: Artifact


def extract(found: Open, hands: Hands) -> Written:
    """Write all files; the target has its name when every octet was authenticated and every digest holds.

    Raises:
        BadInput: there is something at the target by now.
        BadSignature, Malformed, Denied: it is not as it was sealed, signed or described. Nothing is left then.
        Unreadable: the disk refuses.
    """
    target = found.asked.target
    if target is None:
        raise BadUsage("seal open", "no target", "where it is written")
    _protected(hands)
    aside = target.with_name(f"{target.name}{OPENING}-{os.getpid()}")
    try:
        aside.mkdir(mode=0o700)
        lines = _files(found, aside, hands)
        _publish(found.unsealed, aside, target)
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(target), why, "a place with room that can be written") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    index = found.unsealed.index
    octets = sum(e.size for e in index.files)
    return Written(target, len(index.files), octets, lines, found.unlocked.slot, found.unsealed.sealed.artifact)


def mount(found: Open, place: Path, hands: Hands, ready: Callable[[], object]) -> None:
    """Show an artifact at an empty folder until that is unmounted. Raises as `mounting.mount`."""
    seal_gate.provenance(found.unsealed, found.demands, None)
    _protected(hands)
    work = sealing.work(found.unsealed.sealed.artifact.segment)
    try:
        mounting.mount(found.unsealed, work, place, hands.unlocking.tell, ready)
    finally:
        work.close()


def _place(target: Path, hands: Hands, *, disk: bool, boundary: Boundary) -> None:
    """Refuse what would leave plaintext where it can be found later."""
    if os.path.lexists(target):
        raise BadInput(str(target), "something that is there", "a name that is free")
    try:
        device = target.parent.stat().st_dev
    except OSError as e:
        raise Unreadable(str(target.parent), (e.strerror or "an error").lower(), "a folder that is there") from None
    if memory.in_memory(device):
        hands.unlocking.tell(
            "the target lies in memory: whoever may read it there has the plaintext until it is removed"
        )
        return
    if not disk:
        hint = "a place on a tmpfs such as /dev/shm, seal mount, or --allow-plaintext-disk"
        raise BadInput(str(target), "a disk, which would keep the plaintext", "a place in memory", hint)
    if boundary is Boundary.ATTESTED:
        raise BadUsage(str(target), "a disk, for an artifact of the attested boundary", "a place in memory")
    hands.unlocking.tell("the plaintext lies on a disk now; removing it does not make it unreadable there")


def _protected(hands: Hands) -> None:
    """Say what does not keep plaintext in memory from being found elsewhere."""
    for trouble in protection.look(0).troubles:
        hands.unlocking.tell(trouble)


def _files(found: Open, aside: Path, hands: Hands) -> tuple[str, ...]:
    inside = found.verdicts.inside
    artifact = found.unsealed.sealed.artifact
    stretch = STRETCH * artifact.parameters.inside
    how = inside.statement.how if inside is not None and inside.statement is not None else None
    in_pass = how is not None and (how.method, how.hash_type, how.shard_size) == (oms.SHARDS, "sha256", stretch)
    work = sealing.work(artifact.segment)
    total = sum(e.size for e in found.unsealed.index.files)
    advance = _counting(hands.tell, total)
    digests: dict[Piece, str] = {}
    try:
        for entry in found.unsealed.index.files:
            hasher = hashlib.sha256 if in_pass else None
            with _file(aside, entry) as target:
                out = unsealing.Out(target, stretch, hasher, advance)
                stretches = unsealing.unseal(work, found.unsealed.payload(entry), out)
                os.fsync(target)
            digests.update(zip(oms.pieces(entry.path, entry.size, stretch), stretches, strict=in_pass))
        for path in found.unsealed.index.folders:
            (aside / path).mkdir(mode=0o700, parents=True, exist_ok=True)
    finally:
        work.close()
    if inside is not None and how is not None:
        wanted = seal_gate.wanted_pieces(found.unsealed, inside)
        held = digests if in_pass else hashing.digests(aside, wanted, how.hash_type, tell=hands.tell)
        seal_gate.files(found.unsealed, inside, held)
    return (*found.verdicts.lines, *_provenance(found, aside, hands))


def _provenance(found: Open, aside: Path, hands: Hands) -> tuple[str, ...]:
    """Hold what speaks of whole files against them, where it is demanded."""
    whole: dict[str, str] | None = None
    index = found.unsealed.index
    by_key = found.demands.provenance_key is not None and index.attached(Role.PROVENANCE) is not None
    if by_key or Shown.BOM in found.demands.required:
        pieces = [Piece(e.path) for e in found.unsealed.index.files]
        whole = {p.path: d for p, d in hashing.digests(aside, pieces, "sha256", tell=hands.tell).items()}
    return (*seal_gate.provenance(found.unsealed, found.demands, whole), *seal_gate.bill(found.unsealed, whole))


@contextlib.contextmanager
def _file(aside: Path, entry: Entry) -> Iterator[int]:
    place = aside / entry.path
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = 0o700 if entry.executable else 0o600
    target = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        yield target
    finally:
        os.close(target)


def _publish(found: Unsealed, aside: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise BadInput(str(target), "something that is there by now", "a name that is free")
    held = aside / found.index.files[0].path if found.index.single else aside
    held.rename(target)
    writing.sync(target.parent.resolve())


def _counting(tell: Progress | None, total: int) -> Callable[[int], None]:
    done = 0

    def advance(octets: int) -> None:
        nonlocal done
        done += octets
        if tell is not None:
            tell("opened", done, total)

    return advance
