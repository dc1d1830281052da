"""Assess: read the sources, judge them, plan the work, and keep a snapshot."""

from collections.abc import Sequence
from datetime import datetime

from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import assess as judge_estate
from strongroom.model.codes import Severity, Status
from strongroom.model.control import Assessment
from strongroom.model.ports import Limits, Progress


def assess(
    specs: Sequence[str], now: datetime, limits: Limits | None = None, progress: Progress | None = None
) -> Assessment:
    """The judgement of everything that the sources show. Raises BadInput for a source that cannot be used at all."""
    estate = gather(specs, now, limits, progress)
    return judge_estate(estate, catalogue(), now)


def exit_code(assessment: Assessment, fail_on: Severity | None) -> int:
    """1: a failure at or above `fail_on`; 3: nothing such, but a given source could not answer; else 0."""
    failed = [f for f in assessment.findings if f.status is Status.FAIL]
    if fail_on is not None and any(f.severity.rank >= fail_on.rank for f in failed):
        return 1
    return 3 if any(f.status is Status.UNKNOWN for f in assessment.findings) else 0
