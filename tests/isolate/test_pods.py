"""The judge of pods: what may be asked, and what nobody may reach for."""

import json
from pathlib import Path

import clusters as a
import pytest
from clusters import Json, pod

from strongroom.app.isolation import load_state, simulate

GPU = {"nvidia.com/gpu": "1"}


def on(pool: str) -> Json:
    """A pod's words for the nodes of one pool."""
    return {"nodeSelector": {"pool": pool}}


def env(name: str, value: str | None = None, **more: object) -> Json:
    """A container's words for one variable."""
    return {"container": {"env": [{"name": name, **({"value": value} if value is not None else {}), **more}]}}


def path(where: str) -> Json:
    """A pod's words for a path of its node."""
    return {"volumes": [{"name": "v", "hostPath": {"path": where}}]}


ALLOWED: dict[str, Json] = {
    "a restricted pod asks a whole GPU": pod("red", limits=GPU),
    "a restricted pod asks a MIG slice": pod("red", limits={"nvidia.com/mig-1g.10gb": 1}),
    "a restricted pod on nodes whose GPUs are slices": pod("red", limits=GPU, **on("mig")),
    "a public pod shares by time": pod("open", limits=GPU, **on("sliced")),
    "a public pod asks a fraction": pod("open", said={"gpu-fraction": "0.5"}),
    "a public pod asks a name that nobody knows": pod("open", limits={"nvidia.com/GV100GL": "1"}),
    "nothing of something is asked": pod("red", limits={"nvidia.com/gpumem": "0"}),
    "a confidential pod, and some node is one": pod("secret", limits=GPU),
    "a confidential pod on its nodes": pod("secret", limits=GPU, **on("cc")),
    "no label and no GPU": pod("bare", limits={"cpu": "1"}),
    "no label, and another vendor's device": pod("bare", limits={"rdma/hca": "1"}),
    "an unknown namespace and no GPU": pod("nowhere"),
    "a label of its own has no force": {**pod("open", limits=GPU, **on("sliced")), "metadata": a.meta("p", "open", labels={f"{a.PREFIX}/sensitivity": "confidential"})},
    "a right on nodes without GPUs": pod("open", hostPID=True, **on("cpu")),
    "a path that holds no device": pod("open", **path("/var/log")),
    "a path that only begins alike": pod("open", **path("/dev/nvme0n1")),
    "nothing is made visible": pod("open", **env("NVIDIA_VISIBLE_DEVICES", "void")),
    "a variable that adds no device": pod("open", **env("CUDA_VISIBLE_DEVICES", "0")),
    "a right that reaches no device": pod("open", container={"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}),
    "the tenant's own taint": pod("red", limits=GPU, **a.tolerating(key=f"{a.PREFIX}/tenant", operator="Equal", value="south")),
    "every taint, and no GPU": pod("open", **a.tolerating(operator="Exists")),
    "a class of another vendor": pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "nic"}]),
    "the runtime of NVIDIA, with nothing visible": pod("open", runtimeClassName="nvidia", **env("NVIDIA_VISIBLE_DEVICES", "none")),
    "the runtime of NVIDIA, with a GPU": pod("open", limits=GPU, runtimeClassName="nvidia"),
    "its own namespace is exempt": pod("kube-system", hostPID=True),
    "a variable that is escaped": pod("open", container={"env": [{"name": "A", "value": "void"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "$(A)"}]}),
    "all keys of a map that has no such key": pod("open", container={"envFrom": [{"configMapRef": {"name": "plain"}}]}),
    "a volume that is no path": pod("red", limits=GPU, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]),
    "a restricted pod at a claim of slices": pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "slices"}]),
    "a restricted pod asks what a class of slices serves": pod("red", limits={"example.com/slice": "1"}),
}  # fmt: skip
DENIED: dict[str, tuple[str, Json]] = {
    "shared by time": ("2.2", pod("red", limits=GPU, **on("sliced"))),
    "shared by MPS": ("2.2", pod("red", limits=GPU, **on("mps"))),
    "a shared name": ("2.2", pod("red", limits={"nvidia.com/gpu.shared": "1"})),
    "a shared slice": ("2.2", pod("red", limits={"nvidia.com/mig-1g.10gb.shared": "1"})),
    "memory of HAMi": ("2.2", pod("red", limits={"nvidia.com/gpumem-percentage": "50"})),
    "cores of HAMi": ("2.2", pod("red", limits={"nvidia.com/gpucores": "50"})),
    "a share of Volcano": ("2.2", pod("red", limits={"volcano.sh/vgpu-memory": "1"})),
    "a share of Koordinator": ("2.2", pod("red", limits={"koordinator.sh/gpu-core": "50"})),
    "memory of Alibaba": ("2.2", pod("red", limits={"aliyun.com/gpu-mem": "4"})),
    "a fraction of KAI": ("2.2", pod("red", said={"gpu-fraction": "0.5"})),
    "memory of KAI": ("2.2", pod("red", said={"gpu-memory": "4000"}, schedulerName="kai-scheduler")),
    "a mode of HAMi": ("2.2", pod("red", said={"nvidia.com/vgpu-mode": "hami-core"})),
    "a name that nobody knows": ("2.1", pod("red", limits={"nvidia.com/GV100GL": "1"})),
    "only requests": ("2.2", pod("red", container={"resources": {"requests": {"nvidia.com/gpu.shared": "1"}}})),
    "an init container": ("2.2", pod("red", initContainers=[{"name": "i", "resources": {"limits": {"nvidia.com/gpumem": 1}}}])),
    "an ephemeral container": ("2.2", pod("red", ephemeralContainers=[{"name": "e", "resources": {"limits": {"nvidia.com/gpumem": 1}}}])),
    "a raised label": ("2.2", pod("open", limits=GPU, serviceAccountName="raised", **on("sliced"))),
    "a label that cannot be lowered": ("2.2", pod("red", limits=GPU, serviceAccountName="lowered", **on("sliced"))),
    "a raised label outside the four": ("1.6", pod("open", limits=GPU, serviceAccountName="wrong")),
    "no label": ("1.6", pod("bare", limits=GPU)),
    "a label outside the four": ("1.6", pod("odd", limits=GPU)),
    "an unknown namespace": ("1.6", pod("nowhere", said={"gpu-fraction": "1"})),
    "its own label is not asked": ("1.6", {**pod("bare", limits=GPU), "metadata": a.meta("p", "bare", annotations={f"{a.PREFIX}/sensitivity": "public"})}),
    "confidential without a node of its kind": ("2.2", pod("secret", limits=GPU, **on("whole"))),
    "confidential on a node for development": ("2.2", pod("secret", limits=GPU, **on("devtools"))),
    "confidential in slices": ("2.2", pod("secret", limits={"nvidia.com/mig-1g.10gb": 1})),
    "bound by name past the taints": ("2.2", pod("red", limits=GPU, nodeName="n-sliced")),
    "a node that is not known": ("2.2", pod("red", limits=GPU, nodeName="n-nowhere")),
    "another's node by name": ("3.3", pod("open", limits=GPU, nodeName="n-south")),
    "privileged": ("4.1", pod("open", container={"securityContext": {"privileged": True}})),
    "a privileged init container": ("4.1", pod("open", initContainers=[{"name": "i", "securityContext": {"privileged": True}}])),
    "processes of the node": ("4.1", pod("open", hostPID=True)),
    "memory of the node": ("4.1", pod("bare", hostIPC=True)),
    "a right in small letters": ("4.1", pod("open", container={"securityContext": {"capabilities": {"add": ["cap_sys_admin"]}}})),
    "a right to make devices": ("4.1", pod("open", container={"securityContext": {"capabilities": {"add": ["MKNOD"]}}})),
    "a device": ("4.2", pod("open", **path("/dev/nvidia0"))),
    "what contains a device": ("4.2", pod("open", **path("/dev"))),
    "the root": ("4.2", pod("open", **path("/"))),
    "what lies under": ("4.2", pod("open", **path("/proc/1/root"))),
    "a path with detours": ("4.2", pod("open", **path("//dev/./nvidia0/"))),
    "a path that goes back": ("4.2", pod("open", **path("/data/../dev/nvidia0"))),
    "the pipe of MPS": ("4.2", pod("open", **path("/tmp/nvidia-mps/log"))),
    "what contains the pipe": ("4.2", pod("open", **path("/tmp"))),
    "the other name of a socket": ("4.2", pod("open", **path("/var/run/docker.sock"))),
    "what runs the driver": ("4.2", pod("open", **path("/run/nvidia/driver"))),
    "a volume that is a path": ("4.2", pod("open", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "devices"}}])),
    "a volume that is kept for the claim": ("4.2", pod("open", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "waiting"}}])),
    "a block volume": ("4.2", pod("open", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "block"}}], container={"volumeDevices": [{"name": "v", "devicePath": "/dev/x"}]})),
    "a volume that is made with the pod": ("4.2", pod("open", volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"volumeName": "pv-path"}}}}])),
    "all devices": ("4.3", pod("open", **env("NVIDIA_VISIBLE_DEVICES", "all"))),
    "all devices beside a request": ("4.3", pod("open", limits=GPU, container={"resources": {"limits": GPU}, "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "0,1"}]})),
    "a value from elsewhere": ("4.3", pod("open", **env("NVIDIA_VISIBLE_DEVICES", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}))),
    "a value by another": ("4.3", pod("open", container={"env": [{"name": "A", "value": "all"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "$(A)"}]})),
    "a value by one that is not known": ("4.3", pod("open", **env("NVIDIA_VISIBLE_DEVICES", "$(B)"))),
    "the monitor of slices": ("4.3", pod("open", **env("NVIDIA_MIG_MONITOR_DEVICES", "all"))),
    "channels between nodes": ("4.3", pod("open", **env("NVIDIA_IMEX_CHANNELS", "0"))),
    "all keys of a map": ("4.3", pod("open", container={"envFrom": [{"configMapRef": {"name": "devices"}}]})),
    "all keys with a prefix": ("4.3", pod("open", container={"envFrom": [{"prefix": "NVIDIA_", "configMapRef": {"name": "cut"}}]})),
    "all keys of a secret": ("4.3", pod("open", container={"envFrom": [{"secretRef": {"name": "hidden"}}]})),
    "a list of devices as mounts": ("4.4", pod("open", container={"volumeMounts": [{"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}]})),
    "a device by name": ("4.5", pod("open", said={"cdi.k8s.io/x": "nvidia.com/gpu=all"})),
    "a device of another vendor by name": ("4.5", pod("open", said={"cdi.k8s.io/x": "vendor.com/a=b, amd.com/gpu=0"})),
    "the runtime of NVIDIA": ("4.6", pod("open", runtimeClassName="nvidia")),
    "the runtime by another name": ("4.6", pod("open", runtimeClassName="fast")),
    "the runtime with nothing said in one container": ("4.6", pod("open", runtimeClassName="nvidia-cdi", initContainers=[{"name": "i"}], **env("NVIDIA_VISIBLE_DEVICES", "void"))),
    "another tenant's taint": ("3.3", pod("red", limits=GPU, **a.tolerating(key=f"{a.PREFIX}/tenant", operator="Equal", value="west"))),
    "all tenants' taints": ("3.3", pod("red", limits=GPU, **a.tolerating(key=f"{a.PREFIX}/tenant", operator="Exists"))),
    "all taints": ("3.3", pod("open", limits=GPU, **a.tolerating(operator="Exists"))),
    "a claim that is shared by time": ("2.2", pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "sliced"}])),
    "a claim of a class that shares": ("2.2", pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "by-class"}])),
    "a claim of a class of anything": ("2.1", pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "anything"}])),
    "a claim that is not there": ("2.1", pod("red", resourceClaims=[{"name": "n", "resourceClaimName": "nothing"}])),
    "the worst of several": ("2.2", pod("secret", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "either"}])),
    "a part of a device": ("2.2", pod("red", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "part"}])),
    "access beside the owner": ("4.7", pod("open", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "admin"}])),
    "a tolerated device taint": ("3.4", pod("open", resourceClaims=[{"name": "n", "resourceClaimTemplateName": "tolerant"}])),
    "a resource of a class that is not there": ("2.1", pod("red", limits={"deviceclass.resource.kubernetes.io/none": "1"})),
    "a resource of a class that shares": ("2.2", pod("red", limits={"deviceclass.resource.kubernetes.io/shared.example": "1"})),
    "a name that a configuration gives": ("2.2", pod("red", limits={"nvidia.com/quarter": "1"})),
    "a configuration that shares, whatever the labels say": ("2.2", pod("red", limits=GPU, nodeName="n-told")),
    "a configuration that is not there": ("2.1", pod("red", limits=GPU, nodeName="n-untold")),
    "an unreadable quantity": ("7", pod("open", limits={"nvidia.com/gpu": "one"})),
    "less than nothing": ("7", pod("open", limits={"cpu": "-1"})),
}  # fmt: skip


