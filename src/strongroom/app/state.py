"""Snapshots of runs, and what changed between two of them."""

import os
from collections.abc import Iterator
from pathlib import Path

from strongroom.app.catalogue import catalogue
from strongroom.assess.exceptions import OPEN
from strongroom.assess.prose import because
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue
from strongroom.model.snapshot import Beside, Change, Snapshot, StoredFinding, StoredSkip
from strongroom.store.snapshots import Store

_SETTLED = (Status.PASS, Status.NOT_APPLICABLE, Status.ACCEPTED)


def state_path(given: str | None) -> str:
    """Where the state is: as given, else below $XDG_STATE_HOME or ~/.local/state."""
    if given:
        return given
    root = os.environ.get("XDG_STATE_HOME")  # noqa: TID251 - app is where the surroundings are asked
    return str((Path(root) if root else Path.home() / ".local" / "state") / "strongroom" / "strongroom.db")


def keep(assessment: Assessment, path: str, known: Catalogue | None = None) -> Snapshot:
    """Store the run as a snapshot. `known` is the catalogue that it was judged by. Raises StateError."""
    with Store(path) as store:
        specs = [s.spec for s in assessment.sources]
        return store.add(
            assessment.seen_at, specs, len(assessment.assets), stored(assessment, known), beside(assessment)
        )


def beside(assessment: Assessment) -> Beside:
    """What a snapshot keeps beside the findings, so that exceptions can be judged again without reading any source."""
    held = {f.asset for f in assessment.findings if f.status in (*OPEN, Status.ACCEPTED)}
    return Beside(
        accepted=tuple((a.fingerprint, a.was, a.exception.digest) for a in assessment.accepted),
        exceptions=tuple({a.exception.digest: a.exception for a in assessment.accepted}.values()),
        aliases=tuple((a.id, alias) for a in assessment.assets if a.id in held for alias in a.aliases),
        skips=tuple(StoredSkip(a.id, a.address, s) for a in assessment.assets for s in a.skips),
    )


def cite(path: str, snapshot: Snapshot, origin: str, entry: int) -> None:
    """Note where the log holds a snapshot. Raises StateError."""
    with Store(path) as store:
        store.cite(snapshot.id, origin, entry)


def stored(assessment: Assessment, known: Catalogue | None = None) -> Iterator[StoredFinding]:
    """The findings as a snapshot keeps them."""
    known = known or catalogue()
    addresses = {a.id: a.address for a in assessment.assets}
    for f in assessment.findings:
        yield StoredFinding(
            fingerprint=f.fingerprint,
            check=f.check,
            control=f.control,
            asset=f.asset,
            address=addresses.get(f.asset, f.asset),
            status=f.status,
            severity=f.severity,
            because="" if f.status is Status.PASS else because(f, known),
        )


def snapshots(path: str) -> tuple[Snapshot, ...]:
    """Every stored run, oldest first."""
    with Store(path) as store:
        return store.list()


def diff(path: str, before: str, after: str) -> tuple[Snapshot, Snapshot, tuple[Change, ...]]:
    """The changes from one snapshot to another, worst first. Raises NotFound."""
    with Store(path) as store:
        a, b = store.get(before), store.get(after)
        old = {f.fingerprint: f for f in store.findings(a)}
        new = {f.fingerprint: f for f in store.findings(b)}
    assets = {f.asset for f in new.values()}
    changes = [c for key in {**old, **new} if (c := _change(old.get(key), new.get(key), assets)) is not None]
    changes.sort(key=_order)
    return a, b, tuple(changes)


_KINDS = ("new", "reopened", "lost-sight", "open", "accepted", "back-in-sight", "gone", "fixed")


def _order(change: Change) -> tuple[int, int, str, str]:
    shown = change.after or change.before
    assert shown is not None
    return _KINDS.index(change.kind), -shown.severity.rank, shown.check, shown.address


def _change(before: StoredFinding | None, after: StoredFinding | None, assets: set[str]) -> Change | None:
    """How one finding changed; None when it is neither open nor moved."""
    was = before.status if before else None
    now = after.status if after else None
    if was is Status.ACCEPTED and now in OPEN:
        return Change("reopened", before, after)
    if now is Status.ACCEPTED and was in OPEN:
        # Nothing was mended: somebody said that it may stay.
        return Change("accepted", before, after)
    if now is Status.FAIL:
        return Change("open" if was is Status.FAIL else "new", before, after)
    if now is Status.UNKNOWN and was is not Status.UNKNOWN and was is not None:
        return Change("lost-sight", before, after)
    if was is Status.FAIL:
        # An asset that is no longer seen is not an asset that was mended.
        mended = now in _SETTLED or (now is None and before is not None and before.asset in assets)
        return Change("fixed" if mended else "gone", before, after)
    if was is Status.UNKNOWN and now in _SETTLED:
        return Change("back-in-sight", before, after)
    return None
