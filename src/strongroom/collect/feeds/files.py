"""Files that feeds come in: one, a folder of them, or a zip archive; each with the digest that is published beside it."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import Malformed, TooLarge, Unreadable

MOST, MOST_FILES = 512 << 20, 200_000  # octets of one file, and files
_SIDECAR = re.compile(rb"\s*([0-9a-fA-F]{64})(?:\s+\*?[^\r\n]{0,400})?\s*")
_WHAT = "a feed: CSAF 2.0, CISA's KEV or EPSS, alone, in a folder or in a zip archive"


class Came(NamedTuple):
    """A file's name, octets and digest, and the digest that stands beside it; empty where there is none."""

    name: str
    data: bytes
    digest: str
    published: str


def read(target: str) -> Iterator[Came]:
    """Every file of a target but the digests themselves. Raises Unreadable, TooLarge, Malformed."""
    path = Path(target)
    if path.is_dir():
        yield from _folder(path)
        return
    data = _octets(path)
    if data[:4] == b"PK\x03\x04":
        yield from _archive(path)
        return
    beside = path.with_name(f"{path.name}.sha256")
    yield _came(target, data, _octets(beside) if beside.is_file() else b"")


def _folder(path: Path) -> Iterator[Came]:
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    if len(files) > MOST_FILES:
        raise TooLarge(str(path), f"{len(files)} files", f"at most {MOST_FILES}")
    names = {p.name: p for p in files}
    for one in files:
        if one.suffix in {".json", ".csv"}:
            beside = one.with_name(f"{one.name}.sha256")
            yield _came(str(one), _octets(one), _octets(beside) if beside.name in names and beside.is_file() else b"")


def _archive(path: Path) -> Iterator[Came]:
    try:
        with zipfile.ZipFile(path) as held:
            entries = {i.filename: i for i in held.infolist() if not i.is_dir()}
            if len(entries) > MOST_FILES:
                raise TooLarge(str(path), f"{len(entries)} files", f"at most {MOST_FILES}")
            for name, info in sorted(entries.items()):
                if not name.endswith((".json", ".csv")):
                    continue
                beside = entries.get(f"{name}.sha256")
                yield _came(f"{path}!{name}", _entry(held, info, path), _entry(held, beside, path) if beside else b"")
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as e:
        raise Malformed(str(path), str(e)[:120] or type(e).__name__, "a whole zip archive") from None


def _entry(held: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """An entry of an archive. What it says of its own size is not believed."""
    with held.open(info) as f:
        data = f.read(MOST + 1)
    if len(data) > MOST:
        raise TooLarge(f"{path}!{info.filename}", f"over {MOST >> 20} MiB", _WHAT)
    return data


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), _WHAT) from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST >> 20} MiB", _WHAT)
    return data


def _came(name: str, data: bytes, beside: bytes) -> Came:
    """A digest that cannot be read is one that matches nothing."""
    found = _SIDECAR.fullmatch(beside)
    published = found[1].decode() if found else "unreadable" if beside.strip() else ""
    return Came(name, data, f"sha256:{hashlib.sha256(data).hexdigest()}", published)
