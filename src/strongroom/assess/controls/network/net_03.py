"""NET-03: Private endpoints for data and control services."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="NET-03",
    title="Private endpoints for data and control services",
    verb=Verb.ISOLATE,
    domain="Network",
    area="network",
    phase=60,
    phase_basis="stated",
    priority="hygiene",
    scope="cloud",
    guide="Cloud intro; Cloud 01; 60-day plan",
    what="Use VPC endpoints or Private Link, so that the movement of data does not cross the public internet.",
    why=(
        "With public endpoints, a stolen token works from anywhere: the store cannot tell your training subnet from "
        "an attacker's laptop. A private endpoint with a policy narrows that to your network and your resources, and "
        "disabling public access makes the narrowing binding. The policy is the part that is forgotten: an endpoint "
        "that allows everything is a private road to the attacker's own bucket, with no NAT log to show for it."
    ),
    fix=(
        "Inventory which storage, registry, KMS and ML services the workloads call, create endpoints for them, and "
        "limit each policy to the resources of your organisation. Switch clients over by DNS, watch the flow logs "
        "until nothing goes out by the public path, and only then disable public network access on the service. Keep "
        "an emergency path for administrators that is separate and logged."
    ),
    limits=(
        "Provider services call each other on paths that your endpoints do not carry, so a managed job may still use "
        "public addresses on its own side. That no artifact bytes took the public path is shown by flow logs alone, "
        "and only as long as they are complete."
    ),
    clauses=(
        Clause(
            id="NET-03.private-endpoints",
            text=(
                "Every artifact store, registry, KMS and ML API that AI workloads use is reached through a private "
                "endpoint whose policy limits it to the organisation's resources."
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
            id="NET-03.public-access-off",
            text="Public network access (publicNetworkAccess) is disabled on these services.",
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
            id="NET-03.no-public-bytes",
            text="Flow logs show no artifact bytes over a public path.",
            measured_by=("watch",),
        ),
    ),
    evidence="endpoint inventory+policy, publicNetworkAccess flags, flow logs",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7(5)", "SC-7(3)", "AC-4", "SC-8"),
        csa_aicm_domain=("I&S", "CEK"),
        csa_ccm_4_1=("I&S-03", "I&S-09"),
        rand_sl=("SL3-WS2", "SL2-TU1"),
        mitre_atlas=("AML.T0025",),
        mitre_attack=("T1040", "T1557", "T1537"),
    ),
)
