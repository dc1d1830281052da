"""Pods by the workload that they belong to. Pods of one workload that are alike for the network are one.

Whose a pod is, its controllers say, as far up as the source shows them. Where pods of a workload are there themselves,
its template adds none: what runs is known.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from strongroom.assess.network import k8s_objects as api
from strongroom.model.errors import Malformed
from strongroom.model.values import Where

MAKERS = (
    *("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"),
    "VirtualMachine",
)
RUNNING = ("Pod", "VirtualMachineInstance")
OVER = ("Succeeded", "Failed")
NETWORKS = "k8s.v1.cni.cncf.io/networks"  # Multus: the further networks of a pod

Key = tuple[str, str, str]
"""Namespace, kind and name of an object."""
Named = tuple[str, str, int]
"""Name, protocol and number of a port."""
Attached = tuple[str, str, tuple[str, ...]]
"""Namespace and name of an attachment, and the addresses that it was asked to give."""


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """What people call a set of pods."""

    namespace: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}[{self.kind}]"


@dataclass(frozen=True, slots=True)
class Pod:
    """Pods of a workload that are alike. `named` are those of its ports that have names."""

    workload: Workload
    labels: tuple[tuple[str, str], ...]
    named: tuple[Named, ...] = ()
    host_network: bool = False
    host_ports: tuple[tuple[str, int, int], ...] = ()  # protocol, port of the pod, port of the node
    attached: tuple[Attached, ...] = ()
    where: Where = field(default=Where(""), compare=False)
    source: Key = field(default=("", "", ""), compare=False)  # the object that tells of them


@dataclass(slots=True)
class Makers:
    """What makes pods, and the pods, until all are known and their workloads can be told."""

    owners: dict[Key, tuple[str, str] | None] = field(default_factory=dict)
    found: list[tuple[Key, Pod, bool]] = field(default_factory=list)

    def take(self, kind: str, value: api.Workload | api.Pod, where: Where) -> None:
        """Learn of an object that makes pods or is one. Raises Malformed."""
        meta = value.metadata
        namespace, name = meta.namespace or "default", meta.name or meta.generate_name or "unnamed"
        key = (namespace, kind, name)
        self.owners[key] = _controller(meta)
        if isinstance(value, api.Pod):
            if value.status is None or value.status.phase not in OVER:
                own = kind == "VirtualMachineInstance"
                self.found.append((key, _pod(key, meta, value.spec, where), not own))
            return
        template, count = _template(value.spec)
        if count != 0 and template is not None:
            self.found.append((key, _pod(key, template.metadata or api.Meta(), template.spec, where), False))

    def pods(self) -> tuple[Pod, ...]:
        """Every kind of pod of every workload, in the order of their names."""
        made = [(workload_of(self.owners, key), pod, real) for key, pod, real in self.found]
        running = {w for w, _, real in made if real}
        out: dict[Pod, None] = {}
        for workload, pod, real in made:
            if real or workload not in running:
                out.setdefault(replace(pod, workload=workload))
        return tuple(sorted(out, key=lambda p: p.workload))


def workload_of(owners: Mapping[Key, tuple[str, str] | None], key: Key) -> Workload:
    """What an object belongs to in the end: the last of its controllers."""
    namespace, kind, name = key
    seen = {key}
    while (owner := owners.get((namespace, kind, name))) is not None:
        if (namespace, *owner) in seen:  # two that own each other: no cluster has them, a file may
            break
        kind, name = owner
        seen.add((namespace, kind, name))
    return Workload(namespace, name, kind)


def _controller(meta: api.Meta) -> tuple[str, str] | None:
    """Kind and name of what controls an object; a node, which runs static pods, is no workload."""
    owners = meta.owner_references or []
    owner = next((o for o in owners if o.controller), owners[0] if owners else None)
    if owner is None or owner.kind == "Node" or not owner.name:
        return None
    return owner.kind or "Pod", owner.name


def _template(spec: api.WorkloadSpec | None) -> tuple[api.Template | None, int]:
    if spec is None:
        return None, 1
    inner = spec.job_template.spec if spec.job_template is not None else spec
    template = inner.template if inner is not None else None
    return template, 1 if spec.replicas is None else spec.replicas


def _pod(key: Key, meta: api.Meta, spec: api.PodSpec | None, where: Where) -> Pod:
    spec = spec or api.PodSpec()
    declared = [(p, _protocol(p)) for c in _containers(spec) for p in c.ports or () if p.container_port]
    named = {(p.name, protocol, p.container_port or 0) for p, protocol in declared if p.name}
    at_host = {(protocol, p.container_port or 0, p.host_port) for p, protocol in declared if p.host_port}
    attached = [*_asked(api.pairs(meta.annotations).get(NETWORKS, ""), key[0]), *_of_machine(spec, key[0])]
    return Pod(
        Workload(key[0], key[2], key[1]),
        tuple(sorted(api.pairs(meta.labels).items())),
        tuple(sorted(named)),
        bool(spec.host_network),
        tuple(sorted(at_host)),
        tuple(dict.fromkeys(attached)),
        where,
        key,
    )


def _protocol(port: api.ContainerPort) -> str:
    return port.protocol or "TCP"


def _containers(spec: api.PodSpec) -> Iterator[api.Container]:
    """The containers that keep running: an init container does only where it is a sidecar."""
    yield from spec.containers or ()
    yield from (c for c in spec.init_containers or () if c.restart_policy == "Always")


def _of_machine(spec: api.PodSpec, namespace: str) -> Iterator[Attached]:
    for network in spec.networks or ():
        if network.multus is not None and network.multus.network_name:
            yield _named(network.multus.network_name, namespace)


def _asked(said: str, namespace: str) -> Iterator[Attached]:
    """The attachments that an annotation asks for: names with commas between them, or JSON (Multus, "How to use").

    Raises Malformed.
    """
    said = said.strip()
    if not said.startswith("["):
        yield from (_named(one.strip(), namespace) for one in said.split(",") if one.strip())
        return
    try:
        elements = json.loads(said)
    except (ValueError, RecursionError):
        raise Malformed(f"{NETWORKS} in {namespace}", repr(said[:40]), "names, or a JSON list") from None
    for e in elements if isinstance(elements, list) else ():
        if isinstance(e, dict) and isinstance(e.get("name"), str):
            place = e.get("namespace")
            addresses = e.get("ips")
            ips = tuple(str(a).partition("/")[0] for a in addresses) if isinstance(addresses, list) else ()
            yield (place if isinstance(place, str) and place else namespace), e["name"], ips


def _named(said: str, namespace: str) -> Attached:
    """`name`, `namespace/name` or either with `@interface`."""
    place, slash, name = said.partition("@")[0].rpartition("/")
    return (place if slash and place else namespace), name, ()
