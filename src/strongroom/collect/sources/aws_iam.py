"""`aws-iam:FILE`: what `aws iam get-account-authorization-details` prints of an account."""

from collections.abc import Iterable

from msgspec import structs

from strongroom.collect.aws import document, identities
from strongroom.collect.cloudformation.assets import assets, of_stack
from strongroom.collect.native import Native
from strongroom.collect.resource import Resource
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.estate import Asset, Estate, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

HINT = "aws iam get-account-authorization-details > iam.json"
WHAT = "the output of aws iam get-account-authorization-details"
KINDS = (Kind.IDENTITY, Kind.POLICY, Kind.GRANT)


def recognises(peek: Peek) -> int:
    """A JSON object that names the lists of the export near its beginning."""
    if peek.is_dir or not peek.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return 0
    found = sum(f'"{name}"'.encode() in peek.head for name in identities.LISTS[:3])
    return 96 if found > 1 else 90 if found else 0


def collect(request: Request) -> Estate:
    """Read one export. Raises BadInput when it is none."""
    read = document.read(request, WHAT, HINT)
    if not any(name in read.body for name in identities.LISTS):
        raise Malformed(request.target, "neither users, groups, roles nor policies", WHAT, HINT)
    gaps: list[Gap] = []

    def miss(scope: str, code: GapCode, detail: str) -> None:
        where = Where(request.target, path=scope)
        gaps.append(Gap(f"{request.target}: {scope}", request.spec, code, detail, where, KINDS))

    found: list[tuple[Resource, Native | None, str]] = []
    for one, mine in identities.declared(read.body, request.target, miss):
        for resource, native in of_stack(one, ""):  # an ARN is one in the world
            resource.scheme, resource.where = "aws", Where(request.target, path=resource.address)
            if not mine:
                resource.mode = "part"
            found.append((resource, native if mine else None, one.type))
    title = f"IAM of an account in {request.target}"
    source = SourceRead(request.spec, "aws-iam", title, 1, read.size, KINDS, read.digest)
    return Estate(tuple(_owned(assets(found, request.spec))), tuple(gaps), (source,), request.now)


def _owned(found: Iterable[Asset]) -> Iterable[Asset]:
    for asset in found:
        arn = next((a for a in asset.aliases if a.startswith("arn:")), "")
        yield structs.replace(asset, account=document.owner(arn)[1]) if arn else asset


COLLECTOR = Collector(
    scheme="aws-iam",
    title="IAM of an AWS account",
    reads="the output of aws iam get-account-authorization-details, as JSON",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
