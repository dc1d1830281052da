"""TEE-10: Multi-party workloads bound by every owner's policy."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-10",
    title="Multi-party workloads bound by every owner's policy",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEEs and confidential AI: secure aggregation, multi-party workflows",
    what=(
        "Several parties compute together (secure aggregation, joint training, clean rooms) without showing raw data "
        "or weights to each other or to the platform's operator."
    ),
    why=(
        "In a clean room every participant is a potential attacker of the others, and the operator of all of them. "
        "If one party may change the code after the rest have agreed, or outputs may go to a recipient that one "
        "owner never named, the joint computation becomes an exfiltration service with paperwork. Each owner "
        "therefore has to state what it accepts (this measurement, these peers, these recipients), and the keys must "
        "open only when all the statements are true of the same running workload."
    ),
    fix=(
        "Let each owner sign its own policy with its own key, naming measurement, peers and output recipients. "
        "Evaluate all of them in one decision over one appraisal, and release no input before every owner has "
        "consented. Seal outputs to the named recipients inside the workload, and write the release into the log "
        "under each owner, so that every party can audit its part without asking the operator."
    ),
    limits=(
        "The policies bind code and recipients, not what can be inferred from a legitimate result: a gradient or an "
        "average over few records may reveal its inputs. Whether the measured code does what the owners believe is a "
        "matter for review."
    ),
    clauses=(
        Clause(
            id="TEE-10.owner-policies",
            text=(
                "Each input owner has a signed policy that names the workload's measurement, its peers and the "
                "output's recipients."
            ),
            measured_by=("ledger", "broker"),
        ),
        Clause(
            id="TEE-10.all-owners-hold",
            text="A key is released only when all owners' policies hold for the same appraised workload.",
            measured_by=("ledger", "broker"),
        ),
        Clause(
            id="TEE-10.outputs-sealed",
            text="Outputs are sealed to the named recipients.",
            measured_by=("artifacts", "broker"),
        ),
        Clause(
            id="TEE-10.release-per-owner",
            text="Every release is logged under each owner.",
            measured_by=("ledger", "broker"),
        ),
    ),
    evidence="release policies and their signatures; appraisals; decision log; sealed outputs' slots",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-4", "SC-39(1)", "IA-3(4)", "AC-3(2)", "AC-4"),
        csa_aicm_domain=("I&S", "CEK"),
        csa_ccm_4_1=("CEK-03", "I&S-06"),
        rand_sl=("SL4-TU1",),
        mitre_atlas=("AML.T0025",),
        mitre_attack=("T1530",),
    ),
)
