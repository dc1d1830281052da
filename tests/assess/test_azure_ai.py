"""Azure's AI services: machine learning, AI services, search, Databricks, and what only azapi can say."""

import pytest
from iac import UNKNOWN, assets, verdict

HCL = (
    UNKNOWN
    + """
resource "azurerm_storage_account" "closed" {
  name                          = "closed"
  public_network_access_enabled = false
}
resource "azurerm_storage_account" "open" {
  name = "open"
}
resource "azurerm_machine_learning_workspace" "good" {
  name                          = "good"
  storage_account_id            = azurerm_storage_account.closed.id
  public_network_access_enabled = false
  high_business_impact          = true
  storage_account_access_type   = "Identity"
  managed_network {
    isolation_mode = "AllowOnlyApprovedOutbound"
  }
  encryption {
    key_vault_id = azurerm_key_vault.v.id
    key_id       = azurerm_key_vault_key.k.id
  }
}
resource "azurerm_machine_learning_workspace" "bare" {
  name               = "bare"
  storage_account_id = azurerm_storage_account.open.id
}
resource "azurerm_machine_learning_workspace" "harmless" {
  name                   = "harmless"
  storage_account_id     = azurerm_storage_account.open.id
  high_business_impact   = false
  v1_legacy_mode_enabled = true
  managed_network {
    isolation_mode = "AllowOnlyApprovedOutbound"
  }
}
resource "azurerm_machine_learning_workspace" "asked" {
  name                          = "asked"
  storage_account_id            = var.x
  public_network_access_enabled = var.x
  managed_network {
    isolation_mode = var.x
  }
}
resource "azurerm_ai_foundry" "hub" {
  name                  = "hub"
  public_network_access = "Disabled"
  storage_account_id    = azurerm_storage_account.closed.id
  managed_network {
    isolation_mode = "AllowInternetOutbound"
  }
}
resource "azurerm_monitor_diagnostic_setting" "ml" {
  target_resource_id = azurerm_machine_learning_workspace.good.id
  enabled_log {
    category_group = "allLogs"
  }
}
resource "azurerm_private_endpoint" "ml" {
  private_service_connection {
    private_connection_resource_id = azurerm_machine_learning_workspace.good.id
  }
}
resource "azurerm_machine_learning_compute_cluster" "good" {
  name                          = "good"
  vm_size                       = "Standard_NC6s_v3"
  local_auth_enabled            = false
  node_public_ip_enabled        = false
  subnet_resource_id            = azurerm_subnet.s.id
  machine_learning_workspace_id = azurerm_machine_learning_workspace.bare.id
}
resource "azurerm_machine_learning_compute_cluster" "bare" {
  name                          = "bare"
  vm_size                       = "Standard_NC6s_v3"
  machine_learning_workspace_id = azurerm_machine_learning_workspace.bare.id
}
resource "azurerm_machine_learning_compute_cluster" "asked" {
  name                      = "asked"
  local_auth_enabled        = var.x
  ssh_public_access_enabled = true
}
resource "azurerm_machine_learning_compute_instance" "managed" {
  name                          = "managed"
  virtual_machine_size          = "Standard_DS2_v2"
  node_public_ip_enabled        = false
  machine_learning_workspace_id = azurerm_machine_learning_workspace.good.id
}
resource "azurerm_machine_learning_inference_cluster" "plain" {
  name = "plain"
}
resource "azurerm_machine_learning_inference_cluster" "tls" {
  name = "tls"
  ssl {
    leaf_domain_label = "a"
  }
}
resource "azurerm_machine_learning_datastore_blobstorage" "keyed" {
  name        = "keyed"
  account_key = azurerm_storage_account.open.primary_access_key
}
resource "azurerm_machine_learning_datastore_blobstorage" "identity" {
  name = "identity"
}
resource "azurerm_cognitive_account" "good" {
  name                               = "good"
  kind                               = "OpenAI"
  public_network_access_enabled      = false
  local_auth_enabled                 = false
  outbound_network_access_restricted = true
  fqdns                              = ["a.example"]
  identity {
    type = "SystemAssigned"
  }
}
resource "azurerm_cognitive_account_customer_managed_key" "good" {
  cognitive_account_id = azurerm_cognitive_account.good.id
  key_vault_key_id     = azurerm_key_vault_key.k.id
}
resource "azurerm_monitor_diagnostic_setting" "ai" {
  target_resource_id = azurerm_cognitive_account.good.id
  enabled_log {
    category = "RequestResponse"
  }
}
resource "azurerm_cognitive_account" "bare" {
  name = "bare"
  kind = "OpenAI"
}
resource "azurerm_cognitive_account" "speech" {
  name = "speech"
  kind = "SpeechServices"
  network_acls {
    default_action = "Deny"
  }
}
resource "azurerm_cognitive_account" "asked" {
  name                               = "asked"
  kind                               = "OpenAI"
  public_network_access_enabled      = var.x
  local_auth_enabled                 = var.x
  outbound_network_access_restricted = true
  fqdns                              = var.x
}
resource "azurerm_ai_services" "old" {
  name                               = "old"
  public_network_access              = "Disabled"
  local_authentication_enabled       = false
  outbound_network_access_restricted = true
  customer_managed_key {
    key_vault_key_id = azurerm_key_vault_key.k.id
  }
}
resource "azurerm_search_service" "good" {
  name                          = "good"
  public_network_access_enabled = false
  local_authentication_enabled  = false
  identity {
    type = "UserAssigned"
  }
}
resource "azurerm_search_service" "bare" {
  name = "bare"
}
resource "azurerm_search_service" "asked" {
  name                          = "asked"
  public_network_access_enabled = var.x
}
resource "azurerm_databricks_workspace" "good" {
  name                                  = "good"
  public_network_access_enabled         = false
  managed_services_cmk_key_vault_key_id = azurerm_key_vault_key.k.id
  managed_disk_cmk_key_vault_key_id     = azurerm_key_vault_key.k.id
  custom_parameters {
    no_public_ip       = true
    virtual_network_id = azurerm_virtual_network.n.id
  }
}
resource "azurerm_databricks_workspace_root_dbfs_customer_managed_key" "good" {
  workspace_id     = azurerm_databricks_workspace.good.id
  key_vault_key_id = azurerm_key_vault_key.k.id
}
resource "azurerm_databricks_workspace" "bare" {
  name = "bare"
  custom_parameters {
    no_public_ip = false
  }
}
resource "azapi_resource" "endpoint" {
  type = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2024-04-01"
  name = "endpoint"
  body = jsonencode({ properties = { authMode = "Key", publicNetworkAccess = "Enabled" } })
}
resource "azapi_resource" "closed" {
  type = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2024-04-01"
  name = "closed"
  body = { properties = { authMode = "AADToken", publicNetworkAccess = "Disabled" } }
}
resource "azapi_resource" "asked" {
  type = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2024-04-01"
  name = "asked"
  body = { properties = { authMode = var.x } }
}
resource "azapi_resource" "workspace" {
  type = "Microsoft.MachineLearningServices/workspaces@2024-04-01"
  name = "workspace"
  body = { properties = { publicNetworkAccess = "Disabled", managedNetwork = { isolationMode = "AllowOnlyApprovedOutbound" } } }
}
resource "azapi_resource" "key" {
  type = "Microsoft.KeyVault/vaults/keys@2023-07-01"
  name = "key"
  body = {
    properties = {
      keyOps         = ["wrapKey"]
      release_policy = { data = base64encode(jsonencode({ version = "1.0.0", anyOf = [{ authority = "https://a", allOf = [{ claim = "x-ms-sevsnpvm-hostdata", equals = "abc1" }] }] })) }
    }
  }
}
resource "azapi_resource" "job" {
  type = "Microsoft.MachineLearningServices/workspaces/jobs@2024-04-01"
  name = "job"
}
"""
)

