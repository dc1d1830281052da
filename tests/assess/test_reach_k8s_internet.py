"""Whether the internet reaches a workload, and the workload the internet: true, false, or unknown with the reason."""

import json
from pathlib import Path

import pytest
from reach_clusters import written

from kubernetes_objects import NOW
from strongroom.app import reaching
from strongroom.model.errors import NotFound
from strongroom.model.reach import Reached
from strongroom.model.values import Unknown

APP = """---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: n}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]SPEC}
"""
NODE = "---\n{apiVersion: v1, kind: Node, metadata: {name: w}, status: {addresses: [{type: TYPE, address: ADDRESS}]}}\n"
PUBLIC_NODE = NODE.replace("TYPE", "ExternalIP").replace("ADDRESS", "34.1.2.3")
PRIVATE_NODE = NODE.replace("TYPE", "InternalIP").replace("ADDRESS", "10.0.0.3")
CALICO = "---\n{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: calico-node, namespace: kube-system}, spec: {template: {spec: {containers: []}}}}\n"
FLANNEL = CALICO.replace("calico-node", "kube-flannel-ds")


def app(more: str = "") -> str:
    """The workload that is asked about."""
    return APP.replace("SPEC", f", {more}" if more else "")


def service(spec: str, notes: str = "{}") -> str:
    """A service in front of it."""
    return f"---\n{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: n, annotations: {notes}}}, spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}], {spec}}}}}\n"


def policy(spec: str) -> str:
    """A network policy that selects it."""
    return f"---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: n}}, spec: {{podSelector: {{}}, {spec}}}}}\n"


def asked(folder: Path, text: str, *, enforced: bool | None = True) -> Reached:
    """The answer for the workload."""
    source = written(folder, text)
    return reaching.reach(reaching.Asked(source, (), enforced), "n/Deployment/web", NOW)


def plain(found: Reached) -> tuple[bool | str, bool | str]:
    """Both answers as other programs read them."""
    return reaching.said(found.ingress), reaching.said(found.egress)


LOAD_BALANCER = service("type: LoadBalancer")
INGRESS = "---\n{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: n, annotations: NOTES}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}\n"
INTERNAL = "{alb.ingress.kubernetes.io/scheme: internal}"
ROUTE = "---\n{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: n}, spec: {to: {kind: Service, name: s}}}\n"
HTTP = "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: h, namespace: n}, spec: {rules: [{backendRefs: [{name: s, port: 80}]}]}}\n"
ONLY_IN = "policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # nothing leads in
        (app(), False),
        (app() + service("type: ClusterIP"), False),
        # load balancers
        (app() + LOAD_BALANCER, True),
        (
            app() + service("type: LoadBalancer", "{networking.gke.io/load-balancer-type: Internal}") + PRIVATE_NODE,
            False,
        ),
        (app() + LOAD_BALANCER + policy("policyTypes: [Ingress]") + PRIVATE_NODE, False),
        (app() + LOAD_BALANCER + policy("ingress: [{ports: [{port: 8080}]}]"), True),
        (app() + LOAD_BALANCER + policy("ingress: [{ports: [{port: 80}]}]") + PRIVATE_NODE, False),
        (app() + service("type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]") + PRIVATE_NODE, False),
        (app() + service("type: LoadBalancer, loadBalancerSourceRanges: [8.8.8.0/24]") + PRIVATE_NODE, True),
        # some addresses: which one the pod sees depends on the traffic policy
        (
            app() + LOAD_BALANCER + policy("ingress: [{from: [{ipBlock: {cidr: 8.8.8.0/24}}]}]") + PRIVATE_NODE,
            "unknown",
        ),
        (
            app()
            + service("type: LoadBalancer, externalTrafficPolicy: Local")
            + policy("ingress: [{from: [{ipBlock: {cidr: 8.8.8.0/24}}]}]"),
            True,
        ),
        (
            app()
            + service("type: LoadBalancer, externalTrafficPolicy: Local")
            + policy("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]")
            + PRIVATE_NODE,
            False,
        ),
        # ports of nodes
        (app() + service("type: NodePort"), "unknown"),
        (app() + service("type: NodePort") + PUBLIC_NODE, True),
        (app() + service("type: NodePort") + PRIVATE_NODE, False),
        (app() + service("type: ClusterIP, externalIPs: [34.1.2.3]"), True),
        (app() + service("type: ClusterIP, externalIPs: [10.1.2.3]"), False),
        (app("hostNetwork: true") + PUBLIC_NODE + policy("policyTypes: [Ingress, Egress]"), True),
        (app("hostNetwork: true") + PRIVATE_NODE, False),
        (app("hostNetwork: true"), "unknown"),
        # what a controller serves
        (app() + service("type: ClusterIP") + INGRESS.replace("NOTES", "{}"), True),
        (app() + service("type: ClusterIP") + INGRESS.replace("NOTES", INTERNAL), False),
        (app() + service("type: ClusterIP") + ROUTE, True),
        (app() + service("type: ClusterIP") + HTTP, True),
        (app() + service("type: ClusterIP") + ROUTE + policy("policyTypes: [Ingress]"), False),
        (app() + service("type: ClusterIP") + ROUTE + policy(ONLY_IN), "unknown"),
        (app() + service("type: ClusterIP") + ROUTE + policy("ingress: [{from: [{namespaceSelector: {}}]}]"), True),
    ],
)
def test_the_internet_gets_in_where_something_leads_in(tmp_path: Path, text: str, found: bool | str) -> None:
    """In needs a way from outside to a port of the pods, and policies that let it through."""
    assert plain(asked(tmp_path, text))[0] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (app(), True),
        (app() + policy("policyTypes: [Egress]"), False),
        (app() + policy("policyTypes: [Ingress]"), True),
        (app() + policy("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), False),
        (app() + policy("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: 8.8.8.8/32}}]}]"), True),
        (app() + policy("egress: [{to: [{ipBlock: {cidr: '2600::/16'}}], ports: [{port: 443}]}]"), True),
        (app() + policy("egress: [{to: [{namespaceSelector: {}}]}]"), False),
        (app("hostNetwork: true") + policy("policyTypes: [Egress]"), True),
    ],
)
def test_the_internet_is_reached_where_policies_allow(tmp_path: Path, text: str, found: bool) -> None:
    """Out needs one address of the internet on one port; private ones are not the internet."""
    assert plain(asked(tmp_path, text))[1] == found


