"""Azure security groups, interfaces, subnets and private endpoints."""

from collections.abc import Iterable

from strongroom.assess.checks._rules import listed, phrase
from strongroom.kit.kleene import Tri
from strongroom.kit.nets import covers_port, world
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import NetRule, Unknown

GROUP = "azurerm_network_security_group"
RULE = "azurerm_network_security_rule"
FIREWALL = (Kind.FIREWALL,)
NEEDS = ("nsg.rules",)
VERIFY = "az network nsg rule list --nsg-name <nsg> -g <group> --include-default -o table"
SSH, RDP = 22, 3389
WEB_PORTS = (80, 443)

Rules = tuple[NetRule | Unknown, ...]


def _of(v: View, direction: str) -> Rules:
    return tuple(r for r in listed(v, "nsg.rules") if isinstance(r, Unknown) or r.direction == direction)


def _opening(rules: Rules, wanted: Iterable[NetRule]) -> Answer:
    """Broken by an allow rule that lets the internet through and that no denial before it takes back.

    Azure takes the rule with the lowest priority number that matches.
    https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
    """
    doubts = [r for r in rules if isinstance(r, Unknown)]
    denials = [r for r in rules if isinstance(r, NetRule) and r.action == "deny" and world(r) is True]
    for rule in wanted:
        answer: Tri = world(rule)
        if isinstance(answer, Unknown):
            doubts.append(answer)
        elif answer and not any(_takes_back(d, rule) for d in denials):
            return broken(rule=phrase(rule))
    return unknown(*doubts) if doubts else holds()


def _takes_back(denial: NetRule, rule: NetRule) -> bool:
    whole = denial.protocol in ("all", rule.protocol)
    return (
        denial.priority < rule.priority
        and whole
        and denial.from_port <= rule.from_port
        and rule.to_port <= denial.to_port
    )


def _port(v: View, port: int) -> Answer:
    rules = _of(v, "ingress")
    narrowed = [
        _on_port(r, port) for r in rules if isinstance(r, NetRule) and r.action == "allow" and covers_port(r, port)
    ]
    return _opening(rules, narrowed)


def _on_port(rule: NetRule, port: int) -> NetRule:
    """The rule as far as it concerns one port: a denial of that port alone takes it back."""
    protocol = "tcp" if rule.protocol == "all" else rule.protocol
    return NetRule(rule.direction, rule.action, protocol, port, port, rule.peers, rule.groups, rule.priority)


def _port_fix(port: int) -> Fix:
    return Fix(
        "Name the addresses of the bastion or VPN as the source, or use Azure Bastion.",
        (
            (
                GROUP,
                f'security_rule {{\n  name                       = "from-bastion"\n  priority                   = 200\n  direction                  = "Inbound"\n  access                     = "Allow"\n  protocol                   = "Tcp"\n  source_port_range          = "*"\n  destination_port_range     = "{port}"\n  source_address_prefix      = "10.0.9.0/24"\n  destination_address_prefix = "*"\n}}',
            ),
            (RULE, 'source_address_prefix = "10.0.9.0/24"'),
        ),
        "az network nsg rule update --nsg-name <nsg> -g <group> -n <rule> --source-address-prefixes 10.0.9.0/24",
        VERIFY,
    )


@check(
    id="net.nsg.ssh",
    title="No rule lets the internet reach SSH",
    clause="NET-01.not-exposed",
    kinds=FIREWALL,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_port_fix(SSH),
    broken="the internet reaches SSH: {rule}",
    equivalents=("checkov:CKV_AZURE_10", "trivy:AZU-0050", "prowler:network_ssh_internet_access_restricted"),
)
def ssh(v: View) -> Answer:
    """SSH on the internet is tried within minutes, and one weak key gives a shell next to the models."""
    return _port(v, SSH)


@check(
    id="net.nsg.rdp",
    title="No rule lets the internet reach RDP",
    clause="NET-01.not-exposed",
    kinds=FIREWALL,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_port_fix(RDP),
    broken="the internet reaches RDP: {rule}",
    equivalents=("checkov:CKV_AZURE_9", "trivy:AZU-0048", "prowler:network_rdp_internet_access_restricted"),
)
def rdp(v: View) -> Answer:
    """RDP on the internet is the first door of most extortions."""
    return _port(v, RDP)


@check(
    id="net.nsg.ingress-world",
    title="No rule lets the whole internet in, web ports of a front aside",
    clause="NET-01.not-exposed",
    kinds=FIREWALL,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Put a gateway with authentication in front, and let only its subnet in.",
        ((RULE, 'source_address_prefix = "10.0.1.0/24"'),),
        "",
        VERIFY,
        Effort.MEDIUM,
    ),
    broken="the whole internet is let in: {rule}",
)
def ingress_world(v: View) -> Answer:
    """Inference servers, notebooks, Ray and MLflow listen without a password by default; the group is what stands
    between them and everybody.
    """
    rules = _of(v, "ingress")
    for port in (SSH, RDP):
        if any(
            isinstance(r, NetRule) and r.action == "allow" and covers_port(r, port) and world(r) is True for r in rules
        ):
            return not_applicable("an administrative port is open, which net.nsg.ssh and net.nsg.rdp report")
    allowed = (r for r in rules if isinstance(r, NetRule) and r.action == "allow" and not _front(r))
    return _opening(rules, allowed)


