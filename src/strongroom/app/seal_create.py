"""Seal a model: look at it, scan it, describe it, encrypt it, sign it on both sides, log it, and give it its name."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from strongroom.app import seal_log, seal_resume, seal_slots, seal_source
from strongroom.app.log import Log
from strongroom.app.seal_attachments import SEGMENT, Attachment, Describe, attachments
from strongroom.app.seal_resume import Begun
from strongroom.app.seal_sign import SignOptions, bundle, sign
from strongroom.app.seal_signers import Signer
from strongroom.app.seal_source import Source
from strongroom.kit import oms, sealed, slots
from strongroom.kit.oms import Piece
from strongroom.kit.sealed import SCHEMA, Artifact, Boundary, Entry, Index, Role
from strongroom.kit.slots import AnySlot
from strongroom.model.errors import StrongroomError, Unreadable
from strongroom.model.ports import Progress
from strongroom.seal import sealing, writing
from strongroom.seal.sealing import STRETCH
from strongroom.seal.writing import Writing

if TYPE_CHECKING:
    from strongroom.app.release_admin import Desk


SIGNATURE_MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True)
class Asked:
    """A sealing: paths, who may open it, and where; `state` is the folder in which the key waits for `--resume`."""

    source: str
    target: Path
    wanted: seal_slots.Wanted
    state: Path
    now: datetime
    boundary: Boundary = Boundary.ANY
    describe: Describe = field(default_factory=Describe)
    follow: bool = False
    resume: bool = False
    threads: int | None = None


class Hands(NamedTuple):
    """What a sealing works with: who signs, the broker's desk where a back end wraps, the log, and who is told."""

    log: Log
    signer: Signer | None = None
    desk: "Desk | None" = None
    tell: Progress | None = None
    note: Callable[[str], object] = lambda _: None


class Created(NamedTuple):
    """What was made, and its entry in the log."""

    artifact: Artifact
    files: int
    slots: tuple[AnySlot, ...]
    signed: bool
    octets: int
    entry: int


def create(asked: Asked, hands: Hands) -> Created:
    """Seal a model; nothing has the artifact's name until all of it is on the disk and in the log.

    Raises:
        BadInput, BadUsage: words that do not fit, a target that is there, a scan that refuses.
        Unreadable: a source that changed meanwhile, a disk that is full.
        LogUnavailable: then there is no artifact.
    """
    asked.wanted.check("seal create")
    to = seal_slots.read(asked.wanted)
    source = seal_source.look(asked.source, follow=asked.follow)
    seal_source.apart(source, asked.target)
    found = attachments(source, asked.source, asked.describe, asked.now, hands.tell)
    for text in (*source.notes, *found.notes):
        hands.note(text)
    count = len(source.planned) + len(found.documents) + (hands.signer is not None)
    fresh = Artifact(SCHEMA, os.urandom(sealed.ID).hex(), asked.boundary, SEGMENT, count)
    with seal_resume.begun(asked.target, fresh, asked.state, resume=asked.resume) as under, told(under.folder):
        made = seal_slots.made(to, under.artifact, under.key, hands.desk)
        sidecar = slots.begin(under.artifact, under.key, made, mixed=asked.wanted.mixed)
        index, inner = _written(under, source, found.documents, asked, hands, slots.render(sidecar))
        source.unchanged()
        signature = outer(under, source.name, hands)
        seal_slots.deposited(made, hands.desk)
        attached = {d.role: d.octets for d in found.documents} | ({Role.SIGNATURE: inner} if inner is not None else {})
        entry = seal_log.sealed(
            hands.log, under, sidecar, seal_log.Sealing(attached, signature, held=found.held), asked.now
        )
        writing.publish(under.folder, asked.target)
        under.done()
    return Created(under.artifact, len(index.files), made, hands.signer is not None, source.octets, entry)


