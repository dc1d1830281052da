"""Objects that no API server would take: they become gaps, never a fault, and the sound ones beside them still count."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reach_clusters import clusters, lines, manifests, parsed, written

from kubernetes_objects import NOW
from strongroom.app import reaching
from strongroom.assess.network import k8s_cluster, k8s_connectivity, k8s_drawing, k8s_witness

ODD: tuple[object, ...] = (
    *(None, True, -1, 0, 10**30, 1.5, "", "x" * 300, "a\nb", "::/0", "10.0.0.0/99", "NotIn"),
    *([], [None], [[]], {}, {"key": "a"}, {"matchLabels": {"a": None}}, {"matchExpressions": [{"key": "a", "operator": "Like"}]}),
)  # fmt: skip

MORE = """---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: n1}, spec: {selector: {a: "1"}, ports: [{port: 80, targetPort: web}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: n1}, spec: {rules: [{http: {paths: [{backend: {service: {name: s, port: {number: 80}}}}]}}]}}
---
{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: n1}, spec: {to: {kind: Service, name: s}, port: {targetPort: web}}}
---
{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {name: c}, spec: {namespaceSelector: {matchLabels: {a: "1"}}, network: {layer2: {role: Primary}}}}
---
{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {name: u, namespace: n2}, spec: {layer2: {role: Primary}}}
---
{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: f, namespace: n1}}
---
{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: v, namespace: n1}, spec: {template: {spec: {networks: [{name: x, multus: {networkName: f}}]}}}}
---
{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {name: m, namespace: n1, annotations: {k8s.v1.cni.cncf.io/policy-for: f}}, spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}}
"""


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The path of everything in an object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, v in inner for p in places(v, (*path, key)))]


def changed(value: object, path: tuple[object, ...], odd: object) -> object:
    """An object with something else at a path."""
    if not path:
        return odd
    held = json.loads(json.dumps(value))
    at = held
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = odd
    return held


@settings(max_examples=300)
@given(clusters(), st.data())
def test_no_object_is_a_fault(objects: list[dict[str, object]], data: st.DataObject) -> None:
    """Whatever stands anywhere in an object, lines and connections are made of what can be read."""
    whole: list[object] = [*objects, *parsed(MORE)]
    at = data.draw(st.integers(0, len(whole) - 1))
    path = data.draw(st.sampled_from(places(whole[at])))
    whole[at] = changed(whole[at], path, data.draw(st.sampled_from(ODD)))
    cluster = k8s_cluster.read(manifests([o for o in whole if isinstance(o, dict)]))
    made = k8s_connectivity.connectivity(cluster)
    found = list(k8s_drawing.lines(made))
    assert {f"{c.src} => {c.dst}" for c in k8s_witness.connections(made)} == {
        line.partition(" : ")[0] for line in found if " => " in line
    }


POD = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n}}\n"


def policy(spec: str, kind: str = "NetworkPolicy", version: str = "networking.k8s.io/v1", name: str = "x") -> str:
    """A policy in one line."""
    return f"---\n{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}, namespace: n}}, spec: {spec}}}\n"


ADMIN = ("AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1")
BASE = ("BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1")
ALL = "subject: {namespaces: {}}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (policy("{podSelector: 7}"), "podSelector"),
        (policy("{podSelector: {matchExpressions: [{key: a, operator: Like}]}}"), "'Like'"),
        (policy("{podSelector: {matchExpressions: [{key: a, operator: In}]}}"), "In without values"),
        (policy("{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}"), "Exists with values"),
        (policy("{policyTypes: [Sideways]}"), "Sideways"),
        (policy("{ingress: [{from: [{}]}]}"), "names nobody"),
        (policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}"), "ipBlock and a selector"),
        (policy("{ingress: [{from: [{ipBlock: {cidr: ten}}]}]}"), "ten"),
        (policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ['::1/128']}}]}]}"), "another family"),
        (policy("{ingress: [{ports: [{port: 0}]}]}"), "ports 0 to 0"),
        (policy("{ingress: [{ports: [{port: 9, endPort: 8}]}]}"), "ports 9 to 8"),
        (policy("{ingress: [{ports: [{port: web, endPort: 8}]}]}"), "endPort beside the name"),
        (policy("{ingress: [{ports: [{endPort: 8}]}]}"), "endPort without port"),
        (policy("{ingress: [{ports: [{protocol: ICMP}]}]}"), "ICMP"),
        (policy(f"{{{ALL}}}", *ADMIN), "the priority None"),
        (policy(f"{{priority: 1001, {ALL}}}", *ADMIN), "1001"),
        (policy("{priority: 1, subject: {}}", *ADMIN), "not exactly one of namespaces and pods"),
        (policy(f"{{priority: 1, {ALL}, ingress: [{{action: Drop, from: [{{namespaces: {{}}}}]}}]}}", *ADMIN), "Drop"),
        (policy(f"{{priority: 1, {ALL}, ingress: [{{action: Deny, from: []}}]}}", *ADMIN), "no peer"),
        (policy(f"{{priority: 1, {ALL}, ingress: [{{action: Deny, from: [{{networks: [10.0.0.0/8]}}]}}]}}", *ADMIN), "networks as the source"),
        (policy(f"{{priority: 1, {ALL}, egress: [{{action: Deny, to: [{{}}]}}]}}", *ADMIN), "not exactly one thing"),
        (policy(f"{{priority: 1, {ALL}, egress: [{{action: Deny, to: [{{namespaces: {{}}}}], ports: [{{}}]}}]}}", *ADMIN), "a port that is not"),
        (policy(f"{{{ALL}}}", *BASE), "default, the only name"),
        (policy(f"{{{ALL}, ingress: [{{action: Pass, from: [{{namespaces: {{}}}}]}}]}}", *BASE, "default"), "Pass"),
        ("---\n{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: n, annotations: {k8s.v1.cni.cncf.io/networks: '[oops'}}}\n", "[oops"),
    ],
)  # fmt: skip
def test_what_the_api_refuses_is_a_gap(tmp_path: Path, text: str, reason: str) -> None:
    """An object that cannot exist in a cluster is named with its fault and place, and the pods beside it are told."""
    drawn = reaching.draw(reaching.Asked(written(tmp_path, POD + text)), NOW)
    (gap,) = drawn.gaps
    assert reason in f"{gap.scope}: {gap.detail}"
    assert gap.where is not None
    assert gap.where.line_start == 3
    assert len(list(drawn.lines(""))) == 2


def test_policies_of_other_makers_are_named() -> None:
    """What Calico or Cilium call a policy is not read as one of the API, and is not passed over in silence."""
    calico = "{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, metadata: {name: c, namespace: n}, spec: {selector: all()}}\n"
    cluster = k8s_cluster.read(manifests(parsed(calico)))
    assert [(p.value, p.name) for p in cluster.unread] == [("NetworkPolicy", "c")]
    assert cluster.policies == []


def test_kinds_of_other_groups_are_not_taken_for_those_of_the_api() -> None:
    """A Knative Service and a Route of another maker select no pods."""
    text = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}}}\n---\n{apiVersion: serving.knative.dev/v1, kind: Route, metadata: {name: r}, spec: {to: 7}}\n"
    cluster = k8s_cluster.read(manifests(parsed(text)))
    assert (cluster.services, cluster.routes, cluster.gaps) == ([], [], [])


def test_owners_in_a_circle_end() -> None:
    """Two objects that own each other are no cluster's, and their pods are told all the same."""
    text = "---\n{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, namespace: n, ownerReferences: [{kind: ReplicaSet, name: b}]}}\n"
    text += "---\n{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: b, namespace: n, ownerReferences: [{kind: ReplicaSet, name: a}]}}\n"
    text += "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n, ownerReferences: [{kind: ReplicaSet, name: a}]}}\n"
    assert len(lines(text)) == 2


def test_two_networks_for_one_namespace_is_a_gap() -> None:
    """A namespace that two primary networks claim has none that can be told."""
    text = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: u, labels: {a: b, k8s.ovn.org/primary-user-defined-network: ''}}}\n"
    text += "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: u}}\n"
    for name in ("one", "two"):
        text += f"---\n{{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {{name: {name}}}, spec: {{namespaceSelector: {{matchLabels: {{a: b}}}}, network: {{layer2: {{role: Primary}}}}}}}}\n"
    cluster = k8s_cluster.read(manifests(parsed(text)))
    k8s_connectivity.connectivity(cluster)
    assert [g.detail for g in cluster.gaps] == ["two primary networks; wanted one"]
