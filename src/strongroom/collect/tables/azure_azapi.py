"""`azapi_resource`: any Azure resource in the words of its own REST interface.

AI services reach Terraform this way first, so every AI type is named here, and the few settings that decide who
reaches a model are read; the kind follows from the resource type.
"""

import json
from collections.abc import Callable, Mapping

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Native, Reader, Row, as_key
from strongroom.collect.resource import undecided
from strongroom.collect.tables._azure_release import alternatives
from strongroom.kit.kleene import negate
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_ML = "microsoft.machinelearningservices"
_AI = "microsoft.cognitiveservices"
_KINDS = {
    f"{_ML}/workspaces": Kind.WORKSPACE,
    f"{_ML}/registries": Kind.REGISTRY,
    f"{_ML}/workspaces/computes": Kind.INSTANCE,
    f"{_ML}/workspaces/onlineendpoints": Kind.ENDPOINT,
    f"{_ML}/workspaces/batchendpoints": Kind.ENDPOINT,
    f"{_ML}/workspaces/serverlessendpoints": Kind.ENDPOINT,
    f"{_ML}/workspaces/onlineendpoints/deployments": Kind.ENDPOINT_CONFIG,
    f"{_ML}/workspaces/batchendpoints/deployments": Kind.ENDPOINT_CONFIG,
    f"{_ML}/workspaces/jobs": Kind.JOB,
    f"{_ML}/workspaces/schedules": Kind.JOB,
    f"{_ML}/workspaces/models": Kind.MODEL,
    f"{_ML}/workspaces/models/versions": Kind.MODEL,
    f"{_ML}/registries/models": Kind.MODEL,
    f"{_ML}/registries/models/versions": Kind.MODEL,
    f"{_ML}/workspaces/data": Kind.DATASET,
    f"{_ML}/workspaces/datastores": Kind.DATASET,
    f"{_ML}/workspaces/featuresets": Kind.INDEX,
    f"{_ML}/workspaces/capabilityhosts": Kind.AGENT,
    f"{_AI}/accounts": Kind.WORKSPACE,
    f"{_AI}/accounts/projects": Kind.WORKSPACE,
    f"{_AI}/accounts/deployments": Kind.ENDPOINT,
    f"{_AI}/accounts/capabilityhosts": Kind.AGENT,
    f"{_AI}/accounts/projects/capabilityhosts": Kind.AGENT,
    f"{_AI}/accounts/projects/applications": Kind.AGENT,
    f"{_AI}/accounts/raipolicies": Kind.GUARDRAIL,
    f"{_AI}/accounts/raiblocklists": Kind.GUARDRAIL,
    "microsoft.botservice/botservices": Kind.AGENT,
    "microsoft.search/searchservices": Kind.SEARCH,
    "microsoft.databricks/workspaces": Kind.WORKSPACE,
    "microsoft.containerservice/managedclusters": Kind.CLUSTER,
    "microsoft.containerservice/managedclusters/agentpools": Kind.NODE_POOL,
    "microsoft.containerregistry/registries": Kind.REGISTRY,
    "microsoft.compute/virtualmachines": Kind.INSTANCE,
    "microsoft.compute/virtualmachinescalesets": Kind.TEMPLATE,
    "microsoft.compute/disks": Kind.DISK,
    "microsoft.keyvault/vaults": Kind.KEY_VAULT,
    "microsoft.keyvault/managedhsms": Kind.KEY_VAULT,
    "microsoft.keyvault/vaults/keys": Kind.KEY,
    "microsoft.keyvault/managedhsms/keys": Kind.KEY,
    "microsoft.storage/storageaccounts": Kind.BUCKET,
}
_ENDPOINTS = (f"{_ML}/workspaces/onlineendpoints",)
_ACCOUNTS = (f"{_AI}/accounts", "microsoft.search/searchservices")
_WORKSPACES = (f"{_ML}/workspaces",)
_KEYS = ("microsoft.keyvault/vaults/keys", "microsoft.keyvault/managedhsms/keys")


def resource_type(r: Reader) -> str:
    """The resource type without its API version, in lower case; empty when it is not known."""
    found = r.text("type")
    return found.partition("@")[0].lower() if isinstance(found, str) else ""


def kind_of(r: Reader) -> Kind:
    """What the resource is, by its type."""
    return _KINDS.get(resource_type(r), Kind.OTHER)


