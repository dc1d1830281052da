"""The networks of an AWS estate: which subnet has which table, ACL and network, and which gateway is attached to what."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from strongroom.assess.network.bounds import missing, texts
from strongroom.kit.aws_types import canonical
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown

_INDEX = re.compile(r"\[(?:\"[^\"]*\"|\d+)\]$")
_TABLES = ("aws_route_table", "aws_default_route_table")
_ACLS = ("aws_network_acl", "aws_default_network_acl")
_WRITTEN = ("terraform:", "cloudformation:")  # what is not made there is as AWS makes it


def native(asset: Asset) -> str:
    """The native type as Terraform names it; CloudFormation's stand for the same."""
    return canonical(asset.native_type)


@dataclass(slots=True)
class World:
    """All assets of AWS, by what others call them."""

    assets: tuple[Asset, ...]
    known: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    of: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))
    tables: dict[str, list[str | Unknown]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by subnet, explicit ones
    mains: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))  # by network
    acls: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))  # by subnet
    default_acls: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))  # by network
    doubts: dict[str, Unknown] = field(default_factory=dict)  # of associations that name nobody knows what
    on_main: dict[str, list[Asset]] = field(default_factory=lambda: defaultdict(list))  # routes on a table of AWS's own

    def __post_init__(self) -> None:
        for asset in self.assets:
            self.of[native(asset)].append(asset)
            for name in {asset.id, _INDEX.sub("", asset.id), *asset.aliases}:
                self.known[name].append(asset)
            if asset.name and asset.kind in {Kind.TEMPLATE, Kind.OTHER, Kind.LOAD_BALANCER}:
                self.known[f"name:{native(asset)}:{asset.name}"].append(asset)
        self._associations()
        self._acls()

    def find(self, named: str, by: Asset) -> list[Asset]:
        """What a name means for who says it: of counted blocks the one with the same index, where both have one."""
        found = self.known.get(named.partition("#")[0], [])
        index = _INDEX.search(by.id)
        if len(found) > 1 and index is not None:
            same = [a for a in found if a.id.endswith(index[0])]
            return same or found
        return found

    def named(self, asset: Asset, fact: str) -> Iterator[Asset | Unknown]:
        """The assets that a fact of links names; what cannot be found is unknown."""
        for text in texts(asset.value(fact)):
            if isinstance(text, Unknown):
                yield text
                continue
            found = self.find(text, asset)
            if found:
                yield from found
            else:
                yield missing(text)

    def network(self, subnet: Asset) -> str:
        """The id of the network of a subnet, or of whatever names one; empty where it is not known."""
        return next((a.id if isinstance(a, Asset) else "" for a in self.named(subnet, "link.network")), "")

    def _associations(self) -> None:
        for one in self.of["aws_route_table_association"]:
            routes = next(iter(texts(one.value("link.routes"))), None)
            for subnet in self.named(one, "link.subnet"):
                if isinstance(subnet, Unknown):
                    self.doubts["routes"] = subnet
                elif routes is not None:
                    self.tables[subnet.id].append(routes)
        self._main_tables()

    def _main_tables(self) -> None:
        for one in self.of["aws_main_route_table_association"]:
            for network in self.named(one, "link.network"):
                found = [a for a in self.named(one, "link.routes") if isinstance(a, Asset)]
                if isinstance(network, Asset):
                    self.mains[network.id] += found
        for one in self.of["aws_default_route_table"]:
            for network in self.named(one, "link.default"):
                if isinstance(network, Asset):
                    self.mains[network.id].append(one)
        for one in self.of["aws_route"]:
            named = next(iter(texts(one.value("link.routes"))), None)
            if isinstance(named, str) and "#" in named:
                for owner in self.find(named, one):
                    self.on_main[owner.id].append(one)

    def _acls(self) -> None:
        for kind in _ACLS:
            for acl in self.of[kind]:
                for subnet in self.named(acl, "link.subnets"):
                    self._tie(acl, subnet)
        for one in self.of["aws_network_acl_association"]:
            for held in self.named(one, "link.acl"):
                for subnet in self.named(one, "link.subnet"):
                    if isinstance(held, Asset):
                        self._tie(held, subnet)
                    else:
                        self.doubts["acls"] = held
        for acl in self.of["aws_default_network_acl"]:
            for network in self.named(acl, "link.default"):
                if isinstance(network, Asset):
                    self.default_acls[network.id].append(acl)

    def _tie(self, acl: Asset, subnet: Asset | Unknown) -> None:
        if isinstance(subnet, Unknown):
            self.doubts["acls"] = subnet
        else:
            self.acls[subnet.id].append(acl)

    def tables_of(self, subnet: Asset) -> tuple[Asset | Unknown | None, ...]:
        """The tables of a subnet: the one that is tied to it, else its network's main one. None: a main one of AWS's own."""
        explicit = [a for named in self.tables.get(subnet.id, ()) for a in self._tables_named(named, subnet)]
        if explicit:
            return _once(explicit)
        if "routes" in self.doubts:
            return (self.doubts["routes"],)
        network = self.network(subnet)
        if not network:
            return (missing("its network"),)
        return tuple(self.mains.get(network, ())) or (self._of_its_own(network),)

    def _tables_named(self, named: str | Unknown, subnet: Asset) -> Iterable[Asset | Unknown | None]:
        if isinstance(named, Unknown):
            return (named,)
        if "#" in named:  # the network's main table by name
            return tuple(self.mains.get(self.network(subnet), ())) or (None,)
        return self.find(named, subnet) or (missing(named),)

    def _of_its_own(self, network: str) -> Unknown | None:
        made = self.known.get(network, ())
        if made and made[0].id.startswith(_WRITTEN):
            return None  # as AWS makes it: the local route, and no other
        return missing(f"the main route table of {network}")

    def acls_of(self, subnet: Asset) -> tuple[Asset | Unknown | None, ...]:
        """The ACLs of a subnet. None: the network's default one as AWS makes it, which lets everything through."""
        if self.acls.get(subnet.id):
            return _once(self.acls[subnet.id])
        if "acls" in self.doubts:
            return (self.doubts["acls"],)
        network = self.network(subnet)
        if self.default_acls.get(network):
            return tuple(self.default_acls[network])
        made = self.known.get(network, ())
        if made and not made[0].id.startswith(_WRITTEN):
            return (missing(f"the default network ACL of {network}"),)
        return (None,)

    def attached(self, gateway: Asset, network: str) -> bool | Unknown:
        """Whether a gateway is attached to a network. One that is only looked up is where it was looked for."""
        if gateway.native_type.startswith("data."):
            return True
        ties = list(self.named(gateway, "link.network"))
        for one in self.of["aws_internet_gateway_attachment"]:
            if any(isinstance(g, Asset) and g.id == gateway.id for g in self.named(one, "link.gateway")):
                ties += self.named(one, "link.network")
        if any(isinstance(t, Asset) and t.id == network for t in ties):
            return True
        return next((t for t in ties if isinstance(t, Unknown)), False)


def _once(found: Sequence[Asset | Unknown | None]) -> tuple[Asset | Unknown | None, ...]:
    """Each once: two associations of one table with one subnet are no two tables."""
    return tuple({a.id if isinstance(a, Asset) else repr(a): a for a in found}.values())
