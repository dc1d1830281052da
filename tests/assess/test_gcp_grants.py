"""Google Cloud IAM on projects and above, audit logs, perimeters and roles of one's own."""

import pytest
from iac import UNKNOWN, table, verdict

HCL = (
    UNKNOWN
    + """
resource "google_service_account" "job" {
  account_id = "job"
}
resource "google_project_iam_member" "owner" {
  role   = "roles/owner"
  member = "user:jane@example.com"
}
resource "google_project_iam_member" "job_admin" {
  role   = "roles/storage.admin"
  member = "serviceAccount:${google_service_account.job.email}"
}
resource "google_project_iam_member" "job_logs" {
  role   = "roles/logging.logWriter"
  member = google_service_account.job.member
}
resource "google_project_iam_member" "jane_admin" {
  role   = "roles/storage.admin"
  member = "user:jane@example.com"
}
resource "google_project_iam_binding" "acts" {
  role    = "roles/iam.serviceAccountUser"
  members = ["group:ml@example.com"]
}
resource "google_project_iam_binding" "agent" {
  role    = "roles/aiplatform.serviceAgent"
  members = ["serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com"]
}
resource "google_project_iam_binding" "not_agent" {
  role    = "roles/aiplatform.serviceAgent"
  members = ["user:jane@example.com"]
}
resource "google_organization_iam_member" "viewer" {
  org_id = "1"
  role   = "roles/viewer"
  member = "domain:example.com"
}
resource "google_folder_iam_binding" "editor" {
  folder  = "folders/1"
  role    = "roles/editor"
  members = ["user:jane@example.com"]
}
resource "google_project_iam_policy" "whole" {
  project     = "p"
  policy_data = data.google_iam_policy.p.policy_data
}
data "google_iam_policy" "p" {
  binding {
    role    = "roles/aiplatform.user"
    members = ["user:jane@example.com"]
  }
  binding {
    role    = "roles/editor"
    members = ["serviceAccount:1-compute@developer.gserviceaccount.com"]
  }
}
resource "google_project_iam_member" "asked_role" {
  role   = var.x
  member = "serviceAccount:a@p.iam.gserviceaccount.com"
}
resource "google_project_iam_member" "asked_member" {
  role   = "roles/owner"
  member = var.x
}
resource "google_vertex_ai_endpoint_iam_member" "open" {
  endpoint = "1"
  role     = "roles/aiplatform.user"
  member   = "allAuthenticatedUsers"
}
resource "google_service_account_iam_member" "one" {
  service_account_id = google_service_account.job.name
  role               = "roles/iam.serviceAccountUser"
  member             = "user:jane@example.com"
}
resource "google_service_account_iam_member" "asked" {
  service_account_id = google_service_account.job.name
  role               = "roles/iam.serviceAccountUser"
  member             = var.x
}
resource "google_project_iam_custom_role" "tight" {
  role_id     = "tight"
  permissions = ["aiplatform.endpoints.predict"]
}
resource "google_project_iam_custom_role" "wide" {
  role_id     = "wide"
  permissions = ["aiplatform.endpoints.predict", "iam.serviceAccounts.getAccessToken"]
}
resource "google_project_iam_custom_role" "asked" {
  role_id     = "asked"
  permissions = [var.x]
}
resource "google_access_context_manager_service_perimeter" "whole" {
  title = "whole"
  status {
    restricted_services = ["storage.googleapis.com", "aiplatform.googleapis.com", "cloudkms.googleapis.com"]
  }
}
resource "google_access_context_manager_service_perimeter" "dry" {
  title = "dry"
  use_explicit_dry_run_spec = true
  spec {
    restricted_services = ["storage.googleapis.com", "aiplatform.googleapis.com", "cloudkms.googleapis.com"]
  }
}
resource "google_access_context_manager_service_perimeter" "bridge" {
  title          = "bridge"
  perimeter_type = "PERIMETER_TYPE_BRIDGE"
}
resource "google_access_context_manager_service_perimeter" "asked" {
  title = "asked"
  status {
    restricted_services = var.x
  }
}
"""
)