CLOSED = app() + policy("policyTypes: [Egress]")


@pytest.mark.parametrize(
    ("text", "enforced", "found"),
    [
        (CLOSED, None, "unknown"),
        (CLOSED, True, False),
        (CLOSED, False, True),
        (CLOSED + CALICO, None, False),
        (CLOSED + FLANNEL, None, True),
        (CLOSED + FLANNEL, True, False),
        (CLOSED + CALICO.replace("kube-system", "elsewhere"), None, "unknown"),
        (CLOSED + CALICO.replace("calico-node", "aws-node").replace("containers: []", "containers: [{name: a, args: [--enable-network-policy=true]}]"), None, False),
        (CLOSED + CALICO.replace("calico-node", "aws-node").replace("containers: []", "containers: [{name: a, args: [--enable-network-policy=false]}]"), None, True),
        (app(), None, True),
    ],
)  # fmt: skip
def test_a_policy_counts_only_where_it_is_enforced(
    tmp_path: Path, text: str, enforced: bool | None, found: bool | str
) -> None:
    """The user's word comes first, then what runs on the nodes; where nothing tells, closed is unknown."""
    assert plain(asked(tmp_path, text, enforced=enforced))[1] == found


def test_the_clusters_own_source_tells_whether_policies_count(tmp_path: Path) -> None:
    """The fact of a cluster in another source decides what nothing in the objects tells."""
    (tmp_path / "tf").mkdir()
    for engine, found in (("null", True), ('"calico"', False)):
        profile = f'network_profile {{\n network_plugin = "azure"\n network_policy = {engine}\n}}\n'
        text = f'resource "azurerm_kubernetes_cluster" "c" {{\n name = "c"\n {profile}}}\n'
        (tmp_path / "tf/main.tf").write_text(text, encoding="utf-8")
        source = written(tmp_path / "k", CLOSED)
        told = reaching.Asked(source, (f"tf:{tmp_path / 'tf'}",))
        assert plain(reaching.reach(told, "n/Deployment/web", NOW))[1] == found


def test_an_answer_says_what_decided(tmp_path: Path) -> None:
    """Each rule that had a part is named with its place, and what closes the rest."""
    text = app() + LOAD_BALANCER + policy("ingress: [{ports: [{port: 8080}]}]")
    found = asked(tmp_path, text)
    said = [(w.direction, w.by, w.says, w.traffic, w.rule) for w in found.witness]
    assert said == [
        ("ingress", "Service n/s", "leads in", "TCP 8080", ""),
        ("ingress", "NetworkPolicy n/p", "allows", "TCP 8080", "1"),
        ("ingress", "NetworkPolicy n/p", "selects", "", ""),
        ("egress", "no policy", "allows", "", ""),
    ]
    places = [w.where.line_start for w in found.witness if w.where is not None]
    assert places == [text[: text.index("kind: Service") - 10].count("\n") + 1, text.count("\n"), text.count("\n")]


