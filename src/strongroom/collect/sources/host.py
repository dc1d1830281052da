"""`host:` reads this machine with the shipped script; `host:FILE` and `host:DIR` read what it wrote elsewhere."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

import msgspec

from strongroom.collect.host import assemble, document, nvml, nvml_record, profile, smi
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Unknown, Where

SCRIPT = "host_collector.sh"
HINT = "write one with: sh host_collector.sh > HOSTNAME.txt"
# A program found through the caller's PATH would run with root's rights; only the system's own folders count.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin", "LC_ALL": "C"}
# A file with another ending (README.md, the script itself) may lie beside the records; one of these must be a record.
_RECORDS = ("", ".txt", ".out", ".log", ".xml", ".host")
_OF_THE_MACHINE = ("gpu.driver", "gpu.library", "gpu.cc", "gpu.cc_ready", "version.cuda")
_PROFILES = (".yaml", ".yml", ".json")  # a folder of records may hold other YAML and JSON: only profiles and NVML count


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    hosts: list[assemble.Host]
    gaps: list[Gap]
    names: list[tuple[str, bytes]]
    size: int = 0


def script() -> bytes:
    """The collector script, as it is shipped."""
    return resources.files("strongroom.collect").joinpath(SCRIPT).read_bytes()


def recognises(peek: Peek) -> int:
    """A record by its first line, an XML file by its root, NVML's by its keys, a folder by one of these among its first
    files.
    """
    if not peek.is_dir:
        if document.is_document(peek.head):
            return 100
        return 95 if _of_gpus(peek.head) else 0
    records = (peek.path / n for n in peek.names if PurePosixPath(n).suffix in (*_RECORDS, *_PROFILES))
    for path in [p for p in records if p.is_file() and not p.is_symlink()][:20]:
        head = _head(path)
        if document.is_document(head) or _of_gpus(head):
            return 80
    return 0


def _of_gpus(head: bytes) -> bool:
    """Whether a file is of GPUs alone: nvidia-smi's XML, a record of NVML, or a profile of it."""
    return smi.is_smi(head) or nvml_record.is_record(head) or profile.is_profile(head)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            return f.read(65_536)
    except OSError:
        return b""


def collect(request: Request) -> Estate:
    """Read this machine, one record, or a folder of records.

    Raises Unreadable, Malformed or TooLarge for a single record that cannot be used; in a folder, each such file is a
    gap that names it, so that a host whose record is damaged is never silently missing.
    """
    read = _Read([], [], [])
    if not request.target:
        _live(request, read)
    else:
        path = Path(request.target)
        if path.is_dir():
            _folder(path, request, read)
        else:
            data = _bytes(path, request.target, request.limits.bytes)
            _take(data, request.target, request, read)
    assets, gaps = assemble.join(read.hosts, request.spec)
    if not request.target:  # a line of a record that nobody keeps is no place to look
        assets = [msgspec.structs.replace(a, where=None) for a in assets]
    return Estate(tuple(assets), (*read.gaps, *gaps), (_source(request, read),), request.now)


def _source(request: Request, read: _Read) -> SourceRead:
    digest = hashlib.sha256()
    for name, data in sorted(read.names):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(data).digest())
    title = f"hosts in {request.target}" if request.target else "this machine"
    return SourceRead(request.spec, "host", title, len(read.names), read.size, assemble.KINDS, digest.hexdigest())


def _take(data: bytes, name: str, request: Request, read: _Read) -> None:
    """Add what a file shows; raises BadInput when it is not a whole record."""
    head = data[:65_536]
    if smi.is_smi(head) and not document.is_document(head):
        hosts = [assemble.from_xml(smi.parse(data, name), name, request.spec)]
    elif nvml_record.is_record(head):
        hosts = [assemble.from_xml(nvml_record.parse(data, name), name, request.spec)]
    elif profile.is_profile(head):
        hosts = [assemble.from_xml(profile.to_log(data, name), name, request.spec)]
    else:
        hosts = [assemble.from_document(d, request.spec) for d in document.parse(data, name)]
    read.hosts += hosts
    read.names.append((name, data))
    read.size += len(data)


def _bytes(path: Path, shown: str, most: int) -> bytes:
    try:
        if not path.exists():
            raise Unreadable(shown, "no such file", "the output of host_collector.sh", HINT)
        if not path.is_file():
            raise Unreadable(shown, "no regular file", "the output of host_collector.sh", HINT)
        with path.open("rb") as f:
            data = f.read(min(most, document.MAX_BYTES) + 1)
    except OSError as e:
        raise Unreadable(shown, (e.strerror or "an error").lower(), "a file that can be read") from None
    if len(data) > min(most, document.MAX_BYTES):
        raise TooLarge(shown, f"over {min(most, document.MAX_BYTES)} bytes", "one host's record")
    if not data.strip():
        raise Malformed(shown, "an empty file", "the output of host_collector.sh", HINT)
    return data


