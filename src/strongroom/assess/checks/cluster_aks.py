"""AKS clusters and their node pools."""

from strongroom.assess.checks._azure import customers, diagnostics, logged
from strongroom.kit.nets import is_world
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

CLUSTER = "azurerm_kubernetes_cluster"
POOL = "azurerm_kubernetes_cluster_node_pool"
CLUSTERS = (Kind.CLUSTER,)
POOLS = (Kind.CLUSTER, Kind.NODE_POOL)
SHOW = "az aks show -n <cluster> -g <group> --query"
_AUDIT = ("kube-audit", "kube-audit-admin")


@check(
    id="net.aks.private-api",
    title="The cluster's API has no public address",
    clause="NET-02.private-cluster-api",
    kinds=CLUSTERS,
    needs=("net.public", "net.egress_route"),
    severity=Severity.HIGH,
    fix=Fix(
        "Make the cluster private; this builds it anew.",
        ((CLUSTER, "private_cluster_enabled = true"),),
        "az aks create -n <cluster> -g <group> --enable-private-cluster",
        f"{SHOW} apiServerAccessProfile.enablePrivateCluster",
        Effort.LARGE,
    ),
    broken="the API answers on a public address",
    equivalents=("checkov:CKV_AZURE_115", "trivy:AZU-0065", "prowler:aks_clusters_public_access_disabled"),
)
def private_api(v: View) -> bool:
    """A stolen kubeconfig works from anywhere when the API does."""
    return not v.flag("net.public")


@check(
    id="net.aks.authorized-ips",
    title="Only listed addresses reach a public API",
    clause="NET-01.not-exposed",
    kinds=CLUSTERS,
    needs=("net.public_cidrs", "net.egress_route"),
    severity=Severity.HIGH,
    fix=Fix(
        "List the addresses of the offices and pipelines that need the API.",
        ((CLUSTER, 'api_server_access_profile {\n  authorized_ip_ranges = ["198.51.100.0/24"]\n}'),),
        "az aks update -n <cluster> -g <group> --api-server-authorized-ip-ranges 198.51.100.0/24",
        f"{SHOW} apiServerAccessProfile.authorizedIpRanges",
    ),
    broken="{why}",
    equivalents=("checkov:CKV_AZURE_6", "trivy:AZU-0041"),
)
def authorized_ips(v: View) -> Answer:
    """A public API without a list is scanned by everybody, and answers anonymous calls for its version and health."""
    if v.raw("net.public") is False:
        return not_applicable("the API is private")
    raw = v.raw("net.public_cidrs")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    world = next((c for c in found if isinstance(c, str) and is_world(c)), None)
    if world is not None:
        return broken(why=f"the list holds {world}, the whole internet")
    doubts = [c for c in found if isinstance(c, Unknown)]
    if doubts:
        return unknown(*doubts)
    return holds() if found else broken(why="no list says which addresses reach the API")


@check(
    id="net.aks.node-addresses",
    title="The nodes have no public addresses",
    clause="NET-01.not-exposed",
    kinds=POOLS,
    needs=("net.private_nodes", "enc.at_host"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the nodes' own addresses away; what must be reached goes behind a load balancer.",
        (
            (CLUSTER, "default_node_pool {\n  node_public_ip_enabled = false\n}"),
            (POOL, "node_public_ip_enabled = false"),
        ),
        "",
        "az aks nodepool show --cluster-name <cluster> -g <group> -n <pool> --query enableNodePublicIp",
        Effort.MEDIUM,
    ),
    broken="every node gets a public address",
    equivalents=("checkov:CKV_AZURE_143", "prowler:aks_clusters_created_with_private_nodes"),
)
def node_addresses(v: View) -> bool:
    """A node with an address of its own puts the kubelet and every host port beside the models on the internet."""
    return v.flag("net.private_nodes")


@check(
    id="net.aks.network-policy",
    title="Something in the cluster enforces network policies",
    clause="SEG-01.default-deny-between",
    kinds=CLUSTERS,
    needs=("net.policy", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a network policy engine.",
        (
            (
                CLUSTER,
                'network_profile {\n  network_plugin     = "azure"\n  network_policy     = "cilium"\n  network_data_plane = "cilium"\n}',
            ),
        ),
        "az aks update -n <cluster> -g <group> --network-policy cilium --network-dataplane cilium",
        f"{SHOW} networkProfile.networkPolicy",
        Effort.MEDIUM,
    ),
    broken="network policies are accepted and enforced by nobody",
    equivalents=("checkov:CKV_AZURE_7", "trivy:AZU-0043", "prowler:aks_network_policy_enabled"),
)
def network_policy(v: View) -> bool:
    """Without an engine a NetworkPolicy is a comment: every pod reaches every other, whatever the manifests say."""
    return v.flag("net.policy")


