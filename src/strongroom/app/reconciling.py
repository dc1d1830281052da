"""Which assets of different sources are one thing, and what becomes of them.

Assets are one when they have one id, or share a name that identifies: an ARN, a resource path, a UUID, a serial number
(`kit.identity`), and are of one kind. A name that several assets of ONE source carry identifies nothing: that source
holds them for different things. Nor may names of others make one thing of what one source holds for two; such assets
are kept apart, and a gap says so. Every step is linear, and the order in which sources are given does not matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from strongroom.app.merging import combine, rank, redirected
from strongroom.kit.identity import NUMBERS, key_of, keys_of_numbers
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Gap, Ref
from strongroom.model.kinds import Kind

MACHINES = (Kind.HOST, Kind.INSTANCE)
MOST_GAPS = 20
TWIN = "same-machine"

_KIND = {kind: f"{kind.value} " for kind in Kind}


class Unions:
    """Sets that grow together (union-find, with path halving and union by size)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._size: dict[str, int] = {}

    def find(self, name: str) -> str:
        """The name that stands for the whole set."""
        parent = self._parent
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def unite(self, a: str, b: str) -> None:
        """Make one set of two."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return
        if self._size.get(a, 1) < self._size.get(b, 1):
            a, b = b, a
        self._parent[b] = a
        self._size[a] = self._size.get(a, 1) + self._size.get(b, 1)


def identifying(asset: Asset) -> set[str]:
    """Everything by which the asset can be recognised in another source."""
    found = {key_of(asset.id), *map(key_of, asset.aliases)}
    numbers = {n: asset.facts[n].value for n in NUMBERS if n in asset.facts}
    if numbers:
        found.update(keys_of_numbers(numbers))
    found.discard("")
    return found


def reconcile(estates: Sequence[Estate]) -> tuple[tuple[Asset, ...], tuple[Gap, ...]]:
    """The assets of all estates, each thing once, and a gap for what could not be told apart."""
    by_id: dict[str, list[Asset]] = {}
    shown_by: dict[str, int] = defaultdict(int)  # asset id -> the estates that show it, a bit each
    for n, estate in enumerate(estates):
        for asset in estate.assets:
            by_id.setdefault(asset.id, []).append(asset)
            shown_by[asset.id] |= 1 << n
    if len(estates) < 2:  # nothing to compare with; one source that shows an id twice means one thing
        return tuple(a[0] if len(a) == 1 else combine(a) for a in by_id.values()), ()
    sets, gaps = _together(_groups(estates, by_id), shown_by, by_id)
    moved: dict[str, str] = {}
    assets = []
    for ids in sets:
        members = [a for i in ids for a in by_id[i]]
        one = members[0] if len(members) == 1 else combine(members)
        moved |= {i: one.id for i in ids if i != one.id}
        assets.append(one)
    return tuple(_twins(list(redirected(assets, moved)))), tuple(gaps)


def _groups(estates: Sequence[Estate], by_id: Mapping[str, Sequence[Asset]]) -> Iterable[list[str]]:
    """The ids that names say are one thing, in the order in which the ids came."""
    owner: dict[str, str] = {}  # kind and name -> the first id
    useless: set[str] = set()
    said: list[dict[str, str]] = []
    for estate in estates:
        own: dict[str, str] = {}
        for asset in estate.assets:
            kind = _KIND[asset.kind]
            for name in identifying(asset):
                key = kind + name
                if own.setdefault(key, asset.id) != asset.id:
                    useless.add(key)
        said.append(own)
    unions = Unions()
    for key, asset_id in (pair for own in said for pair in own.items()):
        first = owner.setdefault(key, asset_id)
        if first != asset_id and key not in useless:
            unions.unite(first, asset_id)
    groups: dict[str, list[str]] = {}
    for asset_id in by_id:
        groups.setdefault(unions.find(asset_id), []).append(asset_id)
    return groups.values()


def _together(
    groups: Iterable[list[str]], shown_by: Mapping[str, int], by_id: Mapping[str, Sequence[Asset]]
) -> tuple[list[list[str]], list[Gap]]:
    """The groups in which no source shows two things; the others fall apart, loudly."""
    kept: list[list[str]] = []
    torn: list[list[str]] = []
    for ids in groups:
        if len(ids) == 1 or _apart([shown_by[i] for i in ids]):
            kept.append(ids)
        else:
            torn.append(ids)
            kept += [[i] for i in ids]
    torn.sort(key=min)
    gaps = [_torn(ids, by_id) for ids in torn[:MOST_GAPS]]
    if len(torn) > MOST_GAPS:
        last = _torn(torn[MOST_GAPS], by_id)
        more = f"{len(torn) - MOST_GAPS} more groups of assets share names in the same way; they were kept apart"
        gaps.append(msgspec.structs.replace(last, scope="names that sources share", detail=more, hides=()))
    return kept, gaps


def _apart(shown: Sequence[int]) -> bool:
    """Whether no estate shows two of the ids."""
    seen = 0
    for bits in shown:
        if seen & bits:
            return False
        seen |= bits
    return True


def _torn(ids: Sequence[str], by_id: Mapping[str, Sequence[Asset]]) -> Gap:
    ranked = sorted((a for i in ids for a in by_id[i]), key=rank)
    first = ranked[0]
    others = ", ".join(dict.fromkeys(a.address for a in ranked[1:5]))
    detail = f"names of other sources make one thing of it and of {others}; they were kept apart"
    return Gap(first.address, first.origin, GapCode.CONFLICT, detail, first.where, (first.kind,))


def _twins(assets: list[Asset]) -> list[Asset]:
    """A machine seen from inside and the cloud's or cluster's record of it stay two assets, and each names the other."""
    known: dict[str, list[int]] = defaultdict(list)
    for at, asset in enumerate(assets):
        if asset.kind in MACHINES:
            for key in identifying(asset):
                known[key].append(at)
    more: dict[int, set[Ref]] = defaultdict(set)
    for a, b in (p for p in known.values() if len(p) == 2):
        if assets[a].kind is not assets[b].kind:
            more[a].add(Ref(TWIN, assets[b].id))
            more[b].add(Ref(TWIN, assets[a].id))
    for at, refs in more.items():
        all_refs = (*assets[at].refs, *sorted(refs, key=lambda r: r.id))
        assets[at] = msgspec.structs.replace(assets[at], refs=all_refs)
    return assets
