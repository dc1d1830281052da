"""One object at a time: what is kept of it, so that the object itself can be forgotten."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from strongroom.collect.kubernetes import (
    accelerators,
    admission,
    beside,
    confidential,
    control_plane,
    devices,
    dra,
    meshes,
    network,
    nodes,
    pods,
    rbac,
    storage,
)
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.kubernetes.templates import Template, group, templates
from strongroom.collect.kubernetes.trees import Tree, at, count, pairs, text_at, texts_at, tree_at, trees_at
from strongroom.kit.leaks import secrets_in
from strongroom.model.estate import Skip
from strongroom.model.kinds import Kind
from strongroom.model.values import Value, Where

KINDS = {
    "Namespace": Kind.NAMESPACE,
    "Node": Kind.HOST,  # its kubelet runs inside the machine and tells what it sees there
    "ServiceAccount": Kind.IDENTITY,
    "Role": Kind.POLICY,
    "ClusterRole": Kind.POLICY,
    "RoleBinding": Kind.GRANT,
    "ClusterRoleBinding": Kind.GRANT,
    "NetworkPolicy": Kind.POLICY,
    "CiliumNetworkPolicy": Kind.POLICY,
    "CiliumClusterwideNetworkPolicy": Kind.POLICY,
    "PodSecurityPolicy": Kind.POLICY,
    "ValidatingAdmissionPolicy": Kind.POLICY,
    "ValidatingAdmissionPolicyBinding": Kind.POLICY,
    "ValidatingWebhookConfiguration": Kind.POLICY,
    "MutatingWebhookConfiguration": Kind.POLICY,
    "PeerAuthentication": Kind.POLICY,
    "ClusterPolicy": Kind.POLICY,
    "ResourceQuota": Kind.POLICY,
    "LimitRange": Kind.POLICY,
    "PodDisruptionBudget": Kind.POLICY,
    "Service": Kind.LOAD_BALANCER,
    "Ingress": Kind.LOAD_BALANCER,
    "Gateway": Kind.LOAD_BALANCER,
    "Secret": Kind.SECRET,
    "PersistentVolume": Kind.DISK,
    "PersistentVolumeClaim": Kind.DISK,
    "ClusterDescribe": Kind.CLUSTER,
    "KubeletInfo": Kind.HOST,
}
"""What an object is; anything that is not listed and runs no pods is seen and named."""
# Groups under which scanners add records to the objects of a cluster, of things that the API does not serve. Some are
# those of real objects as well (EKS serves its node classes under its own), so a record must also look like one.
_OF_RECORDS = ("hostdata.kubescape.cloud", "eks.amazonaws.com", "container.googleapis.com", "management.azure.com")
_NO_NAMESPACE = frozenset(
    (
        "Namespace",
        "Node",
        "ClusterRole",
        "ClusterRoleBinding",
        "CiliumClusterwideNetworkPolicy",
        "PodSecurityPolicy",
        "PersistentVolume",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "StorageClass",
        "ClusterPolicy",
        "CustomResourceDefinition",
        "PriorityClass",
        "RuntimeClass",
        "ClusterDescribe",
        "KubeletInfo",
        "DeviceClass",
        "ResourceSlice",
        "APIService",
    )
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text of pod descriptions shows, wherever the pods run. Many pods have one."""

    facts: tuple[tuple[str, Value], ...]
    account: str
    automount: bool | None
    asked: tuple[str, ...]
    reached: tuple[str, ...]
    broad: tuple[str, ...]
    for_gpu: bool
    cc: tuple[str, ...]  # for each description the runtime class, or `*` where the node that it selects is confidential
    extended: tuple[str, ...]  # other resources that it asks for, as name=quantity
    claims: tuple[tuple[bool, str], ...]  # names of claims (true) and of templates of claims
    tolerates_all: bool


@dataclass(frozen=True, slots=True)
class Pod:
    """What linking needs to know of a description of pods."""

    shape: Shape
    labels: tuple[dict[str, str], ...]
    node: str
    running: bool
    copies: int = 1  # pods at the least that are made of it at one time; 2 stands for any more


# The name of the volume that admission adds to every pod for its token; its last letters are drawn by lot.
_TOKEN_VOLUME = re.compile(rb"kube-api-access-[a-z0-9]{5}")


class Shapes:
    """Shapes that were looked at already: the thousand pods of a deployment are read once."""

    def __init__(self) -> None:
        self.known: dict[bytes, Shape] = {}

    def of(self, found: Sequence[Template]) -> Shape:
        """The shape of some descriptions."""
        told = [
            ({k: v for k, v in t.spec.items() if k != "nodeName"}, accelerators.telling(t.annotations)) for t in found
        ]
        text = _TOKEN_VOLUME.sub(b"kube-api-access", msgspec.json.encode(told))
        key = hashlib.blake2b(text, digest_size=20).digest()
        if key not in self.known:
            self.known[key] = _shape(found)
        return self.known[key]


