"""Virtual machines and scale sets, container groups, clusters of AKS with their pools.

What an absent property means is from the REST reference of each type, https://learn.microsoft.com/rest/api/.
"""

from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.azure.shape import Seen, Shape, Take, owner
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, const, ids, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown


def _disk(prefix: str) -> Take:
    """The OS disk with the keys that it is under."""

    def take(seen: Seen) -> object:
        found = seen.at(f"{prefix}storageProfile.osDisk")
        if not isinstance(found, Mapping):
            return found
        return {
            "disk_encryption_set_id": within(found, "managedDisk.diskEncryptionSet.id"),
            "secure_vm_disk_encryption_set_id": within(found, "managedDisk.securityProfile.diskEncryptionSet.id"),
            "security_encryption_type": within(found, "managedDisk.securityProfile.securityEncryptionType"),
        }

    return take


def _machine(prefix: str) -> dict[str, Take]:
    linux = f"{prefix}osProfile.linuxConfiguration.disablePasswordAuthentication"
    return {
        "encryption_at_host_enabled": at(f"{prefix}securityProfile.encryptionAtHost", False),
        "secure_boot_enabled": at(f"{prefix}securityProfile.uefiSettings.secureBootEnabled", False),
        "vtpm_enabled": at(f"{prefix}securityProfile.uefiSettings.vTpmEnabled", False),
        "os_disk": _disk(prefix),
        "disable_password_authentication": at(linux),
    }


def _system(prefix: str, linux: str, windows: str) -> Callable[[Seen], str]:
    def native(seen: Seen) -> str:
        found = seen.at(f"{prefix}storageProfile.osDisk.osType", "")
        return windows if isinstance(found, str) and found.lower() == "windows" else linux

    return native


def _interfaces(seen: Seen) -> object:
    found = seen.at("properties.networkProfile.networkInterfaces")
    if not isinstance(found, list):
        return found
    named = [within(one, "id") for one in found]
    return [Link(i.lower()) if isinstance(i, str) else _untold("which interface it is") for i in named]


def _untold(what: str) -> Unknown:
    return Unknown(GapCode.ABSENT, f"{what} is not told")


def _set_interfaces(seen: Seen) -> object:
    """The interfaces that each member gets. Sets of another orchestration give none here, and each member shows its own."""
    found = seen.at("properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations")
    if not isinstance(found, list):
        return found
    return [
        {
            "ip_configuration": [_address(c) for c in _list(within(one, "properties.ipConfigurations"))],
            "network_security_group_id": within(one, "properties.networkSecurityGroup.id"),
        }
        for one in found
    ]


def _address(one: object) -> dict[str, object]:
    public = within(one, "properties.publicIPAddressConfiguration")
    return {
        "subnet_id": within(one, "properties.subnet.id"),
        "public_ip_address": [public] if public is not None else [],
        "load_balancer_backend_address_pool_ids": ids(within(one, "properties.loadBalancerBackendAddressPools")),
        "load_balancer_inbound_nat_rules_ids": ids(within(one, "properties.loadBalancerInboundNatPools")),
        "application_gateway_backend_address_pool_ids": ids(
            within(one, "properties.applicationGatewayBackendAddressPools")
        ),
    }


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _extensions(seen: Seen) -> object:
    found = seen.at("properties.virtualMachineProfile.extensionProfile.extensions", [])
    if not isinstance(found, list):
        return found
    return [
        {
            "publisher": within(one, "properties.publisher"),
            "automatic_upgrade_enabled": within(one, "properties.enableAutomaticUpgrade"),
            "auto_upgrade_minor_version": within(one, "properties.autoUpgradeMinorVersion"),
        }
        for one in found
    ]


def _reached_at(seen: Seen) -> object:
    """Whether the address of a container group is public; one without an address has none."""
    found = seen.at("properties.ipAddress", None)
    if found is None or isinstance(found, Unknown):
        return found or "None"
    return within(found, "type") or _untold("whether its address is public")


