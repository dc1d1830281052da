"""Google Kubernetes Engine: how nodes boot, whom they run as, and what pods learn from them."""

from strongroom.assess.checks._gcp import SERVICE, customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check

CLUSTER, POOL = "google_container_cluster", "google_container_node_pool"
CLUSTERS = (Kind.CLUSTER,)
NODES = (Kind.CLUSTER, Kind.NODE_POOL)
DESCRIBE = "gcloud container clusters describe NAME --location LOCATION --format='value({0})'"


def _nodes(text: str, setting: str, verify: str, effort: Effort = Effort.MEDIUM) -> Fix:
    """A fix that is written in the same place of a cluster and of a pool."""
    lines = f"node_config {{\n  {setting}\n}}"
    return Fix(text, ((CLUSTER, lines), (POOL, lines)), verify=verify, effort=effort)


@check(
    id="net.gke.pool-private-nodes",
    title="Nodes of the pool have no public addresses",
    clause="NET-01.not-exposed",
    kinds=(Kind.NODE_POOL,),
    needs=(SERVICE, "net.private_nodes"),
    severity=Severity.HIGH,
    fix=Fix(
        "Make the pool with private nodes.",
        ((POOL, "network_config {\n  enable_private_nodes = true\n}"),),
        verify="gcloud container node-pools describe POOL --cluster NAME --format='value(networkConfig.enablePrivateNodes)'",
        effort=Effort.MEDIUM,
    ),
    broken="nodes of the pool are given public addresses",
)
def pool_private_nodes(v: View) -> bool:
    """A pool may differ from its cluster: one pool with public addresses is a way into all the others."""
    return v.flag("net.private_nodes")


@check(
    id="boot.gke.secure-boot",
    title="Nodes boot only signed software",
    clause="FW-01.cloud-shielded",
    kinds=NODES,
    needs=(SERVICE, "boot.secure"),
    severity=Severity.MEDIUM,
    fix=_nodes(
        "Switch Secure Boot on for the nodes; drivers that GKE installs are signed.",
        "shielded_instance_config {\n    enable_secure_boot = true\n  }",
        DESCRIBE.format("nodePools[].config.shieldedInstanceConfig"),
    ),
    broken="Secure Boot is off on the nodes",
    equivalents=("checkov:CKV_GCP_68",),
)
def secure_boot(v: View) -> bool:
    """Whoever escapes from a pod onto a node loads a kernel module to stay and to hide; Secure Boot refuses what is not
    signed.
    """
    return v.flag("boot.secure")


@check(
    id="boot.gke.integrity",
    title="The boot of nodes is compared with a baseline",
    clause="FW-01.cloud-shielded",
    kinds=NODES,
    needs=(SERVICE, "boot.integrity"),
    severity=Severity.MEDIUM,
    fix=_nodes(
        "Leave integrity monitoring on, as it is unless switched off.",
        "shielded_instance_config {\n    enable_integrity_monitoring = true\n  }",
        DESCRIBE.format("nodePools[].config.shieldedInstanceConfig"),
    ),
    broken="integrity monitoring is off on the nodes",
    equivalents=("checkov:CKV_GCP_72",),
)
def integrity(v: View) -> bool:
    """A node that booted something else than before is the one sign of a boot-level compromise that the platform gives;
    without the comparison nobody sees it.
    """
    return v.flag("boot.integrity")


@check(
    id="boot.gke.shielded-nodes",
    title="Nodes prove to the control plane who they are",
    clause="FW-01.cloud-shielded",
    kinds=CLUSTERS,
    needs=(SERVICE, "boot.shielded"),
    severity=Severity.HIGH,
    fix=Fix(
        "Leave shielded nodes on, as they are unless switched off.",
        ((CLUSTER, "enable_shielded_nodes = true"),),
        "gcloud container clusters update NAME --enable-shielded-nodes",
        DESCRIBE.format("shieldedNodes.enabled"),
    ),
    broken="shielded nodes are switched off",
    equivalents=("checkov:CKV_GCP_71", "trivy:GCP-0055"),
)
def shielded_nodes(v: View) -> bool:
    """Without it a pod that reads a node's bootstrap credential can join the cluster as a node and be handed the
    secrets of the pods that are scheduled there.
    """
    return v.flag("boot.shielded")


@check(
    id="net.gke.metadata",
    title="Pods cannot read the node's metadata and credentials",
    clause="NET-04.metadata-guarded",
    kinds=NODES,
    needs=(SERVICE, "imds.concealed"),
    severity=Severity.HIGH,
    fix=_nodes(
        "Run the GKE metadata server on the nodes, and give pods identities of their own by Workload Identity.",
        'workload_metadata_config {\n    mode = "GKE_METADATA"\n  }',
        "a pod that asks 169.254.169.254 for the node's service account gets its own identity or an error",
    ),
    broken="pods can ask the node's metadata server for the node's credentials",
    equivalents=("checkov:CKV_GCP_69", "trivy:GCP-0057"),
)
def metadata(v: View) -> bool:
    """A request forged by a model server, or one line in a notebook, fetches the node's token; with it go all the
    buckets and registries that the node's account may read.
    """
    return v.flag("imds.concealed")


@check(
    id="iam.gke.own-account",
    title="Nodes run as a service account of their own",
    clause="IAM-01.no-shared-accounts",
    kinds=NODES,
    needs=(SERVICE, "identity.own"),
    severity=Severity.MEDIUM,
    fix=_nodes(
        "Make a service account with the roles that nodes need (roles/container.defaultNodeServiceAccount) and name it.",
        "service_account = google_service_account.nodes.email",
        DESCRIBE.format("nodePools[].config.serviceAccount"),
    ),
    broken="nodes run as the project's default service account",
    equivalents=("trivy:GCP-0050", "prowler:gke_cluster_no_default_service_account"),
)
def own_account(v: View) -> bool:
    """The default service account is shared by everything in the project and often edits all of it, so that one pod
    that reaches the node's token has the project.
    """
    return v.flag("identity.own")


node_disks = customer_key(
    "enc.gke.node-disks-cmk",
    "Disks of nodes are encrypted with a customer-managed key",
    NODES,
    "enc.volume_key",
    _nodes(
        "Name a key of your own for the nodes' disks.",
        "boot_disk_kms_key = google_kms_crypto_key.gke.id",
        DESCRIBE.format("nodePools[].config.bootDiskKmsKey"),
    ),
    "Images with weights inside, model caches and swapped-out tensors land on a node's disk.",
    (),
)

CHECKS = (pool_private_nodes, secure_boot, integrity, shielded_nodes, metadata, own_account, node_disks)
