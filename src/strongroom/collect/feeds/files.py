"""Files that feeds come in: one, a folder of them, or a zip archive; each with the digest and the signature published beside it."""

import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from strongroom.model.errors import Malformed, TooLarge, Unreadable

MOST, MOST_FILES = 512 << 20, 200_000  # octets of one file, and files
_SIDECAR = re.compile(rb"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?:\s+\*?[^\r\n]{0,400})?\s*")
_WHAT = "a feed: CSAF 2.0, OSV, CVE records, CISA's KEV or EPSS, alone, in a folder or in a zip archive"
_FORMS = (".json", ".csv", ".gz")
_BESIDE = (".sha256", ".sha512", ".asc")


class Came(NamedTuple):
    """A file's name, octets and digest; whether the digests beside it are its own (None: there is none), and a signature."""

    name: str
    data: bytes
    digest: str
    matches: bool | None = None
    signature: bytes = b""


def read(target: str) -> Iterator[Came]:
    """Every file of a target but the digests themselves. Raises Unreadable, TooLarge, Malformed."""
    path = Path(target)
    if path.is_dir():
        yield from _folder(path)
        return
    data = _octets(path)
    if data[:4] == b"PK\x03\x04":
        yield from unpacked(io.BytesIO(data), str(path))
        return
    held = {s: _octets(p) for s in _BESIDE if (p := path.with_name(f"{path.name}{s}")).is_file()}
    yield came(target, data, held)


def _folder(path: Path) -> Iterator[Came]:
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    if len(files) > MOST_FILES:
        raise TooLarge(str(path), f"{len(files)} files", f"at most {MOST_FILES}")
    for one in files:
        if one.suffix in _FORMS:
            held = {s: _octets(p) for s in _BESIDE if (p := one.with_name(f"{one.name}{s}")).is_file()}
            yield came(str(one), _octets(one), held)


def unpacked(data: IO[bytes], path: str) -> Iterator[Came]:
    """Every file of a zip archive. Raises Malformed, TooLarge."""
    try:
        with zipfile.ZipFile(data) as held:
            entries = {i.filename: i for i in held.infolist() if not i.is_dir()}
            if len(entries) > MOST_FILES:
                raise TooLarge(path, f"{len(entries)} files", f"at most {MOST_FILES}")
            for name, info in sorted(entries.items()):
                if name.endswith(_FORMS):
                    beside = {s: _entry(held, e, path) for s in _BESIDE if (e := entries.get(f"{name}{s}"))}
                    yield came(f"{path}!{name}", _entry(held, info, path), beside)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as e:
        raise Malformed(path, str(e)[:120] or type(e).__name__, "a whole zip archive") from None


def _entry(held: zipfile.ZipFile, info: zipfile.ZipInfo, path: str) -> bytes:
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


def came(name: str, data: bytes, beside: Mapping[str, bytes]) -> Came:
    """A file with what stands beside it, by suffix. A digest that cannot be read is one that matches nothing.

    Raises Malformed, TooLarge for a packed one that cannot be unpacked.
    """
    whole = f"sha256:{hashlib.sha256(data).hexdigest()}"
    told = [_matches(data, text) for suffix, text in beside.items() if suffix != ".asc"]
    matches = all(told) if told else None
    if data[:2] == b"\x1f\x8b":
        data = _gunzipped(name, data)
    return Came(name, data, whole, matches, beside.get(".asc", b""))


def _matches(data: bytes, beside: bytes) -> bool:
    found = _SIDECAR.fullmatch(beside)
    if found is None:
        return False
    text = found[1].decode().lower()
    made = hashlib.sha256(data) if len(text) == 64 else hashlib.sha512(data)
    return made.hexdigest() == text


def _gunzipped(name: str, data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as f:
            found = f.read(MOST + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise Malformed(name, str(e)[:120] or type(e).__name__, "a whole gzip file") from None
    if len(found) > MOST:
        raise TooLarge(name, f"over {MOST >> 20} MiB", _WHAT)
    return found
