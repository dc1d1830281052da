"""Checks of who may do what, of the cluster's own parts and of the settings of accelerators, on manifests."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubernetes_objects import answers, container, namespace, node, pod
from strongroom.app.catalogue import catalogue
from strongroom.assess.declined_kubernetes import ASKED_OF_ANOTHER, DECLINED
from strongroom.model.codes import Status

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
BINDING = "ClusterRoleBinding/b"


def role(rules: str, name: str = "r") -> str:
    """A cluster role."""
    return f"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\nrules: {rules}\n"


def binding(subject: str = "{kind: User, name: jane}", to: str = "r", labels: str = "{}") -> str:
    """A binding to a cluster role."""
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b, labels: {labels}}}\n"
        f"subjects: [{subject}]\nroleRef: {{kind: ClusterRole, name: {to}}}\n"
    )


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        ("iam.binding.secrets", "{apiGroups: [''], resources: [secrets], verbs: [list]}", "{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [one]}"),
        ("iam.binding.secrets", "{apiGroups: ['*'], resources: ['*'], verbs: [watch]}", "{apiGroups: [apps], resources: ['*'], verbs: ['*']}"),
        ("iam.binding.shell", "{apiGroups: [''], resources: ['pods/*'], verbs: [create]}", "{apiGroups: [''], resources: [pods], verbs: [get]}"),
        ("iam.binding.shell", "{apiGroups: [''], resources: ['pods/portforward'], verbs: [create]}", "{apiGroups: [''], resources: ['pods/log'], verbs: [get]}"),
        ("iam.binding.impersonate", "{apiGroups: [''], resources: [users], verbs: [impersonate]}", "{apiGroups: [''], resources: [users], verbs: [get]}"),
        ("iam.binding.impersonate", "{apiGroups: ['*'], resources: [clusterroles], verbs: [bind], resourceNames: [admin]}", "{apiGroups: ['*'], resources: [clusterroles], verbs: [get]}"),
        ("iam.binding.nodes-and-admission", "{apiGroups: [''], resources: [nodes], verbs: [patch]}", "{apiGroups: [''], resources: [nodes], verbs: [get]}"),
        ("iam.binding.cluster-admin", "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}", "{apiGroups: [''], resources: [pods], verbs: [get]}"),
    ],
)  # fmt: skip
def test_powers_of_bindings(tmp_path: Path, check: str, bad: str, good: str) -> None:
    """A binding fails for the powers of its role and passes for harmless rights."""
    assert answers(tmp_path / "bad", role(f"[{bad}]"), binding())[check, BINDING] is F
    assert answers(tmp_path / "good", role(f"[{good}]"), binding())[check, BINDING] is P


def test_bindings_know_the_roles_that_every_cluster_has(tmp_path: Path) -> None:
    """The role cluster-admin needs no object, a missing role leaves the question open, Kubernetes keeps its own bindings."""
    check = ("iam.binding.cluster-admin", BINDING)
    assert answers(tmp_path / "a", binding(to="cluster-admin"))[check] is F
    assert answers(tmp_path / "b", binding(to="view"))[check] is P
    assert answers(tmp_path / "c", binding(to="nowhere"))[check] is U
    assert answers(tmp_path / "d", binding("{kind: Group, name: 'system:masters'}", to="cluster-admin"))[check] is P
    own = binding(to="cluster-admin", labels="{kubernetes.io/bootstrapping: rbac-defaults}")
    assert answers(tmp_path / "e", own)[check] is N


def test_nobody_and_everybody(tmp_path: Path) -> None:
    """Callers without an identity get no role, and all identities together get no powers."""
    nobody, everybody = "{kind: Group, name: 'system:unauthenticated'}", "{kind: Group, name: 'system:authenticated'}"
    assert answers(tmp_path / "a", binding(nobody, "view"))["iam.binding.no-anonymous", BINDING] is F
    assert answers(tmp_path / "b", binding(everybody, "view"))["iam.binding.no-anonymous", BINDING] is P
    assert answers(tmp_path / "c", binding(everybody, "edit"))["iam.binding.no-everybody", BINDING] is F
    assert answers(tmp_path / "d", binding(everybody, "view"))["iam.binding.no-everybody", BINDING] is P
    assert answers(tmp_path / "e", binding(to="edit"))["iam.binding.no-everybody", BINDING] is N


def test_roles_name_what_they_grant(tmp_path: Path) -> None:
    """A star for verbs or resources fails."""
    check = ("iam.role.no-wildcard", "ClusterRole/r")
    assert answers(tmp_path / "a", role("[{apiGroups: [''], resources: [pods], verbs: ['*']}]"))[check] is F
    assert answers(tmp_path / "b", role("[{apiGroups: [''], resources: [pods], verbs: [get]}]"))[check] is P


def server(program: str, *flags: str) -> str:
    """A pod of the control plane."""
    return pod(
        f"  containers: [{{name: c, command: {json.dumps([program])}, args: {json.dumps(flags)}}}]",
        namespace="kube-system",
    )


@pytest.mark.parametrize(
    ("check", "program", "bad", "good"),
    [
        ("iam.api-server.no-anonymous", "kube-apiserver", (), ("--anonymous-auth=false",)),
        ("iam.api-server.rbac", "kube-apiserver", ("--authorization-mode=Node",), ("--authorization-mode=Node,RBAC",)),
        ("iam.api-server.no-always-allow", "kube-apiserver", (), ("--authorization-mode=Node,RBAC",)),
        ("iam.api-server.no-token-file", "kube-apiserver", ("--token-auth-file=/t",), ()),
        ("log.api-server.audit", "kube-apiserver", (), ("--audit-log-path", "/var/log/a")),
        ("enc.api-server.secrets", "/usr/bin/kube-apiserver", (), ("--encryption-provider-config=/e",)),
        ("enc.etcd.tls", "etcd", ("--cert-file=/c",), ("--cert-file=/c", "--key-file=/k")),
        ("enc.etcd.no-auto-tls", "etcd", ("--auto-tls",), ("--auto-tls=false",)),
        ("iam.etcd.client-certificates", "etcd", (), ("--client-cert-auth=true",)),
    ],
)
def test_the_control_plane(
    tmp_path: Path, check: str, program: str, bad: tuple[str, ...], good: tuple[str, ...]
) -> None:
    """Flags in the command or in the arguments decide, and a flag that is not given has its default."""
    at = "kube-system/Pod/p"
    assert answers(tmp_path / "bad", server(program, *bad))[check, at] is F
    assert answers(tmp_path / "good", server(program, *good))[check, at] is P


def test_a_file_that_is_elsewhere_leaves_the_question_open(tmp_path: Path) -> None:
    """Modes and anonymous access may stand in a file that no dump holds."""
    said = answers(tmp_path, server("kube-apiserver", "--authorization-config=/a", "--authentication-config=/b"))
    assert said["iam.api-server.rbac", "kube-system/Pod/p"] is U
    assert said["iam.api-server.no-anonymous", "kube-system/Pod/p"] is U


def test_kubelets_by_their_record(tmp_path: Path) -> None:
    """Flags win over the file, the file over the default; a file that is named and missing is unknown."""

    def record(line: str, config: str | None) -> str:
        data: dict[str, object] = {"cmdLine": f"/usr/bin/kubelet {line}"}
        if config is not None:
            data["configFile"] = {"content": base64.b64encode(config.encode()).decode()}
        return json.dumps(
            {
                "apiVersion": "hostdata.kubescape.cloud/v1beta0",
                "kind": "KubeletInfo",
                "metadata": {"name": "n"},
                "data": data,
            }
        )

    at = "n/external:KubeletInfo"
    said = answers(tmp_path / "a", record("--config=/c", "readOnlyPort: 10255\n"))
    assert (said["enc.kubelet.tls", at], said["host.kubelet.no-read-only-port", at]) == (F, F)
    said = answers(
        tmp_path / "b",
        record("--config=/c --read-only-port=0", "tlsCertFile: /a\ntlsPrivateKeyFile: /b\nreadOnlyPort: 1\n"),
    )
    assert (said["enc.kubelet.tls", at], said["host.kubelet.no-read-only-port", at]) == (P, P)
    assert answers(tmp_path / "c", record("--config=/c", None))["enc.kubelet.tls", at] is U


def test_managed_clusters_by_their_description(tmp_path: Path) -> None:
    """What the cloud says of a cluster is judged by the checks of that cloud's clusters."""

    def described(version: str, data: Mapping[str, object]) -> str:
        return json.dumps({"apiVersion": version, "kind": "ClusterDescribe", "metadata": {"name": "c"}, "data": data})

    at = "c/external:ClusterDescribe"
    vpc = {"EndpointPublicAccess": True, "EndpointPrivateAccess": False, "PublicAccessCidrs": ["0.0.0.0/0"]}
    said = answers(
        tmp_path / "a", described("eks.amazonaws.com/v1", {"Cluster": {"ResourcesVpcConfig": vpc, "Version": "1.18"}})
    )
    for check in (
        "net.cluster.eks-api-private",
        "net.cluster.eks-api-cidrs",
        "net.cluster.eks-api-inside",
        "log.cluster.eks-control-plane",
    ):
        assert said[check, at] is F
    gke = "container.googleapis.com/v1"
    assert answers(tmp_path / "b", described(gke, {}))["log.cluster.gke-described", at] is F
    on = {"logging_config": {"component_config": {"enable_components": [1]}}}
    assert answers(tmp_path / "c", described(gke, on))["log.cluster.gke-described", at] is P