@contextlib.contextmanager
def told(folder: Path, hint: str = "--resume goes on with what is there") -> Iterator[None]:
    """Say of whatever ends a sealing early what to do then; the disk's own errors in our words."""
    try:
        yield
    except OSError as e:
        raise Unreadable(str(folder), (e.strerror or "an error").lower(), "a disk with room", hint) from None
    except StrongroomError as e:
        e.hint = e.hint or hint
        raise


def _written(
    under: Begun, source: Source, documents: tuple[Attachment, ...], asked: Asked, hands: Hands, sidecar: bytes
) -> tuple[Index, bytes | None]:
    """Write all messages and what makes them an artifact: the index, and the signature that lies inside."""
    work = sealing.work(under.artifact.segment, asked.threads)
    try:
        w = Writing(under.folder, under.artifact, under.key, work, counting(hands.tell, source.octets))
        digests = _files(w, source, signed=hands.signer is not None)
        for number, one in enumerate(documents, len(source.planned)):
            w.attach(number, one.role, one.media, one.octets)
        inner = None
        if hands.signer is not None:
            inner = _inner(hands.signer, source, digests, under.artifact)
            w.attach(under.artifact.files - 1, Role.SIGNATURE, SIGNATURE_MEDIA, inner)
        index = _index(w, source, asked.now)
        _tidy(under.folder, w.entries)
        w.close(index, sidecar)
    finally:
        work.close()
    return index, inner


def _files(w: Writing, source: Source, *, signed: bool) -> dict[Piece, str]:
    """Seal the files; the digests of their stretches, taken in the same pass, where they are to be signed."""
    size = shard(w.artifact)
    digests: dict[Piece, str] = {}
    for number, planned in enumerate(source.planned):
        entry, found = w.file(number, planned, hashlib.sha256 if signed else None)
        if signed:
            pieces = oms.pieces(entry.path, entry.size, size)
            digests.update(zip(pieces, found[: len(pieces)], strict=True))  # an empty file has a digest, and no shard
    return digests


def shard(artifact: Artifact) -> int:
    """Octets of a stretch: what one digest of the signature inside is of."""
    return STRETCH * artifact.parameters.inside


def _inner(signer: Signer, source: Source, digests: dict[Piece, str], artifact: Artifact) -> bytes:
    """The signature over the files as they are inside: whoever opens them learns who sealed them, and not only that somebody could."""
    ignored = () if source.single else oms.ALWAYS_IGNORED
    how = oms.Serialization(oms.SHARDS, "sha256", shard(artifact), allow_symlinks=False, ignore_paths=ignored)
    kept = {p: d for p, d in digests.items() if not oms.is_under(p.path, ignored)}
    return bundle(signer, oms.statement(source.name, how, kept), source.name)


def outer(under: Begun, name: str, hands: Hands) -> bytes | None:
    """Sign what stands outside; the slots are left out, as they may be written anew at any time."""
    place = under.folder / sealed.SIGNATURE_FILE
    with contextlib.suppress(FileNotFoundError):
        place.unlink()  # of a sealing that was cut off
    if hands.signer is None:
        return None
    options = SignOptions((str(place),), (sealed.SLOTS_FILE,), name=f"{name}.sealed")
    made = sign(str(under.folder), (hands.signer,), options, hands.tell)
    writing.put(place, made.bundles[0])
    return made.bundles[0]


def _index(w: Writing, source: Source, now: datetime) -> Index:
    return Index(
        sealed.INDEX,
        w.artifact.id,
        source.name,
        single=source.single,
        sealed_at=now,
        entries=tuple(w.entries),
        folders=source.folders,
    )


def _tidy(folder: Path, entries: list[Entry]) -> None:
    """Remove messages that a sealing before this one left and that this one does not have."""
    wanted = {Path(sealed.payload_file(e.number)).name for e in entries}
    for left in (folder / sealed.PAYLOAD).iterdir():
        if left.name not in wanted:
            left.unlink()


def counting(tell: Progress | None, total: int) -> Callable[[int], None]:
    """How what was done is told to whoever watches."""
    done = 0

    def advance(octets: int) -> None:
        nonlocal done
        done += octets
        if tell is not None:
            tell("sealed", done, total)

    return advance
