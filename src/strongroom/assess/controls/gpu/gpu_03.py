"""GPU-03: VRAM cleared between jobs and tenants."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-03",
    title="VRAM cleared between jobs and tenants",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="GPU Control 2",
    what="Ensure that GPU memory is cleared between jobs or tenants, by the driver or by zeroisation at host level.",
    why=(
        "What a job leaves in VRAM (weights, activations, KV caches with other people's prompts) is readable by "
        "whoever allocates those pages next, unless something cleared them. Recent NVIDIA kernel drivers scrub on "
        "free by default, but a registry key, vGPU host mode or an older driver turns that off, other vendors behave "
        "differently, and LeftoverLocals (CVE-2023-4969) read model output on other vendors' cards from local memory "
        'that no scrub covered. "The driver does it" is therefore a hypothesis to be tested at each handover.'
    ),
    fix=(
        "Put the scrub into the epilog or the node's handover path, let it read before it writes, verify, and emit a "
        "record with GPU UUID, jobs, method and bytes. Make failure drain the node; Slurm does so when an epilog "
        "fails, and Kubernetes needs a taint that only the scrubber removes. Plant canaries from time to time with a "
        "positive control, since a test that never finds anything may be a test that cannot."
    ),
    limits=(
        "A scrub reaches what an allocation can reach: the driver's reserved memory and its own context stay out, so "
        "no honest record says 100% of the frame buffer. The driver's parameters show intent; only the canary "
        "read-back shows effect, and only for the paths tested. A job that was started around the prolog has no entry, "
        "and is not counted: compare with the scheduler's own accounting."
    ),
    clauses=(
        Clause(
            id="GPU-03.scrub-record",
            text=(
                "For 100% of tenant changes there is a scrub record per handover (GPU UUID, job ids, method, bytes, "
                "verify result)."
            ),
            measured_by=("scrub",),
        ),
        Clause(
            id="GPU-03.canary-clean",
            text="A canary read-back finds no residual byte.",
            measured_by=("scrub",),
        ),
        Clause(
            id="GPU-03.not-schedulable-until",
            text="The node is not schedulable until the scrub is ok.",
            measured_by=("scrub",),
        ),
        Clause(
            id="GPU-03.driver-scrubs",
            text="Where the driver's scrub on free is the method of clearing, it is on.",
            measured_by=("host",),
        ),
    ),
    evidence=(
        "epilog/prolog hook records, canary test result, driver scrub-on-free config, MIG instance re-create events"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-4", "SC-4(2)", "MP-6", "SI-14"),
        csa_aicm_domain=("DSP", "I&S"),
        csa_ccm_4_1=("DSP-02", "DSP-16"),
        rand_sl=("SL3-WS1",),
        mitre_atlas=("AML.T0035", "AML.T0037"),
        mitre_attack=("T1005", "T1003"),
        owasp_aisvs=("4.2.4",),
    ),
)
