"""TEE-07: Side-channel mitigation for TEE workloads."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-07",
    title="Side-channel mitigation for TEE workloads",
    verb=Verb.ISOLATE,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEE 03",
    what="Plan side-channel mitigation: isolate workloads, and disable risky counters or telemetry where required.",
    why=(
        "Memory encryption hides contents, not behaviour. A neighbour on the sibling thread, or on a slice of the "
        "same GPU, can observe caches, TLBs and performance counters, and research has fingerprinted models and "
        "recovered inputs that way; hypervisor-level attackers also use single-stepping and counters against "
        "enclaves. The hardware vendors place much of this outside their threat model, so the operator has to close "
        "it with placement, SMT policy and counter access."
    ),
    fix=(
        "Begin with the kernel: current microcode, all entries under the CPU vulnerabilities directory mitigated, "
        "perf_event_paranoid at 3 or above, GPU profiling for administrators only, the IOMMU on. Decide the SMT rule "
        "for tier 0 and put it where attestation sees it (the SNP policy bit, SGX or TDX configuration) instead of "
        "in a wiki. Then let the scheduler give tier 0 whole cores and whole GPUs, so that no lower tier sits beside "
        "it."
    ),
    limits=(
        "This covers known, published channels; a mitigated line in sysfs reports what the kernel believes about its "
        "own CPU. The co-tenancy part needs the scheduler's history beside the host's state, and a guest cannot "
        "verify the host's SMT setting except through an attested policy."
    ),
    clauses=(
        Clause(
            id="TEE-07.cpu-mitigated",
            text="On tier 0 hosts every CPU vulnerability is reported as Mitigated or Not affected.",
            measured_by=("host",),
        ),
        Clause(
            id="TEE-07.smt-policy",
            text=(
                "On tier 0 hosts the SMT policy is attested (SNP policy SMT bit, SGX or TDX info), and no co-tenant "
                "of a lower tier is on the core or GPU."
            ),
            measured_by=("host", "attest"),
        ),
        Clause(
            id="TEE-07.counters-restricted",
            text=(
                "On tier 0 hosts performance counters are restricted (perf_event_paranoid >= 3 and "
                "NVreg_RestrictProfilingToAdminUsers=1)."
            ),
            measured_by=("host",),
        ),
        Clause(
            id="TEE-07.iommu-on",
            text="On tier 0 hosts DMA protection and the IOMMU are on.",
            measured_by=("host",),
        ),
    ),
    evidence=(
        "/sys/devices/system/cpu/vulnerabilities, report policy bits, sysctl, modprobe params, scheduler "
        "co-residency data"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-31", "SC-31(2)", "SC-4", "SC-39", "SC-7(21)"),
        csa_aicm_domain=("I&S", "TVM"),
        csa_ccm_4_1=("I&S-04", "I&S-06"),
        rand_sl=("SL5-WS2", "SL4-WS2"),
        mitre_atlas=("AML.T0024.002",),
        mitre_attack=("T1212", "T1003"),
        owasp_aisvs=("4.2.2", "4.2.4"),
    ),
)
