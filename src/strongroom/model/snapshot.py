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


class StoredFinding(msgspec.Struct, frozen=True):
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
    open or accepted findings.
    """

    accepted: tuple[tuple[str, Status, str], ...] = ()
    exceptions: tuple[RiskException, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    skips: tuple[StoredSkip, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """How one finding differs between two snapshots; a status is None where the finding was not there."""

    kind: str  # new, fixed, accepted, reopened, open, lost-sight, gone, back-in-sight, changed
    before: StoredFinding | None
    after: StoredFinding | None
