"""Kubernetes objects that Terraform applies."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.collect.sources.tf import COLLECTOR
from strongroom.model.codes import GapCode
from strongroom.model.estate import Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request
from strongroom.model.values import Unknown

DAEMON = """apiVersion: apps/v1
kind: DaemonSet
metadata: {name: monitor, namespace: kube-system}
spec:
  template:
    spec:
      containers:
        - {name: m, image: "registry.example/m:1", securityContext: {privileged: true}}
"""
APPLIED = 'resource "kubectl_manifest" "m" {\n  yaml_body = file("${path.module}/m.yaml")\n}\n'


def read(folder: Path, text: str, manifest: str = DAEMON) -> Estate:
    """The estate of one file of configuration beside one manifest."""
    (folder / "main.tf").write_text(text, encoding="utf-8")
    (folder / "m.yaml").write_text(manifest, encoding="utf-8")
    return COLLECTOR.collect(Request(f"tf:{folder}", str(folder), datetime(2026, 1, 2, tzinfo=UTC)))


def test_a_manifest_beside_the_configuration_is_judged_where_it_is_applied(tmp_path: Path) -> None:
    """The object is an asset like any other of the cluster, at the lines of the block that applies it."""
    (found,) = (a for a in read(tmp_path, "\n" + APPLIED).assets if a.kind is Kind.WORKLOAD)
    assert found.address == "kube-system/DaemonSet/monitor"
    assert found.where is not None
    assert (Path(found.where.file).name, found.where.line_start, found.where.line_end) == ("main.tf", 2, 4)
    assert found.value("pod.privileged") == ("m",)
    assert found.value("net.policy_ingress") is False


def test_a_manifest_written_as_a_map_is_judged_too(tmp_path: Path) -> None:
    """`kubernetes_manifest` takes the object as a map."""
    text = """
    resource "kubernetes_manifest" "n" {
      manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "models" } }
    }
    """
    assert [a.address for a in read(tmp_path, text).assets if a.kind is Kind.NAMESPACE] == ["Namespace/models"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("var.lost", GapCode.UNDECIDED),
        ('"kind: [\\n"', GapCode.MALFORMED),
        ('"a: 1\\na: 2\\n"', GapCode.DUPLICATE_KEY),
        ("var.secret", GapCode.UNDECIDED),
    ],
)
def test_a_manifest_that_cannot_be_judged_is_a_gap(tmp_path: Path, body: str, code: GapCode) -> None:
    """What the cluster gets and nobody could read is said, and not left out."""
    text = (
        'variable "lost" {}\nvariable "secret" {\n  sensitive = true\n  default = "kind: Secret # c4n4ry"\n}\n'
        f'resource "kubectl_manifest" "m" {{\n  yaml_body = {body}\n}}\n'
    )
    (gap,) = read(tmp_path, text).gaps
    assert (gap.scope, gap.code) == ("kubectl_manifest.m", code)
    assert "c4n4ry" not in gap.detail


@pytest.mark.parametrize(
    "other",
    [
        'resource "helm_release" "h" {\n  chart = "c"\n}\n',
        'resource "kubernetes_network_policy_v1" "p" {\n}\n',
        'module "far" {\n  source = "example/far/aws"\n}\n',
    ],
    ids=["a chart", "a typed object", "an unfetched module"],
)
def test_what_other_blocks_may_apply_is_not_taken_as_absent(tmp_path: Path, other: str) -> None:
    """A network policy may come from a chart, a typed block or a module: its absence is then not known."""
    (found,) = (a for a in read(tmp_path, APPLIED + other).assets if a.kind is Kind.WORKLOAD)
    assert isinstance(found.value("net.policy_ingress"), Unknown)
