"""`csv:FILE`: an inventory that people keep in a spreadsheet.

Columns are known by their headers, without case and marks, in any order; `collect.inventory.words` lists them all:
name, kind, owner, location, serial, uuid, id (ARN, resource id), ip, bmc, mac, cluster, orchestrator, tenant,
sensitivity, status, vendor, model, gpu model, gpu count, verified, labels. A column that is none of these becomes a
label of its own name.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.collect.inventory import table, words
from strongroom.collect.inventory.assets import Inventory
from strongroom.collect.inventory.table import Problem, Row
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

MOST_GAPS = 200
KINDS = tuple(sorted({*words.KINDS.values()}))
_FILES = (".csv", ".tsv")
_TELLING = ("name", "serial", "uuid", "id")


def recognises(peek: Peek) -> int:
    """A file of that ending whose header is understood, and that is no report of ours."""
    if peek.is_dir or peek.path.suffix.lower() not in _FILES or not peek.head:
        return 0
    try:
        text, _ = table.decode(_whole_lines(peek.head), str(peek.path))
        found = table.header(text, str(peek.path))
    except BadInput:
        return 0
    return 0 if {"fingerprint", "check"} <= {n.lower() for n in found.labels} else 75


def _whole_lines(head: bytes) -> bytes:
    """The head without the line, and the half of a character, that it cuts."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return head[: len(head) & ~1] if wide else head[: head.rfind(b"\n") + 1] or head


@dataclass(slots=True)
class _Gaps:
    request: Request
    found: list[Gap] = field(default_factory=list)
    more: int = 0

    def add(self, p: Problem) -> None:
        """Note a problem with its line. After many of them the rest is counted."""
        if len(self.found) >= MOST_GAPS:
            self.more += 1
            return
        file = self.request.target
        # A cell that is lost leaves the asset, unless it is one by which another source would know it.
        detail = f"{p.detail}; the row was not read" if p.lost else p.detail
        blinds = p.lost or p.column in _TELLING or p.code in (GapCode.UNSUPPORTED, GapCode.DUPLICATE_KEY)
        hides = words.SHOWN if blinds else (Kind.OTHER,)
        scope = f"{file}:{p.line}"
        self.found.append(Gap(scope, self.request.spec, p.code, detail, Where(file, p.line, p.line), hides))

    def all(self) -> tuple[Gap, ...]:
        """The gaps, and one for those that were only counted."""
        if not self.more:
            return tuple(self.found)
        detail = f"{self.more} more rows or cells could not be used"
        last = Gap(self.request.target, self.request.spec, GapCode.MALFORMED, detail, None, words.SHOWN)
        return (*self.found, last)


def _read(request: Request) -> bytes:
    path, shown = Path(request.target), request.target
    if not shown:
        raise Unreadable(request.spec, "no path", "a CSV file", table.HINT)
    try:
        if not path.is_file():
            found = "no such file" if not path.exists() else "no regular file"
            raise Unreadable(shown, found, "a CSV file", table.HINT)
        with path.open("rb") as f:
            data = f.read(request.limits.bytes + 1)
    except OSError as e:
        raise Unreadable(shown, (e.strerror or "an error").lower(), "a file that can be read") from None
    if len(data) > request.limits.bytes:
        raise TooLarge(shown, f"over {request.limits.bytes >> 20} MiB", "a smaller file")
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Malformed(shown, "an empty file", "an inventory", table.HINT)
    return data


def collect(request: Request) -> Estate:
    """Read one inventory. Raises Unreadable, Malformed or TooLarge when its header cannot be read; a row or cell that
    cannot be used is a gap that names its line, and never what it says.
    """
    data = _read(request)
    text, doubt = table.decode(data, request.target)
    top = table.header(text, request.target)
    gaps = _Gaps(request)
    if doubt is not None:
        gaps.add(doubt)
    if "kind" not in top.columns:
        detail = "no column says what each row is: every row counts as a thing of another kind; add a column named kind"
        gaps.add(Problem(top.line, GapCode.UNSUPPORTED, detail))
    assets = tuple(
        _assets(
            table.rows(text, top), Inventory(request.target, request.spec, request.label, "kind" in top.columns), gaps
        )
    )
    digest = hashlib.sha256(data).hexdigest()
    source = SourceRead(request.spec, "csv", f"Inventory {request.target}", 1, len(data), KINDS, digest)
    return Estate(assets, gaps.all(), (source,), request.now)


def _assets(rows: Iterator[Row | Problem], inventory: Inventory, gaps: _Gaps) -> Iterator[Asset]:
    for row in rows:
        if isinstance(row, Problem):
            gaps.add(row)
            continue
        for made in inventory.asset(row):
            if isinstance(made, Problem):
                gaps.add(made)
            else:
                yield made


COLLECTOR = Collector(
    scheme="csv",
    title="Inventory in CSV",
    reads="a spreadsheet saved as CSV: name, kind, owner, location, serial, uuid, id, ip, tenant, sensitivity, labels",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
