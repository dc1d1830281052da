"""GPU-05: Crash dumps and telemetry hold no sensitive artifacts."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-05",
    title="Crash dumps and telemetry hold no sensitive artifacts",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="GPU Control 2",
    what="Review whether crash dumps or telemetry could expose sensitive artifacts.",
    why=(
        "A CUDA core dump writes device memory to a file, kdump writes the host's, and both tend to land on a shared "
        "filesystem that half the engineers can read. Profilers and verbose exporters leak more slowly, as shapes, "
        "timings and sometimes labels that carry prompts or customer names. None of it passes the artifact store "
        "whose access was so carefully limited."
    ),
    fix=(
        "Disable dumps where nobody needs them: CUDA_ENABLE_COREDUMP_ON_EXCEPTION unset, core_pattern to nothing or "
        "to a handler, kdump off. Where they are needed, send them encrypted to a registered store with a retention. "
        "Restrict profiling to administrators, write down the permitted telemetry fields and drop the rest in the "
        "exporter. Finally sample real dumps and search them for fragments of known tier 0 artifacts."
    ),
    limits=(
        "Host settings are read at one moment, and a job may set its own environment, so admission has to forbid "
        "that variable too. Whether a dump is clean takes a scan of samples, which shows presence and never absence."
    ),
    clauses=(
        Clause(
            id="GPU-05.dumps-off-or-encrypted",
            text=(
                "CUDA core dumps, kdump, core_pattern and GPU core dumps are disabled, or written encrypted to a "
                "registered store with a retention."
            ),
            measured_by=("host", "k8s"),
        ),
        Clause(
            id="GPU-05.profilers-restricted",
            text="GPU profilers are restricted.",
            measured_by=("host",),
        ),
        Clause(
            id="GPU-05.telemetry-listed",
            text="The telemetry schema is allow-listed.",
            measured_by=("k8s",),
        ),
        Clause(
            id="GPU-05.dumps-clean",
            text="Sampled dumps were scanned and hold no tier 0 fragment.",
            measured_by=("probe",),
        ),
    ),
    evidence="CUDA_ENABLE_COREDUMP_ON_EXCEPTION, core_pattern, kdump conf, DCGM/APM exporter schema, dump store scan",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("SI-11", "SC-4", "AU-3(3)", "MP-6", "SC-28"),
        csa_aicm_domain=("LOG", "DSP"),
        csa_ccm_4_1=("LOG-08", "DSP-16"),
        rand_sl=("SL3-PI3",),
        mitre_atlas=("AML.T0037", "AML.T0057"),
        mitre_attack=("T1005", "T1003.007"),
        owasp_aisvs=("8.2.1",),
    ),
)
