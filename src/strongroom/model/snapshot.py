"""What is kept of a run, and what changed between two."""

from datetime import datetime

import msgspec

from strongroom.model.codes import Severity, Status
from strongroom.model.estate import Skip
from strongroom.model.people import RiskException


class Snapshot(msgspec.Struct, frozen=True):
    """One stored run. `id` is short, unique and sorts by time; `digest` is over the stored findings.

    `log` and `entry` say where the log holds it: the log's origin, and the index; None where no log does.
    """

    id: str
    taken_at: datetime
    sources: tuple[str, ...]
    assets: int
    passed: int
    failed: int
    unknown: int
    digest: str
    log: str | None = None
    entry: int | None = None


class StoredFinding(msgspec.Struct, frozen=True, gc=False):  # words alone, by the hundred thousand: no cycles
    """A finding as a snapshot keeps it: enough to compare and to show."""

    fingerprint: str
    check: str
    control: str
    asset: str
    address: str
    status: Status
    severity: Severity
    because: str


class StoredSkip(msgspec.Struct, frozen=True):
    """A skip as a snapshot keeps it, with the asset that it stands beside."""

    asset: str
    address: str
    skip: Skip


class Beside(msgspec.Struct, frozen=True):
    """What a snapshot keeps beside its findings, so that exceptions can be judged again without reading any source.

    `accepted` are (fingerprint, status before, digest of the exception); `aliases` are (asset id, alias) of assets with
    open or accepted findings. `evidence` is what the checks read, as digests; see `kit.evidence_digests`.
    """

    accepted: tuple[tuple[str, Status, str], ...] = ()
    exceptions: tuple[RiskException, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    skips: tuple[StoredSkip, ...] = ()
    evidence: bytes = b""


class FactChange(msgspec.Struct, frozen=True):
    """A fact that differs between two sides, as a report shows values: short, and never a sensitive one.

    `before` and `after` are None where a side is a snapshot, which keeps that a value changed and not the value. Of a
    list, `removed` and `added` say what only one side has. `defaulted` names the sides (`before`, `after`) that leave it
    out, so that the provider's documented default counts there.
    """

    name: str
    before: str | None = None
    after: str | None = None
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """How one finding differs between two sides; a side is None where it has no such finding.

    `facts` are those that the answer rests on and that differ, as far as they are known.
    """

    kind: str  # new, reopened, lost-sight, open, accepted, back-in-sight, gone, not-seen, fixed
    before: StoredFinding | None
    after: StoredFinding | None
    facts: tuple[FactChange, ...] = ()


class Drift(msgspec.Struct, frozen=True):
    """An asset that both sides show, and of which they say different things, whatever checks answer."""

    asset: str
    address: str
    facts: tuple[FactChange, ...]


class Comparison(msgspec.Struct, frozen=True):
    """Two sides, and what differs, worst first. A side that was only read now and not kept has no id and no digest.

    `same_kind` says whether both read the same kinds of source, so that what one lacks is really not there.
    `only_before` and `only_after` are the addresses of assets that one side alone shows; of a kept run these are only
    assets that some check spoke of. `remarks` are what a reader has to know before trusting the rest.
    """

    before: Snapshot
    after: Snapshot
    same_kind: bool
    changes: tuple[Change, ...]
    drifted: tuple[Drift, ...] = ()
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Point(msgspec.Struct, frozen=True):
    """One kept run as a point of a line: what was open then.

    `open_30`, `open_60` and `open_90` are the failing findings by the phase of their control; `new`, `fixed` and `gone`
    (its asset is no longer seen) are since the point before it on the line, None for the first. `age_days` is the mean
    age of what fails, counted from the run that first saw it fail without a break; it is at least that, since nothing
    is older than the first kept run.
    """

    snapshot: str
    at: datetime
    failing: int
    unknown: int
    passing: int
    accepted: int
    open_30: int
    open_60: int
    open_90: int
    new: int | None = None
    fixed: int | None = None
    gone: int | None = None
    age_days: float | None = None  # None where nothing fails


class Line(msgspec.Struct, frozen=True):
    """Kept runs that can be compared, oldest first: all of them read the same sources. Rules are no source here."""

    sources: tuple[str, ...]
    points: tuple[Point, ...]


class Kept(msgspec.Struct, frozen=True):
    """An earlier run of the same sources, as the burn-down needs it: which checks failed on anything."""

    snapshot: str
    at: datetime
    failing: tuple[str, ...]
