"""Whether the internet reaches a workload, and the workload the internet.

In: something leads from outside to a port of its pods, and policies let that in. Out: policies let its pods send to
some address of the internet. Pods that share their node's network are beyond policies (networking/v1, NetworkPolicy).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strongroom.assess.network import k8s_deciding as deciding
from strongroom.assess.network import k8s_witness as witness
from strongroom.assess.network.k8s_connectivity import Connectivity
from strongroom.assess.network.k8s_enforcing import enforced
from strongroom.assess.network.k8s_entrances import CONTROLLERS, Led
from strongroom.assess.network.k8s_pods import Workload
from strongroom.assess.network.k8s_rules import ALL, EGRESS, INGRESS
from strongroom.assess.network.k8s_service_objects import ServiceSpec
from strongroom.kit import intervals, traffic
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.kit.traffic import INTERNET_4, INTERNET_6, Ports, Traffic
from strongroom.model.codes import GapCode
from strongroom.model.reach import Reached, Scene, Witness
from strongroom.model.values import Unknown

INTERNET = traffic.traffic(INTERNET_4, INTERNET_6, ALL)
Answer = tuple[Tri, tuple[Witness, ...]]


@dataclass(slots=True)
class Asking:
    """One workload and all that is known around it."""

    made: Connectivity
    scene: Scene
    workload: Workload
    pods: tuple[int, ...]
    public: frozenset[str]  # what the facts of the assets say that the outside reaches, as `Ingress/name`
    ranges: dict[tuple[str, str], tuple[str, ...]]  # the addresses that a public load balancer lets in, by service

    def policed(self, permitted: Tri, direction: str) -> Tri:
        """An answer that follows from policies, in view of what else there may be."""
        cluster = self.made.cluster
        names = [f"{p.kind} {p.name}" for p in cluster.unread if p.namespace in ("", self.workload.namespace)]
        if names:
            return Unknown(GapCode.UNSUPPORTED, f"{names[0]} may change it, and such policies are not worked out")
        if permitted is True and cluster.listed and "NetworkPolicy" not in cluster.seen:
            return Unknown(GapCode.ABSENT, "the dump holds no NetworkPolicy at all; add them to kubectl get")
        if permitted is False:  # where policies do not count, they were left out before
            counts = enforced(cluster, self.scene)
            if isinstance(counts, Unknown):
                return Unknown(counts.code, f"policies close {direction}, but {counts.detail}")
        return permitted


def reached(asking: Asking) -> Reached:
    """The answer for a workload."""
    gap = _gap(asking)
    if not asking.pods:
        gap = gap or Unknown(GapCode.ABSENT, "it runs no pods that the source shows")
    ingress, by_in = _ingress(asking)
    egress, by_out = _egress(asking)
    return Reached(str(asking.workload), gap or ingress, gap or egress, (*by_in, *by_out))


def _gap(asking: Asking) -> Unknown | None:
    """What could not be read, where it may change the answer."""
    for gap in (*asking.scene.estate.gaps, *asking.made.cluster.gaps):
        return Unknown(gap.code, f"{gap.scope}: {gap.detail}")
    return None


# Out


def _egress(asking: Asking) -> Answer:
    answers: list[Tri] = []
    told: dict[Witness, None] = {}
    for pod in asking.pods:
        if asking.made.cluster.pods[pod].host_network:
            answers.append(True)
            told[Witness(EGRESS, "hostNetwork", "bypasses policies", where=asking.made.cluster.pods[pod].where)] = None
            continue
        program = asking.made.egress[""].program(pod)
        permitted = bool(program.outside(()) & INTERNET)
        answers.append(asking.policed(permitted, EGRESS))
        told.update(dict.fromkeys(_of_internet(program, (), EGRESS)))
    return any_of(answers), tuple(told)


def _of_internet(program: deciding.Program, table: deciding.Table, direction: str) -> tuple[Witness, ...]:
    """What decides about the internet's addresses, all of them together."""
    ends = []
    for family, held in ((4, INTERNET_4), (6, INTERNET_6)):
        universe = traffic.V4 if family == 4 else traffic.V6
        sets = [rule.v4 if family == 4 else rule.v6 for rule in program.rules()]
        pieces = intervals.atoms(universe, [*sets, held])
        ends += [deciding.address(family, low) for low, _ in pieces if intervals.contains(held, low)]
    return witness.told(program, ends, table, direction)


# In


def _ingress(asking: Asking) -> Answer:
    answers: list[Tri] = []
    told: dict[Witness, None] = {}
    for answer, by in _doors(asking):
        answers.append(answer)
        told.update(dict.fromkeys(by))
    if not answers:
        told[Witness(INGRESS, "no service", "leads in")] = None
        cluster = asking.made.cluster
        if cluster.listed and "Service" not in cluster.seen:
            answers.append(Unknown(GapCode.ABSENT, "the dump holds no Service at all; add them to kubectl get"))
    return any_of(answers), tuple(told)


