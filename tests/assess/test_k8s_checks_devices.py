"""Checks of claims, classes and configurations of devices, of admission, quotas and volumes, each with what breaks it."""

import json
from pathlib import Path

import pytest

from kubernetes_objects import answers, by_address, container, namespace, node, pod, read
from strongroom.model.codes import Status
from strongroom.model.values import Unknown

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DRA = "apiVersion: resource.k8s.io/v1\n"
SLICING = "[{opaque: {driver: gpu.nvidia.com, parameters: {kind: GpuConfig, sharing: {strategy: TimeSlicing}}}}]"
SECRET = namespace(tenant="a", sensitivity="restricted")


def claim(requests: str, config: str = "[]", kind: str = "ResourceClaim", name: str = "c") -> str:
    """A claim of devices, or a template of one."""
    devices = f"{{devices: {{requests: {requests}, config: {config}}}}}"
    spec = devices if kind == "ResourceClaim" else f"{{spec: {devices}}}"
    return f"{DRA}kind: {kind}\nmetadata: {{name: {name}, namespace: ns}}\nspec: {spec}\n"


def device_class(name: str = "gpu.nvidia.com", config: str = "[]", more: str = "") -> str:
    """A class of devices."""
    return f"{DRA}kind: DeviceClass\nmetadata: {{name: {name}}}\nspec: {{config: {config}{more}}}\n"


def user(named: str, name: str = "p") -> str:
    """A pod that holds a claim, by `resourceClaimName: c` or `resourceClaimTemplateName: t`."""
    return pod(f"  resourceClaims: [{{name: gpu, {named}}}]\n" + container(), name=name)


WHOLE = "[{name: g, exactly: {deviceClassName: gpu.nvidia.com}}]"


@pytest.mark.parametrize(
    ("requests", "config", "shares"),
    [
        (WHOLE, "[]", P),
        ("[{name: g, deviceClassName: gpu.nvidia.com}]", "[]", P),
        (WHOLE, SLICING, F),
        (WHOLE, SLICING.replace("TimeSlicing", "MPS"), F),
        (WHOLE, SLICING.replace("gpu.nvidia.com", "nic.example.com"), P),
        ("[{name: g, exactly: {deviceClassName: gpu.nvidia.com, capacity: {requests: {memory: 10Gi}}}}]", "[]", F),
        ("[{name: g, firstAvailable: [{name: a, deviceClassName: x}, {name: b, deviceClassName: x, capacity: {requests: {memory: 1}}}]}]", "[]", F),
    ],
)  # fmt: skip
def test_claims_that_share(tmp_path: Path, requests: str, config: str, shares: Status) -> None:
    """A claim shares by its configuration or by a portion, in every spelling of the API, and its template and pod with it."""
    said = answers(tmp_path / "a", SECRET, claim(requests, config), user("resourceClaimName: c"))
    assert said["gpu.claim.no-sharing", "ns/ResourceClaim/c"] is shares
    assert said["gpu.workload.whole-card", "ns/Pod/p"] is shares
    template = claim(requests, config, "ResourceClaimTemplate", "t")
    said = answers(tmp_path / "b", SECRET, template, user("resourceClaimTemplateName: t"))
    assert said["gpu.claim.no-sharing", "ns/ResourceClaimTemplate/t"] is shares
    assert said["gpu.workload.whole-card", "ns/Pod/p"] is shares


def test_claims_of_others_may_share(tmp_path: Path) -> None:
    """The rule is for sensitive namespaces; without the namespace nobody knows."""
    at = ("gpu.claim.no-sharing", "ns/ResourceClaim/c")
    assert answers(tmp_path / "a", namespace(tenant="a", sensitivity="public"), claim(WHOLE, SLICING))[at] is N
    assert answers(tmp_path / "b", claim(WHOLE, SLICING))[at] is U


def test_classes_that_share(tmp_path: Path) -> None:
    """A class shares what is claimed of it, and a pod under a name that stands for the class shares too."""
    at = ("gpu.device-class.no-sharing", "DeviceClass/gpu.nvidia.com")
    whole = ("gpu.workload.whole-card", "ns/Pod/p")
    said = answers(tmp_path / "a", SECRET, device_class(config=SLICING), claim(WHOLE), user("resourceClaimName: c"))
    assert (said[at], said[whole]) == (F, F)
    said = answers(tmp_path / "b", SECRET, device_class(), claim(WHOLE), user("resourceClaimName: c"))
    assert (said[at], said[whole]) == (P, P)
    asks = pod(container("resources: {limits: {example.com/accelerator: 1}}"))
    named = device_class("fast", SLICING, ", extendedResourceName: example.com/accelerator")
    assert answers(tmp_path / "c", SECRET, named, asks)[whole] is F
    assert whole not in answers(tmp_path / "d", SECRET, asks)


