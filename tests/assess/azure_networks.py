"""Small networks of Azure: drawn at random, written as a Terraform state, and asked packet by packet."""

import ipaddress
import json
from dataclasses import dataclass

from hypothesis import strategies as st

BLOCKS_4 = ("0.0.0.0/0", "0.0.0.0/1", "8.8.8.0/24", "8.8.8.8/32", "10.0.0.0/8", "203.0.113.0/24")
BLOCKS_6 = ("::/0", "2600::/16", "fd00::/8")
TAGS = ("Internet", "*", "VirtualNetwork", "AzureLoadBalancer")
ADDRESSES = ("8.8.8.8", "8.8.8.9", "1.1.1.1", "200.1.1.1", "2600::1", "2a00::1")
PORTS = (21, 22, 80, 443, 8080, 65535)
SPANS = ("22", "443", "*", "80-443", "8080")
PROVIDER = 'provider["registry.terraform.io/hashicorp/azurerm"]'
HOPS = ("Internet", "None", "VnetLocal")
_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"


@dataclass
class Rule:
    """One rule of a security group. `some` is one for some of the ports that flows come from."""

    out: bool
    allow: bool
    priority: int
    peer: str
    protocol: str
    span: str
    some: bool = False

    def matches(self, address: str, protocol: str, port: int, routed: tuple[str, ...]) -> bool:
        """Whether a packet with this far end is one of the rule's. `routed` is what VirtualNetwork stands for."""
        if protocol == "esp":  # it has no ports
            return self.protocol == "*" and self.span == "*" and self._is_peer(address, routed)
        return self.protocol in {"*", protocol} and _in_span(self.span, port) and self._is_peer(address, routed)

    def _is_peer(self, address: str, routed: tuple[str, ...]) -> bool:
        if self.peer in {"*", "Internet"}:
            return True
        if self.peer == "AzureLoadBalancer":
            return False
        return any(within(b, address) for b in (routed if self.peer == "VirtualNetwork" else (self.peer,)))


def within(block: str, address: str) -> bool:
    """Whether an address is in a block."""
    net, ip = ipaddress.ip_network(block), ipaddress.ip_address(address)
    return net.version == ip.version and ip in net


def _in_span(span: str, port: int) -> bool:
    if span == "*":
        return True
    low, _, high = span.partition("-")
    return int(low) <= port <= int(high or low)


@dataclass
class Balancer:
    """A balancer that the machine is behind: what it passes on, and whether it lets those behind it leave."""

    public: bool
    standard: bool
    port: int  # 0 for all
    protocol: str
    lends: bool
    outbound: bool


@dataclass
class Net:
    """A machine with one interface in one subnet."""

    around: list[Rule] | None  # the group of the subnet
    own: list[Rule] | None  # the group of the interface
    routes: list[tuple[str, str]] | None
    address_4: bool
    address_6: bool
    standard: bool
    nat: str  # "", "addressed" or "bare"
    lent: bool
    balancer: Balancer | None


def _rules() -> st.SearchStrategy[list[Rule]]:
    one = st.builds(
        Rule, st.booleans(), st.booleans(), st.integers(100, 400), st.sampled_from(BLOCKS_4 + BLOCKS_6 + TAGS),
        st.sampled_from(("tcp", "udp", "*")), st.sampled_from(SPANS), st.sampled_from((False, False, False, True)),
    )  # fmt: skip
    return st.lists(one, max_size=5, unique_by=(lambda r: (r.priority, r.out),))


def networks() -> st.SearchStrategy[Net]:
    """Networks with holes here and there."""
    wide = [Rule(out=False, allow=True, priority=4000, peer="Internet", protocol="*", span="*")]
    group = st.one_of(st.none(), _rules(), _rules().map(lambda r: [*r, *wide]), _rules().map(lambda r: [*r, *wide]))
    pair = st.tuples(st.sampled_from(BLOCKS_4 + BLOCKS_6), st.sampled_from(HOPS))
    routes = st.lists(pair, max_size=3, unique_by=(lambda p: p[0],))
    mostly = st.sampled_from((True, True, False))
    balancer = st.builds(Balancer, mostly, st.booleans(), st.sampled_from((0, 22, 443, 8080)), st.sampled_from(("Tcp", "Udp")),
                         st.booleans(), st.booleans())  # fmt: skip
    return st.builds(
        Net, group, group, st.one_of(st.none(), st.none(), st.none(), routes), mostly, st.booleans(), mostly,
        st.sampled_from(("", "", "addressed", "bare")), st.booleans(), st.one_of(st.none(), balancer),
    )  # fmt: skip


