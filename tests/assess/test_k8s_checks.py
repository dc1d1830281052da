"""Every check of Kubernetes objects: a case that breaks it and one that holds, written as manifests."""

from pathlib import Path

import pytest

from kubernetes_objects import answers, container, namespace, pod
from strongroom.model.codes import Status

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
POD = "ns/Pod/p"
TIGHT = container(
    "securityContext: {runAsNonRoot: true, runAsUser: 10, runAsGroup: 10, allowPrivilegeEscalation: false, "
    "readOnlyRootFilesystem: true, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, seccompProfile: {type: RuntimeDefault}}"
)
LOOSE = container()
GPU = "resources: {limits: {nvidia.com/gpu: 1}}"


def mounts(path: str, more: str = "") -> str:
    """A container that mounts a path of its node."""
    return (
        container(f"volumeMounts: [{{name: v, mountPath: /x{more}}}]")
        + f"\n  volumes: [{{name: v, hostPath: {{path: '{path}'}}}}]"
    )


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        ("iam.workload.privileged", container("securityContext: {privileged: true}"), LOOSE),
        ("iam.workload.privileged", container("securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}"), TIGHT),
        ("iam.workload.host-pid", "  hostPID: true\n" + LOOSE, "  hostIPC: true\n" + LOOSE),
        ("iam.workload.host-ipc", "  hostIPC: true\n" + LOOSE, "  hostPID: true\n" + LOOSE),
        ("net.workload.host-network", "  hostNetwork: true\n" + LOOSE, LOOSE),
        ("iam.workload.host-path-writable", mounts("/data"), mounts("/data", ", readOnly: true")),
        ("iam.workload.runtime-socket", mounts("/var/run/docker.sock", ", readOnly: true"), mounts("/var/log")),
        ("net.workload.host-port", container("ports: [{hostPort: 80}]"), container("ports: [{containerPort: 80}]")),
        ("iam.workload.capabilities", container("securityContext: {capabilities: {add: [net_raw]}}"), TIGHT),
        ("iam.workload.root", LOOSE, TIGHT),
        ("iam.workload.root", container("securityContext: {runAsUser: 0}"), TIGHT),
        ("iam.workload.root", container("securityContext: {runAsNonRoot: true}"), TIGHT),
        ("iam.workload.read-only-root", LOOSE, TIGHT),
        ("iam.workload.seccomp", container("securityContext: {seccompProfile: {type: Unconfined}}"), TIGHT),
        ("iam.workload.no-new-privileges", LOOSE, TIGHT),
        ("iam.workload.token-mounted", LOOSE, "  automountServiceAccountToken: false\n" + LOOSE),
        ("art.workload.env-secret", container("envFrom: [{secretRef: {name: s}}]"), container("envFrom: [{configMapRef: {name: s}}]")),
        ("art.workload.env-secret", container("env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), LOOSE),
        ("art.workload.no-plain-secret", container("env: [{name: API_KEY, value: hunter2}]"), container("env: [{name: API_KEY, value: /run/key}]")),
        ("gpu.workload.no-unrequested-device", mounts("/dev/nvidia0"), container(GPU)),
        ("gpu.workload.no-unrequested-device", container("env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]"), container(GPU)),
        ("gpu.workload.no-unrequested-device", container(f"{GPU}, securityContext: {{privileged: true}}"), container(GPU)),
        ("gpu.workload.no-unrequested-device", container(GPU) + "\n  hostIPC: true", container(GPU)),
        ("gpu.workload.no-unrequested-device", "  runtimeClassName: nvidia\n" + LOOSE, "  runtimeClassName: nvidia\n" + container(GPU)),
        ("gpu.workload.no-unrequested-device", mounts("/dev/../dev//"), container(GPU)),
        ("gpu.workload.one-tenants-nodes", container(GPU) + "\n  tolerations: [{operator: Exists}]", container(GPU) + "\n  tolerations: [{key: nvidia.com/gpu, operator: Exists}]"),
        ("gpu.workload.no-core-dumps", container(f"{GPU}, env: [{{name: CUDA_ENABLE_COREDUMP_ON_EXCEPTION, value: '1'}}]"),
         container(f"{GPU}, env: [{{name: CUDA_ENABLE_COREDUMP_ON_EXCEPTION, value: '0'}}]")),
        ("gpu.workload.no-core-dumps", container(f"{GPU}, envFrom: [{{configMapRef: {{name: m}}}}], env: [{{name: CUDA_COREDUMP_FILE, value: /d}}]"), container(GPU)),
        ("gpu.workload.no-core-dumps", container(f"{GPU}, env: [{{name: CUDA_COREDUMP_FILE, valueFrom: {{fieldRef: {{}}}}}}]"), container(GPU)),
        ("tee.workload.image-digest", container(GPU), container(GPU, "r/x@sha256:" + "0" * 64)),
    ],
)  # fmt: skip
def test_pods(tmp_path: Path, check: str, bad: str, good: str) -> None:
    """A pod with the fault fails, one without it passes."""
    assert answers(tmp_path / "bad", pod(bad))[check, POD] is F
    assert answers(tmp_path / "good", pod(good))[check, POD] is P