def test_one_claim_for_several_pods(tmp_path: Path) -> None:
    """Two pods that name one claim, or one workload of several pods, take turns on its device; one pod does not."""
    at = ("gpu.workload.whole-card", "ns/Pod/p")
    one = user("resourceClaimName: c")
    assert answers(tmp_path / "a", SECRET, claim(WHOLE), one)[at] is P
    assert answers(tmp_path / "b", SECRET, claim(WHOLE), one, user("resourceClaimName: c", "q"))[at] is F
    for kind, count, status in (("Deployment", "replicas: 3", F), ("Deployment", "replicas: 1", P), ("DaemonSet", "x: 1", F)):  # fmt: skip
        text = f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: d, namespace: ns}}\nspec:\n  {count}\n  template:\n    spec: {{resourceClaims: [{{name: g, resourceClaimName: c}}], containers: [{{name: c, image: i}}]}}\n"
        said = answers(tmp_path / f"{kind}-{status}", SECRET, claim(WHOLE), text)
        assert said["gpu.workload.whole-card", f"ns/{kind}/d"] is status
    held = json.loads('{"reservedFor": [{"resource": "pods", "name": "p"}, {"resource": "pods", "name": "q"}]}')
    text = claim(WHOLE) + f"status: {json.dumps(held)}\n"
    assert answers(tmp_path / "c", SECRET, text, one)[at] is F


def test_a_pod_that_was_changed_on_the_way_is_no_second_user(tmp_path: Path) -> None:
    """A deployment and its one pod, into which admission put a sidecar, are one user of the claim."""
    spec = "resourceClaims: [{name: g, resourceClaimName: c}], containers: [{name: c, image: i}"
    text = f"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: d, namespace: ns}}\nspec: {{replicas: 1, template: {{spec: {{{spec}]}}}}}}\n"
    owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: d, controller: true}]"
    made = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: ns, {owner}}}\nspec: {{{spec}, {{name: side, image: i}}]}}\n"
    said = answers(tmp_path, SECRET, claim(WHOLE), text, made)
    at = ("gpu.workload.whole-card", "ns/ReplicaSet/d"), ("gpu.workload.whole-card", "ns/Pod/p")
    assert [said[a] for a in at] == [P, P]


def test_a_claim_that_nobody_shows_is_unknown(tmp_path: Path) -> None:
    """Without the claim or its template nobody knows what a pod gets."""
    said = answers(tmp_path, SECRET, user("resourceClaimName: c"))
    assert said["gpu.workload.whole-card", "ns/Pod/p"] is U


def test_administrators_access(tmp_path: Path) -> None:
    """A claim that sees what others hold breaks the rule for everybody, in every spelling; those who look after devices may."""
    old = "[{name: g, deviceClassName: gpu.nvidia.com, adminAccess: true}]"
    new = "[{name: g, exactly: {deviceClassName: gpu.nvidia.com, adminAccess: true}}]"
    at = ("gpu.claim.no-admin-access", "ns/ResourceClaim/c")
    for n, requests in enumerate((old, new)):
        said = answers(tmp_path / str(n), namespace(), claim(requests), user("resourceClaimName: c"))
        assert (said[at], said["gpu.workload.no-unrequested-device", "ns/Pod/p"]) == (F, F)
    assert answers(tmp_path / "a", namespace(), claim(WHOLE), user("resourceClaimName: c"))[at] is P
    own = claim(new).replace("namespace: ns", "namespace: gpu-operator")
    assert answers(tmp_path / "b", own)["gpu.claim.no-admin-access", "gpu-operator/ResourceClaim/c"] is P


def operator(config: str) -> str:
    """The GPU operator's settings with a configuration of the device plugin."""
    return f"apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {{name: cp}}\nspec: {{devicePlugin: {{config: {config}}}}}\n"


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plugin, namespace: gpu-operator}\ndata:\n  shared: |\n    version: v1\n    sharing:\n      timeSlicing:\n        resources: [{name: nvidia.com/gpu, replicas: 4, rename: nvidia.com/slot}]\n  whole: |\n    version: v1\n"


