"""Admission by a real API server: every road tried through it, and a rollout that denies nothing before it was looked at."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import admission_desk as desks
import clusters as a
import kube_server
import pytest
import yaml
from admission_desk import Desk
from clusters import Json
from kube_server import Cluster
from test_kube_policies import _real as real
from test_kube_policies import _role as role
from test_kubevirt import CASES as MACHINES
from test_kubevirt import NODES as MACHINE_NODES
from test_kubevirt import kubevirt, maker
from test_pods import ALLOWED, DENIED, MORE

pytestmark = pytest.mark.integration

# What a real API server refuses by itself, or what cannot be there; and what a pod cannot be made with.
IMPOSSIBLE = frozenset({
    "an ephemeral container", "an unknown namespace", "an unreadable quantity", "less than nothing", "a path that goes back",
    "an unknown namespace and no GPU", "a node that is not known", "all keys of a secret", "the root",
    "access beside the owner", "a part of a device", "a tolerated device taint",
})  # fmt: skip
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the product."""
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}  # noqa: TID251 - as it is
    argv = [sys.executable, "-P", "-m", "strongroom", *words]
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)


def _stored(found: Json) -> Json:
    """An object of the tests as a real API server takes it."""
    made = json.loads(json.dumps(found))
    if made["kind"] == "PersistentVolume":
        made["spec"] |= {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
        if "local" in made["spec"]:
            terms = [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]
            made["spec"] |= {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
    if made["kind"] == "PersistentVolumeClaim":
        made["spec"] = {**_CLAIM, **({"volumeName": made["spec"]["volumeName"]} if made["spec"]["volumeName"] else {})}
    return made  # type: ignore[no-any-return]


def _node_status(cluster: Cluster, found: Json) -> None:
    """What a node has is written to its status."""
    path = f"/api/v1/nodes/{found['metadata']['name']}/status"  # type: ignore[index]
    status, answer = cluster.ask("PATCH", path, {"status": found["status"]}, kind="application/merge-patch+json")
    assert status == 200, answer
    # A node that no kubelet reports for is tainted as not ready, and nothing could land there.
    path, taints = path.removesuffix("/status"), {"spec": {"taints": found["spec"]["taints"] or None}}  # type: ignore[index]
    assert cluster.ask("PATCH", path, taints, kind="application/merge-patch+json")[0] == 200


def _install(cluster: Cluster, desk: Desk) -> None:
    made = run(desk.folder, "isolate", "render", "webhook", "--url", f"{desk.url}/v1/admit", "--ca", str(desk.ca))
    assert made.returncode == 0, made.stderr
    status, answer = cluster.create(yaml.safe_load(made.stdout))
    assert status == 201, answer


def _eventually(work: object, wanted: object) -> object:
    """What comes of something that takes a moment to reach everybody."""
    until = time.monotonic() + 60
    while (found := work()) != wanted and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.3)
    return found


def _defined(cluster: Cluster) -> None:
    """KubeVirt's kinds, as far as a server must know them to take their objects."""
    for kind in ("KubeVirt", "VirtualMachine", "VirtualMachineInstance"):
        plural = f"{kind.lower()}s"
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        spec = {
            "group": "kubevirt.io", "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        }  # fmt: skip
        made = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.kubevirt.io"}, "spec": spec,
        }  # fmt: skip
        assert cluster.create(made)[0] == 201
        path = f"/apis/kubevirt.io/v1/{plural}"
        assert _eventually(lambda path=path: cluster.ask("GET", path)[0], 200) == 200  # type: ignore[misc]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with the cluster of these tests."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        for space in ("kube-node-lease", "default"):
            made.ask("GET", f"/api/v1/namespaces/{space}")
        runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}
        names = [{**runtime, "metadata": {"name": n}, "handler": n} for n in ("nvidia", "nvidia-cdi")]
        _defined(made)
        for one in (*a.CLUSTER, *role(), *names, *MORE, a.namespace("kubevirt"), kubevirt(), *MACHINE_NODES):
            if one["metadata"]["name"] == "kube-system":  # type: ignore[index]
                continue
            status, answer = made.create(_stored(one))
            wanted = (
                {201} if "capacity" not in json.dumps(one) and "dminAccess" not in json.dumps(one) else {201, 403, 422}
            )
            assert status in wanted, (one, answer)
            if one["kind"] == "Node":
                _node_status(made, one)
        yield made


