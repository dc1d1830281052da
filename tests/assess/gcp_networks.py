"""Small networks of Google Cloud: drawn at random, written as a Terraform state, and asked packet by packet."""

import ipaddress
import json
from dataclasses import dataclass

from hypothesis import strategies as st

BLOCKS = ("0.0.0.0/0", "0.0.0.0/1", "8.8.8.0/24", "8.8.8.8/32", "10.0.0.0/8", "::/0", "2600::/16")
ADDRESSES = ("8.8.8.8", "8.8.8.9", "1.1.1.1", "200.1.1.1", "2600::1", "2a00::1")
PORTS = (21, 22, 80, 443, 65535)
SPANS = ("22", "443", "80-443", "")
TAGS = ("", "web", "other")
PROVIDER = 'provider["registry.terraform.io/hashicorp/google"]'
_NET = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"
_SUB = "https://www.googleapis.com/compute/v1/projects/p/regions/r1/subnetworks/s"
_ESP = ("esp", 0)


@dataclass
class Rule:
    """One firewall rule. Its peers are of one family, as Google wants it."""

    out: bool
    allow: bool
    priority: int
    peer: str
    protocol: str
    span: str
    tag: str
    disabled: bool

    def matches(self, tags: tuple[str, ...], address: str, protocol: str, port: int) -> bool:
        """Whether a packet with this far end is one of the rule's, for a machine with these tags."""
        if self.disabled or (self.tag and self.tag not in tags) or not within(self.peer, address):
            return False
        if self.protocol == "all":
            return True
        return self.protocol == protocol and in_span(self.span, port)


def within(block: str, address: str) -> bool:
    """Whether an address is in a block."""
    net, ip = ipaddress.ip_network(block), ipaddress.ip_address(address)
    return net.version == ip.version and ip in net


def in_span(span: str, port: int) -> bool:
    """Whether a port is in a range; in none written it is."""
    low, _, high = span.partition("-")
    return not span or int(low) <= port <= int(high or low)


@dataclass
class Route:
    """A route to the internet, or to nowhere that is known: a machine."""

    block: str
    internet: bool
    priority: int
    tag: str


@dataclass
class Net:
    """A machine with one card in one subnetwork."""

    rules: list[Rule]
    routes: list[Route]
    default_route: bool
    address_4: bool
    address_6: bool
    tags: tuple[str, ...]
    nat: str  # "", "all", "mine", "theirs", "elsewhere" or "private"


def networks() -> st.SearchStrategy[Net]:
    """Networks with holes here and there."""
    rule = st.builds(
        Rule, st.booleans(), st.booleans(), st.sampled_from((100, 100, 200, 1000)), st.sampled_from(BLOCKS), st.sampled_from(("tcp", "udp", "all")),
        st.sampled_from(SPANS), st.sampled_from(TAGS), st.sampled_from((False, False, False, True)),
    )  # fmt: skip
    route = st.builds(
        Route, st.sampled_from(BLOCKS), st.just(value=True), st.sampled_from((100, 500)), st.sampled_from(TAGS)
    )
    return st.builds(
        Net, st.lists(rule, max_size=6), st.lists(route, max_size=2), st.sampled_from((True, True, False)),
        st.sampled_from((True, True, False)), st.booleans(), st.sampled_from(((), ("web",), ("web", "gpu"))),
        st.sampled_from(("", "all", "mine", "theirs", "elsewhere", "private")),
    )  # fmt: skip


# As a state of Terraform


def _resource(kind: str, called: str, **values: object) -> dict[str, object]:
    instance = {"schema_version": 0, "attributes": values, "sensitive_attributes": []}
    return {"mode": "managed", "type": kind, "name": called, "provider": PROVIDER, "instances": [instance]}


def _rule(n: int, rule: Rule) -> dict[str, object]:
    flow = {"protocol": rule.protocol, "ports": [rule.span] if rule.span and rule.protocol != "all" else []}
    side = "destination_ranges" if rule.out else "source_ranges"
    return _resource(
        "google_compute_firewall", f"f{n}", id=f"projects/p/global/firewalls/f{n}", name=f"f{n}", network=_NET,
        direction="EGRESS" if rule.out else "INGRESS", priority=rule.priority, disabled=rule.disabled,
        allow=[flow] if rule.allow else [], deny=[] if rule.allow else [flow], target_tags=[rule.tag] if rule.tag else None,
        **{side: [rule.peer]},
    )  # fmt: skip