EXPECTED = table(
    """
iam.gcp-grant.basic-role     google_project_iam_member.owner         fail
iam.gcp-grant.basic-role     google_project_iam_member.job_logs      pass
iam.gcp-grant.basic-role     google_organization_iam_member.viewer   fail
iam.gcp-grant.basic-role     google_folder_iam_binding.editor        fail
iam.gcp-grant.basic-role     google_project_iam_policy.whole         fail
iam.gcp-grant.basic-role     google_project_iam_member.asked_role    unknown
iam.gcp-grant.basic-role     google_project_iam_member.asked_member  unknown
iam.gcp-grant.admin-account  google_project_iam_member.job_admin     fail
iam.gcp-grant.admin-account  google_project_iam_member.job_logs      pass
iam.gcp-grant.admin-account  google_project_iam_member.jane_admin    pass
iam.gcp-grant.admin-account  google_project_iam_policy.whole         fail
iam.gcp-grant.admin-account  google_project_iam_member.asked_role    unknown
iam.gcp-grant.impersonation  google_project_iam_binding.acts         fail
iam.gcp-grant.impersonation  google_project_iam_binding.agent        pass
iam.gcp-grant.impersonation  google_project_iam_binding.not_agent    fail
iam.gcp-grant.impersonation  google_project_iam_member.owner         pass
iam.gcp-grant.impersonation  google_project_iam_member.asked_role    unknown
iam.gcp-grant.impersonation  google_service_account_iam_member.one   -
iam.gcp-grant.public         google_vertex_ai_endpoint_iam_member.open  fail
iam.gcp-grant.public         google_service_account_iam_member.one      pass
iam.gcp-grant.public         google_service_account_iam_member.asked    unknown
iam.gcp-role.escalation      google_project_iam_custom_role.tight    pass
iam.gcp-role.escalation      google_project_iam_custom_role.wide     fail
iam.gcp-role.escalation      google_project_iam_custom_role.asked    unknown
net.gcp-perimeter.encloses   google_access_context_manager_service_perimeter.whole   pass
net.gcp-perimeter.encloses   google_access_context_manager_service_perimeter.dry     fail
net.gcp-perimeter.encloses   google_access_context_manager_service_perimeter.bridge  not-applicable
net.gcp-perimeter.encloses   google_access_context_manager_service_perimeter.asked   unknown
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Grants are judged by role and member, however they are written; what is not known casts doubt."""
    assert verdict(HCL, check, address) == status


AUDIT = (
    UNKNOWN
    + """
resource "google_project" "logged" {
  project_id = "logged"
}
resource "google_project_iam_audit_config" "logged" {
  project = google_project.logged.project_id
  service = "allServices"
  audit_log_config {
    log_type = "ADMIN_READ"
  }
  audit_log_config {
    log_type         = "DATA_READ"
    exempted_members = []
  }
  audit_log_config {
    log_type = "DATA_WRITE"
  }
}
resource "google_project" "exempt" {
  project_id = "exempt"
}
resource "google_project_iam_audit_config" "exempt" {
  project = google_project.exempt.id
  service = "allServices"
  audit_log_config {
    log_type         = "DATA_READ"
    exempted_members = ["user:jane@example.com"]
  }
}
resource "google_project" "single" {
  project_id = "single"
}
resource "google_project_iam_audit_config" "single" {
  project = "single"
  service = "storage.googleapis.com"
  audit_log_config {
    log_type = "DATA_READ"
  }
  audit_log_config {
    log_type = "DATA_WRITE"
  }
}
resource "google_project" "writes" {
  project_id = "writes"
}
resource "google_project_iam_audit_config" "writes" {
  project = "writes"
  service = "allServices"
  audit_log_config {
    log_type = "DATA_WRITE"
  }
}
resource "google_project" "none" {
  project_id = "none"
}
resource "google_project" "asked" {
  project_id = "asked"
}
resource "google_project_iam_audit_config" "asked" {
  project = "asked"
  service = "allServices"
  audit_log_config {
    log_type = var.x
  }
}
"""
)

AUDITED = table(
    """
log.gcp-project.data-reads  google_project.logged  pass
log.gcp-project.data-reads  google_project.exempt  fail
log.gcp-project.data-reads  google_project.single  fail
log.gcp-project.data-reads  google_project.writes  fail
log.gcp-project.data-reads  google_project.none    fail
log.gcp-project.data-reads  google_project.asked   unknown
log.gcp-audit.whole         google_project_iam_audit_config.logged  pass
log.gcp-audit.whole         google_project_iam_audit_config.exempt  fail
log.gcp-audit.whole         google_project_iam_audit_config.single  pass
log.gcp-audit.whole         google_project_iam_audit_config.writes  fail
log.gcp-audit.whole         google_project_iam_audit_config.asked   unknown
"""
)


@pytest.mark.parametrize(("check", "address", "status"), AUDITED)
def test_audit(check: str, address: str, status: str) -> None:
    """A project is judged by the configurations that are for it, and each configuration by itself."""
    assert verdict(AUDIT, check, address) == status


def test_a_configuration_of_the_organisation_covers_its_projects() -> None:
    """What the organisation logs for all services, every project below it logs too."""
    text = (
        'resource "google_project" "p" {\n  project_id = "p"\n}\n'
        'resource "google_organization_iam_audit_config" "o" {\n  org_id  = "1"\n  service = "allServices"\n'
        '  audit_log_config {\n    log_type = "DATA_READ"\n  }\n}\n'
    )
    assert verdict(text, "log.gcp-project.data-reads", "google_project.p") == "pass"
