"""Vertex AI: notebooks, endpoints, indexes, feature stores and TPUs."""

import pytest
from iac import UNKNOWN, assets, table, verdict

HCL = (
    UNKNOWN
    + """
resource "google_notebooks_instance" "good" {
  name            = "good"
  no_public_ip    = true
  disk_encryption = "CMEK"
  kms_key         = var.x
  service_account = "nb@p.iam.gserviceaccount.com"
  metadata        = { notebook-disable-root = "true" }
  shielded_instance_config {
    enable_secure_boot = true
  }
  accelerator_config {
    type       = "NVIDIA_TESLA_T4"
    core_count = 2
  }
}
resource "google_notebooks_instance" "bare" {
  name = "bare"
}
resource "google_notebooks_instance" "off" {
  no_public_ip    = false
  disk_encryption = "GMEK"
  kms_key         = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  service_account = "1-compute@developer.gserviceaccount.com"
  shielded_instance_config {
    enable_vtpm                 = false
    enable_integrity_monitoring = false
  }
}
resource "google_notebooks_instance" "asked" {
  no_public_ip    = var.x
  disk_encryption = var.x
  kms_key         = "k"
  service_account = var.x
  shielded_instance_config {
    enable_vtpm                 = var.x
    enable_integrity_monitoring = var.x
    enable_secure_boot          = var.x
  }
}
resource "google_workbench_instance" "good" {
  gce_setup {
    disable_public_ip = true
    boot_disk {
      disk_encryption = "CMEK"
      kms_key         = google_kms_crypto_key.k.id
    }
    data_disks {
      disk_encryption = "CMEK"
      kms_key         = google_kms_crypto_key.k.id
    }
    confidential_instance_config {
      confidential_instance_type = "SEV"
    }
    machine_type = "n2d-standard-4"
  }
  labels = { tier = "0" }
}
resource "google_workbench_instance" "half" {
  gce_setup {
    boot_disk {
      disk_encryption = "CMEK"
      kms_key         = google_kms_crypto_key.k.id
    }
    data_disks {
      disk_size_gb = 100
    }
  }
  labels = { tier = "0" }
}
resource "google_workbench_instance" "bare" {
  name = "bare"
}
resource "google_notebooks_runtime" "good" {
  virtual_machine {
    virtual_machine_config {
      internal_ip_only = true
      encryption_config {
        kms_key = "k"
      }
    }
  }
}
resource "google_notebooks_runtime" "bare" {
  name = "bare"
}
resource "google_colab_runtime_template" "open" {
  display_name = "t"
  network_spec {
    enable_internet_access = true
  }
}
resource "google_vertex_ai_endpoint" "peered" {
  network = "projects/${data.google_project.p.number}/global/networks/n"
  encryption_spec {
    kms_key_name = var.x
  }
}
resource "google_vertex_ai_endpoint" "service" {
  private_service_connect_config {
    enable_private_service_connect = true
  }
}
resource "google_vertex_ai_endpoint" "bare" {
  name = "1"
}
resource "google_vertex_ai_endpoint" "asked" {
  network = var.x
}
resource "google_vertex_ai_index_endpoint" "open" {
  public_endpoint_enabled = true
}
resource "google_vertex_ai_index_endpoint" "bare" {
  display_name = "i"
}
resource "google_vertex_ai_index_endpoint" "asked" {
  public_endpoint_enabled = var.x
}
resource "google_vertex_ai_feature_online_store" "served" {
  name = "s"
  optimized {}
}
resource "google_vertex_ai_feature_online_store" "table" {
  name = "t"
  bigtable {
    auto_scaling {
      min_node_count = 1
      max_node_count = 3
    }
  }
}
resource "google_vertex_ai_dataset" "sealed" {
  encryption_spec {
    kms_key_name = "k"
  }
}
resource "google_vertex_ai_metadata_store" "bare" {}
resource "google_vertex_ai_tensorboard" "bare" {}
resource "google_vertex_ai_featurestore" "bare" {}
resource "google_tpu_v2_vm" "closed" {
  accelerator_type = "v5p-8"
  network_config {
    enable_external_ips = false
  }
  service_account {
    email = "tpu@p.iam.gserviceaccount.com"
  }
}
resource "google_tpu_v2_vm" "bare" {
  name = "bare"
}
resource "google_tpu_v2_vm" "asked" {
  network_config {
    enable_external_ips = var.x
  }
}
resource "google_cloud_run_v2_service" "gpu" {
  name = "infer"
  template {
    node_selector {
      accelerator = "nvidia-l4"
    }
  }
}
resource "google_cloud_run_v2_service_iam_member" "all" {
  name   = google_cloud_run_v2_service.gpu.name
  role   = "roles/run.invoker"
  member = "allUsers"
}
resource "google_cloud_run_v2_service" "plain" {
  name = "site"
}
data "google_project" "p" {}
"""
)

