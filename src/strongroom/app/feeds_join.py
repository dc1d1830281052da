"""Versions of hosts, judged by the feed that is kept: facts beside the versions themselves."""

from datetime import datetime

import msgspec

from strongroom.assess.patch.judging import Judge
from strongroom.model.advisory import Feed, Installed
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind

_WHAT = (
    ("driver", "gpu.driver", "nvidia-driver"),
    ("toolkit", "version.container_toolkit", "nvidia-container-toolkit"),
)
_FOREIGN = ("amdgpu", "intel", "gaudi")  # drivers of others, whose versions NVIDIA's advisories say nothing of


def join_feeds(estate: Estate, feed: Feed | None, fresh: int, now: datetime) -> Estate:
    """The estate, with what the feed says of each host's driver and container toolkit. Without a feed nothing is added."""
    if feed is None or not feed.documents:
        return estate
    judge = Judge(feed, now.date(), fresh)
    assets = tuple(_judged(a, judge) if a.kind is Kind.HOST else a for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets)


def _judged(asset: Asset, judge: Judge) -> Asset:
    facts: dict[str, Fact] = {}
    for what, name, product in _WHAT:
        fact = asset.facts.get(name)
        if fact is None or not isinstance(fact.value, str) or not fact.value or _foreign(asset):
            continue
        found = judge(Installed(product, fact.value))
        why = f"{found.why} ({', '.join(found.documents[-3:])})" if found.documents else found.why
        exploited = f"; exploited: {', '.join(found.exploited)}" if found.exploited else ""
        told = {"": found.patch.value, "_why": f"{why}{exploited}"[:300], "_fix": found.fixed_in, "_of": fact.value}
        facts |= {f"patch.{what}{k}": Fact(f"patch.{what}{k}", t, fact.where, fact.source) for k, t in told.items()}
    return msgspec.structs.replace(asset, facts={**asset.facts, **facts}) if facts else asset


def _foreign(asset: Asset) -> bool:
    model = asset.facts.get("gpu.model")
    words = str(model.value).lower() if model is not None else ""
    return bool(words) and "nvidia" not in words and any(w in words for w in (*_FOREIGN, "amd", "instinct", "radeon"))
