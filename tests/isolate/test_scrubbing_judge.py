"""What a scrub and a leak test come to: everything must speak for it, and each thing that does not is a reason."""

import msgspec
import pytest

from strongroom.isolate.scrubbing import Terms, judge_leak, judge_scrub, named, refusals
from strongroom.model.scrub import (
    ATTACKS,
    CONTROLS,
    PASSES,
    SWEEPS,
    Audit,
    Canary,
    Case,
    Cover,
    Failure,
    Gpu,
    LeakReport,
    Mig,
    Occupant,
    Outcome,
    Pass,
    Remains,
    ScrubReport,
    Standing,
    Step,
    Sweep,
    Tried,
)

UUID = "GPU-12345678-1234-1234-1234-123456789012"
TOTAL, TAKEN = 1_000_000, 990_000
STANDING = Standing(
    uuid=UUID, driver="580.1", bytes_total=TOTAL, bytes_used=0, occupants=(), mps=(), mig=Mig.OFF, uncorrected=3
)
GPU = Gpu(uuid=UUID, units=132, shared_bytes=1000, register_bytes=1000, l2_bytes=50, method="")
COVER = Cover(132, 132, 1000, 1000)
REPORT = ScrubReport(
    uuid=UUID,
    device="cuda",
    before=STANDING,
    after=STANDING,
    gpu=GPU,
    bytes_total=TOTAL,
    bytes_taken=TAKEN,
    bytes_verified=TAKEN,
    flushed=(100, 100),
    audit=Audit(bytes=TAKEN),
    passes=tuple(Pass(step=s, bytes=TAKEN) for s in PASSES),
    sweeps=tuple(Sweep(step=s, cover=COVER) for s in SWEEPS),
)


def but(**changed: object) -> Standing:
    return msgspec.structs.replace(STANDING, **changed)


def passes(step: Step, **changed: object) -> tuple[Pass, ...]:
    return tuple(msgspec.structs.replace(p, **changed) if p.step is step else p for p in REPORT.passes)


def sweeps(step: Step, cover: Cover) -> tuple[Sweep, ...]:
    return tuple(Sweep(step=s.step, cover=cover) if s.step is step else s for s in REPORT.sweeps)


def test_all_of_it_is_scrubbed() -> None:
    """A report of which everything is as it must be."""
    found = judge_scrub(REPORT)
    assert (found.outcome, found.reasons, found.remains) == (Outcome.SCRUBBED, (), Remains.CLEAN)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"failure": Failure("zero", "gpu is lost")}, "zero: gpu is lost"),
        ({"before": None}, "nobody looked at it before"),
        ({"after": None}, "nobody looked at it after"),
        ({"gpu": None}, "no context"),
        ({"gpu": msgspec.structs.replace(GPU, uuid="GPU-2")}, "no context"),
        ({"gpu": msgspec.structs.replace(GPU, l2_bytes=51)}, "the cache was not flushed"),
        ({"gpu": msgspec.structs.replace(GPU, l2_bytes=0)}, "the cache was not flushed"),
        ({"flushed": (100,)}, "the cache was not flushed"),
        ({"flushed": (100, 99)}, "the cache was not flushed"),
        ({"bytes_total": None}, "how much memory"),
        ({"bytes_total": TAKEN - 1}, "more than there are"),
        ({"bytes_total": 1_010_205}, "98.0 %"),
        ({"bytes_verified": TAKEN - 16}, "989984 of 990000 octets are verified"),
        ({"passes": REPORT.passes[:-1]}, "not done: check-zero"),
        ({"passes": ()}, "not done: audit, pattern"),
        ({"passes": REPORT.passes[::-1]}, "in another order"),
        ({"passes": passes(Step.PATTERN, bytes=TAKEN - 1)}, "pattern: 989999"),
        ({"passes": passes(Step.CHECK_ZERO, wrong_words=1, first=32)}, "check-zero: 1 words"),
        ({"sweeps": REPORT.sweeps[1:]}, "local: not done"),
        ({"sweeps": sweeps(Step.SHARED, Cover(131, 132, 9, 9))}, "shared: 131 of 132"),
        ({"sweeps": sweeps(Step.SHARED, Cover(132, 132, 949, 1000))}, "949 of 1000"),
        ({"sweeps": sweeps(Step.SHARED, Cover())}, "shared: 0 of 0"),
        ({"sweeps": sweeps(Step.REGISTERS, Cover(132, 132, 9, 9, 0, 2))}, "registers: 2"),
        ({"after": but(occupants=(Occupant(7, "python"),))}, "after: 1 processes remain: 7 python"),
        ({"after": but(driver="580.2")}, "it was driver 580.1"),
        ({"after": but(uncorrected=4)}, "3 before, 4 after"),
        ({"after": but(uncorrected=None)}, "3 before, cannot be told after"),
    ],
)
def test_each_thing_that_is_missing_is_a_reason(changed: dict[str, object], word: str) -> None:
    """One thing that is not as it must be, and it is not scrubbed, for that reason."""
    found = judge_scrub(msgspec.structs.replace(REPORT, **changed))
    assert found.outcome is Outcome.NOT_SCRUBBED
    assert word in "; ".join(found.reasons)


