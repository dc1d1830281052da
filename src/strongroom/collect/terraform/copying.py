"""A link-free copy of a Terraform tree: what the fenced child sees instead of the tree itself."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.ports import Limits

_SKIP = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"})
_MAX_FILE = 4 * 1024 * 1024
_MAX_DEPTH = 24


@dataclass(slots=True)
class Miss:
    """Something of the tree that the copy lacks: relative path, why, and whether it was configuration."""

    path: str
    code: GapCode
    detail: str


@dataclass(slots=True)
class Copied:
    """The copy: configuration files by relative path, and what could not be taken along."""

    files: list[str] = field(default_factory=list)
    bytes: int = 0
    misses: list[Miss] = field(default_factory=list)
    digest: str = ""


def is_configuration(name: str) -> bool:
    """Whether Terraform would read the file as configuration or as variable values."""
    return name.endswith((".tf", ".tf.json", ".tfvars", ".tfvars.json"))


def copy_tree(root: Path, to: Path, limits: Limits) -> Copied:
    """Copy every regular file of at most 4 MiB, following no link; a configuration file left behind is a miss.

    Raises Unreadable when the folder itself cannot be listed.
    """
    done = Copied()
    digest = hashlib.sha256()
    for relative, entry in _walk(root, done):
        wanted = is_configuration(entry.name)
        if entry.is_symlink():
            if wanted or entry.is_dir():
                done.misses.append(Miss(relative, GapCode.LINK, "it is a symbolic link, which is not followed"))
            continue
        if not entry.is_file(follow_symlinks=False):
            continue
        size = entry.stat(follow_symlinks=False).st_size
        if size > _MAX_FILE or done.bytes + size > limits.bytes or len(done.files) >= limits.files:
            if wanted:
                done.misses.append(Miss(relative, GapCode.TOO_LARGE, f"{size} bytes are over what is read of a tree"))
            continue
        data = _read(Path(entry.path), relative, wanted, done)
        if data is None:
            continue
        _put(to / relative, data)
        done.bytes += size
        if wanted:
            done.files.append(relative)
            digest.update(relative.encode() + b"\0" + hashlib.sha256(data).digest())
    done.digest = digest.hexdigest()
    return done


def _walk(root: Path, done: Copied, relative: str = "", depth: int = 0) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(root / relative), key=lambda e: e.name)
    except OSError as e:
        if not relative:
            raise Unreadable(str(root), (e.strerror or "an error").lower(), "a folder that can be listed") from None
        done.misses.append(Miss(relative, GapCode.DENIED, f"{(e.strerror or 'an error').lower()} when listing it"))
        return
    for entry in entries:
        path = f"{relative}/{entry.name}" if relative else entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield path, entry
        elif depth >= _MAX_DEPTH:
            done.misses.append(Miss(path, GapCode.TOO_LARGE, f"folders nest deeper than {_MAX_DEPTH} levels"))
        elif entry.name not in _SKIP and not _is_cache(path):
            yield from _walk(root, done, path, depth + 1)


def _is_cache(path: str) -> bool:
    """`.terraform` holds provider binaries, which are not wanted, and fetched modules, which are."""
    pieces = path.split("/")
    if ".terraform" not in pieces:
        return False
    after = pieces[pieces.index(".terraform") + 1 :]
    return bool(after) and after[0] != "modules"


def _read(path: Path, relative: str, wanted: bool, done: Copied) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError as e:
        if wanted:
            done.misses.append(Miss(relative, GapCode.DENIED, f"{(e.strerror or 'an error').lower()}"))
        return None
    if wanted:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as e:
            line = data.count(b"\n", 0, e.start) + 1
            done.misses.append(
                Miss(f"{relative}:{line}", GapCode.NOT_UTF8, f"found byte 0x{data[e.start]:02x}, wanted UTF-8")
            )
            return None
    return data


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