SLICED = "{nvidia.com/gpu.sharing-strategy: time-slicing, nvidia.com/gpu.product: H100-SHARED}"


def test_nodes_with_accelerators(tmp_path: Path) -> None:
    """A node shares its cards or not, by its labels or by the configuration that it selects; and keeps strangers off."""
    at = "Node/g"
    said = answers(tmp_path / "a", node(SLICED))
    assert (said["gpu.node.no-time-slicing", at], said["gpu.node.taint", at]) == (F, F)
    said = answers(
        tmp_path / "b",
        node(
            "{nvidia.com/mig.strategy: single, nvidia.com/gpu.product: H100-MIG-1g}",
            "[{key: nvidia.com/gpu, effect: NoSchedule}]",
        ),
    )
    assert (said["gpu.node.no-time-slicing", at], said["gpu.node.taint", at]) == (P, P)
    assert answers(tmp_path / "c", node("{}", "[{key: x, effect: PreferNoSchedule}]"))["gpu.node.taint", at] is F
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: device-plugin-config, namespace: gpu-operator}\ndata:\n  a100: |\n    version: v1\n    sharing:\n      timeSlicing:\n        resources: [{name: nvidia.com/gpu, replicas: %s}]\n"
    check = ("gpu.device-plugin.no-sharing", "gpu-operator/ConfigMap/device-plugin-config")
    said = answers(tmp_path / "d", config % 4, node("{nvidia.com/device-plugin.config: a100}"))
    assert (said[check], said["gpu.node.no-time-slicing", at]) == (F, F)
    said = answers(tmp_path / "e", config % 1, node("{nvidia.com/device-plugin.config: a100}"))
    assert (said[check], said["gpu.node.no-time-slicing", at]) == (P, P)


