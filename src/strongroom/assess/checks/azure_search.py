"""Azure AI Search, which holds the vectors and the text behind them."""

from strongroom.assess.checks._azure import diagnostics, logged
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

SERVICE = "azurerm_search_service"
SERVICES = (Kind.SEARCH,)
SHOW = "az search service show -n <service> -g <group> --query"


@check(
    id="net.ai-search.public",
    title="The search service has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=SERVICES,
    needs=("net.public", "auth.local"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off and add a private endpoint.",
        ((SERVICE, "public_network_access_enabled = false"),),
        "az search service update -n <service> -g <group> --public-access disabled",
        f"{SHOW} publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="the index answers the internet",
    equivalents=("checkov:CKV_AZURE_124", "prowler:aisearch_service_not_publicly_accessible"),
)
def public(v: View) -> bool:
    """The index holds the documents themselves beside their embeddings: one query key empties it from anywhere."""
    return not v.flag("net.public")


@check(
    id="iam.ai-search.managed-identity",
    title="The search service has a managed identity",
    clause="IAM-03.central-identity",
    kinds=SERVICES,
    needs=("identity.managed", "enc.cmk_enforced"),
    severity=Severity.LOW,
    fix=Fix(
        "Give the service an identity and let it read its sources with that.",
        ((SERVICE, 'identity {\n  type = "SystemAssigned"\n}'),),
        "az search service update -n <service> -g <group> --identity-type SystemAssigned",
        f"{SHOW} identity",
    ),
    broken="its indexers reach their sources with stored secrets",
    equivalents=("checkov:CKV_AZURE_207",),
)
def managed_identity(v: View) -> bool:
    """An indexer without an identity is given connection strings to the very stores it should protect."""
    return v.flag("identity.managed")


@check(
    id="iam.ai-search.local-auth",
    title="No key opens the search service",
    clause="IAM-03.central-identity",
    kinds=SERVICES,
    needs=("auth.local",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch keys off and give each caller a role.",
        ((SERVICE, "local_authentication_enabled = false"),),
        "az search service update -n <service> -g <group> --disable-local-auth true",
        f"{SHOW} disableLocalAuth",
        Effort.MEDIUM,
    ),
    broken="an admin key opens and rewrites every index",
)
def local_auth(v: View) -> bool:
    """With the admin key the answers of every assistant that searches here can be rewritten, without a name in a log."""
    return not v.flag("auth.local")


@check(
    id="enc.ai-search.cmk-enforced",
    title="Every index must be encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=SERVICES,
    needs=("enc.cmk_enforced",),
    severity=Severity.LOW,
    fix=Fix(
        "Enforce customer-managed keys for the service, and name one in every index.",
        ((SERVICE, "customer_managed_key_enforcement_enabled = true"),),
        "",
        f"{SHOW} encryptionWithCmk.enforcement",
        Effort.LARGE,
    ),
    broken="an index without a key of the customer's is taken without complaint",
)
def cmk_enforced(v: View) -> bool:
    """The key is chosen index by index; without enforcement the next index is made without one."""
    return v.flag("enc.cmk_enforced")


@check(
    id="log.ai-search.operations",
    title="Calls to the search service are logged",
    clause="LOG-01.sources-on",
    kinds=SERVICES,
    needs=("log.types", "enc.cmk_enforced"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the operation log to a workspace.",
        ((SERVICE, diagnostics("azurerm_search_service.this.id", "OperationLogs")),),
        "",
        "az monitor diagnostic-settings list --resource <service-id>",
    ),
    broken="no diagnostic setting sends its operations anywhere (found: {found})",
)
def operations_logged(v: View) -> Answer:
    """An index that is copied out is copied by queries, and only this log counts them."""
    return logged(v, "OperationLogs")


CHECKS = (public, managed_identity, local_auth, cmk_enforced, operations_logged)
