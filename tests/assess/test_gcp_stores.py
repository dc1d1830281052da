"""Cloud Storage, registries, logs and budgets."""

import pytest
from iac import UNKNOWN, assets, table, verdict

HCL = (
    UNKNOWN
    + """
resource "google_storage_bucket" "good" {
  name                        = "good"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  encryption {
    default_kms_key_name = var.x
  }
  retention_policy {
    retention_period = 2592000
    is_locked        = true
  }
  labels = { artifact = "weights" }
}
resource "google_storage_bucket_iam_member" "refused" {
  bucket = google_storage_bucket.good.name
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}
resource "google_storage_bucket" "bare" {
  name   = "bare"
  labels = { artifact = "weights" }
}
resource "google_storage_bucket" "by_link" {
  name = "by-link"
}
resource "google_storage_bucket_iam_binding" "by_link" {
  bucket  = google_storage_bucket.by_link.id
  role    = "roles/storage.objectViewer"
  members = ["user:jane@example.com", "allAuthenticatedUsers"]
}
resource "google_storage_bucket" "by_name" {
  name                     = "by-name"
  public_access_prevention = "inherited"
}
resource "google_storage_bucket_iam_member" "by_name" {
  bucket = "by-name"
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}
resource "google_storage_bucket" "by_policy" {
  name               = "by-policy"
  bucket_policy_only = true
}
resource "google_storage_bucket_iam_policy" "by_policy" {
  bucket      = google_storage_bucket.by_policy.name
  policy_data = data.google_iam_policy.open.policy_data
}
data "google_iam_policy" "open" {
  binding {
    role    = "roles/storage.admin"
    members = ["user:jane@example.com"]
  }
  binding {
    role    = "roles/storage.objectViewer"
    members = ["allUsers"]
  }
}
resource "google_storage_bucket" "by_json" {
  name = "by-json"
}
resource "google_storage_bucket_iam_policy" "by_json" {
  bucket      = google_storage_bucket.by_json.name
  policy_data = jsonencode({ bindings = [{ role = "roles/x", members = ["allUsers"] }] })
}
resource "google_storage_bucket" "by_list" {
  name = "by-list"
}
resource "google_storage_bucket_acl" "by_list" {
  bucket         = google_storage_bucket.by_list.name
  predefined_acl = "publicRead"
}
resource "google_storage_bucket" "no_list" {
  name                        = "no-list"
  uniform_bucket_level_access = true
}
resource "google_storage_default_object_access_control" "no_list" {
  bucket = google_storage_bucket.no_list.name
  role   = "READER"
  entity = "allUsers"
}
resource "google_storage_bucket_acl" "entries" {
  bucket      = "elsewhere"
  role_entity = ["OWNER:user-jane@example.com", "READER:allAuthenticatedUsers"]
}
resource "google_storage_bucket_acl" "closed" {
  bucket         = "elsewhere"
  predefined_acl = "private"
}
resource "google_storage_bucket" "each" {
  for_each = toset(["a", "b"])
  name     = "each-${each.key}"
}
resource "google_storage_bucket_iam_member" "each" {
  for_each = toset(["a", "b"])
  bucket   = google_storage_bucket.each[each.key].name
  role     = "roles/storage.objectViewer"
  member   = each.key == "a" ? "allUsers" : "user:jane@example.com"
}
resource "google_storage_bucket" "asked" {
  name                        = "asked"
  uniform_bucket_level_access = var.x
  public_access_prevention    = var.x
  labels                      = { artifact = var.x }
}
resource "google_storage_bucket_iam_member" "asked" {
  bucket = google_storage_bucket.asked.name
  role   = "roles/storage.objectViewer"
  member = var.x
}
resource "google_storage_bucket_iam_binding" "some" {
  bucket  = "other"
  role    = "roles/storage.objectViewer"
  members = ["allUsers", var.x]
}
resource "google_storage_bucket_iam_member" "prefixed" {
  bucket = google_storage_bucket.bare.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${var.x}"
}
resource "google_artifact_registry_repository" "sealed" {
  repository_id = "sealed"
  kms_key_name  = google_kms_crypto_key.k.id
  docker_config {
    immutable_tags = true
  }
}
resource "google_artifact_registry_repository" "bare" {
  repository_id = "bare"
}
resource "google_artifact_registry_repository" "asked" {
  repository_id = "asked"
  kms_key_name  = var.x
  docker_config {
    immutable_tags = var.x
  }
}
resource "google_artifact_registry_repository_iam_member" "open" {
  repository = google_artifact_registry_repository.bare.name
  role       = "roles/artifactregistry.reader"
  member     = "allUsers"
}
resource "google_artifact_registry_repository_iam_binding" "closed" {
  repository = "sealed"
  role       = "roles/artifactregistry.reader"
  members    = ["group:g@example.com"]
}
resource "google_artifact_registry_repository_iam_binding" "asked" {
  repository = google_artifact_registry_repository.asked.id
  role       = "roles/artifactregistry.reader"
  members    = [var.x]
}
resource "google_filestore_instance" "bare" {
  name = "fs"
}
resource "google_filestore_instance" "sealed" {
  name         = "fs"
  kms_key_name = "k"
}
resource "google_logging_project_bucket_config" "good" {
  bucket_id      = "good"
  retention_days = 400
  locked         = true
  cmek_settings {
    kms_key_name = "k"
  }
}
resource "google_logging_project_bucket_config" "bare" {
  bucket_id = "bare"
}
resource "google_logging_project_bucket_config" "asked" {
  bucket_id      = "asked"
  retention_days = var.x
  locked         = var.x
}
resource "google_billing_budget" "acts" {
  display_name = "acts"
  threshold_rules {
    threshold_percent = 0.9
  }
  all_updates_rule {
    pubsub_topic = google_pubsub_topic.t.id
  }
}
resource "google_billing_budget" "mails" {
  display_name = "mails"
  threshold_rules {
    threshold_percent = 0.9
  }
}
resource "google_billing_budget" "mute" {
  display_name = "mute"
  threshold_rules {
    threshold_percent = 0.9
  }
  all_updates_rule {
    disable_default_iam_recipients = true
  }
}
resource "google_billing_budget" "blind" {
  display_name = "blind"
}
resource "google_billing_budget" "asked" {
  display_name = "asked"
  threshold_rules {
    threshold_percent = 0.9
  }
  all_updates_rule {
    pubsub_topic                   = var.x
    disable_default_iam_recipients = true
  }
}
"""
)

