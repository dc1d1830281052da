"""AKS node pools with accelerators."""

from strongroom.assess.checks._azure import confidential, whole_card
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

CLUSTER = "azurerm_kubernetes_cluster"
POOL = "azurerm_kubernetes_cluster_node_pool"
POOLS = (Kind.CLUSTER, Kind.NODE_POOL)
SHOW = "az aks nodepool show --cluster-name <cluster> -g <group> -n <pool> --query"


@check(
    id="gpu.aks.taint",
    title="A taint keeps other work off the pool's accelerators",
    clause="GPU-01.enforced-by-scheduler",
    kinds=POOLS,
    needs=("gpu.taints", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Taint the pool, and let only the workloads that it is for tolerate the taint.",
        (
            (POOL, 'node_taints = ["sku=gpu:NoSchedule"]'),
            (CLUSTER, "default_node_pool {\n  only_critical_addons_enabled = true\n}"),
        ),
        "az aks nodepool update --cluster-name <cluster> -g <group> -n <pool> --node-taints sku=gpu:NoSchedule",
        f"{SHOW} nodeTaints",
    ),
    broken="no NoSchedule or NoExecute taint stands on the pool, and AKS adds none by itself",
)
def taint(v: View) -> Answer:
    """Without a taint the scheduler puts any pod of any tenant beside the one that holds the model."""
    raw = v.raw("gpu.taints")
    found = raw if isinstance(raw, tuple) else (raw,) if isinstance(raw, Unknown) else ()
    if any(isinstance(t, str) for t in found):
        return holds()
    doubts = [t for t in found if isinstance(t, Unknown)]
    return unknown(*doubts) if doubts else broken()


@check(
    id="gpu.aks.whole-card",
    title="The pool's machines have accelerators of their own",
    clause="GPU-02.no-time-slicing",
    kinds=POOLS,
    needs=("gpu.count", "gpu.sharing", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a size with whole cards; divide them with MIG profiles if they must be shared.",
        ((POOL, 'vm_size      = "Standard_NC24ads_A100_v4"\ngpu_instance = "MIG2g"'),),
        "",
        f"{SHOW} vmSize",
        Effort.MEDIUM,
    ),
    broken="each machine has {share} of a card that other customers use at the same time",
)
def whole(v: View) -> Answer:
    """A fraction of a card is time that strangers get next, on the same silicon and behind the same driver."""
    return whole_card(v)


@check(
    id="gpu.aks.driver",
    title="The pool's GPU driver is renewed without anybody's doing",
    clause="GPU-06.patched",
    kinds=POOLS,
    needs=("gpu.driver_managed", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let AKS install the driver and renew the node image.",
        ((CLUSTER, 'node_os_upgrade_channel = "NodeImage"'), (POOL, 'gpu_driver = "Install"')),
        "az aks update -n <cluster> -g <group> --node-os-upgrade-channel NodeImage",
        "az aks show -n <cluster> -g <group> --query autoUpgradeProfile.nodeOsUpgradeChannel",
    ),
    broken="the node image, and the GPU driver with it, stays as old as the pool",
)
def driver(v: View) -> bool:
    """GPU drivers run in the kernel and have a security bulletin every quarter."""
    return v.flag("gpu.driver_managed")


@check(
    id="tee.aks.confidential",
    title="Sensitive work runs on confidential nodes",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=POOLS,
    needs=("sensitive", "cc.tech", "enc.at_host", "net.private_nodes"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a confidential size: with an accelerator NCCads_H100_v5, without one DCas_v5 or ECas_v5.",
        ((POOL, 'vm_size = "Standard_NCC40ads_H100_v5"'),),
        "",
        f"{SHOW} vmSize",
        Effort.LARGE,
    ),
    broken="its machines are not confidential",
)
def confidential_nodes(v: View) -> Answer:
    """On an ordinary machine whoever runs the host reads the weights out of its memory."""
    return confidential(v)


CHECKS = (taint, whole, driver, confidential_nodes)
