"""The lines that tell what reaches what in a cluster: one small cluster for every rule."""

import pytest
from reach_clusters import lines

INTERNET = "0.0.0.0-255.255.255.255[External]"


def pod(
    name: str, more: str = "", labels: str = "", space: str = "n", spec: str = "containers: []", kind: str = "Pod"
) -> str:
    """A pod in one line; `more` stands in its metadata."""
    meta = f"{{name: {name}, namespace: {space}, labels: {{app: {labels or name}}}{', ' + more if more else ''}}}"
    return f"---\n{{apiVersion: v1, kind: {kind}, metadata: {meta}, spec: {{{spec}}}}}\n"


def policy(spec: str, name: str = "p", space: str = "n") -> str:
    """A network policy in one line."""
    meta = f"metadata: {{name: {name}, namespace: {space}}}"
    return f"---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, {meta}, spec: {{{spec}}}}}\n"


def admin(spec: str, name: str = "a", kind: str = "AdminNetworkPolicy") -> str:
    """A policy of administrators in one line."""
    version = "policy.networking.k8s.io/v1alpha1"
    return f"---\n{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n"


def between(text: str, *names: str) -> dict[str, str]:
    """The connections between pods alone, as `a>b: ports`; only of some where names are given."""
    found = {}
    for line in lines(text):
        ends, _, ports = line.partition(" : ")
        src, dst = (e.split("/")[-1].partition("[")[0] for e in ends.split(" => "))
        if "External" not in ends and (not names or {src, dst} <= set(names)):
            found[f"{src}>{dst}"] = ports
    return found


def outside(text: str, name: str) -> dict[str, str]:
    """What a pod exchanges with addresses: `> addresses` and `< addresses`."""
    found = {}
    for line in lines(text):
        ends, _, ports = line.partition(" : ")
        src, dst = ends.split(" => ")
        if src.endswith(f"/{name}[Pod]") and "External" in dst:
            found[f"> {dst.partition('[')[0]}"] = ports
        elif dst.endswith(f"/{name}[Pod]") and "External" in src:
            found[f"< {src.partition('[')[0]}"] = ports
    return found


A, B, C = pod("a"), pod("b"), pod("c")
ALL = "All Connections"
TO_A = "podSelector: {matchLabels: {app: a}}"


def test_without_policies_everything_passes() -> None:
    """Pods that no policy selects talk to each other and to every address, both ways."""
    assert lines(A + B) == [
        f"{INTERNET} => n/a[Pod] : {ALL}",
        f"{INTERNET} => n/b[Pod] : {ALL}",
        f"n/a[Pod] => {INTERNET} : {ALL}",
        f"n/a[Pod] => n/b[Pod] : {ALL}",
        f"n/b[Pod] => {INTERNET} : {ALL}",
        f"n/b[Pod] => n/a[Pod] : {ALL}",
    ]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("podSelector: {}", {}),
        (TO_A, {"a>b": ALL}),
        (f"{TO_A}, ingress: []", {"a>b": ALL}),
        (f"{TO_A}, ingress: [{{}}]", {"a>b": ALL, "b>a": ALL}),
        (f"{TO_A}, egress: []", {"a>b": ALL}),
        (f"{TO_A}, policyTypes: [Egress]", {"b>a": ALL}),
        (f"{TO_A}, policyTypes: [Egress], ingress: [{{}}]", {"b>a": ALL}),
        (f"{TO_A}, egress: [{{}}]", {"a>b": ALL}),
        (f"{TO_A}, policyTypes: [Ingress, Egress]", {}),
        (f"{TO_A}, policyTypes: []", {"a>b": ALL}),
        ("podSelector: {matchLabels: {app: nobody}}", {"a>b": ALL, "b>a": ALL}),
    ],
)
def test_a_policy_closes_its_directions(spec: str, found: dict[str, str]) -> None:
    """A pod is closed in the directions of the policies that select it; which they are, types or rules tell."""
    assert between(A + B + policy(spec)) == found


