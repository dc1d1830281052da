"""The one judge of placement: allowed, or denied with the reason and the road by which it came."""

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from strongroom.isolate import asking, changes, claims, kubevirt, meeting, pods, sharing
from strongroom.isolate.device_objects import Claim, ClaimTemplate, DeviceClass
from strongroom.isolate.kubevirt_objects import Instance, MachineSpec, Maker
from strongroom.isolate.objects import (
    Binding,
    ConfigMap,
    CronJob,
    Meta,
    Node,
    Plain,
    Pod,
    PodSpec,
    Templated,
    Workload,
    WorkloadSpec,
    read,
)
from strongroom.isolate.review import Request, malformed
from strongroom.isolate.state import State
from strongroom.isolate.subjects import who
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.isolate import Reason, Rule, Verdict

Judge = Callable[[Rule, State, Request, bytes], Iterator[Reason]]


def judge(rule: Rule, state: State, request: Request) -> Verdict:
    """What becomes of a request of the Kubernetes API. Nothing is changed by being judged."""
    try:
        return _judge(rule, state, request)
    except BadInput as e:
        return malformed(e)


def _judge(rule: Rule, state: State, request: Request) -> Verdict:
    octets = request.new()
    kind = _kind(request, octets)
    part = _PARTS.get(kind)
    if request.operation not in {"CREATE", "UPDATE"} or part is None or octets is None:
        return Verdict()
    meta = read(octets, Plain, kind[1]).metadata
    space = request.namespace or meta.namespace or ""
    if meta.namespace and kind[1] in _OWN and meta.namespace != space:
        raise Malformed(kind[1], f"namespace {meta.namespace[:80]!r}", f"that of the request, {space!r}")
    if kind[1] in _OWN and space in rule.exempt_namespaces:
        return Verdict(exempt=f"namespace {space}")
    reasons = tuple(islice(part(rule, state, request, octets), pods.MOST))
    if request.operation == "UPDATE" and meta.deletion_timestamp:
        return Verdict()  # it was read all the same: what cannot be is not let by
    return Verdict(reasons)


def _kind(request: Request, octets: bytes | None) -> tuple[str, str]:
    """Group and kind. Raises Malformed where request and object differ, or neither has one."""
    asked = (request.kind.group, request.kind.kind) if request.kind else ("", "")
    if octets is None:
        return asked
    head = read(octets, _Typed, "the object")
    if asked[1] and head.kind and head.kind != asked[1]:
        raise Malformed("the object", f"kind {head.kind[:40]!r}", f"that of the request, {asked[1]}")
    if not asked[1]:
        asked = ((head.apiVersion or "").rpartition("/")[0], head.kind or "")
    if not asked[1]:
        raise Malformed("the object", "no kind", "its kind")
    return asked


class _Typed(Plain):
    kind: str | None = None
    apiVersion: str | None = None  # noqa: N815 - the API's own spelling


