"""What the internet reaches in Azure: each hop by name, what nobody knows, and the same from a plan and from what runs."""

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure_networks import Balancer, Net, Rule, state
from tests.collect.azure_estate import NIC, NSG, STORE, VM, VNET, Row, ident, row

from strongroom.app.reaching import Asked, reach
from strongroom.app.sources import gather
from strongroom.assess.reach.azure import REACH
from strongroom.collect.azure.assets import Told, assets
from strongroom.kit.kleene import Tri
from strongroom.model.estate import Estate
from strongroom.model.reach import Reached, Scene
from strongroom.model.values import Unknown

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MACHINE = "azurerm_linux_virtual_machine.m"
OPEN = Rule(out=False, allow=True, priority=100, peer="Internet", protocol="tcp", span="443")


def net(**changes: object) -> Net:
    """A machine with an address of the SKU Standard, and a group that lets HTTPS in."""
    usual: dict[str, object] = {
        "around": None, "own": [OPEN], "routes": None, "address_4": True, "address_6": False, "standard": True, "nat": "", "lent": False,
        "balancer": None,
    }  # fmt: skip
    return Net(**{**usual, **changes})  # type: ignore[arg-type]


def asked(tmp_path: Path, of: Net) -> Reached:
    """What is said of the machine of a network."""
    path = tmp_path / "net.tfstate"
    path.write_bytes(state(of))
    return reach(Asked(f"state:{path}"), MACHINE, NOW)


def said(answer: Tri) -> object:
    """An answer for a table: unknown by its word."""
    return "unknown" if isinstance(answer, Unknown) else answer


DENY = Rule(out=False, allow=False, priority=90, peer="*", protocol="*", span="*")
BEHIND = Balancer(public=True, standard=True, port=443, protocol="Tcp", lends=False, outbound=False)
CASES: dict[str, tuple[dict[str, object], object, object]] = {
    "an address and a group": ({}, True, True),
    "a Standard address without a group": ({"own": None}, False, True),
    "a Basic address without a group": ({"own": None, "standard": False}, True, True),
    "a denial before": ({"own": [DENY, OPEN]}, False, True),
    "a denial of the subnet's group": ({"around": [DENY]}, False, True),
    "a denial of some source ports": ({"own": [Rule(False, False, 90, "*", "*", "*", some=True), OPEN]}, True, True),
    "no address": ({"address_4": False}, False, False),
    "no address, lent one": ({"address_4": False, "lent": True}, False, True),
    "NAT with an address": ({"address_4": False, "nat": "addressed", "lent": True}, False, True),
    "NAT without an address": ({"address_4": False, "nat": "bare", "lent": True}, False, False),
    "a balancer": ({"address_4": False, "balancer": BEHIND}, True, False),
    "a balancer on another port": (
        {"address_4": False, "balancer": Balancer(True, True, 80, "Tcp", lends=True, outbound=False)},
        False,
        True,
    ),
    "an internal balancer": (
        {"address_4": False, "lent": True, "balancer": Balancer(False, True, 443, "Tcp", lends=True, outbound=False)},
        False,
        False,
    ),
    "a route to nowhere": ({"routes": [("0.0.0.0/0", "None")]}, False, False),
    "half of it to nowhere": ({"routes": [("0.0.0.0/1", "None")]}, True, True),
    "a route to an appliance": ({"routes": [("0.0.0.0/0", "VirtualAppliance")]}, "unknown", "unknown"),
    "a route by a tag": ({"routes": [("AzureCloud", "None")]}, "unknown", "unknown"),
    "a group for a service tag": (
        {"own": [Rule(False, True, 100, "AzureCloud.westeurope", "tcp", "443")]},
        "unknown",
        True,
    ),
    "a group for Azure's own": ({"own": [Rule(False, True, 100, "AzureLoadBalancer", "tcp", "443")]}, False, True),
}


@pytest.mark.parametrize("case", CASES)
def test_what_reaches_a_machine(case: str, tmp_path: Path) -> None:
    """Each hop alone decides, and what is not worked out is unknown, not absent."""
    changes, into, out = CASES[case]
    found = asked(tmp_path, net(**changes))
    assert (said(found.ingress), said(found.egress)) == (into, out)


def test_a_yes_names_its_hops(tmp_path: Path) -> None:
    """The address, and the groups of both levels that let it in, stand in the path."""
    found = asked(tmp_path, net(around=[OPEN]))
    named = [w.by for w in found.witness if w.direction == "ingress"]
    assert named == [
        "public address azurerm_public_ip.ip4",
        "security group azurerm_network_security_group.around",
        "security group azurerm_network_security_group.own",
    ]


def test_a_no_names_what_stops_it(tmp_path: Path) -> None:
    """The first hop behind which nothing is left is named."""
    stopped = {c: asked(tmp_path, net(**CASES[c][0])).witness for c in CASES if CASES[c][1] is False}
    by = {c: next(w.by for w in told if w.direction == "ingress") for c, told in stopped.items()}
    assert by["a denial before"] == "its security groups"
    assert by["a route to nowhere"] == "the routes of azurerm_subnet.s"
    assert by["no address"] == "its addresses and load balancers"
    assert "SKU Standard" in by["a Standard address without a group"]


# What runs


