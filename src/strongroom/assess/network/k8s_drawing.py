"""The connectivity of a cluster as lines, in the form of np-guard's netpol-analyzer: `src => dst : ports`.

Its readers and their scripts know it. Workloads are `namespace/name[Kind]`, addresses `first-last[External]`. What the
lines show is what policies permit: of pods that share their node's network too, as that tool has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.assess.network.k8s_connectivity import CONTROLLER, Connectivity
from strongroom.assess.network.k8s_entrances import CONTROLLERS
from strongroom.assess.network.k8s_matrix import Matrix
from strongroom.assess.network.k8s_networks import POD_NETWORK, UDN, Network
from strongroom.assess.network.k8s_pods import Workload
from strongroom.assess.network.k8s_rules import ALL
from strongroom.assess.network.k8s_selectors import bits
from strongroom.kit import traffic
from strongroom.kit.intervals import Interval
from strongroom.kit.traffic import NOTHING, Ports

_NO_PODS = "all input workloads are configured with (C)UDN as their primary network interface"


@dataclass(slots=True)
class Line:
    """One connection, as text, and its ports. Where one end are addresses, `first` is the first of them."""

    src: str
    dst: str
    ports: Ports
    first: int = -1
    said: str = ""  # the ports as text, where it is known already

    def __str__(self) -> str:
        return f"{self.src} => {self.dst} : {self.said or shown(self.ports)}"


def shown(ports: Ports) -> str:
    """Ports as a line has them."""
    return "All Connections" if ports == ALL else ports.text()


def called(workload: Workload, network: Network) -> str:
    """A workload on a network. A user-defined network of a namespace is told at the namespace."""
    mark = "[udn]" if network.kind == UDN and network.primary else ""
    return f"{workload.namespace}{mark}/{workload.name}[{workload.kind}]"


def lines(made: Connectivity, wanted: frozenset[Workload] | None = None) -> Iterator[str]:
    """Every line; with several networks, those of each below its heading."""
    first, *others = made.networks
    others = [n for n in others if n.members]
    if not others:
        yield from map(str, connections(made, first, wanted))
        return
    for network in (first, *others):
        yield f"Permitted connectivity analyzed in {_heading(network)}:"
        if not network.members:
            yield _NO_PODS
        else:
            found = list(map(str, connections(made, network, wanted)))
            yield from found or [f"All connections are not allowed for the workloads in the {network.name}"]
        yield ""
    yield from _mapping(made)


def _heading(network: Network) -> str:
    if network.name == POD_NETWORK and not network.kind:
        return "Pod network"
    return f"{'primary' if network.primary else 'secondary'} {network.kind} {network.name}"


def _mapping(made: Connectivity) -> Iterator[str]:
    """Every workload with its networks."""
    yield "Workload-to-Networks Mapping:"
    found: dict[Workload, list[Network]] = {}
    for network in made.networks:
        for workload in dict.fromkeys(made.cluster.pods[n].workload for n in bits(network.members)):
            found.setdefault(workload, []).append(network)
    for workload in sorted(found, key=str):
        yield f"{workload}: "
        first = next((str(n) for n in found[workload] if n.primary), POD_NETWORK)
        yield f"\tPrimary Network: {first}"
        further = [str(n) for n in found[workload] if not n.primary]
        if further:
            yield f"\tSecondary Networks: {','.join(further)}"


def connections(made: Connectivity, network: Network, wanted: frozenset[Workload] | None = None) -> Iterator[Line]:
    """Every connection on a network, in the order of the ends' texts."""
    if not network.primary:
        yield from _inside(made, network, wanted)
        return
    pods = [n for n in bits(network.members) if wanted is None or made.cluster.pods[n].workload in wanted]
    yield from sorted(_incoming(made, network, pods), key=lambda line: (line.src, line.dst))
    outgoing: dict[str, list[Line]] = {}
    for line in _outgoing(made, network, pods):
        outgoing.setdefault(line.src, []).append(line)
    waiting = sorted(outgoing, reverse=True)
    for line in _inside(made, network, wanted):
        while waiting and waiting[-1] <= line.src:
            yield from outgoing[waiting.pop()]
        yield line
    while waiting:
        yield from outgoing[waiting.pop()]
    if not network.kind:
        yield from _through_controllers(made, network, pods)


def _inside(made: Connectivity, network: Network, wanted: frozenset[Workload] | None) -> Iterator[Line]:
    text: dict[Workload, str] = {}
    for n in bits(network.members):
        workload = made.cluster.pods[n].workload
        text[workload] = called(workload, network)
    said: dict[int, str] = {}
    matrix = Matrix(made, network)
    for src, dst, ports in matrix.pairs(wanted):
        key = id(ports)  # the matrix keeps one object for all that are equal
        if key not in said:
            said[key] = shown(ports)
        yield Line(text[src], text[dst], ports, said=said[key])


def _outgoing(made: Connectivity, network: Network, pods: list[int]) -> Iterator[Line]:
    for workload, pieces in _outside(made, pods, out=True).items():
        src = called(workload, network)
        yield from sorted(
            (Line(src, _addresses(at), p, at[0]) for at, p in pieces.items() if p), key=lambda line: line.dst
        )


def _incoming(made: Connectivity, network: Network, pods: list[int]) -> Iterator[Line]:
    for workload, pieces in _outside(made, pods, out=False).items():
        dst = called(workload, network)
        yield from (Line(_addresses(at), dst, p, at[0]) for at, p in pieces.items() if p)


def _outside(made: Connectivity, pods: list[int], *, out: bool) -> dict[Workload, dict[Interval, Ports]]:
    """What workloads send to, or get from, each piece of all addresses. Pods with one program have one answer."""
    known: dict[object, list[tuple[Interval, Ports]]] = {}
    found: dict[Workload, dict[Interval, Ports]] = {}
    for n in pods:
        key = made.egress[""].of[n] if out else (made.ingress[""].of[n], made.tables[n])
        if key not in known:
            known[key] = list(made.to_outside(n) if out else made.from_outside(n))
        mine = found.setdefault(made.cluster.pods[n].workload, {})
        for at, ports in known[key]:
            mine[at] = mine.get(at, NOTHING) | ports
    return found


def _addresses(at: Interval) -> str:
    return f"{traffic.shown(4, at)}[External]"


def _through_controllers(made: Connectivity, network: Network, pods: list[int]) -> Iterator[Line]:
    """What an ingress controller may send to what Ingress and Route lead to."""
    found: dict[Workload, Ports] = {}
    members = set(pods)
    for led in made.led:
        if led.kind in CONTROLLERS and led.pod in members:
            ports = led.ports & made.between(network, made.controller, led.pod)
            workload = made.cluster.pods[led.pod].workload
            found[workload] = found.get(workload, NOTHING) | ports
    for workload in sorted(found, key=str):
        if found[workload]:
            yield Line(CONTROLLER, called(workload, network), found[workload])
