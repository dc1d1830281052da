"""Policies made ready to be asked: whom each selects, and for every rule its peers and its ports as sets.

A policy that the API server would refuse does not exist in a cluster: it raises Malformed and becomes a gap.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from strongroom.assess.network import k8s_policy_objects as api
from strongroom.assess.network.k8s_cluster import NAME_LABEL, Placed
from strongroom.assess.network.k8s_selectors import Index, Selector, of, selector
from strongroom.kit import intervals, traffic
from strongroom.kit.intervals import Interval, Intervals
from strongroom.kit.traffic import NOTHING, Ports, ports_of
from strongroom.model.errors import Malformed
from strongroom.model.values import Where

T = TypeVar("T")
PROTOCOLS = ("SCTP", "TCP", "UDP")
EVERY_PORT: Intervals = ((1, traffic.LAST_PORT),)
ALL = ports_of(dict.fromkeys(PROTOCOLS, EVERY_PORT))
"""What a pod can send: the protocols that policies know (core/v1, Protocol)."""
INGRESS, EGRESS = "ingress", "egress"
HIGHEST_PRIORITY = 1000  # AdminNetworkPolicySpec.priority: 0 to 1000, and the lowest number decides first


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the pods and addresses at the other end, as sets, and the ports at the receiving one."""

    policy: str
    name: str
    action: str  # "allow", "deny" or "pass"
    pods: int = 0
    v4: Intervals = ()
    v6: Intervals = ()
    ports: Ports = ALL
    named: tuple[tuple[str, str], ...] = ()  # name, and protocol or nothing for any
    where: Where | None = None
    blocks: tuple[tuple[int, Interval], ...] = ()  # family and addresses of each block that it names, in one piece each

    def permits(self, table: Iterable[tuple[str, str, int]]) -> Ports:
        """What it speaks of towards pods that name their ports so."""
        if not self.named:
            return self.ports
        out = self.ports
        for name, protocol, number in table:
            if (name, protocol) in self.named or (name, "") in self.named:
                out |= ports_of({protocol: ((number, number),)})
        return out

    def at(self, family: int, address: int) -> bool:
        """Whether an address is among its peers."""
        return intervals.contains(self.v4 if family == 4 else self.v6, address)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy: the pods that it selects, and its rules by direction; a direction that is not there is left alone."""

    name: str
    subjects: int
    rules: dict[str, tuple[Rule, ...]]
    where: Where
    priority: int = 0
    networks: tuple[tuple[str, str], ...] = ()  # attachments that a MultiNetworkPolicy is for


@dataclass(slots=True)
class Compiler:
    """What all policies are read with."""

    pods: Index
    namespaces: Index
    spaces: Mapping[str, Mapping[str, str]]  # the labels of every namespace that has pods
    notes: dict[str, None]
    addressed: Callable[[int, Intervals], int] | None = None  # pods whose addresses on this network are known
    own: Mapping[str, str] | None = None  # of a policy that compares with it: the labels of the subject's namespace

    def of_namespace(self, name: str) -> int:
        """The pods of a namespace."""
        return self.namespaces.mask(Selector(((NAME_LABEL, name),)))

    def alike(self, keys: Sequence[str], *, same: bool) -> int:
        """The pods of namespaces that have all of the labels, all with the subject's values or not all."""
        if not keys:
            return 0
        own = self.own or {}
        having = self.namespaces.mask(Selector((), tuple((k, "Exists", ()) for k in keys)))
        equal = having if all(k in own for k in keys) else 0
        for key in keys:
            equal &= self.namespaces.by_label.get((key, own.get(key, "")), 0)
        return equal if same else having & ~equal


def network_policy(p: Placed[api.Policy], c: Compiler, kind: str = "NetworkPolicy") -> tuple[Compiled, ...]:
    """A policy of a namespace. Raises Malformed."""
    name = f"{kind} {p.namespace}/{p.name}"
    spec = p.value.spec or api.PolicySpec()
    subjects = c.of_namespace(p.namespace) & c.pods.mask(selector(spec.pod_selector, name))
    types = [t.lower() for t in spec.policy_types or ()]
    if any(t not in (INGRESS, EGRESS) for t in types):
        raise Malformed(name, f"the policy types {', '.join(spec.policy_types or ())[:60]}", "Ingress, Egress or both")
    # networking/v1, SetDefaults_NetworkPolicy: ingress always, egress where there are rules for it.
    types = types or ([INGRESS, EGRESS] if spec.egress else [INGRESS])
    rules = {}
    for direction in types:
        given = (spec.ingress if direction == INGRESS else spec.egress) or []
        rules[direction] = tuple(_rule(r, n, name, p, direction, c) for n, r in enumerate(given, 1))
    return (Compiled(name, subjects, rules, p.where),)


