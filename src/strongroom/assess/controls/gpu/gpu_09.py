"""GPU-09: GPU events correlated with identity and job."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-09",
    title="GPU events correlated with identity and job",
    verb=Verb.WATCH,
    domain="GPU",
    area="gpu",
    phase=90,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="GPU Control 4",
    what="Correlate GPU anomalies with the IAM or service identity and with the logs of the job.",
    why=(
        'An alert that says "GPU 3 on node 17 is busy" leaves the responder with an hour of digging through cgroups, '
        "pod names and token exchanges, while the miner or the thief goes on. Resolving process to job, service "
        "account, person or pipeline, and source address makes containment a matter of one revocation. What does not "
        "resolve is the more interesting half: a process outside any job is either a broken pipeline or an intruder."
    ),
    fix=(
        "Collect the links while they exist, since a PID's cgroup, the kubelet's pod resources and Slurm's "
        "accounting are gone after the job. Join them with audit logs by validity interval and not by name equality, "
        "because names and addresses are reused. Raise unresolved processes as alerts, store the resolved chain in "
        "the log beside the finding, and look at the weekly share below 95% as a fault of the pipeline."
    ),
    limits=(
        "The chain ends where logs end: a shared service account or a bastion without session records resolves to a "
        "machine, not to a person. It is judged on collected event streams, which no configuration file replaces."
    ),
    clauses=(
        Clause(
            id="GPU-09.processes-resolve",
            text=(
                "At least 95% of GPU processes and alerts resolve from job id to service account to human or CI "
                "principal to source IP."
            ),
            measured_by=("watch",),
        ),
        Clause(
            id="GPU-09.unresolved-alert",
            text="GPU processes that do not resolve to an identity are alerts.",
            measured_by=("watch",),
        ),
        Clause(
            id="GPU-09.record-kept",
            text="The record of each correlation is kept in the log.",
            measured_by=("ledger",),
        ),
    ),
    evidence="pod/cgroup->PID map, Slurm accounting, K8s audit, CloudTrail/Entra/GCP audit, SPIFFE ids",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AU-6(3)", "AU-12", "SI-4(16)", "SI-4(23)", "AC-2(12)"),
        csa_aicm_domain=("LOG", "IAM"),
        csa_ccm_4_1=("LOG-09", "LOG-12", "IAM-13"),
        rand_sl=("SL2-MO1", "SL3-MO2"),
        mitre_atlas=("AML.T0012", "AML.T0034"),
        mitre_attack=("T1078", "T1496.001"),
        owasp_aisvs=("12.2.5",),
    ),
)
