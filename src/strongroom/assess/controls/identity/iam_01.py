"""IAM-01: MFA and administrative access patterns."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IAM-01",
    title="MFA and administrative access patterns",
    verb=Verb.ISOLATE,
    domain="Identity",
    area="identity",
    phase=30,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="30-day plan; On-prem: segmentation",
    what="Enforce MFA and proper patterns of administrator access.",
    why=(
        "Most break-ins to cloud AI accounts begin with a credential and not with an exploit: a leaked access key, a "
        "phished console session, a BMC that still has its factory password. Whoever becomes administrator can grant "
        "the key policy, stop the trail and launch the most expensive GPUs, so all further controls rest on this "
        "door. Push prompts and one-time codes can be relayed by a phishing kit; a hardware-bound factor cannot."
    ),
    fix=(
        "Begin with the root and break-glass accounts, then the console, the cluster, the KMS and the jump hosts: "
        "phishing-resistant factors enforced by policy, not by request. Replace long-lived administrator keys by "
        "short sessions and delete those older than 90 days. End shared and default accounts, including local BMC "
        "and Slurm ones, and give administrators a separate identity or just-in-time elevation so that mail and web "
        "browsing never happen with those rights."
    ),
    limits=(
        "Templates rarely show people: who has MFA is in the live directory or credential report. A federated login "
        "hides the factor behind the identity provider, whose policy has to be collected too, and a shared account "
        "is recognised by its name or use, thus not always."
    ),
    clauses=(
        Clause(
            id="IAM-01.admin-mfa",
            text=(
                "100% of human administrator paths (cloud root and console, Kubernetes admin, Slurm, BMC and jump "
                "hosts, KMS admin) require phishing-resistant MFA."
            ),
            measured_by=("aws", "azure", "azure-graph", "gcp", "gcp-assets", "aws-users", "azure-users", "gcp-users"),
        ),
        Clause(
            id="IAM-01.no-old-admin-keys",
            text="No administrator has a long-lived key older than 90 days.",
            measured_by=("aws", "azure", "azure-graph", "gcp", "gcp-assets", "aws-users", "azure-users", "gcp-users"),
        ),
        Clause(
            id="IAM-01.no-shared-accounts",
            text="There are no shared or default accounts.",
            measured_by=("tf", "plan", "state", "host", "k8s", "azure", "azure-graph"),
        ),
        Clause(
            id="IAM-01.separate-admin",
            text="Administrators use just-in-time elevation or a separate admin identity.",
            measured_by=("aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
    ),
    evidence="IAM credential report, conditional access, OIDC config, sshd/PAM, BMC accounts",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("IA-2(1)", "IA-2(2)", "IA-2(6)", "AC-2", "AC-6(2)", "IA-5"),
        csa_aicm_domain=("IAM",),
        csa_ccm_4_1=("IAM-14", "IAM-10", "IAM-02"),
        rand_sl=("SL1-AP4", "SL2-AC1", "SL1-AP2"),
        mitre_atlas=("AML.T0012",),
        mitre_attack=("T1078.004", "T1110", "T1621", "T1556.006", "T1098"),
        owasp_aisvs=("5.1.1", "5.2.6"),
    ),
)
