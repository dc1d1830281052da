"""Azure AI services accounts: OpenAI, AI Foundry's resource, and their kin."""

from strongroom.assess.checks._azure import customers, diagnostics, endpoint, logged
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, not_applicable

ACCOUNT = "azurerm_cognitive_account"
SERVICES = "azurerm_ai_services"
ACCOUNTS = (Kind.WORKSPACE,)
GATE = "account.kind"
SHOW = "az cognitiveservices account show -n <account> -g <group> --query"
SERVES_MODELS = ("openai", "aiservices")


def _both(lines: str) -> tuple[tuple[str, str], ...]:
    return ((ACCOUNT, lines), (SERVICES, lines))


@check(
    id="net.ai-account.public",
    title="The AI account has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=ACCOUNTS,
    needs=("net.public", GATE),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off and add a private endpoint.",
        ((ACCOUNT, "public_network_access_enabled = false"), (SERVICES, 'public_network_access = "Disabled"')),
        "az resource update --ids <account-id> --set properties.publicNetworkAccess=Disabled",
        f"{SHOW} properties.publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="the account's models answer the internet",
    equivalents=("checkov:CKV_AZURE_134", "prowler:aiservices_account_public_network_access_disabled"),
)
def public(v: View) -> bool:
    """With the public endpoint on, a leaked key runs up the bill and reads fine-tuned models from anywhere."""
    return not v.flag("net.public")


@check(
    id="net.ai-account.default-deny",
    title="The AI account's firewall denies what is not listed",
    clause="NET-03.public-access-off",
    kinds=ACCOUNTS,
    needs=("net.default_deny", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny by default and list the subnets that need the account.",
        _both(
            'network_acls {\n  default_action = "Deny"\n  virtual_network_rules {\n    subnet_id = azurerm_subnet.apps.id\n  }\n}'
        ),
        "",
        f"{SHOW} properties.networkAcls.defaultAction",
    ),
    broken="the firewall's default is to allow every network",
    equivalents=("prowler:aiservices_account_network_acls_default_action_deny",),
)
def default_deny(v: View) -> bool:
    """An account that answers every network is one leaked key away from being somebody else's."""
    return v.flag("net.default_deny")


@check(
    id="net.ai-account.private-endpoint",
    title="A private endpoint leads to the AI account",
    clause="NET-03.private-endpoints",
    kinds=ACCOUNTS,
    needs=("net.private_endpoint", GATE),
    severity=Severity.LOW,
    fix=Fix(
        "Add a private endpoint in the subnet of the application.",
        ((ACCOUNT, endpoint("azurerm_cognitive_account.ai", "account")),),
        "",
        "az network private-endpoint-connection list --id <account-id>",
        Effort.MEDIUM,
    ),
    broken="no private endpoint names this account",
    equivalents=("prowler:aiservices_account_uses_private_endpoint",),
)
def private_endpoint(v: View) -> bool:
    """Without one, prompts and answers cross the public address of the service."""
    return v.flag("net.private_endpoint")


@check(
    id="net.ai-account.egress",
    title="The AI account calls only the addresses on its list",
    clause="NET-04.default-deny-egress",
    kinds=ACCOUNTS,
    needs=("net.egress_restricted", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Restrict outbound access and list the names that the account needs.",
        _both(
            'outbound_network_access_restricted = true\nfqdns                              = ["weights.blob.core.windows.net"]'
        ),
        "az rest --method patch --url <account-id>?api-version=2024-10-01 --body @dlp.json",
        f"{SHOW} properties.restrictOutboundNetworkAccess",
    ),
    broken="the service fetches from and sends to any address that a caller names",
    equivalents=("checkov:CKV_AZURE_247", "prowler:aiservices_account_outbound_network_restricted"),
)
def egress(v: View) -> Answer | bool:
    """A model with a file or a tool of the attacker's choosing carries the conversation out by itself."""
    raw = v.raw(GATE)
    if isinstance(raw, str) and raw and raw.lower() not in SERVES_MODELS:
        return not_applicable(f"an account of kind {raw} takes no addresses from its callers")
    return v.flag("net.egress_restricted")