def _pod(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    pod = read(octets, Pod, "Pod")
    space = request.namespace or pod.metadata.namespace or "default"
    yield from pods.judge(state, rule, (space, pod.metadata.name or request.name or ""), pod)


def _binding(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    found = read(octets, Binding, "Binding")
    key = (request.namespace or found.metadata.namespace or "default", found.metadata.name or request.name or "")
    target = found.target
    if target is None or not target.name or target.kind not in {None, "", "Node"}:
        raise Malformed("Binding", "no node as its target", "the name of a node")
    pod = state.get("Pod", *key)
    if not isinstance(pod, Pod) or pod.spec is None:
        yield Reason("3", "unknown-pod", f"pod {'/'.join(key)}, which is not known", "a pod that is known")
        return
    yield from pods.judge(state, rule, key, bound(pod, target.name, found.metadata.annotations or {}))


def bound(pod: Pod, node: str, annotations: dict[str, str]) -> Pod:
    """A pod as it is once it is bound: on its node, with what the binding annotates."""
    said = {**(pod.metadata.annotations or {}), **annotations}
    meta = msgspec.structs.replace(pod.metadata, annotations=said)
    return Pod(meta, msgspec.structs.replace(pod.spec or PodSpec(), node_name=node), pod.status)


def _workload(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    found = read(octets, Workload, "a workload")
    spec = found.spec or WorkloadSpec()
    volumes = tuple(c.spec.volume_name for c in spec.volume_claim_templates or () if c.spec and c.spec.volume_name)
    yield from _template(rule, state, request, found.template or spec.template, volumes)


def _cron(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    found = read(octets, CronJob, "CronJob")
    job = found.spec.job_template if found.spec else None
    yield from _template(rule, state, request, job.spec.template if job and job.spec else None)


def _template(
    rule: Rule, state: State, request: Request, template: Templated | None, volumes: tuple[str, ...] = ()
) -> Iterator[Reason]:
    if template is None or template.spec is None:
        raise Malformed("a workload", "no template of a pod", "what it runs")
    space = request.namespace or "default"
    yield from pods.judge(state, rule, (space, ""), Pod(template.metadata or Meta(), template.spec), volumes)


def _machine(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    found = read(octets, Instance, "VirtualMachineInstance")
    if found.spec is None:
        raise Malformed("a machine", "no spec", "what it runs")
    yield from _machined(rule, state, request, found.spec, found.metadata.annotations or {})


def _machine_maker(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    spec, said = kubevirt.spec_of(read(octets, Maker, "a maker of machines"))
    yield from _machined(rule, state, request, spec, said)


def _machined(rule: Rule, state: State, request: Request, spec: MachineSpec, said: dict[str, str]) -> Iterator[Reason]:
    """A machine is judged as the pod that it runs in, and by whether its host can read its memory."""
    made, space = kubevirt.pod_of(spec), request.namespace or "default"
    yield from pods.judge(state, rule, (space, ""), Pod(Meta(annotations=said), made))
    own = who(state, rule, space, meeting.account(made))
    asks = bool(asking.asked(state, space, made, said).asks)
    yield from kubevirt.open_memory(rule, own, spec, asks=asks)


def _claim(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    found = read(octets, Claim, "ResourceClaim")
    key = (request.namespace or found.metadata.namespace or "default", found.metadata.name or request.name or "")
    yield from claims.written(state, rule, key[0], found)
    if request.sub_resource == "status" or (found.status and found.status.allocation):
        found.metadata.name, found.metadata.namespace = key[1], key[0]
        yield from claims.given(state, rule, key, found)


def _claim_template(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    yield from claims.written(
        state, rule, request.namespace or "default", read(octets, ClaimTemplate, "ResourceClaimTemplate")
    )


def _named(kind: str) -> Judge:
    def judged(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
        new, before = read(octets, Plain, kind), request.old()
        if kind == "ServiceAccount" and not new.metadata.namespace:
            new.metadata.namespace = request.namespace
        new.metadata.name = new.metadata.name or request.name
        old = read(before, Plain, kind) if before is not None else None
        yield from changes.named(state, rule, request.actor, kind, new, old)

    return judged


def _node(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    before = request.old()
    new, old = read(octets, Node, "Node"), read(before, Node, "Node") if before is not None else None
    new.metadata.name = new.metadata.name or request.name
    yield from changes.node(state, rule, request.actor, new, old)


def _config(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    before = request.old()
    new, old = (
        read(octets, ConfigMap, "ConfigMap"),
        read(before, ConfigMap, "ConfigMap") if before is not None else None,
    )
    space, name = request.namespace or new.metadata.namespace, new.metadata.name or request.name
    if (space, name) == (sharing.NAMESPACE, sharing.NAME):
        new.metadata.name, new.metadata.namespace = name, space
        yield from changes.config(state, rule, new, old)


def _device_class(rule: Rule, state: State, request: Request, octets: bytes) -> Iterator[Reason]:
    new = read(octets, DeviceClass, "DeviceClass")
    new.metadata.name = new.metadata.name or request.name
    yield from changes.device_class(state, rule, new)


_DRA = "resource.k8s.io"
_PARTS: dict[tuple[str, str], Judge] = {
    ("", "Pod"): _pod,
    ("", "Binding"): _binding,
    ("", "PodTemplate"): _workload,
    ("", "ReplicationController"): _workload,
    **{("apps", kind): _workload for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")},
    ("batch", "Job"): _workload,
    ("batch", "CronJob"): _cron,
    (_DRA, "ResourceClaim"): _claim,
    (_DRA, "ResourceClaimTemplate"): _claim_template,
    (_DRA, "DeviceClass"): _device_class,
    (kubevirt.GROUP, "VirtualMachineInstance"): _machine,
    (kubevirt.GROUP, "VirtualMachine"): _machine_maker,
    (kubevirt.GROUP, "VirtualMachineInstanceReplicaSet"): _machine_maker,
    (kubevirt.POOLS, "VirtualMachinePool"): _machine_maker,
    ("", "Namespace"): _named("Namespace"),
    ("", "ServiceAccount"): _named("ServiceAccount"),
    ("", "Node"): _node,
    ("", "ConfigMap"): _config,
}
# What is exempt where its own namespace is; everything else is always judged (5.2).
_OWN = frozenset(kind for _, kind in _PARTS) - {"Namespace", "ServiceAccount", "Node", "ConfigMap", "DeviceClass"}