def test_admin_rules_are_witnesses_too(tmp_path: Path) -> None:
    """What is denied and passed on is told with the rule's name."""
    rules = "egress: [{name: no-dns, action: Deny, to: [{networks: [8.0.0.0/8]}]}, {name: rest, action: Pass, to: [{networks: [0.0.0.0/0]}]}]"
    anp = f"---\n{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: a}}, spec: {{priority: 1, subject: {{namespaces: {{}}}}, {rules}}}}}\n"
    found = asked(tmp_path, app() + anp)
    assert [(w.by, w.says, w.rule) for w in found.witness if w.direction == "egress"] == [
        ("AdminNetworkPolicy a", "passes on", "rest"),
        ("no policy", "allows", ""),
        ("AdminNetworkPolicy a", "denies", "no-dns"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (app() + policy("podSelector: 5"), "podSelector"),
        (app() + policy("ingress: [{from: [{}]}]"), "names nobody"),
        (app() + policy("ingress: [{ports: [{port: 99999}]}]"), "99999"),
        (app() + "---\n{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: c, namespace: n}}\n", "Cilium"),
        (app() + "---\n{apiVersion: v1, kind: [\n", "document"),
    ],
)  # fmt: skip
def test_what_could_not_be_read_makes_the_answer_unknown(tmp_path: Path, text: str, reason: str) -> None:
    """A policy that cannot be read or is of another maker may close or open more, so nothing is said for certain."""
    text = text.replace("{podSelector: {}, podSelector: 5}", "{podSelector: 5}")
    found = asked(tmp_path, text)
    assert isinstance(found.egress, Unknown)
    assert reason in found.egress.detail


def test_a_dump_without_services_or_policies_tells_that(tmp_path: Path) -> None:
    """Of a list that a cluster gave, a kind that is not there may not have been asked for."""
    items = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": []}}
    ]
    (tmp_path / "pods.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8"
    )
    found = reaching.reach(reaching.Asked(f"k8s:{tmp_path}"), "n/Pod/p", NOW)
    assert plain(found) == ("unknown", "unknown")
    assert isinstance(found.ingress, Unknown)
    assert "Service" in found.ingress.detail
    assert isinstance(found.egress, Unknown)
    assert "NetworkPolicy" in found.egress.detail


def test_an_asset_is_found_by_every_name_that_it_has(tmp_path: Path) -> None:
    """Address, id, the name in lines with and without its kind, and a name that only one asset has."""
    source = written(tmp_path, app())
    for name in ("n/Deployment/web", "k8s:n/apps/Deployment/web", "n/web[Deployment]", "n/web", "web"):
        assert reaching.reach(reaching.Asked(source), name, NOW).asset == "n/web[Deployment]"
    with pytest.raises(NotFound, match="one of 1 assets"):
        reaching.reach(reaching.Asked(source), "n/web[StatefulSet]", NOW)


def test_a_pod_is_answered_as_its_workload(tmp_path: Path) -> None:
    """Who asks about one pod of a workload hears of the workload."""
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: n, labels: {app: web}, ownerReferences: [{kind: Deployment, name: web, controller: true, apiVersion: apps/v1}]}, spec: {containers: []}}\n"
    source = written(tmp_path, app() + pod)
    assert reaching.reach(reaching.Asked(source), "n/Pod/web-1", NOW).asset == "n/web[Deployment]"


def test_what_no_part_answers_for_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an asset that is no workload, and of one whose provider has no part, the answer is unknown with the reason."""
    source = reaching.Asked(written(tmp_path, app() + LOAD_BALANCER))
    found = reaching.reach(source, "n/Service/s", NOW)
    assert plain(found) == ("unknown", "unknown")
    assert isinstance(found.ingress, Unknown)
    assert "net.lb" in found.ingress.detail
    monkeypatch.setattr(reaching, "parts", dict)
    found = reaching.reach(source, "n/Deployment/web", NOW)
    assert plain(found) == ("unknown", "unknown")
    assert isinstance(found.egress, Unknown)
    assert "assets of kubernetes" in found.egress.detail
