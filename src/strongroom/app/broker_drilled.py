"""What a broker's log has of drills: the last one, whether it passed, and of which policy it was."""

from datetime import datetime

from strongroom.app.release_drill_words import SUBJECT
from strongroom.model.log import LogEntry
from strongroom.model.release import ReleasePolicy
from strongroom.model.values import Unknown, Value

FACTS = (
    *("broker.drilled", "broker.drill_passed", "broker.drill_failed", "broker.drill_days", "broker.drill_policy"),
    *("broker.drill_version", "broker.drill_unattested"),
)
_UNATTESTED = "release: no attestation at all: "


def is_drill(entry: LogEntry) -> bool:
    """Whether an entry is the outcome of such a drill."""
    return entry.subject == SUBJECT


def facts(last: LogEntry | None, now: datetime, terms: ReleasePolicy | Unknown | None) -> dict[str, Value]:
    """The facts of the last drill; none of it is set where there never was one."""
    if last is None:
        return {"broker.drilled": False}
    failed, cells = last.fields.get("failed"), last.fields.get("cells")
    same: Value = (
        terms if isinstance(terms, Unknown) else terms is not None and terms.digest == last.digests.get("policy")
    )
    probe = [c for c in cells if c.startswith(_UNATTESTED)] if isinstance(cells, tuple) else []
    return {
        "broker.drilled": True,
        "broker.drill_passed": last.fields.get("passed") is True,
        "broker.drill_failed": failed if isinstance(failed, tuple) else (),
        "broker.drill_days": round(max((now - last.at).total_seconds(), 0) / 86_400, 1),
        "broker.drill_policy": same,
        "broker.drill_version": str(last.fields.get("version") or ""),
        "broker.drill_unattested": bool(probe) and all(c.split(": ")[-1][:2] == "40" for c in probe),
    }