def test_policies_add_up() -> None:
    """What any policy that selects a pod allows passes, and the other end must let it pass too."""
    first = policy(
        f"{TO_A}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: b}}}}}}], ports: [{{port: 80}}]}}]", "x"
    )
    second = policy(f"{TO_A}, ingress: [{{ports: [{{port: 443}}, {{protocol: UDP, port: 53}}]}}]", "y")
    assert between(A + B + C + first + second) | {} == {
        "a>b": ALL,
        "a>c": ALL,
        "b>a": "TCP 80,443,UDP 53",
        "b>c": ALL,
        "c>a": "TCP 443,UDP 53",
        "c>b": ALL,
    }
    out = policy(
        "podSelector: {matchLabels: {app: b}}, policyTypes: [Egress], egress: [{ports: [{port: 80, endPort: 500}]}]",
        "z",
    )
    assert between(A + B + first + second + out, "a", "b") == {"a>b": ALL, "b>a": "TCP 80,443"}


@pytest.mark.parametrize(
    ("ports", "found"),
    [
        ("[]", ALL),
        ("[{}]", "TCP 1-65535"),
        ("[{protocol: UDP}]", "UDP 1-65535"),
        ("[{port: 80}]", "TCP 80"),
        ("[{port: 80}, {port: 81}, {port: 83}]", "TCP 80-81,83"),
        ("[{port: 80, endPort: 90}, {port: 85, endPort: 100}]", "TCP 80-100"),
        ("[{protocol: TCP}, {protocol: UDP}, {protocol: SCTP}]", ALL),
        ("[{protocol: SCTP, port: 7}, {port: 5}, {protocol: UDP, port: 6}]", "SCTP 7,TCP 5,UDP 6"),
        ("[{port: web}]", "TCP 8080"),
        ("[{port: web, protocol: UDP}]", None),
        ("[{port: dns, protocol: UDP}]", "UDP 53"),
        ("[{port: nobody}, {port: 1}]", "TCP 1"),
    ],
)
def test_ports_are_numbers_ranges_and_names(ports: str, found: str | None) -> None:
    """Every form of port is read; a name means what the receiving pod calls so, with its protocol."""
    names = "containers: [{name: c, ports: [{name: web, containerPort: 8080}, {name: dns, protocol: UDP, containerPort: 53}]}]"
    text = pod("a", spec=names) + B + policy(f"{TO_A}, ingress: [{{ports: {ports}}}]")
    assert between(text).get("b>a") == found


def test_a_name_of_a_port_is_the_receivers() -> None:
    """Egress to a named port means another number at each receiver, and nothing at addresses."""
    web = "containers: [{{name: c, ports: [{{name: web, containerPort: {}}}]}}]"
    text = A + pod("b", spec=web.format(80)) + pod("c", spec=web.format(8080)) + pod("d")
    text += policy(f"{TO_A}, policyTypes: [Egress], egress: [{{ports: [{{port: web}}]}}]")
    found = between(text)
    assert {k: v for k, v in found.items() if k.startswith("a>")} == {"a>b": "TCP 80", "a>c": "TCP 8080"}
    assert outside(text, "a") == {f"< {INTERNET.partition('[')[0]}": ALL}


NAMESPACES = """---
{apiVersion: v1, kind: Namespace, metadata: {name: m, labels: {team: x, env: prod}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: o, labels: {team: y}}}
"""


