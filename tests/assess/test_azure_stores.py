"""Azure storage accounts, containers, registries and disks: every check passes, fails and admits what it cannot know."""

import pytest
from iac import UNKNOWN, verdict

HCL = (
    UNKNOWN
    + """
resource "azurerm_storage_account" "good" {
  name                            = "good"
  https_traffic_only_enabled      = true
  min_tls_version                 = "TLS1_2"
  allow_nested_items_to_be_public = false
  public_network_access_enabled   = false
  shared_access_key_enabled       = false
  tags                            = { tier = "0" }
  customer_managed_key {
    key_vault_key_id = azurerm_key_vault_key.k.id
  }
  immutability_policy {
    state = "Locked"
  }
}
resource "azurerm_key_vault_key" "k" {
  key_opts = []
}
resource "azurerm_private_endpoint" "good" {
  private_service_connection {
    private_connection_resource_id = azurerm_storage_account.good.id
  }
  private_dns_zone_group {
    private_dns_zone_ids = []
  }
}
resource "azurerm_private_endpoint" "nameless" {
  private_service_connection {
    private_connection_resource_id = "/subscriptions/s/other"
  }
}
resource "azurerm_monitor_diagnostic_setting" "reads" {
  target_resource_id = "${azurerm_storage_account.good.id}/blobServices/default"
  enabled_log {
    category = "StorageRead"
  }
}
resource "azurerm_storage_account" "bare" {
  name = "bare"
}
resource "azurerm_storage_account" "bad" {
  name                             = "bad"
  enable_https_traffic_only        = false
  min_tls_version                  = "TLS1_0"
  cross_tenant_replication_enabled = true
  tags                             = { artifact = "weights" }
  network_rules {
    default_action = "Allow"
  }
}
resource "azurerm_storage_account" "asked" {
  name                          = "asked"
  https_traffic_only_enabled    = var.x
  min_tls_version               = var.x
  public_network_access_enabled = var.x
  shared_access_key_enabled     = var.x
}
resource "azurerm_storage_account" "apart" {
  name = "apart"
}
resource "azurerm_storage_account_network_rules" "apart" {
  storage_account_id = azurerm_storage_account.apart.id
  default_action     = "Deny"
}
resource "azurerm_storage_account_customer_managed_key" "apart" {
  storage_account_id = azurerm_storage_account.apart.id
  key_vault_id       = azurerm_key_vault.v.id
  key_name           = "weights"
}
resource "azurerm_storage_account" "by_name" {
  name = "byname"
}
resource "azurerm_storage_account_network_rules" "by_name" {
  storage_account_name = "byname"
  default_action       = "Deny"
}
resource "azurerm_storage_account" "many" {
  count           = 2
  name            = "many${count.index}"
  min_tls_version = count.index == 0 ? "TLS1_2" : "TLS1_1"
}
resource "azurerm_storage_account" "old" {
  name                     = "old"
  allow_blob_public_access = false
}
resource "azurerm_storage_container" "private" {
  name = "private"
}
resource "azurerm_storage_container" "open" {
  name                  = "open"
  container_access_type = "blob"
}
resource "azurerm_storage_container" "asked" {
  name                  = "asked"
  container_access_type = var.x
}
resource "azurerm_container_registry" "good" {
  name                          = "good"
  public_network_access_enabled = false
  export_policy_enabled         = false
  encryption {
    key_vault_key_id = azurerm_key_vault_key.k.id
  }
}
resource "azurerm_container_registry" "bare" {
  name = "bare"
}
resource "azurerm_container_registry" "bad" {
  name                   = "bad"
  admin_enabled          = true
  anonymous_pull_enabled = true
}
resource "azurerm_container_registry" "asked" {
  name                          = "asked"
  admin_enabled                 = var.x
  public_network_access_enabled = var.x
}
resource "azurerm_monitor_diagnostic_setting" "acr" {
  target_resource_id = azurerm_container_registry.good.id
  enabled_log {
    category_group = "audit"
  }
}
resource "azurerm_managed_disk" "good" {
  name                   = "good"
  disk_encryption_set_id = azurerm_disk_encryption_set.d.id
  network_access_policy  = "DenyAll"
}
resource "azurerm_managed_disk" "bare" {
  name = "bare"
}
resource "azurerm_snapshot" "asked" {
  name                          = "asked"
  public_network_access_enabled = var.x
}
"""
)

