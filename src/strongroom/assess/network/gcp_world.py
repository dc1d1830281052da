"""The networks of a Google Cloud estate: what a name means, and the cards of machines."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.network.bounds import missing, texts
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import Unknown

_INDEX = re.compile(r"\[(?:\"[^\"]*\"|\d+)\]$")
_PATH = re.compile(r"projects/.+")


def spelt(name: str) -> str:
    """A name without the server and version that stand before it in a self-link."""
    found = _PATH.search(name)
    return (found[0] if found and "googleapis" in name else name).lower()


class Card(NamedTuple):
    """One network card: its places, and whether it has addresses outside."""

    network: Asset | Unknown
    subnet: Asset | Unknown | None
    public_4: Tri
    public_6: Tri


@dataclass(slots=True)
class World:
    """All assets of Google Cloud, by what others call them."""

    assets: tuple[Asset, ...]
    known: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    of: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    _firewalls: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    _routes: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    _lost: dict[str, list[Unknown]] = field(default_factory=lambda: defaultdict(list))
    _members: dict[str, Tri] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for asset in self.assets:
            self.of[asset.native_type].append(asset)
            for name in {asset.id, _INDEX.sub("", asset.id), asset.address, *asset.aliases}:
                self.known[spelt(name)].append(asset)
        for native, held in (("google_compute_firewall", self._firewalls), ("google_compute_route", self._routes)):
            for asset in self.of[native]:
                for network in self.named(asset, "link.networks") or (missing(f"the network of {asset.address}"),):
                    if isinstance(network, Asset):
                        held[network.id].append(asset)
                    else:
                        self._lost[native].append(network)

    def find(self, named: str, by: Asset) -> list[Asset]:
        """What a name means for who says it: of counted blocks the one with the same index, where both have one."""
        found = self.known.get(spelt(named), [])
        index = _INDEX.search(by.id)
        if len(found) > 1 and index is not None:
            same = [a for a in found if a.id.endswith(index[0])]
            return same or found
        return found

    def named(self, asset: Asset, fact: str) -> tuple[Asset | Unknown, ...]:
        """The assets that a fact of links names, each once; what cannot be found is unknown."""
        found: dict[str, Asset | Unknown] = {}
        for text in texts(asset.value(fact)):
            if isinstance(text, Unknown):
                found[text.detail] = text
                continue
            held = self.find(text, asset)
            found |= {one.id: one for one in held} if held else {text: missing(text)}
        return tuple(found.values())

    def routers(self, nat: Asset) -> tuple[Asset | Unknown, ...]:
        """The router of a NAT gateway, which may be said by its name alone."""
        found: list[Asset | Unknown] = []
        for one in texts(nat.value("link.routers")):
            alike = [r for r in self.of["google_compute_router"] if r.name == one]
            held = (self.find(one, nat) or alike) if isinstance(one, str) else []
            found += held or [one if isinstance(one, Unknown) else missing(one)]
        return tuple(found) or (missing(f"the router of {nat.address}"),)

    def firewalls(self, network: Asset) -> tuple[Asset | Unknown, ...]:
        """The rules of a network, and the doubt about those whose network nobody knows."""
        return (*self._firewalls[network.id], *self._lost["google_compute_firewall"])

    def routes(self, network: Asset) -> tuple[Asset | Unknown, ...]:
        """The same of routes."""
        return (*self._routes[network.id], *self._lost["google_compute_route"])

    def cards(self, asset: Asset) -> Iterator[Card | Unknown]:
        """The network cards of a machine or template."""
        listed = texts(asset.value("net.interfaces"))
        if not listed:
            yield missing(f"the network of {asset.address}")
        for text in listed:
            if isinstance(text, Unknown):
                yield text
                continue
            network, subnet, four, six = text.split(" ")
            place = self._one(subnet, asset) if subnet != "-" else None
            around = self._one(network, asset) if network != "-" else self._around(place)
            yield Card(around, place, _said(four), _said(six))

    def _one(self, name: str, by: Asset) -> Asset | Unknown:
        return next(iter(self.find(name, by)), missing(name))

    def _around(self, subnet: Asset | Unknown | None) -> Asset | Unknown:
        if isinstance(subnet, Asset):
            return next(iter(self.named(subnet, "link.networks")), missing(f"the network of {subnet.address}"))
        return subnet if subnet is not None else missing("its network")

    def behind(self, asset: Asset) -> Tri:
        """Whether something of the internet may be passed on to a machine by a load balancer: what passes is not worked out."""
        if not self._members:
            self._gather()
        return self._members.get(asset.id, self._members.get("", False))

    def _gather(self) -> None:
        """Which machines are in a group or pool, where some forwarding rule takes in what comes from the internet."""
        fronts = [
            f for n in ("google_compute_forwarding_rule", "google_compute_global_forwarding_rule") for f in self.of[n]
        ]
        public = next((f for f in fronts if f.value("net.public") is not False), None)
        self._members[""] = False
        if public is None:
            return
        doubt = Unknown(GapCode.UNSUPPORTED, f"what {public.address} passes on is not worked out")
        for native in _GROUPS:
            for group in self.of[native]:
                for one in self.named(group, "link.instances"):
                    self._members[one.id if isinstance(one, Asset) else ""] = doubt


_GROUPS = (
    "google_compute_instance_group",
    "google_compute_target_pool",
    "google_compute_target_instance",
    "google_compute_network_endpoint",
)


def _said(word: str) -> Tri:
    return {"yes": True, "no": False}.get(word, Unknown(GapCode.UNDECIDED, "whether it has an address outside"))
