"""TEE-04: Confidential compute placement of highest-sensitivity workloads."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-04",
    title="Confidential compute placement of highest-sensitivity workloads",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="90-day plan; TEE intro",
    what=(
        "Move regulated data, proprietary weights and cross-tenant workloads into confidential compute where "
        "feasible (SGX, SEV-SNP, TDX, Nitro, Azure and GCP confidential VMs)."
    ),
    why=(
        "On an ordinary host the hypervisor, a cloud operator, or anyone who escapes into the node can read guest "
        "memory, and with it weights, prompts and unwrapped keys. Confidential VMs and enclaves take those parties "
        "out of the trust boundary, but only for workloads that actually land on them. Placement by convention "
        'erodes: the capacity is short one Friday, the job is started on a plain node "for now", and nobody moves it '
        "back."
    ),
    fix=(
        "Set the confidential option on the node pool, instance or VM (SEV-SNP or TDX, securityType, enclave "
        "options, a kata-cc RuntimeClass) and recreate what cannot be changed in place. Then require it at admission "
        "for tier 0 labels, and let the scheduler consider only hosts whose appraisal is still valid. Where the "
        "service offers no confidential variant, record the infeasibility with an approver and an expiry."
    ),
    limits=(
        "A confidential flag in Terraform or in an API is the provider's promise; only a verified report from the "
        "guest shows that the memory is encrypted and the image is yours. Workloads are matched by tags or "
        "registration, so an untagged sensitive VM is overlooked."
    ),
    clauses=(
        Clause(
            id="TEE-04.sensitive-runs-confidential",
            text=(
                "Every tier 0 workload of INV-05 runs on a host whose last attestation is valid and no older than "
                "the policy allows, or has an approved record of infeasibility with an expiry."
            ),
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "k8s",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "host",
                "attest",
            ),
        ),
        Clause(
            id="TEE-04.placed-at-admission",
            text="The placement of tier 0 workloads is enforced at admission.",
            measured_by=("k8s", "slurm"),
        ),
    ),
    evidence=(
        "cloud VM securityType/confidentialInstanceConfig/EnclaveOptions, RuntimeClass (kata-cc), attestation results"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-39(1)", "SC-49", "SC-3(1)", "AC-25", "SC-7(21)"),
        csa_aicm_domain=("I&S", "DSP"),
        csa_ccm_4_1=("I&S-06", "DSP-17"),
        rand_sl=("SL4-TU1", "SL3-WS3"),
        mitre_atlas=("AML.T0035", "AML.T0105"),
        mitre_attack=("T1611", "T1003", "T1005"),
        owasp_aisvs=("4.1.4", "4.2.2"),
    ),
)
