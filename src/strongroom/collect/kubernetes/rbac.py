"""What RBAC rules allow, as powers that have a name: those that lead to secrets, to other identities or to the node."""

import json
from collections.abc import Iterable, Iterator

from strongroom.collect.kubernetes.trees import Tree, at, pairs, text_at, texts_at, trees_at

# Kubernetes, "RBAC Good Practices", "Privilege escalation risks": (power, verbs, group, resource).
_POWERS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("read secrets", ("get", "list", "watch"), "", "secrets"),
    ("run a command in pods", ("create", "get"), "", "pods/exec"),
    ("attach to pods", ("create", "get"), "", "pods/attach"),
    ("forward ports of pods", ("create", "get"), "", "pods/portforward"),
    ("add debug containers", ("update", "patch"), "", "pods/ephemeralcontainers"),
    ("create pods", ("create",), "", "pods"),
    ("create workloads", ("create", "update", "patch"), "apps", "deployments"),
    ("create workloads", ("create", "update", "patch"), "apps", "daemonsets"),
    ("create workloads", ("create", "update", "patch"), "apps", "statefulsets"),
    ("create workloads", ("create", "update", "patch"), "batch", "jobs"),
    ("create workloads", ("create", "update", "patch"), "batch", "cronjobs"),
    ("impersonate", ("impersonate",), "", "users"),
    ("impersonate", ("impersonate",), "", "groups"),
    ("impersonate", ("impersonate",), "", "serviceaccounts"),
    ("escalate roles", ("escalate",), "rbac.authorization.k8s.io", "roles"),
    ("escalate roles", ("escalate",), "rbac.authorization.k8s.io", "clusterroles"),
    ("bind roles", ("bind",), "rbac.authorization.k8s.io", "roles"),
    ("bind roles", ("bind",), "rbac.authorization.k8s.io", "clusterroles"),
    ("make tokens", ("create",), "", "serviceaccounts/token"),
    ("use the kubelet", ("get", "create"), "", "nodes/proxy"),
    ("change nodes", ("update", "patch"), "", "nodes"),
    ("create volumes", ("create",), "", "persistentvolumes"),
    ("approve certificates", ("update", "patch"), "certificates.k8s.io", "certificatesigningrequests/approval"),
    (
        "change admission",
        ("create", "update", "patch", "delete"),
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "change admission",
        ("create", "update", "patch", "delete"),
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    (
        "change admission",
        ("create", "update", "patch", "delete"),
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ),
    ("change namespaces", ("update", "patch"), "", "namespaces"),
    ("change device settings", ("create", "update", "patch"), "nvidia.com", "clusterpolicies"),
)
ALL = "everything"
# Kubernetes, "Using RBAC Authorization", "User-facing roles": what the roles that every cluster has allow.
BUILT_IN: dict[str, tuple[str, ...]] = {
    "cluster-admin": (ALL,),
    "admin": (
        "read secrets",
        "run a command in pods",
        "attach to pods",
        "forward ports of pods",
        "create pods",
        "create workloads",
        "impersonate",
        "make tokens",
    ),
    "edit": (
        "read secrets",
        "run a command in pods",
        "attach to pods",
        "forward ports of pods",
        "create pods",
        "create workloads",
        "impersonate",
        "make tokens",
    ),
    "view": (),
}
ANYBODY = ("system:anonymous", "system:unauthenticated")


def powers(rules: Iterable[Tree]) -> tuple[str, ...]:
    """The named powers that rules give; `everything` stands alone."""
    found = list(dict.fromkeys(p for rule in rules for p in _of(rule)))
    return (ALL,) if ALL in found else tuple(found)


def _of(rule: Tree) -> Iterator[str]:
    verbs, groups = set(texts_at(rule, "verbs")), set(texts_at(rule, "apiGroups"))
    resources = set(texts_at(rule, "resources"))
    if "*" in verbs and "*" in groups and "*" in resources:
        yield ALL
        return
    if texts_at(rule, "resourceNames") and not verbs & {"*", "impersonate", "escalate", "bind"}:
        return  # a right over things that are named one by one
    for power, wanted, group, resource in _POWERS:
        if not verbs.intersection(("*", *wanted)) or not groups & {"*", group}:
            continue
        base, _, sub = resource.partition("/")
        if resource in resources or "*" in resources or (sub and (f"{base}/*" in resources or f"*/{sub}" in resources)):
            yield power


def wildcards(rules: Iterable[Tree]) -> tuple[str, ...]:
    """The rules that say `*` where verbs or resources should be named, as phrases."""
    found = []
    for rule in rules:
        verbs, resources = texts_at(rule, "verbs"), texts_at(rule, "resources")
        if "*" in verbs and resources:
            found.append(f"every verb on {', '.join(resources)}")
        elif "*" in resources:
            found.append(
                f"{', '.join(verbs)} on every resource of {', '.join(g or 'the core' for g in texts_at(rule, 'apiGroups'))}"
            )
    return tuple(dict.fromkeys(found))


def written(rules: Iterable[Tree]) -> tuple[str, ...]:
    """The rules themselves, each as JSON: verbs, groups, resources and names, for what is put together from many."""
    keys = ("verbs", "apiGroups", "resources", "resourceNames")
    return tuple(
        json.dumps({k: found for k in keys if (found := texts_at(rule, k))}, sort_keys=True)
        for rule in rules
        if not texts_at(rule, "nonResourceURLs")
    )


def aggregates(obj: Tree) -> tuple[str, ...]:
    """The labels by which a role takes in the rules of others, as `a=b,c=d`; `?` for a selector of another form."""
    out = []
    for selector in trees_at(obj, "aggregationRule", "clusterRoleSelectors"):
        labels = pairs(at(selector, "matchLabels"))
        plain = labels and not trees_at(selector, "matchExpressions")
        out.append(",".join(f"{k}={v}" for k, v in sorted(labels.items())) if plain else "?")
    return tuple(out)


def subjects(obj: Tree, namespace: str) -> tuple[str, ...]:
    """Who a binding is for, as `Kind name`; a service account with its namespace."""
    found = []
    for subject in trees_at(obj, "subjects"):
        kind, name = text_at(subject, "kind"), text_at(subject, "name")
        if kind == "ServiceAccount":
            name = f"{text_at(subject, 'namespace') or namespace or 'default'}/{name}"
        found.append(f"{kind} {name}")
    return tuple(found)


# The annotations by which a service account gets an identity of the cloud: EKS User Guide, "IAM roles for service
# accounts"; Google Cloud, "Workload Identity Federation for GKE"; AKS, "Workload identity".
_CLOUD = ("eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id")


def cloud_identity(obj: Tree) -> str:
    """The identity of the cloud that a service account's pods get; empty for none."""
    notes = at(obj, "metadata", "annotations")
    return next((found for name in _CLOUD if isinstance(notes, dict) and (found := text_at(notes, name))), "")


def standard(obj: Tree) -> bool:
    """Whether Kubernetes itself makes the role or binding and keeps it as it is."""
    return text_at(at(obj, "metadata", "labels"), "kubernetes.io/bootstrapping") == "rbac-defaults"