@check(
    id="iam.ai-account.local-auth",
    title="No key opens the AI account",
    clause="IAM-03.central-identity",
    kinds=ACCOUNTS,
    needs=("auth.local", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch keys off and give each caller a role.",
        ((ACCOUNT, "local_auth_enabled = false"), (SERVICES, "local_authentication_enabled = false")),
        "az resource update --ids <account-id> --set properties.disableLocalAuth=true",
        f"{SHOW} properties.disableLocalAuth",
        Effort.MEDIUM,
    ),
    broken="one of two keys opens every model of the account",
    equivalents=("checkov:CKV_AZURE_236", "prowler:aiservices_account_local_auth_disabled"),
)
def local_auth(v: View) -> bool:
    """Keys of AI accounts are what is found in repositories and sold; they have no owner and no end."""
    return not v.flag("auth.local")


@check(
    id="iam.ai-account.managed-identity",
    title="The AI account has a managed identity",
    clause="IAM-03.central-identity",
    kinds=ACCOUNTS,
    needs=("identity.managed", GATE),
    severity=Severity.LOW,
    fix=Fix(
        "Give the account an identity and let it reach storage and search with that.",
        _both('identity {\n  type = "SystemAssigned"\n}'),
        "az cognitiveservices account identity assign -n <account> -g <group>",
        f"{SHOW} identity",
    ),
    broken="it can reach its storage and its key only with stored secrets",
    equivalents=("checkov:CKV_AZURE_238", "prowler:aiservices_account_managed_identity_enabled"),
)
def managed_identity(v: View) -> bool:
    """An account without an identity is given connection strings, and those end up in its settings."""
    return v.flag("identity.managed")


@check(
    id="enc.ai-account.cmk",
    title="The AI account is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=ACCOUNTS,
    needs=("enc.key", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a key of Key Vault.",
        (
            (
                ACCOUNT,
                "customer_managed_key {\n  key_vault_key_id   = azurerm_key_vault_key.ai.id\n  identity_client_id = azurerm_user_assigned_identity.ai.client_id\n}",
            ),
            (
                "azurerm_cognitive_account_customer_managed_key",
                "cognitive_account_id = azurerm_cognitive_account.ai.id\nkey_vault_key_id     = azurerm_key_vault_key.ai.id",
            ),
        ),
        "",
        f"{SHOW} properties.encryption.keySource",
        Effort.MEDIUM,
    ),
    broken="fine-tuned models, files and threads are encrypted with the platform's own key",
    equivalents=("checkov:CKV2_AZURE_22", "prowler:aiservices_account_encrypted_with_cmk"),
)
def cmk(v: View) -> bool:
    """Fine-tuned weights and uploaded training files lie in the account; only a key of the owner's can be withdrawn."""
    return customers(v, "enc.key")


@check(
    id="log.ai-account.audit",
    title="Calls to the AI account are logged",
    clause="LOG-01.sources-on",
    kinds=ACCOUNTS,
    needs=("log.types", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the audit log to a workspace.",
        ((ACCOUNT, diagnostics("azurerm_cognitive_account.ai.id", "Audit")),),
        "",
        "az monitor diagnostic-settings list --resource <account-id>",
    ),
    broken="no diagnostic setting sends its audit log anywhere (found: {found})",
    equivalents=("prowler:aiservices_account_diagnostic_logging_enabled",),
)
def audited(v: View) -> Answer:
    """Who listed the keys and who deployed a model is in the audit log alone."""
    return logged(v, "Audit")


CHECKS = (
    public,
    default_deny,
    private_endpoint,
    egress,
    local_auth,
    managed_identity,
    cmk,
    audited,
)