def volume(name: str, where: str, kind: str = "hostPath", ref: Json | None = None) -> Json:
    """A volume that is a path of a node."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": a.meta(name),
        "spec": {kind: {"path": where}, **({"claimRef": ref} if ref else {})},
    }


def volume_claim(space: str, name: str, to: str = "") -> Json:
    """A claim for a volume."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": a.meta(name, space),
        "spec": {"volumeName": to},
    }


MORE = (
    volume("pv-path", "/dev/nvidia1"), volume("pv-block", "/dev/nvidia2", "local"), volume("pv-data", "/data"),
    volume("pv-kept", "/dev", ref={"namespace": "open", "name": "waiting"}),
    volume_claim("open", "devices", "pv-path"), volume_claim("open", "block", "pv-block"), volume_claim("open", "waiting"),
    volume_claim("red", "data", "pv-data"),
    a.config_map("open", "plain", A="1"), a.config_map("open", "devices", NVIDIA_VISIBLE_DEVICES="all"),
    a.config_map("open", "cut", VISIBLE_DEVICES="all"),
    {"apiVersion": "v1", "kind": "Secret", "metadata": a.meta("hidden", "open"), "data": {"NVIDIA_VISIBLE_DEVICES": "YWxs"}},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": a.meta("fast"), "handler": "nvidia"},
    a.plugin(default="version: v1", told=a.SHARES, other=a.RENAMES),
    a.node("n-told", {"pool": "told", "nvidia.com/device-plugin.config": "told"}),
    a.node("n-untold", {"pool": "untold", "nvidia.com/device-plugin.config": "gone"}),
    a.claim_template("red", "slices", a.request("mig.nvidia.com")), a.claim_template("red", "nic", a.request("nic.example")),
    a.claim_template("red", "sliced", a.request(), config=[a.sharing("TimeSlicing")]),
    a.claim_template("red", "by-class", a.request("shared.example")), a.claim_template("red", "anything", a.request("any.example")),
    a.claim_template("secret", "either", {"name": "x", "firstAvailable": [{"name": "a", "deviceClassName": "gpu.nvidia.com"}, {"name": "b", "deviceClassName": "mig.nvidia.com"}]}),
    a.claim_template("red", "part", a.request(capacity={"requests": {"memory": "10Gi"}})),
    a.claim_template("open", "admin", a.request(adminAccess=True)),
    a.claim_template("open", "tolerant", a.request(tolerations=[{"key": f"{a.PREFIX}/drained", "operator": "Exists"}])),
)  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_a_pod_that_the_rule_allows_is_allowed(name: str) -> None:
    """Nothing speaks against a pod that asks what its label may have."""
    assert a.verdict(a.state(*MORE), a.asked(ALLOWED[name])).reasons == ()


