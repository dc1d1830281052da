"""Who may be beside whom: slices of one GPU, islands, nodes of a tenant, claims."""

import clusters as a
import pytest
from clusters import Json, pod

GPU = {"nvidia.com/gpu": "1"}
SLICE = {"nvidia.com/mig-1g.10gb": "1"}


def at(node: str, space: str, name: str, limits: Json, phase: str = "Running", **spec: object) -> Json:
    """A pod that is on a node."""
    return pod(space, name, limits, nodeName=node, status={"phase": phase}, **spec)


def device_slice(node: str, *devices: tuple[str, str, str]) -> Json:
    """What a node offers: name, type and the GPU of each device."""
    made = [
        {"name": n, "attributes": {"type": {"string": t}, ("uuid" if t == "gpu" else "parentUUID"): {"string": gpu}}}
        for n, t, gpu in devices
    ]
    spec = {"driver": "gpu.nvidia.com", "nodeName": node, "pool": {"name": node}, "devices": made}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": a.meta(f"{node}-gpus"),
        "spec": spec,
    }


def given(node: str, device: str, *pods: str) -> Json:
    """The status of a claim that got a device, reserved for pods."""
    result = {"request": "gpu", "driver": "gpu.nvidia.com", "pool": node, "device": device}
    return {
        "allocation": {"devices": {"results": [result]}},
        "reservedFor": [{"resource": "pods", "name": p, "uid": p} for p in pods],
    }


@pytest.mark.parametrize(
    ("space", "beside", "phase", "good"),
    [
        ("red", "open", "Running", False),
        ("open", "red", "Running", False),
        ("red", "red-two", "Running", True),
        ("inner", "open", "Running", True),
        ("red", "open", "Succeeded", True),
        ("red", "open", "Failed", True),
        ("red", "open", "Unknown", False),
    ],
)
def test_slices_of_one_gpu_are_for_one_label(space: str, beside: str, phase: str, good: bool) -> None:
    """A slice beside one of another label is denied where either is sensitive; who is over does not count."""
    held = a.state(at("n-slices", beside, "other", SLICE, phase))
    found = a.verdict(held, a.asked(at("n-slices", space, "p", SLICE)))
    assert found.allowed is good
    assert good or a.clauses(found) == {"3.1"}


def test_a_shared_slice_is_a_slice() -> None:
    """Whoever shares a MIG slice by time is on that GPU too: a neighbour of another label is denied."""
    shared = a.node("n-parts", {}, {"nvidia.com/mig-1g.10gb": "4", "nvidia.com/mig-1g.10gb.shared": "4"})
    held = a.state(shared, at("n-parts", "open", "other", {"nvidia.com/mig-1g.10gb.shared": "1"}))
    assert a.clauses(a.verdict(held, a.asked(at("n-parts", "red", "p", SLICE)))) == {"3.1"}
    both = {"resourceClaims": [{"name": "g", "resourceClaimName": "c"}]}
    mine = a.claim("open", "c", a.request("mig.nvidia.com"), config=[a.sharing("TimeSlicing", "MigDeviceConfig")])
    held = a.state(shared, mine, at("n-parts", "open", "other", {}, **both))
    assert a.clauses(a.verdict(held, a.asked(at("n-parts", "red", "p", SLICE)))) == {"3.1"}


def test_nodes_that_only_classes_serve_are_candidates() -> None:
    """A node whose GPUs are given by claims alone lists none, and what it is decides all the same."""
    plain = a.node("n-dra", {"pool": "dra", "nvidia.com/gpu.clique": "island-9"}, {})
    template = a.claim_template("secret", "whole", a.request())
    asks = pod(
        "secret",
        "p",
        resourceClaims=[{"name": "g", "resourceClaimTemplateName": "whole"}],
        nodeSelector={"pool": "dra"},
    )
    assert a.clauses(a.verdict(a.state(plain, template), a.asked(asks))) == {"2.2"}
    ready = a.node("n-dra", {"pool": "dra", **a.CC}, {})
    assert a.verdict(a.state(ready, template), a.asked(asks)).allowed
    assert not a.verdict(a.state(plain), a.asked(pod("open", hostPID=True, nodeSelector={"pool": "dra"}))).allowed


def test_a_pod_that_is_being_ended_still_runs() -> None:
    """A Terminating neighbour counts until it is over."""
    ending = at("n-slices", "open", "other", SLICE)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"  # type: ignore[index]
    assert not a.verdict(a.state(ending), a.asked(at("n-slices", "red", "p", SLICE))).allowed


def test_the_binding_decides_what_creation_left_open() -> None:
    """A pod without a node is allowed beside nobody; bound to a node with another label's slice, it is denied."""
    waiting = pod("red", "p", SLICE)
    held = a.state(at("n-slices", "open", "other", SLICE), waiting)
    assert a.verdict(held, a.asked(waiting)).allowed
    assert a.clauses(a.verdict(held, a.asked(a.binding("red", "p", "n-slices"), sub="binding"))) == {"3.1"}
    assert a.verdict(a.state(waiting), a.asked(a.binding("red", "p", "n-slices"), sub="binding")).allowed