@dataclass(slots=True)
class Draft:
    """What is kept of an object."""

    kind: str
    version: str
    namespace: str
    name: str
    what: Kind
    where: Where
    labels: dict[str, str]
    owner: tuple[str, str, str] | None  # group, kind and name of its controller
    facts: dict[str, Value] = field(default_factory=dict)
    pod: Pod | None = None
    role: tuple[str, str] | None = None  # of a binding: kind and name of its role
    skips: tuple[Skip, ...] = ()
    aliases: tuple[str, ...] = ()
    record: bool = False  # it tells of a thing that the API does not serve
    default_of: str = ""  # the page of the provider's default, where one counted for what it says of its key
    said: dict[str, str] = field(default_factory=dict)  # tenant and sensitivity, where the object gives one


def draft(found: Found, shapes: Shapes) -> Draft:
    """What is kept of an object."""
    obj = found.value
    kind, version = text_at(obj, "kind"), text_at(obj, "apiVersion")
    name = text_at(obj, "metadata", "name") or text_at(obj, "metadata", "generateName")
    namespace = "" if kind in _NO_NAMESPACE else text_at(obj, "metadata", "namespace") or "default"
    described = templates(obj, kind, version)
    what = Kind.WORKLOAD if described else _what(kind, version)
    labels = pairs(at(obj, "metadata", "labels"))
    made = Draft(kind, version, namespace, name, what, found.where, labels, _owner(obj))
    made.record = _is_record(obj, version)
    made.facts.update(_facts(obj, kind, version, namespace))
    made.skips = beside.asked(obj, described, found.skips, found.where)
    if described:
        made.pod = _pod(obj, kind, described, shapes)
        made.facts.update(made.pod.shape.facts)
    if kind.endswith("RoleBinding"):
        made.role = (text_at(obj, "roleRef", "kind"), text_at(obj, "roleRef", "name"))
    if kind in ("Namespace", "ServiceAccount"):
        made.said = _said(obj)
    if kind == "Node":
        made.aliases = tuple(nodes.aliases(obj))
    elif kind == "PersistentVolume":
        made.aliases = tuple(storage.aliases(obj))
    elif kind == "StorageClass":
        made.default_of = storage.class_default(obj)
    return made


def _is_record(obj: Tree, version: str) -> bool:
    """Whether no API server wrote the object: it says under `data` what somebody saw, and has no spec and no uid."""
    told = isinstance(obj.get("data"), dict) and "spec" not in obj and not text_at(obj, "metadata", "uid")
    return told and group(version) in _OF_RECORDS


def _what(kind: str, version: str) -> Kind:
    if kind == "ClusterPolicy" and not version.startswith("nvidia.com/"):
        return Kind.POLICY
    if kind == "Service" and group(version):  # Knative's Service runs pods and has no ports of its own
        return Kind.OTHER
    return KINDS.get(kind, Kind.OTHER)


def _owner(obj: Tree) -> tuple[str, str, str] | None:
    for owner in trees_at(obj, "metadata", "ownerReferences"):
        if owner.get("controller") is True:
            return group(text_at(owner, "apiVersion")), text_at(owner, "kind"), text_at(owner, "name")
    return None


def _said(obj: Tree) -> dict[str, str]:
    """Tenant and sensitivity. Annotations, as whoever may label pods may write labels too, but labels are read as well."""
    notes, labels = tree_at(obj, "metadata", "annotations"), tree_at(obj, "metadata", "labels")
    pairs_of = (("tenant", devices.TENANT), ("sensitivity", devices.SENSITIVITY))
    return {
        word: text_at(notes, key) or text_at(labels, key) for word, key in pairs_of if key in notes or key in labels
    }


def _pod(obj: Tree, kind: str, found: Sequence[Template], shapes: Shapes) -> Pod:
    running = kind == "Pod" and text_at(obj, "status", "phase") not in ("Succeeded", "Failed")
    node = text_at(found[0].spec, "nodeName") if kind == "Pod" else ""
    return Pod(shapes.of(found), tuple(t.labels for t in found), node, running, _copies(obj, kind))


def _copies(obj: Tree, kind: str) -> int:
    """How many pods an object makes at one time, as far as sharing one claim among them matters."""
    if kind == "Pod":
        return 1
    if kind == "DaemonSet":
        return 2
    said = obj.get("spec") if kind != "CronJob" else at(obj, "spec", "jobTemplate", "spec")
    given = at(said, "parallelism" if kind in ("Job", "CronJob") else "replicas")
    return min(count(given), 2) if given is not None else 1


def _shape(found: Sequence[Template]) -> Shape:
    first = found[0].spec
    automount = first.get("automountServiceAccountToken")
    asked = tuple(dict.fromkeys(a for t in found for a in accelerators.asked(t)))
    return Shape(
        facts=(*pods.facts(found), *control_plane.of_pod(first)),
        account=text_at(first, "serviceAccountName") or text_at(first, "serviceAccount") or "default",
        automount=automount if isinstance(automount, bool) else None,
        asked=asked,
        reached=tuple(w for t in found for w in accelerators.reached(t, asked)),
        broad=tuple(w for t in found for w in accelerators.broad(t)),
        for_gpu=any(accelerators.wants_gpu_node(t) for t in found),
        cc=tuple(dict.fromkeys(confidential.placed(t.spec, gpu=bool(asked)) for t in found)),
        extended=tuple(dict.fromkeys(n for t in found for n in accelerators.extended(t))),
        claims=tuple(dict.fromkeys(c for t in found for c in _claims(t.spec))),
        tolerates_all=any(_tolerates_all(t.spec) for t in found),
    )


