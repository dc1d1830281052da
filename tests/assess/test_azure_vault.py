"""Azure Key Vaults and keys: firewall, deletion, rotation, and the policy under which a key may leave."""

import json

import pytest
from iac import UNKNOWN, verdict

MEASURED = {"claim": "x-ms-sevsnpvm-hostdata", "equals": "a1" * 32}
PLATFORM = {"claim": "x-ms-isolation-tee.x-ms-compliance-status", "equals": "azure-compliant-cvm"}
ZEROS = {"claim": "x-ms-sevsnpvm-launchmeasurement", "equals": "00" * 48}


def key(
    name: str, *alternatives: list[dict[str, str]], more: str = "", operations: str = '["encrypt", "wrapKey"]'
) -> str:
    policy = {
        "version": "1.0.0",
        "anyOf": [{"authority": "https://a.attest.azure.net", "allOf": a} for a in alternatives],
    }
    block = f"release_policy {{\n json = <<J\n{json.dumps(policy)}\nJ\n}}\n" if alternatives else ""
    return f'resource "azurerm_key_vault_key" "{name}" {{\n key_opts = {operations}\n{more}\n{block}}}\n'


HCL = (
    UNKNOWN
    + """
resource "azurerm_key_vault" "good" {
  name                       = "good"
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
  rbac_authorization_enabled = true
  network_acls {
    default_action             = "Deny"
    bypass                     = "AzureServices"
    virtual_network_subnet_ids = [azurerm_subnet.s.id]
  }
}
resource "azurerm_key_vault" "closed" {
  name                          = "closed"
  public_network_access_enabled = false
}
resource "azurerm_key_vault" "bare" {
  name = "bare"
}
resource "azurerm_key_vault" "listed" {
  name                       = "listed"
  soft_delete_retention_days = 7
  network_acls {
    default_action = "Allow"
    bypass         = "None"
    ip_rules       = ["198.51.100.7"]
  }
}
resource "azurerm_key_vault" "asked" {
  name                          = "asked"
  purge_protection_enabled      = var.x
  public_network_access_enabled = var.x
  network_acls {
    default_action = var.x
    bypass         = "None"
    ip_rules       = var.x
  }
}
resource "azurerm_key_vault" "dynamic" {
  name = "dynamic"
  dynamic "network_acls" {
    for_each = ["Deny"]
    content {
      default_action = network_acls.value
      bypass         = "None"
    }
  }
}
resource "azurerm_key_vault_managed_hardware_security_module" "hsm" {
  name                          = "hsm"
  public_network_access_enabled = false
  purge_protection_enabled      = true
}
resource "azurerm_key_vault_managed_hardware_security_module_key" "k" {
  managed_hsm_id = azurerm_key_vault_managed_hardware_security_module.hsm.id
  key_type       = "RSA-HSM"
  key_opts       = ["unwrapKey"]
}
resource "azurerm_key_vault_managed_hardware_security_module_key_rotation_policy" "k" {
  managed_hsm_key_id  = azurerm_key_vault_managed_hardware_security_module_key.k.id
  time_after_creation = "P365D"
}
resource "azurerm_monitor_diagnostic_setting" "good" {
  target_resource_id = azurerm_key_vault.good.id
  log {
    category = "AuditEvent"
    enabled  = true
  }
}
resource "azurerm_monitor_diagnostic_setting" "closed" {
  target_resource_id = azurerm_key_vault.closed.id
  log {
    category = "AuditEvent"
    enabled  = false
  }
}
resource "azurerm_private_endpoint" "good" {
  private_service_connection {
    private_connection_resource_id = azurerm_key_vault.good.id
  }
}
"""
    + key("bare")
    + key(
        "kept",
        more='key_type = "EC-HSM"\nexpiration_date = "2030-01-01T00:00:00Z"\nrotation_policy {\n automatic {\n time_after_creation = "P90D"\n }\n}',
    )
    + key("ends", more='key_type = "RSA"\nrotation_policy {\n expire_after = "P90D"\n}')
    + key("asked", more="key_type = var.x\nexpiration_date = var.x", operations="var.x")
    + key("measured", [PLATFORM, MEASURED])
    + key("anywhere", [PLATFORM])
    + key("half", [MEASURED], [PLATFORM])
    + key("zeros", [PLATFORM, ZEROS])
    + key("opens", [MEASURED], operations='["wrapKey", "unwrapKey"]')
    + key("crown", more='tags = { tier = "0" }')
    + 'resource "azurerm_key_vault_key" "left" {\n key_opts = []\n release_policy {\n json = var.x\n }\n}\n'
)