@pytest.mark.parametrize(
    ("peer", "senders"),
    [
        ("{podSelector: {}}", "b"),
        ("{podSelector: {matchLabels: {app: m1}}}", ""),
        ("{namespaceSelector: {}}", "b m1 o1 z1"),
        ("{namespaceSelector: {matchLabels: {team: x}}}", "m1"),
        ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}", "z1"),
        ("{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [x, y]}]}}", "m1 o1"),
        ("{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [x]}]}}", "b o1 z1"),
        ("{namespaceSelector: {matchExpressions: [{key: env, operator: Exists}]}}", "m1"),
        ("{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", "b z1"),
        ("{namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {app: o1}}}", ""),
        ("{namespaceSelector: {}, podSelector: {matchLabels: {app: o1}}}", "o1"),
        (
            "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [b, z1]}]}}",
            "b z1",
        ),
        ("{namespaceSelector: {matchLabels: {team: x}}}, {podSelector: {}}", "b m1"),
    ],
)
def test_peers_are_selected_by_pods_and_namespaces(peer: str, senders: str) -> None:
    """A peer's selectors hold together; without one of namespaces, it means the policy's own."""
    text = A + B + NAMESPACES + pod("m1", space="m") + pod("o1", space="o") + pod("z1", space="z")
    found = between(text + policy(f"{TO_A}, ingress: [{{from: [{peer}]}}]"))
    assert " ".join(sorted(k.partition(">")[0] for k in found if k.endswith(">a"))) == senders


def test_a_policy_holds_in_its_namespace_only() -> None:
    """Pods of other namespaces are not selected, whatever their labels."""
    found = between(A + pod("z1", labels="a", space="z") + policy(TO_A))
    assert found == {"a>z1": ALL}


# Addresses


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("cidr: 0.0.0.0/0", {"0.0.0.0-255.255.255.255": ALL}),
        ("cidr: 10.0.0.0/8", {"10.0.0.0-10.255.255.255": ALL}),
        ("cidr: 10.1.2.3/8", {"10.0.0.0-10.255.255.255": ALL}),
        ("cidr: 10.0.0.0/8, except: [10.1.0.0/16]", {"10.0.0.0-10.0.255.255": ALL, "10.2.0.0-10.255.255.255": ALL}),
        ("cidr: 10.0.0.0/8, except: [10.0.0.0/9]", {"10.128.0.0-10.255.255.255": ALL}),
        ("cidr: 0.0.0.0/0, except: [0.0.0.0/1, 128.0.0.0/1]", {}),
        ("cidr: 8.8.8.8/32", {"8.8.8.8-8.8.8.8": ALL}),
        ("cidr: '::/0'", {}),
    ],
)
def test_addresses_are_blocks_without_exceptions(block: str, found: dict[str, str]) -> None:
    """A block lets its addresses pass but for the exceptions, and no pods; lines tell of IPv4."""
    text = A + B + policy(f"{TO_A}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{{block}}}}}]}}]")
    assert {k[2:]: v for k, v in outside(text, "a").items() if k.startswith(">")} == found
    assert "a>b" not in between(text)


def test_addresses_are_cut_where_any_policy_cuts_them() -> None:
    """All pods show the same pieces in a direction, and each direction has its own."""
    text = A + B + policy(f"{TO_A}, ingress: [{{from: [{{ipBlock: {{cidr: 128.0.0.0/1}}}}], ports: [{{port: 80}}]}}]")
    halves = ("0.0.0.0-127.255.255.255", "128.0.0.0-255.255.255.255")
    assert outside(text, "b") == {f"< {h}": ALL for h in halves} | {"> 0.0.0.0-255.255.255.255": ALL}
    assert outside(text, "a") == {f"< {halves[1]}": "TCP 80", "> 0.0.0.0-255.255.255.255": ALL}


def test_neighbouring_exceptions_are_one_piece() -> None:
    """Only where a block as a whole begins or ends is there a cut."""
    block = "cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/15]"
    text = A + B + policy(f"{TO_A}, ingress: [{{from: [{{ipBlock: {{{block}}}}}]}}]")
    assert "< 10.1.0.0-10.3.255.255" in outside(text, "b")


# Workloads