@pytest.fixture(scope="module")
def denying(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The service that denies, after it observed and somebody looked at its report."""
    folder = tmp_path_factory.mktemp("admission")
    desks.log_of(folder)
    port = kube_server.free_port()
    bad, good = real(DENIED["a fraction of KAI"][1]), real(ALLOWED["a restricted pod asks a whole GPU"])
    with desks.serving(folder, cluster, desks.rule_file(folder, default="observe"), port=port) as desk:
        _install(cluster, desk)

        def seen() -> bool:
            cluster.create(bad, "tenant", dry=True)
            return b'verdict="deny",mode="observe"' in desk.get("/metrics")[1]

        assert _eventually(seen, wanted=True)
        assert (
            cluster.create(
                {**bad, "metadata": a.meta("observed", "red", annotations={"gpu-fraction": "0.5"})}, "tenant"
            )[0]
            == 201
        )
    assert run(folder, "isolate", "report", "--log", str(folder / "log"), "--mode", "deny").returncode == 0
    told = run(folder, "isolate", "report", "--log", str(folder / "log"), "--reviewed", "--offline", "--format", "json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert [(x["mode"], x["namespace"], x["clause"], x["tenant"]) for x in report["report"]["lines"]] == [
        ("observe", "red", "2.2", "south")
    ]
    cluster.ask("DELETE", "/api/v1/namespaces/red/pods/observed?gracePeriodSeconds=0")
    unreviewed = desks.rule_file(folder, default="deny", reviewed=["sha256:" + "0" * 64])
    with desks.serving(folder, cluster, unreviewed, port=port):
        assert cluster.create(bad, "tenant", dry=True)[0] == 201
    with desks.serving(
        folder, cluster, desks.rule_file(folder, default="deny", reviewed=[report["digest"]]), port=port
    ) as desk:
        assert _eventually(lambda: cluster.create(bad, "tenant", dry=True)[0], 403) == 403
        assert cluster.create(good, "tenant", dry=True)[0] == 201
        yield desk


@pytest.mark.usefixtures("denying")
@pytest.mark.parametrize("name", sorted(set(DENIED) - IMPOSSIBLE))
def test_every_road_is_closed_at_the_api_server(cluster: Cluster, name: str) -> None:
    """A tenant's bad pod is refused through the webhook, for the clause that it breaks."""
    clause, found = DENIED[name]
    status, answer = cluster.create(real(found), "tenant", dry=True)
    assert status == 403, answer
    assert f" {clause} " in str(answer["message"]), answer


@pytest.mark.usefixtures("denying")
@pytest.mark.parametrize("name", sorted(set(ALLOWED) - IMPOSSIBLE))
def test_good_pods_go_through(cluster: Cluster, name: str) -> None:
    """A pod that the rule allows is made."""
    status, answer = cluster.create(real(ALLOWED[name]), "tenant", dry=True)
    assert status == 201, answer


@pytest.mark.usefixtures("denying")
@pytest.mark.parametrize("name", sorted(MACHINES))
@pytest.mark.parametrize("kind", ["VirtualMachineInstance", "VirtualMachine"])
def test_machines_are_judged_at_the_api_server(cluster: Cluster, kind: str, name: str) -> None:
    """A tenant's machine, and whatever makes one, is refused for its clause through the webhook, or made."""
    found, clauses = MACHINES[name]
    status, answer = cluster.create(
        found if kind == "VirtualMachineInstance" else maker(kind, found), "tenant", dry=True
    )
    assert status == (403 if clauses else 201), answer
    assert all(f" {c} " in str(answer["message"]) for c in clauses), answer


@pytest.mark.usefixtures("denying")
def test_bindings_and_changes_are_judged(cluster: Cluster) -> None:
    """A pod that waits is bound where it may be and nowhere else; the label above it cannot rise, and nobody takes it away."""
    assert cluster.create(real(a.pod("red", "waits", {"nvidia.com/gpu": "1"})), "tenant")[0] == 201

    def bind(node: str) -> int:
        made = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": a.meta("waits", "red"),
            "target": {"kind": "Node", "name": node},
        }
        return cluster.ask("POST", "/api/v1/namespaces/red/pods/waits/binding", made)[0]

    assert _eventually(lambda: bind("n-sliced"), 403) == 403
    assert bind("n-whole") == 201
    kind = "application/merge-patch+json"
    beside = real(a.pod("open", "beside", {"nvidia.com/gpu": "1"}, nodeName="n-whole"))
    assert _eventually(lambda: cluster.create(beside, "tenant", dry=True)[0], 403) == 403
    share = {"metadata": {"labels": {"nvidia.com/gpu.sharing-strategy": "time-slicing"}}}
    assert cluster.ask("PATCH", "/api/v1/nodes/n-whole?dryRun=All", share, "admin", kind)[0] == 403
    assert (
        cluster.ask("PATCH", "/api/v1/nodes/n-whole?dryRun=All", {"metadata": {"labels": {"x": "y"}}}, "kubelet", kind)[
            0
        ]
        == 200
    )
    raised = {"metadata": {"annotations": {f"{a.PREFIX}/sensitivity": "confidential"}}}
    assert cluster.ask("PATCH", "/api/v1/namespaces/red?dryRun=All", raised, "admin", kind)[0] == 403
    assert cluster.ask("PATCH", "/api/v1/namespaces/inner?dryRun=All", raised, "admin", kind)[0] == 200
    assert cluster.ask("PATCH", "/api/v1/namespaces/inner?dryRun=All", raised, "tenant", kind)[0] == 403
    shares = {"data": {"default": a.SHARES}}
    path = "/api/v1/namespaces/gpu-operator/configmaps/device-plugin-config?dryRun=All"
    assert cluster.ask("PATCH", path, shares, "platform", kind)[0] == 403
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "i", "securityContext": {"privileged": True}}]}}
    path = "/api/v1/namespaces/red/pods/waits/ephemeralcontainers?dryRun=All"
    assert cluster.ask("PATCH", path, debug, "tenant", "application/strategic-merge-patch+json")[0] == 403
    assert cluster.ask("DELETE", "/api/v1/namespaces/red/pods/waits?gracePeriodSeconds=0", None, "tenant")[0] == 200


