"""ART-06: Key custody and rotation."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-06",
    title="Key custody and rotation",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=60,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="Cloud 02",
    what="Treat keys like production secrets: prefer customer-managed ones, and enforce rotation.",
    why=(
        "The key that wraps the weights is the weights, for whoever can use it. Keys go wrong in predictable ways: "
        "never rotated, administered and used by one role so that a single compromise suffices, opened to every "
        "caller by a wildcard Decrypt, deleted in anger or by ransomware with no window to notice, or pasted into an "
        "environment variable and committed to git. Loss matters as much as theft, since a destroyed key takes every "
        "sealed checkpoint with it."
    ),
    fix=(
        "Enable rotation first, because it is one attribute. Split the key policy into administrators who cannot "
        "decrypt and users who cannot administer, and replace wildcards by named roles and keys. Move tier 0 keys "
        "into an HSM or TPM, set the deletion window to at least 30 days, then scan code, images and environments "
        "for key material and rotate whatever you find, since it has to be regarded as known."
    ),
    limits=(
        "Automatic rotation changes future wrapping only; data under an older version remains readable to whoever "
        "obtained that version. Roles that meet in one person are invisible in a key policy, and a scan for secrets "
        "has both misses and false alarms."
    ),
    clauses=(
        Clause(
            id="ART-06.rotation",
            text=(
                "CMK rotation is enabled, and the newest version is no older than the policy allows (365 days by "
                "default, 90 days for tier 0)."
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
                "broker",
            ),
        ),
        Clause(
            id="ART-06.admin-not-user",
            text="The administrators of a key and its users are disjoint.",
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
                "broker",
            ),
        ),
        Clause(
            id="ART-06.no-wildcard-decrypt",
            text="There is no wildcard kms:Decrypt.",
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
            id="ART-06.hsm-tier0",
            text="Tier 0 keys are backed by an HSM or TPM.",
            measured_by=("tf", "plan", "state", "azure", "azure-graph", "gcp", "gcp-assets", "broker"),
        ),
        Clause(
            id="ART-06.deletion-window",
            text="The deletion window of a key is at least 30 days.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "azure", "azure-graph"),
        ),
        Clause(
            id="ART-06.no-key-material",
            text="No key material is in environment variables, files or git.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "host", "k8s"),
        ),
    ),
    evidence="KMS rotation status+grants, policy analysis (separation), secret scan",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-12", "SC-12(3)", "SC-12(6)", "AC-5", "IA-5(7)"),
        csa_aicm_domain=("CEK", "IAM"),
        csa_ccm_4_1=("CEK-02", "CEK-10", "CEK-12", "CEK-21", "IAM-04"),
        rand_sl=("SL2-WS2", "SL4-AP1"),
        mitre_atlas=("AML.T0055",),
        mitre_attack=("T1552.001", "T1552.004", "T1098.001"),
        owasp_aisvs=("4.3.4",),
    ),
)
