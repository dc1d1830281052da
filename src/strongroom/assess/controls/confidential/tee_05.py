"""TEE-05: Minimal, pinned and scanned trusted computing base."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-05",
    title="Minimal, pinned and scanned trusted computing base",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEE 03",
    what=(
        "Every library in the enclave widens the attack surface, so images are slim, versions are locked and "
        "scanning is aggressive."
    ),
    why=(
        "Inside the boundary there is no second line: a deserialisation bug in a Python package of the measured "
        "image runs beside the plaintext weights and attests as genuine. Floating tags and unpinned dependencies "
        "also break measurement itself, because the digest that was approved is not the one that starts tomorrow, "
        "and teams under pressure respond by loosening the policy. A small, locked image makes both the "
        "vulnerability list and the reference value something a person can review."
    ),
    fix=(
        "Reference images by digest, lock dependencies with hashes, and build from a minimal base with a budget for "
        "packages and size that fails the build when exceeded. Produce the SBOM in that build, match it against OSV "
        "and KEV, and give findings a clock. Finally publish the reference measurement from the very artifact that "
        "is deployed (dm-verity root hash, launch digest, PCRs), so that approval and measurement cannot drift "
        "apart."
    ),
    limits=(
        "Pinning shows in configuration and in manifests, but equality with the measurement needs attestation "
        "evidence. Scanners know published vulnerabilities only, and an SBOM states what the build recorded, which "
        "may omit vendored code."
    ),
    clauses=(
        Clause(
            id="TEE-05.image-minimal-pinned",
            text=(
                "The enclave or CVM image is pinned by digest, its package count and size are within budget, all "
                "dependencies are locked by version and hash, an SBOM is present, and no critical or KEV "
                "vulnerability is older than the SLA."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "k8s", "attest", "sbom"),
        ),
        Clause(
            id="TEE-05.image-is-measured",
            text="The image digest equals the measured reference value.",
            measured_by=("attest",),
        ),
    ),
    evidence="image inspection (OCI), lockfiles, CycloneDX SBOM + OSV/KEV match, dm-verity root hash vs measurement",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-7", "CM-7(5)", "CM-14", "SA-8(7)", "SA-8(13)", "SI-7(15)", "RA-5"),
        csa_aicm_domain=("AIS", "TVM", "STA"),
        csa_ccm_4_1=("TVM-06", "TVM-08", "AIS-02", "STA-09"),
        rand_sl=("SL3-PI2", "SL4-SW1", "SL4-SU1"),
        mitre_atlas=("AML.T0010.001", "AML.T0011.001"),
        mitre_attack=("T1195.001", "T1195.002", "T1525"),
        owasp_aisvs=("4.1.1", "6.2.1"),
    ),
)
