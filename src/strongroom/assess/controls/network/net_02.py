"""NET-02: Private network placement of notebooks, training and inference."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="NET-02",
    title="Private network placement of notebooks, training and inference",
    verb=Verb.ISOLATE,
    domain="Network",
    area="network",
    phase=60,
    phase_basis="stated",
    priority="hygiene",
    scope="cloud",
    guide="Cloud 01; 60-day plan",
    what="Run notebooks, training jobs and endpoints in a VPC or VNet, on private subnets with private DNS.",
    why=(
        "A managed notebook with direct internet access is a root shell with credentials on both sides of the "
        "firewall: data can leave without passing any network you control, and whatever it downloads arrives without "
        "inspection. A public cluster API puts the whole cluster behind one leaked kubeconfig or one authentication "
        "bug. Private placement does not stop an insider, but it makes security groups, endpoint policies and flow "
        "logs apply to the traffic at all."
    ),
    fix=(
        "Give training jobs, models and notebooks subnets and security groups, and turn direct internet access off; "
        "most managed services need recreation for this, so plan it per workspace. Make the cluster API private, "
        "with authorised networks for the interim. Link private DNS zones for the services in use last, and verify "
        "that names resolve to private addresses, since otherwise clients quietly fall back to public ones."
    ),
    limits=(
        "A NAT route counts as private placement here; what may go out through it is NET-04. Subnets and zones that "
        "are referenced but defined elsewhere leave the answer unknown until that source is given too."
    ),
    clauses=(
        Clause(
            id="NET-02.in-private-network",
            text=(
                "100% of SageMaker, Azure ML, Vertex, Kubernetes and VM AI workloads are in a VPC or VNet with no "
                "route to an IGW."
            ),
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="NET-02.no-direct-internet",
            text="Direct internet access is disabled for every such workload.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="NET-02.private-cluster-api",
            text="The API endpoint of every cluster is private.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
                "k8s",
            ),
        ),
        Clause(
            id="NET-02.private-dns",
            text="A private DNS zone is linked to the network.",
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
    ),
    evidence=(
        "SageMaker DirectInternetAccess/VpcConfig, AML managed VNet, Vertex network/PSC, GKE/EKS/AKS private "
        "cluster, route tables"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7", "SC-7(21)", "SC-2", "SC-32"),
        csa_aicm_domain=("I&S",),
        csa_ccm_4_1=("I&S-03", "I&S-06", "I&S-08"),
        rand_sl=("SL3-WS2",),
        mitre_atlas=("AML.T0049",),
        mitre_attack=("T1190", "T1046", "T1580"),
        owasp_aisvs=("5.2.1",),
    ),
)