def state(net: Net) -> bytes:
    """The network as `terraform state pull` prints it."""
    card = {"network": _NET, "subnetwork": _SUB, "access_config": [{"nat_ip": "34.1.1.1"}] if net.address_4 else [],
            "ipv6_access_config": [{"network_tier": "PREMIUM"}] if net.address_6 else []}  # fmt: skip
    made = [
        _resource("google_compute_network", "n", id="projects/p/global/networks/n", name="n", self_link=_NET,
                  delete_default_routes_on_create=not net.default_route),
        _resource("google_compute_subnetwork", "s", id="projects/p/regions/r1/subnetworks/s", name="s", self_link=_SUB, network=_NET,
                  region="r1", ip_cidr_range="10.0.0.0/24"),
        _resource("google_compute_instance", "m", id="projects/p/zones/z/instances/m", name="m", machine_type="n2-standard-2",
                  network_interface=[card], tags=list(net.tags)),
        *(_rule(n, r) for n, r in enumerate(net.rules)),
    ]  # fmt: skip
    for n, one in enumerate(net.routes):
        hop = (
            {"next_hop_gateway": "projects/p/global/gateways/default-internet-gateway"}
            if one.internet
            else {"next_hop_ip": "10.0.0.9"}
        )
        made.append(_resource("google_compute_route", f"r{n}", id=f"projects/p/global/routes/r{n}", name=f"r{n}", network=_NET, dest_range=one.block,
                              priority=one.priority, tags=[one.tag] if one.tag else None, **hop))  # fmt: skip
    if net.nat:
        region = "r2" if net.nat == "elsewhere" else "r1"
        made.append(
            _resource(
                "google_compute_router",
                "o",
                id=f"projects/p/regions/{region}/routers/o",
                name="o",
                network=_NET,
                region=region,
            )
        )
        named = {"mine": _SUB, "theirs": _SUB + "x"}.get(net.nat)
        made.append(_resource("google_compute_router_nat", "g", id="g", name="g", router="o", region=region,
                              source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS" if named else "ALL_SUBNETWORKS_ALL_IP_RANGES",
                              subnetwork=[{"name": named}] if named else [], type="PRIVATE" if net.nat == "private" else "PUBLIC"))  # fmt: skip
        made.append(_resource("google_compute_subnetwork", "x", id="projects/p/regions/r1/subnetworks/sx", name="sx", self_link=_SUB + "x", network=_NET,
                              region="r1", ip_cidr_range="10.0.1.0/24"))  # fmt: skip
    return json.dumps(
        {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": made}
    ).encode()


# Packet by packet


def _lets(net: Net, packet: tuple[str, str, int], *, out: bool) -> bool:
    hit = [r for r in net.rules if r.out == out and r.matches(net.tags, *packet)]
    return min(hit, key=lambda r: (r.priority, r.allow)).allow if hit else out


def _leads(net: Net, address: str) -> bool:
    """Whether the best route is one to the internet: all that are drawn are, so there has to be one."""
    found = [r for r in net.routes if within(r.block, address) and (not r.tag or r.tag in net.tags)]
    return bool(found) or ":" in address or net.default_route


def _packets() -> list[tuple[str, str, int]]:
    kinds = [*((p, n) for p in ("tcp", "udp") for n in PORTS), _ESP]
    return [(a, p, n) for a in ADDRESSES for p, n in kinds]


def comes_in(net: Net) -> bool:
    """Whether some packet of the internet reaches the machine."""
    return any(
        (net.address_6 if ":" in p[0] else net.address_4) and _lets(net, p, out=False) and _leads(net, p[0])
        for p in _packets()
    )


def goes_out(net: Net) -> bool:
    """Whether some packet of the machine reaches the internet."""
    nat = net.nat in ("all", "mine") and not net.address_4
    return any(
        (net.address_6 if ":" in p[0] else net.address_4 or (nat and p[1] != "esp"))
        and _lets(net, p, out=True)
        and _leads(net, p[0])
        for p in _packets()
    )
