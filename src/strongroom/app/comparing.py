"""What differs between two sides: the answers of checks, and the facts of what both sides show.

A side is a kept run, or sources that were read for the comparison. Nothing is called fixed because it cannot be seen:
an asset that is no longer there is `gone`, and where the sides read different kinds of source, what only one of them
can show is `not-seen`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from strongroom.app.catalogue import SOURCE_CHECK
from strongroom.app.drifting import changed, digests_changed
from strongroom.assess.exceptions import OPEN
from strongroom.kit.evidence_digests import Digests
from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import Status
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.snapshot import Change, Comparison, Drift, Snapshot, StoredFinding

KINDS = ("new", "reopened", "lost-sight", "open", "not-seen", "accepted", "back-in-sight", "gone", "fixed")
"""What can become of a finding, worst first."""
FAILS = ("new", "reopened")
"""What a comparison is there to stop."""
TERRAFORM = "terraform"
_TERRAFORMS = ("tf", "plan", "state")
_SETTLED = (Status.PASS, Status.NOT_APPLICABLE, Status.ACCEPTED)


@dataclass(frozen=True)
class Side:
    """One side. `run.id` is empty for what was only read now; such a side has its assets, and what each finding read.

    `names` are what identifies an asset in other sources.
    """

    run: Snapshot
    findings: tuple[StoredFinding, ...]
    schemes: frozenset[str]
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    digests: Digests = field(default_factory=dict)
    version: str = ""
    assets: Mapping[str, Asset] = field(default_factory=dict)
    read: Mapping[str, Collection[str]] = field(default_factory=dict)  # fingerprint -> names of facts

    @property
    def live(self) -> bool:
        """Whether it was read now."""
        return not self.run.id

    @cached_property
    def seen(self) -> set[str]:
        """Every asset that it is known to show."""
        return {f.asset for f in self.findings} | self.assets.keys()

    @cached_property
    def judged(self) -> dict[str, str]:
        """The address of every asset that something is known of, by id; the sources themselves are none."""
        if self.live:
            return {a.id: a.address for a in self.assets.values() if a.facts and a.kind is not Kind.SOURCE}
        return {f.asset: f.address for f in self.findings if f.check != SOURCE_CHECK}

    @property
    def families(self) -> set[str]:
        """Its sources, those of Terraform as one: what one of them shows, each of them can."""
        return {TERRAFORM if s in _TERRAFORMS else s for s in self.schemes}


def compare(before: Side, after: Side) -> Comparison:
    """What differs, worst first."""
    moved = _joined(before, after)
    drifts = {d.asset: d for d in _drifts(before, after, moved)}
    pairs = _Pairs(before, after, moved)
    changes = [_with_facts(c, drifts, before, after) for c in pairs.changes()]
    changes.sort(key=_order)
    ranked = tuple(sorted(drifts.values(), key=lambda d: (d.address, d.asset)))
    same_kind = before.schemes == after.schemes
    here, there = before.judged, after.judged
    return Comparison(
        before=before.run,
        after=after.run,
        same_kind=same_kind,
        changes=tuple(changes),
        drifted=ranked,
        only_before=_addresses(here, {a for a in here if moved.get(a, a) not in after.seen}),
        only_after=_addresses(there, there.keys() - {moved.get(a, a) for a in before.seen}),
        remarks=tuple(_remarks(before, after, same_kind=same_kind)),
    )


def _addresses(of: Mapping[str, str], assets: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(of[a] for a in assets))


def _order(change: Change) -> tuple[int, int, str, str]:
    shown = change.after or change.before
    assert shown is not None
    return KINDS.index(change.kind), -shown.severity.rank, shown.check, shown.address


def _joined(before: Side, after: Side) -> dict[str, str]:
    """Assets of the first side that have another id on the second: what identifies them is the same, and only theirs."""
    by_kind = before.live and after.live
    ours = _owners(before, before.seen - after.seen, by_kind=by_kind)
    theirs = _owners(after, after.seen - before.seen, by_kind=by_kind)
    found: dict[str, set[str]] = {}
    back: dict[str, set[str]] = {}
    for name, a in ours.items():
        if (b := theirs.get(name)) is not None:
            found.setdefault(a, set()).add(b)
            back.setdefault(b, set()).add(a)
    return {a: b for a, (b, *more) in ((a, tuple(bs)) for a, bs in found.items()) if not more and len(back[b]) == 1}


def _owners(side: Side, among: Collection[str], *, by_kind: bool) -> dict[str, str]:
    """The asset of each name that only one asset has."""
    owner: dict[str, str] = {}
    shared: set[str] = set()
    for asset in among:
        kind = f"{side.assets[asset].kind.value} " if by_kind and asset in side.assets else ""
        for name in side.names.get(asset, ()):
            if owner.setdefault(kind + name, asset) != asset:
                shared.add(kind + name)
    return {name: a for name, a in owner.items() if name not in shared}


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The findings of both sides, each with its like."""

    before: Side
    after: Side
    moved: Mapping[str, str]

    def changes(self) -> Iterator[Change]:
        """Every finding that is open on the second side, or differs."""
        old = {self._key(f): f for f in self.before.findings}
        new = {f.fingerprint: f for f in self.after.findings}
        were = {self.moved.get(a, a) for a in self.before.seen}
        for key in {**old, **new}:
            a, b = old.get(key), new.get(key)
            there, known = True, True
            if b is None and a is not None:
                there = self.moved.get(a.asset, a.asset) in self.after.seen
                known = _would_show(self.after, self.before, there=there)
            elif a is None and b is not None:
                known = _would_show(self.before, self.after, there=b.asset in were)
            if kind := _kind(a, b, known=known, there=there):
                yield Change(kind, a, b)

    def _key(self, f: StoredFinding) -> str:
        """The fingerprint that a finding of the first side has on the second."""
        to = self.moved.get(f.asset)
        if to is None or f.fingerprint != fingerprint(f.check, f.asset):
            return f.fingerprint
        return fingerprint(f.check, to)


