"""The checks of a rule of isolation, each where it passes, fails and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U = Status.PASS, Status.FAIL, Status.UNKNOWN
DOUBT = synthetic.NOT_KNOWN
I = "isolation."  # noqa: E741 - the prefix of every fact here
ENFORCED, SLURM = "gpu.isolation.kubernetes-enforced", "gpu.isolation.slurm-enforced"
PROBED, MET = "gpu.isolation.probed", "gpu.isolation.nobody-met"
DIVIDED, RUNGS = "gpu.isolation.divided", "gpu.isolation.rungs"
CONFIGURED, REACHES = "gpu.isolation.as-configured", "gpu.isolation.nothing-reaches"
UNINVITED = "gpu.isolation.no-uninvited"
GOOD: dict[str, Value] = {
    I + "not_denied": (), I + "not_asked": (), I + "policies_differ": ("a is not installed",), I + "switched_off": "",
    I + "slurm_lacks": (), I + "below_rung": (), I + "reaching": (), I + "meeting": (),
    I + "probed": True, I + "probe_passed": True, I + "probe_why": "", I + "probe_days": 3.0, I + "probe_rule": True,
    I + "measured_hours": 1.0, I + "unmeasured": (), I + "undivided": (), I + "mismatch": (), I + "uninvited": (),
    I + "history_count": 700, I + "history_days": 30.5, I + "history_gap": 1.1, I + "history_met": (),
    I + "history_unmeasured": (),
}  # fmt: skip
ONE = ("one",)
CASES: list[tuple[str, dict[str, Value], Status]] = [
    (ENFORCED, {}, P),
    (ENFORCED, {I + "not_asked": ONE}, F),
    (ENFORCED, {I + "not_denied": ONE}, F),
    (ENFORCED, {I + "switched_off": "a release"}, F),
    (ENFORCED, {I + "not_asked": ONE, I + "not_denied": ONE, I + "policies_differ": ()}, P),
    (ENFORCED, {I + "not_asked": DOUBT, I + "policies_differ": ()}, P),
    (ENFORCED, {I + "policies_differ": DOUBT}, P),
    (ENFORCED, {I + "not_asked": DOUBT}, U),
    (ENFORCED, {I + "switched_off": DOUBT}, U),
    (ENFORCED, {I + "policies_differ": DOUBT, I + "not_asked": ONE}, U),
    (SLURM, {}, P),
    (SLURM, {I + "slurm_lacks": ONE}, F),
    (SLURM, {I + "slurm_lacks": DOUBT}, U),
    (PROBED, {}, P),
    (PROBED, {I + "probed": False}, F),
    (PROBED, {I + "probe_passed": False}, F),
    (PROBED, {I + "probe_days": 31.0}, F),
    (PROBED, {I + "probe_rule": False}, F),
    (PROBED, {I + "probed": DOUBT}, U),
    (MET, {}, P),
    (MET, {I + "history_met": ONE}, F),
    (MET, {I + "history_met": ONE, I + "history_days": 2.0}, F),
    (MET, {I + "history_count": 0}, U),
    (MET, {I + "history_days": 29.9}, U),
    (MET, {I + "history_gap": 24.1}, U),
    (MET, {I + "history_unmeasured": ONE}, U),
    (MET, {I + "history_count": DOUBT}, U),
    (RUNGS, {}, P),
    (RUNGS, {I + "below_rung": ONE}, F),
    (RUNGS, {I + "meeting": ONE}, F),
    (RUNGS, {I + "below_rung": DOUBT}, U),
    (REACHES, {}, P),
    (REACHES, {I + "reaching": ONE}, F),
    (REACHES, {I + "reaching": DOUBT}, U),
]
for _check, _fact in ((DIVIDED, "undivided"), (CONFIGURED, "mismatch"), (UNINVITED, "uninvited")):
    CASES += [
        (_check, {}, P),
        (_check, {I + _fact: ONE}, F),
        (_check, {I + _fact: ONE, I + "measured_hours": 99.0}, F),
        (_check, {I + "measured_hours": 24.1}, U),
        (_check, {I + "measured_hours": -0.1}, U),
        (_check, {I + "measured_hours": DOUBT}, U),
        (_check, {I + "unmeasured": ONE}, U),
        (_check, {I + _fact: DOUBT}, U),
    ]


@pytest.mark.parametrize(("check", "facts", "wanted"), CASES)
def test_each_check_of_the_rule_decides(check: str, facts: dict[str, Value], wanted: Status) -> None:
    """What is not enforced, not tried or found fails; what was not seen, is old or has a gap is unknown."""
    found = judge(catalogue().checks[check], synthetic.asset(Kind.POLICY, {**GOOD, **facts}), synthetic.NOW)
    assert found.status is wanted
