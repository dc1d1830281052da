"""Azure Kubernetes Service: clusters with their default pool, further pools, and what is attached to them."""

from collections.abc import Callable

from strongroom.collect.native import Default, Native, Reader, Row, flag, text, texts
from strongroom.collect.tables._azure import (
    cmk,
    docs,
    flags,
    identity,
    in_group,
    log_types,
    not_flags,
    private_endpoint,
    text_of,
)
from strongroom.collect.tables._azure_sizes import cc_tech, gpu_count, gpu_model, on_gpus, sensitive
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

DOCS = docs("kubernetes_cluster")
POOL_DOCS = docs("kubernetes_cluster_node_pool")
AT_HOST = "https://learn.microsoft.com/azure/aks/enable-host-encryption"
LOCAL = "https://learn.microsoft.com/azure/aks/manage-local-accounts-managed-azure-ad"
NODE_IP = "https://learn.microsoft.com/azure/aks/use-node-public-ips"
ENFORCING = (":noschedule", ":noexecute")


def _authorized(r: Reader) -> Value:
    found = r.texts("api_server_access_profile.authorized_ip_ranges")
    return r.texts("api_server_authorized_ip_ranges") if found is None else found


def _enforces(r: Reader) -> Value:
    """Whether something in the cluster enforces network policies. Cilium's data plane does so by itself.

    Source: https://learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium
    """
    engine = r.text("network_profile.network_policy")
    plane = text_of("network_profile.network_data_plane", "network_profile.ebpf_data_plane")(r)
    return any_of(
        (
            engine if isinstance(engine, Unknown) else (engine or "none").lower() != "none",
            plane if isinstance(plane, Unknown) else (plane or "").lower() == "cilium",
        )
    )


def _monitored(r: Reader) -> Value:
    """Whether the monitoring add-on sends to a Log Analytics workspace; up to provider 2 it stood in addon_profile."""
    newer = r.blocks("oms_agent")
    if isinstance(newer, Unknown) or newer:
        return newer if isinstance(newer, Unknown) else True
    return r.flag("addon_profile.oms_agent.enabled") or False


def _egress_closed(r: Reader) -> Value:
    """Whether nothing leaves; behind routes of the owner's a firewall decides, which the cluster does not show."""
    route = r.text("network_profile.outbound_type")
    if isinstance(route, str) and route.lower() == "userdefinedrouting":
        return Unknown(GapCode.UNDECIDED, "what leaves follows the owner's routes, and what stands there decides")
    return route if isinstance(route, Unknown) else (route or "loadBalancer").lower() in ("none", "block")


def enforcing(taints: tuple[str | Unknown, ...] | Unknown | None) -> Value:
    """The taints that keep a pod off the nodes; PreferNoSchedule does not."""
    if taints is None or isinstance(taints, Unknown):
        return taints or ()
    return tuple(t for t in taints if isinstance(t, Unknown) or t.lower().endswith(ENFORCING))


def _pool_taints(r: Reader) -> Value:
    return enforcing(r.texts("node_taints"))


def _default_pool_taints(r: Reader) -> Value:
    if r.flag("default_node_pool.only_critical_addons_enabled") is True:
        return ("CriticalAddonsOnly=true:NoSchedule",)
    return enforcing(r.texts("default_node_pool.node_taints"))


def _sharing(path: str) -> Callable[[Reader], Value]:
    """How the pool's own settings divide a card. A device plugin inside the cluster may still divide it further."""

    def read(r: Reader) -> Value:
        found = r.text(path)
        return found if isinstance(found, Unknown) else "mig" if found else "none"

    return read


def _pool_driver(r: Reader) -> Value:
    cluster = r.follow(r.at("kubernetes_cluster_id"))
    if cluster is None:
        return _driver(r.text("gpu_driver"), Unknown(GapCode.UNDECIDED, "its cluster is not in these files"))
    return _driver(r.text("gpu_driver"), _updates(r.reading(cluster)))


def _default_pool_driver(r: Reader) -> Value:
    return _driver(r.text("default_node_pool.gpu_driver"), _updates(r))


def _driver(word: str | Unknown | None, updates: Value) -> Value:
    """Whether AKS installs the driver with the node image and renews that image.

    Source: https://learn.microsoft.com/azure/aks/use-nvidia-gpu (driver) and auto-upgrade-node-os-image (channels).
    """
    if isinstance(word, Unknown):
        return word
    if (word or "install").lower() == "none":
        return Unknown(GapCode.UNDECIDED, "the GPU driver is installed by something inside the cluster")
    return updates


