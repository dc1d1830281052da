"""Who can do what to an asset of Azure.

Source: Microsoft Learn, "Understand Azure role definitions" (actions less notActions; data apart), "Understand scope for
Azure RBAC" (what is assigned above holds below), "Azure Key Vault: access policy versus RBAC"; for account keys,
"Prevent Shared Key authorization for an Azure Storage account".
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from strongroom.assess.identity.azure_roles import IDS, among, holds
from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.assess.identity.scoped import Covers, Grant, Need, Option, Power, Scopes, World
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown
from strongroom.model.who_can import Deed, Held

SUBSCRIPTION, MANAGEMENT = "the subscription", "the management group"
_ASSIGN = "Microsoft.Authorization/roleAssignments/write"
_WHOLE = re.compile(r"/subscriptions/([^/]+)/?", re.IGNORECASE)
_GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/]+)/?", re.IGNORECASE)
_PART = re.compile(r"\$\{([^}]+)\}/.*|(azurerm_[\w.]+(?:\[[^\]]*\])?)/.*")
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_VM = "Microsoft.Compute/virtualMachines"
_NAMED = ("azurerm_storage_account", "azurerm_container_registry")  # others name these by name alone
_MACHINES = ("azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine", "azurerm_virtual_machine")


class Estate:
    """The assignments of Azure among what was read."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self.assets = assets
        self.scopes = Scopes()
        self._by_name: dict[str, list[Asset]] = defaultdict(list)
        for a in assets:
            for name in {a.id, a.address, re.sub(r"\[[^\]]*\]$", "", a.address), *(x.lower() for x in a.aliases)}:
                self._by_name[name].append(a)
            if a.native_type in _NAMED:
                self._by_name[f"name {a.name}"].append(a)
        self._numbered = any(
            a.account for a in assets
        )  # what is running tells whose it is; files are of one subscription
        self._groups = {a.name: a.address for a in assets if a.native_type == "azurerm_resource_group"}
        for a in assets:
            self.scopes.above[a.address] = self._above(a, 0)
        for a in assets:
            if a.native_type == "azurerm_role_assignment":
                self._assign(a)
            elif a.native_type == "azurerm_key_vault_access_policy":
                self._policy(a)
            elif a.native_type == "azurerm_key_vault":
                self._inline(a)

    def _above(self, a: Asset, depth: int) -> dict[str, int]:
        """The scopes that hold a resource."""
        out = {a.address: YES, self._subscription(a.account): YES, MANAGEMENT: YES}
        group = a.value("azure.group")
        if isinstance(group, str):
            out[self._group(group)] = YES
        for r in a.refs if depth < 4 else ():
            if r.rel in ("vault", "store", "workspace", "account", "registry", "cluster"):
                for x in self.meant(r.id):
                    out |= self._above(x, depth + 1)
        if not isinstance(group, str) and not any(s in self._groups.values() or s.startswith("group ") for s in out):
            out |= dict.fromkeys((*self._groups.values(), "some group"), PERHAPS)
        return out

    def _subscription(self, number: str) -> str:
        return f"{SUBSCRIPTION} {number.lower()}" if number else SUBSCRIPTION

    def _group(self, name: str) -> str:
        if name.startswith("/subscriptions/"):  # its whole id: groups of several subscriptions may have one name
            return name
        found = [a for a in self._by_name.get(name, ()) if a.native_type == "azurerm_resource_group"]
        return found[0].address if found else self._groups.get(name, f"group {name.lower()}")

    def meant(self, ref: str) -> Sequence[Asset]:
        """The assets that a reference names."""
        plain = ref.rpartition("//")[2].removeprefix("terraform:")
        return (
            self._by_name.get(ref, ())
            or self._by_name.get(plain, ())
            or self._by_name.get(plain.lower(), ())
            or self._by_name.get(f"name {plain}", ())
        )

    def scope(self, text: str) -> str:
        """A scope by what it is called here."""
        part = _PART.fullmatch(text)
        if part is not None:
            text = part[1] or part[2]
        found = self.meant(text)
        if len(found) == 1:
            return found[0].address
        if re.search(r"management_?group", text, re.IGNORECASE):
            return MANAGEMENT
        whole = _WHOLE.fullmatch(text)
        if "azurerm_subscription." in text or whole is not None:
            return self._subscription(whole[1] if whole is not None and self._numbered else "")
        group = _GROUP.fullmatch(text)
        if group is not None and self._numbered:
            return text.rstrip("/").lower()
        if group is not None:
            return self._group(next((n for n in self._groups if n.lower() == group[1].lower()), group[1]))
        return text

    def _principal(self, said: str) -> str:
        found = self.meant(said)
        return found[0].address if len(found) == 1 else said

    def _assign(self, a: Asset) -> None:
        who, scope = a.value("azure.principal"), a.value("azure.scope")
        if not isinstance(who, str) or not isinstance(scope, str | Unknown):
            return
        covers, doubt = self._covers(a.value("azure.role"))
        condition = a.value("azure.condition")
        sure, depends = (PERHAPS, str(condition)) if condition else (YES, doubt)
        place = self.scope(scope) if isinstance(scope, str) else MANAGEMENT
        if isinstance(scope, Unknown):
            sure, depends = PERHAPS, f"where it is assigned: {scope.detail}"
        self.scopes.add(Grant(self._principal(who), place, covers, f"{a.address} ({a.name})", sure, depends))

    def _covers(self, said: object) -> tuple[Covers, str]:
        if isinstance(said, str):
            found = [x for x in self.meant(said) if x.native_type == "azurerm_role_definition"]
            if found:
                words = _words(found[0])
                return (
                    (partial(among, words), "")
                    if words is not None
                    else (_perhaps, f"the actions of {said} are not known")
                )
            name = IDS.get(said.rpartition("/")[2].lower(), said)
            return partial(holds, name), f"what the role {said} holds is not in these files"
        return _perhaps, "the role that is assigned is not known"

    # Access policies of vaults

    def _policy(self, a: Asset) -> None:
        who = a.value("azure.principal")
        for r in a.refs:
            if r.rel == "vault" and isinstance(who, str):
                for vault in self.meant(r.id):
                    for kind in ("key", "secret"):
                        said = a.value(f"grant.{kind}_operations")
                        words = [o for o in said if isinstance(o, str)] if isinstance(said, tuple) else []
                        self._let(self._principal(who), vault.address, kind, words, a.address)

    def _inline(self, a: Asset) -> None:
        said = a.value("vault.access")
        for text in said if isinstance(said, tuple) else ():
            if isinstance(text, str) and text.count(" ") == 2:
                who, kind, operations = text.split(" ")
                self._let(self._principal(who), a.address, kind, operations.split(","), f"access policy of {a.address}")

    def _let(self, who: str, vault: str, kind: str, operations: Sequence[str], by: str) -> None:
        words = tuple(f"policy:{kind}/{o.lower()}" for o in operations)
        self.scopes.add(Grant(who, vault, partial(_listed, words), by))

    def principals(self) -> list[str]:
        """Everybody whom the files name: identities, directory objects, and whoever something is assigned to."""
        own = [
            a.address
            for a in self.assets
            if a.native_type
            in ("azurerm_user_assigned_identity", "azuread_user", "azuread_group", "azuread_service_principal")
        ]
        return list(dict.fromkeys((*own, *self.scopes.held)))


