"""AdmissionReview as it is read and answered; whatever cannot be read is denied."""

import json

import clusters as a
import pytest
from clusters import Json, pod
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.app.isolation import admit
from strongroom.isolate import review
from strongroom.model.isolate import Mode, Reason, Verdict

GOOD = a.asked(pod("open", limits={"nvidia.com/gpu": "1"}))
BAD = a.asked(pod("open", hostPID=True))
HELD = a.state()
UID = "705ab4f5-6393-11e8-b7cc-42010a800002"


def answered(octets: bytes) -> Json:
    """The response to a review."""
    found, _ = admit(a.RULE, HELD, octets)
    assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    return found["response"]  # type: ignore[return-value]


def changed(**what: object) -> bytes:
    """The good review with something else in its request."""
    made = json.loads(GOOD)
    made["request"].update(what)
    return json.dumps(made).encode()


def within(path: tuple[object, ...], value: object) -> bytes:
    """The good review with another value at a path in its object."""
    made = json.loads(GOOD)
    here = made["request"]["object"]
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return json.dumps(made).encode()


SPEC: tuple[object, ...] = ("spec",)
FIRST: tuple[object, ...] = ("spec", "containers", 0)
MALFORMED = {
    "another version": GOOD.replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"),
    "another kind of document": GOOD.replace(b'"kind": "AdmissionReview"', b'"kind": "Review"'),
    "no uid": changed(uid=""),
    "a uid that is a number": changed(uid=5),
    "no operation": changed(operation=""),
    "an operation that there is not": changed(operation="PATCH"),
    "no object": changed(object=None),
    "no object to a change": changed(operation="UPDATE", object=None),
    "an object that is a text": changed(object="pod"),
    "an object that is a list": changed(object=[]),
    "no request": json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}).encode(),
    "a request that is a list": json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": []}).encode(),
    "groups that are a text": changed(userInfo={"username": "x", "groups": "system:masters"}),
    "no spec": within(SPEC, None),
    "a spec that is a list": within(SPEC, []),
    "containers that are an object": within(("spec", "containers"), {}),
    "a container that is a text": within(FIRST, "main"),
    "limits that are a list": within((*FIRST, "resources", "limits"), ["nvidia.com/gpu"]),
    "an amount that is true": within((*FIRST, "resources", "limits", "nvidia.com/gpu"), True),
    "an amount of nothing": within((*FIRST, "resources", "limits", "nvidia.com/gpu"), ""),
    "an amount with another unit": within((*FIRST, "resources", "limits", "cpu"), "1 core"),
    "hostPID that is a text": within(("spec", "hostPID"), "false"),
    "annotations that are a list": within(("metadata", "annotations"), []),
    "an annotation that is a number": within(("metadata", "annotations"), {"a": 1}),
    "another kind than was asked": within(("kind",), "Service"),
    "another namespace than was asked": within(("metadata", "namespace"), "kube-system"),
    "a key twice": GOOD.replace(b'"operation": "CREATE"', b'"operation": "CREATE", "operation": "DELETE"'),
    "a key twice deep inside": GOOD.replace(b'"name": "main"', b'"name": "main", "name": "other"'),
    "nothing": b"",
    "no JSON": b"apiVersion: admission.k8s.io/v1",
    "no UTF-8": GOOD.replace(b"main", b"\xff\xfe"),
    "nesting without an end": GOOD[:-2] + b', "x": ' + b"[" * 200_000,
    "nesting that ends": GOOD[:-2] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "two documents": GOOD + GOOD,
    "not a number": GOOD.replace(b'"dryRun": false', b'"dryRun": NaN'),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read_is_denied(name: str) -> None:
    """A review that is malformed gets an answer, and it is no."""
    response = answered(MALFORMED[name])
    assert response["allowed"] is False
    assert response["auditAnnotations"]["clauses"] == "7"  # type: ignore[index]


def test_the_reviews_that_these_cases_change_are_good() -> None:
    """Without the change, the review is allowed: each case is denied for its own fault."""
    assert answered(GOOD) == {"uid": UID, "allowed": True}
    assert answered(BAD)["allowed"] is False


@settings(max_examples=300)
@given(st.integers(0, len(BAD) - 1), st.integers(0, 255))
def test_no_changed_octet_and_no_cut_lets_a_bad_pod_in_unread(at: int, value: int) -> None:
    """Cut off anywhere, a review is denied; with any octet changed, there is an answer."""
    assert answered(BAD[:at])["allowed"] is False
    assert answered(BAD[:at] + bytes([value]) + BAD[at + 1 :])["allowed"] in {True, False}


@settings(max_examples=200)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from(["spec", "metadata", "containers", "name", "resources", "limits", "env", "volumes", "kind", "annotations"]), c, max_size=4), max_leaves=12))  # fmt: skip
def test_any_object_gets_an_answer(made: object) -> None:
    """Whatever stands in the place of a pod, there is an answer and no fault."""
    assert answered(changed(object=made))["allowed"] in {True, False}


@pytest.mark.parametrize("good", [True, False])
def test_size_alone_is_no_reason(good: bool) -> None:
    """A pod of a megabyte is judged as a small one."""
    env = [{"name": f"V{n}", "value": "x" * 100} for n in range(9000)]
    if not good:
        env.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"})
    large = a.asked(pod("open", container={"env": env}))
    assert len(large) > 1_000_000
    assert answered(large)["allowed"] is good


@pytest.mark.parametrize("kind", ["Service", "Eviction", "Scale", "Lease"])
def test_kinds_that_the_rule_does_not_name_are_allowed(kind: str) -> None:
    """What the rule says nothing of passes."""
    found: Json = {"apiVersion": "policy/v1", "kind": kind, "metadata": a.meta("x", "bare")}
    assert answered(a.asked(found))["allowed"] is True


def test_a_dry_run_gets_the_same_verdict() -> None:
    """A dry run changes nothing of the answer."""
    real, dry = json.loads(BAD), json.loads(BAD)
    dry["request"]["dryRun"] = True
    assert answered(json.dumps(real).encode()) == answered(json.dumps(dry).encode())


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_says_what_a_denial_does(mode: Mode) -> None:
    """Observed and warned denials are allowed and annotated; a warning is told; only deny holds."""
    verdict = Verdict((Reason("4.1", "host-pid", "hostPID" * 100, "nothing"),))
    response = review.answer("u", verdict, mode)["response"]
    assert isinstance(response, dict)
    assert response["allowed"] is (mode is not Mode.DENY)
    assert response["auditAnnotations"] == {"mode": mode.value, "clauses": "4.1", "roads": "host-pid"}
    assert all(len(w) <= 256 for w in response.get("warnings", ()))
    assert ("warnings" in response) is (mode is Mode.WARN)
