"""A cluster as its objects tell it, as far as they decide what reaches what. What cannot be read is a gap."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from strongroom.assess.network import k8s_objects as api
from strongroom.assess.network import k8s_policy_objects as policy_api
from strongroom.assess.network import k8s_service_objects as service_api
from strongroom.assess.network.k8s_pods import MAKERS, RUNNING, Key, Makers, Pod
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.estate import Gap
from strongroom.model.reach import Manifest
from strongroom.model.values import Where

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
NAME_LABEL = "kubernetes.io/metadata.name"
_PRIMARY = "k8s.ovn.org/primary-user-defined-network"
# Policies of other makers: what they close is not worked out here, so an answer beside them is not whole.
_UNREAD = {
    "CiliumNetworkPolicy": "cilium.io",
    "CiliumClusterwideNetworkPolicy": "cilium.io",
    "NetworkPolicy": "projectcalico.org",
    "GlobalNetworkPolicy": "projectcalico.org",
    "ClusterNetworkPolicy": "policy.networking.k8s.io",
    "AuthorizationPolicy": "istio.io",
}
# The API groups of kinds whose names others have too. A kind that is not here is known by its name alone.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("",),
    "Namespace": ("",),
    "Node": ("",),
    "Service": ("",),
    "ReplicationController": ("",),
    "Deployment": ("apps", "extensions"),
    "ReplicaSet": ("apps", "extensions"),
    "DaemonSet": ("apps", "extensions"),
    "StatefulSet": ("apps",),
    "Job": ("batch",),
    "CronJob": ("batch",),
    "NetworkPolicy": ("networking.k8s.io", "extensions"),
    "Ingress": ("networking.k8s.io", "extensions"),
    "Route": ("route.openshift.io", ""),
}
GATEWAY_ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")


@dataclass(frozen=True, slots=True)
class Placed(Generic[T_co]):
    """An object, its namespace (`default` where it names none) and name, and where it stands."""

    value: T_co
    namespace: str
    name: str
    where: Where
    kind: str = ""


@dataclass(slots=True)
class Cluster:
    """What was read. `namespaces` are their labels; those that no object describes have the one that all have."""

    pods: tuple[Pod, ...] = ()
    owners: Mapping[Key, tuple[str, str] | None] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    nodes: list[Placed[api.Node]] = field(default_factory=list)
    policies: list[Placed[policy_api.Policy]] = field(default_factory=list)
    multi_policies: list[Placed[policy_api.Policy]] = field(default_factory=list)
    admin_policies: list[Placed[policy_api.AdminPolicy]] = field(default_factory=list)
    baselines: list[Placed[policy_api.AdminPolicy]] = field(default_factory=list)
    services: list[Placed[service_api.Service]] = field(default_factory=list)
    ingresses: list[Placed[service_api.Ingress]] = field(default_factory=list)
    routes: list[Placed[service_api.Route]] = field(default_factory=list)
    gateway_routes: list[Placed[service_api.GatewayRoute]] = field(default_factory=list)
    user_networks: list[Placed[api.UserNetwork]] = field(default_factory=list)
    cluster_networks: list[Placed[api.ClusterNetwork]] = field(default_factory=list)
    attachments: list[Placed[api.Plain]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    unread: list[Placed[str]] = field(default_factory=list)  # policies of other makers, by their kind
    seen: set[str] = field(default_factory=set)  # kinds of objects
    listed: bool = False  # some come out of a list that a cluster gave
    node_agents: list[Placed[api.Workload]] = field(default_factory=list)  # DaemonSets

    def miss(self, problem: Malformed, where: Where) -> None:
        """Note an object, or a part of one, that cannot be read."""
        self.gaps.append(
            Gap(problem.subject, "", GapCode.MALFORMED, f"{problem.found}; wanted {problem.wanted}", where)
        )

    def labels(self, namespace: str) -> dict[str, str]:
        """The labels of a namespace. The API server itself adds its name (Kubernetes, "Automatic labelling")."""
        return {**self.namespaces.get(namespace, {}), NAME_LABEL: namespace}

    def takes_network(self, namespace: str) -> bool:
        """Whether pods of a namespace may have a primary network of their own (OVN-Kubernetes, user-defined networks)."""
        return _PRIMARY in self.namespaces.get(namespace, {})


def group(version: str) -> str:
    """The group of an apiVersion; empty for the core."""
    return version.rpartition("/")[0]


def read(manifests: Iterable[Manifest]) -> Cluster:
    """The cluster that some objects tell of."""
    cluster, makers = Cluster(), Makers()
    for one in manifests:
        kind, version = one.value.get("kind"), one.value.get("apiVersion")
        if isinstance(kind, str) and isinstance(version, str):
            cluster.seen.add(kind)
            cluster.listed = cluster.listed or one.listed
            try:
                _take(cluster, makers, one, kind, version)
            except Malformed as e:
                cluster.miss(e, one.where)
    cluster.pods, cluster.owners = makers.pods(), makers.owners
    return cluster


def _take(cluster: Cluster, makers: Makers, one: Manifest, kind: str, version: str) -> None:
    value, its_group = one.value, group(version)
    if kind in _UNREAD and its_group.endswith(_UNREAD[kind]):
        meta = api.read(value, api.Plain, kind).metadata
        cluster.unread.append(Placed(kind, meta.namespace or "", meta.name or "", one.where, kind))
    elif not _ours(kind, its_group):
        return
    elif kind in MAKERS:
        made = api.read(value, api.Workload, _subject(value, kind))
        makers.take(kind, made, one.where)
        if kind == "DaemonSet":
            _place(cluster.node_agents, value, api.Workload, one.where)
    elif kind in RUNNING:
        makers.take(kind, api.read(value, api.Pod, _subject(value, kind)), one.where)
    elif kind == "Namespace":
        meta = api.read(value, api.Plain, _subject(value, kind)).metadata
        cluster.namespaces[meta.name or ""] = api.pairs(meta.labels)
    elif kind in _LISTS:
        _LISTS[kind](cluster, value, one.where)
    elif kind in GATEWAY_ROUTES:
        _place(cluster.gateway_routes, value, service_api.GatewayRoute, one.where)


def _ours(kind: str, its_group: str) -> bool:
    return kind not in _GROUPS or its_group in _GROUPS[kind]


def _subject(value: Mapping[str, object], kind: str) -> str:
    meta = value.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    place, name = meta.get("namespace"), meta.get("name")
    return f"{place}/{kind}/{name}" if place else f"{kind}/{name or 'unnamed'}"


def _place(into: list[Placed[T]], value: Mapping[str, object], kind: type[T], where: Where) -> None:
    subject = _subject(value, str(value.get("kind")))
    made = api.read(value, kind, subject)
    meta = api.read(value, api.Plain, subject).metadata
    named = meta.name or "unnamed"
    into.append(Placed(made, meta.namespace or "default", named, where, str(value.get("kind"))))


Taking = Callable[[Cluster, Mapping[str, object], Where], None]
_LISTS: dict[str, Taking] = {
    "Node": lambda c, v, w: _place(c.nodes, v, api.Node, w),
    "NetworkPolicy": lambda c, v, w: _place(c.policies, v, policy_api.Policy, w),
    "MultiNetworkPolicy": lambda c, v, w: _place(c.multi_policies, v, policy_api.Policy, w),
    "AdminNetworkPolicy": lambda c, v, w: _place(c.admin_policies, v, policy_api.AdminPolicy, w),
    "BaselineAdminNetworkPolicy": lambda c, v, w: _place(c.baselines, v, policy_api.AdminPolicy, w),
    "Service": lambda c, v, w: _place(c.services, v, service_api.Service, w),
    "Ingress": lambda c, v, w: _place(c.ingresses, v, service_api.Ingress, w),
    "Route": lambda c, v, w: _place(c.routes, v, service_api.Route, w),
    "UserDefinedNetwork": lambda c, v, w: _place(c.user_networks, v, api.UserNetwork, w),
    "ClusterUserDefinedNetwork": lambda c, v, w: _place(c.cluster_networks, v, api.ClusterNetwork, w),
    "NetworkAttachmentDefinition": lambda c, v, w: _place(c.attachments, v, api.Plain, w),
}
"""What is read of each kind that makes no pods."""