# As a state of Terraform


def _resource(kind: str, called: str, **values: object) -> dict[str, object]:
    instance = {"schema_version": 0, "attributes": values, "sensitive_attributes": []}
    return {"mode": "managed", "type": kind, "name": called, "provider": PROVIDER,
            "instances": [instance]}  # fmt: skip


def _rule(n: int, rule: Rule) -> dict[str, object]:
    far, near = ("destination", "source") if rule.out else ("source", "destination")
    return {
        "name": f"r{n}", "priority": rule.priority, "direction": "Outbound" if rule.out else "Inbound", "access": "Allow" if rule.allow else "Deny",
        "protocol": {"tcp": "Tcp", "udp": "Udp"}.get(rule.protocol, "*"), "source_port_range": "1000-2000" if rule.some else "*",
        "destination_port_range": rule.span, f"{far}_address_prefix": rule.peer, f"{near}_address_prefix": "*",
    }  # fmt: skip


def state(net: Net) -> bytes:
    """The network as `terraform state pull` prints it."""
    subnet, nic = f"{_ID}/virtualNetworks/v/subnets/s", f"{_ID}/networkInterfaces/n"
    pool, lb, gateway, table = (
        f"{_ID}/{x}"
        for x in ("loadBalancers/l/backendAddressPools/p", "loadBalancers/l", "natGateways/g", "routeTables/t")
    )
    made = [
        _resource("azurerm_virtual_network", "v", id=f"{_ID}/virtualNetworks/v", name="v", address_space=["10.0.0.0/16"]),
        _resource("azurerm_subnet", "s", id=subnet, name="s", address_prefixes=["10.0.1.0/24"], virtual_network_name="v", default_outbound_access_enabled=net.lent),
    ]  # fmt: skip
    configs = []
    for family, there in (("4", net.address_4), ("6", net.address_6)):
        ip = f"{_ID}/publicIPAddresses/ip{family}"
        if there:
            made.append(_resource("azurerm_public_ip", f"ip{family}", id=ip, name=f"ip{family}", ip_version=f"IPv{family}",
                                  sku="Standard" if net.standard else "Basic"))  # fmt: skip
        configs.append({"name": family, "subnet_id": subnet, "public_ip_address_id": ip if there else None})
    made.append(_resource("azurerm_network_interface", "n", id=nic, name="n", ip_configuration=configs))
    made.append(
        _resource(
            "azurerm_linux_virtual_machine", "m", id="/vm", name="m", network_interface_ids=[nic], size="Standard_B1s"
        )
    )
    ties = (
        ("around", net.around, "azurerm_subnet_network_security_group_association", {"subnet_id": subnet}),
        ("own", net.own, "azurerm_network_interface_security_group_association", {"network_interface_id": nic}),
    )
    for name, rules, native, end in ties:
        if rules is not None:
            ident = f"{_ID}/networkSecurityGroups/{name}"
            made.append(
                _resource(
                    "azurerm_network_security_group",
                    name,
                    id=ident,
                    name=name,
                    security_rule=[_rule(i, r) for i, r in enumerate(rules)],
                )
            )
            made.append(_resource(native, name, id=f"{ident}|", network_security_group_id=ident, **end))
    if net.routes is not None:
        listed = [
            {"name": f"r{i}", "address_prefix": p, "next_hop_type": h, "next_hop_in_ip_address": ""}
            for i, (p, h) in enumerate(net.routes)
        ]
        made.append(_resource("azurerm_route_table", "t", id=table, name="t", route=listed))
        made.append(
            _resource("azurerm_subnet_route_table_association", "t", id=subnet, subnet_id=subnet, route_table_id=table)
        )
    if net.nat:
        made.append(_resource("azurerm_nat_gateway", "g", id=gateway, name="g"))
        made.append(
            _resource(
                "azurerm_subnet_nat_gateway_association", "g", id=subnet, subnet_id=subnet, nat_gateway_id=gateway
            )
        )
        if net.nat == "addressed":
            made.append(
                _resource(
                    "azurerm_nat_gateway_public_ip_association",
                    "g",
                    id="x",
                    nat_gateway_id=gateway,
                    public_ip_address_id="/ip",
                )
            )
    if net.balancer is not None:
        made += _balancer(net.balancer, lb, pool, nic)
    return json.dumps(
        {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": made}
    ).encode()


def _balancer(one: Balancer, lb: str, pool: str, nic: str) -> list[dict[str, object]]:
    front = {"name": "f", "public_ip_address_id": "/ip" if one.public else None}
    made = [
        _resource("azurerm_lb", "l", id=lb, name="l", sku="Standard" if one.standard else "Basic", frontend_ip_configuration=[front]),
        _resource("azurerm_lb_backend_address_pool", "p", id=pool, name="p", loadbalancer_id=lb),
        _resource("azurerm_lb_rule", "r", id=f"{lb}/r", name="r", loadbalancer_id=lb, protocol=one.protocol if one.port else "All", frontend_port=one.port,
                  backend_port=one.port, backend_address_pool_ids=[pool], disable_outbound_snat=not one.lends),
        _resource("azurerm_network_interface_backend_address_pool_association", "a", id="a", network_interface_id=nic, backend_address_pool_id=pool),
    ]  # fmt: skip
    if one.outbound:
        made.append(
            _resource(
                "azurerm_lb_outbound_rule",
                "o",
                id=f"{lb}/o",
                name="o",
                loadbalancer_id=lb,
                backend_address_pool_id=pool,
                protocol="All",
            )
        )
    return made


# Packet by packet


def _group(rules: list[Rule] | None, packet: tuple[str, str, int], routed: tuple[str, ...], *, out: bool) -> bool:
    """Whether a group lets a packet through, from a port of the sender's choice."""
    if rules is None:
        return True
    for rule in sorted((r for r in rules if r.out == out), key=lambda r: r.priority):
        if rule.some and not rule.allow:
            continue  # it comes from another port
        if rule.matches(*packet, routed):
            return rule.allow
    return out or any(within(b, packet[0]) for b in routed)


def _way(net: Net, address: str) -> str:
    """The hop of the longest prefix; a route of the owner's goes before Azure's own of the same length."""
    found = [(ipaddress.ip_network(p).prefixlen, 1, h) for p, h in net.routes or () if within(p, address)]
    return max([*found, (0, 0, "Internet")])[2]


def _packets() -> list[tuple[str, str, int]]:
    ported = [(a, p, n) for a in ADDRESSES for p in ("tcp", "udp") for n in PORTS]
    return [*ported, *((a, "esp", 0) for a in ADDRESSES)]


def comes_in(net: Net, routed: tuple[str, ...]) -> bool:
    """Whether some packet of the internet reaches the machine."""
    return any(_in(net, packet, routed) for packet in _packets())


def _in(net: Net, packet: tuple[str, str, int], routed: tuple[str, ...]) -> bool:
    address, protocol, port = packet
    six = ":" in address
    bare = net.around is None and net.own is None
    straight = (net.address_6 if six else net.address_4) and not (bare and net.standard)
    one = net.balancer
    passed = (
        one is not None
        and one.public
        and protocol != "esp"
        and (not one.port or (one.port == port and one.protocol.lower() == protocol))
    )
    passed = passed and one is not None and not (bare and one.standard)
    groups = _group(net.around, packet, routed, out=False) and _group(net.own, packet, routed, out=False)
    return (straight or passed) and groups and _way(net, address) == "Internet"


def goes_out(net: Net, routed: tuple[str, ...]) -> bool:
    """Whether some packet of the machine reaches the internet."""
    return any(_out(net, packet, routed) for packet in _packets())


def _out(net: Net, packet: tuple[str, str, int], routed: tuple[str, ...]) -> bool:
    six = ":" in packet[0]
    one = net.balancer
    by_balancer = one is not None and one.public and (one.lends or one.outbound)
    other = net.address_4 or net.address_6 or bool(net.nat) or by_balancer or (one is not None and one.standard)
    translated = net.nat == "addressed" or by_balancer or (net.lent and not other)
    four = net.address_4 or (translated and packet[1] != "esp")
    groups = _group(net.around, packet, routed, out=True) and _group(net.own, packet, routed, out=True)
    return (net.address_6 if six else four) and groups and _way(net, packet[0]) == "Internet"
