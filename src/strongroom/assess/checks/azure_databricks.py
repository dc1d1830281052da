"""Azure Databricks workspaces."""

from strongroom.assess.checks._azure import customers
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check

WORKSPACE = "azurerm_databricks_workspace"
WORKSPACES = (Kind.WORKSPACE,)
GATE = "net.node_addresses"
SHOW = "az databricks workspace show -n <workspace> -g <group> --query"


@check(
    id="net.databricks.public",
    title="The Databricks workspace has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=WORKSPACES,
    needs=("net.public", GATE),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off and reach the workspace by private link.",
        (
            (
                WORKSPACE,
                'public_network_access_enabled         = false\nnetwork_security_group_rules_required = "NoAzureDatabricksRules"',
            ),
        ),
        "az databricks workspace update -n <workspace> -g <group> --public-network-access Disabled",
        f"{SHOW} publicNetworkAccess",
        Effort.LARGE,
    ),
    broken="the workspace answers the internet",
    equivalents=("checkov:CKV_AZURE_158", "prowler:databricks_workspace_public_network_access_disabled"),
)
def public(v: View) -> bool:
    """A stolen token reads notebooks, models and tables of a public workspace from anywhere."""
    return not v.flag("net.public")


@check(
    id="net.databricks.node-addresses",
    title="The clusters' nodes have no public addresses",
    clause="NET-01.not-exposed",
    kinds=WORKSPACES,
    needs=(GATE,),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch secure cluster connectivity on.",
        ((WORKSPACE, "custom_parameters {\n  no_public_ip = true\n}"),),
        "az databricks workspace update -n <workspace> -g <group> --enable-no-public-ip true",
        f"{SHOW} parameters.enableNoPublicIp.value",
        Effort.MEDIUM,
    ),
    broken="every node gets a public address",
    equivalents=("prowler:databricks_workspace_no_public_ip_enabled",),
)
def node_addresses(v: View) -> bool:
    """Worker nodes on the internet are attacked like any other server, and they hold the data in memory."""
    return not v.flag(GATE)


@check(
    id="net.databricks.vnet",
    title="The clusters stand in a network of the owner's",
    clause="NET-02.in-private-network",
    kinds=WORKSPACES,
    needs=("net.in_vpc", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Inject the workspace into a network; this builds it anew.",
        (
            (
                WORKSPACE,
                'custom_parameters {\n  no_public_ip        = true\n  virtual_network_id  = azurerm_virtual_network.data.id\n  public_subnet_name  = "host"\n  private_subnet_name = "container"\n}',
            ),
        ),
        "",
        f"{SHOW} parameters.customVirtualNetworkId.value",
        Effort.LARGE,
    ),
    broken="the clusters run in a network that Databricks manages",
    equivalents=("prowler:databricks_workspace_vnet_injection_enabled",),
)
def vnet(v: View) -> bool:
    """Outside the owner's network there is no firewall of his, no flow log, and no way to say what may leave."""
    return v.flag("net.in_vpc")


@check(
    id="enc.databricks.root-cmk",
    title="The workspace's file system is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=WORKSPACES,
    needs=("enc.key", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a key for the root storage.",
        (
            (WORKSPACE, "customer_managed_key_enabled = true"),
            (
                "azurerm_databricks_workspace_root_dbfs_customer_managed_key",
                "workspace_id     = azurerm_databricks_workspace.this.id\nkey_vault_key_id = azurerm_key_vault_key.dbfs.id",
            ),
        ),
        "",
        f"{SHOW} parameters.encryption.value.keySource",
        Effort.MEDIUM,
    ),
    broken="models and tables in the root storage are encrypted with the platform's own key",
    equivalents=("checkov:CKV2_AZURE_48",),
)
def root_cmk(v: View) -> bool:
    """Models that nobody moved elsewhere lie in the root storage; only a key of the owner's can be withdrawn."""
    return customers(v, "enc.key")


@check(
    id="enc.databricks.services-cmk",
    title="Notebooks and disks of the workspace are encrypted with keys of the customer's",
    clause="ART-01.stores-cmk",
    kinds=WORKSPACES,
    needs=("enc.notebook_key", "enc.volume_key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name keys for the managed services and disks.",
        (
            (
                WORKSPACE,
                "managed_services_cmk_key_vault_key_id = azurerm_key_vault_key.notebooks.id\nmanaged_disk_cmk_key_vault_key_id     = azurerm_key_vault_key.disks.id",
            ),
        ),
        "",
        f"{SHOW} encryption.entities",
        Effort.MEDIUM,
    ),
    broken="notebooks or disks are encrypted with the platform's own key",
    equivalents=("prowler:databricks_workspace_cmk_encryption_enabled",),
)
def services_cmk(v: View) -> bool:
    """Notebooks hold queries, results and pasted secrets."""
    return customers(v, "enc.notebook_key") and customers(v, "enc.volume_key")


CHECKS = (public, node_addresses, vnet, root_cmk, services_cmk)
