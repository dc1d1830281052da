"""Images by their bills of materials, each package judged by the feed of its ecosystem.

A package that a whole and fresh database does not name has nothing known against it; where the database is not there, or old,
that nothing is known proves nothing.
"""

from datetime import datetime
from typing import NamedTuple

from strongroom.assess.patch.judging import Judge, stale
from strongroom.kit import purl
from strongroom.kit.purl import Package
from strongroom.model.advisory import Feed, Installed, Patch
from strongroom.model.estate import Asset, Fact
from strongroom.model.values import Value

_BY_RELEASE = ("deb", "rpm", "apk")  # each release of a distribution fixes the same flaw in versions of its own
_ROLLING = ("OSV Wolfi", "OSV Chainguard")


class _Of(NamedTuple):
    late: str = ""
    doubt: str = ""


def image_facts(asset: Asset, judge: Judge, feed: Feed, fresh: int, budget: int, now: datetime) -> dict[str, Fact]:
    """What the feed says of the packages of an image."""
    fact = asset.facts.get("image.packages")
    if fact is None or not isinstance(fact.value, tuple):
        return {}
    days = {p: feed.goes_to((p,)) for p in {d.publisher for d in feed.documents}}
    aged = {p: stale(day, now.date(), fresh) for p, day in days.items()}
    late: list[str] = []
    doubt: dict[str, int] = {}
    for text in fact.value:
        package = purl.parse(str(text))
        found = (
            _one(package, judge, aged) if package is not None else _Of(doubt="a package URL that no feed here knows")
        )
        if found.late:
            late.append(found.late)
        if found.doubt:
            doubt[found.doubt] = doubt.get(found.doubt, 0) + 1
    told: dict[str, Value] = {
        "image.packages_overdue": tuple(late),
        "image.packages_doubt": tuple(f"{n} x {why}" if n > 1 else why for why, n in sorted(doubt.items())),
        **({"image.package_budget": budget} if budget else {}),
    }
    return {n: Fact(n, v, fact.where, fact.source) for n, v in told.items()}


def _one(package: Package, judge: Judge, aged: dict[str, str]) -> _Of:
    kind = package.product.partition("/")[0]
    if kind in _BY_RELEASE and not package.release and package.database not in _ROLLING:
        return _Of(doubt=f"{kind} packages whose URL names no release of their distribution")
    found = judge(Installed(package.product, package.version, package.release or "linux"))
    name = f"{package.product} {package.version}"
    if found.patch is Patch.AFFECTED:
        fix = f", fixed in {found.fixed_in}" if found.fixed_in else ""
        return _Of(late=f"{name}: {found.overdue}{fix}") if found.overdue else _Of()
    if found.patch is Patch.CONDITIONAL:
        return _Of(doubt=f"{name}: {found.why[:160]}")
    if "no version that can be compared" in found.why:
        return _Of(doubt=f"{name}: {found.why}")
    if package.database not in aged:
        return _Of(doubt=f"no {package.database or 'database of ' + package.product.partition('/')[0]} in the feed")
    return _Of(doubt=f"{package.database}: {aged[package.database]}") if aged[package.database] else _Of()