def _folder(root: Path, request: Request, read: _Read) -> None:
    """Every record below a folder. Links are not followed: they may leave the folder."""
    for files, path in enumerate(_walk(root, request, read), start=1):
        shown = str(PurePosixPath(request.target) / path.relative_to(root).as_posix())
        if files > request.limits.files:
            _miss(
                read,
                request,
                request.target,
                GapCode.TOO_LARGE,
                f"over {request.limits.files} files; the rest was not read",
            )
            break
        if request.progress is not None:
            request.progress("hosts", files, 0)
        left = request.limits.bytes - read.size
        try:
            _take(_bytes(path, shown, left), shown, request, read)
        except BadInput as e:
            code = (
                GapCode.TOO_LARGE
                if isinstance(e, TooLarge)
                else GapCode.DENIED
                if isinstance(e, Unreadable)
                else GapCode.MALFORMED
            )
            _miss(read, request, shown, code, f"{e}; nothing of this file was judged", e.subject)
    if not read.hosts and not read.gaps:
        raise Unreadable(request.target, "no record of a host", "files that host_collector.sh wrote", HINT)


def _walk(root: Path, request: Request, read: _Read) -> Iterator[Path]:
    def refused(e: OSError) -> None:
        _miss(read, request, str(e.filename), GapCode.DENIED, (e.strerror or "an error").lower())

    for folder, folders, names in os.walk(root, onerror=refused):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith(".") or path.suffix not in (*_RECORDS, *_PROFILES):
                continue
            if path.suffix in _PROFILES and not _of_gpus(_head(path)):
                continue
            if path.is_symlink():
                _miss(read, request, str(path), GapCode.LINK, "a link, which is not followed")
            else:
                yield path


def _miss(read: _Read, request: Request, scope: str, code: GapCode, detail: str, subject: str = "") -> None:
    line = subject.rpartition(":")[2]
    at = int(line) if subject.startswith(f"{scope}:") and line.isdigit() else 0
    read.gaps.append(Gap(scope, request.spec, code, detail, Where(scope, at, at), assemble.KINDS))


def _live(request: Request, read: _Read) -> None:
    """Run the shipped script here. It and all that it started end with the time limit."""
    with resources.as_file(resources.files("strongroom.collect").joinpath(SCRIPT)) as path:
        try:
            out = _run(["/bin/sh", str(path)], request.limits.wall_seconds)
        except TimeoutError:
            _miss(
                read,
                request,
                "this machine",
                GapCode.TIMEOUT,
                f"{SCRIPT} did not end within {request.limits.wall_seconds:g} seconds",
            )
            return
        except OSError as e:
            raise Unreadable("this machine", (e.strerror or "an error").lower(), "a POSIX shell at /bin/sh") from None
    _take(out, "this machine", request, read)
    read.hosts = [_with_nvml(h, request.spec) for h in read.hosts]


def _run(command: Sequence[str], seconds: float) -> bytes:
    process = subprocess.Popen(  # noqa: S603 - the shipped script, with no argument of the user's
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise TimeoutError from None


def _with_nvml(host: assemble.Host, source: str) -> assemble.Host:
    """Ask NVML as well, where there is an NVIDIA device: it fills what is unknown and contradicts nothing."""
    if not any(p.facts["gpu.vendor"].value == "nvidia" for p in host.parts if p.kind is Kind.GPU):
        return host
    answer = nvml.ask(nvml.load())
    if isinstance(answer, Unknown):
        facts = host.asset.facts | {"gpu.nvml": Fact("gpu.nvml", answer, host.asset.where, source)}
        return assemble.Host(msgspec.structs.replace(host.asset, facts=facts), host.parts, host.gaps)
    root = nvml_record.to_log(answer, "NVML")
    seen = assemble.from_xml(root, "NVML", source)
    version = smi.text(root, "nvml_version")
    asset = _filled(host.asset, {n: f for n, f in seen.asset.facts.items() if n in _OF_THE_MACHINE})
    facts = asset.facts | {"gpu.nvml": Fact("gpu.nvml", version, host.asset.where, source)}
    by_uuid = {p.value("gpu.uuid"): p.facts for p in seen.parts}
    by_place = {p.value("gpu.pci"): p.facts for p in seen.parts}
    parts = []
    for p in host.parts:
        uuid, place = p.value("gpu.uuid"), p.value("gpu.pci")
        known = by_uuid.get(uuid) if isinstance(uuid, str) else None
        parts.append(_filled(p, known or (by_place.get(place) if isinstance(place, str) else None) or {}))
    return assemble.Host(msgspec.structs.replace(asset, facts=facts), parts, host.gaps)


def _filled(asset: Asset, known: Mapping[str, Fact]) -> Asset:
    """An asset with what is known of it elsewhere and not here."""
    more = {
        n: msgspec.structs.replace(f, where=None)
        for n, f in known.items()
        if not isinstance(f.value, Unknown) and (n not in asset.facts or isinstance(asset.facts[n].value, Unknown))
    }
    return msgspec.structs.replace(asset, facts=asset.facts | more)


COLLECTOR = Collector(
    scheme="host",
    title="Machines seen from inside",
    reads="nothing: this machine, by a script; FILE or DIR: outputs of host_collector.sh, nvidia-smi -q -x, NVML",
    kinds=assemble.KINDS,
    recognises=recognises,
    collect=collect,
)