def _listed(words: tuple[str, ...], action: str) -> int:
    kind = action.partition("/")[0]
    return YES if action in words or f"{kind}/all" in words else NO


def _perhaps(_action: str) -> int:
    return PERHAPS


def _words(a: Asset) -> tuple[str, ...] | None:
    out: list[str] = []
    for fact, mark in (("actions", ""), ("not_actions", "-"), ("data_actions", "@"), ("not_data_actions", "-@")):
        said = a.value(f"azure.{fact}")
        if isinstance(said, Unknown) or (isinstance(said, tuple) and not all(isinstance(x, str) for x in said)):
            return None
        out += [f"{mark}{x}" for x in said] if isinstance(said, tuple) else []
    return tuple(out)


def who_can(assets: Sequence[Asset], asset: Asset, deed: Deed) -> tuple[Held, ...] | None:
    """The verdict of every principal; None when the question does not arise for the asset's kind."""
    mine = [a for a in assets if a.native_type.removeprefix("data.").startswith(("azurerm_", "azuread_"))]
    estate = Estate(mine)
    options = list(_options(estate, asset, deed))
    if not options:
        return None
    return World(estate.scopes, estate.principals(), options, partial(_ways, estate), _powers(estate, asset)).answer()


def arising(assets: Sequence[Asset], asset: Asset) -> tuple[Deed, ...]:
    """The deeds that can be asked about for an asset."""
    estate = Estate([a for a in assets if a.native_type.startswith("azurerm_")])
    return tuple(d for d in Deed if any(True for _ in _options(estate, asset, d)))


