"""Who can do what in a Kubernetes cluster: one cluster for every way that a right becomes another."""

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.asking_who import judge
from strongroom.collect.sources import k8s
from strongroom.model.errors import BadUsage
from strongroom.model.ports import Request
from strongroom.model.who_can import Deed, WhoCan

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
A, C, D = "ALLOW", "CONDITIONAL", "DENY"
RBAC = "rbac.authorization.k8s.io"
SCENE = """
apiVersion: v1
kind: Namespace
metadata: {name: ai}
---
apiVersion: v1
kind: Secret
metadata: {name: hub, namespace: ai}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: serve, namespace: ai}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: ai}
---
apiVersion: v1
kind: Node
metadata: {name: gpu-1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: ai}
spec:
  template:
    spec:
      serviceAccountName: serve
      containers: [{name: c, image: x, env: [{name: T, valueFrom: {secretKeyRef: {name: hub, key: t}}}]}]
"""


SUM = f"""apiVersion: {RBAC}/v1
kind: ClusterRole
metadata: {{name: sum}}
aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{to: "sum"}}}}]}}
rules: []
"""


def role(
    name: str, *rules: tuple[str, str, str] | tuple[str, str, str, str], namespace: str = "", labels: str = ""
) -> str:
    """A role of rules: verbs, groups and resources with commas, and names; of the cluster, unless it has a namespace."""
    said = []
    for verbs, groups, resources, *names in rules:
        parts = [f"verbs: [{_list(verbs)}]", f"apiGroups: [{_list(groups)}]", f"resources: [{_list(resources)}]"]
        parts += [f"resourceNames: [{_list(names[0])}]"] if names else []
        said.append("{" + ", ".join(parts) + "}")
    kind = "Role" if namespace else "ClusterRole"
    where = f", namespace: {namespace}" if namespace else ""
    tagged = f", labels: {{{labels}}}" if labels else ""
    return (
        f"apiVersion: {RBAC}/v1\nkind: {kind}\nmetadata: {{name: {name}{where}{tagged}}}\nrules: [{', '.join(said)}]\n"
    )


def _list(words: str) -> str:
    return ", ".join(f'"{w}"' for w in words.split(","))


def bind(role: str, *who: str, namespace: str = "", kind: str = "ClusterRole") -> str:
    """A binding of a role to subjects, as Kind:name; in a namespace if one is given."""
    subjects = []
    for one in who:
        what, _, name = one.partition(":")
        space, slash, account = name.partition("/")
        subjects.append(
            f"{{kind: {what}, name: {account}, namespace: {space}}}" if slash else f'{{kind: {what}, name: "{name}"}}'
        )
    made = "RoleBinding" if namespace else "ClusterRoleBinding"
    where = f", namespace: {namespace}" if namespace else ""
    return (
        f"apiVersion: {RBAC}/v1\nkind: {made}\nmetadata: {{name: {role.replace(':', '-')}{where}}}\n"
        f"roleRef: {{kind: {kind}, name: {role!r}, apiGroup: {RBAC}}}\nsubjects: [{', '.join(subjects)}]\n"
    )


def ask(tmp_path: Path, deed: str, asset: str, *objects: str) -> WhoCan:
    """The whole answer for the scene and more objects."""
    (tmp_path / "cluster.yaml").write_text("---\n".join((textwrap.dedent(SCENE), *objects)), encoding="utf-8")
    estate = k8s.collect(Request(f"k8s:{tmp_path}", str(tmp_path), NOW))
    assert estate.gaps == ()
    return judge(estate, Deed(deed), asset, "k8s:x")


def verdicts(tmp_path: Path, deed: str, asset: str, *objects: str) -> dict[str, str]:
    """The verdicts, without the account that everybody has."""
    found = ask(tmp_path, deed, asset, *objects)
    return {h.principal: h.verdict.value for h in found.held if h.principal != "ai/ServiceAccount/serve"}


