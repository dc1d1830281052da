"""Whether pods run where the operator of the node cannot read their memory."""

from collections.abc import Iterable, Iterator, Mapping

from strongroom.collect.kubernetes.trees import Tree, at, pairs, text_at, texts_at, trees_at

BY_NODE = "*"
# Runtimes of confidential containers by the technology in their name (confidential-containers, kata-deploy); those of
# AKS end in -cc and -cc-isolation. The ones for developers have no such machine below them.
_TECHNOLOGIES = ("snp", "tdx", "se", "cc", "cca", "coco", "confidential")
_STATE, _READY = "nvidia.com/cc.mode.state", "nvidia.com/cc.ready.state"
_GKE = "cloud.google.com/gke-confidential-nodes"


def placed(spec: Tree, *, gpu: bool) -> str:
    """`*` where the nodes that a pod selects are confidential, else the name of its runtime class, which may be empty."""
    if any(_demands(labels, gpu=gpu) for labels in _selected(spec)):
        return BY_NODE
    return text_at(spec, "runtimeClassName")


def _demands(labels: Mapping[str, str], *, gpu: bool) -> bool:
    # Ready is said in developer mode too; only both together are a GPU in confidential mode.
    if labels.get(_STATE) == "on" and labels.get(_READY) == "true":
        return True
    return labels.get(_GKE) == "true" and not (gpu and _STATE in labels)


def _selected(spec: Tree) -> Iterator[dict[str, str]]:
    """What the labels of the nodes must be: by the selector, and by required affinity where it has one term."""
    chosen = pairs(at(spec, "nodeSelector"))
    required = trees_at(
        spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"
    )
    if len(required) == 1:
        for one in trees_at(required[0], "matchExpressions"):
            values = texts_at(one, "values")
            if text_at(one, "operator") == "In" and len(values) == 1:
                chosen[text_at(one, "key")] = values[0]
    yield chosen


def is_confidential(handler: str) -> bool:
    """Whether a handler of the container runtime puts pods into confidential machines, by its name."""
    words = handler.lower().split("-")
    return words[0] == "kata" and "dev" not in words and any(w in _TECHNOLOGIES for w in words[1:])


def runtimes(names: Iterable[str], handlers: Mapping[str, str]) -> bool:
    """Whether all of these are confidential: nodes that are, or runtime classes by their handler, which the object of
    the class names; a name without an object counts as its handler.
    """
    return all(n == BY_NODE or is_confidential(handlers.get(n, n)) for n in names)
