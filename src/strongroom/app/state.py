"""Snapshots of runs: kept, cited, listed. What changed between two is `app.comparing`."""

from collections.abc import Iterator

from strongroom import __version__
from strongroom.app.catalogue import catalogue
from strongroom.app.state_place import state_path
from strongroom.assess.exceptions import OPEN
from strongroom.assess.prose import because
from strongroom.kit.evidence_digests import of_findings, pack
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue
from strongroom.model.snapshot import Beside, Snapshot, StoredFinding, StoredSkip
from strongroom.store.snapshots import Store

__all__ = ["beside", "cite", "keep", "snapshots", "state_path", "stored"]


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
        evidence=pack(__version__, of_findings(assessment.findings)),
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
