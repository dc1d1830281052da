"""The rendered policies on a real API server: every road that names alone show, tried there."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import clusters as a
import kube_server
import msgspec
import pytest
import yaml
from clusters import Json
from kube_server import Cluster
from test_pods import ALLOWED, DENIED

from strongroom.app.assess import assess
from strongroom.app.isolation import load_rule, render
from strongroom.app.isolation_probe import probe
from strongroom.isolate.probes import CONTROL, Outcome
from strongroom.isolate.rule import DEFAULT
from strongroom.model.isolate import Mode, Rendering, Rollout

pytestmark = pytest.mark.integration
NOW = datetime(2026, 6, 1, tzinfo=UTC)

# What no expression sees without the state of nodes, neighbours, classes, volumes, maps and service accounts.
UNSEEN = frozenset({
    "shared by time", "shared by MPS", "a raised label", "a label that cannot be lowered", "a raised label outside the four",
    "confidential without a node of its kind", "confidential on a node for development", "bound by name past the taints",
    "a node that is not known", "another's node by name", "a volume that is a path", "a volume that is kept for the claim",
    "a block volume", "a volume that is made with the pod", "the runtime by another name", "a claim that is shared by time",
    "a claim of a class that shares", "a claim of a class of anything", "a claim that is not there", "the worst of several",
    "a part of a device", "access beside the owner", "a tolerated device taint", "a resource of a class that is not there",
    "a resource of a class that shares", "a configuration that shares, whatever the labels say",
    "a configuration that is not there", "memory of the node",
})  # fmt: skip
# What the API server itself refuses, or fills in, before a policy is asked.
IMPOSSIBLE = frozenset({
    "an ephemeral container", "an unknown namespace", "an unreadable quantity", "less than nothing", "a path that goes back",
    "an unknown namespace and no GPU", "a part of a device", "the root",
})  # fmt: skip
# The policies know no nodes: what is a way to devices is denied to whoever has a label, wherever it would run.
STRICTER = frozenset(
    {"a right on nodes without GPUs", "a variable that is escaped", "all keys of a map that has no such key"}
)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with the cluster of these tests and the policies, denying."""
    denying = msgspec.structs.replace(load_rule(None), rollout=Rollout(Mode.DENY))
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        for one in a.CLUSTER:
            if one["metadata"]["name"] != "kube-system":  # type: ignore[index]
                status, answer = made.create(one)
                assert status == 201, answer
        for one in (*_role(), *(_runtime(name) for name in ("nvidia", "nvidia-cdi"))):
            assert made.create(one)[0] == 201
        for document in render("vap", Rendering(denying)):
            for one in yaml.safe_load_all(document.text):
                status, answer = made.create(one)
                assert status == 201, answer
        _in_force(made)
        yield made


