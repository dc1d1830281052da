"""Cloud KMS: rotation, custody, and keys that are released to attested workloads only."""

import pytest
from iac import UNKNOWN, table, verdict

DIGEST = "sha256:" + "5e" * 32
PROVEN = (
    "assertion.swname == 'CONFIDENTIAL_SPACE' && 'STABLE' in assertion.submods.confidential_space.support_attributes"
)
PINNED = f"{PROVEN} && assertion.submods.container.image_digest == '{DIGEST}'"
ISSUER = "https://confidentialcomputing.googleapis.com"
DECRYPT = "roles/cloudkms.cryptoKeyDecrypter"


def pool(name: str, condition: str, issuer: str = ISSUER) -> str:
    return f"""
resource "google_iam_workload_identity_pool" "{name}" {{
  workload_identity_pool_id = "{name}-pool"
}}
resource "google_iam_workload_identity_pool_provider" "{name}" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.{name}.workload_identity_pool_id
  workload_identity_pool_provider_id = "{name}-provider"
  attribute_condition                = {condition}
  oidc {{
    issuer_uri = "{issuer}"
  }}
}}
"""


def key(name: str, *members: str, role: str = DECRYPT, more: str = "") -> str:
    text = f"""
resource "google_kms_crypto_key" "{name}" {{
  name     = "{name}"
  key_ring = google_kms_key_ring.ring.id
  labels   = {{ tier = "0" }}
  {more}
}}
"""
    for n, member in enumerate(members):
        text += f"""
resource "google_kms_crypto_key_iam_member" "{name}_{n}" {{
  crypto_key_id = google_kms_crypto_key.{name}.id
  role          = "{role}"
  member        = {member}
}}
"""
    return text


def of(name: str, tail: str = "*") -> str:
    return f'"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.{name}.name}}/{tail}"'


HCL = (
    UNKNOWN
    + """
resource "google_kms_key_ring" "ring" {
  name     = "ring"
  location = "global"
}
resource "google_kms_key_ring" "open" {
  name     = "open"
  location = "global"
}
resource "google_kms_key_ring_iam_binding" "open" {
  key_ring_id = google_kms_key_ring.open.id
  role        = "roles/cloudkms.cryptoKeyEncrypter"
  members     = ["allAuthenticatedUsers"]
}
resource "google_kms_crypto_key" "good" {
  name            = "good"
  key_ring        = google_kms_key_ring.ring.id
  rotation_period = "7776000s"
}
resource "google_kms_crypto_key" "slow" {
  name                       = "slow"
  key_ring                   = google_kms_key_ring.ring.id
  rotation_period            = "15552000s"
  destroy_scheduled_duration = "86400s"
}
resource "google_kms_crypto_key" "never" {
  name     = "never"
  key_ring = google_kms_key_ring.ring.id
}
resource "google_kms_crypto_key" "signs" {
  name     = "signs"
  purpose  = "ASYMMETRIC_SIGN"
  key_ring = google_kms_key_ring.ring.id
}
resource "google_kms_crypto_key" "asked" {
  name                       = "asked"
  key_ring                   = google_kms_key_ring.ring.id
  rotation_period            = var.x
  destroy_scheduled_duration = var.x
  labels                     = { tier = "0" }
  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.x
  }
}
resource "google_kms_crypto_key_iam_member" "asked" {
  crypto_key_id = google_kms_crypto_key.asked.id
  role          = "roles/cloudkms.cryptoKeyDecrypter"
  member        = var.x
}
resource "google_kms_crypto_key" "in_open_ring" {
  name     = "in-open-ring"
  key_ring = google_kms_key_ring.open.id
}
resource "google_kms_crypto_key" "by_path" {
  name     = "by-path"
  key_ring = google_kms_key_ring.ring.id
}
resource "google_kms_crypto_key_iam_member" "by_path" {
  crypto_key_id = "projects/p/locations/global/keyRings/ring/cryptoKeys/by-path"
  role          = "roles/cloudkms.cryptoKeyEncrypter"
  member        = "allUsers"
}
resource "google_kms_crypto_key" "both" {
  name     = "both"
  key_ring = google_kms_key_ring.ring.id
}
resource "google_kms_crypto_key_iam_binding" "both_admin" {
  crypto_key_id = google_kms_crypto_key.both.id
  role          = "roles/cloudkms.admin"
  members       = ["user:jane@example.com"]
}
resource "google_kms_crypto_key_iam_binding" "both_user" {
  crypto_key_id = google_kms_crypto_key.both.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  members       = ["user:jane@example.com", "user:joe@example.com"]
}
resource "google_service_account" "sealed" {
  account_id = "sealed"
}
resource "google_service_account_iam_member" "sealed" {
  service_account_id = google_service_account.sealed.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.pinned.name}/*"
}
resource "google_service_account" "leaky" {
  account_id = "leaky"
}
resource "google_service_account_iam_binding" "leaky" {
  service_account_id = google_service_account.leaky.name
  role               = "roles/iam.serviceAccountTokenCreator"
  members = [
    "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.pinned.name}/*",
    "user:jane@example.com",
  ]
}
"""
    + pool("pinned", f'"{PINNED}"')
    + pool("loose", f'"{PROVEN}"')
    + pool("debug", "\"assertion.swname == 'CONFIDENTIAL_SPACE'\"")
    + pool("github", "\"assertion.repository == 'a/b'\"", "https://token.actions.githubusercontent.com")
    + pool("left", "var.x")
    + key("attested", of("pinned"))
    + key("by_digest", of("loose", f"attribute.image_digest/{DIGEST}"))
    + key("any_workload", of("loose"))
    + key("debugging", of("debug"))
    + key("actions", of("github"))
    + key("unread", of("left"))
    + key("person", of("pinned"), '"user:jane@example.com"')
    + key("through_account", "google_service_account.sealed.member")
    + key("through_leak", '"serviceAccount:${google_service_account.leaky.email}"')
    + key("foreign", '"serviceAccount:x@other.iam.gserviceaccount.com"')
    + key("encrypts", '"user:jane@example.com"', role="roles/cloudkms.cryptoKeyEncrypter")
    + key("hard", of("pinned"), more='version_template {\n algorithm = "X"\n protection_level = "HSM"\n}')
)

