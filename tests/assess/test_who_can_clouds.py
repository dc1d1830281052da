"""Who can do what on Google Cloud and Azure: grants on scopes, conditions, and the ways to accounts and identities."""

import pytest
from iac import NOW, assets

from strongroom.app.asking_who import judge
from strongroom.model.estate import Estate
from strongroom.model.who_can import Deed, WhoCan

A, C, D = "ALLOW", "CONDITIONAL", "DENY"
BUCKET = 'resource "google_storage_bucket" "w" {\n  name = "weights"\n  location = "EU"\n}\n'
ON_BUCKET = ("google_storage_bucket", "bucket", "google_storage_bucket.w.name")


def account(name: str) -> str:
    """A service account."""
    return f'resource "google_service_account" "{name}" {{\n  account_id = "{name}"\n}}\n'


def of(name: str) -> str:
    """A service account as a member."""
    return f"serviceAccount:${{google_service_account.{name}.email}}"


def grant(role: str, member: str, on: tuple[str, str, str] = ON_BUCKET, when: str = "") -> str:
    """A role for a member on something."""
    stem, attribute, value = on
    grant.made = getattr(grant, "made", 0) + 1  # type: ignore[attr-defined]
    condition = f'  condition {{\n    title = "c"\n    expression = "{when}"\n  }}\n' if when else ""
    return (
        f'resource "{stem}_iam_member" "m{grant.made}" {{\n  {attribute} = {value}\n'  # type: ignore[attr-defined]
        f'  role = "{role}"\n  member = "{member}"\n{condition}}}\n'
    )


def on_account(name: str) -> tuple[str, str, str]:
    """A service account as what is granted on."""
    return ("google_service_account", "service_account_id", f"google_service_account.{name}.name")