_PROFILE = "properties.virtualMachineProfile."
_VM = ("azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine")
_SET = ("azurerm_linux_virtual_machine_scale_set", "azurerm_windows_virtual_machine_scale_set")


# AKS


def _pool(found: object) -> Open:
    """One pool as the tables have it. https://learn.microsoft.com/rest/api/aks/agent-pools/get."""

    def told(path: str, absent: object = None) -> object:
        value = within(found, path)
        return absent if value is None else value

    known = {
        "name": within(found, "name"),
        "vm_size": told("vmSize"),
        "node_public_ip_enabled": told("enableNodePublicIP", absent=False),
        "host_encryption_enabled": told("enableEncryptionAtHost", absent=False),
        "enable_node_public_ip": None,
        "enable_host_encryption": None,
        "gpu_instance": told("gpuInstanceProfile"),
        "node_taints": told("nodeTaints", absent=[]),
        "gpu_driver": told("gpuProfile.driver"),
        "only_critical_addons_enabled": None,
        "vnet_subnet_id": told("vnetSubnetID"),
        "tags": told("tags"),
    }
    return Open(known, Unknown(GapCode.NOT_FETCHED, "the cluster does not tell it of its pools"))


def _pools(seen: Seen) -> object:
    return seen.at("properties.agentPoolProfiles")


def _first(seen: Seen) -> object:
    """The pool that the cluster began with: the first of mode System."""
    found = _pools(seen)
    if not isinstance(found, list):
        return found
    system = [p for p in found if str(within(p, "mode")).lower() == "system"]
    return _pool((system or found)[0]) if found else {}


def _further(seen: Seen) -> Iterator[Part]:
    found = _pools(seen)
    first = _first(seen)
    for one in found if isinstance(found, list) else ():
        values = _pool(one)
        if isinstance(first, Open) and values["name"] == first["name"]:
            continue
        values["kubernetes_cluster_id"] = Link(seen.id)
        name = str(values["name"])
        yield Part("azurerm_kubernetes_cluster_node_pool", f"{seen.id}/agentpools/{name.lower()}", name, values)


def _monitoring(seen: Seen) -> object:
    found = seen.at("properties.addonProfiles", {})
    if isinstance(found, Unknown):
        return found
    return [{}] if within(found, "omsagent.enabled") is True else []


def _kms(seen: Seen) -> object:
    found = seen.at("properties.securityProfile.azureKeyVaultKms", None)
    if not isinstance(found, Mapping):
        return found
    return {"key_vault_key_id": within(found, "keyId")} if within(found, "enabled") is True else None


def _network(seen: Seen) -> object:
    found = seen.at("properties.networkProfile")
    if not isinstance(found, Mapping):
        return found
    return {
        "network_policy": within(found, "networkPolicy"),
        "network_data_plane": within(found, "networkDataplane"),
        "outbound_type": within(found, "outboundType"),
    }


def _version(seen: Seen) -> object:
    running = seen.at("properties.currentKubernetesVersion", None)
    return running if isinstance(running, str) else seen.at("properties.kubernetesVersion")


_CLUSTER: dict[str, Take] = {
    "private_cluster_enabled": at("properties.apiServerAccessProfile.enablePrivateCluster", False),
    "api_server_access_profile": lambda seen: {
        "authorized_ip_ranges": seen.at("properties.apiServerAccessProfile.authorizedIPRanges", None)
    },
    "api_server_authorized_ip_ranges": const(None),
    "network_profile": _network,
    "role_based_access_control_enabled": at("properties.enableRBAC"),
    "local_account_disabled": at("properties.disableLocalAccounts", False),
    "workload_identity_enabled": at("properties.securityProfile.workloadIdentity.enabled", False),
    "disk_encryption_set_id": at("properties.diskEncryptionSetID", None),
    "key_management_service": _kms,
    "oms_agent": _monitoring,
    "addon_profile": const(None),
    "kubernetes_version": _version,
    "automatic_upgrade_channel": at("properties.autoUpgradeProfile.upgradeChannel", "none"),
    "node_os_upgrade_channel": at("properties.autoUpgradeProfile.nodeOSUpgradeChannel"),
    "default_node_pool": _first,
}


