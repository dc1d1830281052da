"""Assess: read the sources, judge them, and plan the work."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from strongroom.app.appraisal_join import join_replays
from strongroom.app.artifact_join import join_register
from strongroom.app.artifacts import Held
from strongroom.app.broker_join import join_brokers
from strongroom.app.catalogue import collectors
from strongroom.app.derived_reach import reachability
from strongroom.app.feeds_join import join_feeds
from strongroom.app.isolation_join import join_isolation
from strongroom.app.rules import RuleSet, ask
from strongroom.app.scrub_join import join_scrubs
from strongroom.app.sealed_join import Looking, join_sealed
from strongroom.app.sources import derive, gather
from strongroom.assess.judge import assess as judge_estate
from strongroom.model.codes import Severity, Status
from strongroom.model.control import Assessment
from strongroom.model.people import People
from strongroom.model.ports import Limits, Progress
from strongroom.plan.ninety_days import plan


def assess(
    specs: Sequence[str],
    now: datetime,
    limits: Limits | None = None,
    progress: Progress | None = None,
    people: People = People(),  # noqa: B008 - it is frozen
    rules: RuleSet = RuleSet(),  # noqa: B008 - it is frozen
    register: Held | None = None,
    looking: Looking | None = None,
) -> Assessment:
    """The judgement of everything that the sources show. Raises BadInput for a source that cannot be used at all."""
    gathered = derive(gather(specs, now, limits, progress), reachability())
    estate = join_replays(join_register(gathered, register))
    estate = join_scrubs(join_isolation(join_brokers(estate, limits)), now)
    if looking is not None:
        estate = join_feeds(estate, looking.feeds, now)
    estate = join_sealed(estate, looking, now)
    asking = ask(rules, estate, limits, progress)
    judged = judge_estate(asking.estate, asking.catalogue, now, collectors(), people)
    return msgspec.structs.replace(judged, tasks=plan(judged.findings, asking.catalogue))


def exit_code(assessment: Assessment, fail_on: Severity | None) -> int:
    """1: a failure at or above `fail_on`; 3: nothing such, but a given source could not answer; else 0."""
    floor = fail_on.rank if fail_on is not None else None
    incomplete = False
    for f in assessment.findings:
        if f.status is Status.FAIL and floor is not None and f.severity.rank >= floor:
            return 1
        incomplete = incomplete or f.status is Status.UNKNOWN
    return 3 if incomplete else 0