def test_tenants_that_meet_on_a_node(tmp_path: Path) -> None:
    """Two tenants' pods on a node that shares its cards in time fail; one tenant's, or MIG, do not."""

    def on(space: str) -> str:
        return pod(container("resources: {limits: {nvidia.com/gpu: 1}}") + "\n  nodeName: g", namespace=space)

    spaces = (namespace("a", tenant="one"), namespace("b", tenant="two"), namespace("c", tenant="one"))
    check = ("gpu.node.one-tenant", "Node/g")
    assert answers(tmp_path / "a", *spaces, on("a"), on("b"), node(SLICED))[check] is F
    assert answers(tmp_path / "b", *spaces, on("a"), on("c"), node(SLICED))[check] is P
    mig = "{nvidia.com/mig.strategy: single, nvidia.com/gpu.product: H100-MIG-1g}"
    assert answers(tmp_path / "c", *spaces, on("a"), on("b"), node(mig))[check] is P
    assert answers(tmp_path / "d", *spaces, node(SLICED))[check] is N
    sensitive = namespace("d", tenant="three", sensitivity="restricted")
    assert answers(tmp_path / "e", *spaces, sensitive, on("a"), on("b"), node("{}"))[check] is F


def test_the_gpu_operator(tmp_path: Path) -> None:
    """The variable opens devices unless it is refused, developer mode protects nothing, metrics stay inside."""
    at = "ClusterPolicy/p"
    text = "apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: %s\n"
    said = answers(
        tmp_path / "a",
        text % "{ccManager: {enabled: true, defaultMode: devtools}, dcgmExporter: {service: {type: NodePort}}}",
    )
    checks = ("gpu.operator.no-envvar", "tee.operator.cc-mode", "net.operator.metrics-inside")
    assert [said[c, at] for c in checks] == [F, F, F]
    env = "toolkit: {env: [{name: ACCEPT_NVIDIA_VISIBLE_DEVICES_ENVVAR_WHEN_UNPRIVILEGED, value: 'false'}]}"
    said = answers(tmp_path / "b", text % f"{{ccManager: {{enabled: true, defaultMode: 'on'}}, {env}}}")
    assert [said[c, at] for c in checks] == [P, P, P]
    assert answers(tmp_path / "c", text % "{cdi: {enabled: true, default: true}}")["tee.operator.cc-mode", at] is N


def test_what_is_declined_is_declined_for_a_reason_and_not_claimed() -> None:
    """A rule is either an equivalent of a check or declined with a reason, never both; the checks that are named exist."""
    claimed = {
        e.partition(":")[2] for c in catalogue().checks.values() for e in c.equivalents if e.startswith("kubescape:")
    }
    assert claimed.isdisjoint(ASKED_OF_ANOTHER)
    assert claimed.isdisjoint(DECLINED)
    assert {check for check, _ in ASKED_OF_ANOTHER.values()} <= set(catalogue().checks)
    assert all(len(r) > 30 for r in [*DECLINED.values(), *(why for _, why in ASKED_OF_ANOTHER.values())])


def test_the_rules_of_the_samples_are_mapped_or_declined(vectors: Path) -> None:
    """Every rule that a labelled sample was made for is one or the other."""
    rows = (vectors / "posture" / "k8s_labels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rules = {r.split("\t")[1] for r in rows} - {"source_rule"}
    claimed = {
        e.partition(":")[2] for c in catalogue().checks.values() for e in c.equivalents if e.startswith("kubescape:")
    }
    assert rules - claimed - set(ASKED_OF_ANOTHER) - set(DECLINED) == set()
    assert len(rules & claimed) >= 0.75 * len(rules)
