"""Seal a checkpoint that is in memory: it is encrypted before anything of it leaves, and never a file in clear."""

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom import __version__
from strongroom.app import seal_log, seal_resume, seal_slots
from strongroom.app.seal_attachments import SEGMENT
from strongroom.app.seal_create import SIGNATURE_MEDIA, Created, Hands, counting, outer, shard, told
from strongroom.app.seal_resume import Begun
from strongroom.app.seal_sign import bundle
from strongroom.kit import oms, scan_record, sealed, slots
from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.verdicts import Verdict
from strongroom.kit.oms import Piece
from strongroom.kit.sealed import SCHEMA, Artifact, Boundary, Index, Role
from strongroom.model.errors import BadInput
from strongroom.seal import sealing, writing
from strongroom.seal.checkpoints import OctetsSource, Tensor, TensorsSource
from strongroom.seal.writing import Writing

Writer = Callable[[io.RawIOBase], object]
Part = Mapping[str, Tensor] | bytes | Writer
_LOOKED_AT = 16 << 20  # octets of a part that is looked into


@dataclass(frozen=True, slots=True)
class Asked:
    """A checkpoint: its parts by path, where it goes, and who opens it."""

    parts: Mapping[str, Part]
    target: Path
    wanted: seal_slots.Wanted
    now: datetime
    boundary: Boundary = Boundary.ANY
    metadata: Mapping[str, str] | None = None


def save(asked: Asked, hands: Hands) -> Created:
    """Seal all parts; the artifact has its name when all of it is on the disk and in the log, and else nothing is left.

    A part is a table of tensors (written as safetensors), octets, or a function that writes to a file object.

    Raises:
        BadInput, BadUsage: words or tensors that do not fit, a target that is there.
        Unreadable: the disk refuses. LogUnavailable: then there is no artifact.
    """
    asked.wanted.check("checkpoint")
    if not asked.parts:
        raise BadInput("checkpoint", "no part", "one at least")
    for path in asked.parts:
        sealed.check_path(path)
    to = seal_slots.read(asked.wanted)
    count = len(asked.parts) + 1 + (hands.signer is not None)
    fresh = Artifact(SCHEMA, os.urandom(sealed.ID).hex(), asked.boundary, SEGMENT, count)
    with _begun(asked.target, fresh) as under:
        made = seal_slots.made(to, fresh, under.key, hands.desk)
        sidecar = slots.begin(fresh, under.key, made, mixed=asked.wanted.mixed)
        index, attached = _written(asked, under, hands, slots.render(sidecar))
        signature = outer(under, asked.target.name, hands)
        seal_slots.deposited(made, hands.desk)
        entry = seal_log.sealed(hands.log, under, sidecar, seal_log.Sealing(attached, signature), asked.now)
        writing.publish(under.folder, asked.target)
    octets = sum(e.size for e in index.files)
    return Created(fresh, len(index.files), made, signature is not None, octets, entry)


@contextlib.contextmanager
def _begun(target: Path, fresh: Artifact) -> Iterator[Begun]:
    """A sealing that nobody can go on with: what it is of is in memory alone, and so is its key."""
    with (
        seal_resume.begun(target, fresh, target.parent, resume=False, keep=False) as under,
        contextlib.ExitStack() as undone,
    ):
        undone.callback(shutil.rmtree, under.folder, ignore_errors=True)
        with told(under.folder, "make room, and save it again"):
            yield under
        undone.pop_all()


def _written(asked: Asked, under: Begun, hands: Hands, sidecar: bytes) -> tuple[Index, dict[Role, bytes]]:
    work = sealing.work(under.artifact.segment)
    hasher = hashlib.sha256 if hands.signer is not None else None
    digests: dict[Piece, str] = {}
    looked: list[scan_record.File] = []
    try:
        w = Writing(under.folder, under.artifact, under.key, work, counting(hands.tell, 0))
        for number, (path, part) in enumerate(sorted(asked.parts.items())):
            looked.append(_looked(path, part))
            if callable(part):
                entry, found = w.outgoing(number, path, part, hasher)
            else:
                entry, found = w.stream(number, path, _source(path, part, asked.metadata), hasher)
            pieces = oms.pieces(path, entry.size, shard(under.artifact))
            digests.update(zip(pieces, found[: len(pieces)], strict=hasher is not None))
        scan = scan_record.render(
            scan_record.ScanRecord(scan_record.SCHEMA, f"strongroom {__version__}", asked.now, tuple(looked))
        )
        attached = {Role.SCAN: scan}
        w.attach(len(asked.parts), Role.SCAN, scan_record.MEDIA, scan)
        if hands.signer is not None:
            how = oms.Serialization(oms.SHARDS, "sha256", shard(under.artifact))
            inner = bundle(hands.signer, oms.statement(asked.target.name, how, digests), asked.target.name)
            attached[Role.SIGNATURE] = inner
            w.attach(under.artifact.files - 1, Role.SIGNATURE, SIGNATURE_MEDIA, inner)
        name = asked.target.name.removesuffix(".sealed")
        entries = tuple(w.entries)
        index = Index(sealed.INDEX, under.artifact.id, name, single=False, sealed_at=asked.now, entries=entries)
        w.close(index, sidecar)
    finally:
        work.close()
    return index, attached


def _source(path: str, part: Part, metadata: Mapping[str, str] | None) -> sealing.Source:
    if isinstance(part, bytes):
        return OctetsSource(part, path)
    assert isinstance(part, Mapping)
    return TensorsSource(part, metadata or {}, path)


def _looked(path: str, part: Part) -> scan_record.File:
    """The verdict on a part: tensors that are written here as safetensors hold no program; a function may write any."""
    if isinstance(part, Mapping):
        return scan_record.File(path, Verdict.SAFE)
    if isinstance(part, bytes) and len(part) <= _LOOKED_AT:
        from strongroom.kit.formats.scanning import scan  # noqa: PLC0415 - the readers of all formats

        found = scan(Memory(part), path)
        return scan_record.File(path, found.verdict, tuple(r.text for r in found))
    return scan_record.File(path, Verdict.REVIEW, ("a program wrote it as it was sealed, and nobody looked into it",))
