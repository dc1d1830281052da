"""Azure security groups, their rules with priorities, and subnets."""

import pytest
from iac import UNKNOWN, verdict


def rule(ports: str, source: str, *, priority: int = 100, access: str = "Allow", protocol: str = "Tcp") -> str:
    return (
        f'  name = "r"\n  priority = {priority}\n  direction = "Inbound"\n  access = "{access}"\n'
        f'  protocol = "{protocol}"\n  {ports}\n  {source}\n'
    )


def alone(name: str, text: str, group: str = '"elsewhere"') -> str:
    body = f"  network_security_group_name = {group}\n{text}"
    return f'resource "azurerm_network_security_rule" "{name}" {{\n{body}}}\n'


def group(name: str, *rules: str) -> str:
    inner = "".join(f"  security_rule {{\n{r}  }}\n" for r in rules)
    return f'resource "azurerm_network_security_group" "{name}" {{\n  name = "{name}"\n{inner}}}\n'


SSH = 'destination_port_range = "22"'
ALL = 'source_address_prefix = "*"'
OFFICE = 'source_address_prefix = "198.51.100.0/24"'
NO_INTERNET = (
    '  name = "o"\n  priority = {}\n  direction = "Outbound"\n  access = "Deny"\n  protocol = "*"\n'
    '  destination_port_range = "*"\n  destination_address_prefix = "Internet"\n'
)

HCL = (
    UNKNOWN
    + alone("star", rule(SSH, ALL))
    + alone("tag", rule(SSH, 'source_address_prefix = "Internet"'))
    + alone("lower", rule(SSH, 'source_address_prefix = "internet"', access="allow", protocol="*"))
    + alone("halves", rule(SSH, 'source_address_prefixes = ["0.0.0.0/1", "128.0.0.0/1"]'))
    + alone("six", rule(SSH, 'source_address_prefix = "::/0"'))
    + alone("zero", rule(SSH, 'source_address_prefix = "0.0.0.0"'))
    + alone("range", rule('destination_port_range = "20-30"', ALL))
    + alone("ranges", rule('destination_port_ranges = ["80", "21-23"]', ALL))
    + alone("any_port", rule('destination_port_range = "*"', ALL, protocol="*"))
    + alone("office", rule(SSH, OFFICE))
    + alone("network", rule(SSH, 'source_address_prefix = "VirtualNetwork"'))
    + alone("https", rule('destination_port_range = "443"', ALL))
    + alone("udp", rule(SSH, ALL, protocol="Udp"))
    + alone("denied", rule(SSH, ALL, access="Deny"))
    + alone("ray", rule('destination_port_range = "8265"', ALL))
    + alone("rdp", rule('destination_port_range = "3389"', ALL))
    + alone("asked_source", rule(SSH, "source_address_prefix = var.x"))
    + alone("asked_port", rule("destination_port_range = var.x", ALL))
    + alone("asked_half", rule(SSH, 'source_address_prefixes = [var.x, "0.0.0.0/0"]'))
    + group("open", rule(SSH, ALL))
    + group("two", rule('destination_port_range = "443"', ALL), rule('destination_port_range = "*"', ALL, priority=200))
    + group("shadowed", rule(SSH, ALL, access="Deny", priority=100), rule(SSH, ALL, priority=200))
    + group("too_late", rule(SSH, ALL, priority=100), rule(SSH, ALL, access="Deny", priority=200))
    + group("empty")
    + group("tight", rule('destination_port_range = "443"', OFFICE), NO_INTERNET.format(4000))
    + group("attached")
    + alone("attached", rule(SSH, ALL), "azurerm_network_security_group.attached.name")
    + group("guarded", rule('destination_port_range = "*"', ALL, access="Deny", protocol="*"))
    + alone("guarded", rule(SSH, ALL, priority=300), "azurerm_network_security_group.guarded.name")
    + """
resource "azurerm_network_security_group" "dynamic" {
  name = "dynamic"
  dynamic "security_rule" {
    for_each = { web = ["443", 110], ssh = ["22", 120] }
    content {
      name                   = security_rule.key
      priority               = security_rule.value[1]
      direction              = "Inbound"
      access                 = "Allow"
      protocol               = "Tcp"
      destination_port_range = security_rule.value[0]
      source_address_prefix  = "*"
    }
  }
}
resource "azurerm_network_security_group" "asked" {
  name = "asked"
  dynamic "security_rule" {
    for_each = var.x
    content {
      name = security_rule.key
    }
  }
}
resource "azurerm_subnet" "closed" {
  name                            = "closed"
  default_outbound_access_enabled = false
}
resource "azurerm_subnet" "bare" {
  name = "bare"
}
resource "azurerm_subnet" "gateway" {
  name = "GatewaySubnet"
}
resource "azurerm_subnet" "asked" {
  name                            = "asked"
  default_outbound_access_enabled = var.x
}
"""
)

EXPECTED = [
    ("net.nsg.ssh", "azurerm_network_security_rule.star", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.tag", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.lower", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.halves", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.six", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.zero", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.range", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.ranges", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.any_port", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.office", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_rule.network", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_rule.https", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_rule.udp", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_rule.denied", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_rule.asked_source", "unknown"),
    ("net.nsg.ssh", "azurerm_network_security_rule.asked_port", "unknown"),
    ("net.nsg.ssh", "azurerm_network_security_rule.asked_half", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.attached", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_rule.guarded", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_group.open", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_group.two", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_group.shadowed", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_group.too_late", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_group.empty", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_group.tight", "pass"),
    ("net.nsg.ssh", "azurerm_network_security_group.attached", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_group.dynamic", "fail"),
    ("net.nsg.ssh", "azurerm_network_security_group.asked", "unknown"),
    ("net.nsg.rdp", "azurerm_network_security_rule.rdp", "fail"),
    ("net.nsg.rdp", "azurerm_network_security_rule.any_port", "fail"),
    ("net.nsg.rdp", "azurerm_network_security_rule.star", "pass"),
    ("net.nsg.ingress-world", "azurerm_network_security_rule.ray", "fail"),
    ("net.nsg.ingress-world", "azurerm_network_security_rule.https", "pass"),
    ("net.nsg.ingress-world", "azurerm_network_security_rule.office", "pass"),
    ("net.nsg.ingress-world", "azurerm_network_security_rule.star", "not-applicable"),
    ("net.nsg.egress-world", "azurerm_network_security_group.empty", "fail"),
    ("net.nsg.egress-world", "azurerm_network_security_group.tight", "pass"),
    ("net.nsg.egress-world", "azurerm_network_security_rule.star", "not-applicable"),
    ("net.subnet.default-way-out", "azurerm_subnet.closed", "pass"),
    ("net.subnet.default-way-out", "azurerm_subnet.bare", "fail"),
    ("net.subnet.default-way-out", "azurerm_subnet.gateway", "pass"),
    ("net.subnet.default-way-out", "azurerm_subnet.asked", "unknown"),
]


@pytest.mark.parametrize(("check", "address", "status"), EXPECTED)
def test_verdict(check: str, address: str, status: str) -> None:
    """A rule counts for every way to write everybody and every way to write a port, unless a denial comes first."""
    assert verdict(HCL, check, address) == status
