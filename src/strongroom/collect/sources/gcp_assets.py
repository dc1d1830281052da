"""`gcp-assets:FILE`: what Cloud Asset Inventory exports of an organisation, a folder or a project."""

import hashlib
from pathlib import Path

from strongroom.collect.aws import document
from strongroom.collect.gcp import reading
from strongroom.collect.gcp.assets import Told, assets
from strongroom.model.codes import GapCode
from strongroom.model.estate import Estate, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where


def recognises(peek: Peek) -> int:
    """JSON in which names of Google's services stand near the beginning, beside an asset type."""
    head = peek.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if peek.is_dir or head[:1] not in (b"{", b"["):
        return 0
    named = b".googleapis.com/" in head and (b'"assetType"' in head or b'"asset_type"' in head)
    return 95 if named else 0


def collect(request: Request) -> Estate:
    """Read one export. Raises BadInput when there is no asset in it; pages that are missing are a gap."""
    data = document.bytes_of(request, reading.WHAT, reading.HINT)
    gaps: list[Gap] = []

    def miss(scope: str, code: GapCode, detail: str) -> None:
        where = Where(request.target, path=scope)
        gaps.append(Gap(f"{request.target}: {scope}", request.spec, code, detail, where))

    records = reading.records(data, request.target, miss)
    told = Told(request.spec, request.target, reading.policies(records))
    found = tuple(assets(records, told))
    title = f"Cloud Asset Inventory export {Path(request.target).name}"
    shown = tuple(sorted({a.kind for a in found} | {Kind.OTHER}))
    digest = hashlib.sha256(data).hexdigest()
    source = SourceRead(request.spec, "gcp-assets", title, 1, len(data), shown, digest)
    return Estate(found, tuple(gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="gcp-assets",
    title="Cloud Asset Inventory export",
    reads="lines that gcloud asset export writes, what gcloud asset list prints, or pages of the API, as JSON",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