@pytest.mark.parametrize(
    ("target", "clause"), [("n-sliced", "2.2"), ("n-nowhere", "2.2"), ("n-whole", ""), ("n-south", "")]
)
def test_a_binding_is_judged_on_its_node(target: str, clause: str) -> None:
    """Whoever binds, the node that is named must give what the label demands."""
    held = a.state(pod("red", "p", GPU))
    found = a.verdict(held, a.asked(a.binding("red", "p", target), sub="binding", actor=("kube-scheduler", ())))
    assert a.clauses(found) == ({clause} if clause else set())


def test_a_binding_of_nobody_and_one_that_adds_an_annotation_are_denied() -> None:
    """A pod that is not known is not bound, and what a binding annotates is the pod's."""
    held = a.state(pod("red", "p", GPU))
    assert not a.verdict(held, a.asked(a.binding("red", "q", "n-whole"), sub="binding")).allowed
    said = a.binding("red", "p", "n-whole", {"cdi.k8s.io/a": "nvidia.com/gpu=all"})
    assert a.clauses(a.verdict(held, a.asked(said, sub="binding"))) == {"4.5"}


@pytest.mark.parametrize(
    ("space", "beside", "held_there", "good"),
    [
        ("red", "red", GPU, True),
        ("red", "red-two", GPU, False),
        ("red", "open", GPU, False),
        ("open", "red", GPU, False),
        ("open", "inner", GPU, True),
        ("open", "red-two", {"cpu": "1"}, True),
    ],
)
def test_an_island_is_one_tenants_where_one_is_sensitive(space: str, beside: str, held_there: Json, good: bool) -> None:
    """Whole GPUs of one NVLink island are not shared between tenants of whom one is sensitive, on whichever node."""
    twin = a.node("n-twin", {"nvidia.com/gpu.clique": "island-1"})
    held = a.state(twin, at("n-twin", beside, "other", held_there))
    found = a.verdict(held, a.asked(at("n-whole", space, "p", GPU)))
    assert found.allowed is good
    assert good or a.clauses(found) == {"3.2"}


def test_nodes_without_an_island_have_none_in_common() -> None:
    """Two nodes that name no island are not one."""
    held = a.state(a.node("n-apart"), a.node("n-alone"), at("n-apart", "open", "other", GPU))
    assert a.verdict(held, a.asked(at("n-alone", "red", "p", GPU))).allowed


def test_a_claim_is_for_one_pod_of_a_sensitive_tenant() -> None:
    """Two pods at one claim share by time: denied to the sensitive, allowed to equals, denied to a raised label."""
    uses = {"resourceClaims": [{"name": "g", "resourceClaimName": "c"}]}
    for space, good in (("red", False), ("open", True)):
        held = a.state(a.claim(space, "c", a.request()), pod(space, "other", **uses))
        assert a.verdict(held, a.asked(pod(space, "p", **uses))).allowed is good
        assert a.verdict(held, a.asked(pod(space, "other", **uses), "UPDATE", old=pod(space, "other", **uses))).allowed
    held = a.state(a.claim("open", "c", a.request()), pod("open", "other", **uses))
    assert not a.verdict(held, a.asked(pod("open", "p", serviceAccountName="raised", **uses))).allowed
    made = pod("red", "maker", resourceClaims=[{"name": "g", "resourceClaimTemplateName": "t"}])
    made["status"] = {"phase": "Running", "resourceClaimStatuses": [{"name": "g", "resourceClaimName": "c"}]}
    held = a.state(a.claim("red", "c", a.request()), made)
    assert "2.1" in a.clauses(a.verdict(held, a.asked(pod("red", "thief", **uses))))


def test_a_claim_that_was_given_is_judged_by_what_it_got() -> None:
    """Slices of one GPU by claims may not have two labels; slices of two GPUs may, and so may equals."""
    offers = device_slice("n-mig", ("a", "mig", "GPU-1"), ("b", "mig", "GPU-1"), ("c", "mig", "GPU-2"))
    held = a.state(
        offers,
        a.claim("open", "theirs", a.request("mig.nvidia.com"), status=given("n-mig", "a", "other")),
        at("n-mig", "open", "other", {}, resourceClaims=[{"name": "g", "resourceClaimName": "theirs"}]),
        pod("red", "p", resourceClaims=[{"name": "g", "resourceClaimName": "mine"}]),
    )
    for device, good in (("b", False), ("c", True)):
        mine = a.claim("red", "mine", a.request("mig.nvidia.com"), status=given("n-mig", device, "p"))
        found = a.verdict(held, a.asked(mine, "UPDATE", old=mine, sub="status"))
        assert found.allowed is good, found