EXPECTED = table(
    """
art.gcp-key.rotation     google_kms_crypto_key.good   pass
art.gcp-key.rotation     google_kms_crypto_key.slow   fail
art.gcp-key.rotation     google_kms_crypto_key.never  fail
art.gcp-key.rotation     google_kms_crypto_key.signs  -
art.gcp-key.rotation     google_kms_crypto_key.asked  unknown
art.gcp-key.window       google_kms_crypto_key.good   pass
art.gcp-key.window       google_kms_crypto_key.slow   fail
art.gcp-key.window       google_kms_crypto_key.asked  unknown
art.gcp-key.public       google_kms_crypto_key.good   pass
art.gcp-key.public       google_kms_crypto_key.in_open_ring  fail
art.gcp-key.public       google_kms_crypto_key.by_path  fail
art.gcp-key.public       google_kms_crypto_key.asked    unknown
art.gcp-key.public       google_kms_key_ring.open     fail
art.gcp-key.public       google_kms_key_ring.ring     pass
art.gcp-key-grant.public google_kms_crypto_key_iam_member.by_path  fail
art.gcp-key-grant.public google_kms_key_ring_iam_binding.open      fail
art.gcp-key-grant.public google_kms_crypto_key_iam_binding.both_user  pass
art.gcp-key-grant.public google_kms_crypto_key_iam_member.asked    unknown
art.gcp-key.hsm          google_kms_crypto_key.hard   pass
art.gcp-key.hsm          google_kms_crypto_key.person fail
art.gcp-key.hsm          google_kms_crypto_key.good   not-applicable
art.gcp-key.hsm          google_kms_crypto_key.asked  unknown
iam.gcp-key.admin-not-user  google_kms_crypto_key.both   fail
iam.gcp-key.admin-not-user  google_kms_crypto_key.person pass
iam.gcp-key.admin-not-user  google_kms_crypto_key.asked  unknown
tee.gcp-key.no-way-around   google_kms_crypto_key.attested         pass
tee.gcp-key.no-way-around   google_kms_crypto_key.by_digest        pass
tee.gcp-key.no-way-around   google_kms_crypto_key.any_workload     fail
tee.gcp-key.no-way-around   google_kms_crypto_key.debugging        fail
tee.gcp-key.no-way-around   google_kms_crypto_key.actions          fail
tee.gcp-key.no-way-around   google_kms_crypto_key.unread           unknown
tee.gcp-key.no-way-around   google_kms_crypto_key.person           fail
tee.gcp-key.no-way-around   google_kms_crypto_key.through_account  pass
tee.gcp-key.no-way-around   google_kms_crypto_key.through_leak     fail
tee.gcp-key.no-way-around   google_kms_crypto_key.foreign          fail
tee.gcp-key.no-way-around   google_kms_crypto_key.encrypts         pass
tee.gcp-key.no-way-around   google_kms_crypto_key.asked            unknown
tee.gcp-key.no-way-around   google_kms_crypto_key.good             not-applicable
tee.gcp-key.attested-release  google_kms_crypto_key.attested       pass
tee.gcp-key.attested-release  google_kms_crypto_key.person         pass
tee.gcp-key.attested-release  google_kms_crypto_key.through_account  pass
tee.gcp-key.attested-release  google_kms_crypto_key.encrypts       fail
tee.gcp-key.attested-release  google_kms_crypto_key.any_workload   fail
tee.gcp-key.attested-release  google_kms_crypto_key.unread         unknown
tee.gcp-key.attested-release  google_kms_crypto_key.good           not-applicable
tee.gcp-federation.measured   google_iam_workload_identity_pool_provider.pinned  pass
tee.gcp-federation.measured   google_iam_workload_identity_pool_provider.loose   fail
tee.gcp-federation.measured   google_iam_workload_identity_pool_provider.debug   fail
tee.gcp-federation.measured   google_iam_workload_identity_pool_provider.left    unknown
tee.gcp-federation.measured   google_iam_workload_identity_pool_provider.github  not-applicable
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """A key is judged with what is granted on it, on its ring and through the accounts and pools that hold it."""
    assert verdict(HCL, check, address) == status


def test_a_role_on_the_whole_project_goes_around_the_condition() -> None:
    """Whoever may decrypt with every key of the project needs no grant on this one."""
    text = (
        'resource "google_kms_key_ring" "ring" {\n  name = "ring"\n}\n'
        + pool("pinned", f'"{PINNED}"')
        + key("attested", of("pinned"))
        + 'resource "google_project_iam_member" "m" {\n'
        + f'  project = "p"\n  role = "{DECRYPT}"\n  member = "user:j@example.com"\n}}\n'
    )
    assert verdict(text, "tee.gcp-key.no-way-around", "google_kms_crypto_key.attested") == "fail"


def test_a_digest_that_is_mapped_can_be_pinned_by_the_grant() -> None:
    """A provider that maps the image's digest to an attribute leaves the pin to the grants."""
    text = pool("loose", f'"{PROVEN}"').replace(
        "  oidc {",
        '  attribute_mapping = { "attribute.image_digest" = "assertion.submods.container.image_digest" }\n  oidc {',
    )
    address = "google_iam_workload_identity_pool_provider.loose"
    assert verdict(text, "tee.gcp-federation.measured", address) == "pass"