@pytest.mark.parametrize("name", DENIED)
def test_a_pod_that_the_rule_denies_is_denied_by_its_clause(name: str) -> None:
    """A pod that breaks the rule is denied, and the reason names the clause."""
    clause, found = DENIED[name]
    assert clause in a.clauses(a.verdict(a.state(*MORE), a.asked(found)))


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController", "PodTemplate"])  # fmt: skip
@pytest.mark.parametrize("name", ["shared by time", "a device", "no label", "a claim that is shared by time"])
def test_a_template_is_judged_as_its_pods(kind: str, name: str) -> None:
    """What makes pods is denied where its pods would be, and allowed where they would be."""
    clause, found = DENIED[name]
    space = str(found["metadata"]["namespace"])  # type: ignore[index]
    held = a.state(*MORE)
    assert clause in a.clauses(a.verdict(held, a.asked(a.template(kind, space, found))))
    assert a.verdict(held, a.asked(a.template(kind, "open", pod("open", limits=GPU)))).allowed


def test_a_set_with_volumes_of_its_own_is_judged_by_them() -> None:
    """A StatefulSet whose claims name a volume that is a device is denied."""
    made = a.template("StatefulSet", "open", pod("open"))
    made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "v"}, "spec": {"volumeName": "pv-path"}}]  # type: ignore[index]
    assert "4.2" in a.clauses(a.verdict(a.state(*MORE), a.asked(made)))


