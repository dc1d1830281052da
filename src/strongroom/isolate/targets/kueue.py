"""Kueue: a flavor for each rung and a queue for each sensitive label, so that quota is never lent below a label's rung."""

import yaml

from strongroom.isolate.rule import sensitive_labels
from strongroom.model.isolate import SENSITIVITY, Document, Rendering, Rule, Rung, Target

_VERSION = "kueue.x-k8s.io/v1beta1"


def _flavor(rule: Rule, rung: Rung) -> dict[str, object]:
    cc = next((r.cc for r in rule.require.values() if r.least is Rung.CC_WHOLE), {})
    labels = {f"{rule.prefix}/rung": rung.value}
    if rung is Rung.CC_WHOLE:
        labels |= {f"nvidia.com/{k}": v for k, v in cc.items()}
    return {
        "apiVersion": _VERSION,
        "kind": "ResourceFlavor",
        "metadata": {"name": f"gpu-{rung}"},
        "spec": {"nodeLabels": labels},
    }


def _queue(rule: Rule, label: str) -> dict[str, object]:
    least = rule.require[label].least
    flavors = [r for r in (Rung.CC_WHOLE, Rung.WHOLE, Rung.MIG) if r.depth <= least.depth]
    quota = [{"name": f"gpu-{rung}", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": 0}]} for rung in flavors]
    return {
        "apiVersion": _VERSION,
        "kind": "ClusterQueue",
        "metadata": {"name": f"gpu-{label}"},
        "spec": {
            # No cohort: what is lent to another queue would be beside another label.
            "namespaceSelector": {"matchLabels": {f"{rule.prefix}/{SENSITIVITY}": label}},
            "resourceGroups": [{"coveredResources": ["nvidia.com/gpu"], "flavors": quota}],
        },
    }


def _render(what: Rendering) -> tuple[Document, ...]:
    made = [_flavor(what.rule, rung) for rung in (Rung.CC_WHOLE, Rung.WHOLE, Rung.MIG)]
    made += [_queue(what.rule, label) for label in sensitive_labels(what.rule)]
    return (Document("gpu-isolation-kueue.yaml", yaml.safe_dump_all(made, sort_keys=False, width=120)),)


TARGET = Target(
    "kueue",
    "Kueue's flavors and queues by label",
    "steers queued jobs to the nodes of their rung; write your quotas in; it has not been run on Kueue",
    _render,
)