EXPECTED = table(
    """
net.gcs-bucket.public      google_storage_bucket.good       pass
net.gcs-bucket.public      google_storage_bucket.bare       pass
net.gcs-bucket.public      google_storage_bucket.by_link    fail
net.gcs-bucket.public      google_storage_bucket.by_name    fail
net.gcs-bucket.public      google_storage_bucket.by_policy  fail
net.gcs-bucket.public      google_storage_bucket.by_json    fail
net.gcs-bucket.public      google_storage_bucket.by_list    fail
net.gcs-bucket.public      google_storage_bucket.no_list    pass
net.gcs-bucket.public      google_storage_bucket.each["a"]  fail
net.gcs-bucket.public      google_storage_bucket.each["b"]  pass
net.gcs-bucket.public      google_storage_bucket.asked      unknown
net.gcs-grant.public       google_storage_bucket_iam_member.by_name    fail
net.gcs-grant.public       google_storage_bucket_iam_binding.by_link   fail
net.gcs-grant.public       google_storage_bucket_iam_policy.by_policy  fail
net.gcs-grant.public       google_storage_bucket_iam_binding.some      fail
net.gcs-grant.public       google_storage_bucket_iam_member.asked      unknown
net.gcs-grant.public       google_storage_bucket_iam_member.prefixed   pass
net.gcs-list.public        google_storage_bucket_acl.by_list           fail
net.gcs-list.public        google_storage_bucket_acl.entries           fail
net.gcs-list.public        google_storage_bucket_acl.closed            pass
net.gcs-bucket.prevention  google_storage_bucket.good       pass
net.gcs-bucket.prevention  google_storage_bucket.bare       fail
net.gcs-bucket.prevention  google_storage_bucket.by_name    fail
net.gcs-bucket.prevention  google_storage_bucket.asked      unknown
iam.gcs-bucket.uniform     google_storage_bucket.good       pass
iam.gcs-bucket.uniform     google_storage_bucket.bare       fail
iam.gcs-bucket.uniform     google_storage_bucket.by_policy  pass
iam.gcs-bucket.uniform     google_storage_bucket.asked      unknown
rec.gcs-bucket.immutable   google_storage_bucket.good       pass
rec.gcs-bucket.immutable   google_storage_bucket.bare       fail
rec.gcs-bucket.immutable   google_storage_bucket.by_list    not-applicable
rec.gcs-bucket.immutable   google_storage_bucket.asked      unknown
enc.gcs-bucket.cmk         google_storage_bucket.good       pass
enc.gcs-bucket.cmk         google_storage_bucket.bare       fail
enc.gcp-fs.cmk             google_filestore_instance.bare   fail
enc.gcp-fs.cmk             google_filestore_instance.sealed pass
net.gcp-registry.public    google_artifact_registry_repository.bare    fail
net.gcp-registry.public    google_artifact_registry_repository.sealed  pass
net.gcp-registry.public    google_artifact_registry_repository.asked   unknown
net.gcp-registry-grant.public  google_artifact_registry_repository_iam_member.open     fail
net.gcp-registry-grant.public  google_artifact_registry_repository_iam_binding.closed  pass
net.gcp-registry-grant.public  google_artifact_registry_repository_iam_binding.asked   unknown
enc.gcp-registry.cmk       google_artifact_registry_repository.sealed  pass
enc.gcp-registry.cmk       google_artifact_registry_repository.bare    fail
enc.gcp-registry.cmk       google_artifact_registry_repository.asked   unknown
art.gcp-registry.fixed-tags  google_artifact_registry_repository.sealed  pass
art.gcp-registry.fixed-tags  google_artifact_registry_repository.bare    fail
art.gcp-registry.fixed-tags  google_artifact_registry_repository.asked   unknown
log.gcp-bucket.retention   google_logging_project_bucket_config.good   pass
log.gcp-bucket.retention   google_logging_project_bucket_config.bare   fail
log.gcp-bucket.retention   google_logging_project_bucket_config.asked  unknown
log.gcp-bucket.locked      google_logging_project_bucket_config.good   pass
log.gcp-bucket.locked      google_logging_project_bucket_config.bare   fail
log.gcp-bucket.locked      google_logging_project_bucket_config.asked  unknown
enc.gcp-log-bucket.cmk     google_logging_project_bucket_config.good   pass
enc.gcp-log-bucket.cmk     google_logging_project_bucket_config.bare   fail
mon.gcp-budget.acts        google_billing_budget.acts    pass
mon.gcp-budget.acts        google_billing_budget.mails   fail
mon.gcp-budget.acts        google_billing_budget.blind   fail
mon.gcp-budget.acts        google_billing_budget.asked   unknown
mon.gcp-budget.heard       google_billing_budget.mails   pass
mon.gcp-budget.heard       google_billing_budget.mute    fail
mon.gcp-budget.heard       google_billing_budget.blind   fail
mon.gcp-budget.heard       google_billing_budget.asked   unknown
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Stores are judged with the grants, policies and lists that complete them, however those name them."""
    assert verdict(HCL, check, address) == status


def test_a_grant_that_may_be_on_any_bucket_casts_doubt_only_when_it_is_public() -> None:
    """A public grant on a bucket that is not known may publish any of them; a closed one publishes none."""
    bucket = UNKNOWN + 'resource "google_storage_bucket" "b" {\n  name = "b"\n}\n'
    somewhere = (
        'resource "google_storage_bucket_iam_member" "m" {\n  bucket = var.x\n  role = "r"\n  member = "%s"\n}\n'
    )
    address = "google_storage_bucket.b"
    assert verdict(bucket + somewhere % "allUsers", "net.gcs-bucket.public", address) == "unknown"
    assert verdict(bucket + somewhere % "user:j@example.com", "net.gcs-bucket.public", address) == "pass"


def test_a_bucket_shows_who_is_let_in() -> None:
    """The evidence names the public member and the role."""
    assert assets(HCL)["google_storage_bucket.by_name"].value("public.granted") == (
        "allUsers as roles/storage.objectViewer",
    )