def test_pods_are_told_by_what_controls_them() -> None:
    """Pods of one controller are one line, by the first controller that the source shows; static pods stand alone."""
    owner = "ownerReferences: [{{kind: {}, name: {}, controller: true}}]"
    text = pod("w-1", owner.format("ReplicaSet", "w-0"), "w") + pod("w-2", owner.format("ReplicaSet", "w-0"), "w")
    text += pod("d-1", owner.format("ReplicaSet", "d-0"), "d")
    text += "---\n{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: d-0, namespace: n, ownerReferences: [{kind: Deployment, name: d, controller: true}]}, spec: {replicas: 1}}\n"
    text += pod("etcd-node1", owner.format("Node", "node1"))
    found = {line.split(" => ")[0] for line in lines(text)} - {INTERNET}
    assert found == {"n/w-0[ReplicaSet]", "n/d[Deployment]", "n/etcd-node1[Pod]"}


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Deployment", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("ReplicationController", "v1"),
        ("Job", "batch/v1"),
        ("VirtualMachine", "kubevirt.io/v1"),
    ],
)
def test_what_makes_pods_is_told_without_them(kind: str, version: str) -> None:
    """A template's pods have its labels, and are told by the object that holds it."""
    made = f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: w, namespace: n}}, spec: {{template: {{metadata: {{labels: {{app: a}}}}, spec: {{containers: []}}}}}}}}\n"
    assert lines(made + policy(TO_A)) == [f"n/w[{kind}] => {INTERNET} : {ALL}"]


def test_a_cron_job_is_told_by_its_inner_template() -> None:
    """The labels that count are those of the pods, two templates deep."""
    text = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: w, namespace: n}, spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: a}}, spec: {containers: []}}}}}}\n"
    assert lines(text + policy(TO_A)) == [f"n/w[CronJob] => {INTERNET} : {ALL}"]


def test_what_runs_nothing_has_no_lines() -> None:
    """Nothing is told of a workload of no copies and of pods that are over."""
    none = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {replicas: 0, template: {spec: {containers: []}}}}\n"
    over = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {phase: Succeeded}}\n"
    assert lines(none + over) == []


def test_running_pods_count_instead_of_their_template() -> None:
    """Where the pods of a workload are there, their labels count and not those of the template."""
    template = "---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: w, namespace: n}, spec: {template: {metadata: {labels: {app: a}}}}}\n"
    real = pod("w-0", "ownerReferences: [{kind: StatefulSet, name: w, controller: true}]", "changed")
    assert lines(template + real + policy(TO_A)) == [
        f"{INTERNET} => n/w[StatefulSet] : {ALL}",
        f"n/w[StatefulSet] => {INTERNET} : {ALL}",
    ]


def test_pods_of_a_workload_that_differ_are_told_together() -> None:
    """A line holds what any pod of the one may send to any pod of the other."""
    owner = "ownerReferences: [{kind: StatefulSet, name: w, controller: true}]"
    text = pod("w-0", owner, "a") + pod("w-1", owner, "other") + B
    text += policy(f"{TO_A}, ingress: [{{ports: [{{port: 80}}]}}]")
    text += policy("podSelector: {matchLabels: {app: other}}, ingress: [{ports: [{port: 81}]}]", "q")
    assert between(text) == {"b>w": "TCP 80-81", "w>b": ALL}


# Policies of administrators

SUBJECT = "subject: {namespaces: {}}"
FROM_B = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: b}}}}"
TO_PORT = "ports: [{portNumber: {protocol: TCP, port: 80}}]"


def test_the_first_rule_of_administrators_decides() -> None:
    """Within a policy the order counts, and a denial before an allowance leaves the rest to others."""
    rules = f"ingress: [{{action: Deny, from: [{FROM_B}], {TO_PORT}}}, {{action: Allow, from: [{{namespaces: {{}}}}]}}]"
    rest = "SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535"
    deny = policy("podSelector: {}")
    assert between(A + B + deny + admin(f"priority: 5, {SUBJECT}, {rules}")) == {"a>b": ALL, "b>a": rest}


