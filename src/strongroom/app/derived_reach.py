"""Reachability as facts: what `assess reach` would answer, for each asset of the providers of whom assets tell enough."""

from collections.abc import Iterable
from functools import lru_cache, partial

from strongroom.kit.rooms import room
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.ports import Derive, Reach
from strongroom.model.reach import Reached, Scene

INGRESS, EGRESS, PATH = "net.reach.ingress", "net.reach.egress", "net.reach.path"
_MOST = 12  # hops that are kept as evidence


@lru_cache(maxsize=1)
def reachability() -> tuple[Derive, ...]:
    """A derivation for each part that needs no more than assets."""
    found = room("strongroom.assess.reach", "REACH", Reach).values()
    return tuple(
        Derive(f"reach of {p.provider}", (INGRESS, EGRESS, PATH), partial(_facts, p)) for p in found if p.by_assets
    )


def _facts(part: Reach, estate: Estate) -> Iterable[tuple[str, Fact]]:
    mine = [a for a in estate.assets if a.provider == part.provider and a.kind in part.kinds and part.knows(a)]
    if not mine:
        return
    answer = part.reach(Scene(estate))
    for asset in mine:
        yield from ((asset.id, fact) for fact in _of(asset, answer(asset)))


def _of(asset: Asset, found: Reached) -> Iterable[Fact]:
    yield Fact(INGRESS, found.ingress, asset.where, "derived")
    yield Fact(EGRESS, found.egress, asset.where, "derived")
    hops = (w for w in found.witness if w.direction == "ingress")
    path = tuple(dict.fromkeys(" ".join(x for x in (w.by, w.says, w.traffic) if x) for w in hops))
    yield Fact(PATH, path[:_MOST], asset.where, "derived")