def test_the_default_of_the_operator(tmp_path: Path) -> None:
    """Nodes without a label follow the operator's default; what nobody shows of it is unknown."""
    at, sharing = ("gpu.operator.default-whole", "ClusterPolicy/cp"), ("gpu.node.no-time-slicing", "Node/g")
    equal = ("gpu.node.config-equals-labels", "Node/g")
    said = answers(tmp_path / "a", operator("{name: plugin, default: shared}"), CONFIG, node("{}"))
    assert (said[at], said[sharing], said[equal]) == (F, F, F)
    said = answers(tmp_path / "b", operator("{name: plugin, default: whole}"), CONFIG, node("{}"))
    assert (said[at], said[sharing], said[equal]) == (P, P, P)
    chosen = node("{nvidia.com/device-plugin.config: shared}")
    said = answers(tmp_path / "c", operator("{name: plugin, default: whole}"), CONFIG, chosen)
    assert (said[at], said[sharing]) == (P, F)
    said = answers(tmp_path / "d", operator("{name: plugin, default: shared}"), node("{}"))
    assert (said[at], said[sharing]) == (U, U)
    assert answers(tmp_path / "e", operator("{}"), node("{}"))[at] is P
    plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plugin, namespace: gpu-operator}\ndata: {whole: 'version: v1'}\n"
    said = answers(tmp_path / "f", operator("{name: plugin, default: whole}"), plain, node("{}"))
    assert (said[at], said[sharing]) == (P, P)
    assert answers(tmp_path / "g", chosen)[sharing] is U
    assert answers(tmp_path / "h", chosen, plain)[sharing] is U


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        ("{nvidia.com/mig.config: all-1g.10gb, nvidia.com/mig.config.state: success}", P),
        ("{nvidia.com/mig.config: all-1g.10gb, nvidia.com/mig.config.state: failed}", F),
        ("{nvidia.com/cc.mode: 'on', nvidia.com/cc.mode.state: devtools}", F),
        ("{nvidia.com/cc.mode: 'on', nvidia.com/cc.mode.state: 'on'}", P),
        ("{nvidia.com/gpu.count: '4'}", F),
        ("{nvidia.com/gpu.count: '8'}", P),
    ],
)
def test_a_node_is_what_it_was_told_to_be(tmp_path: Path, labels: str, status: Status) -> None:
    """A wish that was not fulfilled, or a count that is none, is a mismatch."""
    assert answers(tmp_path, node(labels))["gpu.node.config-equals-labels", "Node/g"] is status


def test_a_resource_that_the_plugin_renames_is_a_share(tmp_path: Path) -> None:
    """A name of the configuration's own making asks for what stands behind it."""
    asks = pod(container("resources: {limits: {nvidia.com/slot: 1}}"))
    other = pod(container("resources: {limits: {example.com/slot: 1}}"))
    at = ("gpu.workload.whole-card", "ns/Pod/p")
    assert answers(tmp_path / "a", SECRET, CONFIG, asks)[at] is F
    assert answers(tmp_path / "b", SECRET, CONFIG.replace("nvidia.com/slot", "example.com/slot"), other)[at] is F


@pytest.mark.parametrize(
    ("runtime", "handler", "status"),
    [
        ("kata-qemu-snp", "", P),
        ("kata-qemu-coco-dev", "", F),
        ("kata-qemu", "", F),
        ("secure", "kata-qemu-tdx", P),
        ("kata-qemu-snp", "runc", F),
        ("kata-cc-isolation", "", P),
    ],
)
def test_a_runtime_class_is_its_handler(tmp_path: Path, runtime: str, handler: str, status: Status) -> None:
    """What runs the pods decides, not what somebody named it; a class that is not shown counts by its name."""
    space = namespace(tenant="a", sensitivity="confidential")
    texts = [space, pod(f"  runtimeClassName: {runtime}\n" + container())]
    if handler:
        texts.append(f"apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {{name: {runtime}}}\nhandler: {handler}\n")  # fmt: skip
    assert answers(tmp_path, *texts)["tee.workload.confidential", "ns/Pod/p"] is status


