"""What is logged in Azure, where it goes, and which alerts and budgets are really sent."""

from strongroom.collect.native import Default, Native, Reader, Row, flag, number, text
from strongroom.collect.tables._azure import categories, docs, text_of
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

RETENTION = "https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure"
ALERT = docs("monitor_activity_log_alert")


def _types(r: Reader) -> Value:
    return tuple(dict.fromkeys(categories(r)))


def _sent(r: Reader) -> Value:
    """Whether the alert is on and reaches somebody: an action group."""
    actions = r.blocks("action")
    on = r.flag("enabled")
    if isinstance(actions, Unknown):
        return all_of((_on(on), actions))
    return all_of((_on(on), any_of(r.given("action_group_id", b) for b in actions)))


def _on(found: bool | Unknown | None) -> Tri:
    return True if found is None else found


def _watches(r: Reader) -> Value:
    """The operations that raise the alert, in lower case; an alert on a whole category watches `category:NAME`."""
    operation = text_of("criteria.operation_name")(r)
    if isinstance(operation, Unknown):
        return operation
    if operation:
        return (operation.lower(),)
    category = r.text("criteria.category")
    return category if isinstance(category, Unknown) else (f"category:{(category or '').lower()}",)


def _budget_sent(r: Reader) -> Value:
    """Whether one notification of the budget is on and names a mailbox, a role or an action group."""
    found = r.blocks("notification")
    if isinstance(found, Unknown):
        return found
    names = ("contact_groups", "contact_emails", "contact_roles")
    return any_of(all_of((_on(r.flag("enabled", b)), any_of(_some(r.texts(n, b)) for n in names))) for b in found)


def _some(found: tuple[str | Unknown, ...] | Unknown | None) -> Tri:
    return found if isinstance(found, Unknown) else bool(found)


def _workspace_days(r: Reader) -> Value:
    return r.number("retention_in_days")


def _budget(scope: str) -> Native:
    return Native(
        type=f"azurerm_consumption_budget_{scope}",
        kind=Kind.DETECTOR,
        provider="azure",
        rows=(Row("budget.sent", _budget_sent), number("budget.amount", "amount")),
        labels_at="",
    )


TABLE = (
    Native(
        type="azurerm_monitor_diagnostic_setting",
        kind=Kind.TRAIL,
        provider="azure",
        rows=(Row("log.types", _types),),
        refs=(("target", "target_resource_id"), ("store", "storage_account_id")),
    ),
    Native(
        type="azurerm_log_analytics_workspace",
        kind=Kind.LOG_GROUP,
        provider="azure",
        rows=(
            Row("log.retention_days", _workspace_days, Default(30, RETENTION)),
            flag("auth.local", "local_authentication_enabled", Default(True, docs("log_analytics_workspace"))),
        ),
    ),
    Native(
        type="azurerm_network_watcher_flow_log",
        kind=Kind.TRAIL,
        provider="azure",
        rows=(
            flag("log.enabled", "enabled"),
            number("log.retention_days", "retention_policy.days"),
        ),
        refs=(("target", "target_resource_id"), ("target", "network_security_group_id")),
    ),
    Native(
        type="azurerm_monitor_activity_log_alert",
        kind=Kind.DETECTOR,
        provider="azure",
        rows=(Row("alert.sent", _sent), Row("alert.watches", _watches)),
        refs=(("scope", "scopes"),),
    ),
    _budget("subscription"),
    _budget("resource_group"),
    _budget("management_group"),
    Native(type="azurerm_cost_anomaly_alert", kind=Kind.DETECTOR, provider="azure"),
    Native(
        type="azurerm_security_center_subscription_pricing",
        kind=Kind.DETECTOR,
        provider="azure",
        rows=(text("detector.plan", "resource_type"), text("detector.tier", "tier")),
    ),
)
