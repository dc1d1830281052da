"""AKS: the API, the nodes, what is encrypted and logged, and pools with accelerators."""

import pytest
from iac import UNKNOWN, assets, verdict

HCL = (
    UNKNOWN
    + """
resource "azurerm_kubernetes_cluster" "good" {
  name                      = "good"
  private_cluster_enabled   = true
  local_account_disabled    = true
  workload_identity_enabled = true
  disk_encryption_set_id    = azurerm_disk_encryption_set.d.id
  default_node_pool {
    name                         = "system"
    vm_size                      = "Standard_NC24ads_A100_v4"
    host_encryption_enabled      = true
    only_critical_addons_enabled = true
  }
  network_profile {
    network_plugin = "azure"
    network_policy = "calico"
    outbound_type  = "none"
  }
  key_management_service {
    key_vault_key_id = azurerm_key_vault_key.k.id
  }
  oms_agent {
    log_analytics_workspace_id = azurerm_log_analytics_workspace.w.id
  }
}
resource "azurerm_monitor_diagnostic_setting" "good" {
  target_resource_id = azurerm_kubernetes_cluster.good.id
  enabled_log {
    category = "kube-audit-admin"
  }
}
resource "azurerm_kubernetes_cluster" "bare" {
  name = "bare"
  default_node_pool {
    name    = "default"
    vm_size = "Standard_D2_v2"
  }
}
resource "azurerm_kubernetes_cluster" "old" {
  name                            = "old"
  api_server_authorized_ip_ranges = ["198.51.100.0/24"]
  node_os_channel_upgrade         = "Unmanaged"
  role_based_access_control {
    enabled = false
  }
  addon_profile {
    oms_agent {
      enabled = false
    }
  }
  default_node_pool {
    name                   = "default"
    vm_size                = "Standard_NC6s_v3"
    enable_node_public_ip  = true
    enable_host_encryption = true
    node_taints            = ["gpu=true:PreferNoSchedule"]
  }
}
resource "azurerm_kubernetes_cluster" "asked" {
  name                              = "asked"
  private_cluster_enabled           = var.x
  role_based_access_control_enabled = var.x
  local_account_disabled            = var.x
  api_server_access_profile {
    authorized_ip_ranges = var.x
  }
  default_node_pool {
    name    = "default"
    vm_size = var.x
  }
  network_profile {
    network_plugin     = "azure"
    network_data_plane = "cilium"
    network_policy     = var.x
    outbound_type      = "userDefinedRouting"
  }
}
resource "azurerm_kubernetes_cluster" "world" {
  name = "world"
  api_server_access_profile {
    authorized_ip_ranges = ["198.51.100.0/24", "0.0.0.0/0", var.x]
  }
  dynamic "oms_agent" {
    for_each = ["w"]
    content {
      log_analytics_workspace_id = oms_agent.value
    }
  }
}
resource "azurerm_kubernetes_cluster_node_pool" "tainted" {
  kubernetes_cluster_id   = azurerm_kubernetes_cluster.good.id
  vm_size                 = "Standard_NCC40ads_H100_v5"
  host_encryption_enabled = true
  node_taints             = ["sku=gpu:NoSchedule"]
}
resource "azurerm_kubernetes_cluster_node_pool" "open" {
  kubernetes_cluster_id  = azurerm_kubernetes_cluster.old.id
  vm_size                = "Standard_NV6ads_A10_v5"
  node_public_ip_enabled = true
}
resource "azurerm_kubernetes_cluster_node_pool" "mig" {
  kubernetes_cluster_id = azurerm_kubernetes_cluster.good.id
  vm_size               = "Standard_NC24ads_A100_v4"
  gpu_instance          = "MIG2g"
  gpu_driver            = "None"
  node_taints           = var.x
  tags                  = { sensitivity = "public" }
}
resource "azurerm_kubernetes_cluster_node_pool" "cpu" {
  kubernetes_cluster_id = azurerm_kubernetes_cluster.good.id
  vm_size               = "Standard_DC4as_v5"
  tags                  = { tier = "0" }
}
resource "azurerm_kubernetes_cluster_node_pool" "asked" {
  kubernetes_cluster_id   = var.x
  vm_size                 = var.x
  host_encryption_enabled = var.x
}
resource "azurerm_kubernetes_automatic_cluster" "auto" {
  name = "auto"
}
"""
)