def _doors(asking: Asking) -> Iterator[Answer]:
    """Each way by which the outside may reach the pods, and whether it does."""
    mine = set(asking.pods)
    for led in asking.made.led:
        if led.pod in mine and led.ports:
            yield from _through(asking, led)
    for pod in asking.pods:
        one = asking.made.cluster.pods[pod]
        if one.host_network:
            yield _nodes(asking), (Witness(INGRESS, "hostNetwork", "bypasses policies", where=one.where),)
        for protocol, number, at_node in one.host_ports:
            ports = traffic.ports_of({protocol: ((number, number),)})
            told = Witness(INGRESS, f"hostPort {at_node}", "leads in", ports.text(), where=one.where)
            yield _met(asking, pod, ports, INTERNET, _nodes(asking), told, hidden=False)


def _through(asking: Asking, led: Led) -> Iterator[Answer]:
    spec = led.service.value.spec or ServiceSpec()
    told = Witness(INGRESS, led.text, "leads in", led.ports.text(), where=led.where)
    if led.kind in CONTROLLERS:
        if led.kind != "Ingress" or f"Ingress/{led.name}" in asking.public:
            yield _controlled(asking, led, told)
        return
    hidden = spec.external_traffic_policy != "Local"  # else the node's address is what the pod sees
    allowed = asking.ranges.get((led.namespace, led.name))
    if spec.type == "LoadBalancer" and allowed is not None:
        yield _met(asking, led.pod, led.ports, _ranges(allowed), True, told, hidden=hidden)
    if spec.type in ("NodePort", "LoadBalancer"):
        yield _met(asking, led.pod, led.ports, INTERNET, _nodes(asking), told, hidden=hidden)
    if spec.external_ips:
        global_ = any(_is_global(a) for a in spec.external_ips)
        yield _met(asking, led.pod, led.ports, INTERNET, global_, told, hidden=hidden)


def _met(asking: Asking, pod: int, ports: Ports, sources: Traffic, faces: Tri, led: Witness, *, hidden: bool) -> Answer:
    """Whether what arrives from some addresses gets in.

    `faces`: whether it arrives at all. `hidden`: the pods may see a node's address instead of the sender's.
    """
    program, table = asking.made.ingress[""].program(pod), asking.made.tables[pod]
    senders = sources & INTERNET
    arriving = Traffic(tuple((at, ports) for at, _ in senders.v4), tuple((at, ports) for at, _ in senders.v6))
    if not arriving or faces is False:
        return False, (led,)
    if asking.made.cluster.pods[pod].host_network:
        return faces, (led,)
    allowed = program.outside(table)
    permitted: Tri = bool(arriving & allowed)
    if hidden and arriving - allowed and allowed.ports() & ports:
        detail = f"{led.by} may show the pods a node's address, and policies let in only some addresses"
        permitted = Unknown(GapCode.UNDECIDED, detail)
    told = (led, *_of_internet(program, table, INGRESS))
    return all_of((asking.policed(permitted, INGRESS), faces)), told


def _controlled(asking: Asking, led: Led, told: Witness) -> Answer:
    """What comes through an ingress controller, whose pods are not known: as from a pod of which nothing is known."""
    made, pod = asking.made, led.pod
    program = made.ingress[""].program(pod)
    by = (told, *witness.told(program, [deciding.pod(made.controller)], made.tables[pod], INGRESS))
    if made.cluster.pods[pod].host_network or led.ports & made.between(made.networks[0], made.controller, pod):
        return asking.policed(True, INGRESS), by
    some = any(rule.action == "allow" and rule.permits(made.tables[pod]) & led.ports for rule in program.rules())
    if some:
        detail = f"policies let only some pods in, and which are those of the controller of {led.text} is not known"
        return Unknown(GapCode.UNDECIDED, detail), by
    return asking.policed(False, INGRESS), by


def _nodes(asking: Asking) -> Tri:
    """Whether the internet reaches the nodes, by their own addresses."""
    nodes = asking.made.cluster.nodes
    if not nodes:
        return Unknown(GapCode.ABSENT, "the source shows no nodes, so whether they have public addresses is not known")
    said = [a for n in nodes if n.value.status is not None for a in n.value.status.addresses or ()]
    if any(a.type == "ExternalIP" or _is_global(a.address) for a in said):
        return True
    return False if said else Unknown(GapCode.ABSENT, "the nodes do not tell their addresses")


def _is_global(address: str) -> bool:
    try:
        family, (number, _) = traffic.block(address)
    except ValueError:
        return False
    return intervals.contains(INTERNET_4 if family == 4 else INTERNET_6, number)


def _ranges(cidrs: Sequence[str]) -> Traffic:
    held: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    for cidr in cidrs:
        try:
            family, block = traffic.block(cidr)
        except ValueError:
            continue
        held[family].append(block)
    return traffic.traffic(intervals.of(held[4]), intervals.of(held[6]), ALL)