def _rule(r: api.PolicyRule, n: int, name: str, p: Placed[api.Policy], direction: str, c: Compiler) -> Rule:
    peers = r.from_ if direction == INGRESS else r.to
    ports, named = _ports(r.ports, f"{name}, {direction} rule {n}")
    if not peers:  # everybody, inside and out
        return Rule(name, str(n), "allow", c.pods.everyone, (traffic.V4,), (traffic.V6,), ports, named, p.where)
    mask, blocks = 0, list[tuple[int, Interval]]()
    for peer in peers:
        subject = f"{name}, {direction} rule {n}"
        if peer.ip_block is not None:
            if peer.pod_selector is not None or peer.namespace_selector is not None:
                raise Malformed(subject, "a peer with an ipBlock and a selector", "one or the other")
            blocks += _block(peer.ip_block.cidr, peer.ip_block.except_ or (), subject)
        elif peer.pod_selector is None and peer.namespace_selector is None:
            raise Malformed(subject, "a peer that names nobody", "a podSelector, a namespaceSelector or an ipBlock")
        else:
            mask |= _selected(peer, p.namespace, subject, c)
    v4, v6 = _families(blocks)
    if c.addressed is not None:
        mask |= c.addressed(4, v4) | c.addressed(6, v6)
    return Rule(name, str(n), "allow", mask, v4, v6, ports, named, p.where, tuple(blocks))


def _selected(peer: api.Peer, namespace: str, subject: str, c: Compiler) -> int:
    pods = selector(peer.pod_selector, subject)
    if peer.namespace_selector is None:
        return c.of_namespace(namespace) & c.pods.mask(pods)
    return c.namespaces.mask(selector(peer.namespace_selector, subject)) & c.pods.mask(pods)


def _block(cidr: str, excepted: Sequence[str], subject: str) -> list[tuple[int, Interval]]:
    """Family and addresses of a block, in pieces where exceptions are taken out."""
    try:
        family, whole = traffic.block(cidr)
        without = [traffic.block(e) for e in excepted]
    except ValueError as e:
        raise Malformed(subject, str(e)[:80], "a CIDR block such as 10.0.0.0/8") from None
    if any(f != family for f, _ in without):
        raise Malformed(subject, f"exceptions of another family than {cidr}", "blocks within it")
    return [(family, held) for held in intervals.subtract((whole,), intervals.of(i for _, i in without))]


def _families(blocks: Iterable[tuple[int, Interval]]) -> tuple[Intervals, Intervals]:
    v4, v6 = (intervals.of(held for family, held in blocks if family == wanted) for wanted in (4, 6))
    return v4, v6


def _protocol(said: str | None, subject: str) -> str:
    protocol = said or "TCP"  # networking/v1, SetDefaults_NetworkPolicyPort
    if protocol not in PROTOCOLS:
        raise Malformed(subject, f"the protocol {protocol[:20]!r}", f"one of {', '.join(PROTOCOLS)}")
    return protocol


def _range(first: int, last: int, subject: str) -> Intervals:
    if not 1 <= first <= last <= traffic.LAST_PORT:
        raise Malformed(subject, f"ports {first} to {last}", "1 to 65535, the first not above the last")
    return ((first, last),)


def _ports(given: Sequence[api.PolicyPort] | None, subject: str) -> tuple[Ports, tuple[tuple[str, str], ...]]:
    if not given:
        return ALL, ()
    out, named = NOTHING, []
    for p in given:
        protocol = _protocol(p.protocol, subject)
        if isinstance(p.port, str):
            if p.end_port is not None:
                raise Malformed(subject, f"endPort beside the name {p.port[:40]!r}", "a number in port")
            named.append((p.port, protocol))
        elif p.port is None:
            if p.end_port is not None:
                raise Malformed(subject, "endPort without port", "both")
            out |= ports_of({protocol: EVERY_PORT})
        else:
            last = p.port if p.end_port is None else p.end_port
            out |= ports_of({protocol: _range(p.port, last, subject)})
    return out, tuple(named)


# Policies of administrators


def admin_policy(p: Placed[api.AdminPolicy], c: Compiler) -> tuple[Compiled, ...]:
    """An AdminNetworkPolicy; several parts where it compares namespaces with the subject's own. Raises Malformed."""
    name, spec = f"AdminNetworkPolicy {p.name}", p.value.spec
    if spec.priority is None or not 0 <= spec.priority <= HIGHEST_PRIORITY:
        raise Malformed(name, f"the priority {spec.priority}", f"0 to {HIGHEST_PRIORITY}")
    return _admin(p, name, ("allow", "deny", "pass"), spec.priority, c)


def baseline(p: Placed[api.AdminPolicy], c: Compiler) -> tuple[Compiled, ...]:
    """A BaselineAdminNetworkPolicy, of which there is one, named default. Raises Malformed."""
    if p.name != "default":
        raise Malformed(f"BaselineAdminNetworkPolicy {p.name}", "that name", "default, the only name that there is")
    return _admin(p, "BaselineAdminNetworkPolicy default", ("allow", "deny"), 0, c)


