"""A whole tree read: files recognised, grouped, digested where that is asked, and made assets and gaps."""

import hashlib
import os
import pwd
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.collect.artifacts import digesting
from strongroom.collect.artifacts.assets import KINDS, Maker
from strongroom.collect.artifacts.besides import Desk
from strongroom.collect.artifacts.grouping import Group, group
from strongroom.collect.artifacts.placing import Mounts
from strongroom.collect.artifacts.recognising import recognise
from strongroom.collect.artifacts.seen import Seen
from strongroom.collect.artifacts.walking import File, Miss, Opened, Tree, open_file, walk
from strongroom.kit.formats import folders
from strongroom.kit.formats.claims import claimed, closed
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Gap, SourceRead
from strongroom.model.ports import Request
from strongroom.model.values import Unknown, Where

DIGEST = "?digest"


@dataclass(slots=True)
class Reading:
    """What was read of a tree so far."""

    tree: Tree
    most: int
    seen: dict[str, Seen] = field(default_factory=dict)
    read: int = 0
    shut: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def small(self, file: File) -> bytes | None:
        """The content of a small file; None, and a gap, where it cannot be read."""
        if file.size > folders.MOST or self.read + file.size > self.most:
            self.miss(file.path, GapCode.TOO_LARGE, f"{file.size} bytes are more than is read of it")
            return None
        try:
            descriptor = open_file(file)
            with os.fdopen(descriptor, "rb") as opened:
                data = opened.read(file.size)
        except OSError as e:
            self.miss(file.path, GapCode.DENIED, f"{(e.strerror or str(e)).lower()}")
            return None
        self.read += len(data)
        return data

    def miss(self, path: str, code: GapCode, detail: str) -> None:
        """Note what could not be looked at."""
        self.tree.misses.append(Miss(path, code, detail))

    def recognise(self, file: File) -> None:
        """Look at one file."""
        try:
            descriptor = open_file(file)
        except OSError as e:
            self._unread(file, e)
            return
        source = Opened(descriptor, file.size)
        try:
            found = recognise(source, file.name)
            if found is None and closed(source.at(0, 8)):
                self.shut[Path(file.name).suffix or "no ending"].append(file.path)
        except OSError as e:
            self._unread(file, e)
            return
        finally:
            os.close(descriptor)
            self.read += source.read
        if found is not None:
            self.seen[file.path] = found

    def _unread(self, file: File, error: OSError) -> None:
        detail = (error.strerror or str(error.args[-1])).lower()
        self.miss(file.path, GapCode.DENIED, detail)
        claim = claimed(file.name)
        if claim:
            found = Seen(claim)
            found.broke(Unknown(GapCode.DENIED, f"{file.path}: {detail}"))
            self.seen[file.path] = found


@dataclass(frozen=True, slots=True)
class Found:
    """The artifacts of a tree as groups of files, and what could not be looked at."""

    tree: Tree
    reading: Reading
    groups: list[Group]
    gaps: list[Gap]


def find(request: Request) -> Found:
    """The artifacts of a folder, or of one file, without their digests. Raises Unreadable when there is none."""
    target, _ = split(request.target)
    tree = walk(Path(target), request.limits, request.progress)
    reading = Reading(tree, request.limits.bytes)
    for number, file in enumerate(list(tree.files.values()), 1):
        if reading.read > request.limits.bytes:
            detail = f"over {request.limits.bytes} bytes of headers; the rest was not looked at"
            reading.miss(file.path, GapCode.TOO_LARGE, detail)
            break
        reading.recognise(file)
        if request.progress is not None and not number % 200:
            request.progress("artifacts", number, len(tree.files))
    groups = group(tree, reading.seen, reading.small)
    return Found(tree, reading, groups, _gaps(reading, request, target))


def collect(request: Request) -> Estate:
    """Read a folder of artifacts, or one file. Raises Unreadable when there is none."""
    target, wanted = split(request.target)
    found = find(request)
    desk = Desk(found.tree, found.reading.small)
    digests = digest(found.groups, request) if wanted else None
    maker = Maker(request, found.tree, desk, Mounts.here(), _homes(), _root(target), digests)
    assets = tuple(maker.asset(g) for g in found.groups)
    source = _source(request, target, found.reading, assets)
    # Documents beside artifacts are read last: the gaps are counted again.
    return Estate(assets, tuple(_gaps(found.reading, request, target)), (source,), request.now)


def split(target: str) -> tuple[str, bool]:
    """The folder, and whether digests are asked for: `DIR?digest`, unless a folder has that very name."""
    if target.endswith(DIGEST) and not Path(target).exists():
        return target.removesuffix(DIGEST) or ".", True
    return target or ".", False


def digest(groups: list[Group], request: Request) -> dict[str, str | Unknown]:
    """The digests of artifacts by address. Every byte of them is read."""
    digester = digesting.Digester(digesting.total(g.files for g in groups), request.progress)
    return {g.address: digester.artifact(g.files) for g in groups}


def _homes() -> tuple[str, ...]:
    """Home folders of people, as the system knows them; those of services are none."""
    shells = ("nologin", "false", "sync", "shutdown", "halt")
    people = (p for p in pwd.getpwall() if p.pw_uid >= 1000 and not p.pw_shell.endswith(shells))
    return tuple(p.pw_dir for p in people if p.pw_dir.count("/") > 1)


def _root(target: str) -> str:
    path = Path(target)
    return str(path.parent) if path.is_file() else target


def _source(request: Request, target: str, reading: Reading, assets: tuple[Asset, ...]) -> SourceRead:
    made = hashlib.sha256()
    for asset in assets:
        size, files = asset.value("artifact.bytes"), asset.value("artifact.files")
        made.update(f"{asset.address}\0{asset.native_type}\0{size}\0{files}\n".encode("utf-8", "surrogateescape"))
    return SourceRead(
        spec=request.spec,
        scheme="artifacts",
        title=f"model artifacts in {target}",
        files=len(reading.tree.files),
        bytes=reading.read,
        kinds=KINDS,
        digest=made.hexdigest(),
    )


def _gaps(reading: Reading, request: Request, target: str) -> list[Gap]:
    root = _root(target).rstrip("/")
    gaps = [Gap(m.path, request.spec, m.code, m.detail, Where(f"{root}/{m.path}"), KINDS) for m in reading.tree.misses]
    for ending, paths in sorted(reading.shut.items()):
        detail = f"{len(paths)} archives ({ending}) of a kind that is not opened: {', '.join(paths[:3])}"
        gaps.append(Gap(paths[0], request.spec, GapCode.UNSUPPORTED, detail, Where(f"{root}/{paths[0]}"), KINDS))
    return gaps
