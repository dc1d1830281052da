"""`aws-config:FILE`: a snapshot of AWS Config, or what its command line prints of recorded resources."""

from msgspec import structs

from strongroom.collect.aws import document, recorded
from strongroom.collect.aws.telling import read as read_as
from strongroom.collect.cloudformation.assets import assets, kinds
from strongroom.collect.native import Native
from strongroom.collect.resource import Resource
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.estate import Estate, Gap, SourceRead
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

HINT = "aws configservice deliver-config-snapshot --delivery-channel-name default, then fetch it from its bucket"
WHAT = "a snapshot of AWS Config"


def recognises(peek: Peek) -> int:
    """A JSON object that names the list of items near its beginning."""
    if peek.is_dir or not peek.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return 0
    return 96 if any(f'"{name}"'.encode() in peek.head for name in recorded.LISTS) else 0


def collect(request: Request) -> Estate:
    """Read one snapshot. Raises BadInput when it is none."""
    read = document.read(request, WHAT, HINT)
    if not any(isinstance(read.body.get(name), list) for name in recorded.LISTS):
        raise Malformed(request.target, "no configurationItems", WHAT, HINT)
    gaps: list[Gap] = []

    def miss(scope: str, code: GapCode, detail: str) -> None:
        where = Where(request.target, path=scope)
        gaps.append(Gap(f"{request.target}: {scope}", request.spec, code, detail, where))

    found: list[tuple[Resource, Native | None, str]] = []
    told: dict[str, recorded.Recorded] = {}
    for one in recorded.recorded(read.body, request.target, miss):
        for resource, native, kind in read_as(one.declared.type, one.declared.address, one.declared.properties):
            resource.scheme, resource.where = "aws", Where(request.target, path=resource.address)
            told[resource.address] = one
            found.append((resource, native, kind))
    made = [
        structs.replace(a, account=t.account, region=t.region, name=a.name if a.name != a.address else t.name)
        for a in assets(found, request.spec)
        for t in (told[a.address],)
    ]
    title = f"AWS Config snapshot {request.target}"
    source = SourceRead(request.spec, "aws-config", title, 1, read.size, kinds(), read.digest)
    return Estate(tuple(made), tuple(gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="aws-config",
    title="AWS Config snapshot",
    reads="a snapshot or history file of AWS Config, or what batch-get-resource-config prints, as JSON",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
