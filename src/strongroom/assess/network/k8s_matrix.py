"""What every workload may send to every other, for thousands of pods: each program is asked once for each part of them.

Pods that no rule of a program tells apart get one answer of it, so the work grows with the policies and not with the
pairs; the pairs themselves are only looked up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.assess.network import k8s_deciding as deciding
from strongroom.assess.network.k8s_connectivity import Connectivity
from strongroom.assess.network.k8s_deciding import Program, Table
from strongroom.assess.network.k8s_networks import Network
from strongroom.assess.network.k8s_pods import Workload
from strongroom.assess.network.k8s_rules import EGRESS, INGRESS
from strongroom.assess.network.k8s_selectors import bits, mask_of, split
from strongroom.kit.traffic import NOTHING, Ports

Pair = tuple[Workload, Workload, Ports]


class Answers:
    """Answers by number: equal ones have one number, and one object. Number 0 is nothing."""

    def __init__(self) -> None:
        self.held: list[Ports] = [NOTHING]
        self.numbers: dict[Ports, int] = {NOTHING: 0}
        self.joint = _Joint(self)

    def number(self, ports: Ports) -> int:
        """The number of an answer."""
        found = self.numbers.get(ports)
        if found is None:
            found = self.numbers[ports] = len(self.held)
            self.held.append(ports)
        return found


class _Joint(dict[tuple[int, int], int]):
    """What two answers have in common, by their numbers, worked out when it is first asked for."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.answers = answers

    def __missing__(self, key: tuple[int, int]) -> int:
        one, other = (self.answers.held[n] for n in key)
        self[key] = found = self.answers.number(one & other)
        return found


@dataclass(slots=True)
class Matrix:
    """The answers of every program of a network, by pod."""

    made: Connectivity
    network: Network
    answers: Answers = field(default_factory=Answers)
    members: list[int] = field(default_factory=list)
    sends: dict[int, list[int]] = field(default_factory=dict)  # by egress program: what it permits to each pod
    takes: list[list[int]] = field(default_factory=list)  # by kind of receiver: what it permits from each pod
    kind_of: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.made.tables)
        egress, ingress = (self.made.of(self.network, d) for d in (EGRESS, INGRESS))
        self.members = list(bits(self.network.members))
        ends = mask_of(self.members)
        for at in {egress.of[n] for n in self.members}:
            self.sends[at] = self._numbered(_answers(egress.all[at], ends, count, self.made.tables, None))
        kinds: dict[tuple[int, Table], int] = {}
        self.kind_of = [-1] * count
        for n in self.members:
            program = ingress.program(n)
            table = self.made.tables[n] if any(r.named for r in program.rules()) else ()
            key = (ingress.of[n], table)
            if key not in kinds:
                kinds[key] = len(kinds)
                self.takes.append(self._numbered(_answers(program, ends, count, self.made.tables, table)))
            self.kind_of[n] = kinds[key]

    def _numbered(self, found: list[Ports]) -> list[int]:
        known = {id(ports): self.answers.number(ports) for ports in found}
        return [known[id(ports)] for ports in found]

    def pairs(self, wanted: frozenset[Workload] | None = None) -> Iterator[Pair]:
        """Every two workloads of which one may send to the other, in their order; only those of `wanted` if given.

        Equal ports are one object, as long as the matrix lives.
        """
        pods: dict[Workload, list[int]] = {}
        for n in self.members:
            pods.setdefault(self.made.cluster.pods[n].workload, []).append(n)
        order = sorted(pods, key=str)
        of, joint, held = self.made.of(self.network, EGRESS).of, self.answers.joint, self.answers.held
        ends = [(at, d, self.kind_of[d]) for at, dst in enumerate(order) for d in pods[dst]]
        for src in order:
            cells = [0] * len(order)
            for s in pods[src]:
                row, column = self.sends[of[s]], [takes[s] for takes in self.takes]
                for at, d, kind in ends:
                    met = joint[row[d], column[kind]]
                    if met and met != cells[at]:
                        cells[at] = self.answers.number(held[cells[at]] | held[met]) if cells[at] else met
            yield from (
                (src, dst, held[cell])
                for dst, cell in zip(order, cells, strict=True)
                if cell and dst is not src and (wanted is None or src in wanted or dst in wanted)
            )


def _answers(program: Program, ends: int, count: int, tables: tuple[Table, ...], own: Table | None) -> list[Ports]:
    """What a program permits with each of some pods. `own`: the ports of the pod itself, where that is the receiver."""
    masks = list(dict.fromkeys(r.pods for r in program.rules()))
    if own is None and any(r.named for r in program.rules()):
        masks += _by_table(ends, tables)
    out = [NOTHING] * count
    for part in split(masks, ends):
        first = (part & -part).bit_length() - 1
        ports = program.permits(deciding.pod(first), tables[first] if own is None else own)
        for n in bits(part):
            out[n] = ports
    return out


def _by_table(ends: int, tables: tuple[Table, ...]) -> Iterable[int]:
    """The pods that name their ports alike."""
    found: dict[Table, int] = {}
    for n in bits(ends):
        found[tables[n]] = found.get(tables[n], 0) | 1 << n
    return found.values()
