"""What a sealing that was cut off is gone on with: its key, kept for its owner alone until the artifact is finished.

Whoever has this file can open what was sealed so far, and so it is made only where the source lies in clear beside it
anyway. For an artifact of the attested boundary it is kept in memory alone, or not at all.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom.app.seal_model import octets_of
from strongroom.kit import sealed
from strongroom.kit.sealed import Artifact, Boundary
from strongroom.model.errors import BadInput, Malformed, Unreadable
from strongroom.seal import writing
from strongroom.seal.memory import in_memory

SCHEMA = "strongroom.sealing/1"


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    artifact: str  # artifact.json, as text
    key: str  # hex


@dataclass(frozen=True, slots=True)
class Begun:
    """A sealing under way: what it makes, by which key, in which folder, and where the key is kept, if anywhere."""

    artifact: Artifact
    key: bytes
    folder: Path
    kept: Path | None

    def done(self) -> None:
        """Let go of the key's file: the artifact is finished."""
        if self.kept is not None:
            with contextlib.suppress(OSError):
                self.kept.unlink()


@contextlib.contextmanager
def begun(target: Path, fresh: Artifact, state: Path, *, resume: bool, keep: bool = True) -> Iterator[Begun]:
    """Begin a sealing, or go on with the one that was cut off, while nobody else does. Without `keep` none goes on with it.

    Raises:
        BadInput: the target is there, another sealing of it is under way, or there is none to go on with.
        Unreadable: the disk refuses.
    """
    place = state / "sealing" / f"{hashlib.sha256(os.path.realpath(target).encode()).hexdigest()}.json"
    left = writing.unfinished(target)
    if os.path.lexists(left) and not resume:
        hint = f"--resume goes on with it; rm -r {left} lets go of it"
        raise BadInput(str(left), "a sealing that was cut off", "none", hint)
    before = _before(place, left, target, fresh) if resume else None
    try:
        folder = writing.begin(target)
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(left), why, "a folder that can be made") from None
    with _alone(folder):
        if before is not None:
            yield Begun(msgspec.structs.replace(fresh, id=before[0].id), before[1], folder, place)
            return
        key = os.urandom(sealed.KEY)
        kept = _keep(place, fresh, key) if keep else None
        with contextlib.ExitStack() as undone:
            undone.callback(_let_go, folder, kept)
            yield Begun(fresh, key, folder, kept)
            undone.pop_all()


def _let_go(folder: Path, kept: Path | None) -> None:
    """Remove a sealing of which nothing was written: there is nothing to go on with."""
    with contextlib.suppress(OSError):
        (folder / sealed.PAYLOAD).rmdir()
        folder.rmdir()
        if kept is not None:
            kept.unlink()


def _before(place: Path, left: Path, target: Path, fresh: Artifact) -> tuple[Artifact, bytes]:
    hint = f"begin anew without --resume{f', after rm -r {left}' if left.exists() else ''}"
    if not place.exists() or not left.exists():
        raise BadInput(str(target), "no sealing that was cut off and whose key is kept", "one", hint)
    try:
        kept = msgspec.json.decode(octets_of(str(place), "the key of a sealing"), type=_Kept)
        artifact, key = sealed.read_artifact(kept.artifact.encode()), bytes.fromhex(kept.key)
    except (msgspec.MsgspecError, ValueError):
        raise Malformed(str(place), "something else", SCHEMA, hint) from None
    if kept.schema != SCHEMA or len(key) != sealed.KEY:
        raise Malformed(str(place), repr(kept.schema[:40]), SCHEMA, hint)
    if (artifact.boundary, artifact.segment) != (fresh.boundary, fresh.segment):
        raise BadInput(str(left), f"a sealing of the boundary {artifact.boundary}", f"{fresh.boundary}", hint)
    return artifact, key


def _keep(place: Path, artifact: Artifact, key: bytes) -> Path | None:
    """Keep the key, where it may be kept. Raises Unreadable."""
    kept = _Kept(SCHEMA, sealed.render_artifact(artifact).decode(), key.hex())
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if artifact.boundary is Boundary.ATTESTED and not in_memory(place.parent.stat().st_dev):
            return None
        writing.put(place, msgspec.json.encode(kept))
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(place), why, "a file that can be written", "[state] path says where") from None
    return place


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder for as long (flock(2)); the system lets go when this process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput(str(folder), "another sealing at work in it", "one at a time") from None
        yield
    finally:
        os.close(descriptor)