@pytest.mark.parametrize("sub", ["", "ephemeralcontainers", "resize", "status"])
def test_any_change_of_a_pod_is_judged_as_the_pod_that_results(sub: str) -> None:
    """A pod that was good and would be bad is denied, by whichever subresource; one that is being deleted may go."""
    held, good = a.state(*MORE), pod("red", limits=GPU)
    bad = pod("red", limits={"nvidia.com/gpumem": "1"})
    assert a.verdict(held, a.asked(good, "UPDATE", old=good, sub=sub)).allowed
    assert not a.verdict(held, a.asked(bad, "UPDATE", old=good, sub=sub)).allowed
    going = {**bad, "metadata": a.meta("p", "red", deletionTimestamp="2026-01-01T00:00:00Z")}
    assert a.verdict(held, a.asked(going, "UPDATE", old=bad, sub=sub)).allowed
    assert a.verdict(held, a.asked(bad, "DELETE", object=None)).allowed


def test_a_cold_cache_denies_what_reaches_for_devices() -> None:
    """Where no node and no namespace is known, a GPU and a way to one are denied, and a plain pod is not."""
    cold = a.state(base=())
    assert not a.verdict(cold, a.asked(pod("open", limits=GPU))).allowed
    assert not a.verdict(cold, a.asked(pod("open", hostPID=True))).allowed
    assert a.verdict(cold, a.asked(pod("open", limits={"cpu": "1"}))).allowed


