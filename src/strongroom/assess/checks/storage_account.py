"""Azure storage accounts and their containers, where weights, datasets and logs lie."""

from strongroom.assess.checks._azure import customers, diagnostics, endpoint, logged
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

ACCOUNT = "azurerm_storage_account"
CONTAINER = "azurerm_storage_container"
BUCKET = (Kind.BUCKET,)
SHOW = "az storage account show -n <account> --query"


@check(
    id="enc.storage-account.https",
    title="The storage account refuses plain HTTP",
    clause="ART-02.refuses-plaintext",
    kinds=BUCKET,
    needs=("tls.only", "copy.cross_tenant"),
    severity=Severity.HIGH,
    fix=Fix(
        "Require secure transfer.",
        ((ACCOUNT, "https_traffic_only_enabled = true"),),
        "az storage account update -n <account> --https-only true",
        f"{SHOW} enableHttpsTrafficOnly",
    ),
    broken="requests over plain HTTP are served",
    equivalents=("checkov:CKV_AZURE_3", "trivy:AZU-0008", "prowler:storage_secure_transfer_required_is_enabled"),
)
def https(v: View) -> bool:
    """Weights and access tokens that cross a network in clear text can be read and changed on the way."""
    return v.flag("tls.only")


@check(
    id="enc.storage-account.tls",
    title="The storage account accepts no TLS below 1.2",
    clause="ART-02.refuses-plaintext",
    kinds=BUCKET,
    needs=("tls.min", "copy.cross_tenant"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set the lowest version to 1.2.",
        ((ACCOUNT, 'min_tls_version = "TLS1_2"'),),
        "az storage account update -n <account> --min-tls-version TLS1_2",
        f"{SHOW} minimumTlsVersion",
    ),
    broken="TLS {found} is still accepted",
    equivalents=("checkov:CKV_AZURE_44", "trivy:AZU-0011", "prowler:storage_ensure_minimum_tls_version_12"),
)
def tls(v: View) -> Answer:
    """TLS 1.0 and 1.1 can be broken by whoever sits on the path; every current client speaks 1.2."""
    found = v.text("tls.min")
    return holds() if found in ("1.2", "1.3") else broken(found=found or "of any version")


@check(
    id="net.storage-account.anonymous-allowed",
    title="No container of the account can be opened to everybody",
    clause="NET-01.not-exposed",
    kinds=BUCKET,
    needs=("auth.anonymous_allowed",),
    severity=Severity.HIGH,
    fix=Fix(
        "Forbid public access for the whole account.",
        ((ACCOUNT, "allow_nested_items_to_be_public = false"),),
        "az storage account update -n <account> --allow-blob-public-access false",
        f"{SHOW} allowBlobPublicAccess",
    ),
    broken="whoever may change a container can open it to everybody",
    equivalents=("checkov:CKV_AZURE_190", "prowler:storage_blob_public_access_level_is_disabled"),
)
def anonymous_allowed(v: View) -> bool:
    """With the account-wide lock open, one setting on one container publishes its blobs without any login."""
    return not v.flag("auth.anonymous_allowed")


@check(
    id="net.storage-container.anonymous",
    title="The container serves nobody without an identity",
    clause="NET-01.not-exposed",
    kinds=BUCKET,
    needs=("auth.anonymous", "store.locked"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Make the container private.",
        ((CONTAINER, 'container_access_type = "private"'),),
        "az storage container set-permission -n <container> --account-name <account> --public-access off",
        "az storage container show-permission -n <container> --account-name <account>",
    ),
    broken="its blobs are served without an identity",
    equivalents=("checkov:CKV_AZURE_34", "trivy:AZU-0007"),
)
def anonymous(v: View) -> bool:
    """A container open to anonymous readers gives away whatever lies in it, and leaves no name in the log."""
    return not v.flag("auth.anonymous")


@check(
    id="net.storage-account.default-deny",
    title="The account's firewall denies what is not listed",
    clause="NET-03.public-access-off",
    kinds=(Kind.BUCKET, Kind.ACCESS_BLOCK),
    needs=("net.default_deny",),
    severity=Severity.HIGH,
    fix=Fix(
        "Deny by default and list the subnets that need the account.",
        (
            (
                ACCOUNT,
                'network_rules {\n  default_action             = "Deny"\n  bypass                     = ["AzureServices"]\n  virtual_network_subnet_ids = [azurerm_subnet.training.id]\n}',
            ),
            ("azurerm_storage_account_network_rules", 'default_action = "Deny"'),
        ),
        "az storage account update -n <account> --default-action Deny",
        f"{SHOW} networkRuleSet.defaultAction",
    ),
    broken="the firewall's default is to allow every network",
    equivalents=(
        "checkov:CKV_AZURE_35",
        "trivy:AZU-0012",
        "prowler:storage_default_network_access_rule_is_denied",
    ),
)
def default_deny(v: View) -> bool:
    """An account that answers every network is one leaked key or token away from losing the weights."""
    return v.flag("net.default_deny")


