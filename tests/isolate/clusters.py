"""Objects of the Kubernetes API as the tests of isolation write them: small, and changed where a case needs it."""

import json
from collections.abc import Iterable

import yaml

from strongroom.isolate import placement, review, rule
from strongroom.isolate.state import State
from strongroom.model.isolate import Rule, Verdict

PREFIX = "isolation.example.org"
RULE = rule.read(yaml.safe_load(rule.DEFAULT), "the default rule")
Json = dict[str, object]
ADMIN = ("root", ("system:masters",))
TENANT = ("alice", ("system:authenticated",))
KUBELET = ("system:node:n-whole", ("system:nodes",))
PLATFORM = ("system:serviceaccount:gpu-operator:gpu-feature-discovery", ("system:serviceaccounts",))
SHARES = """
version: v1
sharing:
  timeSlicing:
    resources:
    - {name: nvidia.com/gpu, replicas: 4}
"""
RENAMES = """
sharing:
  mps:
    resources:
    - {name: nvidia.com/gpu, rename: nvidia.com/quarter, replicas: 4}
"""


def meta(name: str, space: str = "", **more: object) -> Json:
    """ObjectMeta."""
    return {"name": name, **({"namespace": space} if space else {}), **more}


def namespace(name: str, tenant: str = "", label: str = "", **labels: str) -> Json:
    """A namespace of a tenant with a label."""
    said = {f"{PREFIX}/{k}": v for k, v in (("tenant", tenant), ("sensitivity", label)) if v}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, annotations=said, labels=labels)}


def account(space: str, name: str, label: str = "") -> Json:
    """A service account, which may raise the label."""
    said = {f"{PREFIX}/sensitivity": label} if label else {}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(name, space, annotations=said)}


def node(
    name: str, labels: dict[str, str] | None = None, offers: Json | None = None, taints: Iterable[Json] = ()
) -> Json:
    """A node; with eight GPUs where nothing else is said."""
    has = {"nvidia.com/gpu": "8"} if offers is None else offers
    status = {"allocatable": {"cpu": "64", **has}, "capacity": {"cpu": "64", **has}}
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": meta(name, labels=labels or {}),
        "spec": {"taints": list(taints)}, "status": status,
    }  # fmt: skip


def taint(tenant: str) -> Json:
    """The taint of a tenant's node."""
    return {"key": f"{PREFIX}/tenant", "value": tenant, "effect": "NoSchedule"}


def tolerating(**what: str) -> Json:
    """A pod's words for one toleration."""
    return {"tolerations": [what]}


def pod(
    space: str, name: str = "p", limits: Json | None = None, said: dict[str, str] | None = None, **spec: object
) -> Json:
    """A pod with one container; `spec` is put into its spec, and `container` into the container."""
    container = {"name": "main", "image": "i", "resources": {"limits": limits or {}}, **spec.pop("container", {})}  # type: ignore[dict-item]
    status = spec.pop("status", {"phase": "Pending"})
    made = {"containers": [container], **spec}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": meta(name, space, annotations=said or {}), "spec": made, "status": status,
    }  # fmt: skip


def template(kind: str, space: str, inner: Json) -> Json:
    """An object that makes pods of one like `inner`."""
    one = {"metadata": {"annotations": inner["metadata"]["annotations"]}, "spec": inner["spec"]}  # type: ignore[index]
    group = (
        "batch/v1"
        if kind in {"Job", "CronJob"}
        else "v1"
        if kind in {"ReplicationController", "PodTemplate"}
        else "apps/v1"
    )
    body: Json = {"template": one}
    if kind == "CronJob":
        body = {"schedule": "@daily", "jobTemplate": {"spec": body}}
    made: Json = {"apiVersion": group, "kind": kind, "metadata": meta("w", space)}
    return {**made, **(body if kind == "PodTemplate" else {"spec": body})}


def claim(space: str, name: str, *requests: Json, config: Iterable[Json] = (), status: Json | None = None) -> Json:
    """A claim for devices."""
    devices = {"requests": list(requests), "config": list(config)}
    made = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": meta(name, space),
        "spec": {"devices": devices},
    }
    return {**made, **({"status": status} if status else {})}


def claim_template(space: str, name: str, *requests: Json, config: Iterable[Json] = ()) -> Json:
    """A template of claims."""
    devices = {"requests": list(requests), "config": list(config)}
    return {
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": meta(name, space),
        "spec": {"spec": {"devices": devices}},
    }  # fmt: skip


def request(cls: str = "gpu.nvidia.com", name: str = "gpu", **more: object) -> Json:
    """One request of a claim, in the form of v1."""
    return {"name": name, "exactly": {"deviceClassName": cls, **more}}


