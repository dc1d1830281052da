"""TEE-01: Attestation-gated secret release."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-01",
    title="Attestation-gated secret release",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="TEE 01; 90-day plan",
    what=(
        "Remote attestation is the gatekeeper: no key, weight or token is released before an external verifier has "
        "verified the workload, and the policy of the KMS or key vault is tied to that verdict."
    ),
    why=(
        "Encrypting weights achieves little when any pod with the right role can ask for the key: a stolen "
        'service-account token then equals the model. Binding the key to measured code moves the trust from "who '
        'asks" to "what is running, on which hardware", so a stolen credential replayed from the attacker\'s own '
        "machine gets nothing. The binding fails in quiet ways: an all-zero PCR is the value of an enclave in debug "
        "mode, a condition with IfExists passes when no attestation is sent, and one forgotten administrator with "
        "Decrypt opens a side door."
    ),
    fix=(
        "List the tier 0 and tier 1 keys, then give each a release policy that names concrete measurements "
        "(kms:RecipientAttestation PCRs, a Secure Key Release policy, a Confidential Space provider condition, or "
        "your own broker). Next remove every other statement, grant and role that can decrypt with that key, "
        "including the convenient root-account delegation where it reaches too far. Send releases through one broker "
        "that writes the evidence digest to the log before it answers."
    ),
    limits=(
        "A policy is judged as written: whoever may rewrite it could take the condition out, which is a question of "
        "who-can analysis (IAM-02) and of change alerts. That each release was logged with its evidence is proven by "
        "the ledger alone; no configuration file shows it."
    ),
    clauses=(
        Clause(
            id="TEE-01.keys-need-attestation",
            text=(
                "Every tier 0 or 1 key has a release policy bound to attestation claims (AWS KMS "
                "kms:RecipientAttestation PCRs, an Azure SKR policy, GCP WIF Confidential Space claims, or the "
                "organisation's own KBS)."
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
                "attest",
                "broker",
            ),
        ),
        Clause(
            id="TEE-01.no-way-around",
            text="No principal can decrypt with a tier 0 or 1 key without that attestation.",
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets", "broker"),
        ),
        Clause(
            id="TEE-01.releases-logged",
            text="Each release of a key has a log entry with the digest of its evidence.",
            measured_by=("ledger", "broker"),
        ),
    ),
    evidence=(
        "KMS key policies, AKV release_policy, KBS policy+decision log, negative probe (unattested request must be "
        "refused)"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AC-3", "SC-12", "SC-28(3)", "IA-9", "IA-3(4)"),
        csa_aicm_domain=("CEK", "IAM"),
        csa_ccm_4_1=("CEK-08", "CEK-11", "IAM-16"),
        rand_sl=("SL4-TU1", "SL3-AC1"),
        mitre_atlas=("AML.T0035", "AML.T0025", "AML.T0055"),
        mitre_attack=("T1552", "T1078.004", "T1528"),
        owasp_aisvs=("4.1.3", "4.1.4"),
    ),
)