def _role() -> tuple[Json, ...]:
    """What a tenant may do: anything with workloads and claims, and what the rule must keep him from besides."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    group = "rbac.authorization.k8s.io"
    subjects = [
        {"kind": "Group", "name": g, "apiGroup": group}
        for g in ("tenants", "isolation-admins", "system:nodes", "system:serviceaccounts")
    ]
    return (
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "everything"}, "rules": rules},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "everything"}, "subjects": subjects,
         "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "everything"}},
    )  # fmt: skip


def _runtime(name: str) -> Json:
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": name}


def _in_force(made: Cluster) -> None:
    """Wait until the API server asks its new policies: the last of them denies what it must."""
    until = time.monotonic() + 90
    probes = (
        a.pod("open", "probe", hostPID=True),
        a.claim("open", "probe", a.request(adminAccess=True)),
        a.node("probe", a.CC),
        a.pod("red", "probe", {"nvidia.com/gpumem": "1"}),
        a.pod("red", "probe", {"nvidia.com/gpu": "1"}, **a.tolerating(key=f"{a.PREFIX}/tenant", operator="Exists")),
    )
    while time.monotonic() < until:
        if all(made.create(p, "tenant", dry=True)[0] in {403, 422} for p in probes):
            return
        time.sleep(0.5)
    raise AssertionError([made.create(p, "tenant", dry=True) for p in probes])


def _real(found: Json) -> Json:
    """A pod that the API server takes: its volumes are mounted by nobody, and its status is not written."""
    made = {k: v for k, v in found.items() if k != "status"}
    for volume in made["spec"].get("volumes", ()):  # type: ignore[union-attr]
        template = volume.get("ephemeral", {}).get("volumeClaimTemplate", {}).get("spec")
        if template is not None:
            template.update(accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1Gi"}})
    spec: Json = made["spec"]  # type: ignore[assignment]
    names = {v["name"] for v in spec.get("volumes", ())}  # type: ignore[union-attr]
    for container in (*spec["containers"], *spec.get("initContainers", ())):  # type: ignore[misc]
        container.setdefault("image", "i")
        used = {m["name"] for m in (*container.get("volumeMounts", ()), *container.get("volumeDevices", ()))}
        if used - names:
            spec.setdefault("volumes", []).extend({"name": n, "emptyDir": {}} for n in used - names)  # type: ignore[union-attr]
        resources = container.get("resources", {})
        if resources.get("requests") and not resources.get("limits"):
            resources["limits"] = dict(resources["requests"])
    return made


def test_the_policies_are_sound_expressions(held: Cluster) -> None:
    """The API server finds no type that does not fit in any of them."""
    status, listed = held.ask("GET", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies")
    assert status == 200
    assert len(listed["items"]) == 6  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(set(DENIED) - UNSEEN - IMPOSSIBLE))
def test_the_api_server_denies_what_names_show(held: Cluster, name: str) -> None:
    """A tenant's bad pod is refused by the API server itself, for the clause that it breaks."""
    clause, found = DENIED[name]
    status, answer = held.create(_real(found), "tenant", dry=True)
    assert status in {403, 422}, answer
    assert f"gpu isolation {clause.replace('2.1', '2.2')}" in str(answer["message"]), answer


@pytest.mark.parametrize("name", sorted(set(ALLOWED) - IMPOSSIBLE - STRICTER))
def test_the_api_server_lets_good_pods_in(held: Cluster, name: str) -> None:
    """A pod that the rule allows is not refused by the policies."""
    status, answer = held.create(_real(ALLOWED[name]), "tenant", dry=True)
    assert status == 201, answer


