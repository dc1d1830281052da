"""Compute Engine: machines, templates, disks, networks and firewall rules."""

import pytest
from iac import UNKNOWN, assets, table, verdict

HCL = (
    UNKNOWN
    + """
resource "google_service_account" "own" {
  account_id = "own"
}
resource "google_compute_instance" "good" {
  name         = "good"
  machine_type = "c3-standard-4"
  network_interface {
    network = "n"
  }
  shielded_instance_config {
    enable_secure_boot = true
  }
  service_account {
    email  = google_service_account.own.email
    scopes = ["cloud-platform"]
  }
  boot_disk {
    kms_key_self_link = google_kms_crypto_key.k.id
  }
  attached_disk {
    source = google_compute_disk.sealed.id
  }
  confidential_instance_config {
    confidential_instance_type = "TDX"
  }
  labels = { tier = "0" }
}
resource "google_compute_instance" "bare" {
  name = "bare"
}
resource "google_compute_instance" "open" {
  name         = "open"
  machine_type = "a3-highgpu-8g"
  network_interface {
    network = "inside"
  }
  network_interface {
    network = "outside"
    access_config {
    }
  }
  shielded_instance_config {
    enable_vtpm = false
  }
  service_account {
    scopes = ["cloud-platform"]
  }
  boot_disk {
    disk_encryption_key_raw = "c2VjcmV0LWtleS1vZi0zMi1ieXRlcy1pcy1ub3QtaGVyZQ=="
  }
  attached_disk {
    source = google_compute_disk.plain.id
  }
}
resource "google_compute_instance" "six" {
  name = "six"
  network_interface {
    ipv6_access_config {
      network_tier = "PREMIUM"
    }
  }
  service_account {
    email = "123-compute@developer.gserviceaccount.com"
  }
  boot_disk {
    source = "a-disk-of-somebody"
  }
}
resource "google_compute_instance" "asked" {
  name = "asked"
  network_interface {
    dynamic "access_config" {
      for_each = var.x
      content {}
    }
  }
  shielded_instance_config {
    enable_secure_boot          = var.x
    enable_vtpm                 = var.x
    enable_integrity_monitoring = true
  }
  service_account {
    email = var.x
  }
  boot_disk {
    kms_key_self_link = var.x
  }
  confidential_instance_config {
    confidential_instance_type = var.x
  }
  labels = { sensitivity = "high" }
}
resource "google_compute_instance" "node" {
  name = "gke-pool-1"
  service_account {
    email = "123-compute@developer.gserviceaccount.com"
  }
}
resource "google_compute_instance" "looked_up" {
  name = "looked-up"
  service_account {
    email = data.google_compute_default_service_account.d.email
  }
}
data "google_compute_default_service_account" "d" {}
resource "google_compute_instance_template" "t" {
  name         = "t"
  machine_type = "n1-standard-8"
  guest_accelerator {
    type  = "nvidia-tesla-t4"
    count = 4
  }
  network_interface {
    access_config {
    }
  }
  disk {
    disk_encryption_key {
      kms_key_self_link = google_kms_crypto_key.k.id
    }
  }
  disk {
    type      = "SCRATCH"
    disk_type = "local-ssd"
  }
  confidential_instance_config {
    enable_confidential_compute = true
  }
}
resource "google_compute_instance_from_template" "heir" {
  name                     = "heir"
  source_instance_template = google_compute_instance_template.t.id
}
resource "google_compute_instance_from_template" "own" {
  name                     = "own"
  source_instance_template = google_compute_instance_template.t.id
  network_interface {
    network = "n"
  }
}
resource "google_compute_instance_from_template" "lost" {
  name                     = "lost"
  source_instance_template = google_compute_instance_template.gone.id
}
resource "google_compute_disk" "sealed" {
  disk_encryption_key {
    kms_key_self_link = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }
}
resource "google_compute_disk" "supplied" {
  disk_encryption_key {
    raw_key = "c2VjcmV0LWtleS1vZi0zMi1ieXRlcy1pcy1ub3QtaGVyZQ=="
  }
}
resource "google_compute_disk" "plain" {
  name = "plain"
}
resource "google_compute_disk" "asked" {
  disk_encryption_key {
    kms_key_self_link = var.x
  }
}
"""
)

