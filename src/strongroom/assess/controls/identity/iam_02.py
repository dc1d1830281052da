"""IAM-02: Least privilege for training, deployment and inference."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IAM-02",
    title="Least privilege for training, deployment and inference",
    verb=Verb.ISOLATE,
    domain="Identity",
    area="identity",
    phase=60,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="Cloud 03; 60-day plan",
    what="Lock down who can deploy models, update endpoints and read training data.",
    why=(
        "Notebook and pipeline roles collect rights until one of them can read the training data, replace the "
        "production endpoint and write to the outside, and then a single poisoned package does all three. The grants "
        "are seldom explicit: PassRole plus a training job, the right to rewrite a policy, impersonation or a trust "
        "relation give the same power without naming it. So the question has to be asked of effective permissions "
        "and of chains, not of policy titles."
    ),
    fix=(
        "Compute for every principal whether it can train, deploy, infer, read data and export, and start with those "
        "that can do more than one. Replace wildcards on AI and key actions by named resources, split deploy from "
        "data-read from export, and cut the escalation edges (PassRole scoped to named roles, permission boundaries, "
        "no self-granting). Remove what was not used for 90 days, and write the approved role beside each identity "
        "so that drift becomes a diff."
    ),
    limits=(
        "Unused permissions need access data from the live account. Conditions on request attributes are reported as "
        "conditional, and policies outside the given sources (an SCP, another account's trust) leave a part of the "
        "answer unknown; whether the approved role itself is sensible is a human judgement."
    ),
    clauses=(
        Clause(
            id="IAM-02.permissions-computed",
            text=(
                "The effective-permission sets for train, deploy or update endpoint, infer, read data and export are "
                "computed."
            ),
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets", "k8s"),
        ),
        Clause(
            id="IAM-02.equals-approved-role",
            text="Each effective-permission set equals its approved role.",
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
                "aws-iam",
            ),
        ),
        Clause(
            id="IAM-02.no-deploy-read-export",
            text="No principal holds deploy, data-read and export together.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "aws-iam"),
        ),
        Clause(
            id="IAM-02.unused-removed",
            text="Permissions unused for more than 90 days are removed.",
            measured_by=("aws", "azure", "azure-graph", "gcp", "gcp-assets", "aws-users", "azure-users", "gcp-users"),
        ),
        Clause(
            id="IAM-02.no-wildcard",
            text="There is no wildcard on AI actions.",
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
                "k8s",
                "aws-iam",
            ),
        ),
        Clause(
            id="IAM-02.no-escalation",
            text="There is no privilege-escalation path to tier 0.",
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
                "k8s",
                "aws-iam",
            ),
        ),
    ),
    evidence="IAM policy evaluation (allow/deny/SCP/boundary), K8s RBAC graph, access-advisor last-used",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AC-6", "AC-6(1)", "AC-6(7)", "AC-3", "AC-5", "AC-2(7)"),
        csa_aicm_domain=("IAM",),
        csa_ccm_4_1=("IAM-04", "IAM-05", "IAM-08", "IAM-16"),
        rand_sl=("SL1-AP1", "SL1-AC1", "SL3-AC1", "SL2-AP4"),
        mitre_atlas=("AML.T0012", "AML.T0018", "AML.T0020", "AML.T0035"),
        mitre_attack=("T1078.004", "T1098.003", "T1484", "T1578"),
        owasp_aisvs=("5.1.1", "5.2.1", "5.2.6"),
    ),
)
