"""The `k8s:` source: which objects it finds, where, and what it says when it cannot."""

import json
from pathlib import Path

import pytest

from kubernetes_objects import NOW, by_address, container, namespace, pod, read
from strongroom.collect.sources.k8s import COLLECTOR
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, Unreadable
from strongroom.model.kinds import Kind
from strongroom.model.ports import Peek, Request
from strongroom.model.values import Unknown, Where


def test_every_document_of_a_file_is_an_object_with_its_lines(tmp_path: Path) -> None:
    """Two documents become two assets whose addresses end in Kind/name and whose places are their own lines."""
    text = "# rendered\n" + namespace() + "---\n" + pod(container())
    found = by_address(read(tmp_path, text))
    assert found["Namespace/ns"].where == Where(f"{tmp_path}/0.yaml", 2, 6)
    assert found["ns/Pod/p"].where == Where(f"{tmp_path}/0.yaml", 8, 12)
    assert found["ns/Pod/p"].kind is Kind.WORKLOAD


def test_a_list_is_its_items(tmp_path: Path) -> None:
    """A list as kubectl prints it, in JSON or YAML, is the objects in it, each with its own lines."""
    items = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"s{i}", "namespace": "n"}} for i in (1, 2)]
    listed = json.dumps({"apiVersion": "v1", "items": items, "kind": "List"}, indent=1)
    found = by_address(read(tmp_path / "a", listed))
    assert found["n/Secret/s1"].where == Where(f"{tmp_path}/a/0.json", 4, 11)
    assert found["n/Secret/s2"].where == Where(f"{tmp_path}/a/0.json", 12, 19)
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata: {name: n1}\n- {apiVersion: v1, kind: Node, metadata: {name: n2}}\n"
    found = by_address(read(tmp_path / "b", text))
    assert (found["Node/n1"].where, found["Node/n2"].where) == (
        Where(f"{tmp_path}/b/0.yaml", 4, 6),
        Where(f"{tmp_path}/b/0.yaml", 7, 7),
    )


def test_json_lines_are_objects(tmp_path: Path) -> None:
    """One object a line is read line by line, and a line that is broken hides no other."""
    line = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s"}}'
    estate = read(tmp_path, f"{line % 'a'}\n{line[:-3]}}}\n{line % 'b'}\n")
    assert set(by_address(estate)) == {"Node/a", "Node/b"}
    assert [(g.code, g.where.line_start if g.where else 0) for g in estate.gaps] == [(GapCode.MALFORMED, 2)]


def test_helm_says_which_template_an_object_came_from(tmp_path: Path) -> None:
    """The comment that helm writes above a document is the object's path."""
    text = "---\n# Source: web/templates/pod.yaml\n" + pod(container())
    where = by_address(read(tmp_path, text))["ns/Pod/p"].where
    assert where is not None
    assert where.path == "web/templates/pod.yaml"


def test_a_chart_that_is_not_rendered_is_a_gap(tmp_path: Path) -> None:
    """Templates of a chart are no manifests: one gap says so and names the command that renders them."""
    chart = tmp_path / "chart" / "templates"
    chart.mkdir(parents=True)
    (chart.parent / "Chart.yaml").write_text("apiVersion: v2\nname: web\n")
    (chart.parent / "values.yaml").write_text("replicas: 2\n")
    (chart / "d.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n")
    estate = read(tmp_path, namespace())
    assert list(by_address(estate)) == ["Namespace/ns"]
    assert [g.code for g in estate.gaps] == [GapCode.UNSUPPORTED]
    assert f"helm template {tmp_path}/chart" in estate.gaps[0].detail


def test_patches_of_a_kustomization_are_not_judged_as_objects(tmp_path: Path) -> None:
    """A patch lacks what stands in its base, so it is a gap and no object."""
    (tmp_path / "kustomization.yaml").write_text("resources: [0.yaml]\npatches:\n- path: patch.yaml\n")
    (tmp_path / "patch.yaml").write_text(pod("  hostPID: true", name="patched"))
    estate = read(tmp_path, pod(container()))
    assert list(by_address(estate)) == ["ns/Pod/p"]
    assert "kustomize build" in estate.gaps[0].detail


def test_other_yaml_is_passed_over_and_half_objects_are_not(tmp_path: Path) -> None:
    """Values and pipelines are something else; an object that lost its apiVersion is a gap."""
    estate = read(tmp_path, namespace(), "replicas: 3\n", "kind: Pod\nmetadata: {name: x}\nspec: {}\n", '{"name": "x"}')
    assert list(by_address(estate)) == ["Namespace/ns"]
    assert [(g.scope, g.detail) for g in estate.gaps] == [(f"{tmp_path}/2.yaml", "an object without apiVersion")]


