"""Probes: what is tried on a cluster, and what its answers mean."""

import json

import clusters as a
import pytest

from strongroom.isolate import placement, probes, review
from strongroom.isolate.probes import CONTROL, Answered, Outcome, Probe
from strongroom.model.errors import NotFound

REJECTED = Answered("x", Outcome.REJECTED, "by sensitive")
OPEN = Answered("x", Outcome.LET_IN, "")
UNTRIED = Answered("x", Outcome.UNTRIED, "403 no")
GOOD = Answered(CONTROL, Outcome.LET_IN, "")


def judged(probe: Probe) -> bool:
    """Whether the judge lets a probe in, asked by a review."""
    made = json.loads(probe.body)
    made["metadata"]["name"] = ""
    return placement.judge(a.RULE, a.state(), review.read(a.asked(made))).allowed


def test_each_probe_is_denied_by_the_judge_and_the_control_is_not() -> None:
    """What is tried on a cluster is what the rule forbids there, beside one pod that it lets in."""
    control, *rest = probes.probes(a.RULE, a.state(), "red")
    assert control.name == CONTROL
    assert judged(control)
    assert {
        "a shared GPU", "a fraction of a GPU by annotation", "memory of a GPU", "every tenant's nodes tolerated",
        "a privileged pod", "the host's IPC", "the host's processes", "a device's path",
        "a variable that names every device", "a capability that makes devices", "another rung on n-sliced",
        "another rung on n-mps",
    } <= {p.name for p in rest}  # fmt: skip
    assert not any(judged(p) for p in rest)
    assert all(json.loads(p.body)["spec"]["containers"][0]["image"].startswith("strongroom.invalid/") for p in rest)


def test_what_a_cluster_does_not_have_is_not_tried() -> None:
    """Without nodes that have GPUs there is no way to one, and no node that shares."""
    names = {p.name for p in probes.probes(a.RULE, a.state(base=[a.namespace("red", "south", "restricted")]), "red")}
    assert "a privileged pod" not in names
    assert "a shared GPU" in names


@pytest.mark.parametrize("space", ["open", "bare", "odd", "nowhere", "kube-system"])
def test_a_namespace_that_shows_nothing_is_refused(space: str) -> None:
    """A namespace that is not known, not sensitive or exempt is none to try it in."""
    with pytest.raises(NotFound):
        probes.probes(a.RULE, a.state(), space)


@pytest.mark.parametrize(
    ("status", "message", "outcome", "by"),
    [
        (201, "", Outcome.LET_IN, ""),
        (403, 'admission webhook "sensitive.gpu-isolation.strongroom.dev" denied the request: 2.2', Outcome.REJECTED, "by sensitive"),
        (403, 'admission webhook "validation.gatekeeper.sh" denied the request: no', Outcome.REJECTED, "by validation.gatekeeper.sh"),
        (
            403, "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'gpu-isolation-asking' with binding 'b' denied request: 2.2",
            Outcome.REJECTED, "by gpu-isolation-asking",
        ),
        (403, 'pods "p" is forbidden: violates PodSecurity "restricted:latest": x', Outcome.REJECTED, "by PodSecurity"),
        (403, 'pods is forbidden: User "eve" cannot create resource "pods"', Outcome.UNTRIED, ""),
        (403, 'pods "p" is forbidden: exceeded quota: q', Outcome.UNTRIED, ""),
        (500, 'Internal error occurred: failed calling webhook "sensitive.gpu-isolation.strongroom.dev"', Outcome.UNTRIED, ""),
        (429, "too many", Outcome.UNTRIED, ""),
        (422, "invalid", Outcome.UNTRIED, ""),
    ],
)  # fmt: skip
def test_an_answer_is_a_rejection_only_where_a_rule_gave_it(
    status: int, message: str, outcome: Outcome, by: str
) -> None:
    """A missing right, a quota or a service that is down reject everything, and show nothing of the rule."""
    found = probes.answered(Probe("x", "/", b""), status, message)
    assert found.outcome is outcome
    assert not by or found.by == by


@pytest.mark.parametrize(
    ("answers", "passed"),
    [
        ((GOOD, REJECTED), True),
        ((GOOD, REJECTED, OPEN), False),
        ((GOOD, UNTRIED, OPEN), False),
        ((GOOD, REJECTED, UNTRIED), None),
        ((GOOD,), None),
        ((Answered(CONTROL, Outcome.REJECTED, "by x"), REJECTED), None),
        ((Answered(CONTROL, Outcome.UNTRIED, "403"), REJECTED), None),
        ((Answered(CONTROL, Outcome.REJECTED, "by x"), OPEN), None),
    ],
)
def test_all_answers_together_pass_only_where_each_is_a_rejection(
    answers: tuple[Answered, ...], passed: bool | None
) -> None:
    """One that was let in fails it; what came to nothing, or a control that was rejected, leaves it open."""
    assert probes.told(answers).passed is passed
