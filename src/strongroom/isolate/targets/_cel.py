"""The rule as CEL of the API server (Kubernetes, "Validating Admission Policy"): what can be judged without any state."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from strongroom.isolate.reaching import DEVICES, HANDLERS, LIST_MOUNT, NOTHING, PLACES, RIGHTS
from strongroom.isolate.rule import sensitive_labels
from strongroom.model.isolate import SENSITIVITY, TENANT, Mode, Rule, Rung

WORKLOADS = (
    ("", ("pods", "pods/ephemeralcontainers", "pods/resize")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
)
CLAIMS = (("resource.k8s.io", ("resourceclaims", "resourceclaimtemplates")),)
SOURCES = (("", ("namespaces", "serviceaccounts")),)
NODES = (("", ("nodes", "nodes/status")),)


class Check(NamedTuple):
    """One condition that must hold, the clause that it is of, and what a caller is told."""

    clause: str
    expression: str
    message: str


class Policy(NamedTuple):
    """Some checks on some resources, with the variables that they name."""

    name: str
    resources: tuple[tuple[str, tuple[str, ...]], ...]
    variables: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]


def words(found: Iterable[str]) -> str:
    """A list of texts as CEL has it."""
    return json.dumps(list(found))


def policies(rule: Rule) -> tuple[Policy, ...]:
    """Everything of the rule that CEL can hold."""
    return (_asking(rule), _tolerating(rule), _reaching(rule), _claims(rule), _sources(rule), _nodes(rule))


_SPEC = (
    ("spec", ("object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' ? object.spec.jobTemplate.spec.template.spec : "
     "object.spec.template.spec")),
    ("said", ("object.kind == 'Pod' ? object.metadata.?annotations.orValue({}) : object.kind == 'CronJob' ? "
     "object.spec.jobTemplate.spec.template.?metadata.?annotations.orValue({}) : "
     "object.spec.template.?metadata.?annotations.orValue({})")),
    ("containers", ("variables.spec.?containers.orValue([]) + variables.spec.?initContainers.orValue([]) + "
     "variables.spec.?ephemeralContainers.orValue([])")),
    ("going", "has(object.metadata.deletionTimestamp)"),
)  # fmt: skip
_ASKED = (
    "variables.containers.exists(c, c.?resources.?{0}.orValue({{}}).exists(k, {1} && "
    "quantity(string(c.resources.{0}[k])).isGreaterThan(quantity('0'))))"
)


def _label(rule: Rule) -> tuple[tuple[str, str], ...]:
    key = f"{rule.prefix}/{SENSITIVITY}"
    kind = f"namespaceObject.metadata.?annotations[?{json.dumps(key)}].orValue('')"
    tenant = f"namespaceObject.metadata.?annotations[?{json.dumps(f'{rule.prefix}/{TENANT}')}].orValue('')"
    return (
        ("label", kind),
        ("tenant", tenant),
        ("labelled", f"variables.label in {words(rule.labels)}"),
        ("sensitive", f"variables.label in {words(sensitive_labels(rule))}"),
    )


_GPU = (
    "(k.startsWith('nvidia.com/') || k.startsWith('volcano.sh/vgpu-') || k.startsWith('koordinator.sh/gpu') || "
    "k.startsWith('amd.com/gpu') || k == 'aliyun.com/gpu-mem' || k.startsWith('deviceclass.resource.kubernetes.io/'))"
)
_ISOLATED = (
    "k == 'nvidia.com/gpu' || k == 'nvidia.com/pgpu' || k == 'amd.com/gpu' || "
    "k.startsWith('deviceclass.resource.kubernetes.io/') || (k.startsWith('nvidia.com/mig-') && !k.endsWith('.shared'))"
)
_FRACTIONS = ("gpu-fraction", "gpu-memory", "nvidia.com/vgpu-mode")


def _any(condition: str) -> str:
    return f"({_ASKED.format('limits', condition)} || {_ASKED.format('requests', condition)})"


def _asking(rule: Rule) -> Policy:
    """Sections 1.6 and 2: a label, and nothing below its rung, as far as the names say it."""
    fraction = f"variables.said.exists(k, k in {words(_FRACTIONS)} && !(variables.said[k] in ['', '0']))"
    asks = f"{_any(_GPU)} || variables.fraction || size(variables.spec.?resourceClaims.orValue([])) > 0"
    checks = [
        Check("1.6", "variables.going || !variables.asks || variables.labelled", "a GPU needs a namespace with one of the labels"),
        Check("2.2", f"variables.going || !variables.sensitive || !({_any(f'{_GPU} && !({_ISOLATED})')} || variables.fraction)",
              "less than a MIG slice, or what nobody knows, for a sensitive label"),
    ]  # fmt: skip
    whole = [label for label in rule.labels if rule.require[label].least.depth < Rung.MIG.depth]
    if whole:
        slices = _any("k.startsWith('nvidia.com/mig-')")
        checks.append(
            Check(
                "2.2",
                f"variables.going || !(variables.label in {words(whole)}) || !{slices}",
                "a MIG slice for a label of whole GPUs",
            )
        )
    return Policy("asking", WORKLOADS, (*_SPEC, *_label(rule), ("fraction", fraction), ("asks", asks)), tuple(checks))


def _tolerating(rule: Rule) -> Policy:
    """Section 3.3: no tenant's taint but the own, for who asks a GPU."""
    taint = json.dumps(rule.meet.tenant_taint)
    asks = f"{_any(_GPU)} || size(variables.spec.?resourceClaims.orValue([])) > 0 || variables.said.exists(k, k in {words(_FRACTIONS)})"
    own = (
        f"variables.spec.?tolerations.orValue([]).all(t, !(t.?key.orValue('') in ['', {taint}]) || "
        "(t.?key.orValue('') == '' && t.?operator.orValue('Equal') != 'Exists') || "
        f"(t.?key.orValue('') == {taint} && t.?operator.orValue('Equal') != 'Exists' && t.?value.orValue('') == variables.tenant))"
    )
    check = Check(
        "3.3", f"variables.going || !variables.asks || {own}", "a toleration of another tenant's nodes, or of all"
    )
    return Policy("tolerating", WORKLOADS, (*_SPEC, *_label(rule), ("asks", asks)), (check,))


