"""Facts that only all objects together show: which policies select a pod, what leads to it, whose node it runs on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.collect.kubernetes import accelerators, confidential, devices, hardware, rbac
from strongroom.collect.kubernetes.drafts import Draft, Pod
from strongroom.collect.kubernetes.hardware import Hardware
from strongroom.collect.kubernetes.network import BOTH, Net, Service, reached_by
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.kubernetes.trees import at
from strongroom.model.codes import GapCode
from strongroom.model.estate import Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

# Facts that an owner's pods share with its template; the rest (addresses, tokens, nodes) is added at admission.
_ADDED = (
    "pod.images",
    "pod.images_unpinned",
    "pod.no_limit",
    "pod.claims",
)  # a LimitRange adds limits, a set its claims


# Kinds by which the outside may reach a pod, and those by which a mesh does.
_DOORS = ("Service", "Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")
_MESH = ("Service", "Gateway", "VirtualService")
# Kinds of policies that close what no other opens again.
_CLOSING = ("NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")


@dataclass(slots=True)
class World:
    """What of all objects is needed to judge one of them."""

    net: Net = field(default_factory=Net)
    accounts: dict[tuple[str, str], Draft] = field(default_factory=dict)
    namespaces: dict[str, Draft] = field(default_factory=dict)
    nodes: dict[str, Draft] = field(default_factory=dict)
    roles: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    hardware: Hardware = field(default_factory=Hardware)
    owners: dict[tuple[str, str, str], Draft] = field(default_factory=dict)
    escalation_barred: bool | None = None
    dumped: bool = False
    gaps: tuple[Gap, ...] = ()  # that may hide anything
    lost: Mapping[str, Gap] = field(default_factory=dict)  # kinds of which no object is known
    opened: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)
    open_gpu_nodes: bool = False  # some node with accelerators takes any pod
    sensitive: bool = False  # some namespace is restricted or confidential

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
        else:
            self.hardware.take(made, found.value)
        if made.pod is not None:
            self.owners[made.namespace, made.kind, made.name] = made

    def finish(self, gaps: Iterable[Gap], lost: Mapping[str, Gap]) -> None:
        """All objects were seen, but for those of kinds that are lost."""
        of_kinds = {id(g) for g in lost.values()}
        hiding = [g for g in gaps if id(g) not in of_kinds]
        self.lost = dict(lost)
        self.gaps = tuple(g for g in hiding if g.scope not in {x.scope for x in lost.values()})
        self.opened = self.net.finish()
        nodes = (n.facts for n in self.nodes.values())
        self.open_gpu_nodes = any("gpu.count" in f and not f.get("gpu.taints") for f in nodes)
        levels = {n.said.get("sensitivity", "") for n in self.namespaces.values()}
        self.sensitive = bool(levels & {"restricted", "confidential"})

    def without(self, *kinds: str) -> Unknown | None:
        """Why objects of these kinds may be there unseen, where their lists could not be had."""
        gap = next((self.lost[k] for k in kinds if k in self.lost), None)
        return gap.as_unknown() if gap is not None else None

    def absent(self, what: str, *others: str, seen: bool = False) -> Value:
        """That nothing of a kind, or of others, was found: false, unless it may stand where nobody could look."""
        if self.gaps:
            return Unknown(self.gaps[0].code, f"{what} may be in what could not be read: {self.gaps[0].scope}")
        if unseen := self.without(what, *others):
            return unseen
        if self.dumped and not seen:
            return Unknown(GapCode.ABSENT, f"the dump holds no {what} at all; add them to kubectl get")
        return False


def _list(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else ()


def link(drafts: Iterable[Draft], world: World) -> None:
    """Add to every draft what the others say of it."""
    tenants: dict[str, set[str]] = {}
    drafts = tuple(drafts)
    world.hardware.count_users(drafts, world.owners)
    for made in drafts:
        if made.pod is not None:
            _workload(made, made.pod, world)
            if made.pod.running and made.pod.shape.asked and made.pod.node in world.nodes:
                tenants.setdefault(made.pod.node, set()).add(_tenant(made.namespace, world))
        elif made.kind == "Namespace":
            _namespace(made, world)
        elif made.what is Kind.GRANT:
            made.facts["rbac.powers"] = _granted(made, world)
        else:
            _other(made, world)
    for name, made in world.nodes.items():
        if "gpu.count" in made.facts:
            _node(made, tenants.get(name, set()), world)


def _other(made: Draft, world: World) -> None:
    if "operator.default_config" in made.facts:
        world.hardware.operator(made)
    elif "claim.shares" in made.facts:
        made.facts["sensitivity"] = _level(made, world)
        if made.namespace in accelerators.EXEMPT:  # it is theirs to look after the devices
            made.facts["claim.admin"] = ()
    elif made.kind == "PersistentVolume":
        world.hardware.volume(made)
    else:
        seen = "ValidatingAdmissionPolicyBinding" in world.hardware.seen
        hardware.policy(made, world.hardware.bindings, world.absent("ValidatingAdmissionPolicyBinding", seen=seen))


def _level(made: Draft, world: World) -> Value:
    """The sensitivity of the namespace that an object stands in."""
    space = world.namespaces.get(made.namespace)
    if space is None:
        return _unlabelled(made, space, world)
    return devices.level(space.said.get("sensitivity", ""))


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
        absent = world.absent(*_CLOSING, seen=world.net.seen_policy)
        # Policies do not reach a pod that shares the network of its node.
        shared = "network" in _list(facts["pod.host_namespaces"])
        facts[f"net.policy_{direction}"] = (True if closed else absent) if not shared else False
    services = [s for labels in pod.labels for s in world.net.services.of(made.namespace, labels)]
    facts["net.exposed_by"] = reached_by(world.net, services) or world.without(*_DOORS) or ()
    facts["net.exposed_by_mesh"] = _by_mesh(services, world) or world.without(*_MESH) or ()
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
    if account is not None:
        return account.facts["account.automounts"]
    return world.without("ServiceAccount") or True


def _isolation(made: Draft, pod: Pod, world: World) -> None:
    """Tenant and sensitivity come from the namespace; the service account may raise the latter and nothing lowers it."""
    facts = made.facts
    space = world.namespaces.get(made.namespace)
    account = world.accounts.get((made.namespace, pod.shape.account))
    said = [d.said.get("sensitivity", "") for d in (space, account) if d is not None]
    level: Value = devices.level(*said)
    blind = world.without("Namespace", "ServiceAccount")
    if blind is not None and level not in ("restricted", "confidential"):
        level = blind  # what was not seen may raise it
    if level:
        facts["sensitivity"] = level
        node = world.nodes.get(pod.node)
        on_cc = node is not None and node.facts.get("gpu.cc_ready") is True
        facts["cc.runtime"] = on_cc or _in_confidence(pod, world)
    if made.namespace in accelerators.EXEMPT:
        return
    world.hardware.stands_for(made, pod)
    near = bool(pod.shape.asked) or pod.shape.for_gpu or _on_gpu_node(pod, world)
    if pod.shape.reached or near:
        facts["gpu.unrequested"] = tuple(dict.fromkeys((*pod.shape.reached, *(pod.shape.broad if near else ()))))
    if facts.get("gpu.requested"):
        facts["tenant"] = (space.said.get("tenant", "") if space else "") or _unlabelled(made, space, world)
        if not level:
            facts["sensitivity"] = "" if space is not None else _unlabelled(made, space, world)
        facts["gpu.tolerates_all"] = pod.shape.tolerates_all
        world.hardware.workload(made, pod)
        unseen = world.without("DeviceClass", "ConfigMap")  # by which a resource may stand for a part of a device
        if unseen is not None and not facts.get("gpu.shared_request"):
            facts["gpu.shared_request"] = unseen


def _unlabelled(made: Draft, space: Draft | None, world: World) -> Value:
    if space is not None:
        return ""
    if world.gaps:
        return Unknown(world.gaps[0].code, f"the namespace may be in what could not be read: {world.gaps[0].scope}")
    if unseen := world.without("Namespace"):
        return unseen
    return Unknown(GapCode.ABSENT, f"the namespace {made.namespace} is not in this source")


def _in_confidence(pod: Pod, world: World) -> Value:
    """Whether its runtime classes are confidential. Without the objects, a class is a name that says nothing."""
    named = [c for c in pod.shape.cc if c not in ("", confidential.BY_NODE)]
    if named and (unseen := world.without("RuntimeClass")):
        return unseen
    confident = confidential.runtimes(pod.shape.cc, world.hardware.handlers)
    return confident or (world.without("Node") if pod.node else None) or False


def _on_gpu_node(pod: Pod, world: World) -> bool:
    node = world.nodes.get(pod.node)
    if pod.node and node is not None:
        return "gpu.count" in node.facts
    return not pod.node and world.open_gpu_nodes


def _namespace(made: Draft, world: World) -> None:
    policed = bool({made.name, "*"} & world.net.policed)
    made.facts["ns.policies"] = policed or world.absent(*_CLOSING, seen=world.net.seen_policy)
    denied = world.net.denied.get(made.name, set()) | world.net.denied.get("*", set())
    both = len(denied) == len(BOTH)
    made.facts["ns.default_deny"] = (
        (None if both else world.without(*_CLOSING)) or tuple(sorted(denied)) or _none_or(world)
    )
    if made.said:
        made.facts["tenant"] = made.said.get("tenant", "")
        made.facts["sensitivity"] = devices.level(made.said.get("sensitivity", ""))
        quotas = tuple(sorted(world.hardware.quotas.get(made.name, ())))
        nothing = world.absent("ResourceQuota", seen="ResourceQuota" in world.hardware.seen)
        made.facts["ns.gpu_quota"] = quotas or (nothing if isinstance(nothing, Unknown) else ())


def _none_or(world: World) -> Value:
    absent = world.absent(*_CLOSING, seen=world.net.seen_policy)
    return absent if isinstance(absent, Unknown) else ()


def _granted(made: Draft, world: World) -> Value:
    """The powers of the role that a binding gives away."""
    kind, name = made.role or ("", "")
    found = world.roles.get((kind, "" if kind == "ClusterRole" else made.namespace, name))
    if found is not None:
        return found
    if kind == "ClusterRole" and name in rbac.BUILT_IN:
        return rbac.BUILT_IN[name]
    return world.without(kind) or Unknown(GapCode.ABSENT, f"the {kind} {name} is not in this source")


def _node(made: Draft, tenants: set[str], world: World) -> None:
    """What the plugin's configuration makes of a node, whatever its labels say: the worse of the two counts."""
    if made.facts.get("gpu.sharing") in ("none", "mig"):
        chosen = world.hardware.selected_config(made) or world.without("ClusterPolicy", "ConfigMap") or ()
        if isinstance(chosen, Unknown):
            made.facts["gpu.sharing"] = chosen
        elif chosen:
            how = "mps" if all(": mps " in c for c in chosen) else "time-slicing"
            shown = _list(made.facts["gpu.config_mismatch"])
            differs = f"the plugin's configuration shares by {how}, and the labels say {made.facts['gpu.sharing']}"
            made.facts["gpu.config_mismatch"] = (*(s for s in shown if isinstance(s, str)), differs)
            made.facts["gpu.sharing"] = how
    made.facts["gpu.tenants"] = world.without("Pod", "Namespace") or tuple(sorted(tenants))
    made.facts["gpu.sensitive_tenants"] = world.sensitive or world.without("Namespace") or False