def test_denials_are_in_the_log_and_dry_runs_are_not(cluster: Cluster, denying: Desk) -> None:
    """A denial that held is proven from the log; a dry run left nothing there."""
    bad = real(DENIED["a device"][1])
    name = {**bad, "metadata": a.meta("logged", "open")}
    assert cluster.create({**bad, "metadata": a.meta("dry", "open")}, "tenant", dry=True)[0] == 403
    assert cluster.create(name, "tenant")[0] == 403
    log = str(denying.folder / "log")
    listed = _eventually(lambda: "open/logged" in run(denying.folder, "log", "list", "--log", log).stdout, wanted=True)
    assert listed, run(denying.folder, "log", "list", "--log", log)
    told = run(denying.folder, "isolate", "report", "--log", log, "--mode", "deny", "--format", "json")
    objects = [o for x in json.loads(told.stdout)["report"]["lines"] for o in x["objects"]]
    assert "Pod logged" in objects
    assert "Pod dry" not in objects


def _probe(desk: Desk, cluster: Cluster, user: str = "admin", space: str = "red") -> tuple[int, Json]:
    """Exit and outcome of a probe, into a log of its own."""
    log = desk.folder / "probes"
    if not log.exists():
        assert run(desk.folder, "log", "init", "--log", str(log)).returncode == 0
    words = ("isolate", "probe", "--namespace", space, "--kubeconfig", str(cluster.kubeconfig(user)), "--log", str(log))
    made = run(desk.folder, *words, "--offline", "--format", "json")
    assert made.returncode in {0, 1, 3}, made.stderr
    return made.returncode, json.loads(made.stdout)["probed"]


def _checks(desk: Desk, cluster: Cluster, log: str) -> dict[str, str]:
    """What the checks of isolation say of the live cluster, with a log beside it."""
    config = desk.folder / "isolation.toml"
    named = f'rule = "{desk.folder / "rule.yaml"}"\nkubeconfig = "{cluster.kubeconfig()}"'
    config.write_text(f'[log]\npath = "{desk.folder / log}"\n[isolation]\n{named}\n')
    made = run(desk.folder, "assess", f"isolation:{config}", "--format", "json")
    assert made.returncode in {0, 1, 3}, made.stderr
    return {f["check"]: f["status"] for f in json.loads(made.stdout)["findings"]}


def test_a_probe_tells_whether_the_cluster_rejects(cluster: Cluster, denying: Desk) -> None:
    """All that a dry run tries is rejected by the hook; nothing is kept; and the live cluster is assessed as enforcing."""
    assert _checks(denying, cluster, "log")["gpu.isolation.kubernetes-enforced"] == "fail"
    for name, label in (("red", "restricted"), ("red-two", "restricted"), ("secret", "confidential")):
        labels = {"metadata": {"labels": {f"{a.PREFIX}/sensitivity": label}}}
        assert cluster.ask("PATCH", f"/api/v1/namespaces/{name}", labels, kind="application/merge-patch+json")[0] == 200
    exit_, found = _probe(denying, cluster)
    assert exit_ == 0, found
    answers: list[list[str]] = found["answers"]  # type: ignore[assignment]
    assert len(answers) > 8
    assert {x[2] for x in answers[1:]} == {"by sensitive"}, answers
    kept: list[Json] = cluster.ask("GET", "/api/v1/namespaces/red/pods")[1]["items"]  # type: ignore[assignment]
    assert "strongroom-probe" not in json.dumps(kept)
    # Admission's own log has the review by which the rule denies, and the other one the probe.
    assert _checks(denying, cluster, "log")["gpu.isolation.kubernetes-enforced"] == "pass"
    assert _checks(denying, cluster, "probes")["gpu.isolation.probed"] == "pass"


def test_a_probe_that_may_not_be_made_shows_nothing(cluster: Cluster, denying: Desk) -> None:
    """Who may read and not create is refused each probe by its rights: that is no rejection by a rule."""
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": rules}
    bound = {
        "apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "reader"},
        "subjects": [{"kind": "User", "name": "system:kube-scheduler", "apiGroup": group}],
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
    }  # fmt: skip
    assert cluster.create(role)[0] == 201
    assert cluster.create(bound)[0] == 201
    exit_, found = _eventually(lambda: _probe(denying, cluster, "scheduler")[0], 3), None
    assert exit_ == 3, found


def test_a_renewed_certificate_is_taken_up(denying: Desk) -> None:
    """The service shows a certificate that was renewed in its file, and goes on answering."""
    before = denying.ca.read_bytes()
    desks.certificate(denying.folder)
    assert denying.ca.read_bytes() != before
    assert _eventually(lambda: _reachable(denying), wanted=True)


def _reachable(desk: Desk) -> bool:
    try:
        return desk.get("/healthz")[0] == 200
    except OSError:
        return False