def test_the_lower_number_decides_first() -> None:
    """Of two policies that say different things the one with the lower priority number counts, whatever the names."""
    allow = f"{SUBJECT}, ingress: [{{action: Allow, from: [{FROM_B}]}}]"
    deny = f"{SUBJECT}, ingress: [{{action: Deny, from: [{FROM_B}]}}]"
    text = A + B
    assert "b>a" in between(text + admin(f"priority: 3, {allow}", "z") + admin(f"priority: 4, {deny}", "a"))
    assert "b>a" not in between(text + admin(f"priority: 4, {allow}", "a") + admin(f"priority: 3, {deny}", "z"))


def test_what_is_passed_on_is_for_the_teams() -> None:
    """Pass takes traffic from later administrators' rules to network policies, or to the baseline where none selects."""
    passing = admin(f"priority: 1, {SUBJECT}, ingress: [{{action: Pass, from: [{FROM_B}], {TO_PORT}}}]", "first")
    denying = admin(f"priority: 2, {SUBJECT}, ingress: [{{action: Deny, from: [{FROM_B}]}}]", "second")
    assert between(A + B + passing + denying)["b>a"] == "TCP 80"
    closed = policy(TO_A)
    assert "b>a" not in between(A + B + passing + denying + closed)
    base = admin(
        f"{SUBJECT}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]", "default", "BaselineAdminNetworkPolicy"
    )
    assert "b>a" not in between(A + B + passing + denying + base)


def test_the_baseline_counts_where_no_policy_selects() -> None:
    """A network policy takes the place of the baseline for its pods and its direction."""
    base = admin(
        f"{SUBJECT}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]", "default", "BaselineAdminNetworkPolicy"
    )
    assert between(A + B + base) == {}
    assert between(A + B + base + policy(f"{TO_A}, ingress: [{{}}]")) == {"b>a": ALL}
    assert between(A + B + base + policy(f"{TO_A}, policyTypes: [Egress], egress: [{{}}]")) == {}


def test_administrators_name_addresses_only_outwards() -> None:
    """Networks are peers of egress; ingress from addresses is never theirs."""
    rule = "egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}]}]"
    found = outside(A + admin(f"priority: 1, {SUBJECT}, {rule}"), "a")
    assert found == {
        "> 0.0.0.0-9.255.255.255": ALL,
        "> 11.0.0.0-255.255.255.255": ALL,
        "< 0.0.0.0-255.255.255.255": ALL,
    }


@pytest.mark.parametrize(
    ("ports", "found"),
    [
        ("[{portNumber: {port: 80}}]", "TCP 80"),
        ("[{portRange: {protocol: UDP, start: 5, end: 9}}]", "UDP 5-9"),
        ("[{namedPort: dns}]", "UDP 53"),
        ("[{namedPort: nobody}]", None),
    ],
)
def test_ports_of_administrators(ports: str, found: str | None) -> None:
    """Numbers, ranges and names; a name has the protocol of the port that is called so."""
    receiver = pod("a", spec="containers: [{name: c, ports: [{name: dns, protocol: UDP, containerPort: 53}]}]")
    rule = f"ingress: [{{action: Allow, from: [{FROM_B}], ports: {ports}}}]"
    assert between(receiver + B + policy(TO_A) + admin(f"priority: 1, {SUBJECT}, {rule}")).get("b>a") == found


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        ("{namespaces: {sameLabels: [team]}}", {"a>c", "c>a"}),
        ("{namespaces: {notSameLabels: [team]}}", {"a>b", "b>a", "b>c", "c>b"}),
        ("{namespaces: {sameLabels: [nobody]}}", set()),
        ("{pods: {namespaces: {sameLabels: [team]}, podSelector: {matchLabels: {app: c}}}}", {"c>a"}),
        ("{namespaces: {namespaceSelector: {matchLabels: {team: y}}}}", {"b>a", "b>c"}),
    ],
)
def test_older_peers_compare_namespaces(peer: str, found: set[str]) -> None:
    """Of the first versions of the API, peers that have a label in common with the subject, or have another value."""
    spaces = "".join(
        f"---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {n}, labels: {{team: {t}}}}}}}\n"
        for n, t in (("n1", "x"), ("n2", "y"), ("n3", "x"))
    )
    pods = "".join(pod(name, space=space) for name, space in (("a", "n1"), ("b", "n2"), ("c", "n3")))
    rules = f"ingress: [{{action: Allow, from: [{peer}]}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]"
    assert set(between(spaces + pods + admin(f"priority: 1, {SUBJECT}, {rules}"))) == found


