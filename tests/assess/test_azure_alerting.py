"""Azure's alerts, budgets and the retention of logs."""

import pytest
from iac import UNKNOWN, verdict

HCL = (
    UNKNOWN
    + """
resource "azurerm_monitor_activity_log_alert" "roles" {
  name = "roles"
  criteria {
    category       = "Administrative"
    operation_name = "Microsoft.Authorization/roleAssignments/write"
  }
  action {
    action_group_id = azurerm_monitor_action_group.g.id
  }
}
resource "azurerm_monitor_activity_log_alert" "silent" {
  name = "silent"
  criteria {
    category       = "Administrative"
    operation_name = "Microsoft.KeyVault/vaults/write"
  }
}
resource "azurerm_monitor_activity_log_alert" "off" {
  name    = "off"
  enabled = false
  criteria {
    category       = "Administrative"
    operation_name = "Microsoft.Compute/virtualMachines/write"
  }
  action {
    action_group_id = azurerm_monitor_action_group.g.id
  }
}
resource "azurerm_monitor_activity_log_alert" "all" {
  name = "all"
  criteria {
    category = "Administrative"
  }
  dynamic "action" {
    for_each = ["a"]
    content {
      action_group_id = action.value
    }
  }
}
resource "azurerm_monitor_activity_log_alert" "asked" {
  name    = "asked"
  enabled = var.x
  criteria {
    category       = "Administrative"
    operation_name = "Microsoft.Authorization/roleAssignments/write"
  }
  action {
    action_group_id = azurerm_monitor_action_group.g.id
  }
}
resource "azurerm_consumption_budget_subscription" "sent" {
  name = "sent"
  notification {
    threshold = 90
    enabled   = false
  }
  notification {
    threshold      = 80
    contact_emails = ["a@example.com"]
  }
}
resource "azurerm_consumption_budget_resource_group" "unsent" {
  name = "unsent"
  notification {
    threshold      = 80
    contact_emails = []
  }
}
resource "azurerm_consumption_budget_management_group" "asked" {
  name = "asked"
  notification {
    threshold      = 80
    contact_groups = var.x
  }
}
resource "azurerm_log_analytics_workspace" "year" {
  name              = "year"
  retention_in_days = 400
}
resource "azurerm_log_analytics_workspace" "bare" {
  name = "bare"
}
resource "azurerm_log_analytics_workspace" "asked" {
  name              = "asked"
  retention_in_days = var.x
}
"""
)

EXPECTED = [
    ("mon.azure-alert.change", "azurerm_monitor_activity_log_alert.roles", "pass"),
    ("mon.azure-alert.change", "azurerm_monitor_activity_log_alert.silent", "fail"),
    ("mon.azure-alert.change", "azurerm_monitor_activity_log_alert.all", "pass"),
    ("mon.azure-alert.change", "azurerm_monitor_activity_log_alert.off", "not-applicable"),
    ("mon.azure-alert.change", "azurerm_monitor_activity_log_alert.asked", "unknown"),
    ("mon.azure-alert.launch", "azurerm_monitor_activity_log_alert.off", "fail"),
    ("mon.azure-alert.launch", "azurerm_monitor_activity_log_alert.all", "pass"),
    ("mon.azure-alert.launch", "azurerm_monitor_activity_log_alert.roles", "not-applicable"),
    ("mon.azure-budget.sent", "azurerm_consumption_budget_subscription.sent", "pass"),
    ("mon.azure-budget.sent", "azurerm_consumption_budget_resource_group.unsent", "fail"),
    ("mon.azure-budget.sent", "azurerm_consumption_budget_management_group.asked", "unknown"),
    ("log.azure-workspace.retention", "azurerm_log_analytics_workspace.year", "pass"),
    ("log.azure-workspace.retention", "azurerm_log_analytics_workspace.bare", "fail"),
    ("log.azure-workspace.retention", "azurerm_log_analytics_workspace.asked", "unknown"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """An alert or budget counts when it is on and reaches somebody, and only for what it watches."""
    assert verdict(HCL, check, address) == status
