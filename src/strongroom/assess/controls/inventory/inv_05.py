"""INV-05: Highest-sensitivity workload identification."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-05",
    title="Highest-sensitivity workload identification",
    verb=Verb.PLAN,
    domain="Inventory",
    area="inventory",
    phase=90,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="90-day plan",
    what=(
        "Identify the workloads with regulated data, proprietary weights or cross-tenant use, for they are the ones "
        "that move to confidential compute."
    ),
    why=(
        "Confidential computing, whole-GPU placement and attestation-gated keys cost money and performance, so they "
        "go to the workloads that need them, and somebody must have said which those are. A tier that lives in a "
        "slide cannot be enforced; a tier on the namespace can. The dangerous case is the job that started as a "
        "harmless experiment and now reads regulated data: it keeps its old placement until something recomputes the "
        "tier."
    ),
    fix=(
        "Derive the tier from flags that can be checked (data class of the mounted artifacts, proprietary weights, "
        "tenants sharing the host) and write it as a label that tenants cannot edit. Reject or quarantine workloads "
        "without one at admission, beginning in observe mode. Have the owner sign off the result with a reason each "
        "quarter, and record it in the decision log."
    ),
    limits=(
        "The computation is only as good as its inputs: data copied into a volume under a harmless name lowers the "
        "tier. The owner's sign-off is attested by a person and expires after its 90 days."
    ),
    clauses=(
        Clause(
            id="INV-05.workloads-tiered",
            text=(
                "Every workload has a tier from 0 to 3 computed from its regulated, proprietary and cross-tenant "
                "flags, with a rationale and an owner's sign-off at most 90 days old."
            ),
            measured_by=("k8s", "assert"),
        ),
        Clause(
            id="INV-05.none-untiered",
            text="No running workload is without a tier.",
            measured_by=("k8s",),
        ),
    ),
    evidence=(
        "job/namespace labels, data-class of mounted artifacts, tenant map, owner sign-off recorded in the decision log"
    ),
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("RA-2", "RA-3", "RA-9", "PM-11"),
        csa_aicm_domain=("DSP", "GRC", "BCR"),
        csa_ccm_4_1=("DSP-04", "BCR-02", "GRC-02"),
        rand_sl=("SL3-RA1",),
        mitre_atlas=("AML.T0048.004",),
        mitre_attack=("T1530",),
        owasp_aisvs=("5.2.7",),
    ),
)
