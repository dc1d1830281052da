"""`strongroom assess reach`, as a user meets it."""

import json
from pathlib import Path

import pytest
from in_process import run

CLUSTER = """apiVersion: v1
kind: Pod
metadata: {name: a, namespace: n, labels: {app: a}}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: n, labels: {app: b}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-b, namespace: n}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: b}}}]
    ports: [{port: 80}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cluster of two pods and a policy."""
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster/all.yaml").write_text(CLUSTER, encoding="utf-8")
    return tmp_path


def test_lines_are_the_default_and_a_format(folder: Path) -> None:
    """Without an asset the connectivity is told in lines, and what is taken for granted is said beside them."""
    found = run("assess", "reach", "k8s:cluster", cwd=folder)
    assert found.returncode == 0
    assert found.stdout.splitlines() == [
        "0.0.0.0-255.255.255.255[External] => n/b[Pod] : All Connections",
        "n/b[Pod] => 0.0.0.0-255.255.255.255[External] : All Connections",
        "n/b[Pod] => n/a[Pod] : TCP 80",
    ]
    assert "policies are taken as enforced" in found.stderr
    assert run("assess", "reach", "k8s:cluster", "--format", "connlist", cwd=folder).stdout == found.stdout
    assert run("assess", "reach", "k8s:cluster", "--policies", "enforced", cwd=folder).stderr == ""


def test_policies_can_be_left_out(folder: Path) -> None:
    """Where the network enforces none, everything passes."""
    found = run("assess", "reach", "k8s:cluster", "--policies", "ignored", cwd=folder)
    assert "n/a[Pod] => n/b[Pod] : All Connections" in found.stdout
    assert "enforces no policies" in found.stderr


def test_lines_of_one_asset(folder: Path) -> None:
    """With an asset, the list has only what it sends or gets."""
    found = run("assess", "reach", "k8s:cluster", "n/a[Pod]", "--format", "connlist", cwd=folder)
    assert found.stdout == "n/b[Pod] => n/a[Pod] : TCP 80\n"


def test_connections_as_json(folder: Path) -> None:
    """Each connection has its ends, its ports and what decided it."""
    document = json.loads(run("assess", "reach", "k8s:cluster", "--format", "json", cwd=folder).stdout)
    assert document["schema"] == "strongroom.reach/1"
    (one,) = [c for c in document["connections"] if c["dst"] == "n/a[Pod]"]
    assert (one["src"], one["traffic"]) == ("n/b[Pod]", "TCP 80")
    assert [(w["direction"], w["by"], w["says"]) for w in one["witness"]] == [
        ("egress", "no policy", "allows"),
        ("ingress", "NetworkPolicy n/only-b", "allows"),
        ("ingress", "NetworkPolicy n/only-b", "selects"),
    ]


def test_an_asset_and_the_internet(folder: Path) -> None:
    """The answer is true, false or unknown in both directions, with the witness; an unknown one ends with 3."""
    words = ("assess", "reach", "k8s:cluster", "n/Pod/a")
    known = run(*words, "--policies", "enforced", "--format", "json", cwd=folder)
    assert known.returncode == 0
    found = json.loads(known.stdout)
    assert (found["ingress_from_internet"], found["egress_to_internet"]) == (False, False)
    assert found["because"] == {}
    assert {"direction": "egress", "by": "NetworkPolicy n/only-b", "says": "selects"}.items() <= found["witness"][
        1
    ].items()
    open_ = run(*words, "--format", "json", cwd=folder)
    assert open_.returncode == 3
    assert json.loads(open_.stdout)["egress_to_internet"] == "unknown"
    assert "--policies" in json.loads(open_.stdout)["because"]["egress_to_internet"]
    text = run(*words, cwd=folder)
    assert text.stdout.splitlines()[:2] == ["n/a[Pod]", "  ingress from the internet: no"]
    assert "    NetworkPolicy n/only-b selects (cluster/all.yaml:9)" in text.stdout.splitlines()


def test_what_cannot_be_read_is_said(folder: Path) -> None:
    """A broken policy is named, the lines are of the rest, and the exit code says that this is not all."""
    (folder / "cluster/broken.yaml").write_text(
        CLUSTER.split("---")[2].replace("port: 80", "port: 0"), encoding="utf-8"
    )
    found = run("assess", "reach", "k8s:cluster", cwd=folder)
    assert found.returncode == 3
    assert "ports 0 to 0" in found.stderr
    assert "n/b[Pod] => n/a[Pod] : TCP 80" in found.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("k8s:cluster", "nobody"), "wanted the address of one of 3 assets"),
        (("k8s:nothing",), "no such file"),
        (("tf:cluster", "--format", "connlist"), "whose connectivity is not drawn"),
        (("k8s:cluster", "--format", "table"), "'table' is not one of"),
        ((), "Missing argument 'SOURCE'"),
    ],
)
def test_bad_words_are_answered(folder: Path, words: tuple[str, ...], said: str) -> None:
    """What cannot be answered says what was found and wanted, and ends with 2."""
    found = run("assess", "reach", *words, cwd=folder)
    assert found.returncode == 2
    assert said in found.stderr
    assert found.stdout == ""


def test_a_source_without_anything_to_answer_for_says_so(folder: Path) -> None:
    """Where no part answers for any asset, nothing is printed and the exit code says unknown."""
    (folder / "t").mkdir()
    (folder / "t/main.tf").write_text('resource "random_id" "i" {\n byte_length = 8\n}\n', encoding="utf-8")
    found = run("assess", "reach", "tf:t", cwd=folder)
    assert (found.returncode, found.stdout) == (3, "")
    assert "nothing in tf:t has a provider" in found.stderr


def test_a_source_of_that_name_is_a_path(folder: Path) -> None:
    """The word is a question, and `./reach` a source to assess."""
    (folder / "reach").mkdir()
    (folder / "reach/all.yaml").write_text(CLUSTER, encoding="utf-8")
    found = run("assess", "./reach", "--no-snapshot", "--format", "jsonl", "--fail-on", "never", cwd=folder)
    assert found.returncode in (0, 3)
    assert '"n/Pod/a"' in found.stdout