def _powers(estate: Estate, asset: Asset) -> dict[str, Power]:
    """The scopes whose assignments matter, and the vaults whose access policies do."""
    identities = [a for a in estate.assets if a.native_type == "azurerm_user_assigned_identity"]
    scopes = {s for a in (asset, *identities) for s in estate.scopes.above.get(a.address, {a.address: YES})}
    out = {f"everything in {s}": Power(s, ((Need(_ASSIGN, s),),)) for s in sorted(scopes) if s != "some group"}
    for a in estate.assets:
        if a.native_type == "azurerm_key_vault" and a.address in scopes and a.value("auth.rbac") is not True:
            options = tuple(
                (Need(f"Microsoft.KeyVault/vaults/{w}", a.address),) for w in ("accessPolicies/write", "write")
            )
            out[f"what the policies of {a.address} give"] = Power(a.address, options, _by_policy)
    return out


def _by_policy(action: str) -> int:
    return YES if action.startswith("policy:") else NO


def _ways(estate: Estate, whom: str) -> Iterator[Option]:
    """How somebody becomes an identity: by putting it on a machine of his, by trusting tokens, by a command on its machine."""
    found = estate.meant(whom)
    native = found[0].native_type if found else ""
    if native == "azurerm_user_assigned_identity":
        for make in (f"{_VM}/write", "Microsoft.Web/sites/write", "Microsoft.ContainerInstance/containerGroups/write",
                     "Microsoft.MachineLearningServices/workspaces/computes/write", "Microsoft.Logic/workflows/write"):  # fmt: skip
            yield (Need(f"{_IDENTITY}/assign/action", whom), Need(make, whom, "its resource group"))
        yield (Need(f"{_IDENTITY}/federatedIdentityCredentials/write", whom),)
    elif native in _MACHINES:
        yield from ((Need(f"{_VM}/{a}", whom),) for a in ("runCommand/action", "extensions/write", "runCommands/write"))


_BLOB = "@Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_ML = "Microsoft.MachineLearningServices/workspaces"
_AI = "Microsoft.CognitiveServices/accounts"
_AKS = "Microsoft.ContainerService/managedClusters"
_ACR = "Microsoft.ContainerRegistry/registries"


def _options(estate: Estate, a: Asset, deed: Deed) -> Iterator[Option]:
    if deed is Deed.ADMIN:
        yield (Need(_ASSIGN, a.address),)
        return
    make = _MAKING.get((deed, a.native_type.removeprefix("azurerm_")))
    for action in make(estate, a) if make is not None else ():
        yield (Need(action, a.address),)
        if a.native_type == "azurerm_storage_account" and action.startswith("@"):  # a part of its data is data of it
            for x in estate.assets:
                if (
                    any(r.rel in ("store", "account") and a in estate.meant(r.id) for r in x.refs)
                    and x.kind is not Kind.GRANT
                ):
                    yield (Need(action, x.address),)


Make = Callable[[Estate, Asset], Iterator[str]]


def _blobs(verb: str) -> Make:
    def make(estate: Estate, a: Asset) -> Iterator[str]:
        yield f"{_BLOB}/{verb}"
        accounts = (
            [a] if a.native_type == "azurerm_storage_account" else [x for r in a.refs for x in estate.meant(r.id)]
        )
        if all(x.value("auth.local") is not False for x in accounts):  # the account's own keys open everything in it
            yield "Microsoft.Storage/storageAccounts/listKeys/action"
            yield "Microsoft.Storage/storageAccounts/ListAccountSas/action"

    return make


