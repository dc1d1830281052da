"""The checks of what leaves a broker without being a key, each where it passes, fails and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
BROKER: dict[str, Value] = {"broker.log_redacted": True, "broker.log_plain": (), "broker.twin": False}
R = "release."
KEY: dict[str, Value] = {
    R + "owners": ("lab-a", "lab-b"),
    R + "recipients": ("lab-a",),
    R + "outputs_astray": (),
    R + "versions_open": (),
    R + "retired_astray": (),
}
LINES, OUTPUTS = "log.broker.lines-redacted", "tee.broker-key.outputs-named"
LISTS = {
    OUTPUTS: R + "outputs_astray",
    "art.broker-key.old-retired": R + "versions_open",
    "art.broker-key.retired-stays": R + "retired_astray",
}
CASES: list[tuple[str, dict[str, Value], Status]] = [
    (LINES, {}, P),
    (LINES, {"broker.log_redacted": False}, F),
    (LINES, {"broker.log_plain": ("broker 7",)}, F),
    (LINES, {"broker.log_plain": ("broker 7",), "broker.log_redacted": DOUBT}, F),
    (LINES, {"broker.log_redacted": False, "broker.twin": True}, N),
    (LINES, {"broker.log_plain": DOUBT}, U),
    (LINES, {"broker.log_plain": DOUBT, "broker.log_redacted": False}, F),
    (LINES, {"broker.log_redacted": DOUBT}, U),
    *((check, {}, P) for check in LISTS),
    *((check, {fact: ("something", DOUBT)}, F) for check, fact in LISTS.items()),
    *((check, {fact: (DOUBT,)}, U) for check, fact in LISTS.items()),
    *((check, {fact: DOUBT}, U) for check, fact in LISTS.items()),
    (OUTPUTS, {R + "recipients": ()}, F),
    (OUTPUTS, {R + "recipients": DOUBT}, U),
    (OUTPUTS, {R + "owners": ("lab-a",), R + "recipients": ()}, N),
]


@pytest.mark.parametrize(("check", "values", "status"), CASES)
def test_a_broker_is_judged(check: str, values: dict[str, Value], status: Status) -> None:
    """What holds passes, what is listed fails in spite of doubt, and what is not known is no pass."""
    found = catalogue().checks[check]
    held = BROKER if found.kinds == (Kind.KEY_VAULT,) else KEY
    assert judge(found, synthetic.asset(found.kinds[0], {**held, **values}), synthetic.NOW).status is status
