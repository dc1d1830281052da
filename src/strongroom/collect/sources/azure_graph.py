"""`azure-graph:FILE`: what Azure Resource Graph exports of a tenant's resources."""

import hashlib
from pathlib import Path

from strongroom.collect.aws import document
from strongroom.collect.azure import reading
from strongroom.collect.azure.assets import Told, assets, kinds
from strongroom.model.codes import GapCode
from strongroom.model.estate import Estate, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where


def recognises(peek: Peek) -> int:
    """JSON in which ids of Azure's resources stand near the beginning, beside their types."""
    head = peek.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if peek.is_dir or head[:1] not in (b"{", b"["):
        return 0
    named = b'"/subscriptions/' in head and b'"type"' in head
    return 92 if named and b"/providers/" in head.lower() and b'"terraform_version"' not in head else 0


def collect(request: Request) -> Estate:
    """Read one export. Raises BadInput when there is no row in it; pages that are missing are a gap."""
    data = document.bytes_of(request, reading.WHAT, reading.HINT)
    gaps: list[Gap] = []

    def miss(scope: str, code: GapCode, detail: str) -> None:
        where = Where(request.target, path=scope)
        gaps.append(Gap(f"{request.target}: {scope}", request.spec, code, detail, where))

    rows = reading.rows(data, request.target, miss)
    found = tuple(assets(rows, Told(request.spec, request.target)))
    title = f"Azure Resource Graph export {Path(request.target).name}"
    digest = hashlib.sha256(data).hexdigest()
    shown = tuple(sorted({a.kind for a in found} | {Kind.OTHER}))
    source = SourceRead(request.spec, "azure-graph", title, 1, len(data), shown or kinds(), digest)
    return Estate(found, tuple(gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="azure-graph",
    title="Azure Resource Graph export",
    reads="rows that az graph query prints, an answer of its REST interface, or lines of JSON, each with id and type",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