def _vault(kind: str, operation: str, words: str) -> Make:
    """By roles, or by the vault's access policies, whichever the vault goes by."""

    def make(estate: Estate, a: Asset) -> Iterator[str]:
        vaults = [a] if a.native_type == "azurerm_key_vault" else [x for r in a.refs for x in estate.meant(r.id)]
        said = next((v.value("auth.rbac") for v in vaults if "auth.rbac" in v.facts), None)
        if said is not False:
            yield from (f"@Microsoft.KeyVault/vaults/{kind}s/{w}/action" for w in words.split())
        if said is not True:
            yield from (f"policy:{kind}/{o}" for o in operation.split())

    return make


def _plain(*actions: str) -> Make:
    return lambda _estate, _a: iter(actions)


def _keyed(key: str, *actions: str) -> Make:
    """Actions, and an account's own keys where it has some."""
    return lambda _estate, a: iter((*actions, *([key] if a.value("auth.local") is not False else [])))


_CLUSTER = (f"{_AKS}/listClusterAdminCredential/action", f"@{_AKS}/apps/deployments/write", f"{_AKS}/runcommand/action")
_SECRET = _vault("secret", "get", "getSecret")
_MACHINE = (f"{_VM}/runCommand/action", f"{_VM}/extensions/write", f"{_VM}/write", f"@{_VM}/loginAsAdmin/action")
_MAKING: dict[tuple[Deed, str], Make] = {
    **{(d, n): _blobs("read") for d in (Deed.READ, Deed.EXPORT) for n in ("storage_account", "storage_container", "storage_blob")},
    **{(Deed.UPDATE, n): _blobs("write") for n in ("storage_account", "storage_container", "storage_blob")},
    **{(d, "key_vault_secret"): _SECRET for d in (Deed.READ, Deed.DECRYPT, Deed.RELEASE, Deed.EXPORT)},
    (Deed.READ, "key_vault"): _SECRET,
    (Deed.DECRYPT, "key_vault_key"): _vault("key", "decrypt unwrapkey", "decrypt unwrap"),
    (Deed.RELEASE, "key_vault_key"): _vault("key", "release decrypt unwrapkey", "release decrypt unwrap"),
    (Deed.READ, "container_registry"): _keyed(f"{_ACR}/listCredentials/action", f"{_ACR}/pull/read"),
    **{(d, "container_registry"): _keyed(f"{_ACR}/listCredentials/action", f"{_ACR}/push/write") for d in (Deed.DEPLOY, Deed.UPDATE)},
    **{(d, "machine_learning_workspace"): _plain(f"{_ML}/onlineEndpoints/deployments/write", f"{_ML}/onlineEndpoints/write")
       for d in (Deed.DEPLOY, Deed.UPDATE)},
    (Deed.INFER, "machine_learning_workspace"): _plain(f"{_ML}/onlineEndpoints/score/action", f"{_ML}/onlineEndpoints/listKeys/action"),
    (Deed.TRAIN, "machine_learning_workspace"): _plain(f"{_ML}/jobs/write"),
    **{(Deed.INFER, n): _keyed(f"{_AI}/listKeys/action", f"@{_AI}/OpenAI/deployments/chat/completions/action")
       for n in ("cognitive_account", "ai_services")},
    **{(d, n): _plain(f"{_AI}/deployments/write") for d in (Deed.DEPLOY, Deed.UPDATE) for n in ("cognitive_account", "ai_services", "cognitive_deployment")},
    **{(d, "kubernetes_cluster"): _plain(*_CLUSTER) for d in (Deed.DEPLOY, Deed.READ, Deed.TRAIN)},
    (Deed.MANAGE_GPU, "kubernetes_cluster"): _plain(*_CLUSTER, f"{_AKS}/agentPools/write"),
    (Deed.MANAGE_GPU, "kubernetes_cluster_node_pool"): _plain(*_CLUSTER, f"{_AKS}/agentPools/write"),
    **{(Deed.MANAGE_GPU, n.removeprefix("azurerm_")): _plain(*_MACHINE) for n in _MACHINES},
    (Deed.STOP_LOGS, "monitor_diagnostic_setting"): _plain("Microsoft.Insights/diagnosticSettings/write", "Microsoft.Insights/diagnosticSettings/delete"),
    (Deed.STOP_LOGS, "log_analytics_workspace"): _plain("Microsoft.OperationalInsights/workspaces/delete", "Microsoft.OperationalInsights/workspaces/write"),
}  # fmt: skip