def _would_show(side: Side, other: Side, *, there: bool) -> bool:
    """Whether a side that has no such answer as the other would have one if the thing were so. `there`: it has the asset."""
    if other.schemes <= side.schemes:
        return True
    # Where the asset is there, the check was not asked of it: its source does not show what the check reads.
    return not there and other.families <= side.families


def _kind(before: StoredFinding | None, after: StoredFinding | None, *, known: bool, there: bool) -> str:
    """How one finding changed; empty when it is neither open nor moved."""
    was = before.status if before else None
    now = after.status if after else None
    if was is Status.ACCEPTED and now in OPEN:
        return "reopened"
    if now is Status.ACCEPTED and was in OPEN:
        # Nothing was mended: somebody said that it may stay.
        return "accepted"
    if now is Status.FAIL:
        return "open" if was is Status.FAIL else "new" if known else "not-seen"
    if now is Status.UNKNOWN and was is not Status.UNKNOWN and was is not None:
        return "lost-sight"
    if was is Status.FAIL:
        if now in _SETTLED:
            return "fixed"
        # An asset that is no longer seen is not an asset that was mended.
        return "not-seen" if not known else "fixed" if there else "gone"
    if was is Status.UNKNOWN and now in _SETTLED:
        return "back-in-sight"
    return ""


def _drifts(before: Side, after: Side, moved: Mapping[str, str]) -> Iterator[Drift]:
    if before.live and after.live:
        for ident, asset in before.assets.items():
            other = after.assets.get(moved.get(ident, ident))
            if other is not None and asset.kind is not Kind.SOURCE and (facts := changed(asset, other)):
                yield Drift(other.id, other.address, facts)
        return
    if before.schemes != after.schemes:  # digests say that values differ, and not whether they mean the same
        return
    addresses = {f.asset: f.address for f in after.findings}
    for ident, own in before.digests.items():
        to = moved.get(ident, ident)
        if facts := digests_changed(own, after.digests.get(to, {})):
            yield Drift(to, addresses.get(to, to), facts)


def _with_facts(c: Change, drifts: Mapping[str, Drift], before: Side, after: Side) -> Change:
    """The change with the facts that its answer rests on and that differ."""
    shown = c.after or c.before
    assert shown is not None
    drift = drifts.get(shown.asset)
    if drift is None or c.before is None or c.after is None:
        return c
    read = {*before.read.get(c.before.fingerprint, ()), *after.read.get(c.after.fingerprint, ())}
    facts = tuple(f for f in drift.facts if f.name in read)
    return msgspec.structs.replace(c, facts=facts) if facts else c


def _remarks(before: Side, after: Side, *, same_kind: bool) -> Iterator[str]:
    """What a reader has to know before trusting the rest."""
    if not same_kind:
        yield (
            f"the first side reads {_kinds(before)}, the second {_kinds(after)}; "
            "what only one of them can show is neither new nor fixed"
        )
        if not (before.live and after.live):
            yield "a kept run has digests and no values: between kinds of source, drift is not looked for"
    elif _sources(before) != _sources(after):
        yield "the sides read different sources; what only one of them has shows as new or gone"
    for which, side in (("first", before), ("second", after)):
        gaps = sum(f.check == SOURCE_CHECK and f.status is Status.UNKNOWN for f in side.findings)
        if gaps:
            places = "1 place" if gaps == 1 else f"{gaps} places"
            yield f"{places} of the {which} side could not be looked at, and may hide more than is shown"
    if before.digests and after.digests and before.version != after.version:
        yield (
            f"version {before.version} judged the first side, {after.version} the second: "
            "what a version reads otherwise shows as a change"
        )
    elif not (before.live and after.live) and same_kind and not (before.digests and after.digests):
        yield "a run kept by an older version has no evidence to compare: drift is not looked for"


def _kinds(side: Side) -> str:
    return " and ".join(sorted(side.schemes)) or "no source"


def _sources(side: Side) -> list[str]:
    return sorted(side.run.sources)
