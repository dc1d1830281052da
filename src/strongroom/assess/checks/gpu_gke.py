"""Accelerators on Google Cloud: who else gets onto the node, how a card is shared, its driver, and the machine's memory."""

from strongroom.assess.checks._gcp import SERVICE, items
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

CLUSTER, POOL = "google_container_cluster", "google_container_node_pool"
POOLS = (Kind.NODE_POOL, Kind.CLUSTER)
TAINT = 'node_config {\n  taint {\n    key    = "nvidia.com/gpu"\n    value  = "present"\n    effect = "NO_SCHEDULE"\n  }\n}'
WHOLE = 'node_config {\n  guest_accelerator {\n    type               = "nvidia-h100-80gb"\n    count              = 8\n    gpu_partition_size = "1g.10gb"\n  }\n}'
DRIVER = 'node_config {\n  guest_accelerator {\n    type  = "nvidia-h100-80gb"\n    count = 8\n    gpu_driver_installation_config {\n      gpu_driver_version = "DEFAULT"\n    }\n  }\n}\nmanagement {\n  auto_upgrade = true\n}'
CONFIDENTIAL = 'node_config {\n  confidential_nodes {\n    enabled                    = true\n    confidential_instance_type = "TDX"\n  }\n}'
MACHINE = 'confidential_instance_config {\n  confidential_instance_type = "TDX"\n}'
DESCRIBE = "gcloud container node-pools describe POOL --cluster NAME --location LOCATION --format='value({0})'"


def _certain(v: View) -> str:
    """The model of the accelerator; an asset whose accelerator is not known ends the check here."""
    return v.text("gpu.model")


@check(
    id="gpu.gke.taint",
    title="The accelerator pool keeps other pods away by a taint",
    clause="GPU-01.enforced-by-scheduler",
    kinds=POOLS,
    needs=(SERVICE, "gpu.model", "gpu.taints"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Taint the pool; GKE does so by itself only where the pool joins a cluster that already has other nodes.",
        ((POOL, TAINT), (CLUSTER, TAINT)),
        verify=DESCRIBE.format("config.effectiveTaints"),
    ),
    broken="{model} nodes take any pod: no NoSchedule or NoExecute taint",
)
def taint(v: View) -> Answer:
    """Without a taint any pod lands beside the one that holds the weights, on the same kernel and the same driver. The
    taint is what makes isolation a rule of the scheduler and no habit.
    """
    found = items(v, "gpu.taints")
    if any(isinstance(t, str) for t in found):
        return holds()
    doubts = [t for t in found if isinstance(t, Unknown)]
    return unknown(*doubts) if doubts else broken(model=_certain(v))


@check(
    id="gpu.gke.no-time-slicing",
    title="Accelerators are not shared by time-slicing or MPS",
    clause="GPU-02.no-time-slicing",
    kinds=POOLS,
    needs=(SERVICE, "gpu.model", "gpu.sharing"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the sharing strategy out: give out whole cards, or partition them in hardware with MIG.",
        ((POOL, WHOLE), (CLUSTER, WHOLE)),
        verify=DESCRIBE.format("config.accelerators[].gpuSharingConfig"),
        effort=Effort.MEDIUM,
    ),
    broken="{model} is shared by {sharing}",
)
def no_time_slicing(v: View) -> Answer:
    """Processes that take turns on a card share its memory, its caches and its faults: nothing in hardware keeps one
    tenant from crashing or reading out another.
    """
    sharing = v.text("gpu.sharing")
    return holds() if sharing in ("none", "mig") else broken(model=_certain(v), sharing=sharing or "an unnamed way")


@check(
    id="gpu.gke.driver",
    title="GKE installs and renews the GPU driver",
    clause="GPU-06.patched",
    kinds=POOLS,
    needs=(SERVICE, "gpu.model", "gpu.driver_managed"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let GKE install the driver, and leave automatic upgrades on.",
        ((POOL, DRIVER), (CLUSTER, DRIVER)),
        verify=DESCRIBE.format("config.accelerators[].gpuDriverInstallationConfig,management.autoUpgrade"),
    ),
    broken="the driver of {model} is installed by hand, or its nodes are not upgraded",
)
def driver(v: View) -> Answer:
    """Flaws in GPU drivers let a container onto the node; a driver that somebody installed once stays as old as the
    day of its installation.
    """
    return holds() if v.flag("gpu.driver_managed") else broken(model=_certain(v))


@check(
    id="tee.gcp-machine.confidential",
    title="Sensitive work runs on confidential machines",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=(*POOLS, Kind.INSTANCE, Kind.TEMPLATE, Kind.NOTEBOOK),
    needs=(SERVICE, "sensitive", "cc.tech"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a machine type with confidential computing and switch it on (for GPUs: a3-highgpu-1g with TDX).",
        (
            (POOL, CONFIDENTIAL),
            (CLUSTER, "confidential_nodes {\n  enabled = true\n}"),
            ("google_compute_instance", MACHINE),
            ("google_compute_instance_template", MACHINE),
            ("google_compute_region_instance_template", MACHINE),
            (
                "google_workbench_instance",
                'gce_setup {\n  confidential_instance_config {\n    confidential_instance_type = "SEV"\n  }\n}',
            ),
        ),
        verify="gcloud compute instances describe NAME --zone ZONE --format='value(confidentialInstanceConfig)'",
        effort=Effort.LARGE,
    ),
    broken="weights and prompts are in plain memory of the host",
)
def confidential(v: View) -> Answer:
    """On an ordinary machine whoever controls the host reads weights and prompts out of memory. A confidential one
    encrypts its memory and can prove what runs in it. A pool with accelerators counts as sensitive unless marked
    otherwise.
    """
    if not v.flag("sensitive"):
        return not_applicable("nothing marks it as sensitive, and it has no accelerator without a mark")
    return holds() if v.text("cc.tech") else broken()


CHECKS = (taint, no_time_slicing, driver, confidential)
