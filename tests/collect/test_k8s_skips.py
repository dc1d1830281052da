"""Skips beside Kubernetes objects: comments of YAML and annotations, each for its own object."""

import json
from pathlib import Path

from kubernetes_objects import NOW, by_address, container, namespace, pod, read
from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.exceptions import skips_of
from strongroom.assess.judge import assess
from strongroom.collect.kubernetes import beside
from strongroom.model.codes import ExceptionState, GapCode, Status
from strongroom.model.estate import Asset
from strongroom.model.values import Where

TEXT = """# strongroom:skip=net.a.above:directly above
apiVersion: v1
kind: ConfigMap
metadata:
  name: a # strongroom:skip=net.a.trailing:on a line of it
  namespace: n
data:
  # strongroom:skip=net.a.inner:in a block of it
  script: |  # strongroom:skip=net.a.head:beside the head of a text
    # strongroom:skip=net.a.script:what a machine runs is no comment
    true
  quoted: "# strongroom:skip=net.a.quoted:in a text"
  folded: 'one
    two # strongroom:skip=net.a.folded:in a text of several lines
    # strongroom:skip=net.a.last:on its last line' # strongroom:skip=net.a.behind:behind it
# strongroom:skip=net.a.trail:behind the last line of one and above the mark
---
# strongroom:skip=net.b.far:an empty line below

# first
# strongroom:skip=net.b.above:in a comment of several lines
# last
apiVersion: v1
kind: Node
metadata: {name: b}
"""


def said(asset: Asset) -> list[str]:
    """The checks that the asset asks to have skipped."""
    return [s.check for s in asset.skips]


def test_a_comment_belongs_to_its_object(tmp_path: Path) -> None:
    """On its lines or directly above; never from within a text, from behind, or over an empty line or another document."""
    found = by_address(read(tmp_path, TEXT))
    assert said(found["n/ConfigMap/a"]) == ["net.a.above", "net.a.trailing", "net.a.inner", "net.a.head"]
    assert said(found["Node/b"]) == ["net.b.above"]
    assert found["n/ConfigMap/a"].skips[1].where == Where(f"{tmp_path}/0.yaml", 5, 5)
    assert found["Node/b"].skips[0].reason == "in a comment of several lines"


def test_an_element_of_a_list_has_its_own_comments(tmp_path: Path) -> None:
    """A comment above an element is that element's, though the one before it ends only where the next begins."""
    text = "apiVersion: v1\nkind: List\nitems:\n# strongroom:skip=net.a.x:one\n- apiVersion: v1\n  kind: Node\n  metadata: {name: a}\n# strongroom:skip=net.b.x:two\n- {apiVersion: v1, kind: Node, metadata: {name: b}} # strongroom:skip=net.b.y:three\n"
    found = by_address(read(tmp_path, text))
    assert said(found["Node/a"]) == ["net.a.x"]
    assert said(found["Node/b"]) == ["net.b.x", "net.b.y"]


def test_a_rendered_chart_keeps_what_its_templates_say(tmp_path: Path) -> None:
    """What helm writes above a document stands between the comment and the mark, and takes nothing away."""
    text = f"---\n# Source: c/templates/a.yaml\n# strongroom:skip=net.a.x:why\n{namespace('a')}---\n# Source: c/templates/b.yaml\n{namespace('b')}"
    found = by_address(read(tmp_path, text))
    assert (said(found["Namespace/a"]), said(found["Namespace/b"])) == (["net.a.x"], [])


