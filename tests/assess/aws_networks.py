"""Small networks of AWS: drawn at random, written as a Terraform state, and asked packet by packet."""

import ipaddress
import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

VPC, ELSEWHERE = "vpc-1", "vpc-2"
# Blocks that cut the internet in interesting places, and some that are no internet at all.
BLOCKS_4 = (
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "8.8.8.0/24",
    "8.8.8.8/32",
    "10.0.0.0/8",
    "10.0.1.0/24",
    "203.0.113.0/24",
)
BLOCKS_6 = ("::/0", "2000::/3", "2600::/16", "fd00::/8")
ADDRESSES = (
    "8.8.8.8",
    "8.8.8.9",
    "1.1.1.1",
    "200.1.1.1",
    "2600::1",
    "2a00::1",
)  # one of every piece that the blocks cut
PORTS = (0, 21, 22, 23, 80, 443, 1023, 1024, 1025, 40000, 50000, 65535)
SPANS = ((22, 22), (443, 443), (0, 65535), (1024, 65535), (0, 1023), (40000, 50000))
FREE = tuple(p for p in PORTS if p >= 1024)


@dataclass
class Rule:
    """One rule of a group or an ACL."""

    out: bool
    block: str
    protocol: str  # tcp, udp or -1
    span: tuple[int, int]
    allow: bool = True
    number: int = 100

    def matches(self, address: str, protocol: str, port: int) -> bool:
        """Whether a packet with this far end is one of the rule's."""
        net, ip = ipaddress.ip_network(self.block), ipaddress.ip_address(address)
        if net.version != ip.version or ip not in net or self.protocol not in {"-1", protocol}:
            return False
        return self.protocol == "-1" or self.span[0] <= port <= self.span[1]


@dataclass
class Net:
    """A network with two subnets: the machine's, and that of a NAT gateway."""

    groups: list[list[Rule]]
    acls: dict[str, list[Rule] | None]  # by subnet; None is the default ACL
    routes: dict[str, list[tuple[str, str]] | None]  # by subnet; None is no table of its own
    main: list[tuple[str, str]] | None
    gateway_in: str  # the network that the internet gateway is attached to
    nat_private: bool
    address_4: bool
    address_6: bool
    extra: list[str] = field(default_factory=list)


TARGETS = ("igw-1", "nat-1", "eigw-1", "blackhole")


def _rules(acl: bool) -> st.SearchStrategy[list[Rule]]:
    one = st.builds(
        Rule, st.booleans(), st.sampled_from(BLOCKS_4 + BLOCKS_6), st.sampled_from(("tcp", "udp", "-1")), st.sampled_from(SPANS),
        st.booleans() if acl else st.just(True), st.integers(1, 400),
    )  # fmt: skip
    return st.lists(one, max_size=5, unique_by=(lambda r: (r.number, r.out),))


def _entries() -> st.SearchStrategy[list[tuple[str, str]]]:
    pair = st.tuples(st.sampled_from(BLOCKS_4 + BLOCKS_6), st.sampled_from(TARGETS))
    return st.lists(pair, max_size=4, unique_by=(lambda p: p[0],))


def _open(acl: bool) -> st.SearchStrategy[list[Rule]]:
    """Rules before, or beside, ones that let everything through: otherwise nearly all of what is drawn is shut."""
    whole = [
        Rule(out, block, "-1", (0, 0), allow=True, number=500)
        for out in (False, True)
        for block in ("0.0.0.0/0", "::/0")
    ]
    return _rules(acl).map(lambda rules: [*rules, *(r for r in whole if acl or r.out or not rules)])


