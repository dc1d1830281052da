"""Lists of one kind, as the API server and `kubectl get --raw` write them: the elements do not say what they are."""

import json
from pathlib import Path

import pytest

from kubernetes_objects import by_address, read

META = {"name": "p", "namespace": "n"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": META, "spec": {}}]}),
        json.dumps([{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": META, "spec": {}}]}]),
        "kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: p, namespace: n}\n  spec: {}\n",
        "apiVersion: v1\nitems:\n- metadata: {name: p, namespace: n}\n  spec: {}\nkind: PodList\n",
        "---\n{kind: PodList, apiVersion: v1, items: [{metadata: {name: p, namespace: n}, spec: {}}]}\n",
    ],
    ids=["json", "array", "yaml", "sorted", "flow"],
)
def test_an_element_is_what_its_list_says(tmp_path: Path, text: str) -> None:
    """A pod in a `PodList` is a pod, whether or not it repeats that."""
    estate = read(tmp_path, text)
    assert [(a.address, a.native_type) for a in estate.assets] == [("n/Pod/p", "v1/Pod")]
    assert estate.gaps == ()


def test_an_element_gets_the_version_of_its_list(tmp_path: Path) -> None:
    """What a list of another group holds is of that group."""
    listed = {"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": META, "spec": {}}]}
    assert by_address(read(tmp_path, json.dumps(listed)))["n/Deployment/p"].native_type == "apps/v1/Deployment"


def test_an_element_that_says_what_it_is_stays_that(tmp_path: Path) -> None:
    """A list of mixed objects gives them no kind, and an element's own word counts."""
    items = [{"kind": "Secret", "apiVersion": "v1", "metadata": META}, {"metadata": META}]
    mixed = read(tmp_path, json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    assert set(by_address(mixed)) == {"n/Secret/p"}
