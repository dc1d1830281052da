"""The networks of a cluster: that of all pods, those that take its place, and those that pods have besides.

OVN-Kubernetes, "User Defined Network": a primary network takes the place of the pods' own in its namespaces, whose
labels must say so. Multus: an attachment adds a network to each pod that names it. What has one name is one network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.assess.network.k8s_cluster import Cluster
from strongroom.assess.network.k8s_selectors import Index, bits, selector
from strongroom.model.errors import Malformed

POD_NETWORK = "pod-network"
# How each kind of network is called, and whether it takes the place of the pods' own.
UDN, CUDN, NAD = "UDN", "CUDN", "NAD"


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its pods. `via` tells, for a further network, the attachments by which they have it."""

    kind: str  # empty for the network of all pods
    name: str
    members: int
    primary: bool = True
    via: tuple[tuple[tuple[str, str], int], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}[{self.kind}]" if self.kind else self.name

    def using(self, attachments: tuple[tuple[str, str], ...]) -> int:
        """The pods that have it by one of some attachments."""
        out = 0
        for place, mask in self.via:
            out |= mask if place in attachments else 0
        return out


def networks(cluster: Cluster, namespaces: Index, real: int) -> tuple[Network, ...]:
    """The networks, that of all pods first. `real` are the pods that the source shows."""
    spaces: dict[str, int] = {}
    for n in bits(real):
        space = cluster.pods[n].workload.namespace
        spaces[space] = spaces.get(space, 0) | 1 << n
    taken: dict[str, tuple[str, str]] = {}
    own = sorted(_of_namespaces(cluster, taken))
    wide = sorted(_of_cluster(cluster, namespaces, real, taken))
    made = []
    for kind, names in ((UDN, own), (CUDN, wide)):
        for name in names:
            members = 0
            for space, at in taken.items():
                members |= spaces.get(space, 0) if at == (kind, name) else 0
            if members:
                made.append(Network(kind, name, members))
    rest = real
    for network in made:
        rest &= ~network.members
    return (Network("", POD_NETWORK, rest), *made, *_attached(cluster, real))


def _of_namespaces(cluster: Cluster, taken: dict[str, tuple[str, str]]) -> set[str]:
    """The namespaces that have a primary network of their own; it is called by their names."""
    found = set()
    for placed in cluster.user_networks:
        if placed.value.spec is None or not placed.value.spec.primary():
            continue
        if not cluster.takes_network(placed.namespace):
            _unlabelled(cluster, placed.namespace)
            continue
        taken[placed.namespace] = (UDN, placed.namespace)
        found.add(placed.namespace)
    return found


def _of_cluster(cluster: Cluster, namespaces: Index, real: int, taken: dict[str, tuple[str, str]]) -> set[str]:
    found = set()
    for placed in cluster.cluster_networks:
        spec = placed.value.spec
        if spec is None or spec.network is None or not spec.network.primary():
            continue
        try:
            chosen = namespaces.mask(selector(spec.namespace_selector, f"ClusterUserDefinedNetwork {placed.name}"))
        except Malformed as e:
            cluster.miss(e, placed.where)
            continue
        for space in sorted({cluster.pods[n].workload.namespace for n in bits(chosen & real)}):
            if not cluster.takes_network(space):
                _unlabelled(cluster, space)
            elif space in taken:
                text = f"the namespace {space} is given to the network {placed.name} and to {taken[space][1]}"
                cluster.miss(Malformed(text, "two primary networks", "one"), placed.where)
            else:
                taken[space] = (CUDN, placed.name)
                found.add(placed.name)
    return found


def _unlabelled(cluster: Cluster, space: str) -> None:
    text = f"the namespace {space} is not labelled for a primary network, so its pods stay on that of all pods"
    cluster.notes[text] = None


def _attached(cluster: Cluster, real: int) -> Iterator[Network]:
    """The further networks: attachments, and user-defined networks that are secondary, which become attachments."""
    known = {(a.namespace, a.name): (NAD, a.name) for a in cluster.attachments}
    for own in cluster.user_networks:
        if own.value.spec is not None and not own.value.spec.primary():
            known[own.namespace, own.name] = (UDN, own.name)
    wide = {
        c.name: (CUDN, c.name)
        for c in cluster.cluster_networks
        if c.value.spec is not None and c.value.spec.network is not None and not c.value.spec.network.primary()
    }
    found: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for n in bits(real):
        pod = cluster.pods[n]
        for space, name, _ in pod.attached:
            kind = known.get((space, name)) or wide.get(name)
            if kind is None:
                cluster.notes[f"{pod.workload} asks for the attachment {space}/{name}, which is not there"] = None
                continue
            masks = found.setdefault(kind, {})
            masks[space, name] = masks.get((space, name), 0) | 1 << n
    for kind, masks in sorted(found.items()):
        members = 0
        for mask in masks.values():
            members |= mask
        yield Network(kind[0], kind[1], members, False, tuple(sorted(masks.items())))
