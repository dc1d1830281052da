"""Admission: what is refused when nobody answers, what it looks at, and who gets around it."""

from collections.abc import Iterable, Iterator

from strongroom.collect.kubernetes.trees import Tree, at, text_at, texts_at, tree_at, trees_at
from strongroom.model.values import Value

Said = tuple[str, Value]
# What makes pods, or gives devices to them.
_PLACING = frozenset(
    (
        "pods",
        "pods/binding",
        "pods/ephemeralcontainers",
        "pods/resize",
        "bindings",
        "deployments",
        "daemonsets",
        "statefulsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "resourceclaims",
        "resourceclaimtemplates",
    )
)
_GROUPS = frozenset(("", "apps", "batch", "resource.k8s.io", "*"))
_MAKING = frozenset(("CREATE", "*"))


def _covers(rules: Iterable[Tree]) -> tuple[str, ...]:
    """What of these rules places work: resources by name, `*` for all of them."""
    found = []
    for rule in rules:
        resources, groups = texts_at(rule, "resources"), texts_at(rule, "apiGroups")
        if _MAKING.intersection(texts_at(rule, "operations")) and _GROUPS.intersection(groups):
            found += [r for r in resources if r in _PLACING or r in ("*", "*/*", "pods/*")]
    return tuple(dict.fromkeys(found))


def _evadable(selector: Tree) -> bool:
    """Whether an object gets past a selector by a label of its own: by carrying one, or by carrying none."""
    return bool(tree_at(selector, "matchLabels") or trees_at(selector, "matchExpressions"))


def webhooks(obj: Tree) -> Iterator[Said]:
    """Facts of a configuration of validating webhooks, where some of them judge what places work."""
    # API reference: failurePolicy defaults to Fail in v1, and did to Ignore in v1beta1.
    default = "Ignore" if text_at(obj, "apiVersion").endswith("v1beta1") else "Fail"
    hooks = [(h, _covers(trees_at(h, "rules"))) for h in trees_at(obj, "webhooks")]
    placing = [(h, covered) for h, covered in hooks if covered]
    if not placing:
        return
    yield "admission.covers", tuple(dict.fromkeys(c for _, covered in placing for c in covered))
    yield (
        "admission.fails_open",
        tuple(text_at(h, "name") for h, _ in placing if (text_at(h, "failurePolicy") or default) == "Ignore"),
    )
    yield (
        "admission.evaded_by",
        tuple(text_at(h, "name") for h, _ in placing if _evadable(tree_at(h, "objectSelector"))),
    )


def policy(obj: Tree) -> Iterator[Said]:
    """Facts of a ValidatingAdmissionPolicy, where it judges what places work."""
    constraints = tree_at(obj, "spec", "matchConstraints")
    covered = _covers(trees_at(constraints, "resourceRules"))
    if not covered:
        return
    name = text_at(obj, "metadata", "name")
    yield "admission.covers", covered
    open_ = text_at(obj, "spec", "failurePolicy") == "Ignore"
    yield "admission.fails_open", (name,) if open_ else ()
    yield "admission.evaded_by", (name,) if _evadable(tree_at(constraints, "objectSelector")) else ()


def binding(obj: Tree) -> tuple[str, bool]:
    """The policy that a ValidatingAdmissionPolicyBinding puts in force, and whether what breaks it is refused."""
    return text_at(obj, "spec", "policyName"), "Deny" in texts_at(obj, "spec", "validationActions")


def quotas(obj: Tree) -> tuple[str, ...]:
    """The accelerators that a ResourceQuota bounds, as `name=quantity`."""
    hard = tree_at(obj, "spec", "hard")
    found = (f"{k}={text_at(hard, k)}" for k in hard if _is_device(k))
    # A quota for some of the pods only (by priority or quality of service) leaves the others without a bound.
    scoped = bool(at(obj, "spec", "scopes") or at(obj, "spec", "scopeSelector"))
    return () if scoped else tuple(sorted(found))


def _is_device(key: str) -> bool:
    name = key.removeprefix("requests.").removeprefix("limits.")
    return name.startswith(("nvidia.com/", "amd.com/gpu", "gpu.intel.com/", "habana.ai/", "aws.amazon.com/neuron")) or (
        key.endswith((".deviceclass.resource.k8s.io/devices", ".deviceclass.resource.kubernetes.io/devices"))
    )
