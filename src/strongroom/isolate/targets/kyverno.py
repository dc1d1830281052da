"""Kyverno: the same expressions as the API server's own policies, as Kyverno's ValidatingPolicy (policies.kyverno.io)."""

import yaml

from strongroom.isolate.targets import _cel
from strongroom.model.isolate import Document, Mode, Rendering, Rule, Target

_ACTIONS = {Mode.OBSERVE: ["Audit"], Mode.WARN: ["Warn", "Audit"], Mode.DENY: ["Deny", "Audit"]}


def _policy(found: _cel.Policy, rule: Rule) -> dict[str, object]:
    exempt = f"!(request.?namespace.orValue('') in {_cel.words(rule.exempt_namespaces)})"
    namespaced = found.resources in {_cel.WORKLOADS, _cel.CLAIMS}
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": f"gpu-isolation-{found.name}"},
        "spec": {
            "validationActions": _ACTIONS[rule.rollout.default],
            "failurePolicy": "Fail",
            "evaluation": {"background": {"enabled": namespaced}},
            "matchConstraints": {"resourceRules": _cel.resource_rules(found)},
            "matchConditions": [{"name": "not-exempt", "expression": exempt}] if namespaced else [],
            "variables": [{"name": n, "expression": e} for n, e in found.variables],
            "validations": [
                {"expression": c.expression, "message": f"gpu isolation {c.clause}: {c.message}"} for c in found.checks
            ],
        },
    }


def _render(what: Rendering) -> tuple[Document, ...]:
    made = [_policy(found, what.rule) for found in _cel.policies(what.rule)]
    return (Document("gpu-isolation-kyverno.yaml", yaml.safe_dump_all(made, sort_keys=False, width=120)),)


TARGET = Target(
    "kyverno",
    "Kyverno's ValidatingPolicy",
    "holds what vap holds, and reports what is there already; it has not been run on Kyverno",
    _render,
)