@pytest.mark.parametrize("name", sorted(STRICTER))
def test_where_the_policies_are_stricter_they_say_so(held: Cluster, name: str) -> None:
    """Without the state of nodes and maps, a way to devices is denied wherever it would lead."""
    assert held.create(_real(ALLOWED[name]), "tenant", dry=True)[0] in {403, 422}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_templates_are_refused_as_their_pods(held: Cluster, kind: str) -> None:
    """What makes bad pods is refused, and what makes good ones is not."""
    for space, limits, good in (("red", {"nvidia.com/gpu.shared": "1"}, False), ("red", {"nvidia.com/gpu": "1"}, True)):
        made = a.template(kind, space, _real(a.pod(space, limits=limits)))
        inner = made["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else made["spec"]  # type: ignore[index]
        inner["template"]["metadata"]["labels"] = {"app": "x"}
        if kind in {"Job", "CronJob"}:
            inner["template"]["spec"]["restartPolicy"] = "Never"
        else:
            inner.update(
                selector={"matchLabels": {"app": "x"}}, **({"serviceName": "s"} if kind == "StatefulSet" else {})
            )
        status, answer = held.create(made, "tenant", dry=True)
        assert (status == 201) is good, answer


@pytest.mark.parametrize(
    ("found", "clause"),
    [
        (a.claim("open", "c", a.request(adminAccess=True)), "4.7"),
        (a.claim_template("open", "c", a.request(adminAccess=True)), "4.7"),
        (a.claim("red", "c", a.request(), config=[a.sharing("TimeSlicing")]), "2.2"),
        (a.claim_template("red", "c", a.request(), config=[a.sharing("MPS")]), "2.2"),
        (a.claim("red", "c", a.request()), ""),
        (a.claim("open", "c", a.request(), config=[a.sharing("TimeSlicing")]), ""),
        (
            a.claim("red", "c", {"name": "x", "firstAvailable": [{"name": "a", "deviceClassName": "gpu.nvidia.com"}]}),
            "",
        ),
    ],
)
def test_claims_are_judged_by_the_api_server(held: Cluster, found: Json, clause: str) -> None:
    """Shared devices, access beside the owner and tolerated device taints are refused where claims are written."""
    status, answer = held.create(found, "tenant", dry=True)
    if clause:
        assert status in {403, 422}, answer
        # The API server refuses adminAccess of a namespace without its label by itself, before any policy is asked.
        assert f"gpu isolation {clause}" in str(answer["message"]) or clause == "4.7", answer
    else:
        assert status == 201, answer


@pytest.mark.parametrize(
    ("user", "found", "good"),
    [
        ("tenant", a.namespace("mine", "north", "public"), False),
        ("tenant", a.namespace("mine"), True),
        ("officer", a.namespace("mine", "north", "public"), True),
        ("tenant", a.account("open", "new", "restricted"), False),
        ("tenant", a.account("open", "new"), True),
        ("kubelet", a.node("n-new", a.CC), False),
        ("kubelet", a.node("n-new", {"pool": "x"}), True),
        ("kubelet", a.node("n-new", taints=[a.taint("south")]), False),
        ("platform", a.node("n-new", a.CC), True),
        ("officer", a.node("n-new", {**a.CC, f"{a.PREFIX}/pool": "x"}, taints=[a.taint("south")]), True),
    ],
)
def test_only_who_may_writes_what_the_rule_stands_on(held: Cluster, user: str, found: Json, good: bool) -> None:
    """Labels, tenants, taints and facts are kept by the API server itself."""
    status, answer = held.create(found, user, dry=True)
    assert (status == 201) is good, answer


def test_a_label_cannot_be_taken_away(held: Cluster) -> None:
    """A tenant who may change the namespace cannot change or remove its label."""
    for value in (None, "public"):
        patch = {"metadata": {"annotations": {f"{a.PREFIX}/sensitivity": value}}}
        kind = "application/merge-patch+json"
        assert held.ask("PATCH", "/api/v1/namespaces/red?dryRun=All", patch, "tenant", kind)[0] in {403, 422}
        assert (
            held.ask(
                "PATCH", "/api/v1/namespaces/red?dryRun=All", {"metadata": {"labels": {"team": "x"}}}, "tenant", kind
            )[0]
            == 200
        )


def test_the_classes_of_devices_are_taken(held: Cluster) -> None:
    """What is rendered for claims is what the API server knows as classes."""
    for one in yaml.safe_load_all(render("dra", Rendering(load_rule(None)))[0].text):
        status, answer = held.create(one, dry=True)
        assert status == 201, answer


def test_the_policies_of_the_server_are_as_rendered(held: Cluster, tmp_path: Path) -> None:
    """What a real server keeps and fills in is no difference; a probe is rejected by policies alone, and the source says so."""
    rule = tmp_path / "rule.yaml"
    rule.write_text(yaml.safe_dump({**yaml.safe_load(DEFAULT), "rollout": {"default": "deny"}}))
    config = tmp_path / "isolation.toml"
    config.write_text(
        f'[log]\npath = "{tmp_path / "log"}"\n[isolation]\nrule = "{rule}"\nkubeconfig = "{held.kubeconfig()}"\n'
    )
    found = {f.check: f.status.value for f in assess([f"isolation:{config}"], NOW).findings}
    assert found["gpu.isolation.kubernetes-enforced"] == "pass"
    told = probe(load_rule(str(rule)), str(held.kubeconfig()), "", "red")
    by = {x.by for x in told.answers[1:] if x.outcome is Outcome.REJECTED}
    assert by
    assert all(name.startswith("by gpu-isolation-") for name in by)
    # The policies see no node: another rung of one is let in, and the probe says so.
    assert {x.name for x in told.answers if x.outcome is Outcome.LET_IN} - {CONTROL} <= {
        "another rung on n-sliced", "another rung on n-mps", "another rung on n-mig",
    }  # fmt: skip
