"""`k8s:PATH`: manifests in a folder, one file of them, a dump by kubectl, what helm wrote; `k8s:CONTEXT`: a cluster."""

from pathlib import Path

from strongroom.collect.kubernetes.assets import assets
from strongroom.collect.kubernetes.given import given
from strongroom.collect.kubernetes.reading import ENDINGS
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
    """Read a file, a folder, or a running cluster.

    Raises Unreadable, Malformed or TooLarge for a single file that cannot be used, for a folder without objects, and for
    a cluster that does not answer; each file, document or list that cannot be read is a gap. BadUsage with --offline.
    """
    read = given(request)
    found = tuple(assets(read.objects(), read.gaps, request.spec, request.label, read.lost))
    source = SourceRead(request.spec, "k8s", read.title, read.files, read.size, KINDS, read.digest())
    return Estate(found, tuple(read.gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="k8s",
    title="Kubernetes objects",
    reads="manifests, the output of kubectl get -o json|yaml or helm template; or a context of a kubeconfig: that cluster",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
