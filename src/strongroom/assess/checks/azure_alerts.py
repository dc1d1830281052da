"""Azure's alerts and budgets, and how long its logs are kept."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

ALERT = "azurerm_monitor_activity_log_alert"
BUDGET = "azurerm_consumption_budget_subscription"
DETECTORS = (Kind.DETECTOR,)
YEAR = 365

# Operations that change who may do what, which keys open, and what is logged.
# https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
_CHANGES = (
    "microsoft.authorization/",
    "microsoft.keyvault/",
    "microsoft.insights/diagnosticsettings/",
    "microsoft.network/networksecuritygroups/",
    "microsoft.storage/storageaccounts/write",
    "microsoft.managedidentity/",
)
_LAUNCHES = (
    "microsoft.compute/virtualmachines/write",
    "microsoft.compute/virtualmachinescalesets/write",
    "microsoft.containerservice/managedclusters/agentpools/write",
    "microsoft.containerservice/managedclusters/write",
    "microsoft.machinelearningservices/workspaces/computes/write",
    "microsoft.cognitiveservices/accounts/deployments/write",
)
_EVERYTHING = "category:administrative"
_ACTION = "action {\n  action_group_id = azurerm_monitor_action_group.on_call.id\n}"


def _about(v: View, operations: tuple[str, ...]) -> Answer | None:
    """Why the alert is not about one of the operations, or None when it is."""
    raw = v.raw("alert.watches")
    if isinstance(raw, Unknown):
        return unknown(raw)
    watched = raw if isinstance(raw, tuple) else ()
    doubts = [w for w in watched if isinstance(w, Unknown)]
    if doubts:
        return unknown(*doubts)
    if any(isinstance(w, str) and (w == _EVERYTHING or w.startswith(operations)) for w in watched):
        return None
    return not_applicable("the alert watches something else")


@check(
    id="mon.azure-alert.change",
    title="The alert on changed permissions, keys or logs reaches somebody",
    clause="MON-02.change-alert",
    kinds=DETECTORS,
    needs=("alert.watches", "alert.sent"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the alert on and name an action group.",
        ((ALERT, _ACTION),),
        "az monitor activity-log alert action-group add -n <alert> -g <group> --action-group <id>",
        "az monitor activity-log alert show -n <alert> -g <group> --query '[enabled, actions]'",
    ),
    broken="it is switched off, or no action group hears of it",
)
def change(v: View) -> Answer:
    """An alert without a recipient is a rule that nobody reads: the new role assignment stays until the next audit."""
    other = _about(v, _CHANGES)
    return other if other is not None else holds() if v.flag("alert.sent") else broken()


@check(
    id="mon.azure-alert.launch",
    title="The alert on launched machines reaches somebody",
    clause="MON-03.launch-alert",
    kinds=DETECTORS,
    needs=("alert.watches", "alert.sent"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the alert on and name an action group.",
        ((ALERT, _ACTION),),
        "az monitor activity-log alert action-group add -n <alert> -g <group> --action-group <id>",
        "az monitor activity-log alert show -n <alert> -g <group> --query '[enabled, actions]'",
    ),
    broken="it is switched off, or no action group hears of it",
)
def launch(v: View) -> Answer:
    """Stolen credentials start GPU machines first; every hour that nobody notices is paid for."""
    other = _about(v, _LAUNCHES)
    return other if other is not None else holds() if v.flag("alert.sent") else broken()


@check(
    id="mon.azure-budget.sent",
    title="The budget tells somebody before it is spent",
    clause="MON-03.budget-action",
    kinds=DETECTORS,
    needs=("budget.sent",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch a notification on and name an action group.",
        (
            (
                BUDGET,
                'notification {\n  enabled        = true\n  threshold      = 80\n  operator       = "GreaterThan"\n  threshold_type = "Forecasted"\n  contact_groups = [azurerm_monitor_action_group.on_call.id]\n}',
            ),
        ),
        "",
        "az consumption budget show --budget-name <budget>",
    ),
    broken="no notification of it is switched on and names a recipient",
)
def budget(v: View) -> bool:
    """The bill of hijacked GPUs is noticed at the end of the month when no threshold is sent to anybody."""
    return v.flag("budget.sent")


@check(
    id="log.azure-workspace.retention",
    title="Logs are kept for a year",
    clause="LOG-01.retention-year",
    kinds=(Kind.LOG_GROUP,),
    needs=("log.retention_days", "auth.local"),
    severity=Severity.LOW,
    fix=Fix(
        "Keep the workspace's data for 365 days at least.",
        (("azurerm_log_analytics_workspace", "retention_in_days = 365"),),
        "az monitor log-analytics workspace update -n <workspace> -g <group> --retention-time 365",
        "az monitor log-analytics workspace show -n <workspace> -g <group> --query retentionInDays",
    ),
    broken="logs are gone after {days} days",
)
def retention(v: View) -> Answer:
    """Thefts of data are noticed months later; the logs must still be there then."""
    days = v.number("log.retention_days")
    return holds() if days >= YEAR else broken(days=f"{days:.0f}")


CHECKS = (change, launch, budget, retention)