@check(
    id="net.aks.egress",
    title="The cluster has no open way to the internet",
    clause="NET-04.default-deny-egress",
    kinds=CLUSTERS,
    needs=("net.egress_restricted", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send what leaves through a firewall with a list, or let nothing leave.",
        ((CLUSTER, 'network_profile {\n  network_plugin = "azure"\n  outbound_type  = "userDefinedRouting"\n}'),),
        "az aks update -n <cluster> -g <group> --outbound-type userDefinedRouting",
        f"{SHOW} networkProfile.outboundType",
        Effort.LARGE,
    ),
    broken="what leaves goes straight to the internet (outbound type {route})",
)
def egress(v: View) -> Answer:
    """Weights leave a cluster through the same address that pulls its images."""
    return holds() if v.flag("net.egress_restricted") else broken(route=v.text("net.egress_route"))


@check(
    id="iam.aks.rbac",
    title="Roles decide what a user of the cluster may do",
    clause="IAM-02.no-wildcard",
    kinds=CLUSTERS,
    needs=("auth.rbac", "net.egress_route"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch Kubernetes RBAC on; this builds the cluster anew.",
        ((CLUSTER, "role_based_access_control_enabled = true"),),
        "az aks create -n <cluster> -g <group>",
        f"{SHOW} enableRbac",
        Effort.LARGE,
    ),
    broken="without RBAC every user and every pod is an administrator",
    equivalents=("checkov:CKV_AZURE_5", "trivy:AZU-0042", "prowler:aks_cluster_rbac_enabled"),
)
def rbac(v: View) -> bool:
    """Where no roles decide, any pod's token reads every secret and starts anything on every GPU."""
    return v.flag("auth.rbac")


@check(
    id="iam.aks.local-accounts",
    title="The cluster has no local administrator",
    clause="IAM-01.no-shared-accounts",
    kinds=CLUSTERS,
    needs=("auth.local", "net.egress_route"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch local accounts off and let Entra ID in.",
        (
            (
                CLUSTER,
                "local_account_disabled = true\nazure_active_directory_role_based_access_control {\n  azure_rbac_enabled     = true\n  admin_group_object_ids = [var.platform_admins]\n}",
            ),
        ),
        "az aks update -n <cluster> -g <group> --disable-local-accounts",
        f"{SHOW} disableLocalAccounts",
    ),
    broken="a certificate of a shared administrator opens the cluster",
    equivalents=("checkov:CKV_AZURE_141", "prowler:aks_cluster_local_accounts_disabled"),
)
def local_accounts(v: View) -> bool:
    """The local account is one certificate for everybody: no name in the audit log, no second factor, no way to revoke
    it but to rotate the cluster.
    """
    return not v.flag("auth.local")


@check(
    id="iam.aks.workload-identity",
    title="Pods reach Azure with identities of their own",
    clause="GOV-02.no-static-tokens",
    kinds=CLUSTERS,
    needs=("auth.workload_identity",),
    severity=Severity.LOW,
    fix=Fix(
        "Switch workload identity on and federate each service account.",
        ((CLUSTER, "oidc_issuer_enabled       = true\nworkload_identity_enabled = true"),),
        "az aks update -n <cluster> -g <group> --enable-oidc-issuer --enable-workload-identity",
        f"{SHOW} securityProfile.workloadIdentity",
        Effort.MEDIUM,
    ),
    broken="pods have stored secrets or the node's identity to reach storage and keys with",
)
def workload_identity(v: View) -> bool:
    """Without it, all pods of a node share what the node may do, or carry secrets that never expire."""
    return v.flag("auth.workload_identity")


