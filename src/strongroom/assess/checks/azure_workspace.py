"""Azure Machine Learning and AI Foundry: workspaces, their compute, their data stores and endpoints."""

from strongroom.assess.checks._azure import customers, diagnostics, endpoint, logged
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, not_applicable

ML = "azurerm_machine_learning_workspace"
FOUNDRY = "azurerm_ai_foundry"
CLUSTER = "azurerm_machine_learning_compute_cluster"
NOTEBOOK = "azurerm_machine_learning_compute_instance"
STORE = 'resource "azurerm_storage_account" "workspace" {\n  public_network_access_enabled = false\n}'
WORKSPACES = (Kind.WORKSPACE,)
COMPUTE = (Kind.INSTANCE, Kind.NOTEBOOK)
SHOW = "az ml workspace show -n <workspace> -g <group> --query"
SHOW_COMPUTE = "az ml compute show -n <compute> -w <workspace> -g <group>"


@check(
    id="net.ml-workspace.public",
    title="The workspace has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=WORKSPACES,
    needs=("net.public", "data.high_impact"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off and add a private endpoint.",
        (
            (ML, "public_network_access_enabled = false"),
            (FOUNDRY, 'public_network_access = "Disabled"'),
            ("azapi_resource", 'body = { properties = { publicNetworkAccess = "Disabled" } }'),
        ),
        "az ml workspace update -n <workspace> -g <group> --public-network-access Disabled",
        f"{SHOW} public_network_access",
        Effort.MEDIUM,
    ),
    broken="the studio and the interfaces of the workspace answer the internet",
    equivalents=("checkov:CKV_AZURE_144", "checkov:CKV2_AZURE_49"),
)
def public(v: View) -> bool:
    """A stolen token reads models, datasets and secrets of a public workspace from anywhere."""
    return not v.flag("net.public")


@check(
    id="net.ml-workspace.egress",
    title="The workspace's own network lets out only what was approved",
    clause="NET-04.default-deny-egress",
    kinds=WORKSPACES,
    needs=("net.egress_restricted", "data.high_impact"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Isolate the managed network and list what may be reached.",
        (
            (ML, 'managed_network {\n  isolation_mode = "AllowOnlyApprovedOutbound"\n}'),
            (FOUNDRY, 'managed_network {\n  isolation_mode = "AllowOnlyApprovedOutbound"\n}'),
        ),
        "az ml workspace update -n <workspace> -g <group> --managed-network allow_only_approved_outbound",
        f"{SHOW} managed_network.isolation_mode",
        Effort.MEDIUM,
    ),
    broken="jobs and notebooks of the workspace reach any address on the internet",
)
def egress(v: View) -> bool:
    """A notebook that may talk to anybody carries the training data out, and pulls in whatever its author was sent."""
    return v.flag("net.egress_restricted")