EXPECTED = table(
    """
net.vertex-notebook.public-ip    google_notebooks_instance.good    pass
net.vertex-notebook.public-ip    google_notebooks_instance.bare    fail
net.vertex-notebook.public-ip    google_notebooks_instance.off     fail
net.vertex-notebook.public-ip    google_notebooks_instance.asked   unknown
net.vertex-notebook.public-ip    google_workbench_instance.good    pass
net.vertex-notebook.public-ip    google_workbench_instance.bare    fail
net.vertex-notebook.public-ip    google_notebooks_runtime.good     pass
net.vertex-notebook.public-ip    google_notebooks_runtime.bare     fail
net.vertex-notebook.internet     google_colab_runtime_template.open fail
enc.vertex.cmk                   google_notebooks_instance.good    pass
enc.vertex.cmk                   google_notebooks_instance.bare    fail
enc.vertex.cmk                   google_notebooks_instance.off     fail
enc.vertex.cmk                   google_notebooks_instance.asked   unknown
enc.vertex.cmk                   google_workbench_instance.good    pass
enc.vertex.cmk                   google_workbench_instance.half    fail
enc.vertex.cmk                   google_workbench_instance.bare    fail
enc.vertex.cmk                   google_notebooks_runtime.good     pass
enc.vertex.cmk                   google_notebooks_runtime.bare     fail
enc.vertex.cmk                   google_vertex_ai_endpoint.peered  pass
enc.vertex.cmk                   google_vertex_ai_endpoint.bare    fail
enc.vertex.cmk                   google_vertex_ai_dataset.sealed   pass
enc.vertex.cmk                   google_vertex_ai_metadata_store.bare  fail
enc.vertex.cmk                   google_vertex_ai_tensorboard.bare     fail
enc.vertex.cmk                   google_vertex_ai_featurestore.bare    fail
boot.vertex-notebook.vtpm        google_notebooks_instance.bare    pass
boot.vertex-notebook.vtpm        google_notebooks_instance.off     fail
boot.vertex-notebook.vtpm        google_notebooks_instance.asked   unknown
boot.vertex-notebook.integrity   google_notebooks_instance.good    pass
boot.vertex-notebook.integrity   google_notebooks_instance.off     fail
boot.vertex-notebook.integrity   google_notebooks_instance.asked   unknown
boot.vertex-notebook.secure-boot google_notebooks_instance.good    pass
boot.vertex-notebook.secure-boot google_notebooks_instance.bare    fail
boot.vertex-notebook.secure-boot google_notebooks_instance.asked   unknown
iam.vertex-notebook.own-account  google_notebooks_instance.good    pass
iam.vertex-notebook.own-account  google_notebooks_instance.bare    fail
iam.vertex-notebook.own-account  google_notebooks_instance.off     fail
iam.vertex-notebook.own-account  google_notebooks_instance.asked   unknown
iam.vertex-notebook.root         google_notebooks_instance.good    pass
iam.vertex-notebook.root         google_notebooks_instance.bare    fail
net.vertex-endpoint.private      google_vertex_ai_endpoint.peered  pass
net.vertex-endpoint.private      google_vertex_ai_endpoint.service pass
net.vertex-endpoint.private      google_vertex_ai_endpoint.bare    fail
net.vertex-endpoint.private      google_vertex_ai_endpoint.asked   unknown
net.vertex-endpoint.private      google_cloud_run_v2_service.gpu   fail
net.vertex-endpoint.private      google_cloud_run_v2_service.plain -
net.vertex-index.private         google_vertex_ai_index_endpoint.open   fail
net.vertex-index.private         google_vertex_ai_index_endpoint.bare   pass
net.vertex-index.private         google_vertex_ai_index_endpoint.asked  unknown
net.vertex-index.private         google_vertex_ai_feature_online_store.served  fail
net.vertex-index.private         google_vertex_ai_feature_online_store.table   -
iam.vertex-service.no-anonymous  google_cloud_run_v2_service.gpu   fail
iam.gcp-grant.public             google_cloud_run_v2_service_iam_member.all  fail
net.gcp-machine.public-ip        google_tpu_v2_vm.closed  pass
net.gcp-machine.public-ip        google_tpu_v2_vm.bare    fail
net.gcp-machine.public-ip        google_tpu_v2_vm.asked   unknown
iam.gcp-machine.own-account      google_tpu_v2_vm.closed  pass
iam.gcp-machine.own-account      google_tpu_v2_vm.bare    fail
tee.gcp-machine.confidential     google_workbench_instance.good  pass
tee.gcp-machine.confidential     google_workbench_instance.half  fail
tee.gcp-machine.confidential     google_workbench_instance.bare  not-applicable
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Notebooks, endpoints, indexes and TPUs are judged by what is said, and by Google's defaults where nothing is."""
    assert verdict(HCL, check, address) == status


@pytest.mark.parametrize(
    ("address", "kind", "model", "count"),
    [
        ("google_notebooks_instance.good", "ai.notebook", "NVIDIA T4", 2),
        ("google_tpu_v2_vm.closed", "compute.instance", "Google TPU v5p", 4),
        ("google_tpu_v2_vm.bare", "compute.instance", "Google TPU v2", 4),
        ("google_cloud_run_v2_service.gpu", "ai.endpoint", "NVIDIA L4", 1),
    ],
)
def test_accelerators_are_in_the_inventory(address: str, kind: str, model: str, count: float) -> None:
    """Whatever has an accelerator is listed with its model and number."""
    asset = assets(HCL)[address]
    assert (asset.kind, asset.value("gpu.model"), asset.value("gpu.count")) == (kind, model, count)


def test_a_service_without_accelerator_is_no_endpoint() -> None:
    """A web service of Cloud Run is not counted among the AI services."""
    assert assets(HCL)["google_cloud_run_v2_service.plain"].kind == "other"