EXPECTED = [
    ("enc.storage-account.https", "azurerm_storage_account.good", "pass"),
    ("enc.storage-account.https", "azurerm_storage_account.bare", "pass"),
    ("enc.storage-account.https", "azurerm_storage_account.bad", "fail"),
    ("enc.storage-account.https", "azurerm_storage_account.asked", "unknown"),
    ("enc.storage-account.tls", "azurerm_storage_account.good", "pass"),
    ("enc.storage-account.tls", "azurerm_storage_account.bare", "pass"),
    ("enc.storage-account.tls", "azurerm_storage_account.bad", "fail"),
    ("enc.storage-account.tls", "azurerm_storage_account.many[0]", "pass"),
    ("enc.storage-account.tls", "azurerm_storage_account.many[1]", "fail"),
    ("enc.storage-account.tls", "azurerm_storage_account.asked", "unknown"),
    ("net.storage-account.anonymous-allowed", "azurerm_storage_account.good", "pass"),
    ("net.storage-account.anonymous-allowed", "azurerm_storage_account.old", "pass"),
    ("net.storage-account.anonymous-allowed", "azurerm_storage_account.bare", "fail"),
    ("net.storage-account.default-deny", "azurerm_storage_account.good", "pass"),
    ("net.storage-account.default-deny", "azurerm_storage_account.bare", "fail"),
    ("net.storage-account.default-deny", "azurerm_storage_account.bad", "fail"),
    ("net.storage-account.default-deny", "azurerm_storage_account.apart", "pass"),
    ("net.storage-account.default-deny", "azurerm_storage_account.by_name", "pass"),
    ("net.storage-account.default-deny", "azurerm_storage_account_network_rules.apart", "pass"),
    ("net.storage-account.public", "azurerm_storage_account.good", "pass"),
    ("net.storage-account.public", "azurerm_storage_account.bare", "fail"),
    ("net.storage-account.public", "azurerm_storage_account.asked", "unknown"),
    ("net.storage-account.private-endpoint", "azurerm_storage_account.good", "pass"),
    ("net.storage-account.private-endpoint", "azurerm_storage_account.bare", "fail"),
    ("iam.storage-account.shared-key", "azurerm_storage_account.good", "pass"),
    ("iam.storage-account.shared-key", "azurerm_storage_account.bare", "fail"),
    ("iam.storage-account.shared-key", "azurerm_storage_account.asked", "unknown"),
    ("enc.storage-account.cmk", "azurerm_storage_account.good", "pass"),
    ("enc.storage-account.cmk", "azurerm_storage_account.apart", "pass"),
    ("enc.storage-account.cmk", "azurerm_storage_account.bare", "fail"),
    ("art.storage-account.cross-tenant", "azurerm_storage_account.bare", "pass"),
    ("art.storage-account.cross-tenant", "azurerm_storage_account.bad", "fail"),
    ("log.storage-account.reads", "azurerm_storage_account.good", "pass"),
    ("log.storage-account.reads", "azurerm_storage_account.bare", "fail"),
    ("rec.storage.locked", "azurerm_storage_account.good", "pass"),
    ("rec.storage.locked", "azurerm_storage_account.bad", "fail"),
    ("rec.storage.locked", "azurerm_storage_account.bare", "-"),
    ("net.storage-container.anonymous", "azurerm_storage_container.private", "pass"),
    ("net.storage-container.anonymous", "azurerm_storage_container.open", "fail"),
    ("net.storage-container.anonymous", "azurerm_storage_container.asked", "unknown"),
    ("net.private-endpoint.dns", "azurerm_private_endpoint.good", "pass"),
    ("net.private-endpoint.dns", "azurerm_private_endpoint.nameless", "fail"),
    ("iam.acr.admin", "azurerm_container_registry.bare", "pass"),
    ("iam.acr.admin", "azurerm_container_registry.bad", "fail"),
    ("iam.acr.admin", "azurerm_container_registry.asked", "unknown"),
    ("iam.acr.anonymous", "azurerm_container_registry.bare", "pass"),
    ("iam.acr.anonymous", "azurerm_container_registry.bad", "fail"),
    ("net.acr.public", "azurerm_container_registry.good", "pass"),
    ("net.acr.public", "azurerm_container_registry.bare", "fail"),
    ("net.acr.public", "azurerm_container_registry.asked", "unknown"),
    ("enc.acr.cmk", "azurerm_container_registry.good", "pass"),
    ("enc.acr.cmk", "azurerm_container_registry.bare", "fail"),
    ("art.acr.export", "azurerm_container_registry.good", "pass"),
    ("art.acr.export", "azurerm_container_registry.bare", "fail"),
    ("log.acr.events", "azurerm_container_registry.good", "pass"),
    ("log.acr.events", "azurerm_container_registry.bare", "fail"),
    ("enc.azure-disk.cmk", "azurerm_managed_disk.good", "pass"),
    ("enc.azure-disk.cmk", "azurerm_managed_disk.bare", "fail"),
    ("art.azure-disk.export", "azurerm_managed_disk.good", "pass"),
    ("art.azure-disk.export", "azurerm_managed_disk.bare", "fail"),
    ("art.azure-disk.export", "azurerm_snapshot.asked", "unknown"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Settings, their absence, blocks apart and values that are not known each lead to the verdict they should."""
    assert verdict(HCL, check, address) == status


DOUBTFUL = (
    UNKNOWN
    + """
resource "azurerm_storage_account" "a" {
  name = "a"
}
resource "azurerm_storage_account_network_rules" "somewhere" {
  storage_account_id = var.x
  default_action     = "Deny"
}
resource "azurerm_monitor_diagnostic_setting" "somewhere" {
  target_resource_id = var.x
  enabled_log {
    category = "StorageRead"
  }
}
resource "azurerm_private_endpoint" "somewhere" {
  private_service_connection {
    private_connection_resource_id = var.x
  }
}
"""
)


@pytest.mark.parametrize(
    "check",
    ["net.storage-account.default-deny", "log.storage-account.reads", "net.storage-account.private-endpoint"],
)
def test_a_block_that_points_nobody_knows_where_is_a_doubt(check: str) -> None:
    """A rule, setting or endpoint whose target has no value may belong to the account, so nothing is certain."""
    assert verdict(DOUBTFUL, check, "azurerm_storage_account.a") == "unknown"
