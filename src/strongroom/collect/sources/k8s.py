"""`k8s:PATH`: manifests in a folder, one file of them, a dump by kubectl, or what helm template wrote."""

from pathlib import Path

from strongroom.collect.kubernetes.assets import assets
from strongroom.collect.kubernetes.reading import ENDINGS, Reader
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Estate, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request

KINDS = (
    Kind.WORKLOAD,
    Kind.NAMESPACE,
    Kind.POLICY,
    Kind.IDENTITY,
    Kind.GRANT,
    Kind.LOAD_BALANCER,
    Kind.SECRET,
    Kind.DISK,
    Kind.CLUSTER,
    Kind.HOST,
    Kind.OTHER,
)
LOOKED_AT = 30  # files of a folder that the first look opens


def recognises(peek: Peek) -> int:
    """Text with apiVersion and kind near its beginning; a folder by its charts, kustomizations and first files."""
    if not peek.is_dir:
        return _looks_like(peek.head, peek.path.suffix)
    if {"Chart.yaml", "kustomization.yaml", "kustomization.yml"}.intersection(peek.names):
        return 70
    files = [peek.path / n for n in peek.names if Path(n).suffix.lower() in ENDINGS][:LOOKED_AT]
    return max((_looks_like(_head(f), f.suffix) - 10 for f in files if f.is_file() and not f.is_symlink()), default=0)


def _looks_like(head: bytes, suffix: str) -> int:
    if b"apiVersion" not in head or b"kind" not in head:
        return 0
    return 85 if head.lstrip()[:1] == b"{" or suffix.lower() in ENDINGS else 20


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            return f.read(8192)
    except OSError:
        return b""


def collect(request: Request) -> Estate:
    """Read a file or a folder.

    Raises Unreadable, Malformed or TooLarge for a single file that cannot be used, and for a folder without objects;
    in a folder, each file or document that cannot be read is a gap.
    """
    if not request.target:
        raise Unreadable(request.spec, "no path", "a file or a folder", "kubectl get -A -o json ... > cluster.json")
    reader = Reader(request)
    found = tuple(assets(reader.objects(), reader.gaps, request.spec, request.label))
    title = f"Kubernetes objects in {request.target}"
    source = SourceRead(request.spec, "k8s", title, reader.files, reader.size, KINDS, reader.digest())
    return Estate(found, tuple(reader.gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="k8s",
    title="Kubernetes objects",
    reads="a folder or file of manifests, the output of kubectl get -o json|yaml or of helm template",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
