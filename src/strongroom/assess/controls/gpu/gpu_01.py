"""GPU-01: GPU isolation enforced as a scheduler rule."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-01",
    title="GPU isolation enforced as a scheduler rule",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="GPU Control 1; 60-day plan",
    what="Prefer one tenant per GPU, and make isolation a scheduler rule instead of best effort.",
    why=(
        "Placement by habit holds until the first busy day. A job without the right toleration, a pod bound directly "
        "by nodeName, a Slurm comment edited after submission, and the tenant's weights share a card with a "
        "stranger's kernel, which shares driver, memory controller and fault domain. A rule that the scheduler "
        "enforces on every road into the GPU (create, update, bind, step) does not depend on anyone remembering."
    ),
    fix=(
        "Give sensitive pools an enforcing taint (NoSchedule or NoExecute, since PreferNoSchedule is only a wish) "
        "and a label that tenants cannot write. Add the admission policy or the Slurm job_submit and prolog hooks "
        "with ConstrainDevices, begin in observe mode, and read what it would have refused. Then enforce it, send a "
        "probe job that breaks the rule, and keep pod-to-GPU history so that the last 30 days can be audited."
    ),
    limits=(
        "A taint in a template shows that the pool repels strangers, not that every tolerating workload belongs to "
        "the same tenant. The rejection needs a probe, and co-residency needs the scheduler's records; without 30 "
        "days of them that clause stays open."
    ),
    clauses=(
        Clause(
            id="GPU-01.enforced-by-scheduler",
            text=(
                "An admission or scheduler policy exists and is enforcing (ValidatingAdmissionPolicy, Kyverno, "
                "Gatekeeper, a DRA class, or Slurm job_submit with ConstrainDevices)."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "k8s", "slurm", "isolation"),
        ),
        Clause(
            id="GPU-01.violation-rejected",
            text="A probe job that violates the policy is rejected.",
            measured_by=("probe", "isolation"),
        ),
        Clause(
            id="GPU-01.no-co-residency",
            text=(
                "An audit of the last 30 days shows no co-residency of a sensitive workload with other tenants on "
                "one physical GPU."
            ),
            measured_by=("k8s", "slurm", "isolation"),
        ),
    ),
    evidence=(
        "policy objects + dry-run probe; Slurm cgroup.conf/gres/OverSubscribe=EXCLUSIVE; pod-to-GPU-UUID history "
        "(DCGM/kubelet podresources)"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7(21)", "SC-39", "SC-4", "SC-32", "AC-4"),
        csa_aicm_domain=("I&S", "DSP"),
        csa_ccm_4_1=("I&S-06", "I&S-05"),
        rand_sl=("SL3-WS3", "SL3-TL1"),
        mitre_atlas=("AML.T0105", "AML.T0112"),
        mitre_attack=("T1611", "T1610", "T1212"),
        owasp_aisvs=("5.3.1", "5.3.2", "4.2.4"),
    ),
)
