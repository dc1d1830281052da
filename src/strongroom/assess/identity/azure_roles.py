"""Azure's built-in roles: which actions they hold, as far as they matter here.

Source: Microsoft Learn, "Azure built-in roles", https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
An action on data begins with `@`; a leading `-` takes out what a role lists under NotActions or NotDataActions.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from strongroom.assess.identity.levels import NO, PERHAPS, YES

_BLOBS = "@Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_VAULT = "@Microsoft.KeyVault/vaults"
_ML = "Microsoft.MachineLearningServices/workspaces"
_AKS = "Microsoft.ContainerService/managedClusters"
_AI = "Microsoft.CognitiveServices/accounts"
_VM = "Microsoft.Compute/virtualMachines"
_AUTH = "Microsoft.Authorization"

ROLES: dict[str, str] = {
    "owner": "*",
    "contributor": f"* -{_AUTH}/*/Delete -{_AUTH}/*/Write -{_AUTH}/elevateAccess/Action",
    "reader": "*/read",
    "user access administrator": f"*/read {_AUTH}/*",
    "role based access control administrator": f"{_AUTH}/roleAssignments/write {_AUTH}/roleAssignments/delete */read",
    "security reader": "*/read",
    "log analytics reader": "*/read",
    "monitoring reader": "*/read",
    "log analytics contributor": "*/read Microsoft.OperationalInsights/* Microsoft.Insights/diagnosticSettings/*"
    " Microsoft.Storage/storageAccounts/listKeys/action Microsoft.Compute/virtualMachines/extensions/*",
    "monitoring contributor": "*/read Microsoft.Insights/* Microsoft.OperationalInsights/workspaces/write",
    # storage
    "storage account contributor": "Microsoft.Storage/storageAccounts/* Microsoft.Insights/diagnosticSettings/*",
    "storage account key operator service role": "Microsoft.Storage/storageAccounts/listkeys/action"
    " Microsoft.Storage/storageAccounts/regeneratekey/action",
    "storage blob data owner": f"{_BLOBS}/* Microsoft.Storage/storageAccounts/blobServices/containers/*",
    "storage blob data contributor": f"{_BLOBS}/read {_BLOBS}/write {_BLOBS}/delete {_BLOBS}/add/action {_BLOBS}/move/action"
    " Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    "storage blob data reader": f"{_BLOBS}/read Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    "storage blob delegator": "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    "reader and data access": "Microsoft.Storage/storageAccounts/listKeys/action"
    " Microsoft.Storage/storageAccounts/ListAccountSas/action Microsoft.Storage/storageAccounts/read",
    # vaults
    "key vault administrator": f"{_VAULT}/*",
    "key vault contributor": "Microsoft.KeyVault/* -Microsoft.KeyVault/locations/deletedVaults/purge/action",
    "key vault reader": f"{_VAULT}/*/read {_VAULT}/secrets/readMetadata/action",
    "key vault secrets officer": f"{_VAULT}/secrets/*",
    "key vault secrets user": f"{_VAULT}/secrets/getSecret/action {_VAULT}/secrets/readMetadata/action",
    "key vault crypto officer": f"{_VAULT}/keys/*",
    "key vault crypto user": f"{_VAULT}/keys/read {_VAULT}/keys/update/action {_VAULT}/keys/backup/action"
    f" {_VAULT}/keys/encrypt/action {_VAULT}/keys/decrypt/action {_VAULT}/keys/wrap/action {_VAULT}/keys/unwrap/action"
    f" {_VAULT}/keys/sign/action {_VAULT}/keys/verify/action",
    "key vault crypto service encryption user": f"{_VAULT}/keys/read {_VAULT}/keys/wrap/action {_VAULT}/keys/unwrap/action",
    "key vault crypto service release user": f"{_VAULT}/keys/release/action",
    "key vault certificates officer": f"{_VAULT}/certificates/*",
    # AI
    "azureml data scientist": f"{_ML}/*/read {_ML}/*/action {_ML}/*/delete {_ML}/*/write"
    f" -{_ML}/delete -{_ML}/write -{_ML}/computes/*/write -{_ML}/computes/*/delete -{_ML}/computes/listKeys/action"
    f" -{_ML}/listKeys/action -{_ML}/hubs/write -{_ML}/hubs/delete -{_ML}/featurestores/write -{_ML}/featurestores/delete",
    "azureml compute operator": f"{_ML}/computes/* {_ML}/notebooks/vm/*",
    "azureml registry user": "Microsoft.MachineLearningServices/registries/*",
    "azure ai developer": f"{_ML}/*/read {_ML}/*/action {_ML}/*/delete {_ML}/*/write -{_ML}/write -{_ML}/listKeys/action"
    " @Microsoft.CognitiveServices/accounts/OpenAI/*",
    "cognitive services user": f"@{_AI}/* {_AI}/listkeys/action {_AI}/*/read",
    "cognitive services contributor": f"{_AI}/* Microsoft.Insights/diagnosticSettings/*",
    "cognitive services openai user": f"@{_AI}/OpenAI/*/action @{_AI}/OpenAI/*/read {_AI}/*/read",
    "cognitive services openai contributor": f"@{_AI}/OpenAI/* {_AI}/*/read {_AI}/deployments/write {_AI}/deployments/delete",
    # clusters, machines, images, identities
    "azure kubernetes service cluster admin role": f"{_AKS}/listClusterAdminCredential/action {_AKS}/read",
    "azure kubernetes service cluster user role": f"{_AKS}/listClusterUserCredential/action {_AKS}/read",
    "azure kubernetes service contributor role": f"{_AKS}/*",
    "azure kubernetes service rbac cluster admin": f"@{_AKS}/* {_AKS}/listClusterUserCredential/action",
    "azure kubernetes service rbac admin": f"@{_AKS}/* {_AKS}/listClusterUserCredential/action",
    "azure kubernetes service rbac writer": f"@{_AKS}/apps/* @{_AKS}/batch/* @{_AKS}/pods/* @{_AKS}/secrets/*",
    "azure kubernetes service rbac reader": f"@{_AKS}/apps/*/read @{_AKS}/batch/*/read @{_AKS}/pods/read",
    "acrpull": "Microsoft.ContainerRegistry/registries/pull/read",
    "acrpush": "Microsoft.ContainerRegistry/registries/pull/read Microsoft.ContainerRegistry/registries/push/write",
    "acrdelete": "Microsoft.ContainerRegistry/registries/artifacts/delete",
    "virtual machine contributor": f"{_VM}/* Microsoft.Compute/virtualMachineScaleSets/* Microsoft.Compute/disks/*"
    " Microsoft.Storage/storageAccounts/listKeys/action Microsoft.Network/*/join/action */read",
    "virtual machine administrator login": f"@{_VM}/login/action @{_VM}/loginAsAdmin/action",
    "virtual machine user login": f"@{_VM}/login/action",
    "managed identity operator": "Microsoft.ManagedIdentity/userAssignedIdentities/*/read"
    " Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"
    " Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "managed identity contributor": "Microsoft.ManagedIdentity/userAssignedIdentities/read"
    " Microsoft.ManagedIdentity/userAssignedIdentities/write Microsoft.ManagedIdentity/userAssignedIdentities/delete"
    " Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*",
    "network contributor": "Microsoft.Network/*",
    "backup contributor": "Microsoft.RecoveryServices/*",
    "disk snapshot contributor": "Microsoft.Compute/snapshots/* Microsoft.Compute/disks/beginGetAccess/action",
    "website contributor": "Microsoft.Web/*",
}  # fmt: skip
IDS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "reader",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "user access administrator",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "storage blob data reader",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "storage blob data contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "storage blob data owner",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "key vault administrator",
    "4633458b-17de-408a-b874-0445c86b69e6": "key vault secrets user",
    "12338af0-0e69-4776-bea7-57ae8d297424": "key vault crypto user",
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": "key vault crypto service encryption user",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "acrpull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "acrpush",
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "azureml data scientist",
}


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


def among(words: Iterable[str], action: str) -> int:
    """Whether a role's words hold an action: what is taken out is out, in whatever order it is written."""
    data = action.startswith("@")
    held = False
    for word in words:
        plain = word.removeprefix("-")
        if plain.startswith("@") is data and _pattern(plain).fullmatch(action):
            if word.startswith("-"):
                return NO
            held = True
    return YES if held else NO


def holds(role: str, action: str) -> int:
    """How surely a built-in role holds an action; one that is not in the table may."""
    words = ROLES.get(role.lower())
    return PERHAPS if words is None else among(words.split(), action)