def test_confidential_nodes_are_on_and_ready(tmp_path: Path) -> None:
    """Ready alone is said in developer mode too; affinity counts where it is required and leaves no other choice."""
    space, gpu = namespace(tenant="a", sensitivity="confidential"), "resources: {limits: {nvidia.com/gpu: 1}}"
    at = ("tee.workload.confidential", "ns/Pod/p")
    ready, on = "nvidia.com/cc.ready.state: 'true'", "nvidia.com/cc.mode.state: 'on'"
    said = answers(tmp_path / "a", space, pod(f"  nodeSelector: {{{ready}}}\n" + container(gpu)))
    assert said[at] is F
    said = answers(tmp_path / "b", space, pod(f"  nodeSelector: {{{ready}, {on}}}\n" + container(gpu)))
    assert said[at] is P
    terms = "[{key: nvidia.com/cc.ready.state, operator: In, values: ['true']}, {key: nvidia.com/cc.mode.state, operator: In, values: ['on']}]"
    for n, (more, status) in enumerate((("", P), (", {matchExpressions: [{key: x, operator: Exists}]}", F))):
        affinity = f"  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: {terms}}}{more}]}}}}}}\n"
        assert answers(tmp_path / f"c{n}", space, pod(affinity + container(gpu)))[at] is status
    labels = f"{{{ready}, {on}}}"
    assert answers(tmp_path / "d", space, node(labels), pod("  nodeName: g\n" + container(gpu)))[at] is P


def hook(more: str, version: str = "v1", resources: str = "[pods]", group: str = "''") -> str:
    """A configuration of one validating webhook."""
    rules = f"[{{operations: [CREATE], apiGroups: [{group}], apiVersions: ['*'], resources: {resources}}}]"
    return f"apiVersion: admissionregistration.k8s.io/{version}\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: h}}\nwebhooks: [{{name: a.example.com, rules: {rules}{more}}}]\n"


CLOSED, OPT_OUT, REFUSES = "gpu.admission.fails-closed", "gpu.admission.no-opt-out", "gpu.admission.refuses"


@pytest.mark.parametrize(
    ("text", "closed", "opt_out"),
    [
        (hook(""), P, P),
        (hook(", failurePolicy: Ignore"), F, P),
        (hook("", "v1beta1"), F, P),
        (hook(", objectSelector: {matchLabels: {check: 'yes'}}"), P, F),
        (hook(", objectSelector: {matchExpressions: [{key: skip, operator: DoesNotExist}]}"), P, F),
        (hook(", failurePolicy: Ignore", resources="['*/*']", group="'*'"), F, P),
        (hook(", failurePolicy: Ignore", resources="[ingresses]", group="networking.k8s.io"), None, None),
    ],
)
def test_webhooks(tmp_path: Path, text: str, closed: Status | None, opt_out: Status | None) -> None:
    """A judge of what places work must answer, and not ask the object whether it may look; another's matter is not asked."""
    said = answers(tmp_path, text)
    at = "ValidatingWebhookConfiguration/h"
    assert (said.get((CLOSED, at)), said.get((OPT_OUT, at))) == (closed, opt_out)


def test_admission_policies(tmp_path: Path) -> None:
    """A policy refuses where a binding denies; one without a binding does nothing, in a dump without any who knows."""
    group, at = "apiVersion: admissionregistration.k8s.io/v1\n", "ValidatingAdmissionPolicy/v"
    rules = "resourceRules: [{operations: [CREATE], apiGroups: [''], resources: [pods]}]"
    policy = f"{group}kind: ValidatingAdmissionPolicy\nmetadata: {{name: v}}\nspec: {{failurePolicy: Fail, matchConstraints: {{{rules}}}}}\n"
    binding = f"{group}kind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: v, validationActions: [%s]}}\n"
    assert answers(tmp_path / "a", policy, binding % "Deny, Audit")[REFUSES, at] is P
    assert answers(tmp_path / "b", policy, binding % "Warn")[REFUSES, at] is F
    assert answers(tmp_path / "c", policy)[REFUSES, at] is F
    said = answers(tmp_path / "d", policy.replace("failurePolicy: Fail", "failurePolicy: Ignore"), binding % "Deny")
    assert (said[CLOSED, at], said[OPT_OUT, at]) == (F, P)
    item = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "v"}, "spec": {"matchConstraints": {"resourceRules": [{"operations": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}}}  # fmt: skip
    dump = json.dumps({"apiVersion": "v1", "kind": "List", "items": [item]})
    assert answers(tmp_path / "e", dump)[REFUSES, at] is U


def test_quotas_of_tenants(tmp_path: Path) -> None:
    """A tenant's namespace has a quota for accelerators, of resources or of device classes, and for all of its pods."""
    check, at = "mon.namespace.gpu-quota", "Namespace/ns"
    quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: ns}\nspec: {hard: {%s}%s}\n"
    for n, (hard, more, status) in enumerate(
        (
            ("requests.nvidia.com/gpu: 8", "", P),
            ("gpu.nvidia.com.deviceclass.resource.k8s.io/devices: 2", "", P),
            ("pods: 10, requests.memory: 1Gi", "", F),
            ("requests.nvidia.com/gpu: 8", ", scopes: [BestEffort]", F),
        )
    ):
        assert answers(tmp_path / str(n), SECRET, quota % (hard, more))[check, at] is status
    assert answers(tmp_path / "a", SECRET)[check, at] is F
    assert (check, at) not in answers(tmp_path / "b", namespace())
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns", "annotations": {"isolation.example.org/tenant": "a"}}}  # fmt: skip
    assert answers(tmp_path / "c", json.dumps({"apiVersion": "v1", "kind": "List", "items": [space]}))[check, at] is U


