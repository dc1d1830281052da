"""What of the rule a cluster's API server holds: its webhook and its policies, beside those that the rule is rendered to."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from strongroom.isolate.objects import read
from strongroom.isolate.state import State
from strongroom.isolate.subjects import who
from strongroom.model.isolate import SENSITIVITY, Mode, Rule

WEBHOOKS, POLICIES, BINDINGS = (
    "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
)  # fmt: skip
KINDS = (WEBHOOKS, POLICIES, BINDINGS)
GROUP = "admissionregistration.k8s.io"
OURS = ".gpu-isolation.strongroom.dev"  # the end of the names of this rule's hooks
_SECTIONS = ("1", "2", "3", "4", "6", "7")  # of the rule, that admission judges by
_FAIL, _DENY = "Fail", "Deny"


class _Meta(msgspec.Struct):
    name: str = ""


class _Operations(msgspec.Struct, rename="camel", frozen=True):
    """RuleWithOperations; an empty scope is `*`."""

    api_groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    scope: str = "*"
    resource_names: tuple[str, ...] = ()

    def covers(self, group: str, resource: str, operation: str) -> bool:
        """Whether a request of any version is one of these."""
        whole, _, part = resource.partition("/")
        names = {resource, "*/*", f"{whole}/*" if part else "*", f"*/{part}" if part else whole}
        return (
            bool({group, "*"} & set(self.api_groups))
            and "*" in self.api_versions
            and bool({operation, "*"} & set(self.operations))
            and bool(names & set(self.resources))
            and self.scope == "*"
            and not self.resource_names
        )


class _Expression(msgspec.Struct, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class _Selector(msgspec.Struct, rename="camel"):
    match_labels: dict[str, str] | None = None
    match_expressions: list[_Expression] | None = None

    def words(self) -> frozenset[tuple[str, str, frozenset[str]]]:
        """What it demands; nothing is everything."""
        labels = {(k, "In", frozenset({v})) for k, v in (self.match_labels or {}).items()}
        return frozenset(labels | {(e.key, e.operator, frozenset(e.values)) for e in self.match_expressions or ()})


class _Condition(msgspec.Struct, frozen=True):
    name: str = ""
    expression: str = ""


class _Hook(msgspec.Struct, rename="camel"):
    name: str = ""
    rules: tuple[_Operations, ...] = ()
    failure_policy: str = _FAIL
    namespace_selector: _Selector = msgspec.field(default_factory=_Selector)
    object_selector: _Selector = msgspec.field(default_factory=_Selector)
    match_conditions: tuple[_Condition, ...] = ()


class Webhooks(msgspec.Struct):
    """A ValidatingWebhookConfiguration, as far as it says who is asked what."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    webhooks: tuple[_Hook, ...] = ()


class _Constraints(msgspec.Struct, rename="camel"):
    resource_rules: tuple[_Operations, ...] = ()
    exclude_resource_rules: tuple[_Operations, ...] = ()
    namespace_selector: _Selector = msgspec.field(default_factory=_Selector)
    object_selector: _Selector = msgspec.field(default_factory=_Selector)

    def narrow(self) -> bool:
        """Whether it leaves something out by a selector."""
        return bool(self.exclude_resource_rules or self.namespace_selector.words() or self.object_selector.words())


class _Validation(msgspec.Struct, frozen=True):
    expression: str = ""


class _PolicySpec(msgspec.Struct, rename="camel"):
    failure_policy: str = _FAIL
    match_constraints: _Constraints = msgspec.field(default_factory=_Constraints)
    match_conditions: tuple[_Condition, ...] = ()
    variables: tuple[_Condition, ...] = ()
    validations: tuple[_Validation, ...] = ()


class Policy(msgspec.Struct):
    """A ValidatingAdmissionPolicy, as far as it decides."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _PolicySpec = msgspec.field(default_factory=_PolicySpec)


class _BindingSpec(msgspec.Struct, rename="camel"):
    policy_name: str = ""
    validation_actions: tuple[str, ...] = ()
    match_resources: _Constraints | None = None


class Binding(msgspec.Struct):
    """A ValidatingAdmissionPolicyBinding."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _BindingSpec = msgspec.field(default_factory=_BindingSpec)


class Engine(NamedTuple):
    """What of a cluster decides on admission."""

    webhooks: tuple[Webhooks, ...] = ()
    policies: tuple[Policy, ...] = ()
    bindings: tuple[Binding, ...] = ()


def engine(found: Iterable[tuple[str, bytes | msgspec.Raw]]) -> Engine:
    """What objects, each with its kind, are. Raises Malformed."""
    hooks, policies, bindings = [], [], []
    for kind, raw in found:
        if kind == WEBHOOKS:
            hooks.append(read(raw, Webhooks, kind))
        elif kind == POLICIES:
            policies.append(read(raw, Policy, kind))
        elif kind == BINDINGS:
            bindings.append(read(raw, Binding, kind))
    return Engine(tuple(hooks), tuple(policies), tuple(bindings))


