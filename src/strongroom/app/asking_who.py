"""Who can do what to an asset: the sources are read, and the part of the asset's provider answers."""

import difflib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from strongroom.app.sources import gather
from strongroom.kit.rooms import room
from strongroom.model.errors import BadUsage, NotFound, RoomError
from strongroom.model.estate import Asset, Estate, Gap
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits, Progress, Who
from strongroom.model.who_can import Deed, Held, May, WhoCan

_HIDING = frozenset({Kind.IDENTITY, Kind.POLICY, Kind.GRANT, Kind.KEY, Kind.BUCKET})
_LISTED = 8


@lru_cache(maxsize=1)
def parts() -> dict[str, Who]:
    """The part of every provider that has one. Two for one provider raise RoomError."""
    found: dict[str, Who] = {}
    for name, part in room("strongroom.assess.who_can", "WHO", Who).items():
        if part.provider in found:
            raise RoomError(f"assess.who_can.{name}", f"provider {part.provider!r} again", "a provider of its own")
        found[part.provider] = part
    return found


def ask(
    sources: Sequence[str],
    deed: Deed,
    name: str,
    now: datetime,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> WhoCan:
    """The verdict of every principal. Raises BadInput, NotFound, and BadUsage where the question does not arise."""
    return judge(gather(sources, now, limits, progress), deed, name, sources[0])


def judge(estate: Estate, deed: Deed, name: str, source: str) -> WhoCan:
    """The same of an estate that was read. Raises NotFound, BadUsage."""
    asset = named(estate, name, source)
    part = part_of(asset)
    if part is None:
        known = ", ".join(sorted(parts()))
        raise BadUsage(f"who-can {deed}", f"{asset.address}, which belongs to none of them", f"an asset of {known}")
    held = part.who_can(estate, asset, deed)
    if held is None:
        wanted = ", ".join(d.value for d in part.deeds(estate, asset)) or "another asset"
        what = f"{asset.address}, a {asset.native_type}, for which it does not arise"
        raise BadUsage(f"who-can {deed}", what, wanted, "strongroom assess who-can --help")
    ordered = tuple(sorted(held, key=_order))
    return WhoCan(deed, asset.address, ordered, tuple(g for g in estate.gaps if _hides(g)))


def _order(h: Held) -> tuple[int, int, str]:
    return ((May.ALLOW, May.CONDITIONAL, May.DENY).index(h.verdict), len(h.path), h.principal)


def _hides(gap: Gap) -> bool:
    """Whether a principal, or a policy that bears on one, may be in what was not read."""
    return not gap.hides or bool(_HIDING.intersection(gap.hides))


def part_of(asset: Asset) -> Who | None:
    """The part that answers for an asset."""
    native = asset.native_type.removeprefix("data.")
    return next((p for p in parts().values() if p.provider == asset.provider or native.startswith(p.natives)), None)


def named(estate: Estate, name: str, source: str) -> Asset:
    """The asset that a name means: its address, id, alias, or a name that only one has. Raises NotFound."""
    assets = estate.assets
    found = [a for a in assets if name in (a.address, a.id, *a.aliases)]
    found = found or [a for a in assets if a.name == name and part_of(a) is not None and a.facts]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(sorted(a.id for a in found)[:_LISTED])
        raise NotFound("asset", f"{name!r}, which {len(found)} are called", f"one of {several}")
    near = difflib.get_close_matches(name, [a.address for a in assets], n=3)
    wanted = f"the address of one of the {len(assets)} assets of {source}"
    hint = f"did you mean {near[0]}" if near else f"strongroom assess {source} --format csv"
    raise NotFound("asset", repr(name[:80]), wanted, hint)


def strongest(answer: WhoCan) -> Held | None:
    """The principal with the shortest way among those with the strongest verdict; None where nobody has one."""
    first = min(answer.held, key=_order, default=None)
    return first if first is not None and first.verdict is not May.DENY else None
