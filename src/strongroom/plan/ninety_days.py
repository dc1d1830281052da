"""Findings as tasks for 30, 60 and 90 days, in the guide's order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import Effort, FindingCode, Severity, Status, Verb
from strongroom.model.control import Finding, Task
from strongroom.model.ports import Catalogue, Check, Control

_VERBS = tuple(Verb)
_AFTER: tuple[tuple[str, str], ...] = (
    # (clause, the clause whose tasks come first)
    ("NET-03.private-endpoints", "NET-02.in-private-network"),
    ("NET-03.public-access-off", "NET-03.private-endpoints"),
    ("NET-04.default-deny-egress", "NET-02.in-private-network"),
    ("ART-06.rotation", "ART-01.stores-cmk"),
    ("ART-06.admin-not-user", "ART-01.stores-cmk"),
    ("TEE-01.keys-need-attestation", "ART-01.stores-cmk"),
    ("TEE-01.keys-need-attestation", "TEE-04.sensitive-runs-confidential"),
    ("TEE-04.sensitive-runs-confidential", "FW-01.cloud-shielded"),
    ("GPU-02.no-time-slicing", "GPU-01.enforced-by-scheduler"),
    ("LOG-01.protected", "LOG-01.sources-on"),
    ("LOG-01.retention-year", "LOG-01.sources-on"),
    ("MON-02.change-alert", "LOG-01.sources-on"),
    ("FW-02.tpm-present", "FW-01.secure-boot-on"),
    ("IR-02.immutable-backup", "ART-01.stores-cmk"),
)


def plan(findings: Iterable[Finding], catalogue: Catalogue) -> tuple[Task, ...]:
    """One task for every check that fails somewhere, and one for every source that could not be read whole.

    Ordered by phase, then severity, then the guide's verbs, then how many assets it closes.
    """
    failing: dict[str, list[Finding]] = defaultdict(list)
    gaps: list[Finding] = []
    undecided: list[Finding] = []
    for f in findings:
        if f.status is Status.FAIL and f.check in catalogue.checks:
            failing[f.check].append(f)
        elif f.code is FindingCode.SOURCE_GAP:
            gaps.append(f)
        elif f.status is Status.UNKNOWN:
            undecided.append(f)
    tasks = [_fix(catalogue, catalogue.checks[check], found) for check, found in failing.items()]
    tasks += _see(gaps)
    tasks += _decide(undecided)
    tasks.sort(key=_order)
    return _depending(tasks, catalogue)


def _order(task: Task) -> tuple[int, int, int, int, str]:
    return task.phase, -task.severity.rank, _VERBS.index(task.verb), -len(task.assets), task.id


def _fix(catalogue: Catalogue, check: Check, found: Sequence[Finding]) -> Task:
    control: Control | None = catalogue.controls.get(check.control)
    return Task(
        id="task-" + fingerprint("fix", check.id)[:8],
        control=check.control,
        check=check.id,
        title=check.title,
        phase=control.phase if control else 90,
        verb=control.verb if control else Verb.ASSESS,
        severity=check.severity,
        effort=_scaled(check.fix.effort, len(found)),
        assets=tuple(dict.fromkeys(f.asset for f in found)),
        closes=tuple(f.fingerprint for f in found),
        fix=check.fix.text,
        verify=check.fix.verify or "run strongroom assess again: the findings are gone",
    )


def _scaled(effort: Effort, assets: int) -> Effort:
    """A small fix on many assets is no small fix."""
    if effort is Effort.SMALL and assets > 20:
        return Effort.MEDIUM
    return Effort.LARGE if effort is Effort.MEDIUM and assets > 50 else effort


def _see(gaps: Sequence[Finding]) -> list[Task]:
    """What hides assets comes first: nothing after it is certain until it is seen."""
    by_code: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for f in gaps:
        by_code[f.asset, dict(f.arguments).get("code", "")].append(f)
    tasks = []
    for (asset, code), found in by_code.items():
        scopes = list(dict.fromkeys(dict(f.arguments).get("scope", "") for f in found))
        shown = ", ".join(scopes[:3]) + (f" and {len(scopes) - 3} more" if len(scopes) > 3 else "")
        first = dict(found[0].arguments).get("detail", "")
        tasks.append(
            Task(
                id="task-" + fingerprint("see", asset, code)[:8],
                control=found[0].control,
                check=found[0].check,
                title=f"Make visible what could not be read ({code}): {shown}",
                phase=30,
                verb=Verb.ASSESS,
                severity=Severity.MEDIUM,
                effort=Effort.SMALL,
                assets=(asset,),
                closes=tuple(f.fingerprint for f in found),
                fix=first[:1].upper() + first[1:],
                verify="run strongroom assess again: the source is read whole",
            )
        )
    return tasks


def _decide(undecided: Sequence[Finding]) -> list[Task]:
    if not undecided:
        return []
    reasons: Mapping[str, int] = _counted(dict(f.arguments).get("because", "") for f in undecided)
    top = "; ".join(r for r, _ in sorted(reasons.items(), key=lambda x: (-x[1], x[0]))[:3])
    return [
        Task(
            id="task-" + fingerprint("decide")[:8],
            control="INV-01",
            check="inv.source.read-whole",
            title=f"Give the values that {len(undecided)} answers wait for",
            phase=30,
            verb=Verb.ASSESS,
            severity=Severity.LOW,
            effort=Effort.SMALL,
            assets=tuple(dict.fromkeys(f.asset for f in undecided)),
            closes=tuple(f.fingerprint for f in undecided),
            fix=f"Most often: {top}. Assess the plan instead of the configuration, or give the variables values.",
            verify="run strongroom assess again: these are decided",
        )
    ]


def _counted(items: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for item in items:
        counts[item] += 1
    return counts


def _depending(tasks: Sequence[Task], catalogue: Catalogue) -> tuple[Task, ...]:
    by_clause: dict[str, list[str]] = defaultdict(list)
    for t in tasks:
        check = catalogue.checks.get(t.check)
        if check is not None:
            by_clause[check.clause].append(t.id)
    out = []
    for t in tasks:
        check = catalogue.checks.get(t.check)
        clause = check.clause if check is not None else ""
        needs = [i for mine, first in _AFTER if mine == clause for i in by_clause.get(first, ()) if i != t.id]
        out.append(msgspec.structs.replace(t, depends_on=tuple(dict.fromkeys(needs))))
    return tuple(out)