# What stands in front of services

SERVICE = """---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: n}, spec: {selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080}, {name: adm, port: 81, targetPort: web}, {name: u, protocol: UDP, port: 5}]}}
"""
NAMED = pod("a", spec="containers: [{name: c, ports: [{name: web, containerPort: 9090}]}]")


def through(text: str) -> str | None:
    """What an ingress controller may send to the pod."""
    found = [line.partition(" : ")[2] for line in lines(text) if line.startswith("{ingress-controller} => n/a[Pod]")]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        ("{service: {name: s, port: {number: 80}}}", "TCP 8080"),
        ("{service: {name: s, port: {name: adm}}}", "TCP 9090"),
        ("{service: {name: s, port: {number: 8080}}}", "TCP 8080"),
        ("{service: {name: s}}", "TCP 8080,9090"),
        ("{serviceName: s, servicePort: 80}", "TCP 8080"),
        ("{serviceName: s, servicePort: http}", "TCP 8080"),
        ("{service: {name: s, port: {number: 7}}}", None),
        ("{service: {name: nobody, port: {number: 80}}}", None),
        ("{service: {name: s, port: {number: 5}}}", None),
    ],
)
def test_an_ingress_leads_to_ports_of_pods(backend: str, found: str | None) -> None:
    """A rule, the default and the older form name a service's port; the line has the pod's, of TCP alone."""
    rules = f"{{rules: [{{http: {{paths: [{{backend: {backend}}}]}}}}]}}"
    for spec in (rules, f"{{defaultBackend: {backend}}}"):
        ingress = f"---\n{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i, namespace: n}}, spec: {spec}}}\n"
        assert through(NAMED + SERVICE + ingress) == found


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("{to: {kind: Service, name: s}, port: {targetPort: 8080}}", "TCP 8080"),
        ("{to: {kind: Service, name: s}, port: {targetPort: adm}}", "TCP 9090"),
        ("{to: {kind: Service, name: s}, port: {targetPort: web}}", "TCP 9090"),
        ("{to: {kind: Service, name: s}}", "TCP 8080,9090"),
        (
            "{to: {kind: Service, name: x}, alternateBackends: [{kind: Service, name: s}], port: {targetPort: 8080}}",
            "TCP 8080",
        ),
        ("{to: {kind: Other, name: s}}", None),
    ],
)
def test_a_route_leads_to_ports_of_pods(spec: str, found: str | None) -> None:
    """A Route names the endpoints' port, by number or name, and may lead to several services."""
    route = (
        f"---\n{{apiVersion: route.openshift.io/v1, kind: Route, metadata: {{name: r, namespace: n}}, spec: {spec}}}\n"
    )
    assert through(NAMED + SERVICE + route) == found


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("ingress: []", None),
        ("ingress: [{from: [{namespaceSelector: {}}]}]", "TCP 8080"),
        ("ingress: [{from: [{podSelector: {}}]}]", None),
        ("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", None),
        ("ingress: [{ports: [{port: 9}]}]", None),
        ("ingress: [{ports: [{port: 8080}]}]", "TCP 8080"),
    ],
)
def test_policies_hold_for_what_comes_through_a_controller(rules: str, found: str | None) -> None:
    """A controller is a pod like any other that nobody described: policies must let such a one in."""
    ingress = "---\n{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: n}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}\n"
    assert through(NAMED + SERVICE + ingress + policy(f"{TO_A}, {rules}")) == found


# Several networks


PRIMARY = """---
{apiVersion: v1, kind: Namespace, metadata: {name: u, labels: {k8s.ovn.org/primary-user-defined-network: ""}}}
---
{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {name: net, namespace: u}, spec: {topology: Layer3, layer3: {role: Primary}}}
"""