@check(
    id="net.ml-workspace.store-public",
    title="The storage behind the workspace has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=WORKSPACES,
    needs=("data.store_public", "data.high_impact"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the account's public endpoint off.",
        ((ML, STORE), (FOUNDRY, STORE)),
        "az storage account update -n <account> --public-network-access Disabled",
        "az storage account show -n <account> --query publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="models, datasets and snapshots of the workspace lie in an account with a public endpoint",
    equivalents=("checkov:CKV2_AZURE_50",),
)
def store_public(v: View) -> Answer | bool:
    """A closed workspace over an open account is an open workspace. One that does not say whether its data has high
    business impact is taken to have such data.
    """
    if v.raw("data.high_impact") is False:
        return not_applicable("the workspace is declared to hold no data of high business impact")
    return not v.flag("data.store_public")


@check(
    id="net.ml-workspace.private-endpoint",
    title="A private endpoint leads to the workspace",
    clause="NET-03.private-endpoints",
    kinds=WORKSPACES,
    needs=("net.private_endpoint", "data.high_impact"),
    severity=Severity.LOW,
    fix=Fix(
        "Add a private endpoint in the owner's network.",
        (
            (ML, endpoint("azurerm_machine_learning_workspace.this", "amlworkspace")),
            (FOUNDRY, endpoint("azurerm_ai_foundry.this", "amlworkspace")),
        ),
        "",
        "az network private-endpoint-connection list --id <workspace-id>",
        Effort.MEDIUM,
    ),
    broken="no private endpoint names this workspace",
    equivalents=("checkov:CKV_AZURE_243",),
)
def private_endpoint(v: View) -> bool:
    """Without one, people and pipelines reach the workspace over the internet or not at all."""
    return v.flag("net.private_endpoint")


@check(
    id="enc.ml-workspace.cmk",
    title="The workspace is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=WORKSPACES,
    needs=("enc.key", "data.high_impact"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a key when the workspace is made; it cannot be added later.",
        tuple(
            (
                n,
                "encryption {\n  key_vault_id = azurerm_key_vault.keys.id\n  key_id       = azurerm_key_vault_key.ml.id\n}",
            )
            for n in (ML, FOUNDRY)
        ),
        "",
        f"{SHOW} customer_managed_key",
        Effort.LARGE,
    ),
    broken="what the service stores of the workspace is encrypted with the platform's own key",
)
def cmk(v: View) -> bool:
    """Run histories, prompts and metrics of the workspace tell what the models were trained on."""
    return customers(v, "enc.key")


@check(
    id="iam.ml-workspace.store-keys",
    title="The workspace reaches its storage by identity, and not by account key",
    clause="IAM-03.central-identity",
    kinds=WORKSPACES,
    needs=("data.store_keys",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the workspace use the identities of its users and jobs.",
        ((ML, 'storage_account_access_type = "Identity"'),),
        "az ml workspace update -n <workspace> -g <group> --system-datastores-auth-mode identity",
        f"{SHOW} system_datastores_auth_mode",
    ),
    broken="every user of the workspace reads everything in its storage through the account key",
)
def store_keys(v: View) -> bool:
    """Under the account key all users of a workspace are one user, with full access and no name in the log."""
    return not v.flag("data.store_keys")


@check(
    id="log.ml-workspace.diagnostics",
    title="What happens in the workspace is logged",
    clause="LOG-01.sources-on",
    kinds=WORKSPACES,
    needs=("log.types", "data.high_impact"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the workspace's audit categories to a workspace of Log Analytics.",
        ((ML, diagnostics("azurerm_machine_learning_workspace.this.id", "ModelsChangeEvent", "DeploymentEventAKS")),),
        "",
        "az monitor diagnostic-settings list --resource <workspace-id>",
    ),
    broken="no diagnostic setting sends model or deployment events anywhere (found: {found})",
)
def events_logged(v: View) -> Answer:
    """Who changed a model or a deployment, and who read a data store, is nowhere else."""
    return logged(v, "ModelsChangeEvent", "DeploymentEventACI", "DeploymentEventAKS", "ModelsReadEvent")


@check(
    id="iam.ml-compute.local-auth",
    title="No local account opens the workspace's compute",
    clause="IAM-03.central-identity",
    kinds=COMPUTE,
    needs=("auth.local",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch local authentication off; this builds the compute anew.",
        ((CLUSTER, "local_auth_enabled = false"), (NOTEBOOK, "local_auth_enabled = false")),
        "",
        SHOW_COMPUTE,
        Effort.MEDIUM,
    ),
    broken="local accounts work beside Entra ID",
    equivalents=("checkov:CKV_AZURE_142",),
)
def local_auth(v: View) -> bool:
    """A local account on shared GPUs has no name, no second factor, and stays when its user has left."""
    return not v.flag("auth.local")


@check(
    id="net.ml-compute.public",
    title="The workspace's compute has no public address",
    clause="NET-01.not-exposed",
    kinds=COMPUTE,
    needs=("net.public", "net.in_vpc", "auth.local"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the public address away and place the compute in a network.",
        tuple(
            (n, "node_public_ip_enabled = false\nsubnet_resource_id     = azurerm_subnet.training.id")
            for n in (CLUSTER, NOTEBOOK)
        ),
        "",
        f"{SHOW_COMPUTE} --query enable_node_public_ip",
        Effort.MEDIUM,
    ),
    broken="its nodes have public addresses",
)
def compute_public(v: View) -> bool:
    """Training nodes on the internet are attacked like any other server, and they hold the data and the weights."""
    return not v.flag("net.public")


@check(
    id="net.ml-compute.network",
    title="The workspace's compute stands in a network of the owner's or of the workspace's",
    clause="NET-02.in-private-network",
    kinds=COMPUTE,
    needs=("net.in_vpc", "auth.local"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Place it in a subnet, or give the workspace a managed network.",
        (
            (CLUSTER, "subnet_resource_id = azurerm_subnet.training.id"),
            (NOTEBOOK, "subnet_resource_id = azurerm_subnet.training.id"),
            (ML, 'managed_network {\n  isolation_mode = "AllowOnlyApprovedOutbound"\n}'),
        ),
        "",
        f"{SHOW_COMPUTE} --query network_settings",
        Effort.MEDIUM,
    ),
    broken="it runs in a network of the provider's, where no rule of the owner's holds",
)
def compute_network(v: View) -> bool:
    """Outside the owner's network there is no firewall of his, no flow log, and no way to say what may leave."""
    return v.flag("net.in_vpc")


@check(
    id="net.ml-compute.ssh",
    title="SSH of the compute cluster is closed to the internet",
    clause="NET-01.not-exposed",
    kinds=COMPUTE,
    needs=("net.ssh_public",),
    severity=Severity.HIGH,
    fix=Fix(
        "Close the public SSH port.",
        ((CLUSTER, "ssh_public_access_enabled = false"),),
        "",
        f"{SHOW_COMPUTE} --query ssh_public_access_enabled",
        Effort.MEDIUM,
    ),
    broken="SSH of every node answers the internet",
)
def compute_ssh(v: View) -> bool:
    """SSH on the internet is tried within minutes, and one weak password gives a shell next to the models."""
    return not v.flag("net.ssh_public")


CHECKS = (
    public,
    egress,
    store_public,
    private_endpoint,
    cmk,
    store_keys,
    events_logged,
    local_auth,
    compute_public,
    compute_network,
    compute_ssh,
)
