"""Changes to what the rule stands on: who may write, and what those who run would then be."""

import clusters as a
import pytest
from clusters import ADMIN, KUBELET, PLATFORM, TENANT, Json, pod

GPU = {"nvidia.com/gpu": "1"}
Actor = tuple[str, tuple[str, ...]]


def at(node: str, space: str, name: str = "runs", limits: Json | None = None, **spec: object) -> Json:
    """A pod that runs on a node."""
    return pod(space, name, GPU if limits is None else limits, nodeName=node, status={"phase": "Running"}, **spec)


WRITES: dict[str, tuple[Json, Json | None, Actor, str]] = {
    "a tenant labels a namespace": (a.namespace("mine", "north", "public"), None, TENANT, "1.5"),
    "a tenant makes a plain namespace": (a.namespace("mine"), None, TENANT, ""),
    "an admin labels a namespace": (a.namespace("mine", "north", "public"), None, ADMIN, ""),
    "an admin by another group": (a.namespace("mine", "north", "public"), None, ("eve", ("isolation-admins",)), ""),
    "a group that is called alike": (a.namespace("mine", "north", "public"), None, ("eve", ("isolation-admins-2",)), "1.5"),
    "a tenant removes a label": (a.namespace("red"), a.namespace("red", "south", "restricted"), TENANT, "1.5"),
    "a tenant changes something else": (a.namespace("red", "south", "restricted", team="x"), a.namespace("red", "south", "restricted"), TENANT, ""),
    "a tenant takes admin access": (a.namespace("red", "south", "restricted", **{"resource.kubernetes.io/admin-access": "true"}), a.namespace("red", "south", "restricted"), TENANT, "1.5"),
    "a tenant labels below the prefix": (a.namespace("mine", **{f"{a.PREFIX}/pool": "x"}), None, TENANT, "1.5"),
    "a tenant raises a service account": (a.account("open", "new", "restricted"), None, TENANT, "1.5"),
    "a tenant makes a service account": (a.account("open", "new"), None, TENANT, ""),
    "a tenant labels a node": (a.node("n-cpu", {"pool": "cpu", f"{a.PREFIX}/pool": "x"}, {}), a.node("n-cpu", {"pool": "cpu"}, {}), TENANT, "1.5"),
    "a kubelet taints its node": (a.node("n-new", taints=[a.taint("south")]), None, KUBELET, "1.5"),
    "a kubelet takes a taint away": (a.node("n-south", {"pool": "south"}), a.node("n-south", {"pool": "south"}, taints=[a.taint("south")]), KUBELET, "1.5"),
    "a kubelet says what its GPUs are": (a.node("n-new", a.CC), None, KUBELET, "6.1"),
    "a kubelet reports": (a.node("n-new", {"pool": "x"}), a.node("n-new", {"pool": "y"}), KUBELET, ""),
    "the platform says what the GPUs are": (a.node("n-new", a.CC), a.node("n-new"), PLATFORM, ""),
    "a service account of another namespace": (a.node("n-new", a.CC), a.node("n-new"), ("system:serviceaccount:gpu-operator-2:x", ()), "6.1"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_only_who_may_writes_what_the_rule_stands_on(name: str) -> None:
    """Labels, tenants, taints and facts are written by admins and the platform, in their place."""
    new, old, actor, clause = WRITES[name]
    found = a.verdict(a.state(), a.asked(new, "UPDATE" if old else "CREATE", old=old, actor=actor))
    assert a.clauses(found) == ({clause} if clause else set())


def changed(name: str, labels: dict[str, str], was: dict[str, str] | None = None, **more: object) -> tuple[Json, Json]:
    """A node with other labels than before."""
    return a.node(name, labels, **more), a.node(name, was or {})  # type: ignore[arg-type]


RESULTS: dict[str, tuple[tuple[Json, ...], Json, Json | None, Actor, str]] = {
    "a label rises above what runs": (
        (at("n-sliced", "open"),), a.namespace("open", "north", "restricted"), a.namespace("open", "north", "public"), ADMIN, "1.7"),
    "a label rises, and what runs is good": (
        (at("n-whole", "open"),), a.namespace("open", "north", "restricted"), a.namespace("open", "north", "public"), ADMIN, ""),
    "a label rises, and what ran is over": (
        (pod("open", "ran", GPU, nodeName="n-sliced", status={"phase": "Succeeded"}),),
        a.namespace("open", "north", "restricted"), a.namespace("open", "north", "public"), ADMIN, ""),
    "a label rises beside others in an island": (
        (at("n-whole", "open"), at("n-whole", "inner", "two")), a.namespace("open", "other", "restricted"),
        a.namespace("open", "north", "public"), ADMIN, "1.7"),
    "a service account rises above what runs": (
        (at("n-sliced", "open", serviceAccountName="robot"),), a.account("open", "robot", "restricted"), a.account("open", "robot"), ADMIN, "1.7"),
    "another service account rises": (
        (at("n-sliced", "open"),), a.account("open", "robot", "restricted"), a.account("open", "robot"), ADMIN, ""),
    "a node stops being confidential": (
        (at("n-cc", "secret"),), *changed("n-cc", {**a.CC, "nvidia.com/cc.mode.state": "off"}, a.CC), ADMIN, "1.7"),
    "a node joins an island of another": (
        (at("n-whole", "red"), at("n-free", "open"), a.node("n-free")), *changed("n-free", {"nvidia.com/gpu.clique": "island-1"}), ADMIN, "1.7"),
    "a node becomes another tenant's": (
        (at("n-whole", "red"),), a.node("n-whole", {"nvidia.com/gpu.clique": "island-1"}, taints=[a.taint("west")]),
        a.node("n-whole", {"nvidia.com/gpu.clique": "island-1"}), ADMIN, "1.7"),
    "the platform wishes slices under a confidential pod": (
        (at("n-cc", "secret"),), *changed("n-cc", {**a.CC, "nvidia.com/mig.config": "all-1g.10gb"}, a.CC), PLATFORM, "6.2"),
    "the platform wishes slices under a restricted pod": (
        (at("n-whole", "red"),), *changed("n-whole", {"nvidia.com/mig.config": "all-1g.10gb"}), PLATFORM, ""),
    "the platform wishes no slices": (
        (at("n-cc", "secret"),), *changed("n-cc", {**a.CC, "nvidia.com/mig.config": "all-disabled"}, a.CC), PLATFORM, ""),
    "the platform wishes confidential computing off": (
        (at("n-cc", "secret"),), *changed("n-cc", {**a.CC, "nvidia.com/cc.mode": "off"}, a.CC), PLATFORM, "6.2"),
    "the platform selects a configuration that shares": (
        (at("n-whole", "red"), a.plugin(told=a.SHARES)), *changed("n-whole", {"nvidia.com/device-plugin.config": "told"}), PLATFORM, "6.2"),
    "the platform says that it shares": (
        (at("n-whole", "red"),), *changed("n-whole", {"nvidia.com/gpu.sharing-strategy": "time-slicing"}), PLATFORM, ""),
    "an admin says that it shares": (
        (at("n-whole", "red"),), *changed("n-whole", {"nvidia.com/gpu.sharing-strategy": "time-slicing"}), ADMIN, "1.7"),
    "a configuration that a node selects shares": (
        (at("n-told", "red"), a.node("n-told", {"nvidia.com/device-plugin.config": "told"}), a.plugin(told="version: v1")),
        a.plugin(told=a.SHARES), a.plugin(told="version: v1"), PLATFORM, "6.2"),
    "the default configuration shares": ((at("n-whole", "red"),), a.plugin(default=a.SHARES), None, PLATFORM, "6.2"),
    "a configuration that no node selects shares": ((at("n-whole", "red"),), a.plugin(other=a.SHARES), None, PLATFORM, ""),
    "a configuration elsewhere": ((at("n-whole", "red"),), a.config_map("open", "device-plugin-config", default=a.SHARES), None, TENANT, ""),
    "a configuration that cannot be read": ((at("n-whole", "red"),), a.plugin(default="{"), None, PLATFORM, "6.2"),
    "a class that is in use starts to share": (
        (a.claim("red", "c", a.request()), at("n-whole", "red", limits={}, resourceClaims=[{"name": "g", "resourceClaimName": "c"}])),
        a.device_class("gpu.nvidia.com", config=[a.sharing("TimeSlicing")]), a.device_class("gpu.nvidia.com"), ADMIN, "1.7"),
    "a class that nobody uses shares": ((at("n-whole", "red"),), a.device_class("new", config=[a.sharing("TimeSlicing")]), None, ADMIN, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_a_change_is_judged_by_what_those_who_run_would_be(name: str) -> None:
    """What a pod that runs would no longer be allowed is not done under it."""
    more, new, old, actor, clause = RESULTS[name]
    found = a.verdict(a.state(*more), a.asked(new, "UPDATE" if old else "CREATE", old=old, actor=actor))
    assert a.clauses(found) == ({clause} if clause else set())


def test_a_trial_changes_nothing() -> None:
    """Judging a change leaves the state as it was: the same question gets the same answer."""
    held = a.state(at("n-sliced", "open"))
    raised = a.asked(
        a.namespace("open", "north", "restricted"), "UPDATE", old=a.namespace("open", "north", "public"), actor=ADMIN
    )
    assert a.verdict(held, raised) == a.verdict(held, raised)
    assert a.verdict(held, a.asked(pod("open", "new", GPU, nodeName="n-sliced"))).allowed
