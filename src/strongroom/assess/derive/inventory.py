"""Whether what machines show is in the inventory that people keep, and whether what they list is seen anywhere."""

from collections.abc import Iterable, Mapping, Sequence

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact, Gap
from strongroom.model.kinds import Kind
from strongroom.model.ports import Derive
from strongroom.model.values import Unknown, Value

LISTED, SEEN = "inventory.listed", "inventory.seen"
_TWIN = "same-machine"


def _sources_of(asset: Asset) -> frozenset[str]:
    """The specs of the sources that show an asset."""
    seen = asset.value("sources.seen")
    texts = (s for s in seen if isinstance(s, str)) if isinstance(seen, tuple) else (asset.origin,)
    return frozenset(texts)


def _with_twins(assets: Iterable[Asset]) -> Mapping[str, frozenset[str]]:
    """Per asset id the sources that show it, or show the same machine as a thing of another kind."""
    assets = tuple(assets)
    own = {a.id: _sources_of(a) for a in assets}
    twins = {a.id: [r.id for r in a.refs if r.rel == _TWIN] for a in assets if a.refs}
    return {i: s.union(*(own.get(t, ()) for t in twins[i])) if twins.get(i) else s for i, s in own.items()}


def _answer(found: bool, gaps: Sequence[Gap], what: str) -> Value:
    """A no that rests on a source which could not be read whole is no answer."""
    if found or not gaps:
        return found
    return Unknown(GapCode.MALFORMED, f"{what}, and {gaps[0].scope} could not be read whole: {gaps[0].detail}")


def _hiding(gaps: Iterable[Gap], kind: Kind) -> list[Gap]:
    return [g for g in gaps if not g.hides or kind in g.hides]


def derive(estate: Estate) -> Iterable[tuple[str, Fact]]:
    """The two facts, where an inventory was given and something to compare it with."""
    lists = {s.spec for s in estate.sources if s.scheme == "csv"}
    others = [s for s in estate.sources if s.spec not in lists]
    if not lists:
        return
    shown = _with_twins(estate.assets)
    listed_kinds = {a.kind for a in estate.assets if not lists.isdisjoint(_sources_of(a))} - {Kind.OTHER}
    visible = {k for s in others for k in s.kinds}
    own_gaps = [g for g in estate.gaps if g.source in lists]
    other_gaps = [g for g in estate.gaps if g.source not in lists]
    blind = {k: (_hiding(own_gaps, k), _hiding(other_gaps, k)) for k in Kind}
    spec = min(lists)
    for asset in estate.assets:
        by = shown[asset.id]
        ours, theirs = blind[asset.kind]
        if not by <= lists and asset.kind in listed_kinds:
            value = _answer(not by.isdisjoint(lists), ours, "no row was found for it")
            yield asset.id, Fact(LISTED, value, None, spec)
        if not by.isdisjoint(lists) and asset.kind in visible:
            value = _answer(not by <= lists, theirs, "no source shows it")
            yield asset.id, Fact(SEEN, value, None, spec)


DERIVE = Derive("inventory", (LISTED, SEEN), derive)
