"""GKE: the control plane, nodes, and what Autopilot settles by itself."""

import pytest
from iac import UNKNOWN, assets, table, verdict

HCL = (
    UNKNOWN
    + """
resource "google_container_cluster" "good" {
  name                        = "good"
  remove_default_node_pool    = true
  initial_node_count          = 1
  datapath_provider           = "ADVANCED_DATAPATH"
  in_transit_encryption_config = "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT"
  master_authorized_networks_config {
    cidr_blocks {
      cidr_block = "10.0.0.0/8"
    }
  }
  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = true
  }
  binary_authorization {
    evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"
  }
  database_encryption {
    state    = "ENCRYPTED"
    key_name = var.x
  }
  workload_identity_config {
    workload_pool = "p.svc.id.goog"
  }
}
resource "google_container_node_pool" "good" {
  cluster = google_container_cluster.good.id
  node_config {
    service_account   = google_service_account.nodes.email
    boot_disk_kms_key = google_kms_crypto_key.k.id
    shielded_instance_config {
      enable_secure_boot = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}
resource "google_container_node_pool" "heir" {
  cluster = google_container_cluster.good.name
  node_config {
    shielded_instance_config {
      enable_integrity_monitoring = false
    }
  }
}
resource "google_container_node_pool" "exposed" {
  cluster = google_container_cluster.good.name
  network_config {
    enable_private_nodes = false
  }
  node_config {
    service_account = "default"
    workload_metadata_config {
      mode = "GCE_METADATA"
    }
  }
}
resource "google_container_node_pool" "elsewhere" {
  cluster = data.google_container_cluster.c.name
  node_config {
    service_account = var.x
  }
}
resource "google_container_cluster" "bare" {
  name               = "bare"
  initial_node_count = 1
}
resource "google_container_cluster" "open" {
  name                  = "open"
  enable_shielded_nodes = false
  enable_legacy_abac    = true
  logging_service       = "none"
  master_authorized_networks_config {
    cidr_blocks {
      cidr_block = "10.0.0.0/8"
    }
    cidr_blocks {
      cidr_block = "0.0.0.0/1"
    }
  }
  network_policy {
    enabled = false
  }
  node_config {
    workload_metadata_config {
      node_metadata = "EXPOSE"
    }
  }
}
resource "google_container_cluster" "older" {
  name                        = "older"
  enable_binary_authorization = true
  network_policy {
    enabled = true
  }
  node_config {
    service_account = "n@p.iam.gserviceaccount.com"
    workload_metadata_config {
      node_metadata = "GKE_METADATA_SERVER"
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
}
resource "google_container_cluster" "pilot" {
  name             = "pilot"
  enable_autopilot = true
  cluster_autoscaling {
    auto_provisioning_defaults {
      service_account = "n@p.iam.gserviceaccount.com"
    }
  }
}
resource "google_container_cluster" "provisions" {
  name = "provisions"
  cluster_autoscaling {
    enabled = true
    auto_provisioning_defaults {
      disk_type = "pd-ssd"
    }
  }
}
resource "google_container_cluster" "by_name_only" {
  name = "by-name-only"
  control_plane_endpoints_config {
    ip_endpoints_config {
      enabled = false
    }
    dns_endpoint_config {
      allow_external_traffic = false
    }
  }
}
resource "google_container_cluster" "named_openly" {
  name                     = "named-openly"
  remove_default_node_pool = true
  node_pool {
    name = "default-pool"
    node_config {
      machine_type = "e2-standard-4"
    }
  }
  master_authorized_networks_config {}
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
  }
}
resource "google_container_node_pool" "of_nothing_here" {
  cluster = google_container_cluster.elsewhere.name
  node_config {
    machine_type = "e2-standard-8"
  }
}
resource "google_container_cluster" "asked" {
  name                  = "asked"
  enable_shielded_nodes = var.x
  datapath_provider     = var.x
  remove_default_node_pool = var.x
  master_authorized_networks_config {
    cidr_blocks {
      cidr_block = var.x
    }
  }
  private_cluster_config {
    enable_private_nodes    = var.x
    enable_private_endpoint = var.x
  }
  binary_authorization {
    evaluation_mode = var.x
  }
  database_encryption {
    state    = var.x
    key_name = "k"
  }
  in_transit_encryption_config = var.x
  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", var.x]
  }
  enable_legacy_abac = var.x
}
resource "google_container_cluster" "asked_nodes" {
  name = "asked-nodes"
  node_config {
    service_account = var.x
    boot_disk_kms_key = var.x
    shielded_instance_config {
      enable_secure_boot          = var.x
      enable_integrity_monitoring = var.x
    }
    workload_metadata_config {
      mode = var.x
    }
  }
}
resource "google_service_account" "nodes" {
  account_id = "nodes"
}
data "google_container_cluster" "c" {
  name = "c"
}
"""
)

