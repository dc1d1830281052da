"""NET-04: Egress restricted by default."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="NET-04",
    title="Egress restricted by default",
    verb=Verb.ISOLATE,
    domain="Network",
    area="network",
    phase=60,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="Cloud intro; Cloud 01; 60-day plan",
    what="Restrict outbound traffic, so that a compromised workload cannot exfiltrate data or pull arbitrary tooling.",
    why=(
        "Model-serving and training code loads packages, plugins and third-party weights, so assume that some of it "
        "will turn hostile. What it needs next is a way out: to fetch a miner, to call home, to post 100 GB of "
        "weights somewhere. Default-deny egress breaks that chain even for exploits nobody knows yet, and a guarded "
        "metadata service keeps a mere request forgery from becoming the node's cloud role."
    ),
    fix=(
        "Start with the metadata service (IMDSv2 required, hop limit 1, or blocked by network policy), as that is a "
        "single setting. Record a fortnight of flows, write the allow-list from it, review each entry, then set "
        "default deny on security groups, firewalls and namespaces with an FQDN proxy for what must stay. Probe from "
        "inside a workload: an unlisted host, a DNS tunnel name and the metadata address must all fail. Cap bytes "
        "out for tier 0."
    ),
    limits=(
        "Network rules see addresses: a permitted cloud-storage endpoint reaches the attacker's bucket as well as "
        "yours, unless an endpoint policy (NET-03) says otherwise. DNS tunnelling and byte caps cannot be judged "
        "from templates; they need the probe and the runtime."
    ),
    clauses=(
        Clause(
            id="NET-04.default-deny-egress",
            text="Egress is denied by default (SG, NACL, firewall, NetworkPolicy or FQDN proxy) on every AI segment.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "k8s",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="NET-04.metadata-guarded",
            text="The metadata service is out of a workload's reach: a probe to it fails.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "gcp", "gcp-assets", "probe"),
        ),
        Clause(
            id="NET-04.allow-list-equals-policy",
            text="The egress allow-list of every AI segment equals the policy.",
            measured_by=("tf", "plan", "state", "k8s"),
        ),
        Clause(
            id="NET-04.egress-probe-fails",
            text="A workload's probes to an unlisted host and to a DNS tunnel name fail.",
            measured_by=("probe",),
        ),
        Clause(
            id="NET-04.bytes-capped",
            text="Bytes out are capped for tier 0 workloads.",
            measured_by=("host", "k8s"),
        ),
    ),
    evidence=(
        "effective reachability computation, NetworkPolicy analysis, firewall rules, in-cluster probe job, IMDSv2 "
        "hop limit"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7(5)", "SC-7(9)", "SC-7(10)", "AC-4", "SC-7(8)"),
        csa_aicm_domain=("I&S", "DSP"),
        csa_ccm_4_1=("I&S-03", "I&S-06", "UEM-11"),
        rand_sl=("SL3-WS2", "SL4-WS3", "SL4-WS4", "SL5-PI1"),
        mitre_atlas=("AML.T0025", "AML.T0072"),
        mitre_attack=("T1041", "T1048", "T1567", "T1105", "T1572", "T1552.005"),
    ),
)
