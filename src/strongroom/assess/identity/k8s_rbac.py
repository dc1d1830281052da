"""Kubernetes RBAC: who holds which rules, and whether they cover a request.

Source: Kubernetes, "Using RBAC Authorization" (rules, aggregation, user-facing roles) and "Authenticating" (groups that every
service account and every user is in).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.model.estate import Asset
from strongroom.model.values import Unknown

MASTERS = "Group system:masters"
"""Whom the API server lets do everything, whatever the roles say."""


class Rule(NamedTuple):
    """One rule of a role."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str] = frozenset()


class Ask(NamedTuple):
    """A request: verb, group and resource (with its subresource), the name and the namespace; empty for any, or none."""

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""


EVERYTHING = Rule(frozenset({"*"}), frozenset({"*"}), frozenset({"*"}))
_CRUD = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})
_READ = frozenset({"get", "list", "watch"})
_PODS = frozenset({"pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"})
_CORE = frozenset(
    {
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "secrets",
        "serviceaccounts",
        "services",
    }
)
_APPS = frozenset(
    {"daemonsets", "deployments", "replicasets", "statefulsets", "deployments/scale", "statefulsets/scale"}
)
_EDIT = (
    Rule(
        _READ,
        frozenset({""}),
        frozenset({"pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"}),
    ),
    Rule(frozenset({"impersonate"}), frozenset({""}), frozenset({"serviceaccounts"})),
    Rule(_CRUD, frozenset({""}), _PODS | _CORE | {"services/proxy"}),
    Rule(frozenset({"create"}), frozenset({""}), frozenset({"serviceaccounts/token"})),
    Rule(_CRUD, frozenset({"apps"}), _APPS),
    Rule(_CRUD, frozenset({"batch"}), frozenset({"cronjobs", "jobs"})),
    Rule(_CRUD, frozenset({"networking.k8s.io"}), frozenset({"ingresses", "networkpolicies"})),
)
_VIEW = (
    Rule(_READ, frozenset({""}), (_CORE - {"secrets"}) | {"pods", "pods/log", "events"}),
    Rule(_READ, frozenset({"apps"}), _APPS),
    Rule(_READ, frozenset({"batch"}), frozenset({"cronjobs", "jobs"})),
)
# "Using RBAC Authorization", "User-facing roles" and "Core component roles"; roles that every cluster has, whether or not
# the files show them.
BUILT_IN: dict[str, tuple[Rule, ...]] = {
    "cluster-admin": (EVERYTHING,),
    "admin": (*_EDIT, Rule(_CRUD, frozenset({"rbac.authorization.k8s.io"}), frozenset({"roles", "rolebindings"}))),
    "edit": _EDIT,
    "view": _VIEW,
    "system:auth-delegator": (
        Rule(frozenset({"create"}), frozenset({"authentication.k8s.io", "authorization.k8s.io"}),
             frozenset({"tokenreviews", "subjectaccessreviews"})),
    ),
    "system:discovery": (),
    "system:basic-user": (),
    "system:public-info-viewer": (),
    "system:service-account-issuer-discovery": (),
}  # fmt: skip


@dataclass(slots=True)
class Held:
    """Rules that somebody holds in one namespace, or everywhere (empty). `doubt`: the role is not in the files."""

    namespace: str
    rules: tuple[Rule, ...]
    by: str
    doubt: str = ""


@dataclass(slots=True)
class Cluster:
    """The roles and bindings of a cluster."""

    roles: dict[tuple[str, str, str], tuple[Rule, ...]] = field(default_factory=dict)
    doubts: dict[tuple[str, str, str], str] = field(default_factory=dict)
    held: dict[str, list[Held]] = field(default_factory=lambda: defaultdict(list))
    subjects: dict[str, None] = field(default_factory=dict)

    def of(self, who: str) -> Iterator[Held]:
        """Everything that a principal holds, by himself and by the groups that he is certain to be in."""
        for name in (who, *groups_of(who)):
            yield from self.held.get(name, ())

    def may(self, who: str, ask: Ask) -> tuple[int, str]:
        """Whether a principal gets a request through, and by which binding; a doubt is told in its place."""
        if who == MASTERS:
            return YES, "the group system:masters is let do everything"
        best, by = NO, ""
        for held in self.of(who):
            if held.namespace and held.namespace != ask.namespace:
                continue
            if held.doubt and best == NO:
                best, by = PERHAPS, f"{held.by}: {held.doubt}"
            if any(covers(r, ask) for r in held.rules):
                return YES, held.by
        return best, by