EXPECTED = [
    ("net.aks.private-api", "azurerm_kubernetes_cluster.good", "pass"),
    ("net.aks.private-api", "azurerm_kubernetes_cluster.bare", "fail"),
    ("net.aks.private-api", "azurerm_kubernetes_cluster.asked", "unknown"),
    ("net.aks.private-api", "azurerm_kubernetes_automatic_cluster.auto", "fail"),
    ("net.aks.authorized-ips", "azurerm_kubernetes_cluster.good", "not-applicable"),
    ("net.aks.authorized-ips", "azurerm_kubernetes_cluster.bare", "fail"),
    ("net.aks.authorized-ips", "azurerm_kubernetes_cluster.old", "pass"),
    ("net.aks.authorized-ips", "azurerm_kubernetes_cluster.asked", "unknown"),
    ("net.aks.authorized-ips", "azurerm_kubernetes_cluster.world", "fail"),
    ("net.aks.node-addresses", "azurerm_kubernetes_cluster.bare", "pass"),
    ("net.aks.node-addresses", "azurerm_kubernetes_cluster.old", "fail"),
    ("net.aks.node-addresses", "azurerm_kubernetes_cluster_node_pool.open", "fail"),
    ("net.aks.network-policy", "azurerm_kubernetes_cluster.good", "pass"),
    ("net.aks.network-policy", "azurerm_kubernetes_cluster.asked", "pass"),
    ("net.aks.network-policy", "azurerm_kubernetes_cluster.bare", "fail"),
    ("net.aks.egress", "azurerm_kubernetes_cluster.good", "pass"),
    ("net.aks.egress", "azurerm_kubernetes_cluster.bare", "fail"),
    ("net.aks.egress", "azurerm_kubernetes_cluster.asked", "unknown"),
    ("iam.aks.rbac", "azurerm_kubernetes_cluster.bare", "pass"),
    ("iam.aks.rbac", "azurerm_kubernetes_cluster.old", "fail"),
    ("iam.aks.rbac", "azurerm_kubernetes_cluster.asked", "unknown"),
    ("iam.aks.local-accounts", "azurerm_kubernetes_cluster.good", "pass"),
    ("iam.aks.local-accounts", "azurerm_kubernetes_cluster.bare", "fail"),
    ("iam.aks.local-accounts", "azurerm_kubernetes_cluster.asked", "unknown"),
    ("iam.aks.workload-identity", "azurerm_kubernetes_cluster.good", "pass"),
    ("iam.aks.workload-identity", "azurerm_kubernetes_cluster.bare", "fail"),
    ("enc.aks.disks-cmk", "azurerm_kubernetes_cluster.good", "pass"),
    ("enc.aks.disks-cmk", "azurerm_kubernetes_cluster.bare", "fail"),
    ("enc.aks.secrets-cmk", "azurerm_kubernetes_cluster.good", "pass"),
    ("enc.aks.secrets-cmk", "azurerm_kubernetes_cluster.bare", "fail"),
    ("enc.aks.at-host", "azurerm_kubernetes_cluster.good", "pass"),
    ("enc.aks.at-host", "azurerm_kubernetes_cluster.old", "pass"),
    ("enc.aks.at-host", "azurerm_kubernetes_cluster.bare", "fail"),
    ("enc.aks.at-host", "azurerm_kubernetes_cluster_node_pool.tainted", "pass"),
    ("enc.aks.at-host", "azurerm_kubernetes_cluster_node_pool.asked", "unknown"),
    ("log.aks.monitor", "azurerm_kubernetes_cluster.good", "pass"),
    ("log.aks.monitor", "azurerm_kubernetes_cluster.world", "pass"),
    ("log.aks.monitor", "azurerm_kubernetes_cluster.old", "fail"),
    ("log.aks.monitor", "azurerm_kubernetes_cluster.bare", "fail"),
    ("log.aks.audit", "azurerm_kubernetes_cluster.good", "pass"),
    ("log.aks.audit", "azurerm_kubernetes_cluster.bare", "fail"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster.good", "pass"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster.old", "fail"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster.bare", "-"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster_node_pool.tainted", "pass"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster_node_pool.open", "fail"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster_node_pool.mig", "unknown"),
    ("gpu.aks.taint", "azurerm_kubernetes_cluster_node_pool.asked", "unknown"),
    ("gpu.aks.whole-card", "azurerm_kubernetes_cluster_node_pool.tainted", "pass"),
    ("gpu.aks.whole-card", "azurerm_kubernetes_cluster_node_pool.open", "fail"),
    ("gpu.aks.driver", "azurerm_kubernetes_cluster.good", "pass"),
    ("gpu.aks.driver", "azurerm_kubernetes_cluster_node_pool.tainted", "pass"),
    ("gpu.aks.driver", "azurerm_kubernetes_cluster_node_pool.open", "fail"),
    ("gpu.aks.driver", "azurerm_kubernetes_cluster_node_pool.mig", "unknown"),
    ("tee.aks.confidential", "azurerm_kubernetes_cluster_node_pool.tainted", "pass"),
    ("tee.aks.confidential", "azurerm_kubernetes_cluster_node_pool.open", "fail"),
    ("tee.aks.confidential", "azurerm_kubernetes_cluster_node_pool.cpu", "pass"),
    ("tee.aks.confidential", "azurerm_kubernetes_cluster_node_pool.mig", "-"),
    ("tee.aks.confidential", "azurerm_kubernetes_cluster.bare", "-"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Clusters and pools are judged under the names of every provider version, and unknown stays unknown."""
    assert verdict(HCL, check, address) == status


def test_a_pool_says_which_accelerators_it_has() -> None:
    """Model, count and division of the cards follow from the size and the MIG profile."""
    found = assets(HCL)["azurerm_kubernetes_cluster_node_pool.mig"]
    assert [found.value(n) for n in ("gpu.model", "gpu.count", "gpu.sharing")] == ["NVIDIA A100", 1.0, "mig"]
