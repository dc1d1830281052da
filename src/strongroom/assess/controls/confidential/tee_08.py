"""TEE-08: Operability plan inside the confidentiality boundary."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-08",
    title="Operability plan inside the confidentiality boundary",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="TEE intro",
    what="Plan logging, debugging, patching and incident response for enclaves without breaking the boundary.",
    why=(
        "The boundary is most often broken by its own operators: at three in the morning somebody enables debug "
        "mode, attaches a console or ships full request logs out, because there was no other way to see. A "
        "debug-enabled guest hands its memory to the host by design, and a core dump is the weights written to an "
        "ordinary disk. Teams that rehearsed how to diagnose and patch inside the rules do not have to invent an "
        "exception under pressure."
    ),
    fix=(
        "Turn debug attributes off and have the verifier refuse them, disable core dumps and consoles in the guest "
        "image, and pass logs through an allow-listed, redacting egress. Write the runbook around a non-production "
        "twin where debugging is allowed because no tier 0 key can be released to it. Drill it every year: one "
        "debugging case, one patch, one incident."
    ),
    limits=(
        "Absence of dumps and consoles is visible on the host or in the image, redaction quality hardly at all: an "
        "allow-listed field can still carry a prompt. Runbook and drill rest on a person's attestation and on the "
        "drill's record."
    ),
    clauses=(
        Clause(
            id="TEE-08.debug-off",
            text="The debug attribute is off in the attestation evidence.",
            measured_by=("tf", "plan", "state", "attest", "broker"),
        ),
        Clause(
            id="TEE-08.no-core-dumps",
            text="Console and core dumps are disabled.",
            measured_by=("host",),
        ),
        Clause(
            id="TEE-08.log-egress-listed",
            text="The egress of logs is allow-listed and redacted.",
            measured_by=("tf", "plan", "state", "k8s", "broker"),
        ),
        Clause(
            id="TEE-08.runbook",
            text=(
                "There is a documented runbook for debugging in non-production, for patching and for incident response."
            ),
            measured_by=("assert",),
        ),
        Clause(
            id="TEE-08.drill-current",
            text="The runbook was drilled within the last 12 months.",
            measured_by=("drill",),
        ),
    ),
    evidence="attestation attributes, guest config, egress policy, runbook with drill record",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("IR-4", "SI-11", "AU-3(3)", "MA-2", "CM-7(1)", "SC-7(10)"),
        csa_aicm_domain=("LOG", "SEF", "I&S"),
        csa_ccm_4_1=("LOG-08", "SEF-03", "I&S-05"),
        rand_sl=("SL3-PI3", "SL2-IR1"),
        mitre_atlas=("AML.T0057", "AML.T0037"),
        mitre_attack=("T1005", "T1562.001"),
        owasp_aisvs=("12.1.1",),
    ),
)
