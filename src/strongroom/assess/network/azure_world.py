"""The networks of an Azure estate: what a name means, and the cards of machines."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.network.bounds import missing, texts
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.values import Unknown

_INDEX = re.compile(r"\[(?:\"[^\"]*\"|\d+)\]$")
NIC = "azurerm_network_interface"
SETS = ("azurerm_linux_virtual_machine_scale_set", "azurerm_windows_virtual_machine_scale_set",
        "azurerm_orchestrated_virtual_machine_scale_set", "azurerm_virtual_machine_scale_set")  # fmt: skip


def flag(value: object) -> Tri:
    """A fact as a switch; one that is not told is unknown."""
    if isinstance(value, bool | Unknown):
        return value
    return Unknown(GapCode.ABSENT, "it is not told")


class Card(NamedTuple):
    """One network interface, or those of a scale set that are alike: its subnets, groups, addresses and pools."""

    asset: Asset
    subnets: tuple[Asset | Unknown, ...]
    groups: tuple[Asset | Unknown, ...]
    addresses: tuple[Asset | Unknown, ...]
    pools: tuple[str | Unknown, ...]


@dataclass(slots=True)
class World:
    """All assets of Azure, by what others call them."""

    assets: tuple[Asset, ...]
    known: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    of: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for asset in self.assets:
            self.of[asset.native_type.removeprefix("data.")].append(asset)
            for name in {asset.id, _INDEX.sub("", asset.id), asset.address, *asset.aliases}:
                self.known[name.lower()].append(asset)

    def find(self, named: str, by: Asset) -> list[Asset]:
        """What a name means for who says it: of counted blocks the one with the same index, where both have one."""
        found = self.known.get(named.lower(), [])
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

    def cards(self, asset: Asset) -> Iterator[Card | Unknown]:
        """The interfaces of a machine, of a scale set, or of an interface itself."""
        if asset.native_type == NIC:
            yield self._card(asset, self.named(asset, "link.addresses"))
        elif asset.native_type in SETS:
            yield from self._of_set(asset)
        else:
            named = self.named(asset, "link.interfaces")
            yield from (
                one if isinstance(one, Unknown) else self._card(one, self.named(one, "link.addresses")) for one in named
            )
            if not named:
                yield missing(f"the network interface of {asset.address}")

    def _card(self, asset: Asset, addresses: Iterable[Asset | Unknown]) -> Card:
        subnets = self.named(asset, "link.subnets") or (missing(f"the subnet of {asset.address}"),)
        pools = texts(asset.value("link.pools"))
        return Card(asset, subnets, self.named(asset, "link.groups"), tuple(addresses), pools)

    def _of_set(self, asset: Asset) -> Iterator[Card | Unknown]:
        """A set with several interfaces a machine is not told apart: which groups are on which is not a fact."""
        count = asset.value("net.cards")
        if isinstance(count, Unknown) or (isinstance(count, float) and count > 1):
            yield (
                count
                if isinstance(count, Unknown)
                else Unknown(
                    GapCode.UNSUPPORTED, f"{asset.address} has several network interfaces, which are not told apart"
                )
            )
            return
        public = flag(asset.value("net.public"))
        lent = Unknown(GapCode.UNDECIDED, f"the SKU of the addresses of {asset.address} is not read")
        yield self._card(asset, () if public is False else (public if isinstance(public, Unknown) else lent,))
