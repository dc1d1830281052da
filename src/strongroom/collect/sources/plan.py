"""`plan:FILE`: a Terraform plan (or state) as `terraform show -json` prints it."""

import hashlib
from pathlib import Path

from strongroom.collect.terraform import plan
from strongroom.collect.terraform.assets import assets, kinds
from strongroom.collect.terraform.manifests import carried
from strongroom.kit import strict_json
from strongroom.model.errors import TooLarge, Unreadable
from strongroom.model.estate import Estate, Gap, SourceRead
from strongroom.model.ports import Collector, Peek, Request

HINT = "terraform show -json PLAN > plan.json"


def recognises(peek: Peek) -> int:
    """A JSON object that names its format_version near its beginning."""
    if peek.is_dir or not peek.head.lstrip().startswith(b"{"):
        return 0
    if b'"format_version"' in peek.head:
        return 95
    return 30 if b'"planned_values"' in peek.head else 0


def read(path: Path, limit: int) -> bytes:
    """The file's bytes. Raises Unreadable or TooLarge before anything is read."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise Unreadable(str(path), "no regular file", "the output of terraform show -json", HINT)
        if size > limit:
            found, wanted = f"{size >> 20} MiB", f"at most {limit >> 20} MiB"
            raise TooLarge(str(path), found, wanted, "set [limits] bytes in strongroom.toml to read it anyway")
        return path.read_bytes()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read", HINT) from None


def collect(request: Request) -> Estate:
    """Read one plan. Raises BadInput when it is not wholly a plan: half a plan is no plan."""
    data = read(Path(request.target), request.limits.bytes)
    strict_json.check(data, request.target, HINT)
    document = plan.load(data, request.target)
    resources = list(plan.resources(document, request.target, request.label))
    source = SourceRead(
        spec=request.spec,
        scheme="plan",
        title=f"Terraform plan {request.target}",
        files=1,
        bytes=len(data),
        kinds=kinds(),
        digest=hashlib.sha256(data).hexdigest(),
    )
    gaps: list[Gap] = []
    applied = carried(resources, gaps, request.spec, request.label)
    return Estate((*assets(resources, request.spec), *applied), tuple(gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="plan",
    title="Terraform plan",
    reads="a file made by terraform show -json; unknown and sensitive values are honoured",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
