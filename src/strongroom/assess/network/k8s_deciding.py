"""Which policies decide about a pod, in their order, and what they let through.

Order (network-policy-api, "AdminNetworkPolicy"): rules of AdminNetworkPolicies by priority, the first that matches
decides; what they pass on or leave is for NetworkPolicies, where one selects the pod; else for the baseline; what is
left then is allowed. NetworkPolicies only allow: a pod that one selects gets the union of what they say.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from strongroom.assess.network.k8s_pods import Named
from strongroom.assess.network.k8s_rules import ALL, Compiled, Rule
from strongroom.assess.network.k8s_selectors import bits
from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Interval, Intervals
from strongroom.kit.traffic import NOTHING, Ports

Table = tuple[Named, ...]
Matches = Callable[[Rule], bool]
Part = tuple[str, Rule | None, Ports]
"""What is said, by which rule (none for what holds where nothing is said), of which traffic."""


@dataclass(frozen=True, slots=True)
class Program:
    """The rules that decide one direction of some pods. `selected` names the NetworkPolicies that select them."""

    admin: tuple[Rule, ...] = ()
    selected: tuple[Compiled, ...] = ()
    own: tuple[Rule, ...] = ()
    baseline: tuple[Rule, ...] = ()

    def rules(self) -> Iterator[Rule]:
        """Every rule of it."""
        yield from self.admin
        yield from self.own
        yield from self.baseline

    def parts(self, matches: Matches, table: Table) -> Iterator[Part]:
        """What decides about the traffic with one other end, step by step. `table`: the named ports of the receiver."""
        left, passed = ALL, NOTHING
        for rule in self.admin:
            hit = left & rule.permits(table) if matches(rule) else NOTHING
            if hit:
                yield rule.action, rule, hit
                left = left - hit
                passed = passed | hit if rule.action == "pass" else passed
        left = left | passed
        if self.selected:
            for rule in self.own:
                hit = left & rule.permits(table) if matches(rule) else NOTHING
                if hit:
                    yield "allow", rule, hit
            return
        for rule in self.baseline:
            hit = left & rule.permits(table) if matches(rule) else NOTHING
            if hit:
                yield rule.action, rule, hit
                left = left - hit
        if left:
            yield "allow", None, left

    def permits(self, matches: Matches, table: Table) -> Ports:
        """What it lets through with one other end."""
        out = NOTHING
        for action, _, ports in self.parts(matches, table):
            if action == "allow":
                out |= ports
        return out

    def towards(self, family: int, table: Table) -> Iterator[tuple[Interval, Ports]]:
        """What it lets through with all addresses of a family, in pieces that none of its rules cuts."""
        universe = traffic.V4 if family == 4 else traffic.V6
        for piece in intervals.atoms(universe, (_family(rule, family) for rule in self.rules())):
            yield piece, self.permits(address(family, piece[0]), table)

    def cut(self, pieces: Iterable[Interval], table: Table) -> Iterator[tuple[Interval, Ports]]:
        """The same with IPv4 addresses, in given pieces in their order, each within one of its own."""
        own = self.towards(4, table)
        (_, last), ports = next(own)
        for piece in pieces:
            while piece[0] > last:
                (_, last), ports = next(own)
            yield piece, ports

    def outside(self, table: Table) -> traffic.Traffic:
        """What it lets through with the addresses of both families."""
        v4, v6 = (traffic.glued(self.towards(family, table)) for family in (4, 6))
        return traffic.Traffic(v4, v6)


def address(family: int, number: int) -> Matches:
    """Whether a rule speaks of an address."""
    return lambda rule: rule.at(family, number)


def pod(number: int) -> Matches:
    """Whether a rule speaks of a pod."""
    return lambda rule: bool(rule.pods >> number & 1)


def _family(rule: Rule, family: int) -> Intervals:
    return rule.v4 if family == 4 else rule.v6


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one direction: `of` names, for every pod, the place of its own in `all`."""

    all: tuple[Program, ...]
    of: tuple[int, ...]

    def program(self, pod: int) -> Program:
        """The program of a pod."""
        return self.all[self.of[pod]]


def programs(
    count: int,
    direction: str,
    admin: Sequence[Compiled],
    own: Sequence[Compiled],
    baseline: Sequence[Compiled],
) -> Programs:
    """The programs of `count` pods. Pods that the same policies select have one."""
    tiers = [[p for p in some if direction in p.rules] for some in (admin, own, baseline)]
    governed: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for tier, some in enumerate(tiers):
        for number, policy in enumerate(some):
            for pod in bits(policy.subjects):
                governed[pod].append((tier, number))
    known: dict[tuple[tuple[int, int], ...], int] = {}
    made: list[Program] = []
    of = []
    for chosen in governed:
        key = tuple(chosen)
        if key not in known:
            known[key] = len(made)
            made.append(_program(direction, [[tiers[t][n] for t, n in key if t == tier] for tier in range(3)]))
        of.append(known[key])
    return Programs(tuple(made), tuple(of))


def _program(direction: str, chosen: Sequence[Sequence[Compiled]]) -> Program:
    admin, own, baseline = ([r for p in some for r in p.rules[direction]] for some in chosen)
    return Program(tuple(admin), tuple(chosen[1]), tuple(own), tuple(baseline))
