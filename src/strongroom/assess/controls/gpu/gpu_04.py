"""GPU-04: Reset and scrub procedure after GPU failure."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-04",
    title="Reset and scrub procedure after GPU failure",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="GPU Control 2",
    what="For shared clusters, define reset and scrub procedures after failures.",
    why=(
        "After a hang, an XID or an abnormal exit the normal clean-up did not run: the epilog was skipped, contexts "
        "are orphaned, and the memory still holds the dead job's tensors. Schedulers are built to return such nodes "
        "quickly, and the next tenant gets the card in exactly the state in which clearing was least certain. A "
        "failure can also be provoked: crash the victim, then be the next in the queue."
    ),
    fix=(
        "Define one sequence and automate it: cordon on the event, reset (function-level reset, nvidia-smi -r or a "
        "reboot), scrub with verification, health check, and only then uncordon. Key it on kernel and DCGM events, "
        "not on the job's exit code alone. Write every step with its time to the log, and let the uncordon step "
        "refuse when an earlier one is missing."
    ),
    limits=(
        "The proof is the ordered log; configuration cannot give it. An XID that was never delivered, because the "
        "node died first, leaves no event to count, so compare with reboots and node-lost events."
    ),
    clauses=(
        Clause(
            id="GPU-04.failure-path",
            text=(
                "After each XID, ECC error, hang or abnormal job exit the node is cordoned, the GPU reset (FLR, "
                "nvidia-smi -r or reboot), the scrub verified and the health check passed before the node is "
                "uncordoned."
            ),
            measured_by=("scrub", "host", "dcgm"),
        ),
        Clause(
            id="GPU-04.log-in-order",
            text="A time-ordered log proves this sequence for 100% of such events.",
            measured_by=("scrub",),
        ),
    ),
    evidence="XID events (dmesg/DCGM), cordon/uncordon audit, reset+scrub records",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-24", "SI-17", "SC-4", "IR-4"),
        csa_aicm_domain=("I&S", "SEF"),
        csa_ccm_4_1=("I&S-04", "CCC-09"),
        rand_sl=("SL3-MO5",),
        mitre_atlas=("AML.T0037",),
        mitre_attack=("T1005",),
        owasp_aisvs=("4.2.4",),
    ),
)