def not_asked(wanted: Engine, found: Engine, rule: Rule, state: State) -> Iterator[str]:
    """What the webhook of a cluster is not asked about, beside the one that the rule is rendered to.

    Only hooks of this rule's own names count: that another one is asked says nothing of what it answers. A selector sees
    labels and no annotations: a sensitive namespace without the label of the same name is let by while nobody answers.
    """
    there = [h for c in found.webhooks for h in c.webhooks if h.name.endswith(OURS)]
    if not there:
        yield "no webhook of the rule is installed"
        return
    for want in (h for c in wanted.webhooks for h in c.webhooks):
        yield from _lacking(want, there)
    key = f"{rule.prefix}/{SENSITIVITY}"
    for _, space in state.all("Namespace"):
        one, own = state.get("Namespace", "", space), who(state, rule, space)
        said = one.metadata.labels if one is not None else None
        if own.sensitive(rule) and space not in rule.exempt_namespaces and not _sensitive(rule, (said or {}).get(key)):
            yield f"namespace {space} lacks the label {key}, so that it is let by while the service is down"


def _sensitive(rule: Rule, label: str | None) -> bool:
    return label in rule.labels and rule.sensitive(label)


def _lacking(want: _Hook, there: list[_Hook]) -> Iterator[str]:
    short = want.name.removesuffix(OURS)
    same = [h for h in there if _as_wide(want, h)]
    closed = [h for h in same if h.failure_policy == _FAIL or want.failure_policy != _FAIL]
    lacks: dict[str, list[str]] = {}
    for group, resource, operation in _requests(want.rules):
        if any(r.covers(group, resource, operation) for h in closed for r in h.rules):
            continue
        open_ = any(r.covers(group, resource, operation) for h in same for r in h.rules)
        lacks.setdefault("lets by while it is down" if open_ else "is not asked about", []).append(
            f"{operation} {resource}"
        )
    for what, which in lacks.items():
        more = f" and {len(which) - 4} more" if len(which) > 4 else ""
        yield f"{short}: {what} {', '.join(which[:4])}{more}"


def _as_wide(want: _Hook, have: _Hook) -> bool:
    """Whether a hook is asked at least where the wanted one is: a narrower selector or another condition leaves something out."""
    spaces = have.namespace_selector.words()
    conditions = {c.expression for c in have.match_conditions}
    return (
        spaces <= want.namespace_selector.words()
        and not have.object_selector.words()
        and conditions <= {c.expression for c in want.match_conditions}
    )


def _requests(rules: Iterable[_Operations]) -> Iterator[tuple[str, str, str]]:
    for rule in rules:
        for group in rule.api_groups:
            for resource in rule.resources:
                yield from ((group, resource, operation) for operation in rule.operations)


def policies_differ(wanted: Engine, found: Engine) -> Iterator[str]:
    """Which policies of the rule a cluster lacks, has in another form, or does not deny by."""
    there = {p.metadata.name: p.spec for p in found.policies}
    for want in wanted.policies:
        name = want.metadata.name
        spec = there.get(name)
        if spec is None:
            yield f"{name} is not installed"
            continue
        if not _same(want.spec, spec):
            yield f"{name} is not as the rule is rendered"
        bound = [b.spec for b in found.bindings if b.spec.policy_name == name]
        whole = [
            b
            for b in bound
            if b.match_resources is None or not (b.match_resources.resource_rules or b.match_resources.narrow())
        ]
        if not any(_DENY in b.validation_actions for b in whole):
            yield f"{name} is bound nowhere" if not bound else f"{name} does not deny everywhere"


def _same(want: _PolicySpec, have: _PolicySpec) -> bool:
    """Whether a policy decides as the wanted one; it may be asked more often, and say it in other words."""
    asked = set(_requests(want.match_constraints.resource_rules))
    covered = all(any(r.covers(*one) for r in have.match_constraints.resource_rules) for one in asked)
    return (
        covered
        and have.failure_policy == _FAIL
        and not have.match_constraints.narrow()
        and {c.expression for c in have.match_conditions} <= {c.expression for c in want.match_conditions}
        and have.variables == want.variables
        and {v.expression for v in want.validations} <= {v.expression for v in have.validations}
    )


def not_denied(rule: Rule, state: State, *, reviewed: bool) -> Iterator[str]:
    """Where the rule does not deny what it forbids: by its rollout, and until somebody has looked at a report."""
    rollout = rule.rollout
    if rollout.default is not Mode.DENY and not all(rollout.clauses.get(s) is Mode.DENY for s in _SECTIONS):
        yield f"the default is {rollout.default}"
    elif not reviewed:
        yield "no report that the rule names was reviewed, so that it only warns"
    yield from (f"clause {c} is {m}" for c, m in rollout.clauses.items() if m is not Mode.DENY)
    for space, mode in rollout.namespaces.items():
        own = who(state, rule, space)
        if mode is not Mode.DENY and (own.label is None or own.sensitive(rule)):
            yield f"namespace {space} is {mode}"
