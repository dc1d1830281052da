"""Labels and taints that the rule stands on: what an admin writes on namespaces and nodes, as commands to read first."""

from strongroom.isolate.rule import sensitive_labels
from strongroom.model.isolate import SENSITIVITY, TENANT, Document, Rendering, Rung, Target


def _render(what: Rendering) -> tuple[Document, ...]:
    rule = what.rule
    lines = [
        "#!/bin/sh",
        "# Write what the rule stands on. Read it, put your names in, and run it as one of the rule's admins:",
        f"# {', '.join(w for words in rule.admins.values() for w in words)}.",
        "set -eu",
        "",
        "# A namespace: its tenant and its label. The label of the same name is for selectors, which see no annotations.",
        ': "${NAMESPACE:?} ${TENANT:?} ${LABEL:?}"',
        f'case "$LABEL" in {"|".join(rule.labels)}) ;; *) echo "$LABEL is no label of the rule" >&2; exit 2 ;; esac',
        f'kubectl annotate --overwrite namespace "$NAMESPACE" {rule.prefix}/{TENANT}="$TENANT" {rule.prefix}/{SENSITIVITY}="$LABEL"',
        f'kubectl label --overwrite namespace "$NAMESPACE" {rule.prefix}/{SENSITIVITY}="$LABEL"',
        "",
        "# A node of one tenant: GPU pods of others are refused there.",
        'if [ -n "${NODE:-}" ]; then',
        f'  kubectl taint --overwrite node "$NODE" {rule.meet.tenant_taint}="$TENANT":NoSchedule',
        "fi",
        "",
        f"# Sensitive: {', '.join(sensitive_labels(rule))}. Rungs: {', '.join(r.value for r in Rung if r is not Rung.UNKNOWN)}.",
    ]
    return (Document("gpu-isolation-labels.sh", "\n".join((*lines, ""))),)


TARGET = Target(
    "nodes",
    "annotations, labels and taints of namespaces and nodes",
    "what the rule stands on; only admins write it, and the webhook and vap keep others from it",
    _render,
)
