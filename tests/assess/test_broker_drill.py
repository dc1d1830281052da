"""The checks of a broker's drill, each where it passes, fails and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U = Status.PASS, Status.FAIL, Status.UNKNOWN
DOUBT = synthetic.NOT_KNOWN
B = "broker."
GOOD: dict[str, Value] = {
    B + "drilled": True,
    B + "drill_passed": True,
    B + "drill_failed": (),
    B + "drill_days": 3.0,
    B + "drill_policy": True,
    B + "drill_unattested": True,
}
CLOSED, REFUSED = "tee.broker.fails-closed", "tee.broker.unattested-refused"
CASES: list[tuple[str, dict[str, Value], Status]] = [
    (CLOSED, {}, P),
    (CLOSED, {B + "drilled": False}, F),
    (CLOSED, {B + "drilled": DOUBT}, U),
    (CLOSED, {B + "drill_passed": False, B + "drill_failed": ("release: a log that is full: it was not denied",)}, F),
    (CLOSED, {B + "drill_passed": False}, F),
    (CLOSED, {B + "drill_days": 91.0}, F),
    (CLOSED, {B + "drill_policy": False}, F),
    (CLOSED, {B + "drill_policy": DOUBT}, U),
    (CLOSED, {B + "drill_policy": DOUBT, B + "drill_days": 100.0}, F),
    (REFUSED, {}, P),
    (REFUSED, {B + "drilled": False}, F),
    (REFUSED, {B + "drill_unattested": False}, F),
    (REFUSED, {B + "drilled": DOUBT}, U),
]


@pytest.mark.parametrize(("check", "facts", "wanted"), CASES)
def test_each_check_decides(check: str, facts: dict[str, Value], wanted: Status) -> None:
    """A drill that is missing, old, of another policy or not passed fails; what could not be read is unknown."""
    found = judge(catalogue().checks[check], synthetic.asset(Kind.KEY_VAULT, {**GOOD, **facts}), synthetic.NOW)
    assert found.status is wanted
