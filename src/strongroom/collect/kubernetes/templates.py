"""Where the pods of an object are described: built-in kinds by name, everything else by shape."""

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.collect.kubernetes.trees import EMPTY, Tree, at, pairs, tree, tree_at, trees, trees_at

BUILT_IN = {
    "Pod": (),
    "PodTemplate": ("template",),
    "Deployment": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""The path to the pod template of each kind that Kubernetes itself runs."""
OF_KUBERNETES = ("", "apps", "batch", "extensions")
# Patterns for pods, schemas and copies of pods: what looks like a pod there is none.
NO_PODS = ("apiextensions.k8s.io", "kyverno.io", "templates.gatekeeper.sh", "constraints.gatekeeper.sh", "policy")
MOST_STEPS = 4000
DEEPEST = 9


@dataclass(frozen=True, slots=True)
class Template:
    """A description of pods: its spec, and the labels and annotations that its pods carry."""

    spec: Tree
    labels: dict[str, str]
    annotations: dict[str, str]


def group(version: str) -> str:
    """The group of an apiVersion; empty for the core."""
    return version.rpartition("/")[0]


def templates(obj: Tree, kind: str, version: str) -> tuple[Template, ...]:
    """Every description of pods in an object; none for what runs no pods."""
    if kind in BUILT_IN and group(version) in OF_KUBERNETES:
        return (_template(tree_at(obj, *BUILT_IN[kind])),)
    if group(version).endswith(NO_PODS) or group(version) in OF_KUBERNETES:
        return ()
    return tuple(_by_shape(tree_at(obj, "spec")))


def _template(found: Tree) -> Template:
    meta = tree_at(found, "metadata")
    return Template(tree_at(found, "spec"), pairs(at(meta, "labels")), pairs(at(meta, "annotations")))


def _by_shape(spec: Tree) -> Iterator[Template]:
    """Pod specs anywhere in the spec of a custom object: training jobs, Ray clusters, model servers, notebooks."""
    waiting: list[tuple[object, Tree, int]] = [(spec, EMPTY, 0)]
    steps = 0
    while waiting and steps < MOST_STEPS:
        value, around, depth = waiting.pop(0)
        steps += 1
        if isinstance(value, list):
            waiting += [(v, EMPTY, depth + 1) for v in value[:200] if isinstance(v, dict | list)]
        elif isinstance(value, dict):
            made = _pod_spec(value)
            if made is not None:
                meta = tree_at(around, "metadata") or tree_at(value, "metadata")
                yield Template(made, pairs(at(meta, "labels")), pairs(at(meta, "annotations")))
            elif depth < DEEPEST:
                waiting += [(v, tree(value), depth + 1) for v in value.values() if isinstance(v, dict | list)]


def _pod_spec(value: Tree) -> Tree | None:
    """The value when it is a pod spec. KServe's predictor names its one container `model`."""
    if any(isinstance(at(c, "image"), str) or isinstance(at(c, "name"), str) for c in trees_at(value, "containers")):
        return value
    model = tree_at(value, "model")
    if model and ("storageUri" in model or "modelFormat" in model):
        return {**value, "containers": [{"name": "model", **model}]}
    return None


def containers(spec: Tree) -> Iterator[tuple[str, Tree]]:
    """Every container of a pod with a name to call it by: init, ordinary and ephemeral."""
    for role, mark in (("containers", ""), ("initContainers", "init "), ("ephemeralContainers", "ephemeral ")):
        for number, container in enumerate(trees(at(spec, role))):
            name = at(container, "name")
            yield f"{mark}{name}" if isinstance(name, str) else f"{mark}container {number}", container
