"""`state:PATH`: a Terraform or OpenTofu state file, or a folder of them."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from strongroom.collect.terraform import state
from strongroom.collect.terraform.assets import assets, kinds
from strongroom.kit import strict_json
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

_FIRST = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\{\s*"version"\s*:\s*\d+\s*[,}]')
_TOP = re.compile(rb'"(?:terraform_version|serial|lineage|resources|modules)"\s*:')
_SEALED = re.compile(rb'"(encrypted_data|encryption_version|meta)"\s*:')
_NAMES = re.compile(rb'"version"\s*:\s*\d+\s*,(?=.*"(?:serial|lineage|terraform_version)"\s*:)', re.DOTALL)
_SUFFIX = ".tfstate"


def recognises(peek: Peek) -> int:
    """A JSON object that begins with its version, or an encrypted one; a folder by its .tfstate files."""
    if peek.is_dir:
        return 85 if any(n.endswith(_SUFFIX) and not n.startswith(".") for n in peek.names) else 0
    return _looks(peek.head) or (40 if peek.path.suffix == _SUFFIX and peek.head.strip() else 0)


def _looks(head: bytes) -> int:
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return 0
    if (_FIRST.match(head) and _TOP.search(head)) or (
        b'"encrypted_data"' in head and len(set(_SEALED.findall(head))) > 1
    ):
        return 97
    return 60 if b'"format_version"' not in head and _NAMES.search(head) else 0


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    request: Request
    entries: list[state.Entry] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    files: int = 0
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def miss(self, file: str, code: GapCode, detail: str, path: str = "", line: int = 0) -> None:
        """Note what could not be looked at."""
        self.gaps.append(Gap(path or file, self.request.spec, code, detail, Where(file, line, line, path=path)))


def collect(request: Request) -> Estate:
    """Read a state, or every state below a folder.

    Raises Unreadable, Malformed or TooLarge for a single file that is no whole state of version 4; in a folder, each
    such file is a gap that names it.
    """
    path = Path(request.target)
    read = _Read(request)
    if not request.target:
        raise Unreadable(request.spec, "no path", "a state file or a folder of them", state.PULL)
    if path.is_dir():
        _folder(path, read)
    else:
        _file(path, request.target, request.label, read)
    found = tuple(_assets(read))
    title = f"Terraform state {request.target}"
    source = SourceRead(request.spec, "state", title, read.files, read.size, kinds(), read.digest.hexdigest())
    return Estate(found, tuple(read.gaps), (source,), request.now)


def _bytes(path: Path, shown: str, most: int) -> bytes:
    try:
        if not path.is_file():
            found = "no such file" if not path.exists() else "no regular file"
            raise Unreadable(shown, found, "a Terraform state", state.PULL)
        with path.open("rb") as f:
            data = f.read(most + 1)
    except OSError as e:
        raise Unreadable(shown, (e.strerror or "an error").lower(), "a file that can be read", state.PULL) from None
    if len(data) > most:
        hint = "set [limits] bytes in strongroom.toml to read it anyway"
        raise TooLarge(shown, f"over {most >> 20} MiB", "a smaller state", hint)
    if not data.strip():
        raise Malformed(shown, "an empty file", "a Terraform state", state.PULL)
    return data.removeprefix(b"\xef\xbb\xbf")


def _file(path: Path, shown: str, label: str, read: _Read) -> None:
    """Add what one file holds; raises BadInput when it is not wholly a state."""
    data = _bytes(path, shown, max(0, read.request.limits.bytes - read.size))
    strict_json.check(data, shown, state.PULL)
    document = state.load(data, shown)
    read.files += 1
    read.size += len(data)
    read.digest.update(shown.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(data).digest())
    for doubt in state.doubts(document):
        read.miss(shown, GapCode.MALFORMED, doubt)
    if path.with_name(f".{path.name}.lock.info").exists():
        detail = "a lock lies beside it: Terraform is at work on it, or was stopped, and it may hold half of a change"
        read.miss(shown, GapCode.UNDECIDED, detail)
    seen: set[str] = set()
    for entry in state.entries(document, shown, label):
        r = entry.resource
        if r.address in seen:
            read.miss(
                shown, GapCode.DUPLICATE_KEY, "the state holds this address twice; the first one counts", r.address
            )
            continue
        seen.add(r.address)
        if isinstance(r.values, state.Blank):
            read.miss(shown, r.values.why.code, r.values.why.detail, r.address)
        read.entries.append(entry)


def _folder(root: Path, read: _Read) -> None:
    """Every state below a folder; each folder's is labelled as `tf:` labels the root of that folder."""
    found = list(_walk(root, read))
    if not found and not read.gaps:
        raise Unreadable(read.request.target, "no state", f"files that end in {_SUFFIX}", f"{state.PULL}; state:FILE")
    beside = Counter(p.parent for p in found)
    for n, path in enumerate(found, start=1):
        relative = path.relative_to(root)
        shown = str(PurePosixPath(read.request.target) / relative.as_posix())
        if n > read.request.limits.files:
            read.miss(read.request.target, GapCode.TOO_LARGE, f"over {n - 1} states; the rest was not read")
            break
        if read.request.progress is not None:
            read.request.progress("states", n, len(found))
        own = (relative.parent if beside[path.parent] == 1 else relative).as_posix()
        label = "/".join(p for p in (read.request.label, "" if own == "." else own) if p)
        try:
            _file(path, shown, label, read)
        except BadInput as e:
            line = e.subject.removeprefix(f"{shown}:")
            at = int(line) if line.isdigit() else 0
            read.miss(shown, _code(e), f"{e}; nothing of this state was judged", line=at)


