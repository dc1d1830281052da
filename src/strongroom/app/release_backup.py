"""One archive of a broker's state, and the drill that proves that it can be opened again.

In it: the database in a consistent copy, which has the records of attestations, and the release policy with its notes. Not in it, and to
be kept elsewhere: key-encryption keys, without which every resource stays closed; the key of tokens, in whose place a new
one does; the log and its keys, which are the truth and are kept by their own means. Whoever has the archive has evidence
of machines and wrapped secrets: it is its owner's alone.
"""

import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath

import msgspec

from strongroom.app.release_admin import Desk
from strongroom.app.release_policy import note_files
from strongroom.ledger import disk
from strongroom.model.errors import BadInput, LogError, Malformed, StateError, StrongroomError, Unreadable
from strongroom.model.release import ALLOW, VERB, Wrapped
from strongroom.model.trust import Decision
from strongroom.store import broker_admin
from strongroom.store.broker import BrokerStore

SCHEMA = "strongroom.broker-backup/1"
MANIFEST, DATABASE, POLICY = "manifest.json", "broker.db", "policy"
_MOST_MANIFEST = 256 << 20
_PIECE = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What is in an archive: each file with its SHA-256, and how many resources the database has."""

    schema: str
    at: datetime
    resources: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """An archive: where, what is in it, its digest, and the entry of the log."""

    path: Path
    manifest: Manifest
    digest: str
    entry: int


def backup(desk: Desk, policy: Path | None, output: Path) -> Kept:
    """Write an archive; the log has its digest before it gets its name.

    Raises:
        StateError: the database is a server's (its own tools copy it), or cannot be read.
        BadInput, Unreadable: the output is there already, or cannot be written.
        LogUnavailable: then there is no archive.
    """
    if output.exists():
        raise BadInput(str(output), "a file that is there", "a new one")
    try:
        with tempfile.TemporaryDirectory(dir=output.resolve().parent, prefix=".backup-") as scratch:
            copy = Path(scratch) / DATABASE
            resources = _copied(desk.store, copy)
            held = {DATABASE: copy} | dict(_policies(policy))
            made = Manifest(SCHEMA, desk.now, resources, {n: _digest(p) for n, p in held.items()})
            archive = Path(scratch) / "archive"
            _write(archive, made, held)
            digest = _digest(archive)
            entry = desk.record("backup", str(output.name), digest=digest, resources=resources, files=len(held))
            archive.rename(output)
            disk.sync_folder(output.resolve().parent)
    except OSError as e:
        raise Unreadable(str(output), (e.strerror or "an error").lower(), "a place that can be written") from None
    return Kept(output, made, digest, entry)


def _copied(store: BrokerStore, target: Path) -> int:
    """A copy of the database as it is at one moment; how many resources it has."""
    with store.transaction() as db:
        source = db.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise StateError("broker database", f"one of {db.dialect.name}", "a file; copy a server's by its own tools")
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        count = len({w.resource for w in broker_admin.versions(db)})
    target.chmod(0o600)
    return count


def _policies(policy: Path | None) -> Iterator[tuple[str, Path]]:
    if policy is not None and policy.exists():
        yield from ((f"{POLICY}/{p.name}", p) for p in (policy, *note_files(policy)))


def _digest(path: Path) -> str:
    with path.open("rb") as f:
        return f"sha256:{hashlib.file_digest(f, 'sha256').hexdigest()}"


def _write(archive: Path, manifest: Manifest, held: dict[str, Path]) -> None:
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode = len(data), 0o600
        tar.addfile(head, BytesIO(data))
        for name, path in held.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = path.stat().st_size, 0o600
            with path.open("rb") as f:
                tar.addfile(info, f)
        tar.close()
        raw.flush()
        os.fsync(raw.fileno())


def restore(archive: Path, folder: Path) -> Manifest:
    """Put what an archive holds into a new folder: `broker.db`, `policy/`. Nothing that is there is touched.

    Raises:
        BadInput: the folder is there and not empty.
        Unreadable: the archive cannot be read, or the folder not written.
        Malformed: it is none, a file of it was changed, is missing, or is not named in its manifest.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(str(folder), "a folder with something in it", "a new one")
    try:
        disk.make_folders(folder.resolve())
        with tarfile.open(archive, mode="r:") as tar:
            manifest = _manifest(tar, archive)
            left = dict(manifest.files)
            for member in tar:
                _member(tar, member, left, folder, str(archive))
    except tarfile.TarError as e:
        raise Malformed(str(archive), str(e)[:120], "an archive of `release backup`") from None
    except OSError as e:
        raise Unreadable(str(archive), (e.strerror or "an error").lower(), "an archive, and a place for it") from None
    if left:
        raise Malformed(str(archive), f"{len(left)} files fewer than its manifest names", next(iter(left)))
    return manifest


