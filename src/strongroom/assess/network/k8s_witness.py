"""Which policies and rules decided, as the answer's evidence: every step of a program becomes one statement."""

from collections.abc import Iterable, Iterator

from strongroom.assess.network import k8s_deciding as deciding
from strongroom.assess.network.k8s_connectivity import CONTROLLER, Connectivity
from strongroom.assess.network.k8s_deciding import Matches, Program, Table
from strongroom.assess.network.k8s_drawing import Line, called
from strongroom.assess.network.k8s_drawing import connections as lines_of
from strongroom.assess.network.k8s_networks import Network
from strongroom.assess.network.k8s_pods import Workload
from strongroom.assess.network.k8s_rules import ALL, EGRESS, INGRESS, Compiled, Rule
from strongroom.assess.network.k8s_selectors import bits
from strongroom.kit.traffic import NOTHING, Ports
from strongroom.model.reach import Connection, Witness

_SAYS = {"allow": "allows", "deny": "denies", "pass": "passes on"}
NO_POLICY = "no policy"


def told(program: Program, ends: Iterable[Matches], table: Table, direction: str) -> tuple[Witness, ...]:
    """What decides about the traffic with some other ends together; each rule once, with all that it decides."""
    found: dict[tuple[str, int], tuple[Rule | None, Ports]] = {}
    permitted = NOTHING
    for matches in ends:
        for says, rule, ports in program.parts(matches, table):
            key = (says, id(rule))
            found[key] = (rule, found[key][1] | ports if key in found else ports)
            permitted = permitted | ports if says == "allow" else permitted
    out = [_said(_SAYS[says], rule, ports, direction) for (says, _), (rule, ports) in found.items()]
    if program.selected and permitted != ALL:
        # What no rule allows is closed because these select the pod.
        out += [_selects(policy, direction) for policy in program.selected]
    return tuple(out)


def _said(says: str, rule: Rule | None, ports: Ports, direction: str) -> Witness:
    text = "" if ports == ALL else ports.text()
    if rule is None:
        return Witness(direction, NO_POLICY, says, text)
    return Witness(direction, rule.policy, says, text, rule.name, where=rule.where)


def _selects(policy: Compiled, direction: str) -> Witness:
    return Witness(direction, policy.name, "selects", where=policy.where)


def connections(made: Connectivity, wanted: frozenset[Workload] | None = None) -> Iterator[Connection]:
    """Every connection of every network with what decided it."""
    for network in made.networks:
        pods: dict[str, list[int]] = {CONTROLLER: [made.controller]}
        for n in bits(network.members):
            pods.setdefault(called(made.cluster.pods[n].workload, network), []).append(n)
        for line in lines_of(made, network, wanted):
            told: dict[Witness, None] = {}
            for src in pods.get(line.src, [-1]):
                for dst in pods.get(line.dst, [-1]):
                    told.update(dict.fromkeys(_of_line(made, network, line, src, dst)))
            text = "" if line.ports == ALL else line.ports.text()
            yield Connection(line.src, line.dst, text, str(network) if network.kind else "", tuple(told))


def _of_line(made: Connectivity, network: Network, line: Line, src: int, dst: int) -> Iterator[Witness]:
    """What decides: the sender's egress and the receiver's ingress, of which one is none where it is addresses."""
    if src >= 0:
        matches = deciding.pod(dst) if dst >= 0 else deciding.address(4, line.first)
        yield from told(made.of(network, EGRESS).program(src), [matches], made.tables[dst] if dst >= 0 else (), EGRESS)
    if dst >= 0:
        matches = deciding.pod(src) if src >= 0 else deciding.address(4, line.first)
        yield from told(made.of(network, INGRESS).program(dst), [matches], made.tables[dst], INGRESS)