EXPECTED = [
    ("rec.key-vault.purge-protection", "azurerm_key_vault.good", "pass"),
    ("rec.key-vault.purge-protection", "azurerm_key_vault.bare", "fail"),
    ("rec.key-vault.purge-protection", "azurerm_key_vault.asked", "unknown"),
    ("rec.key-vault.window", "azurerm_key_vault.bare", "pass"),
    ("rec.key-vault.window", "azurerm_key_vault.listed", "fail"),
    ("net.key-vault.default-deny", "azurerm_key_vault.good", "pass"),
    ("net.key-vault.default-deny", "azurerm_key_vault.dynamic", "pass"),
    ("net.key-vault.default-deny", "azurerm_key_vault.closed", "pass"),
    ("net.key-vault.default-deny", "azurerm_key_vault.bare", "fail"),
    ("net.key-vault.default-deny", "azurerm_key_vault.listed", "fail"),
    ("net.key-vault.default-deny", "azurerm_key_vault.asked", "unknown"),
    ("net.key-vault.public", "azurerm_key_vault.closed", "pass"),
    ("net.key-vault.public", "azurerm_key_vault.good", "pass"),
    ("net.key-vault.public", "azurerm_key_vault.listed", "pass"),
    ("net.key-vault.public", "azurerm_key_vault.dynamic", "fail"),
    ("net.key-vault.public", "azurerm_key_vault.bare", "fail"),
    ("net.key-vault.public", "azurerm_key_vault.asked", "unknown"),
    ("net.key-vault.public", "azurerm_key_vault_managed_hardware_security_module.hsm", "-"),
    ("net.key-vault.default-deny", "azurerm_key_vault_managed_hardware_security_module.hsm", "pass"),
    ("net.key-vault.private-endpoint", "azurerm_key_vault.good", "pass"),
    ("net.key-vault.private-endpoint", "azurerm_key_vault.bare", "fail"),
    ("log.key-vault.audit", "azurerm_key_vault.good", "pass"),
    ("log.key-vault.audit", "azurerm_key_vault.closed", "fail"),
    ("log.key-vault.audit", "azurerm_key_vault.bare", "fail"),
    ("iam.key-vault.roles", "azurerm_key_vault.good", "pass"),
    ("iam.key-vault.roles", "azurerm_key_vault.bare", "fail"),
    ("enc.vault-key.hsm", "azurerm_key_vault_key.kept", "pass"),
    ("enc.vault-key.hsm", "azurerm_key_vault_key.ends", "fail"),
    ("enc.vault-key.hsm", "azurerm_key_vault_key.asked", "unknown"),
    ("enc.vault-key.expiry", "azurerm_key_vault_key.kept", "pass"),
    ("enc.vault-key.expiry", "azurerm_key_vault_key.ends", "fail"),
    ("enc.vault-key.expiry", "azurerm_key_vault_key.asked", "unknown"),
    ("enc.vault-key.rotation", "azurerm_key_vault_key.kept", "pass"),
    ("enc.vault-key.rotation", "azurerm_key_vault_key.ends", "fail"),
    ("enc.vault-key.rotation", "azurerm_key_vault_managed_hardware_security_module_key.k", "pass"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.bare", "not-applicable"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.crown", "fail"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.measured", "pass"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.anywhere", "fail"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.half", "fail"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.zeros", "fail"),
    ("tee.vault-key.release-policy", "azurerm_key_vault_key.left", "unknown"),
    ("tee.vault-key.no-direct-use", "azurerm_key_vault_key.measured", "pass"),
    ("tee.vault-key.no-direct-use", "azurerm_key_vault_key.opens", "fail"),
    ("tee.vault-key.no-direct-use", "azurerm_key_vault_key.left", "unknown"),
    ("tee.vault-key.no-direct-use", "azurerm_key_vault_key.bare", "not-applicable"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Vaults and keys are judged by what they say, by what stands apart, and by what their policy really measures."""
    assert verdict(HCL, check, address) == status