def test_a_similar_name_is_not_exempt() -> None:
    """A namespace that is called almost like an exempt one is judged, and who asks does not matter."""
    held = a.state(a.namespace("kube-system-2", "x", "public"))
    controller = ("system:serviceaccount:kube-system:replicaset-controller", ("system:serviceaccounts",))
    assert not a.verdict(held, a.asked(pod("kube-system-2", hostPID=True), actor=controller)).allowed
    found = a.verdict(held, a.asked(pod("gpu-operator", hostPID=True)))
    assert found.allowed
    assert found.exempt == "namespace gpu-operator"


@pytest.mark.parametrize("kind", ["DeploymentList", "List"])
def test_a_list_whose_items_do_not_say_what_they_are_is_simulated(tmp_path: Path, kind: str) -> None:
    """What one kind's list holds is of that kind, whether its items say so or not; in a mixed list each must."""
    made = a.template("Deployment", "red", pod("red", limits={"nvidia.com/gpu.shared": "1"}))
    items = [{k: v for k, v in made.items() if kind == "List" or k not in {"kind", "apiVersion"}}]
    (tmp_path / "s.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(a.CLUSTER)}))
    version = "v1" if kind == "List" else "apps/v1"
    (tmp_path / "d.json").write_text(json.dumps({"kind": kind, "apiVersion": version, "items": items}))
    cluster = load_state([str(tmp_path / "s.json"), str(tmp_path / "d.json")])
    (found,) = simulate(a.RULE, cluster)
    assert (found.kind, {r.clause for r in found.verdict.reasons}) == ("Deployment", {"2.2"})
