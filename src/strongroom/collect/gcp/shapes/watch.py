"""Projects and folders, accounts and roles, where logs go, alerts.

Sources: https://cloud.google.com/resource-manager/reference/rest, iam/docs/reference/rest, logging/docs/reference/v2/rest,
monitoring/api/ref_v3/rest.
"""

from collections.abc import Callable

from strongroom.collect.gcp.shape import Seen, Shape, inside, linked, owner, words
from strongroom.collect.shaping import at

_PARENTS = {
    "projects": "project",
    "folders": "folder",
    "organizations": "organization",
    "billingAccounts": "billing_account",
}


def _of(what: str) -> Callable[[Seen], str]:
    def native(seen: Seen) -> str:
        return f"google_logging_{_PARENTS.get(seen.path.partition('/')[0], 'project')}_{what}"

    return native


def _all(what: str) -> tuple[str, ...]:
    return tuple(f"google_logging_{p}_{what}" for p in _PARENTS.values())


def _role(seen: Seen) -> str:
    return f"google_{'organization' if seen.path.startswith('organizations/') else 'project'}_iam_custom_role"


def _number(seen: Seen) -> object:
    found = seen.at("projectNumber", None)
    return str(found) if found is not None else None


SHAPES = (
    Shape(
        type="cloudresourcemanager.googleapis.com/Project",
        native="google_project",
        attributes={"project_id": at("projectId", None), "number": _number},
        granted="project",
    ),
    Shape(
        type="cloudresourcemanager.googleapis.com/Folder",
        native="google_folder",
        attributes={"display_name": at("displayName", None)},
        granted="folder",
    ),
    Shape(
        type="iam.googleapis.com/ServiceAccount",
        native="google_service_account",
        attributes={
            "account_id": lambda seen: str(seen.at("email", "")).partition("@")[0] or None,
            "email": at("email", None),
            "display_name": at("displayName", None),
        },
        granted="service_account_id",
    ),
    Shape(
        type="iam.googleapis.com/ServiceAccountKey",
        native="google_service_account_key",
        attributes={"service_account_id": owner},
    ),
    Shape(
        type="iam.googleapis.com/Role",
        native=_role,
        attributes={
            "role_id": lambda seen: seen.last,
            "title": at("title", None),
            "permissions": at("includedPermissions", []),
        },
        natives=("google_project_iam_custom_role", "google_organization_iam_custom_role"),
    ),
    Shape(
        type="logging.googleapis.com/LogSink",
        native=_of("sink"),
        attributes={
            "destination": lambda seen: linked(seen.at("destination", None)),
            "disabled": at("disabled", False),
            "filter": at("filter", None),
        },
        natives=_all("sink"),
    ),
    Shape(
        type="logging.googleapis.com/LogBucket",
        native=_of("bucket_config"),
        attributes={
            "bucket_id": lambda seen: seen.last,
            "retention_days": at("retentionDays", None),
            "locked": at("locked", False),
            "cmek_settings": inside("cmekSettings", lambda f: words(f, kms_key_name="kmsKeyName")),
        },
        natives=_all("bucket_config"),
    ),
    Shape(
        type="monitoring.googleapis.com/AlertPolicy",
        native="google_monitoring_alert_policy",
        attributes={"display_name": at("displayName", None), "enabled": at("enabled")},
    ),
)
