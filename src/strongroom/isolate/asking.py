"""What a pod asks of GPUs, by every road that leads to one, and what a node makes of it (isolation rule, section 2.1)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strongroom.isolate import devices, kubevirt
from strongroom.isolate.device_objects import DeviceClass
from strongroom.isolate.devices import BY_CLASS, Ask
from strongroom.isolate.objects import Pod, PodSpec, Resources, Toleration
from strongroom.isolate.state import Key, NodeView, State
from strongroom.kit import quantity
from strongroom.model.isolate import Rule, Rung, worst

GPU = "nvidia.com/gpu"
MACHINE = "machine-device"  # the road of a resource that is given to machines
WISHED_MIG = "/mig"  # no label of Kubernetes: in a trial, that all of a node's GPUs are about to be cut into slices
_WHOLE = frozenset({"nvidia.com/pgpu", "amd.com/gpu"})
_PARTS = ("nvidia.com/gpumem", "volcano.sh/vgpu-", "koordinator.sh/gpu-")
_PART_NAMES = frozenset({"nvidia.com/gpucores", "aliyun.com/gpu-mem", "koordinator.sh/gpu"})
_ANNOTATIONS = ("gpu-fraction", "gpu-memory", "nvidia.com/vgpu-mode")
_STRATEGIES = {"time-slicing": Rung.SHARED, "mps": Rung.MPS}


class Asked(NamedTuple):
    """All that a pod asks: parts of GPUs, the extended resources that a node must list, and what its claims may not have."""

    asks: tuple[Ask, ...]
    listed: frozenset[str]
    admin: bool
    tolerations: tuple[Toleration, ...]


def held(state: State, key: Key, pod: Pod, spec: PodSpec) -> Asked:
    """What a pod of the state asks, worked out once. Raises as `asked`."""
    name = ("asked", key)
    known = state.memory.get(name)
    if isinstance(known, tuple) and known[0] is spec:
        found: Asked = known[1]
        return found
    made = asked(state, key[0], spec, pod.metadata.annotations or {})
    state.memory[name] = (spec, made)
    return made


def of(state: State, key: Key, spec: PodSpec, annotations: dict[str, str]) -> Asked:
    """What a pod asks that may be one of the state as it is, or another. Raises as `asked`."""
    known = state.memory.get(("asked", key))
    if isinstance(known, tuple) and known[0] is spec:
        found: Asked = known[1]
        return found
    return asked(state, key[0], spec, annotations)


def asked(state: State, namespace: str, spec: PodSpec, annotations: dict[str, str]) -> Asked:
    """What a pod asks. Raises Malformed for a quantity that is none."""
    names = sorted(set(_names(spec)))
    asks: list[Ask] = []
    listed = set()
    classes = _extended(state)
    for name in names:
        served = name.removeprefix(BY_CLASS) if name.startswith(BY_CLASS) else classes.get(name)
        if "/" in name and served is None and "kubernetes.io/" not in name:
            listed.add(name)
        asks += _named(state, name, served)
    asks += [Ask("annotation", word, Rung.SHARED) for word in _ANNOTATIONS if _given(annotations.get(word))]
    wanted = [devices.named(state, namespace, claim) for claim in spec.resource_claims or ()]
    return Asked(
        (*asks, *(a for w in wanted for a in w.asks)),
        frozenset(listed),
        any(w.admin for w in wanted),
        tuple(t for w in wanted for t in w.tolerations),
    )


def _names(spec: PodSpec) -> Iterator[str]:
    for container in spec.all_containers():
        yield from _some(container.resources)
    yield from _some(spec.resources)


def _some(resources: Resources | None) -> Iterator[str]:
    if resources is None:
        return
    for table in (resources.limits, resources.requests):
        for name, value in (table or {}).items():
            if quantity.asks(value):
                yield name


def _given(value: str | None) -> bool:
    """Whether an annotation asks something: one of nothing does not."""
    return value is not None and value.strip() not in {"", "0", "0.0"}


def _extended(state: State) -> dict[str, str]:
    """The names of resources that classes of devices serve, and their classes."""
    known = state.memory.get("extended")
    if isinstance(known, dict):
        return known
    made: dict[str, str] = {}
    for (_, name), found in state.all("DeviceClass").items():
        if isinstance(found, DeviceClass) and found.spec and found.spec.extended_resource_name:
            made[found.spec.extended_resource_name] = name
    state.memory["extended"] = made
    return made


def _named(state: State, name: str, served: str | None) -> Iterator[Ask]:
    """What the name of a resource asks; a node may list it, and a class may serve it: both count."""
    if served is not None:
        rung = devices.class_rung(state, served)
        if rung is not None:
            yield Ask("extended-resource-class", f"{name} of class {served}", rung)
        if name.startswith(BY_CLASS):
            return
    permit = kubevirt.permits(state).get(name)
    if permit is not None:
        yield Ask(MACHINE, name, permit.rung, slice=permit.rung is Rung.MIG)
        return
    renamed = [s.renamed[name] for s in state.plugin().values() if name in s.renamed]
    if renamed:
        yield Ask("renamed-resource", name, worst(renamed))
    elif name == GPU or (name.startswith("nvidia.com/mig-") and not name.endswith(".shared")):
        yield Ask("extended-resource", name)
    elif name.startswith("nvidia.com/") and name.endswith(".shared"):
        ways = [s.names[name] for s in state.plugin().values() if name in s.names]
        yield Ask("shared-resource", name, worst(ways) if ways else Rung.SHARED)
    elif name.startswith(_PARTS) or name in _PART_NAMES:
        yield Ask("fraction", name, Rung.SHARED)
    elif name in _WHOLE:
        yield Ask("extended-resource", name, Rung.WHOLE)
    elif name.startswith("nvidia.com/") and served is None:
        yield Ask("extended-resource", name, Rung.UNKNOWN)


def rung_on(rule: Rule, node: NodeView | None, ask: Ask) -> Rung:
    """What somebody has who got it on a node; on an ideal one where none is given."""
    rung = ask.rung
    if rung is None:
        rung = _on(node, ask)
    if rung is Rung.WHOLE and node is not None and WISHED_MIG in node.labels:
        return Rung.MIG
    if rung is Rung.WHOLE and (node is None or confidential(rule, node)):
        return Rung.CC_WHOLE
    return rung


def _on(node: NodeView | None, ask: Ask) -> Rung:
    """What a node makes of something of which it decides; an ideal one makes the best of it."""
    if ask.road == MACHINE:
        return kubevirt.made(node) if node is not None else Rung.WHOLE
    if node is not None:
        return _made(node, ask.name)
    return Rung.MIG if "/mig-" in ask.name else Rung.WHOLE


def sliced(node: NodeView, ask: Ask) -> bool:
    """Whether what somebody has is of a MIG instance, however it is shared besides."""
    if ask.slice or ask.name.startswith("nvidia.com/mig-"):
        return True
    return ask.name == GPU and ask.rung is None and _single(node.labels)


def _single(labels: dict[str, str]) -> bool:
    return labels.get("nvidia.com/mig.strategy") == "single" and "-MIG-" in labels.get("nvidia.com/gpu.product", "")


def _made(node: NodeView, name: str) -> Rung:
    """What a node makes of a name: what its facts say and what its plugin is told, the worse of the two."""
    found = [Rung.MIG if name.startswith("nvidia.com/mig-") else _by_facts(node.labels)]
    if not node.shares.readable:
        found.append(Rung.UNKNOWN)
    if name in node.shares.names:
        found.append(node.shares.names[name])
    return worst(found)


def _by_facts(labels: dict[str, str]) -> Rung:
    strategy = _STRATEGIES.get(labels.get("nvidia.com/gpu.sharing-strategy", ""))
    if strategy is not None:
        return strategy
    product = labels.get("nvidia.com/gpu.product", "")
    # Before there was a label for it, sharing showed in the replicas and in the name of the product alone.
    if labels.get("nvidia.com/gpu.replicas", "1") not in {"", "0", "1"} or product.endswith("-SHARED"):
        return Rung.SHARED
    if _single(labels):
        return Rung.MIG
    return Rung.WHOLE


def confidential(rule: Rule, node: NodeView) -> bool:
    """Whether a node is one of confidential computing, by what it says that it is, and not by what is wished."""
    demands = [r.cc for r in rule.require.values() if r.cc]
    return any(all(node.labels.get(f"nvidia.com/{k}") == v for k, v in cc.items()) for cc in demands)


def rung(rule: Rule, node: NodeView | None, asks: Iterable[Ask]) -> tuple[Rung, Ask | None]:
    """The worst of what a pod would have on a node, and by which of its asks."""
    found = [(rung_on(rule, node, ask), ask) for ask in asks]
    return max(found, key=lambda f: f[0].depth, default=(Rung.CC_WHOLE, None))