def test_a_network_of_a_namespace_keeps_to_itself() -> None:
    """Pods of a primary network reach each other and the outside, and no pod of another network."""
    found = lines(PRIMARY + A + pod("x", space="u") + pod("y", space="u"))
    assert "u[udn]/x[Pod] => u[udn]/y[Pod] : All Connections" in found
    assert f"u[udn]/x[Pod] => {INTERNET} : All Connections" in found
    assert not [line for line in found if "n/a[Pod]" in line and "/x[Pod]" in line]
    assert found[0] == "Permitted connectivity analyzed in Pod network:"
    assert "Permitted connectivity analyzed in primary UDN u:" in found
    assert found[-6:] == [
        "n/a[Pod]: ",
        "\tPrimary Network: pod-network",
        "u/x[Pod]: ",
        "\tPrimary Network: u[UDN]",
        "u/y[Pod]: ",
        "\tPrimary Network: u[UDN]",
    ]


def test_a_namespace_without_the_label_stays_on_the_network_of_all() -> None:
    """The network of a namespace counts only where the namespace is labelled for one."""
    text = PRIMARY.replace('labels: {k8s.ovn.org/primary-user-defined-network: ""}', "labels: {}")
    assert between(text + A + pod("x", space="u")) == {"a>x": ALL, "x>a": ALL}


def test_a_further_network_has_policies_of_its_own() -> None:
    """An attachment joins those that name it; a MultiNetworkPolicy decides there, and network policies do not."""
    notes = "annotations: {{k8s.v1.cni.cncf.io/networks: {}}}"
    nad = "---\n{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: fast, namespace: n}}\n"
    text = (
        nad
        + pod("a", notes.format("fast"))
        + pod("b", notes.format("'n/fast@eth1'"))
        + C
        + policy("podSelector: {}, policyTypes: [Ingress, Egress]")
    )
    found = lines(text)
    assert "All connections are not allowed for the workloads in the pod-network" in found
    at = found.index("Permitted connectivity analyzed in secondary NAD fast:")
    assert found[at + 1 : at + 4] == [f"n/a[Pod] => n/b[Pod] : {ALL}", f"n/b[Pod] => n/a[Pod] : {ALL}", ""]
    multi = "---\n{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {name: m, namespace: n, annotations: {k8s.v1.cni.cncf.io/policy-for: fast}}, spec: {podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 80}]}]}}\n"
    found = lines(text + multi)
    at = found.index("Permitted connectivity analyzed in secondary NAD fast:")
    assert found[at + 1 : at + 4] == [f"n/a[Pod] => n/b[Pod] : {ALL}", "n/b[Pod] => n/a[Pod] : TCP 80", ""]


def test_addresses_on_a_further_network_are_those_that_were_asked_for() -> None:
    """A block in a MultiNetworkPolicy means the pods whose annotation asks for an address within it."""
    nad = "---\n{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: fast, namespace: n}}\n"
    asks = 'annotations: {{k8s.v1.cni.cncf.io/networks: \'[{{"name": "fast", "ips": ["{}"]}}]\'}}'
    text = (
        nad
        + pod("a", asks.format("2.2.6.1/24"))
        + pod("b", asks.format("2.2.6.2/24"))
        + pod("c", asks.format("2.2.7.3/24"))
    )
    multi = "---\n{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {name: m, namespace: n, annotations: {k8s.v1.cni.cncf.io/policy-for: fast}}, spec: {podSelector: {matchLabels: {app: a}}, ingress: [{from: [{ipBlock: {cidr: 2.2.6.0/24}}]}]}}\n"
    found = lines(text + multi)
    found = found[found.index("Permitted connectivity analyzed in secondary NAD fast:") :]
    assert f"n/b[Pod] => n/a[Pod] : {ALL}" in found
    assert f"n/c[Pod] => n/a[Pod] : {ALL}" not in found