def test_annotations_are_skips_too(tmp_path: Path) -> None:
    """In JSON, which has no comments, and in a pod's template, whose annotations are those of its workload."""
    notes = {
        "strongroom.dev/skip.net.a.x": " its reason ",
        "strongroom.dev/skip.net.a.y": 7,
        "strongroom.dev/skip.": "x",
    }
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "annotations": notes}}
    template = {"metadata": {"annotations": {"strongroom.dev/skip.net.a.z": "of its pods"}}, "spec": {"containers": []}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": template}}
    found = by_address(read(tmp_path, json.dumps({"apiVersion": "v1", "kind": "List", "items": [node, job]})))
    assert [(s.check, s.reason) for s in found["Node/a"].skips] == [("net.a.x", "its reason"), ("net.a.y", "")]
    assert [(s.check, s.reason) for s in found["default/Job/j"].skips] == [("net.a.z", "of its pods")]


def test_pods_do_not_repeat_the_skips_of_their_maker(tmp_path: Path) -> None:
    """A pod like its owner's template is told once; one that was changed speaks, and asks, for itself."""
    note = "annotations: {strongroom.dev/skip.net.a.x: why}"
    owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, controller: true}]"
    maker = f"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: r, namespace: ns}}\nspec: {{template: {{metadata: {{{note}}}, spec: {{containers: [{{name: c, image: 'serve:1'}}]}}}}}}\n"
    same = pod(container(), name="same").replace("labels:", f"{owner}, {note}, labels:")
    other = pod("  hostPID: true\n" + container(), name="other").replace("labels:", f"{owner}, {note}, labels:")
    estate = read(tmp_path, maker, same, other)
    assert sorted(s.address for s in skips_of(estate.assets)) == ["ns/Pod/other", "ns/ReplicaSet/r"]


def test_a_comment_that_hides_its_line_is_not_heard(tmp_path: Path) -> None:
    """Characters that break lines for YAML only would let a comment stand where no reader sees it."""
    for odd in ("\u2028", "\u2029", "\x85", "\r"):
        text = f"# note{odd}# strongroom:skip=net.a.x:why\n{namespace('a')}"
        assert said(by_address(read(tmp_path, text))["Namespace/a"]) == []
    assert said(
        by_address(read(tmp_path / "crlf", ("# strongroom:skip=net.a.x:w\n" + namespace("a")).replace("\n", "\r\n")))[
            "Namespace/a"
        ]
    )


def test_a_flood_of_comments_is_bounded(tmp_path: Path) -> None:
    """Ten megabytes of comments cost little; more skips than anybody needs are a gap, and those after it not heard."""
    noise = "# x\n" * 2_500_000
    text = f"{noise}# strongroom:skip=net.a.x:why\n{namespace('a')}---\n{namespace('b')}"
    estate = read(tmp_path / "a", text)
    assert said(by_address(estate)["Namespace/a"]) == ["net.a.x"]
    many = "# strongroom:skip=net.a.x:why\n" * (beside.MOST + 1) + namespace("a")
    estate = read(tmp_path / "b", many)
    assert [g.code for g in estate.gaps] == [GapCode.TOO_LARGE]
    assert by_address(estate)["Namespace/a"].skips == ()
    assert estate.seen_at == NOW
    long = f"# strongroom:skip=net.a.x:{'y' * beside.LONGEST}\n{namespace('a')}"
    assert said(by_address(read(tmp_path / "c", long))["Namespace/a"]) == []


def test_a_broken_document_says_so_once(tmp_path: Path) -> None:
    """Looking for comments in a document that does not parse adds no second gap."""
    estate = read(tmp_path, f"{namespace('a')}---\napiVersion: v1\nkind: [ # strongroom:skip=net.a.x:why\n")
    assert [g.code for g in estate.gaps] == [GapCode.MALFORMED]
    assert said(by_address(estate)["Namespace/a"]) == []


def test_a_skip_is_worth_what_the_configuration_says(tmp_path: Path) -> None:
    """A finding that a comment or an annotation names is accepted and listed; a critical one stays open."""
    critical = "gpu.workload.no-unrequested-device"
    path = "  volumes: [{name: d, hostPath: {path: /dev/nvidia0}}]\n"
    text = f"# strongroom:skip={critical}:it measures the cards\n{pod(path + container())}"
    read(tmp_path, text, namespace())
    found = assess(gather([f"k8s:{tmp_path}"], NOW), catalogue(), NOW)
    status = {(f.check, f.asset): f.status for f in found.findings}
    assert status[critical, "k8s:ns/core/Pod/p"] is Status.FAIL
    assert [n.state for n in found.exception_notes] == [ExceptionState.UNAPPROVED]
    open_ones = [f.check for f in found.findings if f.asset == "k8s:ns/core/Pod/p" and f.status is Status.FAIL]
    check = next(c for c in open_ones if c != critical)
    read(tmp_path, text.replace(critical, check), namespace())
    found = assess(gather([f"k8s:{tmp_path}"], NOW), catalogue(), NOW)
    status = {(f.check, f.asset): f.status for f in found.findings}
    assert status[check, "k8s:ns/core/Pod/p"] is Status.ACCEPTED
