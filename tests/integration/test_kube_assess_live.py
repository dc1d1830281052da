"""A running cluster as a source: what the role of least privilege shows, what a missing rule hides, and drift."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import kube_server
import pytest
from kube_server import Cluster, Json

from strongroom.app.asking_who import ask
from strongroom.app.assess import assess
from strongroom.app.reaching import Asked, reach
from strongroom.app.sides import Circumstances, diff
from strongroom.app.sources import gather
from strongroom.collect.kubernetes.listed import ROLE, TYPES, cluster_role
from strongroom.model.codes import GapCode, Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Outside
from strongroom.model.values import Unknown
from strongroom.model.who_can import Deed

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SERVE = "k8s:ai/apps/Deployment/serve"
MANIFESTS: tuple[Json, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ai"}},
    {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "serve", "namespace": "ai"},
        "automountServiceAccountToken": False,
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "serve", "namespace": "ai"},
        "spec": {
            "selector": {"matchLabels": {"app": "serve"}},
            "template": {
                "metadata": {"labels": {"app": "serve"}},
                "spec": {
                    "serviceAccountName": "serve",
                    "containers": [
                        {
                            "name": "main",
                            "image": "registry.example.org/serve:1",
                            "securityContext": {"runAsNonRoot": True, "allowPrivilegeEscalation": False},
                            "resources": {"limits": {"nvidia.com/gpu": 1}},
                        }
                    ],
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "serve", "namespace": "ai"},
        "spec": {"selector": {"app": "serve"}, "ports": [{"port": 80}]},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "ai"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "deployer", "namespace": "ai"},
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "update"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "deployers", "namespace": "ai"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}],
    },
)


def without(*names: str) -> Json:
    """The role of least privilege, less some types."""
    made: Json = json.loads(json.dumps(cluster_role()))
    gone = {(t.group, t.plural) for t in TYPES if t.name in names}
    rules: list[Json] = made["rules"]  # type: ignore[assignment]
    for rule in rules:
        (group,) = rule["apiGroups"]  # type: ignore[misc]
        rule["resources"] = [r for r in rule["resources"] if (group, r) not in gone]  # type: ignore[attr-defined]
    made["rules"] = [r for r in rules if r["resources"]]
    return made


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with what somebody applied, and a user who may list and nothing else."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        for one in MANIFESTS:
            status, said = made.create(one)
            assert status == 201, said
        assert made.create(cluster_role())[0] == 201
        binding: Json = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ROLE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "User", "name": "auditor", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        assert made.create(binding)[0] == 201
        assert kube_server.until(lambda: made.ask("GET", "/api/v1/pods", user="auditor")[0] == 200)
        # A new server has its own roles, discovery among them, a moment after it is up.
        assert kube_server.until(lambda: made.ask("GET", "/apis", user="auditor")[0] == 200)
        yield made


def limits(cluster: Cluster, user: str = "auditor") -> Limits:
    """What the command asks with."""
    return Limits(outside=Outside(kubeconfig=str(cluster.kubeconfig(user))))


def seen(cluster: Cluster) -> Estate:
    """The cluster as the auditor sees it."""
    return gather(["k8s:c"], NOW, limits(cluster))


def asset(estate: Estate, name: str) -> Asset:
    """The asset of an id."""
    return next(a for a in estate.assets if a.id == name)


def role(cluster: Cluster, wanted: Json, path: str, status: int) -> None:
    """Change the role, and wait until the server goes by it."""
    assert cluster.ask("PUT", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ROLE}", wanted)[0] == 200
    assert kube_server.until(lambda: cluster.ask("GET", path, user="auditor")[0] == status)


def test_the_role_of_least_privilege_shows_the_whole_cluster(cluster: Cluster) -> None:
    """Who has the printed role alone gets no gap, and no answer that a permission would change."""
    found = seen(cluster)
    assert found.gaps == ()
    assert {a.id for a in found.assets} >= {
        SERVE,
        "k8s:ai/networking.k8s.io/NetworkPolicy/closed",
        "k8s:-/core/Namespace/ai",
    }
    assert cluster.ask("GET", "/api/v1/secrets", user="auditor")[0] == 403
    judged = assess(["k8s:c"], NOW, limits(cluster))
    assert not [f for f in judged.findings if f.status is Status.UNKNOWN and "permission" in str(f.arguments)]
    policy = [f for f in judged.findings if f.asset == SERVE and f.check.startswith("net.workload.")]
    assert policy
    assert not [f for f in policy if f.status is Status.UNKNOWN]


def test_a_missing_rule_is_one_gap_and_its_questions_are_open(cluster: Cluster) -> None:
    """Without the right to list policies nobody says that there is none: no fail, no pass, and the line that is missing."""
    path = "/apis/networking.k8s.io/v1/networkpolicies"
    role(cluster, without("networkpolicies.networking.k8s.io"), path, 403)
    try:
        found = seen(cluster)
        judged = assess(["k8s:c"], NOW, limits(cluster))
        reached = reach(Asked("k8s:c"), "ai/Deployment/serve", NOW, limits(cluster))
    finally:
        role(cluster, cluster_role(), path, 200)
    assert [(g.scope, g.code) for g in found.gaps] == [("networkpolicies.networking.k8s.io", GapCode.DENIED)]
    assert (
        '- {apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list"]}' in found.gaps[0].detail
    )
    facts = asset(found, SERVE).facts
    assert isinstance(facts["net.policy_ingress"].value, Unknown)
    assert isinstance(facts["net.policy_egress"].value, Unknown)
    assert facts["net.exposed_by"].value == ()
    told = {f.status for f in judged.findings if f.asset == SERVE and "net.policy_ingress" in {x.name for x in f.facts}}
    assert told == {Status.UNKNOWN}
    assert isinstance(reached.egress, Unknown)


@pytest.mark.parametrize(
    "name", ["poddisruptionbudgets.policy", "services", "serviceaccounts", "runtimeclasses.node.k8s.io"]
)
def test_each_missing_rule_is_exactly_its_gap(cluster: Cluster, name: str) -> None:
    """What was taken from the role is what is named, and nothing beside it."""
    one = next(t for t in TYPES if t.name == name)
    role(cluster, without(name), one.path("v1"), 403)
    try:
        found = seen(cluster)
    finally:
        role(cluster, cluster_role(), one.path("v1"), 200)
    assert [g.scope for g in found.gaps] == [name]
    facts = asset(found, SERVE).facts
    assert isinstance(facts["net.exposed_by"].value, Unknown) == (name == "services")
    assert isinstance(facts["pod.token_mounted"].value, Unknown) == (name == "serviceaccounts")


def test_only_what_was_changed_has_drifted(cluster: Cluster, tmp_path: Path) -> None:
    """What the server fills in is no drift; one changed field is exactly one."""
    for n, one in enumerate(MANIFESTS):
        (tmp_path / f"{n}.json").write_text(json.dumps(one))
    by = Circumstances(str(tmp_path / "none.db"), NOW, limits(cluster))
    before = diff(f"k8s:{tmp_path}", "k8s:c", by)
    assert [(d.asset, [c.name for c in d.facts]) for d in before.drifted] == []
    assert before.only_before == ()
    path = "/apis/apps/v1/namespaces/ai/deployments/serve"
    change = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    kind = "application/merge-patch+json"
    assert cluster.ask("PATCH", path, change, kind=kind)[0] == 200
    try:
        after = diff(f"k8s:{tmp_path}", "k8s:c", by)
    finally:
        assert cluster.ask("PATCH", path, {"spec": {"template": {"spec": {"hostNetwork": None}}}}, kind=kind)[0] == 200
    assert [d.asset for d in after.drifted] == [SERVE]
    assert "pod.host_namespaces" in [c.name for c in after.drifted[0].facts]


def test_who_can_deploy_is_asked_of_the_cluster(cluster: Cluster) -> None:
    """The verdicts of the live RBAC, by the same words as those of files."""
    held = ask(["k8s:c"], Deed.DEPLOY, "ai/Deployment/serve", NOW, limits(cluster))
    assert held.gaps == ()
    assert "User bob" in " ".join(h.principal for h in held.held)
