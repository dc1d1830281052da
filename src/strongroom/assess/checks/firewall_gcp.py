"""Firewall rules of Virtual Private Cloud, and what a network lets out."""

from collections.abc import Iterable

from strongroom.assess.checks._gcp import SERVICE
from strongroom.assess.checks._rules import listed, verdict
from strongroom.kit.kleene import Tri
from strongroom.kit.nets import covers_port, world
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check
from strongroom.model.values import NetRule, Unknown

FIREWALL = "google_compute_firewall"
RULES = (SERVICE, "net.rules")
INSIDE = 'source_ranges = ["10.0.0.0/8"]'
# Ports that programs for AI and their clusters listen on without a login of their own: Jupyter, Ray, MLflow,
# TensorBoard, Triton, vLLM and Ollama, kubelet, etcd, Dask, Spark, Prometheus and DCGM exporters.
AI_PORTS = (
    2379,
    4040,
    5000,
    6006,
    6379,
    8000,
    8001,
    8002,
    8080,
    8265,
    8786,
    8787,
    8888,
    9090,
    9400,
    10250,
    10255,
    11434,
)
VERIFY = "gcloud compute firewall-rules describe NAME --format='value(direction,sourceRanges,allowed)'"


def _allows(rule: NetRule | Unknown, direction: str) -> Tri:
    """Whether a rule allows in a direction; unknown where the rule is."""
    return rule if isinstance(rule, Unknown) else rule.direction == direction and rule.action == "allow"


def _from_world(v: View, ports: Iterable[int]) -> Answer:
    wanted = tuple(ports)

    def opens(rule: NetRule | Unknown) -> Tri:
        if isinstance(rule, Unknown):
            return rule
        if _allows(rule, "ingress") is not True or not any(covers_port(rule, p) for p in wanted):
            return False
        return world(rule)

    return verdict(listed(v, "net.rules"), opens)


@check(
    id="net.gcp-firewall.ssh",
    title="The rule does not open SSH to the internet",
    clause="NET-01.not-exposed",
    kinds=(Kind.FIREWALL,),
    needs=RULES,
    severity=Severity.HIGH,
    fix=Fix(
        "Let SSH in from Identity-Aware Proxy only, or from the network of a bastion.",
        ((FIREWALL, 'source_ranges = ["35.235.240.0/20"]'),),
        verify=VERIFY,
    ),
    broken="open to the internet: {rule}",
    equivalents=(
        "checkov:CKV_GCP_2",
        "trivy:GCP-0071",
        "prowler:compute_firewall_ssh_access_from_the_internet_allowed",
    ),
)
def ssh(v: View) -> Answer:
    """SSH that the whole internet reaches is tried around the clock; one weak key or one flaw in the daemon is a shell
    beside the weights.
    """
    return _from_world(v, (22,))


@check(
    id="net.gcp-firewall.rdp",
    title="The rule does not open RDP to the internet",
    clause="NET-01.not-exposed",
    kinds=(Kind.FIREWALL,),
    needs=RULES,
    severity=Severity.HIGH,
    fix=Fix("Let RDP in from Identity-Aware Proxy only.", ((FIREWALL, INSIDE),), verify=VERIFY),
    broken="open to the internet: {rule}",
    equivalents=(
        "checkov:CKV_GCP_3",
        "trivy:GCP-0070",
        "prowler:compute_firewall_rdp_access_from_the_internet_allowed",
    ),
)
def rdp(v: View) -> Answer:
    """RDP that the whole internet reaches is the commonest way in for ransomware."""
    return _from_world(v, (3389,))


@check(
    id="net.gcp-firewall.ai-ports",
    title="The rule does not open notebooks, dashboards or model servers to the internet",
    clause="NET-01.not-exposed",
    kinds=(Kind.FIREWALL,),
    needs=RULES,
    severity=Severity.HIGH,
    fix=Fix(
        "Put a load balancer with Identity-Aware Proxy in front, and let only its ranges in.",
        ((FIREWALL, 'source_ranges = ["130.211.0.0/22", "35.191.0.0/16"]'),),
        verify=VERIFY,
        effort=Effort.MEDIUM,
    ),
    broken="open to the internet: {rule}",
)
def ai_ports(v: View) -> Answer:
    """Jupyter, Ray, MLflow, Triton and their exporters listen without a login, and Ray runs whatever code it is sent:
    the firewall is all that stands before them.
    """
    return _from_world(v, AI_PORTS)


@check(
    id="net.gcp-firewall.egress",
    title="The rule does not let traffic out to the whole internet",
    clause="NET-04.default-deny-egress",
    kinds=(Kind.FIREWALL,),
    needs=RULES,
    severity=Severity.HIGH,
    fix=Fix(
        "Name the ranges that the workload talks to, such as private.googleapis.com.",
        ((FIREWALL, 'direction          = "EGRESS"\ndestination_ranges = ["199.36.153.8/30"]'),),
        verify=VERIFY,
        effort=Effort.MEDIUM,
    ),
    broken="lets out to the internet: {rule}",
    equivalents=("trivy:GCP-0035",),
)
def egress(v: View) -> Answer:
    """Whoever takes over a workload sends the weights out through the first rule that lets it, whatever the protocol."""

    def opens(rule: NetRule | Unknown) -> Tri:
        allowed = _allows(rule, "egress")
        return world(rule) if allowed is True and isinstance(rule, NetRule) else allowed

    return verdict(listed(v, "net.rules"), opens)


@check(
    id="net.gcp-network.egress-denied",
    title="The network lets out only what is listed",
    clause="NET-04.default-deny-egress",
    kinds=(Kind.NETWORK,),
    needs=(SERVICE, "net.egress_restricted"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny all egress by a rule of low precedence, and allow by rules of higher precedence what is needed.",
        (
            (
                FIREWALL,
                (
                    'direction          = "EGRESS"\npriority           = 65534\ndestination_ranges = ["0.0.0.0/0"]\n'
                    'deny {\n  protocol = "all"\n}'
                ),
            ),
            ("google_compute_network", "delete_default_routes_on_create = true"),
        ),
        verify="curl https://example.com from a machine of the network is refused",
        effort=Effort.LARGE,
    ),
    broken="no rule denies egress, and the network has a route out",
)
def egress_denied(v: View) -> bool:
    """Every network allows all egress until a rule denies it: without that rule no other rule keeps a stolen model
    inside.
    """
    return v.flag("net.egress_restricted")


CHECKS = (ssh, rdp, ai_ports, egress, egress_denied)
