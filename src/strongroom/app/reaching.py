"""What reaches what: a source is read, and the part of the asset's provider answers. What nobody can tell is unknown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import msgspec

from strongroom.app.sources import Given, find, gather
from strongroom.collect.kubernetes.given import given as objects_of
from strongroom.kit.rooms import room
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, BadUsage, NotFound
from strongroom.model.estate import Asset, Estate, Gap
from strongroom.model.ports import Limits, Progress, Reach, Request
from strongroom.model.reach import SCHEMA, Drawn, Manifest, Reached, Scene, Tri
from strongroom.model.values import Unknown

KUBERNETES = "k8s"
_LISTED = 12


@lru_cache(maxsize=1)
def parts() -> dict[str, Reach]:
    """The part of every provider that has one."""
    return {r.provider: r for r in room("strongroom.assess.reach", "REACH", Reach).values()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks of: a source, others that tell more of it, and what he says of the network."""

    source: str
    also: tuple[str, ...] = ()
    enforced: bool | None = None


def scene(asked: Asked, now: datetime, limits: Limits | None = None, progress: Progress | None = None) -> Scene:
    """All that the sources show, with the objects of the first. Raises BadInput, BadUsage."""
    estate = gather((asked.source, *asked.also), now, limits, progress)
    manifests, _ = _manifests(find(asked.source), now, limits)
    return Scene(estate, manifests, asked.enforced)


def _manifests(given: Given, now: datetime, limits: Limits | None) -> tuple[tuple[Manifest, ...], tuple[Gap, ...]]:
    if given.collector.scheme != KUBERNETES:
        return (), ()
    read = objects_of(Request(given.spec, given.target, now, limits or Limits()))
    try:
        found = tuple(Manifest(f.value, f.where, f.dumped) for f in read.objects())
    except RecursionError:
        raise BadInput(given.spec, "structures nested too deeply", "an ordinary depth") from None
    return found, tuple(read.gaps)


def drawn_by(asked: Asked) -> Reach | None:
    """The part that draws the connectivity of a source; None where no part does. Raises BadUsage, Unreadable."""
    of_kubernetes = find(asked.source).collector.scheme == KUBERNETES
    part = parts().get("kubernetes") if of_kubernetes else None
    return part if part is not None and part.draw is not None else None


def draw(asked: Asked, now: datetime, limits: Limits | None = None, progress: Progress | None = None) -> Drawn:
    """The connectivity of a whole source. Raises BadInput, and BadUsage for a source that nobody can draw."""
    part = drawn_by(asked)
    if part is None or part.draw is None:
        wanted = f"objects of Kubernetes ({KUBERNETES}:)"
        hint = f"strongroom assess reach {asked.source} ASSET"
        raise BadUsage(asked.source, "a source whose connectivity is not drawn", wanted, hint)
    # Of the source itself the objects are enough: assets are made only of what tells more of the cluster.
    beside = gather(asked.also, now, limits, progress) if asked.also else Estate((), (), (), now)
    manifests, gaps = _manifests(find(asked.source), now, limits)
    drawn = part.draw(Scene(beside, manifests, asked.enforced))
    return replace(drawn, gaps=(*gaps, *beside.gaps, *drawn.gaps))


def reach(
    asked: Asked, name: str, now: datetime, limits: Limits | None = None, progress: Progress | None = None
) -> Reached:
    """Whether the internet reaches an asset, and it the internet. Raises BadInput, BadUsage, NotFound."""
    seen = scene(asked, now, limits, progress)
    asset = _named(seen, name, asked.source)
    return _answer(seen, asset)


def each(
    asked: Asked, now: datetime, limits: Limits | None = None, progress: Progress | None = None
) -> tuple[Reached, ...]:
    """The answer for every asset that some part can answer for. Raises BadInput, BadUsage."""
    seen = scene(asked, now, limits, progress)
    found: dict[str, Reached] = {}
    for provider, part in parts().items():
        mine = [a for a in seen.estate.assets if a.provider == provider and a.kind in part.kinds and part.knows(a)]
        if mine:
            answer = part.reach(seen)
            for asset in mine:
                one = answer(asset)
                found.setdefault(one.asset, one)  # pods of one workload have one answer
    return tuple(found.values())


def _answer(seen: Scene, asset: Asset) -> Reached:
    part = parts().get(asset.provider)
    if part is None:
        known = ", ".join(sorted(parts()))
        what = f"assets of {asset.provider}" if asset.provider else f"{asset.kind.value} assets"
        return _untold(asset, f"reachability of {what} is not worked out yet; that of {known} is")
    if asset.kind not in part.kinds:
        kinds = ", ".join(k.value for k in part.kinds)
        return _untold(asset, f"it is {asset.kind.value}, and of {asset.provider} this is worked out for {kinds}")
    return part.reach(seen)(asset)


def _untold(asset: Asset, reason: str) -> Reached:
    doubt = Unknown(GapCode.UNSUPPORTED, reason)
    return Reached(asset.address, doubt, doubt)


def _named(seen: Scene, name: str, source: str) -> Asset:
    """The asset that a name means: its address, id, alias, a name that only one has, or a provider's own name for it."""
    assets = seen.estate.assets
    exact = [a for a in assets if name in (a.address, a.id, *a.aliases)]
    found = exact or _by_provider(seen, name) or [a for a in assets if a.name == name]
    if len({a.id for a in found}) > 1:
        several = ", ".join(sorted(a.address for a in found)[:_LISTED])
        raise NotFound("asset", f"{name!r}, which several are called", f"one of {several}")
    if found:
        return found[0]
    counted = Counter(a.kind.value for a in assets)
    wanted = f"the address of one of {len(assets)} assets of {source} ({', '.join(sorted(counted)[:_LISTED])})"
    raise NotFound("asset", repr(name[:80]), wanted, f"strongroom assess {source} --format csv")


def _by_provider(seen: Scene, name: str) -> list[Asset]:
    wanted = {address for part in parts().values() if (address := part.address(seen, name))}
    return [a for a in seen.estate.assets if a.address in wanted]


# What goes out


def said(answer: Tri) -> bool | str:
    """An answer as other programs read it."""
    return "unknown" if isinstance(answer, Unknown) else answer


def record(found: Reached) -> dict[str, object]:
    """An answer as JSON has it: true, false or "unknown", the reasons for the latter, and what decided."""
    doubts = {"ingress_from_internet": found.ingress, "egress_to_internet": found.egress}
    return {
        "schema": SCHEMA,
        "asset": found.asset,
        **{name: said(answer) for name, answer in doubts.items()},
        "because": {name: d.detail for name, d in doubts.items() if isinstance(d, Unknown)},
        "witness": msgspec.to_builtins(found.witness),
    }


def open_questions(found: Sequence[Reached]) -> bool:
    """Whether some answer is unknown."""
    return any(isinstance(a, Unknown) for f in found for a in (f.ingress, f.egress))
