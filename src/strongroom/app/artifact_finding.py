"""Artifacts looked up by path: to register them with their digests, and to see whether they are still what they were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from strongroom.collect.artifacts.digesting import Digester
from strongroom.collect.artifacts.grouping import Group
from strongroom.collect.artifacts.reading import Found, find
from strongroom.collect.artifacts.walking import File, walk
from strongroom.kit import artifact_classes as classes
from strongroom.kit.artifact_classes import Entry, Register
from strongroom.model.errors import BadInput, BadUsage, Unreadable
from strongroom.model.estate import Gap
from strongroom.model.ports import Limits, Progress, Request
from strongroom.model.values import Unknown


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be registered: a class, an owner, a note, and the path to record instead of the real one."""

    name: str
    owner: str
    note: str = ""
    path: str = ""


class Verdict(StrEnum):
    """How an entry of the register stands."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, how it stands, and why."""

    entry: Entry
    verdict: Verdict
    detail: str = ""


def entries(
    paths: Sequence[str], wish: Wish, now: datetime, limits: Limits, progress: Progress | None
) -> tuple[list[Entry], list[Gap]]:
    """An entry for each artifact below the paths, with its digest; and what could not be looked at.

    Raises:
        Unreadable: a path cannot be read, or a part of an artifact cannot.
        BadInput: there is no artifact below a folder.
        BadUsage: one path is to be recorded for several artifacts.
    """
    wanted: list[tuple[str, dict[str, File]]] = []
    gaps: list[Gap] = []
    for path in paths:
        found = find(Request(f"artifacts:{path}", path, now, limits, progress=progress))
        gaps += found.gaps
        groups = [(_real(found, g), g.files) for g in found.groups]
        if not groups and Path(path).is_dir():
            hint = "name the files themselves where they are of a format that is not known"
            raise BadInput(path, "no artifact", "files of a format that is known", hint)
        wanted += groups or [(str(Path(path).resolve()), walk(Path(path), limits).files)]
    if wish.path and len(wanted) != 1:
        raise BadUsage("--as", f"{len(wanted)} artifacts", "one, as it is one path")
    digester = Digester(sum(f.size for _, files in wanted for f in files.values()), progress)
    made = []
    for where, files in wanted:
        digest = digester.artifact(files)
        if isinstance(digest, Unknown):
            raise Unreadable(where, digest.detail, "an artifact that can be read whole")
        distinct = {f.path: f for f in files.values()}
        size = sum(f.size for f in distinct.values())
        recorded = wish.path or where
        made.append(
            Entry(
                wish.name,
                "" if "://" in recorded else recorded,
                recorded if "://" in recorded else "",
                wish.owner,
                digest,
                size,
                len(distinct),
                now.date(),
                wish.note,
            )
        )
    return made, gaps


def _real(found: Found, group: Group) -> str:
    root = found.tree.root
    return str(root) if group.address == "." else str(root / group.address)


def verify(
    register: Register, root: str | None, now: datetime, limits: Limits, progress: Progress | None
) -> Iterator[Line]:
    """How each entry stands: its files are read and digested. Relative paths are looked up below `root`."""
    for entry in register.artifact:
        yield _verify(entry, root, now, limits, progress)


def _verify(entry: Entry, root: str | None, now: datetime, limits: Limits, progress: Progress | None) -> Line:
    if not entry.path:
        return Line(entry, Verdict.UNKNOWN, "it lies elsewhere, and nothing is fetched")
    if not entry.sha256:
        return Line(entry, Verdict.UNKNOWN, "no digest is registered")
    if not entry.path.startswith("/") and root is None:
        return Line(entry, Verdict.UNKNOWN, "a relative path: name its folder with --root")
    path = Path(entry.path) if entry.path.startswith("/") else Path(root or ".") / entry.path
    try:
        files = _files(path, now, limits)
    except BadInput as e:
        return Line(entry, Verdict.UNKNOWN, str(e))
    if files is None:
        what = "nothing is there" if not classes.is_pattern(entry.path) else "a pattern, and nothing is called so"
        return Line(entry, Verdict.MISSING, what)
    size = sum(f.size for f in {f.path: f for f in files.values()}.values())
    if entry.size is not None and size != entry.size:
        return Line(entry, Verdict.DIFFERS, f"{size} bytes, registered {entry.size}")
    digest = Digester(size, progress).artifact(files)
    if isinstance(digest, Unknown):
        return Line(entry, Verdict.UNKNOWN, digest.detail)
    if digest != entry.sha256:
        return Line(entry, Verdict.DIFFERS, f"sha256 {digest}, registered {entry.sha256}")
    return Line(entry, Verdict.SAME)


def _files(path: Path, now: datetime, limits: Limits) -> dict[str, File] | None:
    """The files of the artifact that a path names: a file, a folder, or shards by the name that they have together."""
    if path.is_file():
        found = find(Request(f"artifacts:{path}", str(path), now, limits))
        return found.groups[0].files if found.groups else walk(path, limits).files
    within, address = (path, ".") if path.is_dir() else (path.parent, path.name)
    if not within.is_dir():
        return None
    found = find(Request(f"artifacts:{within}", str(within), now, limits))
    group = next((g for g in found.groups if g.address == address), None)
    return group.files if group is not None else None