def _manifest(tar: tarfile.TarFile, archive: Path) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _MOST_MANIFEST:
        raise Malformed(str(archive), "no manifest at its head", "an archive of `release backup`")
    source = tar.extractfile(first)
    try:
        found = msgspec.json.decode(source.read() if source else b"", type=Manifest)
    except msgspec.MsgspecError as e:
        raise Malformed(str(archive), str(e)[:120], SCHEMA) from None
    if found.schema != SCHEMA or DATABASE not in found.files:
        raise Malformed(str(archive), f"schema {found.schema[:40]!r}", f"{SCHEMA}, with a database")
    return found


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, left: dict[str, str], folder: Path, subject: str) -> None:
    """Write one file, once its name is one that the manifest has and no way out of the folder."""
    if member.name == MANIFEST:
        return
    parts = PurePosixPath(member.name).parts
    wanted = left.pop(member.name, None)
    inside = bool(parts) and parts[0] in {DATABASE, POLICY} and ".." not in parts
    if wanted is None or not member.isreg() or not inside:
        raise Malformed(subject, f"the member {member.name[:80]!r}", "plain files that its manifest names, once")
    source = tar.extractfile(member)
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    seen = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while source is not None and (piece := source.read(_PIECE)):
            seen.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if f"sha256:{seen.hexdigest()}" != wanted:
        raise Malformed(subject, f"{member.name[:80]}, which was changed", wanted)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill came to: for each resource what is wrong with it, or nothing; and the entries of the log."""

    manifest: Manifest
    opened: tuple[str, ...]
    closed: tuple[tuple[str, str], ...]


def drill(desk: Desk, archive: Path) -> Drilled:
    """Restore into a scratch folder, and let each resource be opened by its back end; what comes out is wiped unseen.

    Each is a release in the log, with the drill as its reason: a back end opens for nothing else.

    Raises as `restore`; LogUnavailable: the drill stops there.
    """
    with _scratch() as folder:
        manifest = restore(archive, folder)
        with BrokerStore(str(folder / DATABASE)) as store, store.transaction() as db:
            newest = {w.resource: w for w in broker_admin.versions(db)}
    opened, closed = [], []
    for name, wrapped in sorted(newest.items()):
        why = _opens(desk, wrapped)
        if why:
            closed.append((name, why))
        else:
            opened.append(name)
    desk.record("restore-drill", archive.name, opened=len(opened), closed=tuple(n for n, _ in closed))
    return Drilled(manifest, tuple(opened), tuple(closed))


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="strongroom-drill-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _opens(desk: Desk, wrapped: Wrapped) -> str:
    """Why a resource does not open; nothing where it does."""
    decision = Decision(
        id=str(uuid.uuid4()),
        verb=VERB,
        subject=wrapped.resource,
        outcome=ALLOW,
        reasons=("restore drill: opened by its back end and wiped; it went to nobody",),
        inputs=(("wrapped", f"sha256:{hashlib.sha256(wrapped.blob).hexdigest()}"),),
        actor=f"drill:{desk.who}",
        decided_at=desk.now,
    )
    try:
        secret = desk.backend(wrapped.backend).unwrap(desk.log.decide(decision), wrapped, desk.now)
    except LogError:
        raise
    except StrongroomError as e:
        return f"{e.subject}: {e.found}"
    size = len(secret)
    secret.wipe()
    return "" if size else "nothing in it"
