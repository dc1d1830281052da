"""Networks in a cluster: what may talk to a pod, what a pod may reach, and what stands open to the outside."""

from strongroom.assess.checks._kubernetes import none_of
from strongroom.kit.nets import is_world
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

BETWEEN = "SEG-01.default-deny-between"
OPEN = "NET-01.not-exposed"
POLICY = "networking.k8s.io/v1/NetworkPolicy"
DENY = "spec:\n  podSelector: {}\n  policyTypes: [Ingress, Egress]"
ON_NODE = "its pods use the network of their node, where no policy holds"


@check(
    id="net.workload.policy",
    title="A network policy selects the pods",
    clause=BETWEEN,
    kinds=(Kind.WORKLOAD,),
    needs=("net.policy_ingress", "net.policy_egress", "pod.host_namespaces"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny everything in the namespace, then allow what the workload needs.",
        ((POLICY, DENY),),
        verify="kubectl get networkpolicy -n NAME -o wide",
        effort=Effort.MEDIUM,
    ),
    broken="no network policy selects its pods: every pod of the cluster reaches them, and they reach everything",
    equivalents=("kubescape:ensure_network_policy_configured_in_labels", "kubescape:ingress-and-egress-blocked"),
)
def policy(v: View) -> Answer:
    """Without a policy one pod that is taken over sees every other: parameter servers, notebooks, inference engines
    and the metrics of all tenants.
    """
    if "network" in v.texts("pod.host_namespaces"):
        return not_applicable(ON_NODE)
    said = (v.raw("net.policy_ingress"), v.raw("net.policy_egress"))
    if True in said:
        return holds()
    doubts = [s for s in said if isinstance(s, Unknown)]
    return unknown(*doubts) if doubts else broken() if False in said else unknown(*_strange(said))


def _strange(said: tuple[object, ...]) -> tuple[Unknown, ...]:
    return tuple(Unknown(GapCode.MALFORMED, f"found {type(s).__name__}, no answer") for s in said)


@check(
    id="net.workload.egress-policy",
    title="A network policy limits what an accelerator's pods reach",
    clause="NET-04.default-deny-egress",
    kinds=(Kind.WORKLOAD,),
    needs=("net.policy_egress", "gpu.requested", "pod.host_namespaces"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Close egress for the pods and list the registries, buckets and services that they use.",
        (
            (
                POLICY,
                "spec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n  - to:\n    - ipBlock:\n        cidr: 10.0.0.0/8",
            ),
        ),
        verify="kubectl exec POD -- curl -m 5 https://example.com fails",
        effort=Effort.MEDIUM,
    ),
    broken="its pods reach every address, weights in hand",
)
def egress(v: View) -> Answer | bool:
    """Pods with accelerators hold weights and data; with egress open, stealing them is one upload."""
    if "network" in v.texts("pod.host_namespaces"):
        return broken()
    return v.flag("net.policy_egress")


@check(
    id="net.namespace.policy",
    title="The namespace has a network policy",
    clause=BETWEEN,
    kinds=(Kind.NAMESPACE,),
    needs=("ns.policies",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny by default in the namespace.",
        ((POLICY, DENY),),
        verify="kubectl get networkpolicy -n NAME",
        effort=Effort.MEDIUM,
    ),
    broken="no network policy holds in it",
    equivalents=("kubescape:internal-networking",),
)
def namespace_policy(v: View) -> bool:
    """A namespace without a policy is a name, not a border."""
    return v.flag("ns.policies")


@check(
    id="net.namespace.default-deny",
    title="A namespace with sensitive work denies by default, both ways",
    clause=BETWEEN,
    kinds=(Kind.NAMESPACE,),
    needs=("ns.default_deny", "sensitivity"),
    severity=Severity.HIGH,
    fix=Fix(
        "Deny all ingress and egress for all pods, then allow by name.",
        ((POLICY, DENY),),
        verify="kubectl get networkpolicy -n NAME",
    ),
    broken="{missing} is open for pods that no policy selects, in a {level} namespace",
)
def default_deny(v: View) -> Answer:
    """Policies that select by label leave out the pod whose label was forgotten; a denial for all pods leaves out none."""
    level = v.text("sensitivity")
    if level not in ("restricted", "confidential"):
        return not_applicable(f"the namespace is {level or 'not labelled'}")
    missing = [d for d in ("ingress", "egress") if d not in v.texts("ns.default_deny")]
    return broken(missing=" and ".join(missing), level=level) if missing else holds()