def networks() -> st.SearchStrategy[Net]:
    """Networks with holes here and there."""
    usual = st.just([("0.0.0.0/0", "igw-1"), ("::/0", "igw-1")])
    private = st.just([("0.0.0.0/0", "nat-1"), ("::/0", "eigw-1")])
    mixed = st.one_of(
        usual,
        private,
        usual,
        st.tuples(usual, _entries()).map(lambda p: list(dict([*p[0], *p[1]]).items())),
        _entries(),
        st.none(),
    )
    acl = st.one_of(st.none(), _open(acl=True), _open(acl=True), _rules(acl=True))
    mostly = st.sampled_from((True, True, True, False))
    return st.builds(
        Net,
        groups=st.lists(st.one_of(_open(acl=False), _open(acl=False), _rules(acl=False)), min_size=1, max_size=2),
        acls=st.fixed_dictionaries({"a": acl, "n": acl}),
        routes=st.fixed_dictionaries({"a": mixed, "n": st.one_of(usual, mixed)}),
        main=st.none() | _entries(), gateway_in=st.sampled_from((VPC,) * 8 + (ELSEWHERE, "")), nat_private=mostly.map(lambda x: not x),
        address_4=mostly, address_6=st.booleans(),
    )  # fmt: skip


# As a state of Terraform


