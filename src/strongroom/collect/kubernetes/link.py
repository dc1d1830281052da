"""Facts that only all objects together show: which policies select a pod, what leads to it, whose node it runs on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.collect.kubernetes import accelerators, devices, rbac
from strongroom.collect.kubernetes.drafts import Draft, Pod
from strongroom.collect.kubernetes.network import Net, Service, reached_by
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.kubernetes.trees import at
from strongroom.model.codes import GapCode
from strongroom.model.estate import Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

# Facts that an owner's pods share with its template; the rest (addresses, tokens, nodes) is added at admission.
_ADDED = ("pod.images", "pod.images_unpinned")


@dataclass(slots=True)
class World:
    """What of all objects is needed to judge one of them."""

    net: Net = field(default_factory=Net)
    accounts: dict[tuple[str, str], Draft] = field(default_factory=dict)
    namespaces: dict[str, Draft] = field(default_factory=dict)
    nodes: dict[str, Draft] = field(default_factory=dict)
    roles: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    configs: dict[tuple[str, str], Value] = field(default_factory=dict)
    owners: dict[tuple[str, str, str], Draft] = field(default_factory=dict)
    escalation_barred: bool | None = None
    dumped: bool = False
    gaps: tuple[Gap, ...] = ()
    opened: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)

    def take(self, made: Draft, found: Found) -> None:
        """Learn what an object says to others."""
        self.dumped = self.dumped or found.dumped
        self.net.take(found.value, made.kind, made.version, made.namespace, made.name)
        if made.kind == "ServiceAccount":
            self.accounts[made.namespace, made.name] = made
        elif made.kind == "Namespace":
            self.namespaces[made.name] = made
        elif made.kind == "Node":
            self.nodes[made.name] = made
        elif made.kind in ("Role", "ClusterRole"):
            powers = made.facts["rbac.powers"]
            self.roles[made.kind, made.namespace, made.name] = tuple(p for p in _list(powers) if isinstance(p, str))
        elif made.kind == "PodSecurityPolicy":
            barred = at(found.value, "spec", "allowPrivilegeEscalation") is False
            self.escalation_barred = barred and self.escalation_barred is not False
        elif made.kind == "ConfigMap" and "gpu.shared_by_config" in made.facts:
            self.configs[made.namespace, made.name] = made.facts["gpu.shared_by_config"]
        if made.pod is not None:
            self.owners[made.namespace, made.kind, made.name] = made

    def finish(self, gaps: Iterable[Gap]) -> None:
        """All objects were seen."""
        self.gaps = tuple(gaps)
        self.opened = self.net.finish()

    def absent(self, what: str, *, seen: bool = False) -> Value:
        """That something was not found: false, unless it may stand where nobody could look."""
        if self.gaps:
            return Unknown(self.gaps[0].code, f"{what} may be in what could not be read: {self.gaps[0].scope}")
        if self.dumped and not seen:
            return Unknown(GapCode.ABSENT, f"the dump holds no {what} at all; add them to kubectl get")
        return False


def _list(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else ()


def link(drafts: Iterable[Draft], world: World) -> None:
    """Add to every draft what the others say of it."""
    tenants: dict[str, set[str]] = {}
    for made in drafts:
        if made.pod is not None:
            _workload(made, made.pod, world)
            if made.pod.running and made.pod.shape.asked and made.pod.node in world.nodes:
                tenants.setdefault(made.pod.node, set()).add(_tenant(made.namespace, world))
        elif made.kind == "Namespace":
            _namespace(made, world)
        elif made.what is Kind.GRANT:
            made.facts["rbac.powers"] = _granted(made, world)
    for name, made in world.nodes.items():
        if "gpu.count" in made.facts:
            _node(made, tenants.get(name, set()), world)


def _tenant(namespace: str, world: World) -> str:
    made = world.namespaces.get(namespace)
    return (made.said.get("tenant") if made else "") or f"namespace {namespace}"


def copies_owner(made: Draft, world: World) -> bool:
    """Whether an object is made by another one of this source and shows nothing that its maker does not show.

    Where something was changed on the way (a sidecar that was put in, a container added to debug), it speaks for itself.
    """
    if made.owner is None or made.pod is None:
        return False
    maker = world.owners.get((made.namespace, *made.owner[1:]))
    if maker is None or maker is made:
        return False
    mine = {k: v for k, v in made.facts.items() if k not in _ADDED and k.startswith(("pod.", "gpu.", "secrets."))}
    theirs = maker.facts
    return all(theirs.get(k) == v for k, v in mine.items())


def _workload(made: Draft, pod: Pod, world: World) -> None:
    facts = made.facts
    chosen = [list(world.net.policies.of(made.namespace, labels)) for labels in pod.labels]
    for direction in ("ingress", "egress"):
        closed = all(any(direction in p.closes for p in policies) for policies in chosen)
        absent = world.absent("NetworkPolicy", seen=world.net.seen_policy)
        # Policies do not reach a pod that shares the network of its node.
        shared = "network" in _list(facts["pod.host_namespaces"])
        facts[f"net.policy_{direction}"] = (True if closed else absent) if not shared else False
    services = [s for labels in pod.labels for s in world.net.services.of(made.namespace, labels)]
    facts["net.exposed_by"] = reached_by(world.net, services)
    facts["net.exposed_by_mesh"] = _by_mesh(services, world)
    facts["pod.service_account"] = pod.shape.account
    facts["pod.token_mounted"] = _mounts_token(made, pod, world)
    if world.escalation_barred:
        facts["pod.escalation"] = ()
    _isolation(made, pod, world)


def _by_mesh(services: Iterable[Service], world: World) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g for s in services for g in world.opened.get((s.namespace, s.name), ())))


def _mounts_token(made: Draft, pod: Pod, world: World) -> Value:
    if pod.shape.automount is not None:
        return pod.shape.automount
    account = world.accounts.get((made.namespace, pod.shape.account))
    return account.facts["account.automounts"] if account is not None else True


def _isolation(made: Draft, pod: Pod, world: World) -> None:
    """Tenant and sensitivity come from the namespace; the service account may raise the latter and nothing lowers it."""
    facts = made.facts
    space = world.namespaces.get(made.namespace)
    account = world.accounts.get((made.namespace, pod.shape.account))
    said = [d.said.get("sensitivity", "") for d in (space, account) if d is not None]
    level = devices.level(*said)
    if level:
        facts["sensitivity"] = level
        facts["cc.runtime"] = pod.shape.on_cc
    if made.namespace in accelerators.EXEMPT:
        return
    near = bool(pod.shape.asked) or pod.shape.for_gpu or _on_gpu_node(pod, world)
    if pod.shape.reached or near:
        facts["gpu.unrequested"] = tuple(dict.fromkeys((*pod.shape.reached, *(pod.shape.broad if near else ()))))
    if pod.shape.asked:
        facts["tenant"] = (space.said.get("tenant", "") if space else "") or _unlabelled(made, space, world)
        if not level:
            facts["sensitivity"] = "" if space is not None else _unlabelled(made, space, world)
        facts["gpu.tolerates_all"] = pod.shape.tolerates_all


def _unlabelled(made: Draft, space: Draft | None, world: World) -> Value:
    if space is not None:
        return ""
    if world.gaps:
        return Unknown(world.gaps[0].code, f"the namespace may be in what could not be read: {world.gaps[0].scope}")
    return Unknown(GapCode.ABSENT, f"the namespace {made.namespace} is not in this source")


def _on_gpu_node(pod: Pod, world: World) -> bool:
    node = world.nodes.get(pod.node)
    if pod.node and node is not None:
        return "gpu.count" in node.facts
    return (
        any("gpu.count" in n.facts and not n.facts.get("gpu.taints") for n in world.nodes.values())
        if not pod.node
        else False
    )


def _namespace(made: Draft, world: World) -> None:
    policed = bool({made.name, "*"} & world.net.policed)
    made.facts["ns.policies"] = policed or world.absent("NetworkPolicy", seen=world.net.seen_policy)
    denied = world.net.denied.get(made.name, set()) | world.net.denied.get("*", set())
    made.facts["ns.default_deny"] = tuple(sorted(denied)) or _none_or(world)
    if made.said:
        made.facts["tenant"] = made.said.get("tenant", "")
        made.facts["sensitivity"] = devices.level(made.said.get("sensitivity", ""))


def _none_or(world: World) -> Value:
    absent = world.absent("NetworkPolicy", seen=world.net.seen_policy)
    return absent if isinstance(absent, Unknown) else ()


def _granted(made: Draft, world: World) -> Value:
    """The powers of the role that a binding gives away."""
    kind, name = made.role or ("", "")
    found = world.roles.get((kind, "" if kind == "ClusterRole" else made.namespace, name))
    if found is not None:
        return found
    if kind == "ClusterRole" and name in rbac.BUILT_IN:
        return rbac.BUILT_IN[name]
    return Unknown(GapCode.ABSENT, f"the {kind} {name} is not in this source")


def _node(made: Draft, tenants: set[str], world: World) -> None:
    """What the plugin's configuration makes of a node, whatever its labels say: the worse of the two counts."""
    if made.facts.get("gpu.sharing") in ("none", "mig"):
        chosen = made.facts.get("gpu.plugin_config") or "default"
        for value in world.configs.values():
            shares = [s for s in _list(value) if isinstance(s, str) and s.startswith(f"{chosen}: ")]
            if shares and made.facts.get("gpu.plugin_config"):
                made.facts["gpu.sharing"] = "mps" if "mps" in shares[0] else "time-slicing"
    made.facts["gpu.tenants"] = tuple(sorted(tenants))
    levels = {world.namespaces[n].said.get("sensitivity", "") for n in world.namespaces}
    made.facts["gpu.sensitive_tenants"] = bool(levels & {"restricted", "confidential"})
