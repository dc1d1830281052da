"""The estate as a graph: sources are read, reachability and rights are worked out, and the ways in are found."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from strongroom.app import asking_who, reaching
from strongroom.assess.graph.building import Asked, graph, is_jewel
from strongroom.assess.graph.finding import found
from strongroom.assess.graph.page import page
from strongroom.model.estate import Asset, Estate
from strongroom.model.graph import Graph, Way
from strongroom.model.ports import Limits, Progress
from strongroom.model.reach import Reached, Scene
from strongroom.model.who_can import Deed, Held

__all__ = ["draw", "page", "ways"]

MOST_JEWELS = 100
_DEEDS = (Deed.READ, Deed.DECRYPT)


def draw(
    sources: Sequence[str],
    jewels: Sequence[str],
    now: datetime,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Graph:
    """The graph of some sources. `jewels` are names of assets beside those that are marked. Raises BadInput, NotFound."""
    scene = reaching.scene(reaching.Asked(sources[0], tuple(sources[1:])), now, limits, progress)
    estate = scene.estate
    named = [asking_who.named(estate, name, sources[0]) for name in jewels]
    marked = sorted({a.id: a for a in (*named, *filter(is_jewel, estate.assets))}.values(), key=lambda a: a.id)
    notes = (
        []
        if marked
        else ["nothing is marked as a crown jewel (a label tier=0 or artifact=weights): name one with --jewel"]
    )
    if len(marked) > MOST_JEWELS:
        notes.append(
            f"of {len(marked)} crown jewels {MOST_JEWELS} were asked about: name those that matter with --jewel"
        )
    asked_of = marked[:MOST_JEWELS]
    held = [h for jewel in asked_of for h in _held(estate, jewel, notes)]
    asked = Asked({r.asset: r for r in _reached(scene)}, held)
    return graph(estate, frozenset(a.id for a in asked_of), asked, tuple(dict.fromkeys(notes)))


def ways(drawn: Graph) -> tuple[Way, ...]:
    """The ways in, jewel by jewel."""
    return tuple(found(drawn))


def _reached(scene: Scene) -> Iterable[Reached]:
    for provider, part in reaching.parts().items():
        mine = [a for a in scene.estate.assets if a.provider == provider and a.kind in part.kinds and part.knows(a)]
        if mine:
            answer = part.reach(scene)
            yield from map(answer, mine)


def _held(estate: Estate, jewel: Asset, notes: list[str]) -> Iterable[tuple[str, str, Sequence[Held]]]:
    part = asking_who.part_of(jewel)
    if part is None:
        notes.append(
            f"who can do what to {jewel.kind.value} assets of {jewel.provider or 'no provider'} is not worked out"
        )
        return
    for deed in _DEEDS:
        if deed in part.deeds(estate, jewel):
            verdicts = part.who_can(estate, jewel, deed)
            if verdicts is not None:
                yield jewel.id, deed.value, verdicts