EXPECTED = table(
    """
net.gcp-machine.public-ip    google_compute_instance.good   pass
net.gcp-machine.public-ip    google_compute_instance.bare   pass
net.gcp-machine.public-ip    google_compute_instance.open   fail
net.gcp-machine.public-ip    google_compute_instance.six    fail
net.gcp-machine.public-ip    google_compute_instance.asked  unknown
net.gcp-machine.public-ip    google_compute_instance_template.t  fail
net.gcp-machine.public-ip    google_compute_instance_from_template.heir  fail
net.gcp-machine.public-ip    google_compute_instance_from_template.own   pass
net.gcp-machine.public-ip    google_compute_instance_from_template.lost  unknown
boot.gcp-machine.shielded    google_compute_instance.good   pass
boot.gcp-machine.shielded    google_compute_instance.bare   fail
boot.gcp-machine.shielded    google_compute_instance.open   fail
boot.gcp-machine.shielded    google_compute_instance.asked  unknown
boot.gcp-machine.secure-boot google_compute_instance.good   pass
boot.gcp-machine.secure-boot google_compute_instance.bare   fail
boot.gcp-machine.secure-boot google_compute_instance.asked  unknown
iam.gcp-machine.own-account  google_compute_instance.good   pass
iam.gcp-machine.own-account  google_compute_instance.bare   pass
iam.gcp-machine.own-account  google_compute_instance.open   fail
iam.gcp-machine.own-account  google_compute_instance.six    fail
iam.gcp-machine.own-account  google_compute_instance.asked  unknown
iam.gcp-machine.own-account  google_compute_instance.node   -
iam.gcp-machine.own-account  google_compute_instance.looked_up  fail
enc.gcp-machine.disks-cmk    google_compute_instance.good   pass
enc.gcp-machine.disks-cmk    google_compute_instance.bare   fail
enc.gcp-machine.disks-cmk    google_compute_instance.open   fail
enc.gcp-machine.disks-cmk    google_compute_instance.six    unknown
enc.gcp-machine.disks-cmk    google_compute_instance.asked  unknown
enc.gcp-machine.disks-cmk    google_compute_instance_template.t  pass
enc.gcp-machine.disks-cmk    google_compute_instance_from_template.heir  pass
enc.gcp-disk.cmk             google_compute_disk.sealed     pass
enc.gcp-disk.cmk             google_compute_disk.supplied   pass
enc.gcp-disk.cmk             google_compute_disk.plain      fail
enc.gcp-disk.cmk             google_compute_disk.asked      unknown
tee.gcp-machine.confidential google_compute_instance.good   pass
tee.gcp-machine.confidential google_compute_instance.bare   not-applicable
tee.gcp-machine.confidential google_compute_instance.open   fail
tee.gcp-machine.confidential google_compute_instance.asked  unknown
tee.gcp-machine.confidential google_compute_instance_template.t  pass
"""
)


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_machines(check: str, address: str, status: str) -> None:
    """Machines are judged by their own blocks, by their template's, and by the disks that they attach."""
    assert verdict(HCL, check, address) == status


def test_a_supplied_key_is_never_repeated() -> None:
    """A key that stands in the configuration is known to be there, and does not become a fact."""
    for address in ("google_compute_disk.supplied", "google_compute_instance.open"):
        assert "c2VjcmV0" not in repr(assets(HCL)[address])


def test_accelerators_of_machines_are_listed() -> None:
    """A machine's accelerators come from its type or from its block."""
    found = {
        name: (a.value("gpu.model"), a.value("gpu.count"))
        for name in ("google_compute_instance.open", "google_compute_instance_template.t")
        if (a := assets(HCL)[name])
    }
    assert set(found.values()) == {("NVIDIA H100", 8), ("NVIDIA T4", 4)}