def test_what_nobody_knows_is_named(tmp_path: Path) -> None:
    """An object of a custom kind without pods is an asset of its own, without facts."""
    found = by_address(read(tmp_path, "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w, namespace: n}\n"))
    assert (found["n/Widget/w"].kind, found["n/Widget/w"].facts) == (Kind.OTHER, {})


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (
            "ray.io/v1 RayCluster",
            "{headGroupSpec: {template: {spec: POD}}, workerGroupSpecs: [{template: {spec: POD}}]}",
        ),
        ("kubeflow.org/v1 PyTorchJob", "{pytorchReplicaSpecs: {Master: {template: {spec: POD}}}}"),
        ("jobset.x-k8s.io/v1alpha2 JobSet", "{replicatedJobs: [{template: {spec: {template: {spec: POD}}}}]}"),
        ("leaderworkerset.x-k8s.io/v1 LeaderWorkerSet", "{leaderWorkerTemplate: {workerTemplate: {spec: POD}}}"),
        ("kubeflow.org/v1 Notebook", "{template: {spec: POD}}"),
        ("serving.kserve.io/v1beta1 InferenceService", "{predictor: {hostPID: true, model: {modelFormat: {name: x}}}}"),
        ("acme.example/v9 NeverSeen", "{a: {b: [{c: POD}]}}"),
    ],
)
def test_pods_of_custom_objects_are_found_by_their_shape(tmp_path: Path, kind: str, spec: str) -> None:
    """Training jobs, Ray clusters, model servers and kinds that nobody has seen carry the facts of their pods."""
    version, name = kind.split()
    described = spec.replace("POD", "{hostPID: true, containers: [{name: c, image: i}]}")
    text = f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: x, namespace: n}}\nspec: {described}\n"
    asset = by_address(read(tmp_path, text))[f"n/{name}/x"]
    assert asset.kind is Kind.WORKLOAD
    assert asset.value("pod.host_namespaces") == ("pid",)


def test_patterns_for_pods_are_no_pods(tmp_path: Path) -> None:
    """What a policy engine matches against looks like a pod and runs nothing."""
    text = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: x}\nspec: {rules: [{validate: {pattern: {spec: {containers: [{name: '*'}]}}}}]}\n"
    assert by_address(read(tmp_path, text))["ClusterPolicy/x"].kind is Kind.POLICY


def test_secrets_leave_no_value(tmp_path: Path) -> None:
    """Neither a Secret's data nor a credential in a variable or a ConfigMap is kept anywhere."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: n}\ndata: {k: c2VjcmV0LWNhbmFyeQ==}\nstringData: {k: secret-canary}\n"
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata: {k: 'password: secret-canary'}\n"
    )
    estate = read(tmp_path, secret, config, pod(container("env: [{name: DB_PASSWORD, value: secret-canary}]")))
    assert "canary" not in repr(estate)
    assert "c2VjcmV0" not in repr(estate)
    assert by_address(estate)["ns/Pod/p"].value("secrets.found") == ("a value for DB_PASSWORD of c",)
    assert by_address(estate)["n/ConfigMap/c"].value("secrets.found")


def test_what_an_owner_makes_is_told_once(tmp_path: Path) -> None:
    """A pod like its owner's template carries no facts; one that somebody changed speaks for itself."""

    def owned(name: str, more: str) -> str:
        owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, controller: true}]"
        return pod(container(more), name=name).replace("labels:", f"{owner}, labels:")

    owner = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: r, namespace: ns}\nspec: {template: {metadata: {labels: {app: p}}, spec: {containers: [{name: c, image: 'serve:1'}]}}}\n"
    found = by_address(read(tmp_path, owner, owned("same", ""), owned("other", "securityContext: {privileged: true}")))
    assert found["ns/Pod/same"].facts == {}
    assert found["ns/Pod/other"].value("pod.privileged") == ("c",)
    assert [r.rel for r in found["ns/Pod/same"].refs] == ["owner", "namespace"]


def test_variants_of_an_object_are_several_assets(tmp_path: Path) -> None:
    """The same name in two files is two things with one address: neither hides the other's facts."""
    estate = read(tmp_path, pod("  hostPID: true\n" + container()), pod(container()))
    assert sorted(str(a.value("pod.host_namespaces")) for a in estate.assets) == ["('pid',)", "()"]
    assert len({a.id for a in estate.assets}) == 2


def test_what_a_dump_leaves_out_is_unknown(tmp_path: Path) -> None:
    """A dump without any network policy does not prove that there is none; manifests do."""
    listed = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}],
        }
    )
    assert isinstance(by_address(read(tmp_path / "a", listed))["Namespace/n"].value("ns.policies"), Unknown)
    assert by_address(read(tmp_path / "b", namespace("n")))["Namespace/n"].value("ns.policies") is False


def test_an_absence_beside_a_gap_is_unknown(tmp_path: Path) -> None:
    """A policy may stand in the document that could not be read."""
    estate = read(tmp_path, namespace() + "---\napiVersion: v1\nkind: [\n")
    assert isinstance(by_address(estate)["Namespace/ns"].value("ns.policies"), Unknown)


def test_nothing_is_never_clean(tmp_path: Path) -> None:
    """A path that holds no object at all is an error, not an empty estate."""
    (tmp_path / "x.yaml").write_text("a: 1\n")
    for target, error in ((tmp_path, Unreadable), (tmp_path / "x.yaml", Malformed), (tmp_path / "none", Unreadable)):
        with pytest.raises(error):
            COLLECTOR.collect(Request(f"k8s:{target}", str(target), NOW))


def test_a_bare_path_is_recognised(tmp_path: Path) -> None:
    """A manifest and a folder of them are known by sight, other text is not."""
    (tmp_path / "a.yaml").write_text(pod(container()))
    head = (tmp_path / "a.yaml").read_bytes()
    assert COLLECTOR.recognises(Peek(tmp_path / "a.yaml", False, head, ())) > 50
    assert COLLECTOR.recognises(Peek(tmp_path, True, b"", ("a.yaml",))) > 50
    assert COLLECTOR.recognises(Peek(tmp_path / "a.tf", False, b'resource "x" "y" {}', ())) == 0
