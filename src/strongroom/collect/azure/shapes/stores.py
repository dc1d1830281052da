"""Storage accounts, vaults and their keys, registries, disks.

What an absent property means is from the REST reference of each type, https://learn.microsoft.com/rest/api/.
"""

from collections.abc import Iterator, Mapping

from strongroom.collect.azure.shape import Seen, Shape, Take, link, owner
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, block, blocks, const, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown


def vault_key(found: Mapping[str, object]) -> object:
    """The key that properties of a vault name: by its whole address, or by vault, name and version."""
    whole = next(
        (v for p in ("currentVersionedKeyIdentifier", "keyIdentifier", "keyUrl") if (v := within(found, p))), None
    )
    if whole is not None:
        return whole
    vault = next(
        (v for p in ("keyVaultUri", "keyVaultProperties.keyVaultUri") if isinstance(v := within(found, p), str)), ""
    )
    name = within(found, "keyName")
    return f"{vault.rstrip('/')}/keys/{name}" if isinstance(name, str) and name else None


def own_key(path: str, word: str = "microsoft.keyvault") -> Take:
    """A block with the key of the customer's; none where the key source is Microsoft's."""

    def take(seen: Seen) -> object:
        found = seen.at(path)
        if not isinstance(found, Mapping):
            return found
        if str(within(found, "keySource") or "").lower() != word:
            return None
        properties = within(found, "keyVaultProperties")
        named = vault_key(properties) if isinstance(properties, Mapping) else None
        return {"key_vault_key_id": named or Unknown(GapCode.ABSENT, "which key it is, is not told")}

    return take


def _locked(seen: Seen) -> object:
    found = seen.at("properties.immutableStorageWithVersioning", {})
    return {"state": within(found, "immutabilityPolicy.state")} if isinstance(found, Mapping) else found


def _acls(seen: Seen) -> object:
    """The firewall of a vault; one without any lets every network in."""
    found = seen.at("properties.networkAcls", None)
    if not isinstance(found, Mapping):
        return found
    return {
        "default_action": within(found, "defaultAction"),
        "ip_rules": _each(within(found, "ipRules"), "value"),
        "virtual_network_subnet_ids": _each(within(found, "virtualNetworkRules"), "id"),
    }


def _each(found: object, name: str) -> list[object]:
    return [within(one, name) for one in found] if isinstance(found, list) else []


def _policy(one: Mapping[str, object]) -> object:
    return {
        "object_id": within(one, "objectId"),
        "key_permissions": within(one, "permissions.keys") or [],
        "secret_permissions": within(one, "permissions.secrets") or [],
    }


_VAULT = {
    "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
    "purge_protection_enabled": at("properties.enablePurgeProtection", False),
    "soft_delete_retention_days": at("properties.softDeleteRetentionInDays"),
    "network_acls": _acls,
}


def _release(seen: Seen) -> object:
    found = seen.at("properties.release_policy", None)
    if not isinstance(found, Mapping):
        return found
    return [{"json": within(found, "data")}]


def _rotation(seen: Seen) -> object:
    """A rotation policy rotates where one of its actions does; a notice alone does not."""
    found = seen.at("properties.rotationPolicy.lifetimeActions")
    if not isinstance(found, list):
        return found
    turns = [one for one in found if str(within(one, "action.type") or within(one, "action") or "").lower() == "rotate"]
    return {"automatic": [{"time_after_creation": "set"}] if turns else []}


_KEY = {
    "key_type": at("properties.kty"),
    "key_opts": at("properties.keyOps"),
    "expiration_date": at("properties.attributes.exp", None),
}
_DISK = {
    "disk_encryption_set_id": at("properties.encryption.diskEncryptionSetId", None),
    "secure_vm_disk_encryption_set_id": at("properties.securityProfile.secureVMDiskEncryptionSetId", None),
    "network_access_policy": at("properties.networkAccessPolicy", "AllowAll"),
    "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
}


def _public(seen: Seen) -> object:
    found = seen.at("properties.publicAccess", "None")
    return "private" if isinstance(found, str) and found.lower() == "none" else found


def _immutable(seen: Seen) -> Iterator[Part]:
    """The policy of a container; only one that is locked can no longer be taken away."""
    state = seen.at("properties.immutabilityPolicy.properties.state", "None")
    locked = state if isinstance(state, Unknown) else str(state).lower() == "locked"
    values: dict[str, object] = {"storage_container_resource_manager_id": Link(seen.id), "locked": locked}
    yield Part("azurerm_storage_container_immutability_policy", f"{seen.id}/immutabilitypolicies/default", "", values)


