"""Addresses and ports: what counts as the whole internet, and which rules let it in or out."""

import ipaddress
from collections.abc import Iterable

from strongroom.kit.kleene import Tri, any_of
from strongroom.model.values import NetRule, Unknown

ADMIN_PORTS = (22, 3389)
ANY_PORT = (0, 65535)


def is_world(peer: str) -> bool:
    """Whether a CIDR block is (nearly) the whole internet of its family: a prefix of at most one bit.

    0.0.0.0/1 and 128.0.0.0/1 together are the internet, written so that a comparison with /0 does not see it.
    """
    try:
        return ipaddress.ip_network(peer, strict=False).prefixlen <= 1
    except ValueError:
        return False


def is_private(peer: str) -> bool:
    """Whether a CIDR block lies within private, loopback or link-local space."""
    try:
        network = ipaddress.ip_network(peer, strict=False)
    except ValueError:
        return False
    return network.is_private or network.is_loopback or network.is_link_local


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host stays on this machine, as far as its name or address tells."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def covers_port(rule: NetRule, port: int) -> bool:
    """Whether a rule lets TCP (or everything) through on the port."""
    return rule.protocol in ("tcp", "all") and rule.from_port <= port <= rule.to_port


def all_ports(rule: NetRule) -> bool:
    """Whether a rule covers every port of its protocol."""
    return rule.protocol == "all" or (rule.from_port <= 0 and rule.to_port >= ANY_PORT[1])


def world(rule: NetRule) -> Tri:
    """Whether the rule's peer is the whole internet; unknown when a peer is."""
    return any_of(p if isinstance(p, Unknown) else is_world(p) for p in rule.peers)


def open_to_world(rules: Iterable[NetRule], direction: str, ports: Iterable[int]) -> Tri:
    """Whether some allow rule lets the whole internet through on one of the ports."""
    wanted = tuple(ports)
    return any_of(
        world(r)
        for r in rules
        if r.direction == direction and r.action == "allow" and any(covers_port(r, p) for p in wanted)
    )
