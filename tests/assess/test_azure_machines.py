"""Azure machines, scale sets, batch pools and container groups."""

import pytest
from iac import UNKNOWN, verdict

HCL = (
    UNKNOWN
    + """
resource "azurerm_network_interface" "private" {
  name = "private"
  ip_configuration {
    name = "a"
  }
}
resource "azurerm_network_interface" "public" {
  name = "public"
  ip_configuration {
    name = "a"
  }
  ip_configuration {
    name                 = "b"
    public_ip_address_id = azurerm_public_ip.p.id
  }
}
resource "azurerm_network_interface" "asked" {
  name = "asked"
  ip_configuration {
    name                 = "a"
    public_ip_address_id = var.x
  }
}
resource "azurerm_linux_virtual_machine" "good" {
  name                       = "good"
  size                       = "Standard_NCC40ads_H100_v5"
  encryption_at_host_enabled = true
  secure_boot_enabled        = true
  vtpm_enabled               = true
  network_interface_ids      = [azurerm_network_interface.private.id]
  os_disk {
    security_encryption_type = "DiskWithVMGuestState"
  }
}
resource "azurerm_virtual_machine_extension" "gpu" {
  virtual_machine_id         = azurerm_linux_virtual_machine.good.id
  publisher                  = "Microsoft.HpcCompute"
  type                       = "NvidiaGpuDriverLinux"
  auto_upgrade_minor_version = true
}
resource "azurerm_linux_virtual_machine" "bare" {
  name                  = "bare"
  size                  = "Standard_NC24ads_A100_v4"
  network_interface_ids = [azurerm_network_interface.public.id]
  os_disk {
    caching = "None"
  }
}
resource "azurerm_linux_virtual_machine" "bad" {
  name                            = "bad"
  size                            = "Standard_DC4as_v5"
  disable_password_authentication = false
  network_interface_ids           = [azurerm_network_interface.private.id, azurerm_network_interface.public.id]
  os_disk {
    security_encryption_type = "VMGuestStateOnly"
  }
  tags = { tier = "0" }
}
resource "azurerm_linux_virtual_machine" "asked" {
  name                            = "asked"
  size                            = "Standard_D4s_v5"
  disable_password_authentication = var.x
  encryption_at_host_enabled      = var.x
  secure_boot_enabled             = var.x
  network_interface_ids           = [azurerm_network_interface.asked.id]
}
resource "azurerm_windows_virtual_machine" "win" {
  name                       = "win"
  size                       = "Standard_NV12ads_A10_v5"
  encryption_at_host_enabled = true
}
resource "azurerm_linux_virtual_machine_scale_set" "good" {
  name                       = "good"
  sku                        = "Standard_ND96isr_H100_v5"
  encryption_at_host_enabled = true
  tags                       = { tier = "2" }
  network_interface {
    name = "a"
    ip_configuration {
      name = "a"
    }
  }
  extension {
    name      = "gpu"
    publisher = "Microsoft.HpcCompute"
  }
}
resource "azurerm_linux_virtual_machine_scale_set" "bad" {
  name                            = "bad"
  sku                             = "Standard_F2"
  disable_password_authentication = false
  network_interface {
    name = "a"
    ip_configuration {
      name = "a"
      public_ip_address {
        name = "p"
      }
    }
  }
}
resource "azurerm_windows_virtual_machine_scale_set" "bare" {
  name = "bare"
}
resource "azurerm_orchestrated_virtual_machine_scale_set" "flex" {
  name                       = "flex"
  encryption_at_host_enabled = true
  os_profile {
    linux_configuration {
      disable_password_authentication = false
    }
  }
}
resource "azurerm_virtual_machine" "good" {
  name    = "good"
  vm_size = "Standard_NC6"
  os_profile_linux_config {
    disable_password_authentication = true
  }
}
resource "azurerm_virtual_machine" "bad" {
  name = "bad"
  os_profile_linux_config {
    disable_password_authentication = false
  }
}
resource "azurerm_virtual_machine" "asked" {
  name = "asked"
  os_profile_linux_config {
    disable_password_authentication = var.x
  }
}
resource "azurerm_virtual_machine_scale_set" "old" {
  name = "old"
  os_profile_linux_config {
    disable_password_authentication = false
  }
  network_profile {
    name = "a"
    ip_configuration {
      name = "a"
      public_ip_address_configuration {
        name = "p"
      }
    }
  }
}
resource "azurerm_batch_pool" "good" {
  name    = "good"
  vm_size = "standard_nd40rs_v2"
  network_configuration {
    public_address_provisioning_type = "NoPublicIPAddresses"
  }
}
resource "azurerm_batch_pool" "bare" {
  name    = "bare"
  vm_size = "STANDARD_D2_V3"
}
resource "azurerm_container_group" "good" {
  name            = "good"
  sku             = "Confidential"
  ip_address_type = "Private"
  tags            = { artifact = "weights" }
}
resource "azurerm_container_group" "bare" {
  name = "bare"
  tags = { artifact = "weights" }
}
"""
)