def _registry_key(seen: Seen) -> object:
    state = seen.at("properties.encryption.status", "disabled")
    if isinstance(state, Unknown):
        return state
    return (
        block("properties.encryption", key_vault_key_id="keyVaultProperties.keyIdentifier")(seen)
        if state == "enabled"
        else None
    )


SHAPES = (
    Shape(
        type="microsoft.storage/storageaccounts",
        native="azurerm_storage_account",
        attributes={
            "https_traffic_only_enabled": at("properties.supportsHttpsTrafficOnly"),
            "enable_https_traffic_only": const(None),
            "min_tls_version": at("properties.minimumTlsVersion", "TLS1_0"),
            # Null is as true: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent
            "allow_nested_items_to_be_public": at("properties.allowBlobPublicAccess", True),
            "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
            "shared_access_key_enabled": at("properties.allowSharedKeyAccess", True),
            "cross_tenant_replication_enabled": at("properties.allowCrossTenantReplication"),
            "customer_managed_key": own_key("properties.encryption"),
            "network_rules": block("properties.networkAcls", default_action="defaultAction"),
            "immutability_policy": _locked,
        },
    ),
    Shape(
        type="microsoft.storage/storageaccounts/blobservices/containers",
        native="azurerm_storage_container",
        attributes={
            "container_access_type": _public,
            "metadata": at("properties.metadata", None),
            "storage_account_id": lambda seen: owner(Seen({"id": seen.parent})),
            "storage_account_name": const(None),
        },
        parts=_immutable,
    ),
    Shape(
        type="microsoft.keyvault/vaults",
        native="azurerm_key_vault",
        attributes={
            **_VAULT,
            "rbac_authorization_enabled": at("properties.enableRbacAuthorization", False),
            "access_policy": blocks("properties.accessPolicies", _policy, []),
        },
    ),
    Shape(
        type="microsoft.keyvault/managedhsms",
        native="azurerm_key_vault_managed_hardware_security_module",
        attributes=_VAULT,
    ),
    Shape(
        type="microsoft.keyvault/vaults/keys",
        native="azurerm_key_vault_key",
        attributes={**_KEY, "key_vault_id": owner, "release_policy": _release, "rotation_policy": _rotation},
    ),
    Shape(
        type="microsoft.keyvault/managedhsms/keys",
        native="azurerm_key_vault_managed_hardware_security_module_key",
        attributes={**_KEY, "managed_hsm_id": owner},
    ),
    Shape(
        type="microsoft.keyvault/vaults/secrets", native="azurerm_key_vault_secret", attributes={"key_vault_id": owner}
    ),
    Shape(
        type="microsoft.containerregistry/registries",
        native="azurerm_container_registry",
        attributes={
            "admin_enabled": at("properties.adminUserEnabled"),
            "anonymous_pull_enabled": at("properties.anonymousPullEnabled"),
            "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
            "network_rule_set": block("properties.networkRuleSet", default_action="defaultAction"),
            "export_policy_enabled": at("properties.policies.exportPolicy.status", "enabled"),
            "encryption": _registry_key,
        },
    ),
    Shape(type="microsoft.compute/disks", native="azurerm_managed_disk", attributes=_DISK),
    Shape(type="microsoft.compute/snapshots", native="azurerm_snapshot", attributes=_DISK),
    Shape(
        type="microsoft.compute/diskencryptionsets",
        native="azurerm_disk_encryption_set",
        attributes={
            "key_vault_key_id": at("properties.activeKey.keyUrl", None),
            "managed_hsm_key_id": const(None),
            "auto_key_rotation_enabled": at("properties.rotationToLatestKeyVersionEnabled", False),
        },
    ),
    Shape(
        type="microsoft.storagecache/amlfilesystems",
        native="azurerm_managed_lustre_file_system",
        attributes={
            "encryption_key": block("properties.encryptionSettings.keyEncryptionKey", key_url="keyUrl"),
            "subnet_id": link("properties.filesystemSubnet"),
        },
    ),
    Shape(
        type="microsoft.netapp/netappaccounts/capacitypools/volumes",
        native="azurerm_netapp_volume",
        attributes={"subnet_id": link("properties.subnetId")},
    ),
)
