"""Sets of traffic: protocol and port, and those towards addresses of IPv4 and IPv6. Exact, and equal where they hold the same.

What has no ports (ICMP) is a protocol with the one port 0. A set says nothing of protocols that it does not name, so
what counts as everything is the caller's to say.
"""

import ipaddress
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from strongroom.kit import intervals
from strongroom.kit.intervals import Interval, Intervals

LAST_PORT = 65535
V4: Interval = (0, 2**32 - 1)
V6: Interval = (0, 2**128 - 1)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports by protocol, in the order of the protocols' names; a protocol without ports is left out."""

    sets: tuple[tuple[str, Intervals], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sets)

    def __or__(self, other: "Ports") -> "Ports":
        if self == other or not other:
            return self
        mine = dict(self.sets)
        for protocol, ports in other.sets:
            mine[protocol] = intervals.union(mine.get(protocol, ()), ports)
        return ports_of(mine)

    def __and__(self, other: "Ports") -> "Ports":
        if self == other:
            return self
        theirs = dict(other.sets)
        return ports_of({p: intervals.intersect(mine, theirs[p]) for p, mine in self.sets if p in theirs})

    def __sub__(self, other: "Ports") -> "Ports":
        theirs = dict(other.sets)
        return ports_of({p: intervals.subtract(mine, theirs.get(p, ())) for p, mine in self.sets})

    def contains(self, protocol: str, port: int) -> bool:
        """Whether one packet is in the set."""
        return any(p == protocol and intervals.contains(ports, port) for p, ports in self.sets)

    def text(self) -> str:
        """The set as people write it: `TCP 80,443,UDP 53`; empty for nothing."""
        return ",".join(f"{protocol} {intervals.text(ports)}" for protocol, ports in self.sets)


NOTHING = Ports()


def ports_of(sets: Mapping[str, Intervals]) -> Ports:
    """The set of ports by protocol; each value is sorted and disjoint already."""
    return Ports(tuple(sorted((p, s) for p, s in sets.items() if s)))


Towards = tuple[tuple[Interval, Ports], ...]
"""Addresses and what may go there: sorted and disjoint; neighbours that touch differ; what is not named gets nothing."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What may go to, or come from, addresses of both families."""

    v4: Towards = ()
    v6: Towards = ()
    _hash: list[int] = field(default_factory=list, init=False, repr=False, compare=False)  # worked out once

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __hash__(self) -> int:
        if not self._hash:
            self._hash.append(hash((self.v4, self.v6)))
        return self._hash[0]

    def __or__(self, other: "Traffic") -> "Traffic":
        return _either(self, other)

    def __and__(self, other: "Traffic") -> "Traffic":
        return _both(self, other)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(_without(self.v4, other.v4), _without(self.v6, other.v6))

    def at(self, family: int, address: int) -> Ports:
        """What may go to one address of family 4 or 6."""
        return _at(self.v4 if family == 4 else self.v6, address)

    def ports(self) -> Ports:
        """What may go to some address."""
        out = NOTHING
        for _, ports in (*self.v4, *self.v6):
            out |= ports
        return out


# The machines of an account mostly share their rules: the same few sets meet again and again.
@lru_cache(maxsize=1 << 14)
def _either(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(_joined(one.v4, other.v4), _joined(one.v6, other.v6))


@lru_cache(maxsize=1 << 14)
def _both(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(_met(one.v4, other.v4), _met(one.v6, other.v6))


def traffic(v4: Intervals, v6: Intervals, ports: Ports) -> Traffic:
    """The same ports at every address of two sets."""
    return Traffic(tuple((a, ports) for a in v4), tuple((a, ports) for a in v6)) if ports else Traffic()


def _at(towards: Towards, address: int) -> Ports:
    for (low, high), ports in towards:
        if low <= address <= high:
            return ports
    return NOTHING


def _pieces(a: Towards, b: Towards) -> Iterable[tuple[Interval, Ports, Ports]]:
    """The addresses that one or the other names, cut where either changes, with what both say there."""
    starts = sorted({c for (low, high), _ in (*a, *b) for c in (low, high + 1)})
    i = j = 0
    for low, after in itertools.pairwise(starts):
        while i < len(a) and a[i][0][1] < low:
            i += 1
        while j < len(b) and b[j][0][1] < low:
            j += 1
        mine = a[i][1] if i < len(a) and a[i][0][0] <= low else NOTHING
        theirs = b[j][1] if j < len(b) and b[j][0][0] <= low else NOTHING
        yield (low, after - 1), mine, theirs


def glued(pieces: Iterable[tuple[Interval, Ports]]) -> Towards:
    """Pieces in their order as they are kept: without empty ones, and neighbours that say the same as one."""
    out: list[tuple[Interval, Ports]] = []
    for (low, high), ports in pieces:
        if not ports:
            continue
        if out and out[-1][0][1] + 1 == low and out[-1][1] == ports:
            out[-1] = ((out[-1][0][0], high), ports)
        else:
            out.append(((low, high), ports))
    return tuple(out)


def _joined(a: Towards, b: Towards) -> Towards:
    return glued((at, x | y) for at, x, y in _pieces(a, b))


def _met(a: Towards, b: Towards) -> Towards:
    return glued((at, x & y) for at, x, y in _pieces(a, b))


def _without(a: Towards, b: Towards) -> Towards:
    return glued((at, x - y) for at, x, y in _pieces(a, b))


def block(cidr: str) -> tuple[int, Interval]:
    """The family and the addresses of a CIDR block, host bits or not. Raises ValueError for text that is none."""
    net = ipaddress.ip_network(cidr, strict=False)
    return net.version, (int(net.network_address), int(net.broadcast_address))


def shown(family: int, interval: Interval) -> str:
    """Addresses as people write a range: `10.0.0.0-10.0.0.255`."""
    make = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    return f"{make(interval[0])}-{make(interval[1])}"


def _minus(whole: Interval, cidrs: Iterable[str]) -> Intervals:
    return intervals.subtract((whole,), intervals.of(block(c)[1] for c in cidrs))


# IANA, "IPv4 Special-Purpose Address Registry" (RFC 6890): what is not globally reachable; and multicast, reserved space.
INTERNET_4 = _minus(
    V4,
    (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    ),
)
# Of IPv6 only 2000::/3 is global unicast (RFC 4291, 2.4); within it the documentation blocks are not (RFC 3849, 9637).
INTERNET_6 = intervals.subtract(
    (block("2000::/3")[1],), intervals.of(block(c)[1] for c in ("2001:db8::/32", "3fff::/20"))
)