PROJECT = ("google_project", "project", '"p"')
READER = "roles/storage.objectViewer"
GOOGLE = {
    "on the bucket, on the project, and not at all": (
        "read", BUCKET + account("a") + grant(READER, of("a")) + grant(READER, "user:b@x.org", PROJECT)
        + grant("roles/storage.objectCreator", "user:c@x.org"),
        {"google_service_account.a": A, "user:b@x.org": A, "user:c@x.org": D}),
    "on another bucket": (
        "read", BUCKET + 'resource "google_storage_bucket" "o" {\n  name = "other"\n  location = "EU"\n}\n'
        + grant(READER, "user:a@x.org", ("google_storage_bucket", "bucket", "google_storage_bucket.o.name")), {"user:a@x.org": D}),
    "everybody": ("read", BUCKET + account("a") + grant(READER, "allUsers"), {"google_service_account.a": A, "allUsers": A}),
    "basic roles": (
        "read", BUCKET + grant("roles/owner", "user:o@x.org", PROJECT) + grant("roles/viewer", "user:v@x.org", PROJECT)
        + grant("roles/browser", "user:b@x.org", PROJECT), {"user:o@x.org": A, "user:v@x.org": C, "user:b@x.org": D}),
    "a role of the owner's making": (
        "read", BUCKET + 'resource "google_project_iam_custom_role" "c" {\n  role_id = "c"\n  title = "c"\n  permissions = ["storage.objects.get"]\n}\n'
        + grant("${google_project_iam_custom_role.c.id}", "user:a@x.org"), {"user:a@x.org": A}),
    "a role that is in no table": (
        "read", BUCKET + grant("roles/storage.somethingNew", "user:a@x.org") + grant("roles/pubsub.somethingNew", "user:b@x.org"),
        {"user:a@x.org": C, "user:b@x.org": D}),
    "conditions": (
        "read", BUCKET + grant(READER, "user:old@x.org", when="request.time < timestamp('2020-01-01T00:00:00Z')")
        + grant(READER, "user:new@x.org", when="request.time < timestamp('2030-01-01T00:00:00Z')")
        + grant(READER, "user:tag@x.org", when="resource.matchTag('p/env', 'dev')"),
        {"user:old@x.org": D, "user:new@x.org": A, "user:tag@x.org": C}),
    "tokens of an account": (
        "read", BUCKET + account("a") + grant(READER, of("a")) + grant("roles/iam.serviceAccountTokenCreator", "user:t@x.org", on_account("a"))
        + grant("roles/iam.serviceAccountKeyAdmin", "user:k@x.org", on_account("a"))
        + grant("roles/iam.serviceAccountOpenIdTokenCreator", "user:o@x.org", on_account("a")),
        {"google_service_account.a": A, "user:t@x.org": A, "user:k@x.org": A, "user:o@x.org": D}),
    "a job as an account": (
        "read", BUCKET + account("a") + grant(READER, of("a")) + grant("roles/iam.serviceAccountUser", "user:both@x.org", on_account("a"))
        + grant("roles/aiplatform.user", "user:both@x.org", PROJECT) + grant("roles/iam.serviceAccountUser", "user:half@x.org", on_account("a"))
        + grant("roles/aiplatform.user", "user:other@x.org", PROJECT),
        {"google_service_account.a": A, "user:both@x.org": A, "user:half@x.org": D, "user:other@x.org": D}),
    "a workload of a cluster": (
        "read", BUCKET + account("a") + grant(READER, of("a"))
        + grant("roles/iam.workloadIdentityUser", "serviceAccount:p.svc.id.goog[ai/serve]", on_account("a")),
        {"google_service_account.a": A, "serviceAccount:p.svc.id.goog[ai/serve]": A}),
    "accounts that become each other in a ring": (
        "read", BUCKET + account("a") + account("b") + grant("roles/iam.serviceAccountTokenCreator", of("a"), on_account("b"))
        + grant("roles/iam.serviceAccountTokenCreator", of("b"), on_account("a")) + grant(READER, of("b")),
        {"google_service_account.a": A, "google_service_account.b": A}),
    "whoever writes the grants": (
        "read", BUCKET + grant("roles/resourcemanager.projectIamAdmin", "user:p@x.org", PROJECT) + grant("roles/storage.admin", "user:s@x.org")
        + grant("roles/storage.legacyBucketReader", "user:r@x.org"), {"user:p@x.org": A, "user:s@x.org": A, "user:r@x.org": D}),
    "update is to replace": (
        "update", BUCKET + grant("roles/storage.objectCreator", "user:c@x.org") + grant("roles/storage.objectAdmin", "user:a@x.org"),
        {"user:c@x.org": D, "user:a@x.org": A}),
    "admin is to write the project's grants": (
        "admin", BUCKET + grant("roles/owner", "user:o@x.org", PROJECT) + grant("roles/editor", "user:e@x.org", PROJECT)
        + grant("roles/storage.admin", "user:s@x.org", PROJECT), {"user:o@x.org": A, "user:e@x.org": D, "user:s@x.org": D}),
}  # fmt: skip


def ask(hcl: str, deed: str, asset: str) -> WhoCan:
    """The whole answer for a text of configuration."""
    return judge(Estate(tuple(assets(hcl).values()), (), (), NOW), Deed(deed), asset, "tf:x")


@pytest.mark.parametrize("case", GOOGLE.values(), ids=GOOGLE.keys())
def test_the_verdict_of_every_member(case: tuple[str, str, dict[str, str]]) -> None:
    """Each project has one rule or one way in it, and its members get what Google gives them."""
    deed, hcl, expected = case
    found = ask(hcl, deed, "google_storage_bucket.w")
    assert {h.principal: h.verdict.value for h in found.held} == expected


KEY = """
resource "google_kms_key_ring" "r" {
  name = "r"
  location = "eu"
}
resource "google_kms_crypto_key" "k" {
  name = "k"
  key_ring = google_kms_key_ring.r.id
}
"""


