"""MON-01: Alert on unusual data egress."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="MON-01",
    title="Alert on unusual data egress",
    verb=Verb.WATCH,
    domain="Monitoring",
    area="monitoring",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="Cloud intro; 90-day plan",
    what="Monitor continuously, with alerts on unusual data egress.",
    why=(
        "Preventive rules have exceptions, and theft uses them: the permitted object store, the approved registry, "
        "the slow trickle through a proxy. Weights are large, and this is the defender's advantage: whoever takes "
        "100 GB moves 100 GB, which stands out against what the same workload sent last month. An alert that has "
        "never been triggered on purpose is a hope, and an alert after a day is a report."
    ),
    fix=(
        "Build the baseline per workload and not per account, for in the sum one training cluster hides everything. "
        "Combine network flows with object-read volumes, as copies inside the provider's network produce no flow at "
        "your edge. Then exfiltrate a synthetic artifact, at least 1% of the real size, from a normal workload; "
        "measure the time to the alert, tune until it stays within 15 minutes, and repeat each quarter."
    ),
    limits=(
        "A thief who stays within the baseline, or takes a small adapter and not the base model, is below this "
        "threshold. The drill proves the path that it took, on the day it ran."
    ),
    clauses=(
        Clause(
            id="MON-01.egress-baseline",
            text="There is an egress baseline for each workload.",
            measured_by=("watch",),
        ),
        Clause(
            id="MON-01.egress-alert-tested",
            text=(
                "The alert was tested with a synthetic exfiltration drill (at least 1% of the artifact's size) and "
                "came within 15 min."
            ),
            measured_by=("drill",),
        ),
        Clause(
            id="MON-01.egress-drill-current",
            text="The exfiltration drill is at most 90 days old.",
            measured_by=("drill",),
        ),
    ),
    evidence="VPC flow/eBPF/NetFlow, object GET volume, drill record",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-4(4)", "SI-4(18)", "AC-4", "SC-7(10)"),
        csa_aicm_domain=("LOG", "DSP"),
        csa_ccm_4_1=("LOG-03", "LOG-05", "UEM-11"),
        rand_sl=("SL3-MO2", "SL4-RA1"),
        mitre_atlas=("AML.T0025",),
        mitre_attack=("T1048", "T1567.002", "T1537", "T1030"),
        owasp_aisvs=("12.2.6",),
    ),
)
