"""A node of a real API server: tainted until its GPUs are scrubbed, by the role that is rendered, and by nobody else."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import kube_server
import pytest
import yaml
from kube_server import Cluster, Json

from strongroom.app.isolation import load_rule, render
from strongroom.app.scrub import emulate
from strongroom.model.isolate import Rendering

pytestmark = pytest.mark.integration

KEY, HOLDER = "isolation.example.org/scrub", "isolation.example.org/scrub-holder"
NODE = "n1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with one node, and the role of the rendered document for a user of these tests."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        status, answer = made.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        assert status == 201, answer
        documents = {d.name: d.text for d in render("scrub", Rendering(load_rule(None), "", ""))}
        for found in yaml.safe_load_all(documents["strongroom-scrub.yaml"]):
            if found["kind"] in {"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"}:
                status, answer = made.create(found)
                assert status == 201, answer
        bound = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "officer-scrubs"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "strongroom-scrub"},
            "subjects": [{"kind": "User", "name": "officer", "apiGroup": "rbac.authorization.k8s.io"}],
        }  # fmt: skip
        assert made.create(bound)[0] == 201
        yield made


def node(cluster: Cluster) -> Json:
    return cluster.ask("GET", f"/api/v1/nodes/{NODE}")[1]


def taints(cluster: Cluster) -> dict[str, str]:
    spec: Json = node(cluster)["spec"]  # type: ignore[assignment]
    return {t["key"]: t.get("value", "") for t in spec.get("taints", [])}  # type: ignore[attr-defined]


def patch(cluster: Cluster, body: Json) -> None:
    status, answer = cluster.ask("PATCH", f"/api/v1/nodes/{NODE}", body, kind="application/merge-patch+json")
    assert status == 200, answer


def handover(cluster: Cluster, folder: Path, user: str = "officer") -> subprocess.CompletedProcess[str]:
    words = ("--scheduler", "kubernetes", "--kubeconfig", str(cluster.kubeconfig(user)), "--node", NODE)
    cards = ("--device", "cpu", "--card", str(folder / "card"), "--gpu", "CPU-1")
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}  # noqa: TID251 - as it is
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", "handover", *words, *cards]
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)


@pytest.fixture
def folder(tmp_path: Path, cluster: Cluster) -> Path:
    """An emulated card, and a node with the taint of nobody and a taint of another."""
    emulate(tmp_path / "card", "CPU-1", 8, keeps=False)
    waiting = [{"key": KEY, "value": "pending", "effect": "NoSchedule"}, {"key": "dedicated", "effect": "NoSchedule"}]
    patch(cluster, {"spec": {"taints": waiting}, "metadata": {"annotations": {HOLDER: None}}})
    return tmp_path


def spec(folder: Path, **changed: object) -> None:
    path = folder / "card/card.json"
    held = json.loads(path.read_text())
    held["spec"] |= changed
    path.write_text(json.dumps(held))


def test_a_node_waits_until_it_is_scrubbed(cluster: Cluster, folder: Path) -> None:
    """A scrub that fails keeps the taint, as failed; one that is verified takes it away, and nothing else."""
    spec(folder, reserved=40)
    bad = handover(cluster, folder)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert taints(cluster) == {KEY: "failed", "dedicated": ""}
    spec(folder, reserved=0)
    good = handover(cluster, folder)
    assert good.returncode == 0, good.stdout + good.stderr
    assert taints(cluster) == {"dedicated": ""}
    assert HOLDER not in node(cluster)["metadata"].get("annotations", {})  # type: ignore[attr-defined]


def test_another_cordon_stays(cluster: Cluster, folder: Path) -> None:
    """A taint that names another holder, and an unschedulable node, are left as they are."""
    patch(cluster, {"metadata": {"annotations": {HOLDER: "the night shift"}}, "spec": {"unschedulable": True}})
    found = handover(cluster, folder)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "another holds it: the night shift" in found.stdout
    assert taints(cluster)[KEY] == "pending"
    assert node(cluster)["spec"]["unschedulable"] is True  # type: ignore[index]
    patch(cluster, {"spec": {"unschedulable": None}})


def test_who_may_not_touch_nodes_is_told(cluster: Cluster, folder: Path) -> None:
    """Without the role there is no cordon, and without a cordon nothing else: the node keeps its taint."""
    found = handover(cluster, folder, "tenant")
    assert found.returncode == 1
    assert "CORDON" in found.stdout
    assert "403" in found.stdout
    assert taints(cluster)[KEY] == "pending"


def test_an_api_server_that_is_not_there_is_told(cluster: Cluster, folder: Path) -> None:
    """Nobody answers: the handover is held."""
    path = cluster.kubeconfig("officer")
    whole = path.read_text()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        path.write_text(whole.replace(str(cluster.port), str(free.getsockname()[1])))
        before = cluster.kubeconfig
        cluster.kubeconfig = lambda _="": path  # type: ignore[method-assign]
        try:
            found = handover(cluster, folder)
        finally:
            cluster.kubeconfig = before  # type: ignore[method-assign]
    assert found.returncode == 1
    assert "refused" in found.stdout


def pod(cluster: Cluster, name: str, namespace: str, gpus: int = 1) -> None:
    """A pod that is bound to the node, as a scheduler or a tenant with nodeName does it."""
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account: Json = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace},
    }
    cluster.create(account)
    asked: Json = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    spec: Json = {"nodeName": NODE, "containers": [{"name": "c", "image": "i", "resources": asked}]}
    made = cluster.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    )
    assert made[0] == 201, made[1]


def ended(cluster: Cluster, name: str, namespace: str) -> None:
    """The kubelet says that a pod is over."""
    place = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
    status, answer = cluster.ask(
        "PATCH", place, {"status": {"phase": "Succeeded"}}, kind="application/merge-patch+json"
    )
    assert status == 200, answer


def close(cluster: Cluster, user: str = "officer", *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", "close", "--node", NODE, *more]
    argv += ["--kubeconfig", str(cluster.kubeconfig(user))]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_node_is_closed_from_its_tenant_on_until_it_is_scrubbed(cluster: Cluster, folder: Path) -> None:
    """With the first pod that has a GPU the taint is back; it stays when the pod is gone, and a verified scrub takes it away."""
    patch(cluster, {"spec": {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}})
    pod(cluster, "web", "red", gpus=0)
    free = close(cluster)
    assert (free.returncode, "nobody is on it" in free.stdout) == (0, True), free.stdout + free.stderr
    assert taints(cluster) == {"dedicated": ""}
    pod(cluster, "train", "red")
    found = close(cluster)
    assert (found.returncode, "red/train" in found.stdout) == (0, True), found.stdout + found.stderr
    assert taints(cluster) == {"dedicated": "", KEY: "pending"}
    ended(cluster, "train", "red")
    assert close(cluster).returncode == 0
    assert taints(cluster) == {"dedicated": "", KEY: "pending"}  # nobody is on it, and nobody may come yet
    good = handover(cluster, folder)
    assert good.returncode == 0, good.stdout + good.stderr
    assert taints(cluster) == {"dedicated": ""}


def test_two_owners_on_one_node_are_told(cluster: Cluster) -> None:
    """Who came before the node was closed is named; a taint of another, and one that failed, are left as they are."""
    patch(cluster, {"spec": {"taints": [{"key": KEY, "value": "failed", "effect": "NoSchedule"}]}})
    pod(cluster, "a", "red")
    pod(cluster, "b", "blue")
    found = close(cluster)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "blue, red" in found.stdout
    assert taints(cluster) == {KEY: "failed"}
    for name, namespace in (("a", "red"), ("b", "blue")):
        ended(cluster, name, namespace)


def test_who_may_not_list_pods_closes_nothing(cluster: Cluster) -> None:
    """Without the role the answer is an error that names it, and never an open node that is called closed."""
    found = close(cluster, "tenant")
    assert found.returncode == 2
    assert "403" in found.stderr
    assert "hint:" in found.stderr


def test_a_watch_closes_by_itself(cluster: Cluster) -> None:
    """It looks again and again: a pod that comes meanwhile closes the node, and Ctrl-C ends it."""
    patch(cluster, {"spec": {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}})
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", "close", "--node", NODE, "--watch", "0.2"]
    argv += ["--kubeconfig", str(cluster.kubeconfig("officer"))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert "node" in watch.stdout.readline()
        assert KEY not in taints(cluster)
        pod(cluster, "late", "red")
        until = time.monotonic() + 30
        while KEY not in taints(cluster) and time.monotonic() < until:
            time.sleep(0.1)
        assert taints(cluster)[KEY] == "pending"
        watch.send_signal(signal.SIGINT)
        out, said = watch.communicate()
    assert "red/late" in out, said
    assert watch.returncode == 130
    ended(cluster, "late", "red")
