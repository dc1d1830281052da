"""Who may do what, and what is logged: roles, identities, workspaces of logs, alerts, plans of Defender.

Source: Microsoft Learn, "Azure Resource Graph table and resource type reference" (authorizationresources,
securityresources, resourcecontainers), and the REST reference of each type.
"""

from collections.abc import Mapping

from strongroom.collect.azure.shape import Seen, Shape, link, owner
from strongroom.collect.shaping import at, blocks, const, opposite, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_LISTS = {
    "actions": "actions",
    "not_actions": "notActions",
    "data_actions": "dataActions",
    "not_data_actions": "notDataActions",
}


def _permissions(seen: Seen) -> object:
    """What a role holds. Several sets, each with exceptions of its own, are no one set."""
    found = seen.at("properties.permissions")
    if not isinstance(found, list):
        return found
    if len(found) != 1:
        return Unknown(GapCode.UNSUPPORTED, f"the role has {len(found)} sets of permissions, and one is read")
    return {name: within(found[0], path) or [] for name, path in _LISTS.items()}


def _criteria(seen: Seen) -> object:
    """What an alert waits for: the operation and the category that all of its conditions name."""
    found = seen.at("properties.condition.allOf")
    if not isinstance(found, list):
        return found
    said = {str(within(one, "field") or "").lower(): within(one, "equals") for one in found}
    if "" in said or any(within(one, "anyOf") is not None for one in found):
        return Unknown(GapCode.UNSUPPORTED, "the alert's condition has alternatives")
    return {"operation_name": said.get("operationname"), "category": said.get("category")}


def _action(one: Mapping[str, object]) -> object:
    return {"action_group_id": within(one, "actionGroupId")}


def _category(one: Mapping[str, object]) -> object:
    return {
        "enabled": within(one, "enabled"),
        "category": within(one, "category"),
        "category_group": within(one, "categoryGroup"),
    }


SHAPES = (
    Shape(
        type="microsoft.authorization/roleassignments",
        native="azurerm_role_assignment",
        attributes={
            "role_definition_name": const(None),
            "role_definition_id": at("properties.roleDefinitionId"),
            "scope": at("properties.scope"),
            "principal_id": at("properties.principalId"),
            "condition": at("properties.condition", None),
        },
    ),
    Shape(
        type="microsoft.authorization/roledefinitions",
        native="azurerm_role_definition",
        attributes={"permissions": _permissions},
    ),
    Shape(type="microsoft.managedidentity/userassignedidentities", native="azurerm_user_assigned_identity"),
    Shape(
        type="microsoft.managedidentity/userassignedidentities/federatedidentitycredentials",
        native="azurerm_federated_identity_credential",
        attributes={
            "parent_id": owner,
            "issuer": at("properties.issuer"),
            "subject": at("properties.subject"),
        },
    ),
    Shape(type="microsoft.resources/subscriptions/resourcegroups", native="azurerm_resource_group"),
    Shape(
        type="microsoft.operationalinsights/workspaces",
        native="azurerm_log_analytics_workspace",
        attributes={
            "retention_in_days": at("properties.retentionInDays"),
            "local_authentication_enabled": opposite("properties.features.disableLocalAuth", True),
        },
    ),
    Shape(
        type="microsoft.insights/activitylogalerts",
        native="azurerm_monitor_activity_log_alert",
        attributes={
            "enabled": at("properties.enabled", True),
            "action": blocks("properties.actions.actionGroups", _action, []),
            "criteria": _criteria,
            "scopes": at("properties.scopes"),
        },
    ),
    Shape(
        type="microsoft.insights/diagnosticsettings",
        native="azurerm_monitor_diagnostic_setting",
        attributes={
            # .../providers/microsoft.insights/diagnosticsettings/NAME stands under the resource that it is of
            "target_resource_id": lambda seen: seen.id.partition("/providers/microsoft.insights/diagnosticsettings/")[
                0
            ],
            "enabled_log": const(None),
            "log": blocks("properties.logs", _category, []),
            "storage_account_id": link("properties.storageAccountId"),
        },
    ),
    Shape(
        type="microsoft.security/pricings",
        native="azurerm_security_center_subscription_pricing",
        attributes={"resource_type": lambda seen: seen.name, "tier": at("properties.pricingTier")},
    ),
)
