"""Machine learning, AI services and OpenAI, AI Search, bots.

What an absent property means is from the REST reference of each type, https://learn.microsoft.com/rest/api/.
"""

from collections.abc import Mapping

from strongroom.collect.azure.shape import Seen, Shape, Take, link, owner
from strongroom.collect.azure.shapes.stores import own_key
from strongroom.collect.shaping import at, block, const, opposite, same, within
from strongroom.model.values import Unknown

_HUB, _PROJECT, _WORKSPACE = "azurerm_ai_foundry", "azurerm_ai_foundry_project", "azurerm_machine_learning_workspace"


def _workspace(seen: Seen) -> str:
    kind = seen.at("kind", "default")
    return {"hub": _HUB, "project": _PROJECT}.get(kind.lower() if isinstance(kind, str) else "", _WORKSPACE)


def _isolation(seen: Seen) -> object:
    """The managed network; without one there is no isolation (how-to-managed-network)."""
    return {"isolation_mode": seen.at("properties.managedNetwork.isolationMode", "Disabled")}


def _key(seen: Seen) -> object:
    state = seen.at("properties.encryption.status", "Disabled")
    if isinstance(state, Unknown):
        return state
    if str(state).lower() != "enabled":
        return None
    return block("properties.encryption", key_id="keyVaultProperties.keyIdentifier")(seen)


def _deny(seen: Seen) -> object:
    return block("properties.networkAcls", default_action="defaultAction")(seen)


def _inside(*paths: str, absent: object = None) -> Take:
    """What stands in the properties of the compute itself, within those of the resource."""

    def take(seen: Seen) -> object:
        found = seen.at("properties.properties", {})
        if isinstance(found, Unknown):
            return found
        return next((v for p in paths if (v := within(found, p)) is not None), absent)

    return take


def _login(seen: Seen) -> object:
    found = _inside("remoteLoginPortPublicAccess", "sshSettings.sshPublicAccess", absent="NotSpecified")(seen)
    if isinstance(found, Unknown):
        return found
    # NotSpecified is open where the compute has no network of the owner's (REST reference, RemoteLoginPortPublicAccess).
    return str(found).lower() != "disabled"


_COMPUTE = {
    "amlcompute": "azurerm_machine_learning_compute_cluster",
    "computeinstance": "azurerm_machine_learning_compute_instance",
    "synapsespark": "azurerm_machine_learning_synapse_spark",
    "aks": "azurerm_machine_learning_inference_cluster",
}


def _compute(seen: Seen) -> str:
    kind = seen.at("properties.computeType", "")
    return _COMPUTE.get(kind.lower() if isinstance(kind, str) else "", _COMPUTE["amlcompute"])


def _tls(seen: Seen) -> object:
    found = _inside("sslConfiguration.status")(seen)
    return found if isinstance(found, Unknown) else [{}] if str(found).lower() in ("enabled", "auto") else []


_SWITCHES: Mapping[str, Take] = {
    "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
    "local_authentication_enabled": opposite("properties.disableLocalAuth", True),
}

SHAPES = (
    Shape(
        type="microsoft.machinelearningservices/workspaces",
        native=_workspace,
        attributes={
            "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
            "public_network_access": at("properties.publicNetworkAccess", "Enabled"),
            "v1_legacy_mode_enabled": at("properties.v1LegacyMode", False),
            "managed_network": _isolation,
            "encryption": _key,
            "high_business_impact": at("properties.hbiWorkspace", False),
            "high_business_impact_enabled": at("properties.hbiWorkspace", False),
            "storage_account_id": link("properties.storageAccount"),
            "key_vault_id": link("properties.keyVault"),
            "container_registry_id": link("properties.containerRegistry"),
            "storage_account_access_type": at("properties.systemDatastoresAuthMode", "AccessKey"),
            "ai_services_hub_id": link("properties.hubResourceId"),
        },
        natives=(_WORKSPACE, _HUB, _PROJECT),
    ),
    Shape(
        type="microsoft.machinelearningservices/workspaces/computes",
        native=_compute,
        attributes={
            "machine_learning_workspace_id": owner,
            "vm_size": _inside("vmSize"),
            "virtual_machine_size": _inside("vmSize"),
            "node_public_ip_enabled": _inside("enableNodePublicIp", absent=True),
            "local_auth_enabled": opposite("properties.disableLocalAuth", True),
            "ssh_public_access_enabled": _login,
            "subnet_resource_id": _inside("subnet.id"),
            "kubernetes_cluster_id": link("properties.resourceId"),
            "ssl": _tls,
        },
        natives=tuple(_COMPUTE.values()),
    ),
    Shape(
        type="microsoft.cognitiveservices/accounts",
        native="azurerm_cognitive_account",
        attributes={
            "kind": at("kind"),
            "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
            "public_network_access": const(None),
            "network_acls": _deny,
            "outbound_network_access_restricted": at("properties.restrictOutboundNetworkAccess", False),
            "fqdns": at("properties.allowedFqdnList", []),
            "local_auth_enabled": opposite("properties.disableLocalAuth", True),
            "customer_managed_key": lambda seen: (
                None if seen.at("properties.encryption", None) is None else own_key("properties.encryption")(seen)
            ),
        },
    ),
    Shape(
        type="microsoft.cognitiveservices/accounts/deployments",
        native="azurerm_cognitive_deployment",
        attributes={
            "cognitive_account_id": owner,
            "model": lambda seen: {
                "name": seen.at("properties.model.name"),
                "version": seen.at("properties.model.version", None),
            },
            "rai_policy_name": at("properties.raiPolicyName", None),
        },
    ),
    Shape(
        type="microsoft.cognitiveservices/accounts/raipolicies",
        native="azurerm_cognitive_account_rai_policy",
        attributes={"cognitive_account_id": owner},
    ),
    Shape(
        type="microsoft.cognitiveservices/accounts/projects",
        native="azurerm_cognitive_account_project",
        attributes={"cognitive_account_id": owner},
    ),
    Shape(
        type="microsoft.search/searchservices",
        native="azurerm_search_service",
        attributes={
            **_SWITCHES,
            "customer_managed_key_enforcement_enabled": same(
                "properties.encryptionWithCmk.enforcement", "Enabled", absent=False
            ),
        },
    ),
    Shape(
        type="microsoft.botservice/botservices",
        native="azurerm_bot_service_azure_bot",
        attributes={
            **_SWITCHES,
            "cmk_key_vault_url": const(None),
            "cmk_key_vault_key_url": at("properties.cmekKeyVaultUrl", None),
        },
    ),
    Shape(type="microsoft.fabric/capacities", native="azurerm_fabric_capacity"),
    Shape(type="microsoft.synapse/workspaces", native="azurerm_synapse_workspace"),
    Shape(
        type="microsoft.synapse/workspaces/bigdatapools",
        native="azurerm_synapse_spark_pool",
        attributes={"synapse_workspace_id": owner},
    ),
    Shape(type="microsoft.hdinsight/clusters", native="azurerm_hdinsight_spark_cluster"),
    Shape(type="microsoft.videoindexer/accounts", native="azurerm_video_indexer_account"),
)
