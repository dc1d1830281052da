"""The check of a GPU's open faults: each that is told fails, and a card that tells of none shows nothing."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

F, U, N = Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
SOUND: dict[str, Value] = {
    "gpu.uuid": "GPU-a", "gpu.remap_failed": False, "gpu.remap_pending": False, "gpu.retire_pending": None,
    "gpu.reset_required": False, "gpu.recovery": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, N),
        ({"gpu.recovery": "None"}, N),
        ({"gpu.remap_failed": True}, F),
        ({"gpu.remap_pending": True}, F),
        ({"gpu.retire_pending": True}, F),
        ({"gpu.reset_required": True}, F),
        ({"gpu.recovery": "GPU Reset"}, F),
        ({"gpu.remap_failed": DOUBT}, U),
        ({"gpu.remap_failed": DOUBT, "gpu.reset_required": True}, F),
    ],
)
def test_an_open_fault_is_named(told: dict[str, Value], wanted: Status) -> None:
    """A fault that is told fails whatever else is not known; what is not known is unknown; no fault is no pass."""
    found = judge(
        catalogue().checks["gpu.gpu.no-open-fault"], synthetic.asset(Kind.GPU, {**SOUND, **told}), synthetic.NOW
    )
    assert found.status is wanted


def test_a_card_that_tells_nothing_of_faults_is_not_asked() -> None:
    """A source that knows no more than a card's name says nothing of its health."""
    check = catalogue().checks["gpu.gpu.no-open-fault"]
    assert judge(check, synthetic.asset(Kind.GPU, {"gpu.uuid": "GPU-a"}), synthetic.NOW).status is N