@check(
    id="net.workload.exposed",
    title="No service or ingress opens the workload to the outside",
    clause=OPEN,
    kinds=(Kind.WORKLOAD,),
    needs=("net.exposed_by",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make the service ClusterIP, or the load balancer internal; put what must be public behind a gateway that asks who calls.",
        (("v1/Service", "spec:\n  type: ClusterIP"),),
        verify="kubectl get service,ingress -A",
        effort=Effort.MEDIUM,
    ),
    broken="it can be reached from outside the cluster by {found}",
    equivalents=("kubescape:exposure-to-internet",),
)
def exposed(v: View) -> Answer:
    """Dashboards of Ray, notebooks and inference servers run code for whoever reaches them."""
    return none_of(v, "net.exposed_by")


@check(
    id="net.workload.exposed-by-mesh",
    title="No mesh gateway opens the workload to the outside",
    clause=OPEN,
    kinds=(Kind.WORKLOAD,),
    needs=("net.exposed_by_mesh",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the route off the outer gateway, or ask for an identity there (RequestAuthentication, AuthorizationPolicy).",
        verify="kubectl get virtualservice,gateway -A",
        effort=Effort.MEDIUM,
    ),
    broken="it can be reached from outside the cluster by {found}",
    equivalents=("kubescape:exposure-to-internet-via-istio-ingress",),
)
def exposed_by_mesh(v: View) -> Answer:
    """A route on the outer gateway is an open door that no Service or Ingress shows."""
    return none_of(v, "net.exposed_by_mesh")


@check(
    id="net.service.listed-sources",
    title="A public load balancer names who may use it",
    clause=OPEN,
    kinds=(Kind.LOAD_BALANCER,),
    needs=("net.public_cidrs", "service.type"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "List the networks that may use it, or make it internal.",
        (("v1/Service", "spec:\n  loadBalancerSourceRanges: [203.0.113.0/24]"),),
        verify="kubectl get service NAME -o jsonpath='{.spec.loadBalancerSourceRanges}'",
    ),
    broken="it answers every address",
)
def listed_sources(v: View) -> bool:
    """A load balancer without a list is found by scanners within the hour, whatever listens behind it."""
    return not any(is_world(c) for c in v.texts("net.public_cidrs"))


@check(
    id="net.service.external-ip",
    title="No service claims an address outside the cluster",
    clause=OPEN,
    kinds=(Kind.LOAD_BALANCER,),
    needs=("service.external_ips", "service.type"),
    severity=Severity.HIGH,
    fix=Fix(
        "Remove externalIPs, and refuse them with the admission plugin DenyServiceExternalIPs.",
        verify="kubectl get service -A -o jsonpath='{.items[*].spec.externalIPs}' prints nothing",
    ),
    broken="it takes the traffic of {found}",
)
def external_ip(v: View) -> Answer:
    """Whoever may write a service takes over traffic that pods send to any address that he writes here (CVE-2020-8554)."""
    return none_of(v, "service.external_ips")


@check(
    id="enc.ingress.tls",
    title="The ingress serves with a certificate",
    clause="ART-02.refuses-plaintext",
    kinds=(Kind.LOAD_BALANCER,),
    needs=("ingress.tls",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name the hosts and the Secret with their certificate.",
        (("networking.k8s.io/v1/Ingress", "spec:\n  tls:\n  - hosts: [api.example.com]\n    secretName: api-tls"),),
        verify="curl -sv https://HOST",
    ),
    broken="it serves in plain text",
    equivalents=("kubescape:ingress-no-tls",),
)
def ingress_tls(v: View) -> bool:
    """Prompts, answers and tokens cross every network in between as they are."""
    return v.flag("ingress.tls")


@check(
    id="enc.mesh.strict",
    title="Services refuse plain text from each other",
    clause="GOV-02.strict-mtls",
    kinds=(Kind.POLICY, Kind.NAMESPACE, Kind.OTHER),
    needs=("mesh.mtls",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Require mutual TLS.",
        (
            ("security.istio.io/v1/PeerAuthentication", "spec:\n  mtls:\n    mode: STRICT"),
            (
                "v1/Namespace",
                "metadata:\n  annotations:\n    config.linkerd.io/default-inbound-policy: all-authenticated",
            ),
            ("v1/ConfigMap", 'metadata: {name: cilium-config}\ndata:\n  enable-encryption-strict-mode: "true"'),
        ),
        verify="istioctl experimental describe pod POD; linkerd viz authz -n NAMESPACE; cilium-dbg encrypt status",
    ),
    broken="mutual TLS is {mode}: callers without an identity are served",
)
def mesh_strict(v: View) -> Answer:
    """Permissive mutual TLS is for the day of the migration; after it, it lets in exactly those who have no identity."""
    mode = v.text("mesh.mtls")
    if mode == "UNSET":
        return not_applicable("it leaves the mode to the policy above it")
    return holds() if mode == "STRICT" else broken(mode=mode)


CHECKS = (
    policy,
    egress,
    namespace_policy,
    default_deny,
    exposed,
    exposed_by_mesh,
    listed_sources,
    external_ip,
    ingress_tls,
    mesh_strict,
)
