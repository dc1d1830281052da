"""The cluster as the judge knows it: the objects by name, and what follows from them, worked out once.

A state is changed by `apply`, and a trial is a copy with one object in another form.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import msgspec

from strongroom.isolate import sharing
from strongroom.isolate.device_objects import Claim, ClaimTemplate, DeviceClass, Slice
from strongroom.isolate.kubevirt_objects import KubeVirt
from strongroom.isolate.objects import ConfigMap, Node, PersistentVolume, Plain, Pod, RuntimeClass, VolumeClaim, read
from strongroom.isolate.sharing import Shares
from strongroom.kit import quantity
from strongroom.model.errors import Malformed

Key = tuple[str, str]  # namespace and name; the namespace is empty where the kind has none
Object = (
    Plain | Node | Pod | ConfigMap | VolumeClaim | PersistentVolume | RuntimeClass | DeviceClass | Claim | ClaimTemplate | Slice
    | KubeVirt
)  # fmt: skip

KINDS: dict[str, type[Object]] = {
    "Namespace": Plain, "ServiceAccount": Plain, "Node": Node, "Pod": Pod, "ConfigMap": ConfigMap, "Secret": ConfigMap,
    "PersistentVolumeClaim": VolumeClaim, "PersistentVolume": PersistentVolume, "RuntimeClass": RuntimeClass,
    "DeviceClass": DeviceClass, "ResourceClaim": Claim, "ResourceClaimTemplate": ClaimTemplate, "ResourceSlice": Slice,
    "KubeVirt": KubeVirt,
}  # fmt: skip
_GROUPS = {
    "RuntimeClass": "node.k8s.io",
    "KubeVirt": "kubevirt.io",
    **dict.fromkeys(("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"), "resource.k8s.io"),
}
WIDE = frozenset({"Namespace", "Node", "PersistentVolume", "RuntimeClass", "DeviceClass", "ResourceSlice"})
_TELLING = ("nvidia.com/gpu.", "nvidia.com/mig.", "nvidia.com/cc.", "amd.com/gpu.")  # labels of nodes that have GPUs
_OVER = frozenset({"Succeeded", "Failed"})


class _Head(msgspec.Struct, rename="camel"):
    kind: str | None = None
    api_version: str | None = None


class NodeView:
    """A node, and what its labels, its taints and its plugin's configuration make of it."""

    def __init__(
        self, node: Node, shares: Shares, slices: "tuple[Slice, ...]", machines: frozenset[str] = frozenset()
    ) -> None:
        """`State.node` makes one. `machines` are the names of resources that are GPUs for machines."""
        self.node, self.shares, self.slices, self._machines = node, shares, slices, machines
        self.name = node.metadata.name or ""
        self.labels = node.metadata.labels or {}
        self.taints = tuple((node.spec.taints if node.spec else None) or ())

    @cached_property
    def offers(self) -> frozenset[str]:
        """The resources that it has some of."""
        return self._some(self.node.status.allocatable if self.node.status else None)

    def _some(self, table: dict[str, str | int | float] | None) -> frozenset[str]:
        return frozenset(name for name, value in (table or {}).items() if quantity.asks(value))

    @cached_property
    def has_gpu(self) -> bool:
        """Whether there is a GPU in it, by whatever says so."""
        has = self._some(self.node.status.capacity if self.node.status else None) | self.offers
        return (
            any(is_gpu_name(name) or name in self._machines for name in has)
            or any(k.startswith(_TELLING) and v not in {"", "0", "false"} for k, v in self.labels.items())
            or any((s.spec.driver or "").endswith(("nvidia.com", "amd.com")) for s in self.slices if s.spec)
        )

    @property
    def island(self) -> str:
        """The NVLink island; empty where it has none."""
        return self.labels.get("nvidia.com/gpu.clique", "")


def is_gpu_name(name: str) -> bool:
    """Whether a resource is GPUs, or parts of them, by its name alone."""
    return name.startswith(("nvidia.com/", "volcano.sh/vgpu-", "koordinator.sh/gpu", "amd.com/gpu", "aliyun.com/gpu-"))


