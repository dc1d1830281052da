"""Whose a workload is, and how sensitive: from namespace and service account, and from nothing that its user writes."""

from typing import NamedTuple

from strongroom.isolate import rule as rules
from strongroom.isolate.objects import Plain
from strongroom.isolate.state import State
from strongroom.model.isolate import SENSITIVITY, TENANT, Rule


class Who(NamedTuple):
    """A tenant and a label; no label is None, and `why` says why there is none."""

    tenant: str
    label: str | None
    why: str = ""

    def sensitive(self, rule: Rule) -> bool:
        """Whether the label demands isolation. Whoever has none got no GPU, but for what the exempt namespaces run."""
        return self.label is not None and rule.sensitive(self.label)


def who(state: State, rule: Rule, namespace: str, account: str = "") -> Who:
    """The tenant and label of a pod of a namespace that runs as a service account; without one, of the namespace itself."""
    key = ("who", namespace, account)
    known = state.memory.get(key)
    if isinstance(known, Who):
        return known
    made = _who(state, rule, namespace, account)
    state.memory[key] = made
    return made


def _who(state: State, rule: Rule, namespace: str, account: str) -> Who:
    found = state.get("Namespace", "", namespace)
    if not isinstance(found, Plain):
        return Who(f"namespace/{namespace}", None, f"namespace {namespace} is not known")
    said = found.metadata.annotations or {}
    # Two namespaces without a tenant are two tenants.
    tenant = said.get(f"{rule.prefix}/{TENANT}", "") or f"namespace/{namespace}"
    label = said.get(f"{rule.prefix}/{SENSITIVITY}")
    if label is None and rule.sources.missing in rule.labels:
        label = rule.sources.missing
    if label not in rule.labels:
        return Who(
            tenant, None, f"namespace {namespace} has {'no label' if label is None else f'the label {label[:40]!r}'}"
        )
    raised = _raised(state, rule, namespace, account)
    if raised is None:
        return Who(tenant, label)
    if raised not in rule.labels:
        return Who(tenant, None, f"service account {account} has the label {raised[:40]!r}")
    return Who(tenant, max(label, raised, key=rule.rank))


def _raised(state: State, rule: Rule, namespace: str, account: str) -> str | None:
    """The label of a service account, where it may raise that of its namespace."""
    if not account or not rules.raises(rule):
        return None
    found = state.get("ServiceAccount", namespace, account)
    said = found.metadata.annotations if isinstance(found, Plain) else None
    return (said or {}).get(f"{rule.prefix}/{SENSITIVITY}")