def test_volumes(tmp_path: Path) -> None:
    """A class names a key of the owner's or it does not, and where its parameters do not tell nobody knows."""
    text = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: c}\nprovisioner: %s\nparameters: {%s}\n"
    at = ("enc.k8s-volume.cmk", "StorageClass/c")
    assert answers(tmp_path / "a", text % ("ebs.csi.aws.com", "encrypted: 'true', kmsKeyId: k"))[at] is P
    assert answers(tmp_path / "b", text % ("ebs.csi.aws.com", "encrypted: 'true'"))[at] is F
    assert answers(tmp_path / "c", text % ("ebs.csi.aws.com", "encrypted: 'false'"))[at] is F
    assert answers(tmp_path / "d", text % ("nfs.csi.k8s.io", ""))[at] is U


@pytest.mark.parametrize("value", ["text", 7, None, True, [], [1, "a", None, {}], {"a": 1}])
@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("resource.k8s.io/v1", "ResourceClaim"),
        ("resource.k8s.io/v1beta1", "ResourceClaimTemplate"),
        ("resource.k8s.io/v1", "DeviceClass"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("v1", "PersistentVolume"),
        ("v1", "ResourceQuota"),
        ("v1", "Node"),
        ("node.k8s.io/v1", "RuntimeClass"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ],
)
def test_fields_of_the_wrong_type_break_nothing(tmp_path: Path, version: str, kind: str, value: object) -> None:
    """Whatever stands where a mapping or list is meant, the object is an asset and every check answers."""
    inner = {"devices": {"requests": value, "config": value}, "matchConstraints": value, "hard": value, "csi": value}
    deep = {"devices": {"requests": [value, {"exactly": value, "firstAvailable": value}], "config": [value]}}
    for n, spec in enumerate((value, inner, deep, {"spec": deep, "config": value, "taints": value})):
        obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "labels": value, "annotations": value}, "spec": spec, "webhooks": value, "parameters": value, "provisioner": value, "handler": value, "status": {"nodeInfo": value, "capacity": value, "reservedFor": value}}  # fmt: skip
        assert len(read(tmp_path / str(n), json.dumps(obj)).assets) == 1
        assert U not in answers(tmp_path / str(n)).values() or kind in ("StorageClass", "PersistentVolume", "ResourceClaim", "ResourceClaimTemplate", "ValidatingAdmissionPolicy")  # fmt: skip


def test_names_of_other_groups_are_other_things(tmp_path: Path) -> None:
    """A kind that nobody has seen before, under a known name, carries none of these facts."""
    for kind in ("StorageClass", "ResourceClaim", "DeviceClass", "ValidatingWebhookConfiguration"):
        text = f"apiVersion: acme.example/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{config: {SLICING}}}\n"
        (asset,) = read(tmp_path / kind, text).assets
        assert asset.facts == {}


def test_records_and_objects_of_one_group_are_told_apart(tmp_path: Path) -> None:
    """A cloud's own objects are called as others are; what a scanner tells of things outside the API says so."""
    real = "apiVersion: eks.amazonaws.com/v1\nkind: NodeClass\nmetadata: {name: gpu}\nspec: {role: r}\n"
    record = "apiVersion: eks.amazonaws.com/v1\nkind: ClusterDescribe\nmetadata: {name: c}\ndata: {Cluster: {}}\n"
    found = by_address(read(tmp_path, real, record))
    assert set(found) == {"default/NodeClass/gpu", "c/external:ClusterDescribe"}
    assert isinstance(found["c/external:ClusterDescribe"].value("api.public"), Unknown)
