"""Azure Key Vaults, managed HSMs and their keys."""

from strongroom.assess.checks._azure import diagnostics, endpoint, logged
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

VAULT = "azurerm_key_vault"
HSM = "azurerm_key_vault_managed_hardware_security_module"
KEY = "azurerm_key_vault_key"
HSM_KEY = f"{HSM}_key"
VAULTS = (Kind.KEY_VAULT,)
KEYS = (Kind.KEY,)
SHOW = "az keyvault show -n <vault> --query properties"
SHOW_KEY = "az keyvault key show --vault-name <vault> -n <key>"
LEAST_DAYS = 30

# Claims of Microsoft Azure Attestation that name what was launched, and not only that the platform is genuine. Of a
# container group `hostdata` is the hash of its policy; the launch measurement of a machine stops at its firmware.
# https://learn.microsoft.com/azure/attestation/claim-sets
MEASURED = (
    "launchmeasurement",
    "hostdata",
    "mrenclave",
    "mrsigner",
    "mrtd",
    "rtmr0",
    "rtmr1",
    "rtmr2",
    "rtmr3",
    "mrconfigid",
)
_OPENING = frozenset({"decrypt", "unwrapkey"})


@check(
    id="rec.key-vault.purge-protection",
    title="Deleted keys of the vault cannot be purged before their time",
    clause="ART-06.deletion-window",
    kinds=VAULTS,
    needs=("vault.purge_protection",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch purge protection on; it cannot be switched off again.",
        ((VAULT, "purge_protection_enabled = true"), (HSM, "purge_protection_enabled = true")),
        "az keyvault update -n <vault> --enable-purge-protection true",
        f"{SHOW}.enablePurgeProtection",
    ),
    broken="whoever may delete a key may also purge it at once",
    equivalents=("checkov:CKV_AZURE_110", "trivy:AZU-0016", "prowler:keyvault_recoverable"),
)
def purge_protection(v: View) -> bool:
    """A purged key takes everything that it encrypts with it: the fastest way to destroy a model for good."""
    return v.flag("vault.purge_protection")


@check(
    id="rec.key-vault.window",
    title="A deleted key can be recovered for at least 30 days",
    clause="ART-06.deletion-window",
    kinds=VAULTS,
    needs=("vault.soft_delete_days",),
    severity=Severity.LOW,
    fix=Fix(
        "Keep what is deleted for 90 days; the time is fixed when the vault is made.",
        ((VAULT, "soft_delete_retention_days = 90"), (HSM, "soft_delete_retention_days = 90")),
        "az keyvault create -n <vault> -g <group> --retention-days 90",
        f"{SHOW}.softDeleteRetentionInDays",
        Effort.LARGE,
    ),
    broken="a deleted key is gone after {days} days",
)
def window(v: View) -> Answer:
    """A week passes before a deletion during the holidays is noticed; then the data is lost."""
    days = v.number("vault.soft_delete_days")
    return holds() if days >= LEAST_DAYS else broken(days=f"{days:.0f}")


@check(
    id="net.key-vault.default-deny",
    title="The vault's firewall denies what is not listed",
    clause="NET-03.public-access-off",
    kinds=VAULTS,
    needs=("net.default_deny",),
    severity=Severity.HIGH,
    fix=Fix(
        "Deny by default and list the subnets that need the vault.",
        (
            (
                VAULT,
                'network_acls {\n  default_action             = "Deny"\n  bypass                     = "AzureServices"\n  virtual_network_subnet_ids = [azurerm_subnet.training.id]\n}',
            ),
            (HSM, 'network_acls {\n  default_action = "Deny"\n  bypass         = "AzureServices"\n}'),
        ),
        "az keyvault update -n <vault> --default-action Deny",
        f"{SHOW}.networkAcls.defaultAction",
    ),
    broken="the firewall's default is to allow every network",
    equivalents=("checkov:CKV_AZURE_109", "trivy:AZU-0013"),
)
def default_deny(v: View) -> bool:
    """A vault that answers every network opens to whoever has phished one token."""
    return v.flag("net.default_deny")


@check(
    id="net.key-vault.public",
    title="The vault's public endpoint is off or has a list of networks",
    clause="NET-03.public-access-off",
    kinds=VAULTS,
    needs=("net.listed",),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the public endpoint off and use a private one.",
        ((VAULT, "public_network_access_enabled = false"),),
        "az keyvault update -n <vault> --public-network-access Disabled",
        f"{SHOW}.publicNetworkAccess",
        Effort.MEDIUM,
    ),
    broken="the public endpoint is on, and no list says which networks may use it",
    equivalents=("checkov:CKV_AZURE_189",),
)
def public(v: View) -> bool:
    """Keys are asked for by a few networks. Whether the list also binds is the question of net.key-vault.default-deny:
    a list beside a default of allow keeps nobody out.
    """
    return v.flag("net.listed")