def _resource(kind: str, name: str, **values: object) -> dict[str, object]:
    instance = {"schema_version": 0, "attributes": {"id": name, **values}, "sensitive_attributes": []}
    return {"mode": "managed", "type": kind, "name": name.replace("-", "_"), "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [instance]}  # fmt: skip


def _block(rule: Rule) -> dict[str, object]:
    six = ":" in rule.block
    return {"protocol": rule.protocol, "from_port": rule.span[0] if rule.protocol != "-1" else 0,
            "to_port": rule.span[1] if rule.protocol != "-1" else 0,
            "cidr_blocks": [] if six else [rule.block], "ipv6_cidr_blocks": [rule.block] if six else []}  # fmt: skip


def _acl_block(rule: Rule) -> dict[str, object]:
    six = ":" in rule.block
    return {"protocol": rule.protocol, "from_port": rule.span[0] if rule.protocol != "-1" else 0,
            "to_port": rule.span[1] if rule.protocol != "-1" else 0, "action": "allow" if rule.allow else "deny", "rule_no": rule.number,
            "cidr_block": "" if six else rule.block, "ipv6_cidr_block": rule.block if six else ""}  # fmt: skip


def _route(pair: tuple[str, str]) -> dict[str, object]:
    dest, target = pair
    key = {"igw-1": "gateway_id", "nat-1": "nat_gateway_id", "eigw-1": "egress_only_gateway_id"}.get(target)
    return {("ipv6_cidr_block" if ":" in dest else "cidr_block"): dest, **({key: target} if key else {})}


def state(net: Net) -> bytes:
    """The network as `terraform state pull` prints it."""
    made = [
        _resource("aws_vpc", VPC, cidr_block="10.0.0.0/16"), _resource("aws_vpc", ELSEWHERE, cidr_block="10.1.0.0/16"),
        _resource("aws_subnet", "subnet-a", vpc_id=VPC, cidr_block="10.0.1.0/24", map_public_ip_on_launch=False),
        _resource("aws_subnet", "subnet-n", vpc_id=VPC, cidr_block="10.0.2.0/24", map_public_ip_on_launch=False),
        _resource("aws_internet_gateway", "igw-1", vpc_id=net.gateway_in),
        _resource("aws_egress_only_internet_gateway", "eigw-1", vpc_id=VPC),
        _resource("aws_nat_gateway", "nat-1", subnet_id="subnet-n", connectivity_type="private" if net.nat_private else "public"),
        _resource("aws_instance", "i-1", subnet_id="subnet-a", associate_public_ip_address=net.address_4,
                  ipv6_address_count=1 if net.address_6 else 0, vpc_security_group_ids=[f"sg-{n}" for n in range(len(net.groups))]),
    ]  # fmt: skip
    for n, rules in enumerate(net.groups):
        made.append(
            _resource("aws_security_group", f"sg-{n}", vpc_id=VPC, ingress=[_block(r) for r in rules if not r.out],
                      egress=[_block(r) for r in rules if r.out])
        )  # fmt: skip
    for subnet, acl in net.acls.items():
        if acl is not None:
            made.append(
                _resource("aws_network_acl", f"acl-{subnet}", vpc_id=VPC, subnet_ids=[f"subnet-{subnet}"],
                          ingress=[_acl_block(r) for r in acl if not r.out], egress=[_acl_block(r) for r in acl if r.out])
            )  # fmt: skip
    for subnet, routes in net.routes.items():
        if routes is not None:
            made.append(_resource("aws_route_table", f"rtb-{subnet}", vpc_id=VPC, route=[_route(p) for p in routes]))
            made.append(
                _resource(
                    "aws_route_table_association",
                    f"assoc-{subnet}",
                    subnet_id=f"subnet-{subnet}",
                    route_table_id=f"rtb-{subnet}",
                )
            )
    if net.main is not None:
        made.append(_resource("aws_route_table", "rtb-m", vpc_id=VPC, route=[_route(p) for p in net.main]))
        made.append(_resource("aws_main_route_table_association", "main", vpc_id=VPC, route_table_id="rtb-m"))
    return json.dumps(
        {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": made}
    ).encode()


# Packet by packet


def _acl_lets(net: Net, subnet: str, address: str, protocol: str, port: int, *, out: bool) -> bool:
    rules = net.acls[subnet]
    if rules is None:
        return True
    hit = [r for r in rules if r.out == out and r.matches(address, protocol, port)]
    return bool(hit) and min(hit, key=lambda r: r.number).allow


def _next_hop(net: Net, subnet: str, address: str) -> str:
    table = net.routes[subnet]
    if table is None:
        table = net.main or []
    ip = ipaddress.ip_address(address)
    hits = [
        (ipaddress.ip_network(d).prefixlen, t)
        for d, t in table
        if ipaddress.ip_network(d).version == ip.version and ip in ipaddress.ip_network(d)
    ]
    hop = max(hits)[1] if hits else "blackhole"
    return "blackhole" if hop == "igw-1" and net.gateway_in != VPC else hop


def _has_address(net: Net, address: str) -> bool:
    return net.address_6 if ":" in address else net.address_4


def comes_in(net: Net) -> bool:
    """Whether some packet of some address reaches the machine, and the answer gets back."""
    for address in ADDRESSES:
        if not _has_address(net, address) or _next_hop(net, "a", address) != "igw-1":
            continue
        for protocol in ("tcp", "udp"):
            back = any(_acl_lets(net, "a", address, protocol, p, out=True) for p in PORTS)
            for port in PORTS if back else ():
                grouped = any(r.matches(address, protocol, port) for rules in net.groups for r in rules if not r.out)
                if grouped and _acl_lets(net, "a", address, protocol, port, out=False):
                    return True
    return False


def goes_out(net: Net) -> bool:
    """Whether the machine can start a flow to some address, and gets an answer."""
    for address in ADDRESSES:
        for protocol in ("tcp", "udp"):
            if not any(_acl_lets(net, "a", address, protocol, p, out=False) for p in FREE):
                continue
            for port in PORTS:
                grouped = any(r.matches(address, protocol, port) for rules in net.groups for r in rules if r.out)
                if (
                    grouped
                    and _acl_lets(net, "a", address, protocol, port, out=True)
                    and _leaves(net, address, protocol, port)
                ):
                    return True
    return False


def _leaves(net: Net, address: str, protocol: str, port: int) -> bool:
    hop = _next_hop(net, "a", address)
    if hop == "igw-1":
        return _has_address(net, address)
    if hop == "eigw-1":
        return ":" in address and net.address_6
    return hop == "nat-1" and ":" not in address and _through_nat(net, address, protocol, port)


def _through_nat(net: Net, address: str, protocol: str, port: int) -> bool:
    machine = "10.0.1.77"
    if net.nat_private or _next_hop(net, "n", address) != "igw-1":
        return False
    to_gateway = _acl_lets(net, "n", machine, protocol, port, out=False)
    out = _acl_lets(net, "n", address, protocol, port, out=True)
    back = any(_acl_lets(net, "n", address, protocol, p, out=False) for p in FREE)
    to_machine = any(_acl_lets(net, "n", machine, protocol, p, out=True) for p in PORTS)
    return to_gateway and out and back and to_machine
