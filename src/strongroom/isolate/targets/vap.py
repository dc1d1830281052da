"""ValidatingAdmissionPolicy: the API server holds the rule by itself, without a service that could be down."""

import yaml

from strongroom.isolate.targets import _cel
from strongroom.model.isolate import Document, Rendering, Rule, Target

_VERSION = "admissionregistration.k8s.io/v1"
NAME = "gpu-isolation"


def policy(found: _cel.Policy, rule: Rule) -> dict[str, object]:
    """One policy as an object of the API."""
    exempt = {
        "name": "not-exempt",
        "expression": f"!(request.?namespace.orValue('') in {_cel.words(rule.exempt_namespaces)})",
    }
    return {
        "apiVersion": _VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"{NAME}-{found.name}"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": _cel.resource_rules(found)},
            # Nodes and namespaces are in no namespace that could be exempt, and service accounts always count.
            "matchConditions": [exempt] if found.resources in {_cel.WORKLOADS, _cel.CLAIMS} else [],
            "variables": [{"name": n, "expression": e} for n, e in found.variables],
            "validations": [
                {"expression": c.expression, "message": f"gpu isolation {c.clause}: {c.message}", "reason": "Forbidden"}
                for c in found.checks
            ],
        },
    }


def _binding(found: _cel.Policy, rule: Rule) -> dict[str, object]:
    return {
        "apiVersion": _VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"{NAME}-{found.name}"},
        "spec": {"policyName": f"{NAME}-{found.name}", "validationActions": list(_cel.actions(rule.rollout.default))},
    }


def _render(what: Rendering) -> tuple[Document, ...]:
    made: list[dict[str, object]] = []
    for found in _cel.policies(what.rule):
        made += [policy(found, what.rule), _binding(found, what.rule)]
    return (Document("gpu-isolation-vap.yaml", yaml.safe_dump_all(made, sort_keys=False, width=120)),)


TARGET = Target(
    "vap",
    "ValidatingAdmissionPolicy of the API server",
    "holds 1.5, 1.6, 3.3, 3.4, 4 and 6.1 and the rungs that names say; it knows no node, no neighbour and no service account",
    _render,
)
