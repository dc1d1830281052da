"""NET-01: No public exposure of AI compute and stores."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="NET-01",
    title="No public exposure of AI compute and stores",
    verb=Verb.ISOLATE,
    domain="Network",
    area="network",
    phase=30,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="30-day plan; Cloud intro",
    what="Remove public exposure and public IPs from training and inference compute.",
    why=(
        "Notebooks, Ray dashboards, MLflow and Triton were written for trusted networks, and several execute code "
        "for whoever reaches them: the ShadowRay campaign (CVE-2023-48022) took over exposed Ray clusters at scale "
        "just by submitting jobs. Public buckets and snapshots are easier still and need no exploit. Scanners find a "
        'new address within minutes, so "only for the demo" is enough.'
    ),
    fix=(
        "Take away public addresses and 0.0.0.0/0 ingress, beginning with whatever executes code, and put the few "
        "endpoints that must be reachable behind a gateway that authenticates. Block public access at account level "
        "for buckets, snapshots and images, so that a single mistake does not suffice. Then scan from outside and "
        "reconcile every open port with the list of approved fronted endpoints."
    ),
    limits=(
        "Reachability computed from configuration covers the resources in it; a rule added by hand or in another "
        "account needs the live source. Only a probe from outside settles what answers, and it sees the vantage "
        "point and the moment from which it was run."
    ),
    clauses=(
        Clause(
            id="NET-01.not-exposed",
            text=(
                "No AI resource has a public IP, public bucket, public snapshot, internet-facing notebook or "
                "dashboard (Ray, Jupyter, MLflow, Triton, kubelet, etcd) or 0.0.0.0/0 ingress, other than approved "
                "fronted endpoints."
            ),
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
            id="NET-01.probe-agrees",
            text="An external probe agrees with the configuration.",
            measured_by=("probe",),
        ),
    ),
    evidence=(
        "cloud config graph (reachability), K8s Services/Ingress, active probe from outside vantage, Redfish/IPMI scan"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7", "SC-7(5)", "AC-17", "CM-7", "AC-22"),
        csa_aicm_domain=("I&S",),
        csa_ccm_4_1=("I&S-03", "I&S-09"),
        rand_sl=("SL3-WS2", "SL1-TL2"),
        mitre_atlas=("AML.T0049", "AML.T0006"),
        mitre_attack=("T1190", "T1133", "T1530"),
        owasp_aisvs=("5.2.1",),
    ),
)