def _claims(spec: Tree) -> Iterator[tuple[bool, str]]:
    for claim in trees_at(spec, "resourceClaims"):
        named = text_at(claim, "resourceClaimName")
        yield bool(named), named or text_at(claim, "resourceClaimTemplateName")


def _tolerates_all(spec: Tree) -> bool:
    """Whether a pod goes onto the reserved nodes of every tenant."""
    return any(
        text_at(t, "operator") == "Exists" and text_at(t, "key") in ("", devices.TENANT)
        for t in trees_at(spec, "tolerations")
    )


Said = Iterator[tuple[str, Value]]


def _facts(obj: Tree, kind: str, version: str, namespace: str) -> Said:
    """Facts that an object shows by itself, other than those of pods."""
    if kind.endswith("RoleBinding"):
        yield "grant.subjects", rbac.subjects(obj, namespace)
        yield "grant.role", f"{text_at(obj, 'roleRef', 'kind')} {text_at(obj, 'roleRef', 'name')}"
        yield "rbac.standard", rbac.standard(obj)
    elif kind == "ClusterDescribe":
        yield from control_plane.described(obj, version)
    elif kind == "ClusterPolicy":
        yield from devices.cluster_policy(obj) if version.startswith("nvidia.com/") else ()
    elif kind == "Service":
        yield from _service(obj) if not group(version) else ()
    elif group(version) in _OF_GROUP:
        yield from _OF_GROUP[group(version)].get(kind, _nothing)(obj)
    elif kind in _OF_KIND:
        yield from _OF_KIND[kind](obj)


def _role(obj: Tree) -> Said:
    rules = trees_at(obj, "rules")
    yield "rbac.powers", rbac.powers(rules)
    yield "rbac.wildcards", rbac.wildcards(rules)
    yield "rbac.rules", rbac.written(rules)
    if "aggregationRule" in obj:
        yield "rbac.aggregates", rbac.aggregates(obj)
    yield "rbac.standard", rbac.standard(obj)


def _namespace(obj: Tree) -> Said:
    yield "ns.enforces", text_at(at(obj, "metadata", "labels"), "pod-security.kubernetes.io/enforce")
    yield from meshes.of_namespace(obj)


def _account(obj: Tree) -> Said:
    yield "account.default", text_at(obj, "metadata", "name") == "default"
    yield "account.automounts", obj.get("automountServiceAccountToken") is not False
    if text_at(obj, "metadata", "name") and (cloud := rbac.cloud_identity(obj)):
        yield "account.cloud_identity", cloud


def _ingress(obj: Tree) -> Said:
    yield "ingress.tls", not network.ingress_without_tls(obj)


def _service(obj: Tree) -> Iterator[tuple[str, Value]]:
    yield "service.type", text_at(obj, "spec", "type") or "ClusterIP"
    yield "service.external_ips", texts_at(obj, "spec", "externalIPs")
    if text_at(obj, "spec", "type") == "LoadBalancer" and not network.internal(obj):
        yield "net.public_cidrs", network.source_ranges(obj)


def _config_map(obj: Tree) -> Iterator[tuple[str, Value]]:
    if devices.is_plugin_config(obj):
        yield "gpu.shared_by_config", devices.plugin_configs(obj)
    yield from meshes.of_config(obj)
    data = tree_at(obj, "data")
    found = {f"{kind} ({key})" for key, v in data.items() if isinstance(v, str) for kind in secrets_in(v[:200_000])}
    yield "secrets.found", tuple(sorted(found))


_OF_KIND: dict[str, Callable[[Tree], Said]] = {
    "Role": _role,
    "ClusterRole": _role,
    "Namespace": _namespace,
    "ServiceAccount": _account,
    "Ingress": _ingress,
    "Node": nodes.facts,
    "PersistentVolume": storage.volume_facts,
    "ConfigMap": _config_map,
    "PeerAuthentication": meshes.of_istio,
    "KubeletInfo": control_plane.kubelet,
}


def _nothing(_: Tree) -> Said:
    yield from ()


# Kinds whose names others use too, by the group that makes them what they are.
_OF_GROUP: dict[str, dict[str, Callable[[Tree], Said]]] = {
    dra.GROUP: {"ResourceClaim": dra.facts, "ResourceClaimTemplate": dra.facts, "DeviceClass": dra.class_facts},
    "admissionregistration.k8s.io": {
        "ValidatingWebhookConfiguration": admission.webhooks,
        "ValidatingAdmissionPolicy": admission.policy,
    },
    "storage.k8s.io": {"StorageClass": storage.class_facts},
}