def _reaching(rule: Rule) -> Policy:
    """Section 4, in every namespace that has a label: which nodes have GPUs, CEL does not know."""
    guard = (
        "variables.going || !variables.labelled || "
        if rule.unrequested_devices == "deny-all-labels"
        else "variables.going || !variables.sensitive || "
    )
    right = "upperAscii().replace('CAP_', '')"
    checks = (
        Check("4.1", f"{guard}!(variables.spec.?hostPID.orValue(false) || variables.spec.?hostIPC.orValue(false))", "hostPID or hostIPC"),
        Check("4.1", f"{guard}!variables.containers.exists(c, c.?securityContext.?privileged.orValue(false))", "a privileged container"),
        Check("4.1", f"{guard}!variables.containers.exists(c, c.?securityContext.?capabilities.?add.orValue([]).exists(a, a.{right} in {words(sorted(RIGHTS))}))", "a capability that reaches devices"),
        Check("4.2", f"{guard}!variables.spec.?volumes.orValue([]).exists(v, has(v.hostPath) && {_places('v.hostPath.path')})", "a path of the node that holds devices"),
        Check("4.3", f"{guard}!variables.containers.exists(c, c.?env.orValue([]).exists(e, e.name in {words(DEVICES)} && (has(e.valueFrom) || !(e.?value.orValue('') in {words(sorted(NOTHING))}))))", "a variable that shows devices"),
        Check("4.3", f"{guard}!variables.containers.exists(c, c.?envFrom.orValue([]).exists(f, {words(DEVICES)}.exists(n, n.startsWith(f.?prefix.orValue('')))) && !c.?env.orValue([]).exists(e, e.name == {json.dumps(DEVICES[0])}))", f"variables from elsewhere, and no {DEVICES[0]} beside them"),
        Check("4.4", f"{guard}!variables.containers.exists(c, c.?volumeMounts.orValue([]).exists(m, m.mountPath.matches({json.dumps('^/+var/+run/+' + LIST_MOUNT + '(/|$)')})))", "a list of devices as mounts"),
        Check("4.5", f"{guard}!variables.said.exists(k, k.startsWith('cdi.k8s.io/') && variables.said[k].matches('(nvidia|amd)[.]com/'))", "a device by annotation"),
        Check("4.6", f"{guard}!(variables.spec.?runtimeClassName.orValue('') in {words(sorted(HANDLERS))}) || {_any(_GPU)} || variables.containers.all(c, c.?env.orValue([]).exists(e, e.name == {json.dumps(DEVICES[0])} && e.?value.orValue('') in ['void', 'none']))", "NVIDIA's runtime for who asks no GPU"),
    )  # fmt: skip
    return Policy("reaching", WORKLOADS, (*_SPEC, *_label(rule)), checks)


def _places(path: str) -> str:
    """Whether a path is, lies under or contains a place, with its slashes as they come."""
    globs = [p.strip("/").removesuffix("*") for p in PLACES if p.endswith("*")]
    places = [p.strip("/").removesuffix("*") for p in PLACES]
    return (
        f"({path}.split('/').exists(p, p == '..') || [{path}.split('/').filter(p, !(p in ['', '.'])).join('/')].exists(p, p == '' || "
        f"{words(places)}.exists(w, p == w || p.startsWith(w + '/') || w.startsWith(p + '/')) || "
        f"{words(globs)}.exists(w, p.startsWith(w))))"
    )


_DEVICES = (
    ("claims", "object.kind == 'ResourceClaim' ? object.spec.?devices.orValue({}) : object.spec.spec.?devices.orValue({})"),
    ("requests", "variables.claims.?requests.orValue([])"),
    ("each", ("variables.requests.map(r, r.?exactly.orValue(r)) + "
     "variables.requests.map(r, r.?firstAvailable.orValue([])).flatten()")),
)  # fmt: skip


