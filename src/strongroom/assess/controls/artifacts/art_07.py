"""ART-07: Restrict export and copy of artifacts across environments."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-07",
    title="Restrict export and copy of artifacts across environments",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=60,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="Cloud 02; 60-day plan",
    what="Lock down who can export or copy artifacts across environments.",
    why=(
        "The theft of weights rarely looks like a break-in; it looks like a snapshot shared with another account, a "
        "replication rule, a push to an outside registry or a presigned URL in a chat. Each of these uses a "
        "legitimate API and moves hundreds of gigabytes inside the provider's network, where no egress firewall sees "
        "them. What stops it is that few principals can both read the artifact and write anywhere outside, and that "
        "the organisation's perimeter refuses the rest."
    ),
    fix=(
        "Compute who can read artifacts and also write outside their environment, and compare with the list that the "
        "owner approves; most names on it will be there by accident through broad roles. Remove public and "
        "cross-account grants from buckets, snapshots, images and registries, or approve them by name. Close with "
        "the data perimeter (SCP and resource policies, VPC Service Controls) in audit mode first, then enforced."
    ),
    limits=(
        "Accounts count as foreign unless they are declared ours, so the declaration decides the verdict. A "
        "permitted reader can always copy slowly through a permitted channel; the volume is a matter for MON-01."
    ),
    clauses=(
        Clause(
            id="ART-07.no-copy-outside",
            text=(
                "The set of principals able to read and also write outside the artifact environment (cross-account, "
                "cross-project, public, registry push, snapshot share, presigned URL) equals the approved list."
            ),
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "artifacts",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="ART-07.shares-approved",
            text="Replication rules and snapshot shares are approved.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "assert"),
        ),
        Clause(
            id="ART-07.perimeter",
            text="The organisation's data perimeter (SCP or VPC-SC) is in force.",
            measured_by=("aws", "gcp", "gcp-assets"),
        ),
    ),
    evidence=(
        "IAM effective-permission graph, bucket/snapshot/AMI/image sharing, VPC-SC, registry ACL, volume of copies "
        "(INV-03)"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AC-4", "AC-20", "AC-3(11)", "SC-7(10)", "AC-21", "MP-5"),
        csa_aicm_domain=("DSP", "IAM", "MDS"),
        csa_ccm_4_1=("DSP-10", "UEM-11", "IAM-05"),
        rand_sl=("SL2-MO2", "SL3-WS1", "SL3-PI1", "SL4-WS3"),
        mitre_atlas=("AML.T0025", "AML.T0035", "AML.T0048.004"),
        mitre_attack=("T1537", "T1567.002", "T1530"),
        owasp_aisvs=("5.1.1", "5.2.6"),
    ),
)