EXPECTED = [
    ("iam.machine.password", "azurerm_linux_virtual_machine.good", "pass"),
    ("iam.machine.password", "azurerm_linux_virtual_machine.bare", "pass"),
    ("iam.machine.password", "azurerm_linux_virtual_machine.bad", "fail"),
    ("iam.machine.password", "azurerm_linux_virtual_machine.asked", "unknown"),
    ("iam.machine.password", "azurerm_windows_virtual_machine.win", "-"),
    ("iam.machine.password", "azurerm_linux_virtual_machine_scale_set.good", "pass"),
    ("iam.machine.password", "azurerm_linux_virtual_machine_scale_set.bad", "fail"),
    ("iam.machine.password", "azurerm_orchestrated_virtual_machine_scale_set.flex", "fail"),
    ("iam.machine.password", "azurerm_virtual_machine.good", "pass"),
    ("iam.machine.password", "azurerm_virtual_machine.bad", "fail"),
    ("iam.machine.password", "azurerm_virtual_machine.asked", "unknown"),
    ("iam.machine.password", "azurerm_virtual_machine_scale_set.old", "fail"),
    ("enc.machine.at-host", "azurerm_linux_virtual_machine.good", "pass"),
    ("enc.machine.at-host", "azurerm_linux_virtual_machine.bare", "fail"),
    ("enc.machine.at-host", "azurerm_linux_virtual_machine.asked", "unknown"),
    ("enc.machine.at-host", "azurerm_windows_virtual_machine.win", "pass"),
    ("enc.machine.at-host", "azurerm_linux_virtual_machine_scale_set.good", "pass"),
    ("enc.machine.at-host", "azurerm_windows_virtual_machine_scale_set.bare", "fail"),
    ("enc.machine.at-host", "azurerm_orchestrated_virtual_machine_scale_set.flex", "pass"),
    ("boot.azure-machine.secure-boot", "azurerm_linux_virtual_machine.good", "pass"),
    ("boot.azure-machine.secure-boot", "azurerm_linux_virtual_machine.bare", "fail"),
    ("boot.azure-machine.secure-boot", "azurerm_linux_virtual_machine.asked", "unknown"),
    ("boot.azure-machine.vtpm", "azurerm_linux_virtual_machine.good", "pass"),
    ("boot.azure-machine.vtpm", "azurerm_linux_virtual_machine.bare", "fail"),
    ("tee.azure-machine.confidential", "azurerm_linux_virtual_machine.good", "pass"),
    ("tee.azure-machine.confidential", "azurerm_linux_virtual_machine.bare", "fail"),
    ("tee.azure-machine.confidential", "azurerm_linux_virtual_machine.bad", "pass"),
    ("tee.azure-machine.confidential", "azurerm_linux_virtual_machine.asked", "-"),
    ("tee.azure-machine.confidential", "azurerm_linux_virtual_machine_scale_set.good", "-"),
    ("tee.azure-machine.confidential", "azurerm_container_group.good", "pass"),
    ("tee.azure-machine.confidential", "azurerm_container_group.bare", "fail"),
    ("tee.azure-machine.disk-sealed", "azurerm_linux_virtual_machine.good", "pass"),
    ("tee.azure-machine.disk-sealed", "azurerm_linux_virtual_machine.bad", "fail"),
    ("tee.azure-machine.disk-sealed", "azurerm_linux_virtual_machine.bare", "-"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine.good", "pass"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine.bare", "fail"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine.bad", "fail"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine.asked", "unknown"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine_scale_set.good", "pass"),
    ("net.azure-machine.public", "azurerm_linux_virtual_machine_scale_set.bad", "fail"),
    ("net.azure-machine.public", "azurerm_virtual_machine_scale_set.old", "fail"),
    ("net.azure-machine.public", "azurerm_batch_pool.good", "pass"),
    ("net.azure-machine.public", "azurerm_batch_pool.bare", "fail"),
    ("net.azure-machine.public", "azurerm_container_group.good", "pass"),
    ("net.azure-machine.public", "azurerm_container_group.bare", "fail"),
    ("gpu.azure-machine.whole-card", "azurerm_linux_virtual_machine.good", "pass"),
    ("gpu.azure-machine.whole-card", "azurerm_windows_virtual_machine.win", "fail"),
    ("gpu.azure-machine.whole-card", "azurerm_batch_pool.bare", "-"),
    ("gpu.azure-machine.driver", "azurerm_linux_virtual_machine.good", "pass"),
    ("gpu.azure-machine.driver", "azurerm_linux_virtual_machine.bare", "unknown"),
    ("gpu.azure-machine.driver", "azurerm_linux_virtual_machine_scale_set.good", "fail"),
    ("net.nic.public-address", "azurerm_network_interface.private", "pass"),
    ("net.nic.public-address", "azurerm_network_interface.public", "fail"),
    ("net.nic.public-address", "azurerm_network_interface.asked", "unknown"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """Machines of every generation of the provider are judged by their size, their settings and their interfaces."""
    assert verdict(HCL, check, address) == status