NET = (
    UNKNOWN
    + """
resource "google_compute_firewall" "ssh" {
  allow {
    protocol = "tcp"
    ports    = ["20-25"]
  }
  source_ranges = ["10.0.0.0/8", "0.0.0.0/0"]
}
resource "google_compute_firewall" "six" {
  allow {
    protocol = "6"
    ports    = [22]
  }
  source_ranges = ["::/0"]
}
resource "google_compute_firewall" "all" {
  allow {
    protocol = "all"
  }
}
resource "google_compute_firewall" "tagged" {
  allow {
    protocol = "tcp"
  }
  source_tags = ["web"]
}
resource "google_compute_firewall" "inside" {
  allow {
    protocol = "tcp"
    ports    = ["22", "3389", "8265"]
  }
  source_ranges = ["10.0.0.0/8"]
}
resource "google_compute_firewall" "disabled" {
  disabled = true
  allow {
    protocol = "all"
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "denies" {
  deny {
    protocol = "all"
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "udp" {
  allow {
    protocol = "udp"
    ports    = ["22", "3389"]
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "ray" {
  allow {
    protocol = "tcp"
    ports    = ["8265"]
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "rdp" {
  allow {
    protocol = "tcp"
    ports    = ["3389"]
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "from" {
  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
  source_ranges = [var.x]
}
resource "google_compute_firewall" "ports" {
  allow {
    protocol = "tcp"
    ports    = [var.x]
  }
  source_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "out" {
  direction = "EGRESS"
  allow {
    protocol = "icmp"
  }
  destination_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "out_anywhere" {
  direction = "EGRESS"
  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
}
resource "google_compute_firewall" "out_listed" {
  direction = "EGRESS"
  allow {
    protocol = "tcp"
  }
  destination_ranges = ["199.36.153.8/30"]
}
resource "google_compute_firewall" "out_asked" {
  direction = "EGRESS"
  allow {
    protocol = "tcp"
  }
  destination_ranges = var.x
}
resource "google_compute_network" "open" {
  name = "open"
}
resource "google_compute_network" "closed" {
  name = "closed"
}
resource "google_compute_firewall" "closed_denies" {
  network   = google_compute_network.closed.id
  direction = "EGRESS"
  priority  = 65534
  deny {
    protocol = "all"
  }
  destination_ranges = ["0.0.0.0/0"]
}
resource "google_compute_firewall" "closed_allows" {
  network   = google_compute_network.closed.id
  direction = "EGRESS"
  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
  destination_ranges = ["199.36.153.8/30"]
}
resource "google_compute_network" "undone" {
  name = "undone"
}
resource "google_compute_firewall" "undone_denies" {
  network   = google_compute_network.undone.name
  direction = "EGRESS"
  deny {
    protocol = "all"
  }
}
resource "google_compute_firewall" "undone_allows" {
  network   = google_compute_network.undone.name
  direction = "EGRESS"
  priority  = 100
  allow {
    protocol = "all"
  }
}
resource "google_compute_network" "island" {
  name                            = "island"
  delete_default_routes_on_create = true
}
resource "google_compute_network" "bridged" {
  name                            = "bridged"
  delete_default_routes_on_create = true
}
resource "google_compute_route" "out" {
  network          = google_compute_network.bridged.name
  dest_range       = "0.0.0.0/0"
  next_hop_gateway = "default-internet-gateway"
}
resource "google_compute_network" "policed" {
  name = "policed"
}
resource "google_compute_network_firewall_policy" "p" {
  name = "p"
}
resource "google_compute_network_firewall_policy_association" "a" {
  attachment_target = google_compute_network.policed.id
  firewall_policy   = google_compute_network_firewall_policy.p.id
}
resource "google_compute_network_firewall_policy_rule" "r" {
  firewall_policy = google_compute_network_firewall_policy.p.id
  direction       = "EGRESS"
  action          = "deny"
  priority        = 1000
  match {
    dest_ip_ranges = ["0.0.0.0/0"]
    layer4_configs {
      ip_protocol = "all"
    }
  }
}
resource "google_compute_subnetwork" "good" {
  name                     = "good"
  private_ip_google_access = true
  log_config {
    flow_sampling = 0.5
  }
}
resource "google_compute_subnetwork" "bare" {
  name = "bare"
}
resource "google_compute_subnetwork" "older" {
  name             = "older"
  enable_flow_logs = true
}
resource "google_compute_subnetwork" "apart" {
  name = "apart"
}
resource "google_network_management_vpc_flow_logs_config" "apart" {
  subnet = google_compute_subnetwork.apart.id
}
resource "google_compute_subnetwork" "proxy" {
  name    = "proxy"
  purpose = "REGIONAL_MANAGED_PROXY"
}
resource "google_compute_subnetwork" "asked" {
  name                     = "asked"
  private_ip_google_access = var.x
  enable_flow_logs         = var.x
}
"""
)

