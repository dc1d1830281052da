"""Small artifacts, sealed with small segments, for the tests."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from strongroom.kit import sealed
from strongroom.kit.sealed import Artifact, Boundary, Index, Role
from strongroom.seal import sealing, writing
from strongroom.seal.reading import Sealed, Unsealed
from strongroom.seal.writing import Planned, Writing

SEGMENT = 64 << 10  # the smallest that an artifact may have
INSIDE = SEGMENT - 32
KEY = bytes(range(32))
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def source(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of files."""
    for path, octets in files.items():
        at = folder / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(octets)
    return folder


def begun(target: Path, artifact: Artifact, work: sealing.Work, key: bytes = KEY) -> Writing:
    """A sealing under way."""
    return Writing(writing.begin(target), artifact, key, work, lambda _: None)


def sealed_at(target: Path, files: Mapping[str, bytes], key: bytes = KEY, ident: str = "ab" * 32) -> Path:
    """A sealed artifact, with a bill of materials that is none."""
    at = source(target.with_name(f"{target.name}-source"), files)
    artifact = Artifact(sealed.SCHEMA, ident, Boundary.ANY, SEGMENT, len(files) + 1)
    work = sealing.work(SEGMENT, 2)
    try:
        w = begun(target, artifact, work, key)
        for number, path in enumerate(sorted(files)):
            w.file(number, Planned(path, at / path))
        w.attach(len(files), Role.BOM, "application/json", b"{}")
        w.close(index_of(w), b"{}")
        writing.publish(w.folder, target)
    finally:
        work.close()
    return target


def index_of(w: Writing) -> Index:
    """The index of what was written."""
    return Index(sealed.INDEX, w.artifact.id, "model", single=False, sealed_at=NOW, entries=tuple(w.entries))


@contextmanager
def opened(path: Path, key: bytes = KEY) -> Iterator[Unsealed]:
    """An artifact, open."""
    with Sealed(path) as held:
        yield held.unlock(key)


def contents(path: Path, key: bytes = KEY) -> dict[str, bytes]:
    """All that is inside."""
    with opened(path, key) as found:
        return {e.path: found.payload(e).read(0, e.size) for e in found.index.files}


def chance(size: int) -> bytes:
    """Octets that no other file has."""
    return os.urandom(size)
