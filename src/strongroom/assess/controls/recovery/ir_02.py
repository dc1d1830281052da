"""IR-02: Backups and practised restores of datasets and artifacts."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IR-02",
    title="Backups and practised restores of datasets and artifacts",
    verb=Verb.RESPOND,
    domain="Recovery",
    area="recovery",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="On-prem: incident response",
    what="Back up critical datasets and model artifacts, and practise restores.",
    why=(
        "A training run cannot be repeated for the price of an apology: losing the final checkpoints or the curated "
        "dataset costs months. Ransomware deletes backups first, which is easy when they lie in the same account "
        "under the same key, and a subtle attacker prefers to alter a dataset and wait until all good copies have "
        "rotated out. A restore that nobody compared byte for byte is an assumption, and in the case of poisoning it "
        "restores the poison."
    ),
    fix=(
        "Copy tier 0 and tier 1 artifacts to another account or an offline medium under Object Lock in compliance "
        "mode, encrypted with a key that the production administrators cannot disable. Keep enough history to go "
        "back before a slow manipulation. Restore into an empty environment every quarter, compare digests, verify "
        "signatures, and write down the achieved RPO and RTO."
    ),
    limits=(
        "Versioning and locks are visible in configuration, but that a given artifact really is in the backup is "
        "known from the catalogue, and that it can be restored from the drill. Object Lock in governance mode yields "
        "to a privileged user, and a backup under a lost key is noise."
    ),
    clauses=(
        Clause(
            id="IR-02.immutable-backup",
            text=(
                "100% of tier 0 and 1 artifacts have an immutable backup outside the boundary (Object Lock or air "
                "gap), encrypted under a separate key."
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
            id="IR-02.restore-drill",
            text="A restore drill at most 90 days old matched the digest at byte level and verified the signature.",
            measured_by=("drill",),
        ),
        Clause(
            id="IR-02.rpo-rto-measured",
            text="RPO and RTO of the restore are measured.",
            measured_by=("drill",),
        ),
    ),
    evidence="backup catalog, Object Lock config, restore drill record with digests",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CP-9", "CP-9(1)", "CP-9(3)", "CP-9(8)", "CP-4", "CP-6"),
        csa_aicm_domain=("BCR",),
        csa_ccm_4_1=("BCR-08", "BCR-06", "BCR-10"),
        rand_sl=("SL1-AP6",),
        mitre_atlas=("AML.T0059", "AML.T0076"),
        mitre_attack=("T1485", "T1486", "T1490", "T1561"),
        owasp_aisvs=("3.3.2",),
    ),
)
