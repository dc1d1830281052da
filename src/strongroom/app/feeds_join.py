"""Versions that were found, judged by the feed that is kept: facts beside the versions themselves."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from strongroom.app.config import FirmwareName
from strongroom.app.feeds_images import image_facts
from strongroom.assess.patch.judging import Judge
from strongroom.kit.image_names import components
from strongroom.kit.words import slug
from strongroom.model.advisory import Feed, Installed, Judged, Patch, Patience
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

_WHAT = (
    ("driver", "gpu.driver", "nvidia-driver"),
    ("toolkit", "version.container_toolkit", "nvidia-container-toolkit"),
)
_FOREIGN = ("amdgpu", "intel", "gaudi")  # drivers of others, whose versions NVIDIA's advisories say nothing of
_PARTS = (
    ("bios", "version.bios", ("bios", "sbios", "firmware")),
    ("bmc", "version.bmc", ("bmc", "hmc-bmc", "bmc-firmware")),
)
_MELLANOX = {"mlx5_core": "connectx", "mlx4_core": "connectx"}


class FeedLook(NamedTuple):
    """The feed, and how it is gone by. `fresh` is in days; `budget` is how many packages an image may have, 0 where nobody said."""

    feed: Feed | None
    fresh: int = 30
    patience: Patience = Patience()
    names: tuple[FirmwareName, ...] = ()
    budget: int = 0


def join_feeds(estate: Estate, look: FeedLook, now: datetime) -> Estate:
    """The estate, with what the feed says of drivers, firmware, images and packages. Without a feed nothing is added."""
    if look.feed is None or not (look.feed.documents or look.feed.signals):
        return estate
    judge = Judge(look.feed, now.date(), look.fresh, look.patience)
    assets = tuple(_joined(a, judge, look, now) for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets)


def _joined(asset: Asset, judge: Judge, look: FeedLook, now: datetime) -> Asset:
    if asset.kind is Kind.HOST:
        facts = dict(_host(asset, judge, look))
    elif asset.kind is Kind.NIC:
        facts = dict(_nic(asset, judge, look))
    elif asset.kind is Kind.IMAGE and look.feed is not None:
        facts = image_facts(asset, judge, look.feed, look.fresh, look.budget, now)
    elif "pod.images" in asset.facts:
        facts = _work(asset, judge)
    else:
        return asset
    return msgspec.structs.replace(asset, facts={**asset.facts, **facts}) if facts else asset


def _host(asset: Asset, judge: Judge, look: FeedLook) -> Iterator[tuple[str, Fact]]:
    for what, name, product in _WHAT:
        if not _foreign(asset):
            yield from _told(what, asset.facts.get(name), [product], judge)
    if _text(asset, "host.virtual") is True:
        return  # its mainboard is its host's
    for part, name, suffixes in _PARTS:
        yield from _told(part, asset.facts.get(name), _products(asset, part, suffixes, look.names), judge)


def _told(what: str, fact: Fact | None, products: Sequence[str], judge: Judge) -> Iterator[tuple[str, Fact]]:
    """What the feed says of one version. Of the names that a product may have the first counts that some document has."""
    if fact is None or not isinstance(fact.value, str) or not fact.value or not products:
        return
    version = fact.value.partition(" (")[0]  # ethtool: "28.39.1002 (MT_0000000838)"
    judged = [judge(Installed(p, version)) for p in products]
    found = next((j for j in judged if j.patch is not Patch.NOT_LISTED or j.documents), judged[0])
    told = {
        "": found.patch.value, "_why": reason(found), "_fix": found.fixed_in, "_of": fact.value, "_overdue": found.overdue[:300],
    }  # fmt: skip
    for suffix, text in told.items():
        name = f"patch.{what}{suffix}"
        yield name, Fact(name, text, fact.where, fact.source)


def reason(found: Judged) -> str:
    """Why, with the documents and what is exploited."""
    why = f"{found.why} ({', '.join(found.documents[-3:])})" if found.documents else found.why
    exploited = f"; exploited: {', '.join(found.exploited)}" if found.exploited else ""
    return f"{why}{exploited}"[:300]


def _products(asset: Asset, part: str, suffixes: Sequence[str], names: Sequence[FirmwareName]) -> list[str]:
    """What a feed may call the firmware of a machine: by the configuration, or by its maker and model and the part."""
    vendor, model = str(_text(asset, "host.vendor") or ""), str(_text(asset, "host.product") or "")
    named = [n.product for n in names if n.part == part and _like(vendor, n.vendor) and _like(model, n.model)]
    if named or not model:
        return named
    first = slug(vendor).partition("-")[0]
    return [f"{base}-{s}" for base in dict.fromkeys((slug(model), f"{first}-{slug(model)}")) for s in suffixes]


def _nic(asset: Asset, judge: Judge, look: FeedLook) -> Iterator[tuple[str, Fact]]:
    driver = str(_text(asset, "nic.driver") or "")
    products = [n.product for n in look.names if n.part == "nic" and _like(driver, n.model)]
    products = products or [_MELLANOX.get(driver, slug(driver))] if driver else products
    yield from _told("nic", asset.facts.get("nic.firmware"), products, judge)


def _like(text: str, pattern: str) -> bool:
    return fnmatchcase(text.lower(), pattern.lower())


def _work(asset: Asset, judge: Judge) -> dict[str, Fact]:
    """Images of known makers, by the version in their tag. One that is named by digest alone says nothing of versions."""
    fact = asset.facts["pod.images"]
    images = fact.value if isinstance(fact.value, tuple) else ()
    seen: list[str] = []
    late: list[str] = []
    doubt: list[str] = []
    for image in images:
        for product, version in components(str(image)):
            found = judge(Installed(product, version))
            seen.append(f"{image}: {found.patch.value}")
            if found.patch is Patch.AFFECTED and found.overdue:
                fix = f", fixed in {found.fixed_in}" if found.fixed_in else ""
                late.append(f"{image}: {found.overdue}{fix}")
            elif found.patch not in {Patch.AFFECTED, Patch.FIXED}:
                doubt.append(f"{image}: {found.patch.value}: {reason(found)}")
    if not seen:
        return {}
    told: dict[str, Value] = {
        "patch.images": tuple(seen), "patch.images_overdue": tuple(late), "patch.images_doubt": tuple(doubt),
    }  # fmt: skip
    return {n: Fact(n, v, fact.where, fact.source) for n, v in told.items()}


def _text(asset: Asset, name: str) -> object:
    fact = asset.facts.get(name)
    return fact.value if fact is not None else None


def _foreign(asset: Asset) -> bool:
    model = asset.facts.get("gpu.model")
    words = str(model.value).lower() if model is not None else ""
    return bool(words) and "nvidia" not in words and any(w in words for w in (*_FOREIGN, "amd", "instinct", "radeon"))
