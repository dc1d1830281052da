"""An estate of Azure as Resource Graph shows it, made up: once as it should be, once with everything open."""

import copy
from collections.abc import Mapping

SUB = "0a0a0a0a-1111-2222-3333-444444444444"
GROUP = f"/subscriptions/{SUB}/resourceGroups/AI"
GPU, CONFIDENTIAL = "Standard_NC40ads_H100_v5", "Standard_DC4as_v5"
Row = dict[str, object]


def ident(kind: str, *names: str) -> str:
    """The id of a resource in the group: `Microsoft.Storage/storageAccounts` and its names."""
    provider, *types = kind.split("/")
    return f"{GROUP}/providers/{provider}/" + "/".join(f"{t}/{n}" for t, n in zip(types, names, strict=True))


def row(of: str, name: str, properties: Mapping[str, object], **more: object) -> Row:
    """One row with the columns that every query without a projection answers."""
    return {
        "id": ident(of, *name.split("/")),
        "name": name.rpartition("/")[2],
        "type": of.lower(),
        "location": "westeurope",
        "kind": None,
        "sku": None,
        "tags": None,
        "identity": None,
        "properties": dict(properties),
        **more,
    }


VAULT = "https://v.vault.azure.net/"
STORE, CLUSTER = "Microsoft.Storage/storageAccounts", "Microsoft.ContainerService/managedClusters"
WORKSPACE, ACCOUNT = "Microsoft.MachineLearningServices/workspaces", "Microsoft.CognitiveServices/accounts"
NIC, NSG, VNET = (f"Microsoft.Network/{t}" for t in ("networkInterfaces", "networkSecurityGroups", "virtualNetworks"))
VM, SET, DISK = (f"Microsoft.Compute/{t}" for t in ("virtualMachines", "virtualMachineScaleSets", "disks"))
_ASSIGNED = {"type": "SystemAssigned", "principalId": "99999999-0000-0000-0000-000000000001"}
_ENDPOINTS = [{"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}]


def _closed() -> list[Row]:
    key = {"keySource": "Microsoft.Keyvault", "keyvaultproperties": {"keyname": "k", "keyvaulturi": VAULT}}
    deny = {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": [{"id": "/x"}]}
    boot = {"encryptionAtHost": True, "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    disk = {
        "osType": "Linux",
        "managedDisk": {"diskEncryptionSet": {"id": ident("Microsoft.Compute/diskEncryptionSets", "d")}},
    }
    linux = {"linuxConfiguration": {"disablePasswordAuthentication": True}}
    return [
        row(STORE, "weights", {
            "supportsHttpsTrafficOnly": True, "minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False,
            "publicNetworkAccess": "Disabled", "allowSharedKeyAccess": False, "allowCrossTenantReplication": False,
            "networkAcls": deny, "encryption": key, "privateEndpointConnections": _ENDPOINTS,
            "immutableStorageWithVersioning": {"immutabilityPolicy": {"state": "Locked"}},
        }, tags={"artifact": "weights"}, identity=_ASSIGNED),
        row("Microsoft.KeyVault/vaults", "v", {
            "enablePurgeProtection": True, "enableRbacAuthorization": True, "publicNetworkAccess": "Disabled",
            "softDeleteRetentionInDays": 90, "networkAcls": deny, "accessPolicies": [], "privateEndpointConnections": _ENDPOINTS,
        }),
        row(WORKSPACE, "ml", {
            "publicNetworkAccess": "Disabled", "managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound"},
            "encryption": {"status": "Enabled", "keyVaultProperties": {"keyIdentifier": f"{VAULT}keys/k/1"}},
            "storageAccount": ident(STORE, "weights"), "systemDatastoresAuthMode": "identity", "hbiWorkspace": True,
            "v1LegacyMode": False, "privateEndpointConnections": _ENDPOINTS,
        }, kind="Default", identity=_ASSIGNED),
        row(ACCOUNT, "ai", {
            "publicNetworkAccess": "Disabled", "disableLocalAuth": True, "networkAcls": {"defaultAction": "Deny"},
            "restrictOutboundNetworkAccess": True, "allowedFqdnList": ["a.example.com"], "privateEndpointConnections": _ENDPOINTS,
            "encryption": {"keySource": "Microsoft.KeyVault", "keyVaultProperties": {"keyName": "k", "keyVaultUri": VAULT}},
        }, kind="OpenAI", identity=_ASSIGNED),
        row("Microsoft.Search/searchServices", "s", {
            "publicNetworkAccess": "disabled", "disableLocalAuth": True, "encryptionWithCmk": {"enforcement": "Enabled"},
            "privateEndpointConnections": _ENDPOINTS,
        }, identity=_ASSIGNED),
        row(CLUSTER, "k", {
            "apiServerAccessProfile": {"enablePrivateCluster": True}, "enableRBAC": True, "disableLocalAccounts": True,
            "networkProfile": {"networkPolicy": "cilium", "networkDataplane": "cilium", "outboundType": "none"},
            "securityProfile": {"workloadIdentity": {"enabled": True}, "azureKeyVaultKms": {"enabled": True, "keyId": f"{VAULT}keys/k/1"}},
            "diskEncryptionSetID": ident("Microsoft.Compute/diskEncryptionSets", "d"), "kubernetesVersion": "1.33",
            "addonProfiles": {"omsAgent": {"enabled": True}}, "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
            "privateEndpointConnections": [],
            "agentPoolProfiles": [
                {"name": "sys", "mode": "System", "vmSize": "Standard_D4s_v5", "enableEncryptionAtHost": True},
                {"name": "gpu", "mode": "User", "vmSize": GPU, "enableEncryptionAtHost": True, "nodeTaints": ["sku=gpu:NoSchedule"]},
            ],
        }, identity=_ASSIGNED),
        row(VM, "vm", {
            "hardwareProfile": {"vmSize": CONFIDENTIAL}, "securityProfile": boot, "osProfile": linux,
            "storageProfile": {"osDisk": {**disk, "managedDisk": {"securityProfile": {
                "securityEncryptionType": "DiskWithVMGuestState", "diskEncryptionSet": {"id": "/d"}}}}},
            "networkProfile": {"networkInterfaces": [{"id": ident(NIC, "nic")}]},
        }, identity=_ASSIGNED),
        row(SET, "set", {"virtualMachineProfile": {
            "securityProfile": boot, "osProfile": linux, "storageProfile": {"osDisk": disk},
            "networkProfile": {"networkInterfaceConfigurations": [{"properties": {"ipConfigurations": [{"properties": {}}]}}]},
        }}, sku={"name": GPU}, identity=_ASSIGNED),
        row(NIC, "nic", {"ipConfigurations": [{"properties": {"subnet": {"id": ident(VNET + "/subnets", "net", "a")}}}]}),
        row(VNET, "net", {"subnets": [{
            "id": ident(VNET + "/subnets", "net", "a"), "name": "a", "properties": {"defaultOutboundAccess": False}}]}),
        row(NSG, "nsg", {"securityRules": [{"name": "r", "properties": {
            "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "priority": 100, "sourceAddressPrefix": "10.0.0.0/8",
            "destinationPortRange": "22"}}]}),
        row(DISK, "disk", {"encryption": {"diskEncryptionSetId": "/d"}, "networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled"}),
        row("Microsoft.Compute/diskEncryptionSets", "d", {"activeKey": {"keyUrl": f"{VAULT}keys/k/1"}, "rotationToLatestKeyVersionEnabled": True}),
        row("Microsoft.ContainerRegistry/registries", "acr", {
            "adminUserEnabled": False, "anonymousPullEnabled": False, "publicNetworkAccess": "Disabled",
            "networkRuleSet": {"defaultAction": "Deny"}, "policies": {"exportPolicy": {"status": "disabled"}},
            "encryption": {"status": "enabled", "keyVaultProperties": {"keyIdentifier": f"{VAULT}keys/k"}},
            "privateEndpointConnections": _ENDPOINTS,
        }, identity=_ASSIGNED),
        row("Microsoft.OperationalInsights/workspaces", "log", {"retentionInDays": 400, "features": {"disableLocalAuth": True}}),
        row("Microsoft.Insights/activityLogAlerts", "alert", {
            "enabled": True, "scopes": [f"/subscriptions/{SUB}"], "actions": {"actionGroups": [{"actionGroupId": "/g"}]},
            "condition": {"allOf": [{"field": "category", "equals": "Administrative"}]},
        }),
        row("Microsoft.Databricks/workspaces", "brick", {
            "publicNetworkAccess": "Disabled", "privateEndpointConnections": _ENDPOINTS,
            "parameters": {"enableNoPublicIp": {"value": True}, "customVirtualNetworkId": {"value": "/n"},
                           "encryption": {"value": {"keySource": "Microsoft.Keyvault", "KeyName": "k"}}},
            "encryption": {"entities": {"managedServices": {"keyVaultProperties": {"keyName": "k"}},
                                        "managedDisk": {"keyVaultProperties": {"keyName": "k"}}}},
        }),
        row("Microsoft.ContainerInstance/containerGroups", "ci", {"sku": "Confidential", "ipAddress": {"type": "Private"}}, identity=_ASSIGNED),
    ]  # fmt: skip


def closed() -> list[Row]:
    """The estate as it should be."""
    return copy.deepcopy(_closed())


_OPEN: dict[str, object] = {
    "supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0", "allowBlobPublicAccess": True,
    "publicNetworkAccess": "Enabled", "allowSharedKeyAccess": True, "allowCrossTenantReplication": True,
    "defaultAction": "Allow", "virtualNetworkRules": [], "keySource": "Microsoft.Storage", "privateEndpointConnections": [],
    "state": "Unlocked", "enablePurgeProtection": False, "enableRbacAuthorization": False, "softDeleteRetentionInDays": 7,
    "isolationMode": "Disabled", "status": "disabled", "systemDatastoresAuthMode": "accessKey", "hbiWorkspace": False,
    "disableLocalAuth": False, "restrictOutboundNetworkAccess": False, "enforcement": "Disabled", "enablePrivateCluster": False,
    "enableRBAC": False, "disableLocalAccounts": False, "networkPolicy": "none", "networkDataplane": "azure",
    "outboundType": "loadBalancer", "enabled": False, "diskEncryptionSetID": None, "nodeOSUpgradeChannel": "None",
    "enableEncryptionAtHost": False, "nodeTaints": [], "encryptionAtHost": False, "secureBootEnabled": False,
    "vTpmEnabled": False, "disablePasswordAuthentication": False, "managedDisk": {}, "defaultOutboundAccess": True,
    "sourceAddressPrefix": "*", "diskEncryptionSetId": None, "networkAccessPolicy": "AllowAll",
    "rotationToLatestKeyVersionEnabled": False, "adminUserEnabled": True, "anonymousPullEnabled": True, "retentionInDays": 30,
    "actionGroups": [], "enableNoPublicIp": {"value": False}, "customVirtualNetworkId": None, "keyVaultProperties": None,
    "sku": "Standard", "type": "Public", "value": {"keySource": "Default"},
}  # fmt: skip


def opened() -> list[Row]:
    """The same resources with every switch the wrong way."""

    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {k: copy.deepcopy(_OPEN[k]) if k in _OPEN else turned(v) for k, v in value.items()}
        return [turned(v) for v in value] if isinstance(value, list) else value

    made = closed()
    for one in made:
        properties = turned(one["properties"])
        assert isinstance(properties, dict)
        one |= {"properties": properties, "identity": None}
        nic = properties.get("ipConfigurations")
        if nic:
            nic[0]["properties"]["publicIPAddress"] = {"id": "/ip"}
    return made