@check(
    id="net.key-vault.private-endpoint",
    title="A private endpoint leads to the vault",
    clause="NET-03.private-endpoints",
    kinds=VAULTS,
    needs=("net.private_endpoint",),
    severity=Severity.LOW,
    fix=Fix(
        "Add a private endpoint in the subnet of the workload.",
        ((VAULT, endpoint("azurerm_key_vault.keys", "vault")), (HSM, endpoint(f"{HSM}.keys", "managedhsm"))),
        "",
        "az network private-endpoint-connection list --id <vault-id>",
        Effort.MEDIUM,
    ),
    broken="no private endpoint names this vault",
    equivalents=("checkov:CKV2_AZURE_32", "prowler:keyvault_private_endpoints"),
)
def private_endpoint(v: View) -> bool:
    """Without one, every unwrapping of a key crosses the public address of the vault."""
    return v.flag("net.private_endpoint")


@check(
    id="log.key-vault.audit",
    title="Every use of the vault's keys is logged",
    clause="LOG-01.sources-on",
    kinds=VAULTS,
    needs=("log.types", "vault.purge_protection"),
    severity=Severity.HIGH,
    fix=Fix(
        "Send the audit events to a workspace.",
        (
            (VAULT, diagnostics("azurerm_key_vault.keys.id", "AuditEvent")),
            (HSM, diagnostics(f"{HSM}.keys.id", "AuditEvent")),
        ),
        "",
        "az monitor diagnostic-settings list --resource <vault-id>",
    ),
    broken="no diagnostic setting sends its audit events anywhere (found: {found})",
    equivalents=("prowler:keyvault_logging_enabled",),
)
def audited(v: View) -> Answer:
    """Who unwrapped the key of the weights, and when, is the first question after a theft."""
    return logged(v, "AuditEvent")


@check(
    id="iam.key-vault.roles",
    title="Roles decide over the vault, and not access policies",
    clause="ART-06.admin-not-user",
    kinds=VAULTS,
    needs=("auth.rbac",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Move to Azure RBAC and give each workload a role on its key.",
        ((VAULT, "rbac_authorization_enabled = true"),),
        "az keyvault update -n <vault> --enable-rbac-authorization true",
        f"{SHOW}.enableRbacAuthorization",
        Effort.MEDIUM,
    ),
    broken="access policies decide, which every contributor of the vault may write",
    equivalents=("prowler:keyvault_rbac_enabled",),
)
def roles(v: View) -> bool:
    """Whoever may manage a vault under access policies may grant himself every key in it: admin and user are one."""
    return v.flag("auth.rbac")


@check(
    id="enc.vault-key.hsm",
    title="The key lives in a hardware module",
    clause="ART-06.hsm-tier0",
    kinds=KEYS,
    needs=("key.hsm", "key.operations"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make the key in the hardware module of a premium vault.",
        ((KEY, 'key_type = "RSA-HSM"'),),
        "az keyvault key create --vault-name <vault> -n <key> --protection hsm",
        f"{SHOW_KEY} --query key.kty",
        Effort.MEDIUM,
    ),
    broken="the key is protected by software",
    equivalents=("checkov:CKV_AZURE_112",),
)
def hsm(v: View) -> bool:
    """A software key is in the memory of a shared service; one in a module never leaves it in clear."""
    return v.flag("key.hsm")


@check(
    id="enc.vault-key.expiry",
    title="The key has an expiry date",
    clause="ART-06.rotation",
    kinds=KEYS,
    needs=("key.expires", "key.operations"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the key an end.",
        ((KEY, 'expiration_date = "2027-12-31T00:00:00Z"'), (HSM_KEY, 'expiration_date = "2027-12-31T00:00:00Z"')),
        "az keyvault key set-attributes --vault-name <vault> -n <key> --expires 2027-12-31T00:00:00Z",
        f"{SHOW_KEY} --query attributes.expires",
    ),
    broken="the key never expires",
    equivalents=("checkov:CKV_AZURE_40", "trivy:AZU-0014", "prowler:keyvault_rbac_key_expiration_set"),
)
def expiry(v: View) -> bool:
    """A key without an end is still valid when everybody has forgotten who copied it. A rotation policy sets an end
    for the versions to come only.
    """
    return v.flag("key.expires")