def _dbfs(seen: Seen) -> Iterator[Part]:
    """The key of the file system that a workspace keeps in its own storage account."""
    found = seen.at("properties.parameters.encryption.value", None)
    if found is None or str(within(found, "keySource") or "").lower() == "default":
        return
    native = "azurerm_databricks_workspace_root_dbfs_customer_managed_key"
    named = found if isinstance(found, Unknown) else within(found, "KeyName")
    if within(found, "keySource") is None:
        named = Unknown(GapCode.ABSENT, "whose key encrypts its own storage, is not told")
    yield Part(native, f"{seen.id}/dbfskey", "dbfs", {"workspace_id": Link(seen.id), "key_vault_key_id": named})


SHAPES = (
    Shape(
        type="microsoft.compute/virtualmachines",
        native=_system("properties.", *_VM),
        attributes={
            **_machine("properties."),
            "size": at("properties.hardwareProfile.vmSize"),
            "network_interface_ids": _interfaces,
            "extension": const(None),
        },
        natives=_VM,
    ),
    Shape(
        type="microsoft.compute/virtualmachinescalesets",
        native=_system(_PROFILE, *_SET),
        attributes={
            **_machine(_PROFILE),
            "sku": at("sku.name"),
            "network_interface": _set_interfaces,
            "network_profile": const(None),
            "extension": _extensions,
        },
        natives=_SET,
    ),
    Shape(
        type="microsoft.compute/virtualmachines/extensions",
        native="azurerm_virtual_machine_extension",
        attributes={
            "virtual_machine_id": owner,
            "publisher": at("properties.publisher"),
            "automatic_upgrade_enabled": at("properties.enableAutomaticUpgrade", None),
            "auto_upgrade_minor_version": at("properties.autoUpgradeMinorVersion", None),
            "auto_upgrade_minor_version_enabled": const(None),
        },
    ),
    Shape(
        type="microsoft.containerinstance/containergroups",
        native="azurerm_container_group",
        attributes={
            "ip_address_type": _reached_at,
            "sku": at("properties.sku", "Standard"),
            "subnet_ids": lambda seen: [within(s, "id") for s in _list(seen.at("properties.subnetIds", []))],
        },
    ),
    Shape(
        type="microsoft.containerservice/managedclusters",
        native="azurerm_kubernetes_cluster",
        attributes=_CLUSTER,
        parts=_further,
        natives=("azurerm_kubernetes_cluster", "azurerm_kubernetes_cluster_node_pool"),
    ),
    Shape(type="microsoft.kubernetes/connectedclusters", native="azurerm_arc_kubernetes_cluster"),
    Shape(
        type="microsoft.databricks/workspaces",
        native="azurerm_databricks_workspace",
        attributes={
            "public_network_access_enabled": at("properties.publicNetworkAccess", "Enabled"),
            "custom_parameters": lambda seen: {
                "no_public_ip": seen.at("properties.parameters.enableNoPublicIp.value"),
                "virtual_network_id": seen.at("properties.parameters.customVirtualNetworkId.value", None),
            },
            "managed_services_cmk_key_vault_key_id": at(
                "properties.encryption.entities.managedServices.keyVaultProperties.keyName", None
            ),
            "managed_disk_cmk_key_vault_key_id": at(
                "properties.encryption.entities.managedDisk.keyVaultProperties.keyName", None
            ),
        },
        parts=_dbfs,
        natives=("azurerm_databricks_workspace", "azurerm_databricks_workspace_root_dbfs_customer_managed_key"),
    ),
)