def test_every_container_counts(tmp_path: Path) -> None:
    """An init or ephemeral container is a container; a pod of a CronJob is a pod."""
    for role in ("initContainers", "ephemeralContainers"):
        spec = LOOSE + f"\n  {role}: [{{name: i, securityContext: {{privileged: true}}}}]"
        assert answers(tmp_path / role, pod(spec))["iam.workload.privileged", POD] is F
    text = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j, namespace: n}\nspec: {jobTemplate: {spec: {template: {spec: {hostPID: true}}}}}\n"
    assert answers(tmp_path / "cron", text)["iam.workload.host-pid", "n/CronJob/j"] is F


def test_a_pod_that_is_no_neighbour_of_gpus_may_be_privileged(tmp_path: Path) -> None:
    """Rights that open every device count where there are devices: on request, by selector, or on an open GPU node."""
    check = ("gpu.workload.no-unrequested-device", POD)
    loud = pod(container("securityContext: {privileged: true}"))
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: g, labels: {nvidia.com/gpu.count: '8'}}\n"
    assert check not in answers(tmp_path / "a", loud)
    assert answers(tmp_path / "b", loud, node)[check] is F
    assert check not in answers(
        tmp_path / "c", loud, node + "spec: {taints: [{key: nvidia.com/gpu, effect: NoSchedule}]}\n"
    )
    exempt = pod(container("securityContext: {privileged: true}"), namespace="gpu-operator")
    assert (check[0], "gpu-operator/Pod/p") not in answers(tmp_path / "d", exempt, node)


def test_labels_of_the_namespace_decide_what_is_asked(tmp_path: Path) -> None:
    """Confidential work needs a confidential machine, sensitive work a card of its own, and every GPU pod a tenant."""
    shared = container("resources: {limits: {nvidia.com/gpu.shared: 1}}")
    secret = namespace(tenant="t", sensitivity="confidential")
    said = answers(tmp_path / "a", secret, pod(shared))
    assert (said["tee.workload.confidential", POD], said["gpu.workload.whole-card", POD]) == (F, F)
    assert said["inv.workload.tenant", POD] is P
    assert said["net.namespace.default-deny", "Namespace/ns"] is F
    kata = "  runtimeClassName: kata-qemu-snp\n" + container(GPU)
    said = answers(tmp_path / "b", secret, pod(kata))
    assert (said["tee.workload.confidential", POD], said["gpu.workload.whole-card", POD]) == (P, P)
    said = answers(tmp_path / "c", namespace(), pod(shared))
    assert (said["inv.workload.tenant", POD], said["gpu.workload.whole-card", POD]) == (F, N)
    assert answers(tmp_path / "d", pod(shared))["inv.workload.tenant", POD] is U
    said = answers(tmp_path / "e", namespace(tenant="t", sensitivity="secret"), pod(shared))
    assert said["gpu.workload.whole-card", POD] is U


