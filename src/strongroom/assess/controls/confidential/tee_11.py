"""TEE-11: Confidential training: attested channels and sealed checkpoints."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-11",
    title="Confidential training: attested channels and sealed checkpoints",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEEs and confidential AI: confidential training",
    what=(
        "Training on sensitive data keeps gradients, checkpoints and data inside verified boundaries from the first "
        "step to the stored checkpoint."
    ),
    why=(
        "A distributed job is as confidential as its weakest rank: one replacement worker on a plain node receives "
        "the same gradients and parameters as the others, and elastic launchers add workers automatically. NCCL "
        "traffic between ranks is unauthenticated and in the clear by itself. Checkpoints are the usual leak, since "
        "the job writes the complete model every hour into a bucket that many more people can read."
    ),
    fix=(
        "Appraise each rank before it may join, and derive the certificate or pre-shared key of its channel from "
        "that appraisal, so that an unattested rank cannot even connect. Write checkpoints through a sealing step "
        "inside the boundary and refuse plaintext writes to registered stores. Then scan those stores for plaintext "
        "formats, including the history from before the change."
    ),
    limits=(
        "Sealing and scanning see the registered stores only; local scratch inside the guest is covered by ART-03. "
        "Traffic analysis of an encrypted fabric still shows sizes and timing, and thereby something of the model's "
        "architecture."
    ),
    clauses=(
        Clause(
            id="TEE-11.ranks-appraised",
            text="Every rank of a tier 0 training job has a valid appraisal no older than the policy allows.",
            measured_by=("attest",),
        ),
        Clause(
            id="TEE-11.channels-bound",
            text="Ranks connect only over channels whose keys are bound to those appraisals.",
            measured_by=("attest",),
        ),
        Clause(
            id="TEE-11.checkpoints-sealed",
            text="Checkpoints are sealed before they leave the boundary.",
            measured_by=("artifacts",),
        ),
        Clause(
            id="TEE-11.no-plaintext",
            text="No plaintext checkpoint is in a registered store.",
            measured_by=("artifacts",),
        ),
    ),
    evidence="appraisals per rank; channel certificates; seal manifests of checkpoints; store scan",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("IA-3(4)", "SC-8(1)", "SC-28(1)", "SC-39(1)", "SI-7(9)"),
        csa_aicm_domain=("I&S", "CEK"),
        csa_ccm_4_1=("CEK-03", "I&S-06"),
        rand_sl=("SL4-TU1",),
        mitre_atlas=("AML.T0025",),
        mitre_attack=("T1557", "T1530"),
        owasp_aisvs=("4.2.5",),
    ),
)