def test_a_grant_on_a_ring_holds_for_its_keys() -> None:
    """What is granted above holds below; an administrator of keys can let himself decrypt."""
    ring = ("google_kms_key_ring", "key_ring_id", "google_kms_key_ring.r.id")
    hcl = (
        KEY
        + grant("roles/cloudkms.cryptoKeyDecrypter", "user:d@x.org", ring)
        + grant("roles/cloudkms.admin", "user:a@x.org", ring)
    )
    hcl += grant("roles/cloudkms.cryptoKeyEncrypter", "user:e@x.org", ring)
    found = ask(hcl, "decrypt", "google_kms_crypto_key.k")
    assert {h.principal: (h.verdict.value, len(h.path)) for h in found.held} == {
        "user:d@x.org": (A, 1),
        "user:a@x.org": (A, 2),
        "user:e@x.org": (D, 0),
    }


# Azure

STORE = """
data "azurerm_subscription" "s" {}
resource "azurerm_resource_group" "rg" {
  name = "ai"
  location = "westeurope"
}
resource "azurerm_storage_account" "w" {
  name = "weights"
  resource_group_name = azurerm_resource_group.rg.name
  location = "westeurope"
  account_tier = "Standard"
  account_replication_type = "LRS"
}
resource "azurerm_storage_container" "c" {
  name = "c"
  storage_account_id = azurerm_storage_account.w.id
}
"""
ACCOUNT, GROUP, SUBSCRIPTION = (
    "azurerm_storage_account.w.id",
    "azurerm_resource_group.rg.id",
    "data.azurerm_subscription.s.id",
)


def identity(name: str) -> str:
    """A user-assigned identity."""
    return (
        f'resource "azurerm_user_assigned_identity" "{name}" {{\n  name = "{name}"\n'
        '  resource_group_name = azurerm_resource_group.rg.name\n  location = "westeurope"\n}\n'
    )


def assign(role: str, who: str, scope: str = ACCOUNT, more: str = "") -> str:
    """A role for an object id, or for an identity of the files."""
    assign.made = getattr(assign, "made", 0) + 1  # type: ignore[attr-defined]
    principal = f"azurerm_user_assigned_identity.{who}.principal_id" if who.islower() and who.isalpha() else f'"{who}"'
    named = f'role_definition_name = "{role}"' if not role.startswith("azurerm_") else f"role_definition_id = {role}"
    return (
        f'resource "azurerm_role_assignment" "a{assign.made}" {{\n  scope = {scope}\n  {named}\n'  # type: ignore[attr-defined]
        f"  principal_id = {principal}\n{more}}}\n"
    )


