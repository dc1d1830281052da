"""Who becomes whom in a Kubernetes cluster, and who does the deed there.

Source: Kubernetes, "RBAC Good Practices", "Privilege escalation risks"; "Using RBAC Authorization", "Restrictions on role
creation or update" (escalate) and "… on role binding creation or update" (bind); "User impersonation".
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from strongroom.assess.identity.k8s_rbac import EVERYTHING, MASTERS, Ask, Cluster, Held, namespace_of
from strongroom.assess.identity.levels import NO
from strongroom.assess.identity.search import Trail
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind

RBAC = "rbac.authorization.k8s.io"
CREATING = (
    ("", "pods"),
    ("", "replicationcontrollers"),
    *(("apps", r) for r in ("deployments", "daemonsets", "statefulsets", "replicasets")),
    *(("batch", r) for r in ("jobs", "cronjobs")),
)
OF_KIND = {
    "Pod": ("", "pods"),
    "ReplicationController": ("", "replicationcontrollers"),
    "Deployment": ("apps", "deployments"),
    "DaemonSet": ("apps", "daemonsets"),
    "StatefulSet": ("apps", "statefulsets"),
    "ReplicaSet": ("apps", "replicasets"),
    "Job": ("batch", "jobs"),
    "CronJob": ("batch", "cronjobs"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """Requests that a principal gets through together, and whom they make him."""

    who: str
    asks: tuple[Ask, ...]
    gives: str = ""


Options = tuple[tuple[Ask, ...], ...]


class World:
    """One cluster, one deed."""

    def __init__(self, cluster: Cluster, assets: Sequence[Asset], options: Options) -> None:
        self.cluster = cluster
        self.options = options
        self.pods: dict[str, list[Asset]] = defaultdict(list)  # what runs as an account, by the account
        self.powers: dict[str, None] = {}  # rules that somebody can give himself
        accounts = {
            f"ServiceAccount {namespace_of(a)}/{a.name}": None
            for a in assets
            if a.kind is Kind.IDENTITY and a.native_type.endswith("/ServiceAccount")
        }
        for a in assets:
            account = a.value("pod.service_account")
            if a.kind is Kind.WORKLOAD and isinstance(account, str) and namespace_of(a):
                who = f"ServiceAccount {namespace_of(a)}/{account or 'default'}"
                accounts[who] = None
                if a.value("pod.token_mounted") is not False:
                    self.pods[who].append(a)
        self.asked = [n for n in {**accounts, **cluster.subjects} if n]
        self._powers()
        self._strong = [n for n in self.asked if self._held(n)]

    def _powers(self) -> None:
        """What the right to bind or to write roles comes to: everything, here or there, or one role."""
        scopes = {a.namespace for option in self.options for a in option}
        scopes |= {h.namespace for held in self.cluster.held.values() for h in held}
        for who in self.cluster.held:  # where an account that holds something runs, its token can be had
            kind, _, name = who.partition(" ")
            scopes |= {name.partition("/")[0]} if kind == "ServiceAccount" else set()
        for scope in sorted(scopes | {""}):
            name = f"everything in {scope}" if scope else "everything"
            self.powers[name] = None
            self.cluster.held[name] = [Held(scope, (EVERYTHING,), name)]
        for (kind, scope, name), rules in list(self.cluster.roles.items()):
            for held in (h for found in list(self.cluster.held.values()) for h in found):
                if any(name in r.names and r.verbs & {"bind", "*"} for r in held.rules):
                    where = scope or held.namespace
                    power = f"{kind} {name}" + (f" in {where}" if where else "")
                    self.powers[power] = None
                    self.cluster.held[power] = [Held(where, rules, power)]

    def _held(self, who: str) -> bool:
        return who == MASTERS or any(True for _ in self.cluster.of(who))

    def may(self, who: str, asks: Iterable[Ask]) -> int:
        """How surely somebody gets requests through, all of them."""
        return min((self.cluster.may(who, a)[0] for a in asks), default=NO)

    # What the search asks

    def everybody(self) -> Sequence[str]:
        """Accounts, users and groups, and the powers that some of them can give themselves."""
        return [*self.asked, *self.powers]

    def deed(self, who: str, wanted: int) -> Trail[Link] | None:
        """The deed by one's own rules."""
        for option in self.options:
            if self.may(who, option) >= wanted:
                return (Link(who, option),)
        return None

    def before(self, whom: str, _wanted: int) -> Iterable[str]:
        """Whoever holds any rules at all."""
        return (n for n in (*self._strong, *self.powers) if n != whom)

    def become(self, who: str, whom: str, wanted: int) -> Link | None:
        """The way from one to another."""
        for asks in self._ways(whom):
            if self.may(who, asks) >= wanted:
                return Link(who, asks, whom)
        return None

    def together(
        self, _left: Sequence[str], _known: Mapping[str, Trail[Link]], _wanted: int
    ) -> Iterator[tuple[str, Trail[Link]]]:
        """Nothing is done by several at once that one of them could not lead to."""
        yield from ()

    # The ways

    def _ways(self, whom: str) -> Iterator[tuple[Ask, ...]]:
        if whom in self.powers:
            yield from _powers(whom)
            return
        kind, _, name = whom.partition(" ")
        if kind == "ServiceAccount":
            namespace, _, bare = name.partition("/")
            yield (Ask("create", "", "serviceaccounts/token", bare, namespace),)
            yield (Ask("impersonate", "", "serviceaccounts", bare, namespace),)
            for group, resource in CREATING:
                yield (Ask("create", group, resource, "", namespace),)
            yield from self._into_pods(whom, namespace)
            yield (Ask("create", "", "secrets", "", namespace), Ask("get", "", "secrets", "", namespace))
            yield (Ask("create", "", "secrets", "", namespace), Ask("list", "", "secrets", "", namespace))
        elif kind == "User":
            yield (Ask("impersonate", "", "users", name),)
            yield (
                Ask("create", "certificates.k8s.io", "certificatesigningrequests"),
                Ask("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
                Ask("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client"),
            )
        elif kind == "Group":  # whoever impersonates a group must be some user as well
            yield (Ask("impersonate", "", "groups", name), Ask("impersonate", "", "users"))

    def _into_pods(self, whom: str, namespace: str) -> Iterator[tuple[Ask, ...]]:
        """Into what runs as an account: a shell, a container beside it, another image, or the node's own agent."""
        for a in self.pods.get(whom, ()):
            kind = a.native_type.rpartition("/")[2]
            pod = a.name if kind == "Pod" else ""  # the names of pods that are made are not in the files
            for verb, resource in (
                *(("create", "pods/exec"), ("get", "pods/exec"), ("patch", "pods/ephemeralcontainers")),
                *(("update", "pods/ephemeralcontainers"), ("patch", "pods"), ("update", "pods")),
            ):
                yield (Ask(verb, "", resource, pod, namespace),)
            group, plural = plural_of(a)
            for verb in ("update", "patch"):
                yield (Ask(verb, group, plural, a.name, namespace),)
            for verb in ("get", "create"):
                yield (Ask(verb, "", "nodes/proxy"),)


def _powers(power: str) -> Iterator[tuple[Ask, ...]]:
    """How a power is come by: by writing a role, or by binding one."""
    what, _, scope = power.partition(" in ")
    bindings = ("rolebindings",) if scope else ("clusterrolebindings",)
    kind, _, name = what.partition(" ")
    if what == "everything":
        for roles in ("roles", "clusterroles") if scope else ("clusterroles",):
            for verb in ("update", "patch"):
                yield (Ask("escalate", RBAC, roles, "", scope), Ask(verb, RBAC, roles, "", scope))
        kind, name = "ClusterRole", ""
    plural = "clusterroles" if kind == "ClusterRole" else "roles"
    for verb in ("create", "update", "patch"):
        yield (Ask("bind", RBAC, plural, name, scope), Ask(verb, RBAC, bindings[0], "", scope))


def plural_of(a: Asset) -> tuple[str, str]:
    """The group and resource of an object, as rules name them."""
    version, _, kind = a.native_type.rpartition("/")
    if kind in OF_KIND:
        return OF_KIND[kind]
    low = kind.lower()
    plural = (
        f"{low[:-1]}ies"
        if low.endswith("y") and low[-2:-1] not in "aeiou"
        else f"{low}es"
        if low.endswith("s")
        else f"{low}s"
    )
    return version.rpartition("/")[0], plural
