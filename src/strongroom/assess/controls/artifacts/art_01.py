"""ART-01: Encryption at rest with customer-managed keys."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-01",
    title="Encryption at rest with customer-managed keys",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=60,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="TEE 02; Cloud 02; 60-day plan",
    what=(
        "Weights, checkpoints, embeddings, feature stores, vector databases, datasets and logs are encrypted at "
        "rest, preferably with customer-managed keys."
    ),
    why=(
        "With the provider's default key, whoever may read the object also gets the decryption for free, and there "
        "is no second policy to fail. A key of your own adds an independent door: its policy, its log of every "
        "decrypt, and the ability to shut all copies at once by disabling it. That matters for weights because "
        "snapshots, replicas and backups multiply quietly, and each of them follows the key it was written under."
    ),
    fix=(
        "Create a key per sensitivity tier, set it as the default on stores, volumes, notebooks and training jobs, "
        "and reject writes under any other key where the service allows it. Re-encrypt what is already there, by "
        "copying objects in place or by recreating volumes from snapshots, since changing a default leaves old data "
        "as it was. For tier 0 add envelope encryption of the artifact itself, so that a copied file stays closed "
        "wherever it ends up."
    ),
    limits=(
        "Encryption at rest does nothing against a principal who may both read and decrypt; see IAM-02. Templates "
        "show the default for new objects, never the state of old ones: that clause needs the live account or a "
        "scan."
    ),
    clauses=(
        Clause(
            id="ART-01.stores-cmk",
            text=(
                "100% of registered artifact stores encrypt with a CMK owned by the organisation, not the provider's "
                "default and not the bucket default AES256."
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
                "host",
                "k8s",
            ),
        ),
        Clause(
            id="ART-01.old-objects-reencrypted",
            text="Objects written before the change have been re-encrypted.",
            measured_by=("aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
        Clause(
            id="ART-01.envelope-tier0",
            text="Tier 0 artifacts have envelope encryption at artifact level (AEAD, one DEK per artifact).",
            measured_by=("artifacts",),
        ),
    ),
    evidence="S3/EBS/EFS/SageMaker KmsKeyId, Azure CMK, GCS kmsKeyName, LUKS/dm-crypt, artifact header parse",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-28", "SC-28(1)", "SC-12", "SC-13"),
        csa_aicm_domain=("CEK", "DSP"),
        csa_ccm_4_1=("CEK-03", "CEK-04", "CEK-08", "UEM-08"),
        rand_sl=("SL1-WS2", "SL2-WS2", "SL2-TL1"),
        mitre_atlas=("AML.T0035", "AML.T0025"),
        mitre_attack=("T1530", "T1005", "T1052"),
        owasp_aisvs=("4.3.4", "4.3.5"),
    ),
)