class State:
    """Objects by kind and name. Nothing here is a verdict."""

    def __init__(self) -> None:
        """Empty: nothing is known."""
        self._held: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
        self._views: dict[str, NodeView] = {}
        self._on: defaultdict[str, dict[Key, Pod]] = defaultdict(dict)
        self._users: defaultdict[Key, set[Key]] = defaultdict(set)  # claim -> pods
        self._plugin: dict[str, Shares] = {}
        self.memory: dict[object, object] = {}  # what judges worked out, until something changes

    def add(self, raw: bytes | msgspec.Raw, subject: str) -> None:
        """Take an object of the API; one of a kind that the rule does not read is passed over. Raises Malformed."""
        head = read(raw, _Head, subject)
        self.take(head.kind or "", head.api_version or "", raw, subject)

    def take(self, kind: str, version: str, raw: bytes | msgspec.Raw, subject: str) -> None:
        """The same, where its kind and the version of its API are known already."""
        if kind in KINDS and version.rpartition("/")[0] == _GROUPS.get(kind, ""):
            self.apply(kind, read(raw, KINDS[kind], f"{subject} ({kind})"))

    def apply(self, kind: str, found: Object) -> None:
        """Take an object, in the place of the one that had its name."""
        key = key_of(kind, found)
        self.remove(kind, key)
        self._held[kind][key] = found
        if isinstance(found, Pod):
            node = (found.spec.node_name if found.spec else None) or ""
            self.memory.pop(("holders", node), None)
            if node:
                self._on[node][key] = found
            for claim in claims_of(found):
                self._users[(key[0], claim)].add(key)

    def remove(self, kind: str, key: Key) -> None:
        """Forget an object."""
        old = self._held[kind].pop(key, None)
        if isinstance(old, Pod):
            node = (old.spec.node_name if old.spec else None) or ""
            self._on[node].pop(key, None)
            for claim in claims_of(old):
                self._users[(key[0], claim)].discard(key)
            self.memory.pop(("holders", node), None)
            self.memory.pop(("asked", key), None)
        elif kind != "Pod":
            self._forget(kind, key)

    def replace(self, kind: str, found: "list[Object]") -> None:
        """Take these for all objects of a kind."""
        made = {key_of(kind, one): one for one in found}
        for key in [k for k in self._held[kind] if k not in made]:
            self.remove(kind, key)
        for one in made.values():
            self.apply(kind, one)

    def _forget(self, kind: str, key: Key) -> None:
        """Let go of what was worked out from objects of a kind."""
        if kind in {"ConfigMap", "Secret"} and key != (sharing.NAMESPACE, sharing.NAME):
            return  # variables are looked up each time
        self.memory.clear()
        if kind in {"Node", "ConfigMap", "ResourceSlice", "KubeVirt"}:
            self._views.clear()
            self._plugin.clear()

    def trial(self, kind: str, found: Object) -> "State":
        """A copy in which one object has another form; this one stays as it is."""
        made = State()
        made._held = {k: dict(v) if k == kind else v for k, v in self._held.items()}
        made._on, made._users = self._on, self._users
        made._held[kind][key_of(kind, found)] = found
        return made

    # What there is.
    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """An object, or None."""
        return self._held[kind].get((namespace, name))

    def all(self, kind: str) -> dict[Key, Object]:
        """All objects of a kind."""
        return self._held[kind]

    @property
    def pods(self) -> Iterator[tuple[Key, Pod]]:
        """All pods."""
        return ((key, pod) for key, pod in self._held["Pod"].items() if isinstance(pod, Pod))

    def present(self, node: str) -> dict[Key, Pod]:
        """The pods of a node that are not over. One that is being ended still runs."""
        return {key: pod for key, pod in self._on.get(node, {}).items() if running(pod)}

    def users(self, namespace: str, claim: str) -> set[Key]:
        """The pods that name a claim."""
        return self._users.get((namespace, claim), set())

    def plugin(self) -> dict[str, Shares]:
        """The configurations of the device plugin, by key."""
        if not self._plugin:
            found = self.get("ConfigMap", sharing.NAMESPACE, sharing.NAME)
            self._plugin = {"": sharing.NOTHING}
            if isinstance(found, ConfigMap):
                self._plugin |= {k: sharing.read(v) for k, v in (found.data or {}).items()}
                # The plugin reads files, and a key of either kind becomes one.
                self._plugin |= dict.fromkeys(found.binary_data or (), sharing.UNREADABLE)
        return self._plugin

    def selected(self, node: Node) -> tuple[str, Shares]:
        """The key of the configuration that a node's plugin reads, and what it says."""
        configs = self.plugin()
        key = (node.metadata.labels or {}).get(sharing.SELECTED, "")
        if key:
            return key, configs.get(key, sharing.UNREADABLE)
        return sharing.DEFAULT, configs.get(sharing.DEFAULT, sharing.NOTHING)

    def node(self, name: str) -> NodeView | None:
        """A node, looked at; None where it is not known."""
        view = self._views.get(name)
        if view is None:
            node = self.get("Node", "", name)
            if not isinstance(node, Node):
                return None
            slices = tuple(s for s in self._slices() if s.spec and s.spec.node_name == name)
            view = self._views[name] = NodeView(node, self.selected(node)[1], slices, self._machines())
        return view

    def _machines(self) -> frozenset[str]:
        held = (one for one in self._held["KubeVirt"].values() if isinstance(one, KubeVirt))
        return frozenset(name for one in held for name, _ in one.gpus())

    def nodes(self) -> Iterator[NodeView]:
        """All nodes."""
        for _, name in self._held["Node"]:
            view = self.node(name)
            if view is not None:
                yield view

    def _slices(self) -> Iterator[Slice]:
        return (s for s in self._held["ResourceSlice"].values() if isinstance(s, Slice))

    def device(self, driver: str, pool: str, name: str) -> dict[str, str]:
        """The attributes `type`, `uuid` and `parentUUID` of a device of a slice; empty where it is not known."""
        for found in self._slices():
            spec = found.spec
            if spec is None or spec.driver != driver or (spec.pool.name if spec.pool else "") != pool:
                continue
            for device in spec.devices or ():
                if device.name == name:
                    return {word: device.text(word) for word in ("type", "uuid", "parentUUID")}
        return {}


def key_of(kind: str, found: Object) -> Key:
    """Namespace and name. Raises Malformed where it has no name."""
    meta = found.metadata
    if not meta.name:
        raise Malformed(f"a {kind} of the state", "no name", "metadata.name")
    return ("" if kind in WIDE else meta.namespace or "default", meta.name)


def running(pod: Pod) -> bool:
    """Whether a pod is not over."""
    return ((pod.status.phase if pod.status else None) or "") not in _OVER


def claims_of(pod: Pod) -> Iterator[str]:
    """The names of the claims of a pod: those that it names, and those that were made for it."""
    for named in (pod.spec.resource_claims if pod.spec else None) or ():
        if named.resource_claim_name:
            yield named.resource_claim_name
    for made in (pod.status.resource_claim_statuses if pod.status else None) or ():
        if made.resource_claim_name:
            yield made.resource_claim_name
