"""Between which pods and addresses traffic may pass: egress of the one, and ingress of the other, on a network of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from strongroom.assess.network import k8s_deciding as deciding
from strongroom.assess.network.k8s_cluster import NAME_LABEL, Cluster
from strongroom.assess.network.k8s_deciding import Programs, Table
from strongroom.assess.network.k8s_entrances import Led, Services, direct, fronted, services
from strongroom.assess.network.k8s_networks import Network, networks
from strongroom.assess.network.k8s_rules import (
    EGRESS,
    INGRESS,
    Compiled,
    Compiler,
    admin_policy,
    baseline,
    compiled,
    network_policy,
)
from strongroom.assess.network.k8s_selectors import Index, bits
from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Interval, Intervals
from strongroom.kit.traffic import Ports
from strongroom.model.errors import Malformed

FOR_NETWORKS = "k8s.v1.cni.cncf.io/policy-for"  # the attachments that a MultiNetworkPolicy is for
# An ingress controller whose pods the source does not show: a pod of which nothing is known, in a namespace of its own.
CONTROLLER, CONTROLLER_SPACE = "{ingress-controller}", "ingress-controller-ns"


@dataclass(slots=True)
class Connectivity:
    """Everything of a cluster that decides, made ready. Pods have numbers; the last is the ingress controller."""

    cluster: Cluster
    tables: tuple[Table, ...]
    networks: tuple[Network, ...]
    ingress: dict[str, Programs]  # by network; all primary ones share those under the empty name
    egress: dict[str, Programs]
    cut: dict[str, tuple[Interval, ...]]  # pieces of all IPv4 addresses, by direction
    services: Services
    led: tuple[Led, ...] = field(default=())

    @property
    def controller(self) -> int:
        """The number of the ingress controller."""
        return len(self.cluster.pods)

    def of(self, network: Network, direction: str) -> Programs:
        """The programs that decide on a network."""
        return (self.ingress if direction == INGRESS else self.egress)["" if network.primary else str(network)]

    def between(self, network: Network, src: int, dst: int) -> Ports:
        """What one pod may send to another."""
        out = self.of(network, EGRESS).program(src).permits(deciding.pod(dst), self.tables[dst])
        return out & self.of(network, INGRESS).program(dst).permits(deciding.pod(src), self.tables[dst])

    def to_outside(self, pod: int) -> Iterator[tuple[Interval, Ports]]:
        """What a pod may send to the pieces of all IPv4 addresses."""
        return self.egress[""].program(pod).cut(self.cut[EGRESS], ())

    def from_outside(self, pod: int) -> Iterator[tuple[Interval, Ports]]:
        """What a pod may get from the pieces of all IPv4 addresses."""
        return self.ingress[""].program(pod).cut(self.cut[INGRESS], self.tables[pod])


def connectivity(cluster: Cluster, *, policies: bool = True) -> Connectivity:
    """A cluster made ready to be asked, with its policies or as if there were none."""
    pods, namespaces = Index(), Index()
    for n, pod in enumerate(cluster.pods):
        pods.add(1 << n, dict(pod.labels))
        namespaces.add(1 << n, cluster.labels(pod.workload.namespace))
    count = len(cluster.pods)
    pods.add(1 << count, {})
    namespaces.add(1 << count, {NAME_LABEL: CONTROLLER_SPACE})
    spaces = {p.workload.namespace: cluster.labels(p.workload.namespace) for p in cluster.pods}
    spaces.setdefault(CONTROLLER_SPACE, {NAME_LABEL: CONTROLLER_SPACE})
    compiler = Compiler(pods, namespaces, spaces, cluster.notes)
    tables = (*(p.named for p in cluster.pods), ())
    found = networks(cluster, namespaces, (1 << count) - 1)
    tiers = _tiers(cluster, compiler) if policies else ([], [], [])
    ingress = {"": deciding.programs(count + 1, INGRESS, *tiers)}
    egress = {"": deciding.programs(count + 1, EGRESS, *tiers)}
    for network in found:
        if not network.primary:
            own = list(_of_network(cluster, compiler, network)) if policies else []
            ingress[str(network)] = deciding.programs(count + 1, INGRESS, [], own, [])
            egress[str(network)] = deciding.programs(count + 1, EGRESS, [], own, [])
    cut = {d: _cut(d, tiers) for d in (INGRESS, EGRESS)}
    known = services(cluster, compiler, tables)
    led = (*direct(known), *fronted(cluster, known))
    return Connectivity(cluster, tables, found, ingress, egress, cut, known, led)


Tiers = tuple[list[Compiled], list[Compiled], list[Compiled]]


def _tiers(cluster: Cluster, compiler: Compiler) -> Tiers:
    admin = list(compiled(cluster.admin_policies, admin_policy, compiler, cluster.miss))
    admin.sort(key=lambda p: (p.priority, p.name))
    for one, other in pairwise(admin):
        if one.priority == other.priority and one.name != other.name and one.subjects & other.subjects:
            text = f"{one.name} and {other.name} have one priority: which of them decides first is not defined"
            cluster.notes[text] = None
    own = list(compiled(cluster.policies, network_policy, compiler, cluster.miss))
    return admin, own, list(compiled(cluster.baselines, baseline, compiler, cluster.miss))


def _of_network(cluster: Cluster, compiler: Compiler, network: Network) -> Iterator[Compiled]:
    """The policies of a further network: each for the pods that have it by an attachment that the policy is for."""
    compiler = Compiler(
        compiler.pods, compiler.namespaces, compiler.spaces, cluster.notes, _Addressed(cluster, network).of
    )
    for placed in cluster.multi_policies:
        notes = placed.value.metadata.annotations or {}
        names = [n.strip() for n in (notes.get(FOR_NETWORKS) or "").split(",") if n.strip()]
        places = [n.rpartition("/") for n in names]
        members = network.using(tuple((space or placed.namespace, name) for space, _, name in places))
        if not members:
            continue
        try:
            for policy in network_policy(placed, compiler, "MultiNetworkPolicy"):
                yield Compiled(policy.name, policy.subjects & members, policy.rules, policy.where)
        except Malformed as e:
            cluster.miss(e, placed.where)


@dataclass(frozen=True, slots=True)
class _Addressed:
    """Which pods of a further network have addresses within a set: those that were asked for by an annotation."""

    cluster: Cluster
    network: Network

    def of(self, family: int, held: Intervals) -> int:
        """The pods whose addresses are in a set."""
        out = 0
        for n in bits(self.network.members) if held else ():
            for space, name, addresses in self.cluster.pods[n].attached:
                if any((space, name) == at for at, _ in self.network.via):
                    out |= 1 << n if any(_within(a, family, held) for a in addresses) else 0
        return out


def _within(address: str, family: int, held: Intervals) -> bool:
    try:
        its, (number, _) = traffic.block(address)
    except ValueError:
        return False
    return its == family and intervals.contains(held, number)


def _cut(direction: str, tiers: Sequence[Sequence[Compiled]]) -> tuple[Interval, ...]:
    """All IPv4 addresses, cut where a block of some policy's rules in this direction begins or ends."""
    blocks = {b for some in tiers for p in some for r in p.rules.get(direction, ()) for b in r.blocks}
    return intervals.atoms(traffic.V4, ((held,) for family, held in blocks if family == 4))
