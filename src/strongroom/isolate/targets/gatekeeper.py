"""Gatekeeper: the same expressions, in constraint templates of its CEL engine (K8sNativeValidation)."""

import yaml

from strongroom.isolate.targets import _cel
from strongroom.model.isolate import Document, Mode, Rendering, Rule, Target

_ACTION = {Mode.OBSERVE: "dryrun", Mode.WARN: "warn", Mode.DENY: "deny"}


def _kind(found: _cel.Policy) -> str:
    return f"GpuIsolation{found.name.capitalize()}"


def _template(found: _cel.Policy) -> dict[str, object]:
    source = {
        "failurePolicy": "Fail",
        "variables": [{"name": n, "expression": e} for n, e in found.variables],
        "validations": [
            {"expression": c.expression, "message": f"gpu isolation {c.clause}: {c.message}"} for c in found.checks
        ],
    }
    code = [{"engine": "K8sNativeValidation", "source": source}]
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": _kind(found).lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": _kind(found)}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "code": code}],
        },
    }


def _constraint(found: _cel.Policy, rule: Rule) -> dict[str, object]:
    kinds = [{"apiGroups": [g], "kinds": [k]} for g, k in _cel.kinds(found)]
    exempt = list(rule.exempt_namespaces) if found.resources in {_cel.WORKLOADS, _cel.CLAIMS} else []
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": _kind(found),
        "metadata": {"name": f"gpu-isolation-{found.name}"},
        "spec": {
            "enforcementAction": _ACTION[rule.rollout.default],
            "match": {"kinds": kinds, **({"excludedNamespaces": exempt} if exempt else {})},
        },
    }


def _render(what: Rendering) -> tuple[Document, ...]:
    found = _cel.policies(what.rule)
    return (
        Document(
            "gpu-isolation-templates.yaml",
            yaml.safe_dump_all([_template(p) for p in found], sort_keys=False, width=120),
        ),
        Document(
            "gpu-isolation-constraints.yaml",
            yaml.safe_dump_all([_constraint(p, what.rule) for p in found], sort_keys=False, width=120),
        ),
    )


TARGET = Target(
    "gatekeeper",
    "Gatekeeper's constraint templates",
    "holds what vap holds; apply the templates first; it has not been run on Gatekeeper",
    _render,
)