def _admin(
    p: Placed[api.AdminPolicy], name: str, actions: tuple[str, ...], priority: int, c: Compiler
) -> tuple[Compiled, ...]:
    spec = p.value.spec
    subjects = _subject(spec.subject, f"{name}, subject", c)
    given = {d: rules for d, rules in ((INGRESS, spec.ingress), (EGRESS, spec.egress)) if rules}

    def rules(of: Compiler) -> dict[str, tuple[Rule, ...]]:
        return {
            d: tuple(_admin_rule(r, n, name, actions, d, p.where, of) for n, r in enumerate(some, 1))
            for d, some in given.items()
        }

    peers = [peer for some in given.values() for r in some for peer in (*(r.from_ or ()), *(r.to or ()))]
    if not any(_compares(peer) for peer in peers):
        return (Compiled(name, subjects, rules(c), p.where, priority),)
    return tuple(
        Compiled(name, subjects & c.of_namespace(space), rules(replace(c, own=labels)), p.where, priority)
        for space, labels in c.spaces.items()
        if subjects & c.of_namespace(space)
    )


def _compares(peer: api.AdminPeer) -> bool:
    """Whether it selects namespaces by what they have in common with the subject's."""
    spaces = peer.pods.namespaces if peer.pods is not None else peer.namespaces
    return spaces is not None and (spaces.same_labels is not None or spaces.not_same_labels is not None)


def _subject(subject: api.AdminPeer, where: str, c: Compiler) -> int:
    if (subject.namespaces is None) is (subject.pods is None):
        raise Malformed(where, "not exactly one of namespaces and pods", "one of them")
    return _among(subject, where, c)


def _admin_rule(
    r: api.AdminRule, n: int, policy: str, actions: tuple[str, ...], direction: str, where: Where, c: Compiler
) -> Rule:
    subject = f"{policy}, {direction} rule {n}"
    action = r.action.lower()
    if action not in actions:
        raise Malformed(subject, f"the action {r.action[:20]!r}", f"one of {', '.join(a.title() for a in actions)}")
    peers = r.from_ if direction == INGRESS else r.to
    if not peers:
        raise Malformed(subject, "no peer", "one at least")
    mask, blocks = 0, list[tuple[int, Interval]]()
    for peer in peers:
        given = [peer.namespaces, peer.pods, peer.nodes, peer.networks, peer.domain_names]
        if sum(g is not None for g in given) != 1:
            raise Malformed(subject, "a peer that is not exactly one thing", "namespaces, pods, nodes or networks")
        if peer.networks is not None:
            if direction == INGRESS:
                raise Malformed(subject, "networks as the source", "namespaces or pods")
            blocks += [b for cidr in peer.networks for b in _block(cidr, (), subject)]
        elif peer.nodes is not None or peer.domain_names is not None:
            what = "nodes" if peer.nodes is not None else "domain names"
            c.notes[f"{subject}: {what} as peers are not followed"] = None
        else:
            mask |= _among(peer, subject, c)
    v4, v6 = _families(blocks)
    ports, named = _admin_ports(r.ports, subject)
    return Rule(policy, r.name or str(n), action, mask, v4, v6, ports, named, where, tuple(blocks))


def _among(peer: api.AdminPeer, subject: str, c: Compiler) -> int:
    if peer.pods is None:
        return _spaces(peer.namespaces or api.AdminNamespaces(), subject, c)
    if peer.pods.namespaces is not None:
        spaces = _spaces(peer.pods.namespaces, subject, c)
    else:
        spaces = c.namespaces.mask(selector(peer.pods.namespace_selector, subject))
    return spaces & c.pods.mask(selector(peer.pods.pod_selector, subject))


def _spaces(given: api.AdminNamespaces, subject: str, c: Compiler) -> int:
    # v0.1.0 and v0.1.1 of the API compare with the subject's namespace; later ones have selectors only.
    if given.same_labels is not None:
        return c.alike(given.same_labels, same=True)
    if given.not_same_labels is not None:
        return c.alike(given.not_same_labels, same=False)
    if given.namespace_selector is not None:
        return c.namespaces.mask(selector(given.namespace_selector, subject))
    return c.namespaces.mask(of(given.match_labels, given.match_expressions, subject))


def _admin_ports(given: Sequence[api.AdminPort] | None, subject: str) -> tuple[Ports, tuple[tuple[str, str], ...]]:
    if not given:
        return ALL, ()
    out, named = NOTHING, []
    for p in given:
        if sum(x is not None for x in (p.port_number, p.port_range, p.named_port)) != 1:
            raise Malformed(subject, "a port that is not exactly one thing", "portNumber, portRange or namedPort")
        if p.named_port is not None:
            named.append((p.named_port, ""))
        elif p.port_range is not None:
            held = _range(p.port_range.start, p.port_range.end, subject)
            out |= ports_of({_protocol(p.port_range.protocol, subject): held})
        elif p.port_number is not None:
            held = _range(p.port_number.port, p.port_number.port, subject)
            out |= ports_of({_protocol(p.port_number.protocol, subject): held})
    return out, tuple(named)


def compiled(
    placed: Iterable[Placed[T]],
    make: Callable[[Placed[T], Compiler], tuple[Compiled, ...]],
    c: Compiler,
    failed: Callable[[Malformed, Where], None],
) -> Iterator[Compiled]:
    """Each policy that can be read; the others are told to `failed`."""
    for p in placed:
        try:
            yield from make(p, c)
        except Malformed as e:
            failed(e, p.where)