def _code(error: BadInput) -> GapCode:
    if isinstance(error, TooLarge):
        return GapCode.TOO_LARGE
    if isinstance(error, Unreadable):
        return GapCode.DENIED
    if "twice in one object" in error.found:
        return GapCode.DUPLICATE_KEY
    return GapCode.UNSUPPORTED if error.found.startswith("a state ") else GapCode.MALFORMED


def _walk(root: Path, read: _Read) -> Iterator[Path]:
    def refused(e: OSError) -> None:
        read.miss(str(e.filename), GapCode.DENIED, (e.strerror or "an error").lower())

    for folder, folders, names in os.walk(root, onerror=refused):
        # .terraform/terraform.tfstate is no state: it says where the state is.
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith(".") or not name.endswith((_SUFFIX, ".json")):
                continue
            if path.is_symlink():
                if name.endswith(_SUFFIX):
                    read.miss(str(path), GapCode.LINK, "a link, which is not followed")
            elif name.endswith(_SUFFIX) or _looks(_head(path)) == 97:
                yield path


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            return f.read(4096)
    except OSError:
        return b""


def _assets(read: _Read) -> Iterator[Asset]:
    """The assets, with what the state alone knows of them."""
    special = {e.resource.id: e for e in read.entries if e.tainted or e.deposed}
    for asset in assets([e.resource for e in read.entries], read.request.spec):
        entry = special.get(asset.id)
        facts = asset.facts
        if entry is not None:
            facts = dict(facts)
            if entry.tainted:
                facts["state.tainted"] = Fact("state.tainted", True, None, read.request.spec)
            if entry.deposed:
                facts["state.deposed"] = Fact("state.deposed", entry.deposed, None, read.request.spec)
        region, account = _owner(asset)
        if entry is None and not region and not account:
            yield asset
        else:
            yield msgspec.structs.replace(asset, facts=facts, region=region, account=account)


def _owner(asset: Asset) -> tuple[str, str]:
    """Region and account of the first ARN of an asset (arn:partition:service:region:account:resource)."""
    pieces = next((a.split(":", 5) for a in asset.aliases if a.startswith("arn:")), [])
    return (pieces[3], pieces[4]) if len(pieces) == 6 else (asset.region, asset.account)


COLLECTOR = Collector(
    scheme="state",
    title="Terraform state",
    reads="a state of version 4 (terraform.tfstate, terraform state pull) or a folder of them; secrets are honoured",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