@check(
    id="net.storage-account.public",
    title="The account has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=BUCKET,
    needs=("net.public", "copy.cross_tenant"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the public endpoint off and use a private one.",
        ((ACCOUNT, "public_network_access_enabled = false"),),
        "az storage account update -n <account> --public-network-access Disabled",
        f"{SHOW} publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="the public endpoint is on",
    equivalents=("checkov:CKV_AZURE_59", "prowler:storage_account_public_network_access_disabled"),
)
def public(v: View) -> bool:
    """As long as the public endpoint is on, a change to one rule puts the account on the internet again."""
    return not v.flag("net.public")


@check(
    id="net.storage-account.private-endpoint",
    title="A private endpoint leads to the account",
    clause="NET-03.private-endpoints",
    kinds=BUCKET,
    needs=("net.private_endpoint", "copy.cross_tenant"),
    severity=Severity.LOW,
    fix=Fix(
        "Add a private endpoint in the subnet of the workload.",
        ((ACCOUNT, endpoint("azurerm_storage_account.weights", "blob")),),
        "",
        "az network private-endpoint-connection list --id <account-id>",
        Effort.MEDIUM,
    ),
    broken="no private endpoint names this account",
    equivalents=("checkov:CKV2_AZURE_33", "prowler:storage_ensure_private_endpoints_in_storage_accounts"),
)
def private_endpoint(v: View) -> bool:
    """Without one, every training node reads its data over the public address of the account."""
    return v.flag("net.private_endpoint")


@check(
    id="iam.storage-account.shared-key",
    title="Account keys do not open the account",
    clause="IAM-03.central-identity",
    kinds=BUCKET,
    needs=("auth.local", "copy.cross_tenant"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch shared keys off and give each workload a role on the data.",
        ((ACCOUNT, "shared_access_key_enabled = false"),),
        "az storage account update -n <account> --allow-shared-key-access false",
        f"{SHOW} allowSharedKeyAccess",
        Effort.MEDIUM,
    ),
    broken="the account's two keys open everything in it",
    equivalents=("checkov:CKV2_AZURE_40", "prowler:storage_account_key_access_disabled"),
)
def shared_key(v: View) -> bool:
    """An account key is full access without a name, an expiry or a second factor; every SAS link is made from it."""
    return not v.flag("auth.local")


@check(
    id="enc.storage-account.cmk",
    title="The account is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=BUCKET,
    needs=("enc.key", "copy.cross_tenant"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the account a key from Key Vault or a managed HSM.",
        (
            (
                ACCOUNT,
                "customer_managed_key {\n  key_vault_key_id          = azurerm_key_vault_key.weights.id\n  user_assigned_identity_id = azurerm_user_assigned_identity.storage.id\n}",
            ),
        ),
        "az storage account update -n <account> --encryption-key-source Microsoft.Keyvault --encryption-key-vault <uri> --encryption-key-name <key>",
        f"{SHOW} encryption.keySource",
        Effort.MEDIUM,
    ),
    broken="it is encrypted with the platform's own key",
    equivalents=(
        "checkov:CKV2_AZURE_1",
        "trivy:AZU-0060",
        "prowler:storage_ensure_encryption_with_customer_managed_keys",
    ),
)
def cmk(v: View) -> bool:
    """Only a key that the owner holds can be withdrawn, audited and tied to attestation."""
    return customers(v, "enc.key")


@check(
    id="art.storage-account.cross-tenant",
    title="The account's objects are not replicated into other tenants",
    clause="ART-07.no-copy-outside",
    kinds=BUCKET,
    needs=("copy.cross_tenant",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Forbid replication across tenants.",
        ((ACCOUNT, "cross_tenant_replication_enabled = false"),),
        "az storage account update -n <account> --allow-cross-tenant-replication false",
        f"{SHOW} allowCrossTenantReplication",
    ),
    broken="a replication rule may copy its objects into a foreign tenant",
    equivalents=("prowler:storage_cross_tenant_replication_disabled",),
)
def cross_tenant(v: View) -> bool:
    """Object replication copies silently and for ever; a rule towards a foreign tenant is exfiltration as a service."""
    return not v.flag("copy.cross_tenant")


@check(
    id="log.storage-account.reads",
    title="Reads of the account's blobs are logged",
    clause="LOG-01.sources-on",
    kinds=BUCKET,
    needs=("log.types", "copy.cross_tenant"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the blob service's read, write and delete logs to a workspace.",
        (
            (
                ACCOUNT,
                diagnostics(
                    '"${azurerm_storage_account.weights.id}/blobServices/default"', "StorageRead", "StorageWrite"
                ),
            ),
        ),
        "",
        "az monitor diagnostic-settings list --resource <account-id>/blobServices/default",
    ),
    broken="no diagnostic setting sends its reads anywhere (found: {found})",
)
def reads_logged(v: View) -> Answer:
    """Without data-plane logs a theft of the weights leaves no trace but the traffic."""
    return logged(v, "StorageRead")


@check(
    id="rec.storage.locked",
    title="What is stored as sensitive cannot be changed or deleted",
    clause="IR-02.immutable-backup",
    kinds=BUCKET,
    needs=("store.locked", "sensitive"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Lock a time-based retention policy.",
        (
            (
                ACCOUNT,
                'immutability_policy {\n  state                         = "Locked"\n  period_since_creation_in_days = 90\n  allow_protected_append_writes = false\n}',
            ),
            (
                CONTAINER,
                'resource "azurerm_storage_container_immutability_policy" "weights" {\n  storage_container_resource_manager_id = azurerm_storage_container.weights.id\n  immutability_period_in_days           = 90\n  locked                                = true\n}',
            ),
        ),
        "az storage container immutability-policy lock -c <container> --account-name <account> --if-match <etag>",
        "az storage container immutability-policy show -c <container> --account-name <account>",
        Effort.MEDIUM,
    ),
    broken="no locked retention policy protects it",
)
def locked(v: View) -> Answer:
    """Whoever extorts an owner of models deletes the copies first; only a locked policy outlives stolen admin rights."""
    if not v.flag("sensitive"):
        return not_applicable("nothing marks it as a store of sensitive artifacts")
    return holds() if v.flag("store.locked") else broken()


CHECKS = (
    https,
    tls,
    anonymous_allowed,
    anonymous,
    default_deny,
    public,
    private_endpoint,
    shared_key,
    cmk,
    cross_tenant,
    reads_logged,
    locked,
)
