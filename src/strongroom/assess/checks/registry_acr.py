"""Azure Container Registry, from which inference and training images come."""

from strongroom.assess.checks._azure import customers, diagnostics, logged
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

REGISTRY = "azurerm_container_registry"
REGISTRIES = (Kind.REGISTRY,)
GATE = "copy.export"
SHOW = "az acr show -n <registry> --query"


@check(
    id="iam.acr.admin",
    title="The registry has no shared administrator",
    clause="IAM-01.no-shared-accounts",
    kinds=REGISTRIES,
    needs=("auth.local", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the admin user off and give pipelines roles.",
        ((REGISTRY, "admin_enabled = false"),),
        "az acr update -n <registry> --admin-enabled false",
        f"{SHOW} adminUserEnabled",
    ),
    broken="one user name and password pushes and pulls everything",
    equivalents=("checkov:CKV_AZURE_137", "prowler:containerregistry_admin_user_disabled"),
)
def admin(v: View) -> bool:
    """Whoever has the admin password replaces the image that serves the model, and the log names nobody."""
    return not v.flag("auth.local")


@check(
    id="iam.acr.anonymous",
    title="The registry gives images only to those it knows",
    clause="IAM-03.no-anonymous",
    kinds=REGISTRIES,
    needs=("auth.anonymous", GATE),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch anonymous pull off.",
        ((REGISTRY, "anonymous_pull_enabled = false"),),
        "az acr update -n <registry> --anonymous-pull-enabled false",
        f"{SHOW} anonymousPullEnabled",
    ),
    broken="everybody may pull every image",
    equivalents=("checkov:CKV_AZURE_138",),
)
def anonymous(v: View) -> bool:
    """Images of inference servers carry models, adapters and sometimes keys."""
    return not v.flag("auth.anonymous")


@check(
    id="net.acr.public",
    title="The registry has no public endpoint",
    clause="NET-03.public-access-off",
    kinds=REGISTRIES,
    needs=("net.public", GATE),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off and add a private endpoint; both need the Premium tier.",
        ((REGISTRY, 'sku                           = "Premium"\npublic_network_access_enabled = false'),),
        "az acr update -n <registry> --public-network-enabled false",
        f"{SHOW} publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="the registry answers the internet",
    equivalents=("checkov:CKV_AZURE_139", "prowler:containerregistry_not_publicly_accessible"),
)
def public(v: View) -> bool:
    """A stolen push token works from anywhere when the registry does."""
    return not v.flag("net.public")


@check(
    id="enc.acr.cmk",
    title="The registry is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=REGISTRIES,
    needs=("enc.key", GATE),
    severity=Severity.LOW,
    fix=Fix(
        "Name a key of Key Vault; this needs the Premium tier and a new registry.",
        (
            (
                REGISTRY,
                "encryption {\n  key_vault_key_id   = azurerm_key_vault_key.images.id\n  identity_client_id = azurerm_user_assigned_identity.images.client_id\n}",
            ),
        ),
        "",
        f"{SHOW} encryption.status",
        Effort.LARGE,
    ),
    broken="images are encrypted with the platform's own key",
)
def cmk(v: View) -> bool:
    """Images of inference servers carry models and adapters; only a key of the owner's can be withdrawn."""
    return customers(v, "enc.key")


@check(
    id="art.acr.export",
    title="Images cannot be exported from the registry",
    clause="ART-07.no-copy-outside",
    kinds=REGISTRIES,
    needs=(GATE,),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the export policy off.",
        (
            (
                REGISTRY,
                'sku                           = "Premium"\npublic_network_access_enabled = false\nexport_policy_enabled         = false',
            ),
        ),
        "az resource update --ids <registry-id> --set properties.policies.exportPolicy.status=disabled properties.publicNetworkAccess=disabled",
        f"{SHOW} policies.exportPolicy.status",
        Effort.MEDIUM,
    ),
    broken="whoever may read the registry copies its images into another one by an import or a transfer",
)
def export(v: View) -> bool:
    """An import runs from registry to registry inside Azure and past every rule of the owner's network."""
    return not v.flag(GATE)


@check(
    id="log.acr.events",
    title="Logins and pushes of the registry are logged",
    clause="LOG-01.sources-on",
    kinds=REGISTRIES,
    needs=("log.types", GATE),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the registry's logs to a workspace.",
        (
            (
                REGISTRY,
                diagnostics(
                    "azurerm_container_registry.images.id",
                    "ContainerRegistryRepositoryEvents",
                    "ContainerRegistryLoginEvents",
                ),
            ),
        ),
        "",
        "az monitor diagnostic-settings list --resource <registry-id>",
    ),
    broken="no diagnostic setting sends its events anywhere (found: {found})",
)
def events_logged(v: View) -> Answer:
    """Who pushed the image that now serves the model is in this log alone."""
    return logged(v, "ContainerRegistryRepositoryEvents")


CHECKS = (admin, anonymous, public, cmk, export, events_logged)
