"""`strongroom init`: the policy of the place that is read, made from the reader's own table."""

from pathlib import Path

import pytest
import yaml
from in_process import run

from strongroom.collect.kubernetes import listed


def test_the_role_is_that_of_the_reader(tmp_path: Path) -> None:
    """It lists what the reader lists, reads nothing else, and no Secrets."""
    made = run("init", "kubernetes", cwd=tmp_path)
    (role,) = yaml.safe_load_all(made.stdout)
    assert made.returncode == 0
    assert role == listed.cluster_role()
    asked = {(r["apiGroups"][0], x) for r in role["rules"] for x in r["resources"]}
    assert asked == {(t.group, t.plural) for t in listed.TYPES}
    assert {v for r in role["rules"] for v in r["verbs"]} == {"list"}
    assert "secrets" not in {x for _, x in asked}


@pytest.mark.parametrize(
    ("who", "subject"),
    [
        ("group:auditors", {"kind": "Group", "name": "auditors", "apiGroup": "rbac.authorization.k8s.io"}),
        ("user:ann@example.com", {"kind": "User", "name": "ann@example.com", "apiGroup": "rbac.authorization.k8s.io"}),
        ("serviceaccount:audit/reader", {"kind": "ServiceAccount", "name": "reader", "namespace": "audit"}),
    ],
)
def test_it_is_bound_to_who_is_named(who: str, subject: dict[str, str], tmp_path: Path) -> None:
    """With a binding of that role beside it."""
    role, binding = yaml.safe_load_all(run("init", "kubernetes", "--for", who, cwd=tmp_path).stdout)
    assert (binding["subjects"], binding["roleRef"]["name"]) == ([subject], role["metadata"]["name"])


@pytest.mark.parametrize("who", ["ann", "user:", "serviceaccount:reader", "group:a b", "serviceaccount:A/b"])
def test_nobody_is_guessed_at(who: str, tmp_path: Path) -> None:
    """What names nobody is bad usage, and nothing is written."""
    made = run("init", "kubernetes", "--for", who, cwd=tmp_path)
    assert (made.returncode, made.stdout) == (2, "")
    assert "serviceaccount:NAMESPACE/NAME" in made.stderr