def covers(rule: Rule, ask: Ask) -> bool:
    """Whether a rule lets a request through."""
    if not rule.verbs & {"*", ask.verb} or not rule.groups & {"*", ask.group}:
        return False
    if rule.names and (ask.name not in rule.names or ask.verb in ("create", "deletecollection")):
        return False
    base, _, sub = ask.resource.partition("/")
    return bool(rule.resources & ({"*", ask.resource} | ({f"{base}/*", f"*/{sub}"} if sub else set())))


def groups_of(who: str) -> tuple[str, ...]:
    """The groups that the API server puts a principal into; the other groups of a user are not in the files."""
    kind, _, name = who.partition(" ")
    if kind == "ServiceAccount":
        namespace = name.partition("/")[0]
        return (
            "Group system:serviceaccounts",
            f"Group system:serviceaccounts:{namespace}",
            "Group system:authenticated",
        )
    if name in ("system:anonymous", "system:unauthenticated", "system:authenticated"):
        return ("Group system:unauthenticated",) if name == "system:anonymous" else ()
    return ("Group system:authenticated",)


def normal(subject: str) -> str:
    """A subject in one form: a service account can be written as the user that it is."""
    kind, _, name = subject.partition(" ")
    parts = name.split(":")
    if kind == "User" and name.startswith("system:serviceaccount:") and len(parts) == 4:
        return f"ServiceAccount {parts[2]}/{parts[3]}"
    return subject


def namespace_of(asset: Asset) -> str:
    """The namespace that an object stands in; empty for one of the whole cluster."""
    return asset.address.split("/")[0] if asset.address.count("/") >= 2 else ""


def read(assets: Sequence[Asset]) -> Cluster:
    """The roles and bindings among the objects."""
    cluster = Cluster()
    roles = [a for a in assets if a.native_type.endswith(("/Role", "/ClusterRole"))]
    for a in roles:
        kind = a.native_type.rpartition("/")[2]
        cluster.roles[kind, namespace_of(a), a.name] = tuple(_rules(a))
    for a in roles:
        _aggregate(cluster, a, roles)
    for a in assets:
        if a.native_type.endswith("RoleBinding"):
            _bind(cluster, a)
    return cluster


def _rules(a: Asset) -> Iterator[Rule]:
    said = a.value("rbac.rules")
    for text in said if isinstance(said, tuple) else ():
        found = json.loads(text) if isinstance(text, str) else {}
        parts = (frozenset(map(str, found.get(k, ()))) for k in ("verbs", "apiGroups", "resources", "resourceNames"))
        yield Rule(*parts)


def _aggregate(cluster: Cluster, a: Asset, roles: Iterable[Asset]) -> None:
    """The rules of the roles whose labels a role names; the controller writes them into it."""
    said = a.value("rbac.aggregates")
    if not isinstance(said, tuple):
        return
    key = ("ClusterRole", "", a.name)
    for selector in said:
        if not isinstance(selector, str) or selector == "?":
            cluster.doubts[key] = "it takes in the rules of roles that a selector of another form names"
            continue
        wanted = set(selector.split(","))
        for other in roles:
            labels = {f"{k}={v}" for k, v in other.labels}
            if other is not a and other.native_type.endswith("/ClusterRole") and wanted <= labels:
                cluster.roles[key] += tuple(_rules(other))


def _bind(cluster: Cluster, a: Asset) -> None:
    subjects, role = a.value("grant.subjects"), a.value("grant.role")
    if not isinstance(subjects, tuple) or not isinstance(role, str):
        return
    kind, _, name = role.partition(" ")
    namespace = namespace_of(a) if a.native_type.endswith("/RoleBinding") else ""
    key = (kind, namespace if kind == "Role" else "", name)
    rules = cluster.roles.get(key, BUILT_IN.get(name) if kind == "ClusterRole" else None)
    doubt = cluster.doubts.get(key, "") if rules is not None else f"the {kind} {name} is not in these files"
    held = Held(namespace, rules or (), f"{a.address} ({kind} {name})", doubt)
    for subject in subjects:
        if isinstance(subject, str):
            cluster.held[normal(subject)].append(held)
            cluster.subjects[normal(subject)] = None
        elif isinstance(subject, Unknown):
            cluster.subjects.setdefault("")
