"""ValidatingWebhookConfiguration: what has the API server ask `serve admission`."""

import base64

import yaml

from strongroom.isolate.rule import sensitive_labels
from strongroom.isolate.targets import _cel
from strongroom.model.isolate import SENSITIVITY, Document, Rendering, Rule, Target

_NAMESPACE, _SERVICE = "strongroom", "strongroom-admission"
_OPERATIONS = ["CREATE", "UPDATE"]
_NAMESPACED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("pods", "pods/binding", "bindings", "pods/ephemeralcontainers", "pods/resize", "podtemplates", "replicationcontrollers")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
    ("resource.k8s.io", ("resourceclaims", "resourceclaims/status", "resourceclaimtemplates")),
    ("kubevirt.io", ("virtualmachines", "virtualmachineinstances", "virtualmachineinstancereplicasets")),
    ("pool.kubevirt.io", ("virtualmachinepools",)),
)  # fmt: skip
_SOURCES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("namespaces", "serviceaccounts")),
    ("resource.k8s.io", ("deviceclasses",)),
)


def _rules(found: tuple[tuple[str, tuple[str, ...]], ...]) -> list[dict[str, object]]:
    return [
        {"apiGroups": [g], "apiVersions": ["*"], "operations": _OPERATIONS, "resources": list(names)}
        for g, names in found
    ]


def _in(key: str, operator: str, values: list[str]) -> dict[str, object]:
    return {"key": key, "operator": operator, "values": values}


def _hooks(rule: Rule) -> list[dict[str, object]]:
    """Who is asked what, and what happens while nobody answers.

    A sensitive tenant waits until somebody does; everybody else goes on, held by the policies that need no service. The
    namespaces are told apart by a label of the same name as the annotation, since a selector sees no annotation; whoever
    changes one of the two without the other changes only what happens while the service is down.
    """
    name, key = "kubernetes.io/metadata.name", f"{rule.prefix}/{SENSITIVITY}"
    quiet = sorted({*rule.exempt_namespaces, _NAMESPACE})
    sensitive = sensitive_labels(rule)
    prefixes = (f"{rule.prefix}/", "nvidia.com/")
    changed = " || ".join(f"!{_cel.same('labels', p)}" for p in prefixes)
    taints = "object.?spec.?taints.orValue([]) != (oldObject == null ? [] : oldObject.?spec.?taints.orValue([]))"
    return [
        {"name": "sensitive", "rules": _rules(_NAMESPACED), "failurePolicy": "Fail",
         "namespaceSelector": {"matchExpressions": [_in(key, "In", list(sensitive)), _in(name, "NotIn", quiet)]}},
        {"name": "others", "rules": _rules(_NAMESPACED), "failurePolicy": "Ignore",
         "namespaceSelector": {"matchExpressions": [_in(key, "NotIn", list(sensitive)), _in(name, "NotIn", quiet)]}},
        {"name": "exempt", "rules": _rules(_NAMESPACED), "failurePolicy": "Ignore",
         "namespaceSelector": {"matchExpressions": [_in(name, "In", quiet)]}},
        {"name": "sources", "rules": _rules(_SOURCES), "failurePolicy": "Fail"},
        {"name": "plugin-config", "rules": _rules((("", ("configmaps",)),)), "failurePolicy": "Fail",
         "matchConditions": [{"name": "the-plugin", "expression":
                              "request.namespace == 'gpu-operator' && request.name == 'device-plugin-config'"}]},
        {"name": "nodes", "rules": _rules((("", ("nodes", "nodes/status")),)), "failurePolicy": "Fail",
         "matchConditions": [{"name": "not-a-heartbeat", "expression": f"{changed} || {taints}"}]},
    ]  # fmt: skip


def _render(what: Rendering) -> tuple[Document, ...]:
    client: dict[str, object] = (
        {"url": what.url}
        if what.url
        else {"service": {"namespace": _NAMESPACE, "name": _SERVICE, "path": "/v1/admit", "port": 443}}
    )
    if what.ca:
        client["caBundle"] = base64.b64encode(what.ca.encode()).decode()
    hooks = [
        {
            **hook, "name": f"{hook['name']}.gpu-isolation.strongroom.dev", "clientConfig": client, "matchPolicy": "Equivalent",
            "sideEffects": "NoneOnDryRun", "timeoutSeconds": 5, "admissionReviewVersions": ["v1"],
        }
        for hook in _hooks(what.rule)
    ]  # fmt: skip
    made = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "gpu-isolation"},
        "webhooks": hooks,
    }
    return (Document("gpu-isolation-webhook.yaml", yaml.safe_dump(made, sort_keys=False, width=120)),)


TARGET = Target(
    "webhook",
    "ValidatingWebhookConfiguration for strongroom serve admission",
    "holds all of the rule but static pods, which no API server is asked about; isolate drift sees those",
    _render,
)