def _running() -> list[Row]:
    ip = ident("Microsoft.Network/publicIPAddresses", "ip")
    front = [{"name": "f", "properties": {"publicIPAddress": {"id": ip}}}]
    lb, pool = (
        ident("Microsoft.Network/loadBalancers", "lb"),
        ident("Microsoft.Network/loadBalancers", "lb") + "/backendAddressPools/p",
    )
    subnet = ident(VNET + "/subnets", "net", "a")
    rule = {"direction": "Inbound", "access": "Allow", "protocol": "Tcp", "priority": 100, "sourceAddressPrefix": "Internet",
            "destinationPortRange": "443", "sourcePortRange": "*", "destinationAddressPrefix": "*"}  # fmt: skip
    card = {"subnet": {"id": subnet}, "publicIPAddress": {"id": ip}, "loadBalancerBackendAddressPools": [{"id": pool}]}
    return [
        row(VM, "vm", {"networkProfile": {"networkInterfaces": [{"id": ident(NIC, "nic")}]}}),
        row(NIC, "nic", {"ipConfigurations": [{"properties": card}], "networkSecurityGroup": {"id": ident(NSG, "nsg")}}),
        row(NSG, "nsg", {"securityRules": [{"name": "r", "properties": rule}]}),
        row(VNET, "net", {"subnets": [{"id": subnet, "name": "a", "properties": {
            "addressPrefix": "10.0.1.0/24", "defaultOutboundAccess": False, "routeTable": {"id": ident("Microsoft.Network/routeTables", "t")},
            "networkSecurityGroup": {"id": ident(NSG, "nsg")}}}]}),
        row("Microsoft.Network/routeTables", "t", {"routes": [{"name": "x", "properties": {"addressPrefix": "9.0.0.0/8", "nextHopType": "None"}}]}),
        row("Microsoft.Network/publicIPAddresses", "ip", {"publicIPAddressVersion": "IPv4"}, sku={"name": "Standard"}),
        row("Microsoft.Network/loadBalancers", "lb", {
            "frontendIPConfigurations": front, "backendAddressPools": [{"id": pool}], "inboundNatRules": [], "outboundRules": [],
            "loadBalancingRules": [{"id": f"{lb}/r", "name": "r", "properties": {
                "protocol": "Tcp", "backendPort": 443, "backendAddressPool": {"id": pool}, "disableOutboundSnat": False}}],
        }, sku={"name": "Standard"}),
    ]  # fmt: skip


def _answers(rows: Sequence[Row]) -> tuple[object, object]:
    estate = Estate(tuple(assets(rows, Told("azure-graph:x", "x"))), (), (), NOW)
    machine = next(a for a in estate.assets if a.address.endswith("/virtualmachines/vm"))
    found = REACH.reach(Scene(estate))(machine)
    return said(found.ingress), said(found.egress)


def test_what_runs_is_answered_like_a_plan() -> None:
    """Interfaces, groups, routes, addresses and balancers of Resource Graph lead to the same answers."""
    assert _answers(_running()) == (True, True)
    straight = _running()
    straight[1]["properties"]["ipConfigurations"][0]["properties"].pop("publicIPAddress")  # type: ignore[index]
    assert _answers(straight) == (True, True)  # the balancer is left
    alone = [r for r in straight if "loadBalancers" not in str(r["id"])]
    assert _answers(alone) == ("unknown", "unknown")  # whose pool it is in, nobody knows


@pytest.mark.parametrize("n", range(len(_running())))
def test_a_row_that_is_left_out_is_no_denial(n: int) -> None:
    """Without an address, a group, a route table or a network among the rows, the answer is never that nothing passes."""
    rows = _running()
    if "virtualmachines" in str(rows[n]["type"]):
        return
    del rows[n]
    assert False not in _answers(rows)


# What has none of these has none: https://learn.microsoft.com/rest/api/virtualnetwork and .../rest/api/load-balancer.
_MEANS = frozenset({"publicIPAddress", "loadBalancerBackendAddressPools", "securityRules", "properties"})


def test_a_property_that_is_left_out_is_no_denial() -> None:
    """Of each row, no property can be left out that turns a yes into a no, but those whose absence has that meaning."""
    for n, one in enumerate(_running()):
        properties = one["properties"]
        assert isinstance(properties, dict)
        for name in properties:
            rows = copy.deepcopy(_running())
            del rows[n]["properties"][name]  # type: ignore[attr-defined]
            found = _answers(rows)
            if name not in _MEANS and name != "networkInterfaces":
                assert False not in found, f"{one['type']} without {name}"


def test_a_store_with_a_public_endpoint_is_reached(tmp_path: Path) -> None:
    """A service's endpoint is public, off, or open to addresses that nobody read."""
    answers = []
    for properties in ({"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Allow"}},
                       {"publicNetworkAccess": "Disabled"}, {"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Deny"}}):  # fmt: skip
        path = tmp_path / "azure.json"
        path.write_text(json.dumps([row(STORE, "w", properties)]))
        estate = gather((f"azure-graph:{path}",), NOW)
        answers.append(said(REACH.reach(Scene(estate))(estate.assets[0]).ingress))
    assert answers == [True, False, "unknown"]


CLUSTER = """
resource "azurerm_kubernetes_cluster" "k" {
  name = "k"
  api_server_access_profile { authorized_ip_ranges = [%s] }
}
"""


@pytest.mark.parametrize(
    ("ranges", "wanted"), [("", True), ('"10.0.0.0/8"', False), ('"8.8.8.0/24"', True), ('"0.0.0.0/32"', False)]
)
def test_a_cluster_is_reached_from_the_ranges_that_it_lists(ranges: str, wanted: object, tmp_path: Path) -> None:
    """Its public endpoint answers the internet as far as its ranges are of it."""
    (tmp_path / "main.tf").write_text(CLUSTER % ranges)
    assert reach(Asked(f"tf:{tmp_path}"), "azurerm_kubernetes_cluster.k", NOW).ingress is wanted