def _updates(cluster: Reader) -> Value:
    """Whether new node images come by themselves; since provider 4 they do unless another channel is chosen."""
    whole = text_of("automatic_upgrade_channel", "automatic_channel_upgrade")(cluster)
    nodes = text_of("node_os_upgrade_channel", "node_os_channel_upgrade")(cluster)
    if isinstance(whole, str) and whole.lower() == "node-image":
        return True
    if isinstance(nodes, Unknown):
        return nodes
    word = (nodes or "NodeImage").lower()
    if word == "securitypatch":
        return Unknown(GapCode.UNSUPPORTED, "whether the SecurityPatch channel renews GPU drivers is not documented")
    return word == "nodeimage"


def _pool(prefix: str) -> tuple[Row, ...]:
    """What a pool says of its machines, under `prefix` in a cluster and at the top in a pool of its own."""
    size = f"{prefix}vm_size"
    first = prefix != ""
    taints = _default_pool_taints if first else _pool_taints
    driver = _default_pool_driver if first else _pool_driver
    return (
        not_flags(
            "net.private_nodes",
            f"{prefix}node_public_ip_enabled",
            f"{prefix}enable_node_public_ip",
            default=Default(True, NODE_IP),
        ),
        flags(
            "enc.at_host",
            f"{prefix}host_encryption_enabled",
            f"{prefix}enable_host_encryption",
            default=Default(False, AT_HOST),
        ),
        gpu_model(size),
        gpu_count(size),
        on_gpus(Row("gpu.sharing", _sharing(f"{prefix}gpu_instance")), size),
        on_gpus(Row("gpu.taints", taints), size),
        on_gpus(Row("gpu.driver_managed", driver), size),
        cc_tech(size),
        sensitive(size),
    )


TABLE = (
    Native(
        type="azurerm_kubernetes_cluster",
        kind=Kind.CLUSTER,
        provider="azure",
        rows=(
            not_flags("net.public", "private_cluster_enabled", "private_link_enabled", default=Default(True, DOCS)),
            Row("net.public_cidrs", _authorized),
            Row("net.policy", _enforces),
            text("net.egress_route", "network_profile.outbound_type", Default("loadBalancer", DOCS)),
            Row("net.egress_restricted", _egress_closed),
            flags(
                "auth.rbac",
                "role_based_access_control_enabled",
                "role_based_access_control.enabled",
                default=Default(True, DOCS),
            ),
            not_flags("auth.local", "local_account_disabled", default=Default(True, LOCAL)),
            flag("auth.workload_identity", "workload_identity_enabled", Default(False, DOCS)),
            cmk("enc.volume_key", "disk_encryption_set_id", source=DOCS),
            cmk("enc.secrets_key", "key_management_service.key_vault_key_id", source=DOCS),
            Row("log.enabled", _monitored),
            log_types(),
            identity(),
            in_group(),
            private_endpoint(),
            text("version", "kubernetes_version"),
            *_pool("default_node_pool."),
        ),
        refs=(("key", "disk_encryption_set_id"), ("subnet", "default_node_pool.vnet_subnet_id")),
    ),
    Native(
        type="azurerm_kubernetes_cluster_node_pool",
        kind=Kind.NODE_POOL,
        provider="azure",
        rows=_pool(""),
        refs=(("cluster", "kubernetes_cluster_id"), ("subnet", "vnet_subnet_id")),
    ),
    Native(
        type="azurerm_kubernetes_automatic_cluster",
        kind=Kind.CLUSTER,
        provider="azure",
        rows=(
            Row("net.public", lambda r: _no_block(r, "private_cluster")),
            texts("net.public_cidrs", "api_server_access.authorized_ip_ranges"),
            # Source: https://learn.microsoft.com/azure/aks/intro-aks-automatic
            Row("net.egress_route", lambda r: None if r.given("hosted_system") is not False else "managedNATGateway"),
            log_types(),
        ),
    ),
    Native(type="azurerm_arc_kubernetes_cluster", kind=Kind.CLUSTER, provider="azure"),
    Native(type="azurerm_arc_kubernetes_provisioned_cluster", kind=Kind.CLUSTER, provider="azure"),
    Native(
        type="azurerm_kubernetes_cluster_extension",
        kind=Kind.WORKLOAD,
        provider="azure",
        refs=(("cluster", "cluster_id"),),
    ),
)


def _no_block(r: Reader, path: str) -> Value:
    found = r.blocks(path)
    return found if isinstance(found, Unknown) else not found
