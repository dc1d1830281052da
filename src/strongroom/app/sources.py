"""From what the user names to estates: recognise, read, and put together."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app.catalogue import collectors, derivations
from strongroom.app.reconciling import reconcile
from strongroom.model.errors import BadInput, BadUsage, Unreadable
from strongroom.model.estate import Estate, Fact
from strongroom.model.ports import Collector, Derive, Limits, Peek, Progress, Request

HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """One source as it was named, with the collector that reads it."""

    spec: str
    target: str
    collector: Collector


def find(spec: str) -> Given:
    """The collector for `scheme:target` or a bare path. Raises BadUsage or Unreadable with what would be understood."""
    known = collectors()
    scheme, colon, target = spec.partition(":")
    if colon and scheme in known:
        return Given(spec, target, known[scheme])
    if colon and scheme.isalpha() and len(scheme) > 1 and not os.path.lexists(spec):
        wanted = ", ".join(f"{s}:" for s in sorted(known))
        raise BadUsage(f"source {spec!r}", f"the scheme {scheme!r}", f"one of {wanted}", "strongroom assess --help")
    return _recognise(spec, known)


def _recognise(spec: str, known: dict[str, Collector]) -> Given:
    peek = look(Path(spec))
    ranked = sorted(((c.recognises(peek), s) for s, c in known.items()), reverse=True)
    if not ranked or ranked[0][0] == 0:
        what = "a folder" if peek.is_dir else "a file"
        if peek.is_dir and not peek.names:
            what = "an empty folder"
        wanted = " or ".join(f"{c.title} ({s}:)" for s, c in sorted(known.items()))
        raise Unreadable(spec, f"{what} that no source recognises", wanted, f"name its kind, as in tf:{spec}")
    best = known[ranked[0][1]]
    return Given(f"{best.scheme}:{spec}", spec, best)


def look(path: Path) -> Peek:
    """The first look at a path. Raises Unreadable when there is nothing, or it is neither file nor folder."""
    try:
        if path.is_dir():
            return Peek(path, True, b"", tuple(sorted(p.name for p in path.iterdir())[:1000]))
        if path.is_file():
            with path.open("rb") as f:
                return Peek(path, False, f.read(HEAD), ())
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(path), why, "something that can be read", "check its permissions") from None
    found = "a special file" if os.path.lexists(path) else "nothing there"
    raise Unreadable(str(path), found, "a file or a folder")


def gather(
    specs: Sequence[str], now: datetime, limits: Limits | None = None, progress: Progress | None = None
) -> Estate:
    """Read every source and put them together; an input that cannot be used at all raises its BadInput."""
    given = [find(s) for s in dict.fromkeys(specs)]
    schemes = Counter(g.collector.scheme for g in given)
    estates = []
    for g in given:
        # Two trees may both hold an aws_s3_bucket.weights: with several sources of a scheme, ids carry the source.
        label = g.target.strip("./") if schemes[g.collector.scheme] > 1 else ""
        request = Request(g.spec, g.target, now, limits or Limits(), label, progress)
        try:
            estates.append(g.collector.collect(request))
        except RecursionError:
            raise BadInput(g.spec, "structures nested too deeply", "an ordinary depth") from None
        except MemoryError:
            raise BadInput(g.spec, "more than memory holds", "a smaller input") from None
    return derive(join(estates, now))


def join(estates: Sequence[Estate], now: datetime) -> Estate:
    """One estate of many, each thing once, whatever the order of the sources; see `reconciling`."""
    assets, torn = reconcile(estates)
    gaps = (*(g for e in estates for g in e.gaps), *torn)
    return Estate(assets, gaps, tuple(s for e in estates for s in e.sources), now)


def derive(estate: Estate, steps: Sequence[Derive] | None = None) -> Estate:
    """Add the facts that are computed from other facts: by every derivation, or by those that are given."""
    for step in derivations() if steps is None else steps:
        added: dict[str, dict[str, Fact]] = {}
        for asset_id, fact in step.derive(estate):
            added.setdefault(asset_id, {})[fact.name] = fact
        if added:
            assets = tuple(
                msgspec.structs.replace(a, facts={**a.facts, **added[a.id]}) if a.id in added else a
                for a in estate.assets
            )
            estate = msgspec.structs.replace(estate, assets=assets)
    return estate