def test_a_service_account_raises_the_label_and_never_lowers_it(tmp_path: Path) -> None:
    """The higher of namespace and account counts."""
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: ns, annotations: {isolation.example.org/sensitivity: %s}}\n"
    low, high = namespace(tenant="t", sensitivity="internal"), namespace(tenant="t", sensitivity="confidential")
    check = ("tee.workload.confidential", POD)
    assert answers(tmp_path / "a", low, account % "confidential", pod(LOOSE))[check] is F
    assert answers(tmp_path / "b", high, account % "public", pod(LOOSE))[check] is F
    assert answers(tmp_path / "c", low, pod(LOOSE))[check] is N


def policy(spec: str, kind: str = "networking.k8s.io/v1 NetworkPolicy", space: str = "ns") -> str:
    """A network policy."""
    version, name = kind.split()
    return f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: np, namespace: {space}}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (policy("{podSelector: {}, policyTypes: [Ingress, Egress]}"), P),
        (policy("{podSelector: {matchLabels: {app: p}}, ingress: []}"), P),
        (policy("{podSelector: {matchLabels: {app: q}}, ingress: []}"), F),
        (policy("{podSelector: {matchExpressions: [{key: app, operator: In, values: [p]}]}}"), P),
        (policy("{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [p]}]}}"), F),
        (policy("{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}"), F),
        (policy("{podSelector: {}}", space="elsewhere"), F),
        (
            policy(
                "{endpointSelector: {matchLabels: {'k8s:app': p}}, egress: [{}]}", "cilium.io/v2 CiliumNetworkPolicy"
            ),
            P,
        ),
        (policy("{endpointSelector: {}}", "cilium.io/v2 CiliumNetworkPolicy"), F),
        (
            policy(
                "{endpointSelector: {}, ingress: [{}], enableDefaultDeny: {ingress: false}}",
                "cilium.io/v2 CiliumNetworkPolicy",
            ),
            F,
        ),
        (policy("{endpointSelector: {}, ingress: [{}]}", "cilium.io/v2 CiliumClusterwideNetworkPolicy"), P),
    ],
)
def test_policies_select_pods(tmp_path: Path, text: str, expected: Status) -> None:
    """Selectors select by label and expression, in their own namespace or clusterwide, and only where they close something."""
    assert answers(tmp_path, text, pod(LOOSE))["net.workload.policy", POD] is expected


def test_policies_of_namespaces_and_egress(tmp_path: Path) -> None:
    """A namespace has a policy or not; egress is closed by a policy for egress; the node's network obeys none."""
    both = policy("{podSelector: {}, policyTypes: [Ingress, Egress]}")
    sensitive = namespace(tenant="t", sensitivity="restricted")
    said = answers(tmp_path / "a", both, sensitive, pod(container(GPU)))
    assert said["net.namespace.policy", "Namespace/ns"] is P
    assert said["net.namespace.default-deny", "Namespace/ns"] is P
    assert said["net.workload.egress-policy", POD] is P
    only_in = policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
    said = answers(tmp_path / "b", only_in, sensitive, pod(container(GPU)))
    assert said["net.workload.egress-policy", POD] is F
    assert said["net.namespace.default-deny", "Namespace/ns"] is F
    assert answers(tmp_path / "c", namespace())["net.namespace.policy", "Namespace/ns"] is F
    said = answers(tmp_path / "d", both, pod(container(GPU) + "\n  hostNetwork: true"))
    assert (said["net.workload.policy", POD], said["net.workload.egress-policy", POD]) == (N, F)


def service(spec: str, notes: str = "{}", name: str = "s", space: str = "ns", labels: str = "{}") -> str:
    """A service."""
    meta = f"{{name: {name}, namespace: {space}, annotations: {notes}, labels: {labels}}}"
    return f"apiVersion: v1\nkind: Service\nmetadata: {meta}\nspec: {spec}\n"


