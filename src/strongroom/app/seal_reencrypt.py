"""Seal an artifact anew under another key: the strong form of taking somebody out. Plaintext is in memory only.

What is attached goes along, the signature inside too: it is over the files, which stay the same. The signature outside is
over octets that are gone, and must be made again.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from strongroom.app import seal_log, seal_resume, seal_slots, seal_unlock
from strongroom.app.seal_create import Created, Hands, counting, outer, told
from strongroom.app.seal_resume import Begun
from strongroom.app.seal_rewrap import alone
from strongroom.app.seal_unlock import Way
from strongroom.kit import sealed, slots
from strongroom.kit.sealed import SCHEMA, Artifact, Index, Role
from strongroom.model.errors import BadUsage
from strongroom.seal import memory, sealing, writing
from strongroom.seal.payload import Payload
from strongroom.seal.reading import Sealed, Unsealed
from strongroom.seal.writing import Writing


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sealed anew, how it is opened, as what, and who opens it from then on."""

    path: Path
    target: Path
    way: Way
    wanted: seal_slots.Wanted
    state: Path


class _Again(NamedTuple):
    """A message as the source of another."""

    payload: Payload

    @property
    def size(self) -> int:
        """Octets inside."""
        return self.payload.size

    @property
    def name(self) -> str:
        """What it is called."""
        return self.payload.name

    def fill(self, into: memoryview, offset: int) -> None:
        """Octets from inside, each authenticated."""
        self.payload.read_into(offset, into)

    def is_longer(self) -> bool:
        """Its last segment was seen to be the last."""
        return False


def reencrypt(asked: Asked, unlocking: seal_unlock.Hands, hands: Hands) -> Created:
    """Make an artifact with the same inside and another key. The old one stays where it is.

    Raises as `seal_create.create` and `seal_unlock.unlock`.
    """
    asked.wanted.check("seal rewrap --reencrypt")
    if os.path.realpath(asked.target).startswith(f"{os.path.realpath(asked.path)}/"):
        raise BadUsage(str(asked.target), "a place inside of what is sealed anew", "one outside of it")
    to = seal_slots.read(asked.wanted)
    for trouble in memory.protect():
        hands.note(trouble)
    with alone(asked.path), Sealed(asked.path) as held:
        old = held.artifact
        found = seal_unlock.unlock(held.slots, old, asked.way, unlocking)
        inside = held.unlock(found.key)
        fresh = Artifact(SCHEMA, os.urandom(sealed.ID).hex(), old.boundary, old.segment, old.files)
        with _begun(asked, fresh) as under:
            made = seal_slots.made(to, fresh, under.key, hands.desk)
            sidecar = slots.begin(fresh, under.key, made, mixed=asked.wanted.mixed)
            index = _copied(inside, under, hands, slots.render(sidecar))
            signature = outer(under, index.name, hands)
            seal_slots.deposited(made, hands.desk)
            now = unlocking.clock()
            what = seal_log.Sealing(_attachments(inside), signature, old.id)
            entry = seal_log.sealed(hands.log, under, sidecar, what, now)
            writing.publish(under.folder, asked.target)
    octets = sum(e.size for e in index.files)
    return Created(fresh, len(index.files), made, signature is not None, octets, entry)


@contextlib.contextmanager
def _begun(asked: Asked, fresh: Artifact) -> Iterator[Begun]:
    """A sealing that nobody goes on with: whatever ends it early, nothing of it stays."""
    with (
        seal_resume.begun(asked.target, fresh, asked.state, resume=False, keep=False) as under,
        contextlib.ExitStack() as undone,
    ):
        undone.callback(shutil.rmtree, under.folder, ignore_errors=True)
        with told(under.folder, "make room, and begin anew"):
            yield under
        undone.pop_all()


def _copied(inside: Unsealed, under: Begun, hands: Hands, sidecar: bytes) -> Index:
    old = inside.index
    total = sum(e.size for e in old.entries)
    work = sealing.work(under.artifact.segment)
    try:
        w = Writing(under.folder, under.artifact, under.key, work, counting(hands.tell, total))
        for entry in sorted(old.entries, key=lambda e: e.number):
            payload = inside.payload(entry)
            if entry.role is Role.FILE:
                w.stream(entry.number, entry.path, _Again(payload), executable=entry.executable)
            else:
                w.attach(entry.number, entry.role, entry.media, payload.read(0, entry.size))
        index = Index(
            old.schema,
            under.artifact.id,
            old.name,
            single=old.single,
            sealed_at=old.sealed_at,
            entries=tuple(w.entries),
            folders=old.folders,
        )
        w.close(index, sidecar)
    finally:
        work.close()
    return index


def _attachments(inside: Unsealed) -> dict[Role, bytes]:
    """All documents that are attached."""
    return {e.role: inside.payload(e).read(0, e.size) for e in inside.index.entries if e.role is not Role.FILE}