def sharing(strategy: str, kind: str = "GpuConfig") -> Json:
    """A configuration of NVIDIA's driver that shares."""
    return {"opaque": {"driver": "gpu.nvidia.com", "parameters": {"kind": kind, "sharing": {"strategy": strategy}}}}


def device_class(name: str, *selectors: str, config: Iterable[Json] = (), resource: str = "") -> Json:
    """A class of devices."""
    spec: Json = {"selectors": [{"cel": {"expression": s}} for s in selectors], "config": list(config)}
    if resource:
        spec["extendedResourceName"] = resource
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": meta(name), "spec": spec}


def config_map(space: str, name: str, **data: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, space), "data": data}


def plugin(**data: str) -> Json:
    """The configurations of the device plugin."""
    return config_map("gpu-operator", "device-plugin-config", **data)


CC = {"nvidia.com/cc.mode.state": "on", "nvidia.com/cc.ready.state": "true"}
MIG = {"nvidia.com/mig.strategy": "single", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}
CLUSTER = (
    namespace("open", "north", "public"),
    namespace("inner", "north", "internal"),
    namespace("red", "south", "restricted"),
    namespace("red-two", "west", "restricted"),
    namespace("secret", "east", "confidential"),
    namespace("bare"),
    namespace("odd", "south", "top-secret"),
    namespace("kube-system"),
    namespace("gpu-operator"),
    account("open", "raised", "restricted"),
    account("red", "lowered", "public"),
    account("open", "wrong", "very"),
    node("n-whole", {"pool": "whole", "nvidia.com/gpu.clique": "island-1"}),
    node("n-sliced", {"pool": "sliced", "nvidia.com/gpu.sharing-strategy": "time-slicing"}),
    node("n-mps", {"pool": "mps", "nvidia.com/gpu.sharing-strategy": "mps"}),
    node("n-mig", {"pool": "mig", **MIG}),
    node("n-slices", {"pool": "mixed"}, {"nvidia.com/mig-1g.10gb": "7"}),
    node("n-cc", {"pool": "cc", **CC}),
    node("n-devtools", {"pool": "devtools", **CC, "nvidia.com/cc.mode.state": "devtools"}),
    node("n-south", {"pool": "south"}, taints=[taint("south")]),
    node("n-cpu", {"pool": "cpu"}, {}),
    device_class("gpu.nvidia.com", "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"),
    device_class("mig.nvidia.com", "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'mig'"),
    device_class("shared.example", "device.attributes['gpu.nvidia.com'].type == 'gpu'", config=[sharing("TimeSlicing")]),
    device_class("any.example"),
    device_class("nic.example", "device.driver == 'dra.net'"),
    device_class("served", "device.attributes['gpu.nvidia.com'].type == 'mig'", resource="example.com/slice"),
)  # fmt: skip


def state(*more: Json, base: Iterable[Json] = CLUSTER) -> State:
    """The cluster of these tests, and more in it."""
    made = State()
    for one in (*base, *more):
        made.add(json.dumps(one).encode(), "the state")
    return made


def asked(
    found: Json,
    operation: str = "CREATE",
    old: Json | None = None,
    sub: str = "",
    actor: tuple[str, tuple[str, ...]] = TENANT,
    **more: object,
) -> bytes:
    """A review of an object."""
    group, _, version = str(found["apiVersion"]).rpartition("/")
    head: Json = found["metadata"]  # type: ignore[assignment]
    body = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": {"group": group, "version": version, "kind": found["kind"]},
        "resource": {"group": group, "version": version, "resource": f"{str(found['kind']).lower()}s"},
        "subResource": sub, "name": head["name"], "namespace": head.get("namespace", ""), "operation": operation,
        "userInfo": {"username": actor[0], "groups": list(actor[1])}, "object": found, "oldObject": old, "dryRun": False,
    }  # fmt: skip
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {**body, **more}}
    ).encode()


def binding(space: str, name: str, target: str, said: dict[str, str] | None = None) -> Json:
    """What a scheduler sends."""
    return {
        "apiVersion": "v1", "kind": "Binding", "metadata": meta(name, space, annotations=said or {}),
        "target": {"apiVersion": "v1", "kind": "Node", "name": target},
    }  # fmt: skip


def verdict(held: State, octets: bytes, by: Rule = RULE) -> Verdict:
    """What the judge says of a review."""
    return placement.judge(by, held, review.read(octets))


def clauses(found: Verdict) -> set[str]:
    """The clauses of a denial."""
    return {r.clause for r in found.reasons}
