"""What Azure is asked, as data: the tables of Resource Graph, and lists of what it has no rows of.

The reader goes by these tables alone, and so does the role that `strongroom init azure` prints. Sources: Microsoft Learn,
"Azure Resource Graph table and resource type reference"; the REST reference of each type, https://learn.microsoft.com/rest/api/.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from strongroom.collect.azure.assets import natives, shapes
from strongroom.collect.shaping import within
from strongroom.collect.terraform.assets import tables

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
GRAPH_VERSION = "2022-10-01"
PERMISSIONS = "providers/Microsoft.Authorization/permissions"
PERMISSIONS_VERSION = "2022-04-01"
SETTINGS = "microsoft.insights/diagnosticsettings"
_PRICINGS = "where type =~ 'microsoft.security/pricings'"

QUERIES = {
    "resources": "resources",
    "resourcecontainers": "resourcecontainers",
    "authorizationresources": "authorizationresources",
    "securityresources": f"securityresources | {_PRICINGS}",
}
"""The tables of Resource Graph that are read whole, each by its query."""

NEEDED = ("Microsoft.ResourceGraph/resources/read", "Microsoft.Authorization/permissions/read")
"""What asking needs beside the right to read each type."""


@dataclass(frozen=True, slots=True)
class Below:
    """A list that is asked of each resource of a type. `each` says which of its rows are asked once more, alone.

    `none` are the cloud's codes that say that a resource has no such list.
    """

    of: str
    path: str
    type: str
    version: str
    each: Callable[[Mapping[str, object]], bool] | None = None
    none: tuple[str, ...] = ()


def _always(_: Mapping[str, object]) -> bool:
    return True


def _perhaps_immutable(row: Mapping[str, object]) -> bool:
    """A list of containers says whether there is a policy, and not whether it is locked."""
    return within(row, "properties.hasImmutabilityPolicy") is not False


_ML, _AI = "microsoft.machinelearningservices/workspaces", "microsoft.cognitiveservices/accounts"
_STORE, _VAULT, _HSM = (
    "microsoft.storage/storageaccounts",
    "microsoft.keyvault/vaults",
    "microsoft.keyvault/managedhsms",
)
_IDENTITY = "microsoft.managedidentity/userassignedidentities"
_LISTS = (
    Below(
        _STORE,
        "blobServices/default/containers",
        f"{_STORE}/blobservices/containers",
        "2023-05-01",
        _perhaps_immutable,
        ("FeatureNotSupportedForAccount",),
    ),
    # A list of keys has their names and attributes; what one may be released to stands in the key alone.
    Below(_VAULT, "keys", f"{_VAULT}/keys", "2023-07-01", _always),
    Below(_VAULT, "secrets", f"{_VAULT}/secrets", "2023-07-01"),
    Below(_HSM, "keys", f"{_HSM}/keys", "2023-07-01", _always),
    Below(_ML, "computes", f"{_ML}/computes", "2024-10-01"),
    Below(_AI, "deployments", f"{_AI}/deployments", "2024-10-01"),
    Below(_AI, "raiPolicies", f"{_AI}/raipolicies", "2024-10-01"),
    Below(_AI, "projects", f"{_AI}/projects", "2025-06-01"),
    Below(
        _IDENTITY,
        "federatedIdentityCredentials",
        f"{_IDENTITY}/federatedidentitycredentials",
        "2023-01-31",
    ),
)


@lru_cache(maxsize=1)
def lists() -> tuple[Below, ...]:
    """Every list that Resource Graph has no rows of; diagnostic settings are asked of each type whose logs are judged."""
    path = "providers/Microsoft.Insights/diagnosticSettings"
    settings = (Below(kind, path, SETTINGS, "2021-05-01-preview") for kind in _logging())
    return (*_LISTS, *settings)


def _logging() -> list[str]:
    """The types of which it is a fact what their diagnostic settings send away."""
    known = tables()
    found = (
        kind
        for kind, shape in shapes().items()
        if kind != SETTINGS and any(r.fact == "log.types" for n in natives(shape) if n in known for r in known[n].rows)
    )
    return sorted(found)
