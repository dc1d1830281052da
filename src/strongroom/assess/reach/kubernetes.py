"""Kubernetes: who reaches a workload, and what it reaches, by policies, services and what stands in front of them."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from strongroom.assess.network import k8s_drawing, k8s_internet, k8s_witness
from strongroom.assess.network.k8s_cluster import Cluster, read
from strongroom.assess.network.k8s_connectivity import Connectivity, connectivity
from strongroom.assess.network.k8s_enforcing import enforced
from strongroom.assess.network.k8s_pods import Workload, workload_of
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Reach
from strongroom.model.reach import Drawn, Reached, Scene
from strongroom.model.values import Unknown

_CALLED = re.compile(r"([^/\[\]]+)/([^/\[\]]+?)(?:\[(\w+)\])?")


def _made(scene: Scene) -> Connectivity:
    """The cluster of a scene; without its policies where the network is known to enforce none."""
    cluster = read(scene.manifests)
    return connectivity(cluster, policies=enforced(cluster, scene) is not False)


def reach(scene: Scene) -> Callable[[Asset], Reached]:
    """Whether the internet reaches a workload, and it the internet."""
    return partial(_reached, scene, _made(scene))


def _reached(scene: Scene, made: Connectivity, asset: Asset) -> Reached:
    workload = _workload_of(made.cluster, asset)
    public = frozenset(text.partition(" ")[0] for a in _beside(scene, workload) for text in _texts(a, "net.exposed_by"))
    ranges = {
        (_namespace(a), a.name): _texts(a, "net.public_cidrs")
        for a in scene.estate.assets
        if a.kind is Kind.LOAD_BALANCER and "net.public_cidrs" in a.facts
    }
    pods = tuple(n for n, p in enumerate(made.cluster.pods) if p.workload == workload)
    return k8s_internet.reached(k8s_internet.Asking(made, scene, workload, pods, public, ranges))


def _workload_of(cluster: Cluster, asset: Asset) -> Workload:
    kind = asset.native_type.rpartition("/")[2]
    return workload_of(cluster.owners, (_namespace(asset), kind, asset.name))


def _namespace(asset: Asset) -> str:
    return asset.address.partition("/")[0] if asset.address.count("/") == 2 else "default"


def _beside(scene: Scene, workload: Workload) -> Iterator[Asset]:
    """The workloads of a namespace: what leads to one of them is told at each that it leads to."""
    for asset in scene.estate.assets:
        if asset.kind is Kind.WORKLOAD and _namespace(asset) == workload.namespace:
            yield asset


def _texts(asset: Asset, name: str) -> tuple[str, ...]:
    value = asset.value(name)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, tuple) else ()


def draw(scene: Scene) -> Drawn:
    """The connectivity of the whole cluster. Policies count, unless the network is known to enforce none."""
    made = _made(scene)
    cluster = made.cluster
    notes = list(cluster.notes)
    counts = enforced(cluster, scene)
    if counts is False:
        notes.append("the network enforces no policies: what they say is left out")
    elif isinstance(counts, Unknown) and (cluster.policies or cluster.admin_policies or cluster.baselines):
        notes.append(f"policies are taken as enforced: {counts.detail}")
    beyond = sorted({str(p.workload) for p in cluster.pods if p.host_network})
    if beyond:
        shown = ", ".join(beyond[:3]) + (f" and {len(beyond) - 3} more" if len(beyond) > 3 else "")
        notes.append(f"pods of {shown} share their node's network: policies do not hold there, whatever the lines say")
    notes += [f"{p.kind} {p.name} is not worked out: it may close or open more" for p in cluster.unread]
    return Drawn(
        lambda of: k8s_drawing.lines(made, _wanted(made, of)),
        lambda of: k8s_witness.connections(made, _wanted(made, of)),
        tuple(dict.fromkeys(cluster.gaps)),
        tuple(notes),
    )


def _wanted(made: Connectivity, of: str) -> frozenset[Workload] | None:
    if not of:
        return None
    return frozenset(p.workload for p in made.cluster.pods if of in (str(p.workload), "/".join(p.source)))


def address(scene: Scene, name: str) -> str:
    """The address of an asset of the workload that `namespace/name[Kind]` or `namespace/name` means."""
    found = _CALLED.fullmatch(name)
    if found is None:
        return ""
    cluster = read(scene.manifests)
    matching = [p for p in cluster.pods if (p.workload.namespace, p.workload.name) == (found[1], found[2])]
    matching = [p for p in matching if found[3] in (None, p.workload.kind)]
    if len({p.workload for p in matching}) != 1:
        return ""
    return "/".join(matching[0].source)


REACH = Reach("kubernetes", (Kind.WORKLOAD,), reach, draw, address)
