"""Users and groups that bindings name, and what all of their roles together come to."""

from pathlib import Path

import pytest

from kubernetes_objects import answers, by_address, read
from strongroom.model.codes import Status

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE


def role(name: str, group: str, resource: str, verb: str) -> str:
    """A role with one right."""
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: {name}, namespace: ns}}\n"
        f"rules: [{{apiGroups: ['{group}'], resources: ['{resource}'], verbs: ['{verb}']}}]\n"
    )


def bound(name: str, to: str, kind: str = "User", more: str = "") -> str:
    """A binding of a role to somebody."""
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: {name}, namespace: ns{more}}}\n"
        f"roleRef: {{kind: Role, name: {name}}}\nsubjects: [{{kind: {kind}, name: '{to}'}}]\n"
    )


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        ("iam.subject.secrets", ("", "secrets", "list")),
        ("iam.subject.exec", ("", "pods/exec", "create")),
        ("iam.subject.port-forward", ("", "pods/portforward", "create")),
        ("iam.subject.impersonate", ("", "users", "impersonate")),
        ("iam.subject.impersonate", ("*", "*", "*")),
    ],
)
@pytest.mark.parametrize("kind", ["User", "Group"])
def test_what_a_role_gives_the_subject_has(tmp_path: Path, check: str, bad: tuple[str, str, str], kind: str) -> None:
    """Somebody with the right fails, somebody with another one passes."""
    whose = f"jane/external:{kind}"
    assert answers(tmp_path / "bad", role("r", *bad), bound("r", "jane", kind))[check, whose] is F
    good = role("r", "", "pods", "list")
    assert answers(tmp_path / "good", good, bound("r", "jane", kind))[check, whose] is P


def test_all_bindings_count_together(tmp_path: Path) -> None:
    """One person with two bindings is one asset with the powers of both."""
    texts = (
        role("a", "", "secrets", "get"),
        bound("a", "jane"),
        role("b", "", "pods/exec", "create"),
        bound("b", "jane"),
    )
    jane = by_address(read(tmp_path / "s", *texts))["jane/external:User"]
    assert jane.id == "k8s:-/rbac.authorization.k8s.io/User/jane"
    assert jane.value("subject.powers") == ("read secrets", "run a command in pods")
    assert jane.value("subject.bindings") == ("ns/a", "ns/b")


def test_a_role_that_is_not_seen_leaves_open_what_no_other_gives(tmp_path: Path) -> None:
    """What another role gives is given; the rest is unknown, never a pass."""
    found = answers(tmp_path / "s", bound("gone", "jane"), role("a", "", "secrets", "get"), bound("a", "jane"))
    assert found["iam.subject.secrets", "jane/external:User"] is F
    assert found["iam.subject.exec", "jane/external:User"] is U


def test_the_parts_of_kubernetes_are_no_people(tmp_path: Path) -> None:
    """Names that begin with system:, what Kubernetes binds itself, and accounts make no asset of this kind."""
    own = bound("r", "jane", more=", labels: {kubernetes.io/bootstrapping: rbac-defaults}")
    texts = (role("r", "", "pods", "get"), own, bound("r", "system:node:n"), bound("r", "a", "ServiceAccount"))
    assert not [a for a in by_address(read(tmp_path / "s", *texts)) if "external:" in a]


def test_those_who_run_the_cluster_are_left_alone(tmp_path: Path) -> None:
    """The group that kubeadm makes for them holds everything by its purpose."""
    texts = (role("r", "*", "*", "*"), bound("r", "kubeadm:cluster-admins", "Group"))
    assert answers(tmp_path / "s", *texts)["iam.subject.exec", "kubeadm:cluster-admins/external:Group"] is N