INGRESS = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: ns}\nspec: {rules: [{http: {paths: [{backend: {service: {name: s}}}]}}]%s}\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((service("{type: LoadBalancer, selector: {app: p}}"),), F),
        ((service("{type: NodePort, selector: {app: p}}"),), F),
        ((service("{externalIPs: [1.2.3.4], selector: {app: p}}"),), F),
        ((service("{type: LoadBalancer, selector: {app: p}}", "{networking.gke.io/load-balancer-type: Internal}"),), P),
        ((service("{type: LoadBalancer, selector: {app: q}}"),), P),
        ((service("{type: LoadBalancer, selector: {app: p}}", space="other"),), P),
        ((service("{selector: {app: p}}"),), P),
        ((service("{selector: {app: p}}"), INGRESS % ""), F),
        ((service("{selector: {app: p}}", name="t"), INGRESS % ""), P),
    ],
)
def test_exposure(tmp_path: Path, texts: tuple[str, ...], expected: Status) -> None:
    """A pod is exposed by a service of its namespace that selects it and faces outward, or that an ingress leads to."""
    assert answers(tmp_path, *texts, pod(LOOSE))["net.workload.exposed", POD] is expected


def test_a_mesh_gateway_exposes(tmp_path: Path) -> None:
    """A route through a gateway whose service faces outward is a way in; through an inner one it is none."""
    gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec: {selector: {istio: gw}}\n"
    route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: ns}\nspec: {gateways: [g], http: [{route: [{destination: {host: s}}]}]}\n"
    inner = service("{selector: {app: p}}")
    check = ("net.workload.exposed-by-mesh", POD)
    for kind, expected in (("LoadBalancer", F), ("ClusterIP", P)):
        door = service(f"{{type: {kind}, selector: {{istio: gw}}}}", name="door", space="mesh", labels="{istio: gw}")
        assert answers(tmp_path / kind, gateway, route, inner, door, pod(LOOSE))[check] is expected


def test_services_ingresses_and_meshes(tmp_path: Path) -> None:
    """A public load balancer lists who may use it, no service claims foreign addresses, TLS is required."""
    at = "ns/Service/s"
    said = answers(tmp_path / "a", service("{type: LoadBalancer, externalIPs: [1.2.3.4]}"), INGRESS % "")
    assert (said["net.service.listed-sources", at], said["net.service.external-ip", at]) == (F, F)
    assert said["enc.ingress.tls", "ns/Ingress/i"] is F
    said = answers(
        tmp_path / "b",
        service("{type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]}"),
        INGRESS % ", tls: [{hosts: [a]}]",
    )
    assert (said["net.service.listed-sources", at], said["net.service.external-ip", at]) == (P, P)
    assert said["enc.ingress.tls", "ns/Ingress/i"] is P
    mesh = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: m, namespace: ns}\nspec: {mtls: {mode: %s}}\n"
    for mode, expected in (("STRICT", P), ("PERMISSIVE", F), ("UNSET", N)):
        assert answers(tmp_path / mode, mesh % mode)["enc.mesh.strict", "ns/PeerAuthentication/m"] is expected


def test_tokens_and_levels(tmp_path: Path) -> None:
    """An account that mounts no token speaks for its pods, a pod for itself; namespaces enforce a level or do not."""
    account = (
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s, namespace: ns}\nautomountServiceAccountToken: %s\n"
    )
    check = ("iam.workload.token-mounted", POD)
    assert answers(tmp_path / "a", account % ("default", "false"), pod(LOOSE))[check] is P
    assert (
        answers(tmp_path / "b", account % ("default", "false"), pod(LOOSE + "\n  automountServiceAccountToken: true"))[
            check
        ]
        is F
    )
    default = "iam.service-account.default-token"
    assert answers(tmp_path / "c", account % ("default", "true"))[default, "ns/ServiceAccount/default"] is F
    assert answers(tmp_path / "d", account % ("default", "false"))[default, "ns/ServiceAccount/default"] is P
    assert answers(tmp_path / "e", account % ("own", "true"))[default, "ns/ServiceAccount/own"] is N
    level = ("iam.namespace.pod-security", "Namespace/ns")
    assert answers(tmp_path / "f", namespace(labels="{pod-security.kubernetes.io/enforce: restricted}"))[level] is P
    assert answers(tmp_path / "g", namespace(labels="{pod-security.kubernetes.io/enforce: privileged}"))[level] is F
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: ns}\ndata: {k: '%s'}\n"
    secret = ("art.config-map.no-plain-secret", "ns/ConfigMap/c")
    assert answers(tmp_path / "h", config % "password: correct-horse")[secret] is F
    assert answers(tmp_path / "i", config % "level: info")[secret] is P