EXPECTED = [
    ("net.ml-workspace.public", "azurerm_machine_learning_workspace.good", "pass"),
    ("net.ml-workspace.public", "azurerm_machine_learning_workspace.bare", "fail"),
    ("net.ml-workspace.public", "azurerm_machine_learning_workspace.asked", "unknown"),
    ("net.ml-workspace.public", "azurerm_ai_foundry.hub", "pass"),
    ("net.ml-workspace.public", "azapi_resource.workspace", "pass"),
    ("net.ml-workspace.egress", "azurerm_machine_learning_workspace.good", "pass"),
    ("net.ml-workspace.egress", "azurerm_machine_learning_workspace.bare", "fail"),
    ("net.ml-workspace.egress", "azurerm_machine_learning_workspace.harmless", "fail"),
    ("net.ml-workspace.egress", "azurerm_machine_learning_workspace.asked", "unknown"),
    ("net.ml-workspace.egress", "azurerm_ai_foundry.hub", "fail"),
    ("net.ml-workspace.egress", "azapi_resource.workspace", "pass"),
    ("net.ml-workspace.store-public", "azurerm_machine_learning_workspace.good", "pass"),
    ("net.ml-workspace.store-public", "azurerm_machine_learning_workspace.bare", "fail"),
    ("net.ml-workspace.store-public", "azurerm_machine_learning_workspace.harmless", "not-applicable"),
    ("net.ml-workspace.store-public", "azurerm_machine_learning_workspace.asked", "unknown"),
    ("net.ml-workspace.private-endpoint", "azurerm_machine_learning_workspace.good", "pass"),
    ("net.ml-workspace.private-endpoint", "azurerm_machine_learning_workspace.bare", "fail"),
    ("enc.ml-workspace.cmk", "azurerm_machine_learning_workspace.good", "pass"),
    ("enc.ml-workspace.cmk", "azurerm_machine_learning_workspace.bare", "fail"),
    ("iam.ml-workspace.store-keys", "azurerm_machine_learning_workspace.good", "pass"),
    ("iam.ml-workspace.store-keys", "azurerm_machine_learning_workspace.bare", "fail"),
    ("log.ml-workspace.diagnostics", "azurerm_machine_learning_workspace.good", "pass"),
    ("log.ml-workspace.diagnostics", "azurerm_machine_learning_workspace.bare", "fail"),
    ("iam.ml-compute.local-auth", "azurerm_machine_learning_compute_cluster.good", "pass"),
    ("iam.ml-compute.local-auth", "azurerm_machine_learning_compute_cluster.bare", "fail"),
    ("iam.ml-compute.local-auth", "azurerm_machine_learning_compute_cluster.asked", "unknown"),
    ("net.ml-compute.public", "azurerm_machine_learning_compute_cluster.good", "pass"),
    ("net.ml-compute.public", "azurerm_machine_learning_compute_cluster.bare", "fail"),
    ("net.ml-compute.network", "azurerm_machine_learning_compute_cluster.good", "pass"),
    ("net.ml-compute.network", "azurerm_machine_learning_compute_cluster.bare", "fail"),
    ("net.ml-compute.network", "azurerm_machine_learning_compute_cluster.asked", "unknown"),
    ("net.ml-compute.network", "azurerm_machine_learning_compute_instance.managed", "pass"),
    ("net.ml-compute.ssh", "azurerm_machine_learning_compute_cluster.bare", "pass"),
    ("net.ml-compute.ssh", "azurerm_machine_learning_compute_cluster.asked", "fail"),
    ("enc.inference-cluster.tls", "azurerm_machine_learning_inference_cluster.tls", "pass"),
    ("enc.inference-cluster.tls", "azurerm_machine_learning_inference_cluster.plain", "fail"),
    ("iam.datastore.keys", "azurerm_machine_learning_datastore_blobstorage.identity", "pass"),
    ("iam.datastore.keys", "azurerm_machine_learning_datastore_blobstorage.keyed", "fail"),
    ("net.ai-account.public", "azurerm_cognitive_account.good", "pass"),
    ("net.ai-account.public", "azurerm_cognitive_account.bare", "fail"),
    ("net.ai-account.public", "azurerm_cognitive_account.asked", "unknown"),
    ("net.ai-account.public", "azurerm_ai_services.old", "pass"),
    ("net.ai-account.default-deny", "azurerm_cognitive_account.good", "pass"),
    ("net.ai-account.default-deny", "azurerm_cognitive_account.speech", "pass"),
    ("net.ai-account.default-deny", "azurerm_cognitive_account.bare", "fail"),
    ("net.ai-account.private-endpoint", "azurerm_cognitive_account.bare", "fail"),
    ("net.ai-account.egress", "azurerm_cognitive_account.good", "pass"),
    ("net.ai-account.egress", "azurerm_cognitive_account.bare", "fail"),
    ("net.ai-account.egress", "azurerm_cognitive_account.speech", "not-applicable"),
    ("net.ai-account.egress", "azurerm_cognitive_account.asked", "unknown"),
    ("net.ai-account.egress", "azurerm_ai_services.old", "fail"),
    ("iam.ai-account.local-auth", "azurerm_cognitive_account.good", "pass"),
    ("iam.ai-account.local-auth", "azurerm_cognitive_account.bare", "fail"),
    ("iam.ai-account.local-auth", "azurerm_cognitive_account.asked", "unknown"),
    ("iam.ai-account.local-auth", "azurerm_ai_services.old", "pass"),
    ("iam.ai-account.managed-identity", "azurerm_cognitive_account.good", "pass"),
    ("iam.ai-account.managed-identity", "azurerm_cognitive_account.bare", "fail"),
    ("enc.ai-account.cmk", "azurerm_cognitive_account.good", "pass"),
    ("enc.ai-account.cmk", "azurerm_cognitive_account.bare", "fail"),
    ("enc.ai-account.cmk", "azurerm_ai_services.old", "pass"),
    ("log.ai-account.audit", "azurerm_cognitive_account.good", "fail"),
    ("log.ai-account.audit", "azurerm_cognitive_account.bare", "fail"),
    ("net.ai-search.public", "azurerm_search_service.good", "pass"),
    ("net.ai-search.public", "azurerm_search_service.bare", "fail"),
    ("net.ai-search.public", "azurerm_search_service.asked", "unknown"),
    ("iam.ai-search.managed-identity", "azurerm_search_service.good", "pass"),
    ("iam.ai-search.managed-identity", "azurerm_search_service.bare", "fail"),
    ("iam.ai-search.local-auth", "azurerm_search_service.good", "pass"),
    ("iam.ai-search.local-auth", "azurerm_search_service.bare", "fail"),
    ("enc.ai-search.cmk-enforced", "azurerm_search_service.bare", "fail"),
    ("log.ai-search.operations", "azurerm_search_service.bare", "fail"),
    ("net.databricks.public", "azurerm_databricks_workspace.good", "pass"),
    ("net.databricks.public", "azurerm_databricks_workspace.bare", "fail"),
    ("net.databricks.node-addresses", "azurerm_databricks_workspace.good", "pass"),
    ("net.databricks.node-addresses", "azurerm_databricks_workspace.bare", "fail"),
    ("net.databricks.vnet", "azurerm_databricks_workspace.good", "pass"),
    ("net.databricks.vnet", "azurerm_databricks_workspace.bare", "fail"),
    ("enc.databricks.root-cmk", "azurerm_databricks_workspace.good", "pass"),
    ("enc.databricks.root-cmk", "azurerm_databricks_workspace.bare", "fail"),
    ("enc.databricks.services-cmk", "azurerm_databricks_workspace.good", "pass"),
    ("enc.databricks.services-cmk", "azurerm_databricks_workspace.bare", "fail"),
    ("iam.online-endpoint.keys", "azapi_resource.closed", "pass"),
    ("iam.online-endpoint.keys", "azapi_resource.endpoint", "fail"),
    ("iam.online-endpoint.keys", "azapi_resource.asked", "unknown"),
    ("net.online-endpoint.public", "azapi_resource.closed", "pass"),
    ("net.online-endpoint.public", "azapi_resource.endpoint", "fail"),
    ("tee.vault-key.release-policy", "azapi_resource.key", "pass"),
    ("tee.vault-key.no-direct-use", "azapi_resource.key", "pass"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """AI services are judged alike whether their own type or azapi makes them, and whatever stands apart counts."""
    assert verdict(HCL, check, address) == status


@pytest.mark.parametrize(
    ("name", "kind"),
    [("endpoint", "ai.endpoint"), ("workspace", "ai.workspace"), ("job", "ai.job"), ("key", "key")],
)
def test_azapi_is_listed_as_what_it_makes(name: str, kind: str) -> None:
    """The kind of an azapi resource follows from the type that it is given."""
    assert assets(HCL)[f"azapi_resource.{name}"].kind == kind