def _claims(rule: Rule) -> Policy:
    """Sections 2.1, 3.4 and 4.7: what claims for devices ask."""
    prefix, taint = json.dumps(f"{rule.prefix}/"), json.dumps(rule.meet.tenant_taint)
    shares = (
        "variables.claims.?config.orValue([]).exists(c, c.?opaque.?driver.orValue('').endsWith('nvidia.com') && "
        "c.opaque.?parameters.?sharing.hasValue())"
    )
    kept = (
        "variables.each.all(e, e.?tolerations.orValue([]).all(t, (t.?key.orValue('') == '' && t.?operator.orValue('Equal') != 'Exists') || "
        f"(t.?key.orValue('') != '' && !t.key.startsWith({prefix})) || "
        f"(t.?key.orValue('') == {taint} && t.?operator.orValue('Equal') != 'Exists' && t.?value.orValue('') == variables.tenant)))"
    )
    checks = (
        Check("4.7", "variables.each.all(e, !e.?adminAccess.orValue(false))", "adminAccess"),
        Check("2.2", f"!variables.sensitive || !({shares})", "a shared device for a sensitive label"),
        Check("2.1", "!variables.sensitive || variables.each.all(e, !has(e.capacity))", "a part of a device for a sensitive label"),
        Check("3.4", kept, "a toleration of what keeps devices apart"),
    )  # fmt: skip
    return Policy("claims", CLAIMS, (*_DEVICES, *_label(rule)), checks)


def _admin(rule: Rule) -> str:
    groups, users = rule.admins.get("groups", ()), rule.admins.get("users", ())
    return f"(request.userInfo.groups.exists(g, g in {words(groups)}) || request.userInfo.username in {words(users)})"


def same(field: str, prefix: str) -> str:
    """That no key below a prefix differs between the object and the one before it."""
    new, old = f"object.metadata.?{field}.orValue({{}})", f"oldObject.metadata.?{field}.orValue({{}})"
    begins = f"k.startsWith({json.dumps(prefix)})"
    return (
        f"(oldObject == null ? {new}.all(k, !{begins}) : ({new}.all(k, !{begins} || (k in {old} && {old}[k] == {new}[k])) && "
        f"{old}.all(k, !{begins} || k in {new})))"
    )


def _sources(rule: Rule) -> Policy:
    """Section 1.5: tenant and label are an admin's to write."""
    own = f"{rule.prefix}/"
    admin_access = same("labels", "resource.kubernetes.io/admin-access")
    checks = (
        Check("1.5", f"{_admin(rule)} || ({same('annotations', own)} && (object.kind != 'Namespace' || {same('labels', own)}))", "tenant and label are written by admins"),
        Check("1.5", f"{_admin(rule)} || object.kind != 'Namespace' || {admin_access}", "admin access is given by admins"),
    )  # fmt: skip
    return Policy("sources", SOURCES, (), checks)


def _nodes(rule: Rule) -> Policy:
    """Sections 1.5 and 6.1: who writes labels and taints of nodes."""
    platform = (
        " || ".join(
            f"request.userInfo.username.startsWith('system:serviceaccount:{n}:')" for n in rule.exempt_namespaces
        )
        or "false"
    )
    prefix = json.dumps(f"{rule.prefix}/")
    new, old = "object.spec.?taints.orValue([])", "(oldObject == null ? [] : oldObject.spec.?taints.orValue([]))"
    taints = f"({new}.all(t, !t.key.startsWith({prefix}) || t in {old}) && {old}.all(t, !t.key.startsWith({prefix}) || t in {new}))"
    checks = (
        Check("1.5", f"{_admin(rule)} || ({same('labels', f'{rule.prefix}/')} && {taints})", "these labels and taints are written by admins"),
        Check("6.1", f"{_admin(rule)} || {platform} || {same('labels', 'nvidia.com/')}", "facts of GPUs are written by the platform"),
    )  # fmt: skip
    return Policy("nodes", NODES, (), checks)


def actions(mode: Mode) -> tuple[str, ...]:
    """What the API server does with a check that does not hold."""
    return {Mode.OBSERVE: ("Audit",), Mode.WARN: ("Warn", "Audit"), Mode.DENY: ("Deny", "Audit")}[mode]


def resource_rules(found: Policy) -> list[dict[str, object]]:
    """Which requests a policy is asked for."""
    return [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": list(names)}
        for group, names in found.resources
    ]


_KINDS = {
    "pods": "Pod", "deployments": "Deployment", "replicasets": "ReplicaSet", "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet", "jobs": "Job", "cronjobs": "CronJob", "resourceclaims": "ResourceClaim",
    "resourceclaimtemplates": "ResourceClaimTemplate", "namespaces": "Namespace", "serviceaccounts": "ServiceAccount",
    "nodes": "Node",
}  # fmt: skip


def kinds(found: Policy) -> list[tuple[str, str]]:
    """The groups and kinds of a policy, without the subresources."""
    return [(group, _KINDS[name]) for group, names in found.resources for name in names if name in _KINDS]