@check(
    id="enc.aks.disks-cmk",
    title="The disks of nodes and volumes are encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=CLUSTERS,
    needs=("enc.volume_key", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a disk encryption set; this builds the cluster anew.",
        ((CLUSTER, "disk_encryption_set_id = azurerm_disk_encryption_set.nodes.id"),),
        "az aks create -n <cluster> -g <group> --node-osdisk-diskencryptionset-id <id>",
        f"{SHOW} diskEncryptionSetId",
        Effort.LARGE,
    ),
    broken="the disks are encrypted with the platform's own key",
    equivalents=("checkov:CKV_AZURE_117", "trivy:AZU-0067"),
)
def disks_cmk(v: View) -> bool:
    """Caches, checkpoints and pulled models lie on these disks; only a key of the owner's can be withdrawn."""
    return customers(v, "enc.volume_key")


@check(
    id="enc.aks.at-host",
    title="The nodes' temporary disks and caches are encrypted",
    clause="ART-01.stores-cmk",
    kinds=POOLS,
    needs=("enc.at_host", "net.private_nodes"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Encrypt at the host.",
        (
            (CLUSTER, "default_node_pool {\n  host_encryption_enabled = true\n}"),
            (POOL, "host_encryption_enabled = true"),
        ),
        "az aks nodepool add --cluster-name <cluster> -g <group> -n <pool> --enable-encryption-at-host",
        "az aks nodepool show --cluster-name <cluster> -g <group> -n <pool> --query enableEncryptionAtHost",
        Effort.MEDIUM,
    ),
    broken="what pods write to temporary disks lies on the host in clear",
    equivalents=("checkov:CKV_AZURE_227",),
)
def at_host(v: View) -> bool:
    """GPU sizes bring large local disks for datasets and checkpoints; disk encryption alone leaves those out."""
    return v.flag("enc.at_host")


@check(
    id="enc.aks.secrets-cmk",
    title="The cluster's secrets are encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=CLUSTERS,
    needs=("enc.secrets_key", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch etcd encryption with a Key Vault key on.",
        (
            (
                CLUSTER,
                'key_management_service {\n  key_vault_key_id         = azurerm_key_vault_key.etcd.id\n  key_vault_network_access = "Private"\n}',
            ),
        ),
        "az aks update -n <cluster> -g <group> --enable-azure-keyvault-kms --azure-keyvault-kms-key-id <id>",
        f"{SHOW} securityProfile.azureKeyVaultKms",
        Effort.MEDIUM,
    ),
    broken="etcd is encrypted with the platform's own key only",
)
def secrets_cmk(v: View) -> bool:
    """Registry passwords and API tokens of the whole stack lie in etcd."""
    return customers(v, "enc.secrets_key")


@check(
    id="log.aks.monitor",
    title="The cluster sends its logs to Azure Monitor",
    clause="LOG-01.sources-on",
    kinds=CLUSTERS,
    needs=("log.enabled", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the monitoring add-on on.",
        ((CLUSTER, "oms_agent {\n  log_analytics_workspace_id = azurerm_log_analytics_workspace.audit.id\n}"),),
        "az aks enable-addons -n <cluster> -g <group> --addons monitoring --workspace-resource-id <id>",
        f"{SHOW} addonProfiles.omsagent.enabled",
    ),
    broken="no monitoring add-on collects what containers and nodes say",
    equivalents=("checkov:CKV_AZURE_4", "trivy:AZU-0040", "prowler:aks_cluster_azure_monitor_enabled"),
)
def monitored(v: View) -> bool:
    """A pod's output is gone with the pod; what was not collected cannot be investigated."""
    return v.flag("log.enabled")


@check(
    id="log.aks.audit",
    title="Calls to the cluster's API are logged",
    clause="LOG-01.sources-on",
    kinds=CLUSTERS,
    needs=("log.types", "net.egress_route"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the API server's audit log to a workspace.",
        ((CLUSTER, diagnostics("azurerm_kubernetes_cluster.gpu.id", "kube-audit-admin")),),
        "",
        "az monitor diagnostic-settings list --resource <cluster-id>",
    ),
    broken="no diagnostic setting sends the audit log anywhere (found: {found})",
)
def audited(v: View) -> Answer:
    """The monitoring add-on does not see the API: who read a secret or started a pod is in the audit log alone."""
    return logged(v, *_AUDIT)


CHECKS = (
    private_api,
    authorized_ips,
    node_addresses,
    network_policy,
    egress,
    rbac,
    local_accounts,
    workload_identity,
    disks_cmk,
    at_host,
    secrets_cmk,
    monitored,
    audited,
)