NET_EXPECTED = table(
    """
net.gcp-firewall.ssh       google_compute_firewall.ssh       fail
net.gcp-firewall.ssh       google_compute_firewall.six       fail
net.gcp-firewall.ssh       google_compute_firewall.all       fail
net.gcp-firewall.ssh       google_compute_firewall.tagged    pass
net.gcp-firewall.ssh       google_compute_firewall.inside    pass
net.gcp-firewall.ssh       google_compute_firewall.disabled  pass
net.gcp-firewall.ssh       google_compute_firewall.denies    pass
net.gcp-firewall.ssh       google_compute_firewall.udp       pass
net.gcp-firewall.ssh       google_compute_firewall.from      unknown
net.gcp-firewall.ssh       google_compute_firewall.ports     unknown
net.gcp-firewall.ssh       google_compute_firewall.out       pass
net.gcp-firewall.rdp       google_compute_firewall.rdp       fail
net.gcp-firewall.rdp       google_compute_firewall.ssh       pass
net.gcp-firewall.rdp       google_compute_firewall.ports     unknown
net.gcp-firewall.ai-ports  google_compute_firewall.ray       fail
net.gcp-firewall.ai-ports  google_compute_firewall.rdp       pass
net.gcp-firewall.ai-ports  google_compute_firewall.ports     unknown
net.gcp-firewall.egress    google_compute_firewall.out           fail
net.gcp-firewall.egress    google_compute_firewall.out_anywhere  fail
net.gcp-firewall.egress    google_compute_firewall.out_listed    pass
net.gcp-firewall.egress    google_compute_firewall.out_asked     unknown
net.gcp-firewall.egress    google_compute_firewall.closed_denies pass
net.gcp-firewall.egress    google_compute_firewall.ssh           pass
net.gcp-network.egress-denied  google_compute_network.open     fail
net.gcp-network.egress-denied  google_compute_network.closed   pass
net.gcp-network.egress-denied  google_compute_network.undone   fail
net.gcp-network.egress-denied  google_compute_network.island   pass
net.gcp-network.egress-denied  google_compute_network.bridged  fail
net.gcp-network.egress-denied  google_compute_network.policed  pass
log.gcp-subnet.flows           google_compute_subnetwork.good   pass
log.gcp-subnet.flows           google_compute_subnetwork.bare   fail
log.gcp-subnet.flows           google_compute_subnetwork.older  pass
log.gcp-subnet.flows           google_compute_subnetwork.apart  pass
log.gcp-subnet.flows           google_compute_subnetwork.proxy  -
log.gcp-subnet.flows           google_compute_subnetwork.asked  unknown
net.gcp-subnet.private-access  google_compute_subnetwork.good   pass
net.gcp-subnet.private-access  google_compute_subnetwork.bare   fail
net.gcp-subnet.private-access  google_compute_subnetwork.proxy  -
net.gcp-subnet.private-access  google_compute_subnetwork.asked  unknown
"""
)


@pytest.mark.parametrize(("check", "address", "status"), NET_EXPECTED)
def test_networks(check: str, address: str, status: str) -> None:
    """Rules are judged by what they let through, networks by all their rules and routes together."""
    assert verdict(NET, check, address) == status


def test_a_network_whose_rules_may_lie_elsewhere_is_not_known() -> None:
    """A rule for a network that is not known may be the one that denies."""
    text = UNKNOWN + (
        'resource "google_compute_network" "n" {\n  name = "n"\n}\n'
        'resource "google_compute_firewall" "f" {\n  network = var.x\n  direction = "EGRESS"\n'
        '  deny {\n    protocol = "all"\n  }\n}\n'
    )
    assert verdict(text, "net.gcp-network.egress-denied", "google_compute_network.n") == "unknown"