def test_an_empty_report_is_not_scrubbed() -> None:
    """A report of nothing has no good word in it."""
    found = judge_scrub(ScrubReport(uuid=UUID, device="cuda"))
    assert (found.outcome, found.remains) == (Outcome.NOT_SCRUBBED, Remains.UNKNOWN)


@pytest.mark.parametrize(
    ("total", "outcome"), [(1_010_204, Outcome.SCRUBBED), (1_010_205, Outcome.NOT_SCRUBBED), (TAKEN, Outcome.SCRUBBED)]
)
def test_what_is_enough_is_more_than_its_share(total: int, outcome: Outcome) -> None:
    """More than 98 % is enough, 98 % is not; the share is an argument."""
    report = msgspec.structs.replace(REPORT, bytes_total=total)
    assert judge_scrub(report).outcome is outcome
    assert judge_scrub(report, Terms(reached=999)).outcome is (
        Outcome.SCRUBBED if total == TAKEN else Outcome.NOT_SCRUBBED
    )


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"occupants": (Occupant(7, "python"), Occupant(8))}, "2 processes remain: 7 python, 8"),
        ({"occupants": None, "unknown": {"occupants": "no permission"}}, "whether processes remain: no permission"),
        ({"mps": ("nvidia-cuda-mps 9",)}, "MPS is alive: nvidia-cuda-mps 9"),
        ({"mps": None}, "whether MPS is alive"),
        ({"mig": Mig.ON, "instances": ("MIG-1", "MIG-2")}, "each by its own UUID: MIG-1, MIG-2"),
        ({"mig": Mig.ON}, "none yet"),
        ({"mig": Mig.PART}, "a part of its slice"),
        ({"mig": Mig.UNKNOWN}, "whether it is partitioned"),
        ({"bytes_total": None}, "how much memory"),
        ({"uuid": "GPU-0"}, "is not the UUID"),
    ],
)
def test_a_gpu_that_may_not_be_touched_is_refused(changed: dict[str, object], word: str) -> None:
    """Who is on it, MPS, a whole partitioned GPU, and whatever cannot be told, before and after."""
    standing = but(**changed)
    assert [r for r in refusals(UUID, standing) if word in r]
    for name in ("before", "after"):
        found = judge_scrub(msgspec.structs.replace(REPORT, **{name: standing}))
        assert found.outcome is Outcome.NOT_SCRUBBED


def test_an_instance_and_a_gpu_without_counters_are_fine() -> None:
    """An instance of MIG by its UUID may be scrubbed; a GPU without ECC has no count to rise."""
    standing = but(mig=Mig.INSTANCE, uncorrected=None)
    assert refusals(UUID, standing) == ()
    report = msgspec.structs.replace(REPORT, before=standing, after=standing)
    assert judge_scrub(report).outcome is Outcome.SCRUBBED


@pytest.mark.parametrize(
    ("uuid", "good"),
    [
        (UUID, True),
        ("MIG-12345678-ABCD-1234-1234-123456789012", True),
        ("GPU-0123456789abcdef", True),
        ("CPU-lab.1", True),
        ("0", False),
        ("", False),
        ("all", False),
        (UUID[:-1], False),
        (f"{UUID},{UUID}", False),
        (f"{UUID}\n", False),
        ("CPU-" + "x" * 61, False),
    ],
)
def test_a_gpu_is_named_by_uuid(uuid: str, good: bool) -> None:
    """Indices, lists and parts of a UUID name no GPU."""
    assert named(uuid) is good


@pytest.mark.parametrize(
    ("audit", "sweep", "remains", "octets", "word"),
    [
        (Audit(TAKEN), COVER, Remains.CLEAN, 0, ""),
        (None, COVER, Remains.UNKNOWN, 0, "read first"),
        (Audit(TAKEN - 16), COVER, Remains.UNKNOWN, 0, "read first"),
        (Audit(TAKEN, 3, 640), COVER, Remains.LEAK, 48, "unknown origin"),
        (Audit(TAKEN - 16, 3, 640), COVER, Remains.LEAK, 48, "the first at 640"),
        (Audit(TAKEN, 3, 640, (Canary("aa", 3, 640),)), COVER, Remains.LEAK, 48, "1 known canaries"),
        (Audit(TAKEN), Cover(132, 132, 1000, 1000, 9, 0, (Canary("aa", 2, 0),)), Remains.LEAK, 32, "1 known"),
        (Audit(TAKEN), Cover(132, 132, 1000, 1000, 9, 0, (Canary("aa", 0),)), Remains.CLEAN, 0, ""),
    ],
)
def test_what_was_found_is_told(audit: Audit | None, sweep: Cover, remains: Remains, octets: int, word: str) -> None:
    """Anything in fresh memory is somebody's; nothing found is clean only where all was read."""
    found = judge_scrub(msgspec.structs.replace(REPORT, audit=audit, sweeps=sweeps(Step.SHARED, sweep)))
    assert (found.remains, found.remains_bytes) == (remains, octets)
    assert word in found.remains_where


