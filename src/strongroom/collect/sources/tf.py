"""`tf:DIR`: Terraform configuration, evaluated on a copy, without network and without running Terraform."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from strongroom.collect import fence
from strongroom.collect.resource import Resource
from strongroom.collect.terraform.assets import assets, kinds
from strongroom.collect.terraform.copying import Copied, copy_tree, is_configuration
from strongroom.collect.terraform.manifests import carried
from strongroom.collect.terraform.wire import decode_gap, decode_resource
from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Estate, Gap, Skip, SourceRead
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

_CHILD = "strongroom.collect.terraform.child"


def recognises(peek: Peek) -> int:
    """A folder with .tf files; one without, but with folders, may hold some deeper down."""
    if not peek.is_dir:
        return 0
    if any(n.endswith((".tf", ".tf.json")) for n in peek.names):
        return 90
    return 20 if any(_has_terraform(peek.path / n) for n in peek.names[:200]) else 0


def _has_terraform(folder: Path, depth: int = 0) -> bool:
    if depth > 4 or folder.is_symlink() or not folder.is_dir() or folder.name.startswith("."):
        return False
    try:
        inside = sorted(folder.iterdir())[:200]
    except OSError:
        return False
    return any(p.name.endswith((".tf", ".tf.json")) for p in inside) or any(
        _has_terraform(p, depth + 1) for p in inside
    )


def collect(request: Request) -> Estate:
    """Read a tree of configuration. Raises Unreadable when there is no such folder or nothing in it to read."""
    root = Path(request.target)
    if not root.is_dir():
        raise Unreadable(request.target, "no such folder" if not root.exists() else "a file", "a folder with .tf files")
    with tempfile.TemporaryDirectory(prefix="strongroom-") as scratch:
        top = Path(scratch).resolve() / "tree"
        top.mkdir()
        copied = copy_tree(root, top, request.limits)
        gaps = [_miss(m.path, m.code, m.detail, request) for m in copied.misses]
        if not any(f.endswith((".tf", ".tf.json")) for f in copied.files) and not gaps:
            raise Unreadable(
                request.target, "no .tf file", "Terraform configuration", "name the folder that holds the .tf files"
            )
        resources, more = _evaluate(top, request)
    gaps += more
    applied = carried(resources, gaps, request.spec, request.label)
    return Estate(
        assets=(*assets(resources, request.spec), *applied),
        gaps=tuple(gaps),
        sources=(_source(request, copied),),
        seen_at=request.now,
    )


def _source(request: Request, copied: Copied) -> SourceRead:
    read = [f for f in copied.files if is_configuration(f)]
    return SourceRead(
        spec=request.spec,
        scheme="tf",
        title=f"Terraform configuration in {request.target}",
        files=len(read),
        bytes=copied.bytes,
        kinds=kinds(),
        digest=copied.digest,
    )


def _shown(file: str, request: Request) -> str:
    """A path as the user would write it."""
    return str(PurePosixPath(request.target) / file) if file else ""


def _miss(path: str, code: GapCode, detail: str, request: Request) -> Gap:
    file, _, line = path.partition(":")
    at = int(line) if line.isdigit() else 0
    return Gap(path, request.spec, code, detail, Where(_shown(file, request), at, at))


def _evaluate(top: Path, request: Request) -> tuple[list[Resource], list[Gap]]:
    """Run the child; when one root stops it, that root is a gap and the others get a child of their own."""
    resources: list[Resource] = []
    gaps: list[Gap] = []
    finished: list[str] = []
    for _ in range(50):
        run = fence.run(_CHILD, [str(top), *finished], top, request.limits, _teller(request))
        current = _take(run.lines, request, resources, gaps, finished)
        if run.verdict is None:
            return resources, gaps
        scope = str(PurePosixPath(request.target) / (current or ""))
        gaps.append(Gap(scope, request.spec, run.verdict, f"{run.detail}; nothing of this folder was judged"))
        if current is None:
            return resources, gaps
    return resources, gaps


def _teller(request: Request) -> Callable[[bytes], None] | None:
    """Tells the progress of the evaluation, root by root, to whoever draws it."""
    tell = request.progress
    if tell is None:
        return None

    def seen(line: bytes) -> None:
        if line.startswith(b'{"root"'):
            record = json.loads(line)
            tell(f"evaluating {request.spec}", int(record["number"]), int(record["of"]))

    return seen


def _take(
    lines: Sequence[bytes], request: Request, resources: list[Resource], gaps: list[Gap], finished: list[str]
) -> str | None:
    """Read the child's records; answers the root that was under way at the end."""
    current: str | None = None
    for line in lines:
        record = json.loads(line)
        if "root" in record:
            current = record["root"]
            finished.append(current or ".")
            continue
        if "resource" in record:
            r = decode_resource(record)
            r.where = _place(r.where, request)
            r.skips = tuple(Skip(s.check, s.reason, _place(s.where, request) if s.where else None) for s in r.skips)
            r.label = "/".join(p for p in (request.label, r.label) if p)
            resources.append(r)
        elif "gap" in record:
            gap = decode_gap(record, request.spec)
            gaps.append(_placed(gap, request))
        elif "done" in record:
            current = None
    return current


def _place(where: Where, request: Request) -> Where:
    caller = _shown(where.called_from, request)
    return Where(_shown(where.file, request), where.line_start, where.line_end, called_from=caller)


def _placed(gap: Gap, request: Request) -> Gap:
    where = _place(gap.where, request) if gap.where is not None else None
    return Gap(gap.scope, gap.source, gap.code, gap.detail, where, gap.hides)


COLLECTOR = Collector(
    scheme="tf",
    title="Terraform configuration",
    reads="a folder of .tf files, evaluated on a copy; no network, no credentials, no terraform binary",
    kinds=(),
    recognises=recognises,
    collect=collect,
)