def body(r: Reader) -> Mapping[str, object] | Unknown:
    """The request body: an object, or (up to azapi 1) its JSON text."""
    raw = r.at("body")
    if isinstance(raw, Mapping):
        return raw
    doubt = undecided(raw)
    if isinstance(raw, str) and raw.lstrip().startswith("{"):
        try:
            raw = json.loads(raw)
        except ValueError:
            return doubt or Unknown(GapCode.MALFORMED, "the body is no JSON")
        if isinstance(raw, Mapping):
            return raw
    if raw is None:
        return {}
    return doubt or Unknown(GapCode.MALFORMED, "the body is no object")


Ask = Callable[[Reader, Mapping[str, object]], Value]


def of(fact: str, types: tuple[str, ...], ask: Ask) -> Row:
    """A row that is asked of some resource types only."""

    def read(r: Reader) -> Value | Inapplicable:
        if resource_type(r) not in types:
            return INAPPLICABLE
        inside = body(r)
        return inside if isinstance(inside, Unknown) else ask(r, inside)

    return Row(fact, read)


def _public(r: Reader, inside: Mapping[str, object]) -> Value:
    """Public access is on unless `publicNetworkAccess` is Disabled; the REST reference gives Enabled as the default."""
    found = r.text("properties.publicNetworkAccess", inside)
    return found if isinstance(found, Unknown) else (found or "Enabled").lower() != "disabled"


def _keys_work(r: Reader, inside: Mapping[str, object]) -> Value:
    """Whether a key opens the endpoint. A token of the workspace or of Entra ID is the alternative.

    Source: https://learn.microsoft.com/azure/machine-learning/reference-yaml-endpoint-online (auth_mode).
    """
    found = r.text("properties.authMode", inside)
    return found if isinstance(found, Unknown) else (found or "key").lower() == "key"


def _local(r: Reader, inside: Mapping[str, object]) -> Value:
    found = r.flag("properties.disableLocalAuth", inside)
    return True if found is None else negate(found)


def _egress(r: Reader, inside: Mapping[str, object]) -> Value:
    found = r.text("properties.managedNetwork.isolationMode", inside)
    return found if isinstance(found, Unknown) else (found or "").lower() == "allowonlyapprovedoutbound"


def _key(r: Reader, inside: Mapping[str, object]) -> Value:
    for path in (
        "properties.encryption.keyVaultProperties.keyIdentifier",
        "properties.encryption.keyVaultProperties.keyName",
    ):
        found = as_key(r.open(_at(inside, path)))
        if found is not None:
            return found
    return Key("provider")


def _at(inside: Mapping[str, object], path: str) -> object:
    here: object = inside
    for name in path.split("."):
        if not isinstance(here, Mapping):
            return here if isinstance(here, Unknown) else None
        here = here.get(name)
    return here


def _release(_: Reader, inside: Mapping[str, object]) -> Value:
    policy = _at(inside, "properties.release_policy")
    if policy is None:
        policy = _at(inside, "properties.releasePolicy")
    if policy is None or isinstance(policy, Unknown):
        return policy
    return alternatives(_at({"policy": policy}, "policy.data"))


def _operations(r: Reader, inside: Mapping[str, object]) -> Value:
    return r.texts("properties.keyOps", inside)


TABLE = (
    Native(
        type="azapi_resource",
        kind=Kind.OTHER,
        kind_of=kind_of,
        provider="azure",
        rows=(
            Row("azure.type", lambda r: r.text("type")),
            of("net.public", (*_ENDPOINTS, *_ACCOUNTS, *_WORKSPACES), _public),
            of("auth.keys", _ENDPOINTS, _keys_work),
            of("auth.local", _ACCOUNTS, _local),
            of("net.egress_restricted", _WORKSPACES, _egress),
            of("data.high_impact", _WORKSPACES, lambda r, b: r.flag("properties.hbiWorkspace", b)),
            of("account.kind", (f"{_AI}/accounts",), lambda r, b: r.text("kind", b)),
            of("enc.key", (*_WORKSPACES, f"{_AI}/accounts"), _key),
            of("key.release", _KEYS, _release),
            of("key.operations", _KEYS, _operations),
        ),
        refs=(("parent", "parent_id"),),
    ),
)