def test_a_device_that_is_given_twice_or_is_too_little_is_denied() -> None:
    """A confidential claim that got a slice, and a claim that got a device which another has, are denied."""
    offers = device_slice("n-cc", ("a", "mig", "GPU-1"), ("b", "gpu", "GPU-2"))
    held = a.state(offers, pod("secret", "p", resourceClaims=[{"name": "g", "resourceClaimName": "mine"}]))
    got = a.claim("secret", "mine", a.request(), status=given("n-cc", "a", "p"))
    assert "2.2" in a.clauses(a.verdict(held, a.asked(got, "UPDATE", old=got, sub="status")))
    whole = a.claim("secret", "mine", a.request(), status=given("n-cc", "b", "p"))
    assert a.verdict(held, a.asked(whole, "UPDATE", old=whole, sub="status")).allowed
    other = a.claim("open", "theirs", a.request(), status=given("n-cc", "b", "q"))
    held = a.state(offers, other, pod("secret", "p", resourceClaims=[{"name": "g", "resourceClaimName": "mine"}]))
    assert "2.1" in a.clauses(a.verdict(held, a.asked(whole, "UPDATE", old=whole, sub="status")))
    pair = a.claim("secret", "mine", a.request(), status=given("n-cc", "b", "p", "r"))
    assert "2.1" in a.clauses(a.verdict(a.state(offers), a.asked(pair, "UPDATE", old=pair, sub="status")))


@pytest.mark.parametrize(
    ("found", "clause"),
    [
        (a.claim("red", "c", a.request(), config=[a.sharing("TimeSlicing")]), "2.2"),
        (a.claim("red", "c", a.request(), config=[a.sharing("MPS")]), "2.2"),
        (a.claim("red", "c", a.request("mig.nvidia.com"), config=[a.sharing("TimeSlicing", "MigDeviceConfig")]), "2.2"),
        (a.claim("secret", "c", a.request("mig.nvidia.com")), "2.2"),
        (a.claim("bare", "c", a.request()), "1.6"),
        (a.claim("open", "c", a.request(adminAccess=True)), "4.7"),
        (a.claim("open", "c", a.request(tolerations=[{"operator": "Exists"}])), "3.4"),
        (a.claim("open", "c", {"name": "g", "deviceClassName": "gpu.nvidia.com", "adminAccess": True}), "4.7"),
        (a.claim_template("red", "t", a.request("shared.example")), "2.2"),
        (a.claim_template("open", "t", a.request(adminAccess=True)), "4.7"),
        (a.claim("red", "c", a.request(), config=[a.sharing("TimeSlicing")], status={}), "2.2"),
        (a.claim("open", "c", a.request(), config=[a.sharing("TimeSlicing")]), ""),
        (a.claim("red", "c", a.request()), ""),
        (a.claim("secret", "c", a.request()), ""),
        (a.claim("kube-system", "c", a.request(adminAccess=True)), ""),
        (a.claim("red", "c", a.request(tolerations=[{"key": f"{a.PREFIX}/tenant", "value": "south"}])), ""),
        (a.claim("red", "c", a.request(), config=[{**a.sharing("TimeSlicing"), "requests": ["other"]}]), ""),
    ],
)
def test_a_claim_is_judged_as_it_is_written(found: Json, clause: str) -> None:
    """A claim or template that asks less than its namespace's label demands, or what nobody may have, is denied."""
    assert a.clauses(a.verdict(a.state(), a.asked(found))) == ({clause} if clause else set())


def unscrubbed(value: str = "pending", effect: str = "NoSchedule") -> Json:
    """A node whose GPUs hold what the last tenant left."""
    return a.node("n-left", {}, GPU, [{"key": f"{a.PREFIX}/scrub", "value": value, "effect": effect}])


@pytest.mark.parametrize(("value", "effect"), [("pending", "NoSchedule"), ("failed", "NoExecute"), ("", "")])
@pytest.mark.parametrize("space", ["open", "red"])
def test_nobody_gets_a_gpu_before_it_is_scrubbed(space: str, value: str, effect: str) -> None:
    """A node that waits for its scrub takes no GPU pod, tolerated or not, and any other pod."""
    held = a.state(unscrubbed(value, effect))
    everything = {"tolerations": [{"key": f"{a.PREFIX}/scrub", "operator": "Exists"}]}
    for spec in ({}, everything):
        found = a.verdict(held, a.asked(at("n-left", space, "p", GPU, **spec)))
        assert "3.6" in a.clauses(found)
    assert a.verdict(held, a.asked(at("n-left", space, "p", {}))).allowed


def test_who_is_on_an_unscrubbed_node_is_let_end() -> None:
    """A pod that was there when the node was tainted is changed and ended as any other."""
    there = at("n-left", "open", "p", GPU)
    held = a.state(unscrubbed(), there)
    assert a.verdict(held, a.asked(there, "UPDATE", there)).allowed
    assert "3.6" in a.clauses(a.verdict(held, a.asked(at("n-left", "open", "q", GPU))))


def test_whose_scrub_is_waited_for_may_be_tainted() -> None:
    """The taint itself is set while the last tenant's pod still runs."""
    held = a.state(a.node("n-left", {}, GPU), at("n-left", "open", "p", GPU))
    assert a.verdict(held, a.asked(unscrubbed(), "UPDATE", a.node("n-left", {}, GPU), actor=a.ADMIN)).allowed