MICROSOFT = {
    "on the account, the group, the subscription, a container": (
        "read", STORE + "".join(
            assign("Storage Blob Data Reader", f"{n}-0", s)
            for n, s in enumerate((ACCOUNT, GROUP, SUBSCRIPTION, "azurerm_storage_container.c.resource_manager_id"))),
        {"0-0": A, "1-0": A, "2-0": A, "3-0": A}),
    "actions on data are none on the account, but its keys open all": (
        "read", STORE + assign("Reader", "1-0") + assign("Contributor", "2-0", GROUP) + assign("Storage Account Contributor", "3-0")
        + assign("Storage Blob Delegator", "4-0"), {"1-0": D, "2-0": A, "3-0": A, "4-0": D}),
    "an account without keys": (
        "read", STORE.replace('account_tier = "Standard"', 'account_tier = "Standard"\n  shared_access_key_enabled = false')
        + assign("Contributor", "2-0", GROUP) + assign("Storage Blob Data Reader", "3-0"), {"2-0": D, "3-0": A}),
    "a role of the owner's making, with what it takes out": (
        "read", STORE + 'resource "azurerm_role_definition" "d" {\n  name = "d"\n  scope = "/"\n  permissions {\n'
        '    actions = ["Microsoft.Storage/*"]\n    not_actions = ["Microsoft.Storage/storageAccounts/*/action"]\n  }\n}\n'
        'resource "azurerm_role_definition" "e" {\n  name = "e"\n  scope = "/"\n  permissions {\n    data_actions = ["Microsoft.Storage/*"]\n  }\n}\n'
        + assign("azurerm_role_definition.d.role_definition_resource_id", "1-0")
        + assign("azurerm_role_definition.e.role_definition_resource_id", "2-0"), {"1-0": D, "2-0": A}),
    "a condition, and a role that is in no table": (
        "read", STORE + assign("Storage Blob Data Reader", "1-0", more='  condition = "(@Resource[x] StringEquals \'y\')"\n')
        + assign("Something New", "2-0"), {"1-0": C, "2-0": C}),
    "whoever writes assignments": (
        "read", STORE + assign("User Access Administrator", "1-0", SUBSCRIPTION) + assign("Owner", "2-0", GROUP), {"1-0": A, "2-0": A}),
    "an identity that somebody may put on a machine of his": (
        "read", STORE.replace('account_tier = "Standard"', 'account_tier = "Standard"\n  shared_access_key_enabled = false') + identity("train")
        + assign("Storage Blob Data Reader", "train") + assign("Managed Identity Operator", "1-0", GROUP)
        + assign("Virtual Machine Contributor", "1-0", GROUP) + assign("Managed Identity Operator", "2-0", GROUP),
        {"azurerm_user_assigned_identity.train": A, "1-0": A, "2-0": D}),
    "admin is to write assignments": (
        "admin", STORE + assign("Contributor", "1-0", SUBSCRIPTION) + assign("Owner", "2-0", GROUP), {"1-0": D, "2-0": A}),
}  # fmt: skip


@pytest.mark.parametrize("case", MICROSOFT.values(), ids=MICROSOFT.keys())
def test_the_verdict_of_every_object_id(case: tuple[str, str, dict[str, str]]) -> None:
    """Each subscription has one rule or one way in it, and its principals get what Azure gives them."""
    deed, hcl, expected = case
    found = ask(hcl, deed, "azurerm_storage_account.w")
    assert {h.principal: h.verdict.value for h in found.held} == expected


VAULT = """
resource "azurerm_resource_group" "rg" {
  name = "ai"
  location = "westeurope"
}
resource "azurerm_key_vault" "v" {
  name = "v"
  resource_group_name = azurerm_resource_group.rg.name
  location = "westeurope"
  tenant_id = "t"
  sku_name = "premium"
  MODE
  access_policy {
    tenant_id = "t"
    object_id = "inside"
    key_permissions = ["Decrypt"]
  }
}
resource "azurerm_key_vault_access_policy" "p" {
  key_vault_id = azurerm_key_vault.v.id
  tenant_id = "t"
  object_id = "apart"
  key_permissions = ["UnwrapKey"]
}
resource "azurerm_key_vault_key" "k" {
  name = "k"
  key_vault_id = azurerm_key_vault.v.id
  key_type = "RSA-HSM"
  key_opts = ["decrypt"]
}
"""


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("", {"inside": A, "apart": A, "0-0": D, "1-0": A}),
        ("rbac_authorization_enabled = true", {"inside": D, "apart": D, "0-0": A, "1-0": D}),
    ],
)
def test_a_vault_goes_by_its_policies_or_by_roles(mode: str, expected: dict[str, str]) -> None:
    """The one that the vault does not go by gives nothing; who writes policies gives himself what they give."""
    scope = "azurerm_key_vault.v.id"
    hcl = (
        VAULT.replace("MODE", mode)
        + assign("Key Vault Crypto User", "0-0", scope)
        + assign("Key Vault Contributor", "1-0", scope)
    )
    found = ask(hcl, "decrypt", "azurerm_key_vault_key.k")
    assert {h.principal: h.verdict.value for h in found.held} == expected