def _front(rule: NetRule) -> bool:
    """A web port is what a fronted endpoint shows; everything else that the internet reaches is a back door."""
    return rule.protocol == "icmp" or (rule.from_port == rule.to_port and rule.from_port in WEB_PORTS)


@check(
    id="net.nsg.egress-world",
    title="The group lets nothing out to the whole internet",
    clause="NET-04.default-deny-egress",
    kinds=FIREWALL,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny the internet before Azure's own rule allows it, and allow what is needed before that.",
        (
            (
                GROUP,
                'security_rule {\n  name                       = "no-internet"\n  priority                   = 4000\n  direction                  = "Outbound"\n  access                     = "Deny"\n  protocol                   = "*"\n  source_port_range          = "*"\n  destination_port_range     = "*"\n  source_address_prefix      = "*"\n  destination_address_prefix = "Internet"\n}',
            ),
        ),
        "az network nsg rule create --nsg-name <nsg> -g <group> -n no-internet --priority 4000 --direction Outbound --access Deny --protocol '*' --destination-address-prefixes Internet --destination-port-ranges '*'",
        VERIFY,
    ),
    broken="it lets traffic out to the whole internet: {rule}",
)
def egress_world(v: View) -> Answer:
    """Azure adds a rule to every group that lets everything out to the internet; only an earlier denial stops it."""
    rules = _of(v, "egress")
    if v.asset.native_type == RULE and not any(isinstance(r, NetRule) and r.action == "allow" for r in rules):
        return not_applicable("it lets nothing out, and what its group lets out is judged there")
    return _opening(rules, (r for r in rules if isinstance(r, NetRule) and r.action == "allow"))


@check(
    id="net.nic.public-address",
    title="The network interface has no public address",
    clause="NET-01.not-exposed",
    kinds=(Kind.INTERFACE,),
    needs=("net.public",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the public address away; reach the machine through Bastion, a VPN or a load balancer.",
        (
            (
                "azurerm_network_interface",
                'ip_configuration {\n  name                          = "internal"\n  subnet_id                     = azurerm_subnet.training.id\n  private_ip_address_allocation = "Dynamic"\n}',
            ),
        ),
        "az network nic ip-config update --nic-name <nic> -g <group> -n <config> --remove publicIpAddress",
        "az network nic show -n <nic> -g <group> --query ipConfigurations[].publicIPAddress",
    ),
    broken="one of its configurations names a public address",
    equivalents=("checkov:CKV_AZURE_119", "trivy:AZU-0076"),
)
def public_address(v: View) -> bool:
    """A machine with an address of its own on the internet is found within minutes."""
    return not v.flag("net.public")


@check(
    id="net.subnet.default-way-out",
    title="Azure lends the subnet's machines no address for the way out",
    clause="NET-02.no-direct-internet",
    kinds=(Kind.SUBNET,),
    needs=("net.default_way_out",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the default outbound access off; route what must leave through a NAT gateway or firewall.",
        (("azurerm_subnet", "default_outbound_access_enabled = false"),),
        "az network vnet subnet update -n <subnet> --vnet-name <vnet> -g <group> --default-outbound false",
        "az network vnet subnet show -n <subnet> --vnet-name <vnet> -g <group> --query defaultOutboundAccess",
    ),
    broken="machines without a public address still reach the internet, by an address that Azure lends them",
)
def default_way_out(v: View) -> bool:
    """A private machine in such a subnet is not private on the way out, and nobody configured it so."""
    return not v.flag("net.default_way_out")


@check(
    id="net.private-endpoint.dns",
    title="The private endpoint's name resolves to its private address",
    clause="NET-02.private-dns",
    kinds=(Kind.PRIVATE_ENDPOINT,),
    needs=("net.private_dns",),
    severity=Severity.LOW,
    fix=Fix(
        "Join the endpoint to its private DNS zone.",
        (
            (
                "azurerm_private_endpoint",
                'private_dns_zone_group {\n  name                 = "default"\n  private_dns_zone_ids = [azurerm_private_dns_zone.blob.id]\n}',
            ),
        ),
        "az network private-endpoint dns-zone-group create --endpoint-name <endpoint> -g <group> -n default --private-dns-zone <zone-id> --zone-name <zone>",
        "az network private-endpoint dns-zone-group list --endpoint-name <endpoint> -g <group>",
    ),
    broken="no private DNS zone answers for it, so clients take the public address",
)
def private_dns(v: View) -> bool:
    """Without the zone clients resolve the service's public name and leave the network, past the endpoint."""
    return v.flag("net.private_dns")


CHECKS = (ssh, rdp, ingress_world, egress_world, public_address, default_way_out, private_dns)