HUB, LLM = "ai/Secret/hub", "ai/Deployment/llm"
CASES = {
    "by name, by list, by star": (
        "read", HUB,
        [role("a", ("get", "", "secrets", "hub"), namespace="ai"), bind("a", "User:named", namespace="ai", kind="Role"),
         role("b", ("list", "", "secrets")), bind("b", "Group:listers"), role("c", ("*", "*", "*")), bind("c", "User:all"),
         role("d", ("get", "", "secrets", "other"), namespace="ai"), bind("d", "User:other", namespace="ai", kind="Role"),
         role("e", ("get", "apps", "secrets")), bind("e", "User:group"), role("f", ("get", "", "configmaps")), bind("f", "User:maps")],
        {"User named": A, "Group listers": A, "User all": A, "User other": D, "User group": D, "User maps": D}),
    "a binding counts in its namespace": (
        "read", HUB,
        [role("r", ("get", "", "secrets")), bind("r", "User:here", namespace="ai"), bind("r", "User:there", namespace="web")],
        {"User here": A, "User there": D}),
    "roles that every cluster has": (
        "read", HUB,
        [bind("cluster-admin", "User:root"), bind("edit", "User:editor", namespace="ai"), bind("view", "User:viewer"),
         bind("admin", "User:admin", namespace="ai")], {"User root": A, "User editor": A, "User viewer": D, "User admin": A}),
    "a role that is not in the files": ("read", HUB, [bind("elsewhere", "User:x")], {"User x": C}),
    "a role that takes in others": (
        "read", HUB,
        [SUM, role("part", ("get", "", "secrets"), labels='to: "sum"'), role("apart", ("get", "", "secrets")), bind("sum", "User:x")],
        {"User x": A}),
    "groups that every account and user is in": (
        "read", HUB,
        [role("r", ("get", "", "secrets")), bind("r", "Group:system:serviceaccounts:web"),
         "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: site, namespace: web}\n", role("v", ("get", "", "pods")), bind("v", "User:x")],
        {"Group system:serviceaccounts:web": A, "web/ServiceAccount/site": A, "User x": D}),
    "an account that is written as the user that it is": (
        "read", HUB, [role("r", ("get", "", "secrets")), bind("r", "User:system:serviceaccount:web:site")], {"web/ServiceAccount/site": A}),
    "a shell in the pod that sees it": (
        "read", HUB,
        [role("e", ("create", "", "pods/exec")), bind("e", "User:shell", namespace="ai"), bind("e", "User:away", namespace="web"),
         role("d", ("patch", "", "pods/ephemeralcontainers")), bind("d", "User:debug"), role("s", ("create", "", "pods/*")), bind("s", "User:star")],
        {"User shell": A, "User away": D, "User debug": A, "User star": A}),
    "a pod of one's own": (
        "read", HUB,
        [role("p", ("create", "", "pods")), bind("p", "User:pods", namespace="ai"), role("j", ("create", "batch", "jobs")),
         bind("j", "User:jobs", namespace="ai"), bind("j", "User:away", namespace="web")], {"User pods": A, "User jobs": A, "User away": D}),
    "tokens and disguise": (
        "read", HUB,
        [role("r", ("get", "", "secrets"), namespace="ai"), bind("r", "ServiceAccount:ai/serve", "User:reader", namespace="ai", kind="Role"),
         role("t", ("create", "", "serviceaccounts/token")), bind("t", "User:tokens", namespace="ai"),
         role("i", ("impersonate", "", "users", "reader")), bind("i", "User:mask"), role("o", ("impersonate", "", "users", "nobody")),
         bind("o", "User:wrong"), role("g", ("impersonate", "", "groups")), bind("g", "User:half")],
        {"User reader": A, "User tokens": A, "User mask": A, "User wrong": D, "User half": D}),
    "writing roles, and binding them": (
        "read", HUB,
        [role("e", ("escalate,update", RBAC, "clusterroles")), bind("e", "User:writer"), role("f", ("escalate", RBAC, "clusterroles")),
         bind("f", "User:half"), role("b", ("bind", RBAC, "clusterroles"), ("create", RBAC, "rolebindings")), bind("b", "User:binder"),
         role("c", ("create", RBAC, "rolebindings")), bind("c", "User:plain")],
        {"User writer": A, "User half": D, "User binder": A, "User plain": D}),
    "binding one role only": (
        "read", HUB,
        [role("reader", ("get", "", "secrets")), role("other", ("get", "", "pods")),
         role("b", ("bind", RBAC, "clusterroles", "reader"), ("create", RBAC, "clusterrolebindings")), bind("b", "User:x"),
         role("c", ("bind", RBAC, "clusterroles", "other"), ("create", RBAC, "clusterrolebindings")), bind("c", "User:y")],
        {"User x": A, "User y": D}),
    "the node's agent": ("read", HUB, [role("n", ("create", "", "nodes/proxy")), bind("n", "User:x")], {"User x": A}),
    "deploy is to change what the pods run": (
        "deploy", LLM,
        [role("d", ("patch", "apps", "deployments", "llm")), bind("d", "User:named"), role("o", ("patch", "apps", "deployments", "web")),
         bind("o", "User:other"), role("p", ("patch", "", "pods")), bind("p", "User:pods"), role("s", ("patch", "apps", "deployments/scale")),
         bind("s", "User:scale")], {"User named": A, "User other": D, "User pods": A, "User scale": D}),
    "infer is to call it by the API's proxies": (
        "infer", "ai/Service/front", [role("p", ("get", "", "services/proxy")), bind("p", "User:x"), bind("view", "User:y")], {"User x": A, "User y": D}),
    "train is work of one's own": (
        "train", "Namespace/ai", [bind("edit", "User:x", namespace="ai"), bind("view", "User:y", namespace="ai")], {"User x": A, "User y": D}),
    "stop-logs is to take its collector away": (
        "stop-logs", LLM, [role("s", ("patch", "apps", "deployments/scale")), bind("s", "User:x"), bind("view", "User:y")], {"User x": A, "User y": D}),
    "manage-gpu is the node, or what runs on it": (
        "manage-gpu", "Node/gpu-1", [role("n", ("patch", "", "nodes")), bind("n", "User:x"), bind("edit", "User:y")], {"User x": A, "User y": D}),
    "admin is everything in the cluster; of a namespace, in it": (
        "admin", HUB, [bind("cluster-admin", "User:x"), bind("cluster-admin", "User:y", namespace="ai"), bind("edit", "User:z")],
        {"User x": A, "User y": D, "User z": D}),
    "admin of a namespace": (
        "admin", "Namespace/ai", [bind("cluster-admin", "User:y", namespace="ai"), bind("edit", "User:z")], {"User y": A, "User z": D}),
    "the group that is let do everything": ("admin", HUB, [bind("view", "Group:system:masters")], {"Group system:masters": A}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_verdict_of_every_subject(tmp_path: Path, case: tuple[str, str, list[str], dict[str, str]]) -> None:
    """Each cluster has one rule or one way in it, and its subjects get what the API server gives them."""
    deed, asset, objects, expected = case
    assert verdicts(tmp_path, deed, asset, *objects) == expected


def test_the_way_names_bindings_and_roles(tmp_path: Path) -> None:
    """A token of another account is one step, what that account may is the next; each cites its binding and role."""
    found = ask(
        tmp_path, "read", HUB, role("r", ("get", "", "secrets"), namespace="ai"),
        bind("r", "ServiceAccount:ai/serve", namespace="ai", kind="Role"),
        role("t", ("create", "", "serviceaccounts/token")), bind("t", "User:ci", namespace="ai"),
    )  # fmt: skip
    ci = next(h for h in found.held if h.principal == "User ci")
    assert [(s.who, s.action, s.leads_to, s.by) for s in ci.path] == [
        ("User ci", "create serviceaccounts/token", "ai/ServiceAccount/serve", ("ai/RoleBinding/t (ClusterRole t)",)),
        ("ai/ServiceAccount/serve", "get secrets", "", ("ai/RoleBinding/r (Role r)",)),
    ]


def test_a_doubt_names_the_role_that_is_missing(tmp_path: Path) -> None:
    """What a role allows that the files do not hold is no denial."""
    found = ask(tmp_path, "read", HUB, bind("elsewhere", "User:x"))
    x = next(h for h in found.held if h.principal == "User x")
    assert x.depends_on == (
        "ClusterRoleBinding/elsewhere (ClusterRole elsewhere): the ClusterRole elsewhere is not in these files",
    )


def test_a_question_that_does_not_arise_is_refused(tmp_path: Path) -> None:
    """Nobody infers from a secret."""
    with pytest.raises(BadUsage, match="does not arise"):
        ask(tmp_path, "infer", HUB)
