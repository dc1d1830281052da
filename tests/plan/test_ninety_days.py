"""Findings as tasks."""

from strongroom.app.catalogue import catalogue
from strongroom.model.codes import Effort, FindingCode, Severity, Status
from strongroom.model.control import Finding
from strongroom.plan.ninety_days import plan


def finding(check: str, asset: str, status: Status = Status.FAIL, code: FindingCode = FindingCode.BROKEN) -> Finding:
    """A finding of a check of this build."""
    known = catalogue().checks.get(check)
    arguments = (
        ("scope", "main.tf:3"),
        ("code", "malformed"),
        ("detail", "it does not parse"),
        ("because", "no value"),
    )
    severity = known.severity if known else Severity.MEDIUM
    control = known.control if known else "INV-01"
    return Finding(check, control, asset, status, code, severity, arguments, (), f"{check}|{asset}")


def test_one_task_per_check_closes_all_its_findings() -> None:
    """Every failing finding is closed by exactly one task, which names its assets."""
    checks = list(catalogue().checks)[:40]
    found = [finding(c, a) for c in checks for a in ("a", "b")]
    tasks = plan(found, catalogue())
    closed = [fingerprint for t in tasks for fingerprint in t.closes]
    assert sorted(closed) == sorted(f.fingerprint for f in found)
    assert all(set(t.assets) == {"a", "b"} for t in tasks)


def test_order_is_phase_then_severity() -> None:
    """No task stands before one of an earlier phase, nor before a worse one of its own phase."""
    tasks = plan([finding(c, "a") for c in catalogue().checks], catalogue())
    keys = [(t.phase, -t.severity.rank) for t in tasks]
    assert keys == sorted(keys)
    assert {t.phase for t in tasks} <= {30, 60, 90}


def test_passes_make_no_task() -> None:
    """Nothing that passes, was accepted or does not apply is work."""
    check = next(iter(catalogue().checks))
    quiet = (Status.PASS, Status.ACCEPTED, Status.NOT_APPLICABLE)
    assert plan([finding(check, "a", s, FindingCode.HOLDS) for s in quiet], catalogue()) == ()


def test_what_cannot_be_seen_is_work_for_the_first_phase() -> None:
    """A gap and an undecided answer are tasks of day 30: nothing after them is certain until they are done."""
    gap = finding("inv.source.read-whole", "source:tf:x", Status.UNKNOWN, FindingCode.SOURCE_GAP)
    doubt = finding(next(iter(catalogue().checks)), "a", Status.UNKNOWN, FindingCode.FACT_UNKNOWN)
    tasks = plan([gap, doubt], catalogue())
    assert [t.phase for t in tasks] == [30, 30]
    assert {f for t in tasks for f in t.closes} == {gap.fingerprint, doubt.fingerprint}


def test_many_assets_make_a_fix_larger() -> None:
    """A small fix on many assets is no longer small."""
    small = next(c.id for c in catalogue().checks.values() if c.fix.effort is Effort.SMALL)
    (task,) = plan([finding(small, f"a{i}") for i in range(30)], catalogue())
    assert task.effort is Effort.MEDIUM


def test_dependencies_name_tasks_that_exist_and_have_no_ring() -> None:
    """A task comes after tasks of the same plan only, and following them always ends."""
    tasks = {t.id: t for t in plan([finding(c, "a") for c in catalogue().checks], catalogue())}

    def depth(task: str, seen: tuple[str, ...] = ()) -> int:
        assert task not in seen
        return 1 + max((depth(d, (*seen, task)) for d in tasks[task].depends_on), default=0)

    assert all(depth(t) >= 1 for t in tasks)


def test_ids_are_stable() -> None:
    """The same findings give the same ids, in whatever order they come."""
    found = [finding(c, "a") for c in catalogue().checks]
    assert plan(found, catalogue()) == plan(found[::-1], catalogue())