EXPECTED = table(
    """
net.gke.api-world            google_container_cluster.good      pass
net.gke.api-world            google_container_cluster.open      fail
net.gke.api-world            google_container_cluster.bare      -
net.gke.api-world            google_container_cluster.asked     unknown
net.gke.authorized-networks  google_container_cluster.good      pass
net.gke.authorized-networks  google_container_cluster.bare      fail
net.gke.authorized-networks  google_container_cluster.asked     pass
net.gke.authorized-networks  google_container_cluster.by_name_only  pass
net.gke.authorized-networks  google_container_cluster.named_openly  fail
net.gke.private-api          google_container_cluster.named_openly  fail
boot.gke.secure-boot         google_container_cluster.named_openly  -
enc.gke.node-disks-cmk       google_container_cluster.named_openly  -
net.gke.metadata             google_container_cluster.named_openly  -
net.gke.metadata             google_container_node_pool.of_nothing_here  unknown
net.gke.private-api          google_container_cluster.good      pass
net.gke.private-api          google_container_cluster.bare      fail
net.gke.private-api          google_container_cluster.by_name_only  pass
net.gke.private-api          google_container_cluster.asked     unknown
net.gke.private-nodes        google_container_cluster.good      pass
net.gke.private-nodes        google_container_cluster.bare      fail
net.gke.private-nodes        google_container_cluster.asked     unknown
net.gke.pool-private-nodes   google_container_node_pool.heir    pass
net.gke.pool-private-nodes   google_container_node_pool.exposed fail
net.gke.pool-private-nodes   google_container_node_pool.elsewhere  unknown
boot.gke.secure-boot         google_container_cluster.good      -
boot.gke.secure-boot         google_container_cluster.older     pass
boot.gke.secure-boot         google_container_cluster.open      fail
boot.gke.secure-boot         google_container_cluster.pilot     pass
boot.gke.secure-boot         google_container_cluster.asked_nodes  unknown
boot.gke.secure-boot         google_container_node_pool.good    pass
boot.gke.secure-boot         google_container_node_pool.heir    fail
boot.gke.integrity           google_container_node_pool.good    pass
boot.gke.integrity           google_container_node_pool.heir    fail
boot.gke.integrity           google_container_cluster.asked_nodes  unknown
boot.gke.shielded-nodes      google_container_cluster.bare      pass
boot.gke.shielded-nodes      google_container_cluster.open      fail
boot.gke.shielded-nodes      google_container_cluster.asked     unknown
net.gke.metadata             google_container_cluster.good      -
net.gke.metadata             google_container_cluster.bare      fail
net.gke.metadata             google_container_cluster.older     pass
net.gke.metadata             google_container_cluster.open      fail
net.gke.metadata             google_container_cluster.pilot     pass
net.gke.metadata             google_container_cluster.asked     unknown
net.gke.metadata             google_container_cluster.asked_nodes  unknown
net.gke.metadata             google_container_node_pool.good    pass
net.gke.metadata             google_container_node_pool.heir    pass
net.gke.metadata             google_container_node_pool.exposed fail
net.gke.metadata             google_container_node_pool.elsewhere  unknown
net.gke.network-policy       google_container_cluster.good      pass
net.gke.network-policy       google_container_cluster.older     pass
net.gke.network-policy       google_container_cluster.pilot     pass
net.gke.network-policy       google_container_cluster.open      fail
net.gke.network-policy       google_container_cluster.bare      fail
net.gke.network-policy       google_container_cluster.asked     unknown
art.gke.signed-images        google_container_cluster.good      pass
art.gke.signed-images        google_container_cluster.older     pass
art.gke.signed-images        google_container_cluster.bare      fail
art.gke.signed-images        google_container_cluster.asked     unknown
iam.gke.own-account          google_container_cluster.good      -
iam.gke.own-account          google_container_cluster.bare      fail
iam.gke.own-account          google_container_cluster.older     pass
iam.gke.own-account          google_container_cluster.pilot     pass
iam.gke.own-account          google_container_cluster.provisions  fail
iam.gke.own-account          google_container_cluster.asked     unknown
iam.gke.own-account          google_container_cluster.asked_nodes  unknown
iam.gke.own-account          google_container_node_pool.good    pass
iam.gke.own-account          google_container_node_pool.heir    fail
iam.gke.own-account          google_container_node_pool.exposed fail
iam.gke.own-account          google_container_node_pool.elsewhere  unknown
iam.gke.no-shared-login      google_container_cluster.bare      pass
iam.gke.no-shared-login      google_container_cluster.open      fail
iam.gke.no-shared-login      google_container_cluster.asked     unknown
enc.gke.secrets-cmk          google_container_cluster.good      pass
enc.gke.secrets-cmk          google_container_cluster.bare      fail
enc.gke.secrets-cmk          google_container_cluster.asked     unknown
enc.gke.node-disks-cmk       google_container_node_pool.good    pass
enc.gke.node-disks-cmk       google_container_node_pool.heir    fail
enc.gke.node-disks-cmk       google_container_cluster.asked_nodes  unknown
enc.gke.node-traffic         google_container_cluster.good      pass
enc.gke.node-traffic         google_container_cluster.bare      fail
enc.gke.node-traffic         google_container_cluster.asked     unknown
log.gke.workloads            google_container_cluster.bare      pass
log.gke.workloads            google_container_cluster.open      fail
log.gke.workloads            google_container_cluster.asked     unknown
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Clusters and pools are judged by their own words, by each other's, and by what Autopilot settles."""
    assert verdict(HCL, check, address) == status


GPUS = (
    UNKNOWN
    + """
resource "google_container_cluster" "mixed" {
  name                     = "mixed"
  remove_default_node_pool = true
  confidential_nodes {
    enabled = true
  }
}
resource "google_container_node_pool" "cpu" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = "e2-standard-8"
  }
}
resource "google_container_node_pool" "h100" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = "a3-highgpu-8g"
    guest_accelerator {
      type  = "nvidia-h100-80gb"
      count = 8
      gpu_driver_installation_config {
        gpu_driver_version = "LATEST"
      }
    }
  }
}
resource "google_container_cluster" "only_gpus" {
  name                     = "only-gpus"
  remove_default_node_pool = true
}
resource "google_container_node_pool" "untainted" {
  cluster = google_container_cluster.only_gpus.name
  node_config {
    machine_type = "g2-standard-24"
    taint {
      key    = "soft"
      value  = "yes"
      effect = "PREFER_NO_SCHEDULE"
    }
  }
}
resource "google_container_node_pool" "tainted" {
  cluster = google_container_cluster.only_gpus.name
  management {
    auto_upgrade = false
  }
  node_config {
    machine_type = "n1-standard-8"
    guest_accelerator {
      type               = "nvidia-tesla-a100"
      count              = 1
      gpu_partition_size = "1g.5gb"
    }
    taint {
      key    = "nvidia.com/gpu"
      value  = "present"
      effect = "NO_EXECUTE"
    }
    confidential_nodes {
      enabled                    = true
      confidential_instance_type = "TDX"
    }
  }
}
resource "google_container_node_pool" "sliced" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = "a2-highgpu-1g"
    guest_accelerator {
      type               = "nvidia-tesla-a100"
      count              = 1
      gpu_partition_size = "1g.5gb"
      gpu_sharing_config {
        gpu_sharing_strategy       = "TIME_SHARING"
        max_shared_clients_per_gpu = 4
      }
    }
    resource_labels = { tier = "2" }
  }
}
resource "google_container_node_pool" "served" {
  cluster = google_container_cluster.mixed.name
  node_config {
    guest_accelerator {
      type  = "nvidia-l4"
      count = 1
      gpu_driver_installation_config {
        gpu_driver_version = "INSTALLATION_DISABLED"
      }
      gpu_sharing_config {
        gpu_sharing_strategy       = "MPS"
        max_shared_clients_per_gpu = 8
      }
    }
  }
}
resource "google_container_node_pool" "tpu" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = "ct6e-standard-4t"
  }
}
resource "google_container_node_pool" "asked" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = "g2-standard-4"
    guest_accelerator {
      type  = var.x
      count = var.x
      gpu_driver_installation_config {
        gpu_driver_version = var.x
      }
      gpu_sharing_config {
        gpu_sharing_strategy       = var.x
        max_shared_clients_per_gpu = 2
      }
    }
    confidential_nodes {
      enabled = var.x
    }
  }
}
resource "google_container_node_pool" "whatever" {
  cluster = google_container_cluster.mixed.name
  node_config {
    machine_type = var.x
  }
}
resource "google_container_cluster" "itself" {
  name = "itself"
  node_config {
    machine_type = "a2-ultragpu-4g"
  }
}
"""
)

GPUS_EXPECTED = table(
    """
gpu.gke.taint            google_container_node_pool.h100       pass
gpu.gke.taint            google_container_node_pool.cpu        -
gpu.gke.taint            google_container_node_pool.untainted  fail
gpu.gke.taint            google_container_node_pool.tainted    pass
gpu.gke.taint            google_container_node_pool.tpu        pass
gpu.gke.taint            google_container_cluster.itself       fail
gpu.gke.no-time-slicing  google_container_node_pool.h100       pass
gpu.gke.no-time-slicing  google_container_node_pool.tainted    pass
gpu.gke.no-time-slicing  google_container_node_pool.sliced     fail
gpu.gke.no-time-slicing  google_container_node_pool.served     fail
gpu.gke.no-time-slicing  google_container_node_pool.asked      unknown
gpu.gke.driver           google_container_node_pool.h100       pass
gpu.gke.driver           google_container_node_pool.untainted  pass
gpu.gke.driver           google_container_node_pool.tainted    fail
gpu.gke.driver           google_container_node_pool.served     fail
gpu.gke.driver           google_container_node_pool.asked      unknown
gpu.gke.driver           google_container_node_pool.tpu        -
tee.gcp-machine.confidential  google_container_node_pool.h100      pass
tee.gcp-machine.confidential  google_container_node_pool.cpu       not-applicable
tee.gcp-machine.confidential  google_container_node_pool.untainted fail
tee.gcp-machine.confidential  google_container_node_pool.tainted   pass
tee.gcp-machine.confidential  google_container_node_pool.sliced    not-applicable
tee.gcp-machine.confidential  google_container_node_pool.asked     unknown
tee.gcp-machine.confidential  google_container_cluster.itself      fail
"""
)


@pytest.mark.parametrize(("check", "address", "status"), GPUS_EXPECTED)
def test_accelerator_pools(check: str, address: str, status: str) -> None:
    """Pools with accelerators are judged by taints (GKE's own included), sharing, driver and confidential nodes."""
    assert verdict(GPUS, check, address) == status


@pytest.mark.parametrize(
    ("name", "model", "count", "sharing"),
    [
        ("h100", "NVIDIA H100", 8, "none"),
        ("untainted", "NVIDIA L4", 2, "none"),
        ("tainted", "NVIDIA A100", 1, "mig"),
        ("sliced", "NVIDIA A100", 1, "time-slicing"),
        ("tpu", "Google TPU v6e", 4, "none"),
        ("asked", "NVIDIA L4", 1, None),
    ],
)
def test_pools_are_listed_with_their_accelerators(name: str, model: str, count: int, sharing: str | None) -> None:
    """The inventory says model, number and sharing of every pool; what a block leaves open, the machine type says."""
    asset = assets(GPUS)[f"google_container_node_pool.{name}"]
    assert (asset.value("gpu.model"), asset.value("gpu.count")) == (model, count)
    assert sharing is None or asset.value("gpu.sharing") == sharing


def test_a_pool_of_an_unknown_machine_may_have_accelerators() -> None:
    """A machine type that is not known leaves open whether there are accelerators, and is not read as none."""
    asset = assets(GPUS)["google_container_node_pool.whatever"]
    assert "gpu.model" in asset.facts
    assert "gpu.model" not in assets(GPUS)["google_container_node_pool.cpu"].facts
