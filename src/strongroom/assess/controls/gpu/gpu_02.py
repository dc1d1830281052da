"""GPU-02: Hardware partitioning, no time-slicing of mixed trust."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-02",
    title="Hardware partitioning, no time-slicing of mixed trust",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="GPU Control 1; GPU intro",
    what=(
        "Where a GPU is shared, use hardware-isolated partitions (MIG); never time-slice sensitive work with "
        "untrusted work."
    ),
    why=(
        "Time-slicing is a convenience of the driver: the processes take turns on the same memory, caches and error "
        "domain, and nothing keeps one from exhausting or crashing the others. MPS runs the tenants at the same time "
        "under one server and one fault domain. MIG gives each tenant its own memory slices and compute in hardware, "
        "which is the least a mixed-trust card should have, though published attacks through shared TLBs mean that "
        "the most sensitive work belongs on a whole GPU."
    ),
    fix=(
        "Remove timeSlicing and MPS from the device-plugin configuration of every pool that admits sensitive work, "
        "and look for node labels that select a different configuration. Set MIG where sharing is needed, with one "
        "GPU instance per tenant; otherwise allocate whole cards. Then compare what the plugin promises with what "
        "nvidia-smi reports on the node, because a half-applied MIG change leaves the two disagreeing."
    ),
    limits=(
        "MIG isolates memory and faults, not every microarchitectural channel. Configuration alone cannot show the "
        "mode of the running card, and a privileged pod sees all slices regardless, which is a matter for GPU-07 and "
        "admission."
    ),
    clauses=(
        Clause(
            id="GPU-02.mig-per-tenant",
            text="Any GPU with more than 1 tenant has MIG mode on, and each tenant owns a distinct GPU instance.",
            measured_by=("host", "dcgm", "k8s", "isolation"),
        ),
        Clause(
            id="GPU-02.no-time-slicing",
            text=(
                "Time-slicing replicas, MPS and time-sliced vGPU profiles are absent on pools that admit sensitive "
                "work."
            ),
            measured_by=("tf", "plan", "state", "host", "k8s", "isolation"),
        ),
        Clause(
            id="GPU-02.config-equals-runtime",
            text="The device plugin's configuration and the runtime state agree.",
            measured_by=("host", "dcgm", "k8s", "isolation"),
        ),
    ),
    evidence=(
        "nvidia-smi -q (mig.mode), device-plugin ConfigMap (sharing.timeSlicing/mps), GPU operator ClusterPolicy, "
        "vGPU profiles, AMD partition mode"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-3(1)", "SC-32", "SC-39(1)", "SC-49", "SC-4"),
        csa_aicm_domain=("I&S",),
        csa_ccm_4_1=("I&S-06",),
        rand_sl=("SL3-WS3",),
        mitre_atlas=("AML.T0105", "AML.T0024"),
        mitre_attack=("T1611", "T1212"),
        owasp_aisvs=("4.2.4", "5.3.2"),
    ),
)
