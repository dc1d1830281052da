"""GPU-08: GPU baseline and abuse detection."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-08",
    title="GPU baseline and abuse detection",
    verb=Verb.WATCH,
    domain="GPU",
    area="gpu",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="GPU Control 4; 90-day plan",
    what=(
        "Baseline the GPU metrics of each environment and alert on unexpected spikes: cryptomining, unauthorised "
        "processes and long-running ones."
    ),
    why=(
        "Stolen GPU hours are the most common way in which a foothold in AI infrastructure is turned into money, and "
        "a miner at steady full load looks just like training. A fixed threshold on utilisation alarms on every "
        "honest job and is switched off within a week. What distinguishes the thief is the lack of a scheduled job "
        "behind the process and a duty cycle unlike its class, hence baselines per environment and job class and a "
        "detector whose false alarms are known."
    ),
    fix=(
        "Bring at least 99% of GPUs into the metric store first, because a silent exporter is where a miner hides. "
        "Collect 14 days per environment and job class before alerting on shape; alert at once, without any "
        "baseline, on processes that no scheduled job owns. Replay labelled traces through the detector, publish "
        "precision and recall with false alarms per GPU-week, and repeat this after every change."
    ),
    limits=(
        "Baselines describe the past and adapt to an attacker who ramps up slowly or was there from the start. "
        "Precision on a replay is a statement about that replay; per-pod attribution is lost where cards are "
        "time-sliced."
    ),
    clauses=(
        Clause(
            id="GPU-08.baselines",
            text="There is a baseline for each environment and job class from at least 14 days of data.",
            measured_by=("watch",),
        ),
        Clause(
            id="GPU-08.detector-measured",
            text="The detector's precision and recall are measured on a labelled replay and published.",
            measured_by=("watch",),
        ),
        Clause(
            id="GPU-08.orphan-alert",
            text="A process that no scheduled job owns raises an alert within 5 min.",
            measured_by=("watch",),
        ),
        Clause(
            id="GPU-08.reporting",
            text="At least 99% of GPUs report.",
            measured_by=("watch",),
        ),
    ),
    evidence="DCGM/NVML/Prometheus series, process table by GPU PID, detector eval record",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-4", "SI-4(2)", "SI-4(5)", "SI-4(23)", "AU-6(1)"),
        csa_aicm_domain=("LOG", "TVM"),
        csa_ccm_4_1=("LOG-03", "LOG-05", "LOG-14"),
        rand_sl=("SL3-MO2", "SL4-MO3"),
        mitre_atlas=("AML.T0034", "AML.T0029", "AML.T0072"),
        mitre_attack=("T1496.001", "T1496"),
        owasp_aisvs=("12.2.2",),
    ),
)