@check(
    id="enc.vault-key.rotation",
    title="The key rotates by itself",
    clause="ART-06.rotation",
    kinds=KEYS,
    needs=("key.rotation", "key.operations"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Rotate once a year at least.",
        (
            (
                KEY,
                'rotation_policy {\n  expire_after = "P400D"\n  automatic {\n    time_after_creation = "P365D"\n  }\n}',
            ),
        ),
        "az keyvault key rotation-policy update --vault-name <vault> -n <key> --value policy.json",
        "az keyvault key rotation-policy show --vault-name <vault> -n <key>",
    ),
    broken="no policy rotates the key",
    equivalents=("prowler:keyvault_key_rotation_enabled",),
)
def rotation(v: View) -> bool:
    """What is rotated by hand is rotated after the incident."""
    return v.flag("key.rotation")


@check(
    id="tee.vault-key.release-policy",
    title="The key leaves the vault only for a measured workload",
    clause="TEE-01.keys-need-attestation",
    kinds=KEYS,
    needs=("key.release",),
    severity=Severity.HIGH,
    fix=Fix(
        "Bind the release to a measurement of the workload, in every alternative of the policy.",
        (
            (
                KEY,
                'release_policy {\n  immutable = true\n  json = jsonencode({\n    version = "1.0.0"\n    anyOf = [{\n      authority = "https://<provider>.attest.azure.net"\n      allOf = [\n        { claim = "x-ms-attestation-type", equals = "sevsnpvm" },\n        { claim = "x-ms-sevsnpvm-hostdata", equals = "<sha256 of the container policy>" },\n      ]\n    }]\n  })\n}',
            ),
        ),
        "az keyvault key create --vault-name <vault> -n <key> --protection hsm --exportable true --policy policy.json",
        f"{SHOW_KEY} --query releasePolicy",
        Effort.LARGE,
    ),
    broken="{why}",
)
def release_policy(v: View) -> Answer:
    """A policy that asks for a genuine confidential machine and for nothing that runs in it releases the key to any
    confidential machine in Azure, the attacker's own included.
    """
    raw = v.raw("key.release")
    if raw is None:
        if v.has("sensitive") and v.flag("sensitive"):
            return broken(why="it is marked as sensitive, and no release policy binds it to attestation")
        return not_applicable("nothing marks the key as one of sensitive artifacts, and it has no release policy")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    answer = all_of(_measured(a) for a in found if isinstance(a, str | Unknown))
    if isinstance(answer, Unknown):
        return unknown(answer)
    return holds() if answer else broken(why="an alternative of its release policy names no measurement")


def _measured(alternative: str | Unknown) -> Tri:
    """Whether an alternative names an authority and at least one measurement that is not all zeros."""
    if isinstance(alternative, Unknown):
        return alternative
    return any_of(_concrete(c) for c in alternative.split(" & "))


def _concrete(claim: str) -> bool:
    name, _, rest = claim.partition(" ")
    operator, _, value = rest.partition(" ")
    zeros = not value.strip("0")
    return operator == "equals" and name.lower().endswith(MEASURED) and not zeros


@check(
    id="tee.vault-key.no-direct-use",
    title="A key under a release policy opens nothing inside the vault",
    clause="TEE-01.no-way-around",
    kinds=KEYS,
    needs=("key.release", "key.operations"),
    severity=Severity.HIGH,
    fix=Fix(
        "Leave decryption out of the key's operations: the workload opens after the release, by itself.",
        ((KEY, 'key_opts = ["encrypt", "wrapKey"]'),),
        "az keyvault key set-attributes --vault-name <vault> -n <key> --ops encrypt wrapKey",
        f"{SHOW_KEY} --query key.keyOps",
    ),
    broken="{operations} works inside the vault for whoever has the permission, without any attestation",
)
def no_direct_use(v: View) -> Answer:
    """A release policy guards the export and nothing else. As long as the vault decrypts on request, a stolen token
    with `unwrapKey` needs no enclave.
    """
    release = v.raw("key.release")
    if release is None:
        return not_applicable("the key has no release policy")
    raw = v.raw("key.operations")
    listed = raw if isinstance(raw, tuple) else (raw,) if isinstance(raw, Unknown) else ()
    opening = sorted(o for o in listed if isinstance(o, str) and o.lower() in _OPENING)
    if opening:
        return broken(operations=" and ".join(opening))
    doubts = [o for o in (*listed, release) if isinstance(o, Unknown)]
    return unknown(*doubts) if doubts else holds()


CHECKS = (
    purge_protection,
    window,
    default_deny,
    public,
    private_endpoint,
    audited,
    roles,
    hsm,
    expiry,
    rotation,
    release_policy,
    no_direct_use,
)
