"""The rule: read from a table that was a TOML or YAML file, and the one that stands where nobody wrote another."""

from collections.abc import Iterator

import msgspec

from strongroom.model.errors import Malformed
from strongroom.model.isolate import Rule, Rung

HINT = "strongroom isolate rule"
_MEET = {
    "mig": ("equal-label-if-sensitive", "equal-tenant-if-sensitive", "one-tenant", "anybody"),
    "nvlink_island": ("one-tenant-if-sensitive", "one-tenant", "anybody"),
}
_CLAIM = ("never", "same-tenant-and-label", "anybody")

DEFAULT = """\
rule: gpu-isolation/1
labels: [public, internal, restricted, confidential]
sources:
  kubernetes: {tenant: namespace-annotation, label: [namespace-annotation, service-account-annotation-raises]}
  slurm: {tenant: account, label: [account, qos-raises]}
  never: [pod-labels, pod-annotations, job-comment, job-name, wckey, environment]
  missing: deny-gpu
rungs: [cc-whole, whole, mig, mps, shared]
require:
  public: {least: shared}
  internal: {least: shared}
  restricted: {least: mig, mig_with: equal-label}
  confidential: {least: cc-whole, cc: {cc.mode.state: "on", cc.ready.state: "true"}}
meet:
  mig: equal-label-if-sensitive
  nvlink_island: one-tenant-if-sensitive
  tenant_taint: isolation.example.org/tenant
  shared_claim: {public: same-tenant-and-label, internal: same-tenant-and-label, restricted: never, confidential: never}
unrequested_devices: deny-all-labels
exempt_namespaces: [kube-system, gpu-operator]
admins: {groups: ["system:masters", isolation-admins]}
unknown: deny-sensitive
malformed: deny
"""


def read(table: object, subject: str) -> Rule:
    """The rule of a table. Raises Malformed: a name it does not know, a value that means nothing, a label without demand."""
    try:
        found = msgspec.convert(table, Rule)
    except msgspec.ValidationError as e:
        raise Malformed(subject, str(e)[:200].lower(), "a rule of isolation", HINT) from None
    for trouble, wanted in _troubles(found):
        raise Malformed(subject, trouble, wanted, HINT)
    return found


def _troubles(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is wrong with it, as found and wanted."""
    yield from _ladder(rule)
    yield from _origins(rule)
    for word, value in (("mig", rule.meet.mig), ("nvlink_island", rule.meet.nvlink_island)):
        if value not in _MEET[word]:
            yield f"meet.{word}: {value}", " or ".join(_MEET[word])
    if set(rule.meet.shared_claim) - set(rule.labels) or set(rule.meet.shared_claim.values()) - set(_CLAIM):
        yield "meet.shared_claim", f"a label each, with {' or '.join(_CLAIM)}"
    if rule.unrequested_devices not in {"deny-all-labels", "deny-sensitive"}:
        yield f"unrequested_devices: {rule.unrequested_devices}", "deny-all-labels or deny-sensitive"
    if rule.unknown not in {"deny-sensitive", "deny-all"} or rule.malformed != "deny":
        yield "unknown or malformed", "deny-sensitive or deny-all, and deny"
    if set(rule.admins) - {"groups", "users"} or "/" in rule.prefix or "/" not in rule.meet.tenant_taint:
        yield "admins, prefix or tenant_taint", "groups and users, a domain, and a name below it"


def _ladder(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.rule != "gpu-isolation/1":
        yield f"rule {rule.rule!r}", "gpu-isolation/1"
    if not rule.labels or len(set(rule.labels)) != len(rule.labels) or set(rule.require) != set(rule.labels):
        yield "labels and demands that differ", "one demand for each label"
    if rule.rungs != tuple(r for r in Rung if r is not Rung.UNKNOWN):
        yield f"rungs {', '.join(rule.rungs)}", "cc-whole, whole, mig, mps, shared: their order is what they are"
    depths = [rule.require[name].least.depth for name in rule.labels if name in rule.require]
    if depths != sorted(depths, reverse=True):
        yield "a label that demands less than one below it", "demands that rise with the labels"


def _origins(rule: Rule) -> Iterator[tuple[str, str]]:
    kubernetes, slurm = rule.sources.kubernetes, rule.sources.slurm
    if (kubernetes.get("tenant"), slurm.get("tenant")) != ("namespace-annotation", "account"):
        yield "another source of tenants", "namespace-annotation and account"
    for words, known in (
        (kubernetes.get("label"), ("namespace-annotation", "service-account-annotation-raises")),
        (slurm.get("label"), ("account", "qos-raises")),
    ):
        given = (words,) if isinstance(words, str) else tuple(words or ())
        if not given or given[0] != known[0] or set(given) - set(known):
            yield f"labels from {', '.join(given) or 'nowhere'}", f"{known[0]}, and {known[1]} where it may"
    if rule.sources.missing != "deny-gpu" and rule.sources.missing not in rule.labels:
        yield f"missing: {rule.sources.missing}", "deny-gpu, or the label to take"


def raises(rule: Rule) -> bool:
    """Whether a service account may raise what its namespace says."""
    return "service-account-annotation-raises" in rule.sources.kubernetes.get("label", ())


def sensitive_labels(rule: Rule) -> tuple[str, ...]:
    """The labels that demand isolation, least first."""
    return tuple(label for label in rule.labels if rule.sensitive(label))