def tried(case: Case, **changed: object) -> Tried:
    """A case as it should be."""
    made = Tried(case=case, planted_words=100, scanned_bytes=950_000, units=132)
    if case in CONTROLS:
        made = msgspec.structs.replace(made, residual_words=100, hits={case: 100})
    return msgspec.structs.replace(made, **changed)


def leak_report(**changed: Tried) -> LeakReport:
    """All cases as they should be, but those that are given by their names in capitals."""
    cases = tuple(changed.get(c.name, tried(c)) for c in (*CONTROLS, *ATTACKS))
    return LeakReport(uuid=UUID, device="cuda", before=STANDING, gpu=GPU, tried=cases)


def test_a_leak_test_that_finds_only_controls_is_clean() -> None:
    """Every control finds, and no attacker does."""
    found = judge_leak(leak_report())
    assert (found.remains, found.reasons, found.bytes, found.where) == (Remains.CLEAN, (), 0, ())


@pytest.mark.parametrize("case", CONTROLS)
@pytest.mark.parametrize("hits", [{}, {Case.EXIT: 5}, {"self": 0}])
def test_a_control_that_finds_nothing_makes_it_untold(case: Case, hits: dict[Case, int]) -> None:
    """A test that never finds anything may be one that cannot: then clean is not said."""
    made = {case if k == "self" else k: n for k, n in hits.items()}
    found = judge_leak(leak_report(**{case.name: tried(case, hits=made)}))
    assert found.remains is Remains.UNKNOWN
    assert f"{case}: the control found nothing" in found.reasons[0]


@pytest.mark.parametrize("case", ATTACKS)
def test_what_an_attacker_finds_is_a_leak(case: Case) -> None:
    """Words of a victim, in any case, with their octets and where."""
    found = judge_leak(leak_report(**{case.name: tried(case, residual_words=7, hits={case: 7})}))
    assert (found.remains, found.bytes, found.where) == (Remains.LEAK, 112, (f"{case}: 7 words of {case}",))


def test_a_leak_is_a_leak_whatever_else_failed() -> None:
    """A control that found nothing takes nothing from what an attacker did find; it is named beside it."""
    found = judge_leak(
        leak_report(POOL=tried(Case.POOL, hits={}), EXIT=tried(Case.EXIT, residual_words=2, hits={Case.SMALL: 2}))
    )
    assert (found.remains, found.where) == (Remains.LEAK, ("exit: 2 words of small-reuse",))
    assert "pool-reuse" in found.reasons[0]


def test_words_of_unknown_origin_are_a_leak_of_memory() -> None:
    """Fresh memory that is not zero was somebody's; what stands in shared memory may be anything, and is not told."""
    memory = judge_leak(leak_report(EXIT=tried(Case.EXIT, residual_words=2)))
    assert (memory.remains, memory.where) == (Remains.LEAK, ("exit: 2 words of unknown origin",))
    shared = judge_leak(leak_report(SHARED_OTHER=tried(Case.SHARED_OTHER, residual_words=2)))
    assert shared.remains is Remains.UNKNOWN


@pytest.mark.parametrize("case", [*CONTROLS, *ATTACKS])
@pytest.mark.parametrize(
    ("changed", "word"), [({"failure": "killed"}, "killed"), ({"planted_words": 0}, "nothing was planted")]
)
def test_a_case_that_was_not_tried_is_a_doubt(case: Case, changed: dict[str, object], word: str) -> None:
    """A case that failed, or in which nothing was planted, shows nothing."""
    found = judge_leak(leak_report(**{case.name: tried(case, **changed)}))
    assert found.remains is Remains.UNKNOWN
    assert found.reasons == (f"{case}: {word}",)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"tried": ()}, "pool-reuse: not tried"),
        ({"gpu": None}, "no context"),
        ({"before": None}, "unknown octets"),
        ({"failure": Failure("look", "2 processes remain")}, "look: 2 processes remain"),
    ],
)
def test_a_test_that_did_not_run_tells_nothing(changed: dict[str, object], word: str) -> None:
    """No cases, no GPU, no total, a refusal: it cannot be told."""
    found = judge_leak(msgspec.structs.replace(leak_report(), **changed))
    assert found.remains is Remains.UNKNOWN
    assert word in "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("case", "changed", "remains"),
    [
        (Case.EXIT, {"scanned_bytes": 900_000}, Remains.UNKNOWN),
        (Case.EXIT, {"scanned_bytes": 900_001}, Remains.CLEAN),
        (Case.SHARED_OTHER, {"units": 131}, Remains.UNKNOWN),
        (Case.SHARED_OTHER, {"scanned_bytes": 0}, Remains.CLEAN),
    ],
)
def test_an_attacker_must_reach_enough(case: Case, changed: dict[str, object], remains: Remains) -> None:
    """Who could look at a part of memory, or of the units, has not looked."""
    assert judge_leak(leak_report(**{case.name: tried(case, **changed)})).remains is remains
