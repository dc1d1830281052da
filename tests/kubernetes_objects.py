"""Kubernetes objects for tests: written as YAML text, read by the source itself."""

from datetime import UTC, datetime
from pathlib import Path

from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.collect.sources.k8s import COLLECTOR
from strongroom.model.codes import Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Request

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def read(folder: Path, *texts: str, limits: Limits | None = None) -> Estate:
    """What the source shows of a folder with these texts, one file each: JSON where a text begins so, else YAML."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        suffix = "json" if text.lstrip()[:1] in "{[" else "yaml"
        (folder / f"{number}.{suffix}").write_text(text, encoding="utf-8")
    return COLLECTOR.collect(Request(f"k8s:{folder}", str(folder), NOW, limits or Limits()))


def by_address(estate: Estate) -> dict[str, Asset]:
    """The assets by what people call them."""
    return {a.address: a for a in estate.assets}


def answers(folder: Path, *texts: str) -> dict[tuple[str, str], Status]:
    """What every check says of every object of these texts, by check and address."""
    read(folder, *texts)
    estate = gather([f"k8s:{folder}"], NOW)
    names = {a.id: a.address for a in estate.assets}
    return {(f.check, names[f.asset]): f.status for f in findings(estate.assets, catalogue().checks.values(), NOW)}


def pod(spec: str, name: str = "p", namespace: str = "ns", labels: str = "{app: p}") -> str:
    """A pod; `spec` is indented by two."""
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\nspec:\n{spec}\n"


def container(more: str = "", image: str = "serve:1") -> str:
    """The spec of a pod with one container; `more` is flow style, as `securityContext: {privileged: true}`."""
    return f"  containers: [{{name: c, image: '{image}'{', ' + more if more else ''}}}]"


def namespace(name: str = "ns", tenant: str = "", sensitivity: str = "", labels: str = "{}") -> str:
    """A namespace, annotated where something is given."""
    notes = ""
    if tenant:
        notes += f"    isolation.example.org/tenant: {tenant}\n"
    if sensitivity:
        notes += f"    isolation.example.org/sensitivity: {sensitivity}\n"
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {labels}\n" + (
        f"  annotations:\n{notes}" if notes else ""
    )


def node(labels: str, taints: str = "[]", name: str = "g") -> str:
    """A node with eight accelerators."""
    return (
        f"apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {labels}}}\nspec: {{taints: {taints}}}\n"
        "status: {allocatable: {nvidia.com/gpu: '8'}, nodeInfo: {kubeletVersion: v1.34.1}}\n"
    )
