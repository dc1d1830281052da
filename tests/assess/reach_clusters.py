"""Small clusters that policies of every kind may decide about: drawn by hypothesis, or written by hand."""

from pathlib import Path

import yaml
from hypothesis import strategies as st

from strongroom.assess.network import k8s_cluster, k8s_connectivity, k8s_drawing
from strongroom.assess.network.k8s_connectivity import Connectivity
from strongroom.model.reach import Manifest
from strongroom.model.values import Where

Object = dict[str, object]
SPACES = ("n1", "n2", "n3")
KEYS, VALUES = ("a", "b"), ("1", "2")
NAMES = ("web", "dns")
NUMBERS = (1, 53, 79, 80, 81, 8080, 65535)
PROTOCOLS = ("TCP", "UDP", "SCTP")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "8.8.8.8/32", "128.0.0.0/1")
BLOCKS_6 = ("::/0", "2001:db8::/32", "2600::/16")
ADDRESSES = (*("0.0.0.0", "8.8.8.8", "8.8.8.9", "9.255.255.255", "10.0.0.0", "10.1.1.1", "10.1.2.3", "10.2.0.0"),
             *("11.0.0.0", "127.255.255.255", "128.0.0.0", "255.255.255.255", "::1", "2001:db8::1", "2600::1"))  # fmt: skip


def manifests(objects: list[Object]) -> list[Manifest]:
    """Objects as a source gives them."""
    return [Manifest(o, Where("made.yaml", n, n)) for n, o in enumerate(objects, 1)]


def made(objects: list[Object]) -> Connectivity:
    """A cluster of objects, made ready; nothing in it may be unreadable."""
    cluster = k8s_cluster.read(manifests(objects))
    ready = k8s_connectivity.connectivity(cluster)
    assert cluster.gaps == []
    return ready


def parsed(text: str) -> list[Object]:
    """The objects of a text of YAML."""
    return [o for o in yaml.safe_load_all(text) if o]


def lines(text: str) -> list[str]:
    """The lines of the cluster that a text of YAML tells."""
    return list(k8s_drawing.lines(made(parsed(text))))


def written(folder: Path, text: str) -> str:
    """A source with a text of YAML in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    return f"k8s:{folder}"


labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
protocol = st.sampled_from(PROTOCOLS)
number = st.sampled_from(NUMBERS)


@st.composite
def selectors(draw: st.DrawFn, *, names: bool = False) -> Object:
    """A label selector; `names`: it may select namespaces by their names too."""
    out: Object = {}
    if draw(st.booleans()):
        out["matchLabels"] = draw(labels)
    elif draw(st.booleans()):
        key = draw(st.sampled_from((*KEYS, "kubernetes.io/metadata.name") if names else KEYS))
        values = SPACES if key.startswith("kubernetes") else VALUES
        operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
        expression: Object = {"key": key, "operator": operator}
        if operator.endswith("In"):
            expression["values"] = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2))
        out["matchExpressions"] = [expression]
    return out


@st.composite
def ports(draw: st.DrawFn) -> Object:
    """A port of a NetworkPolicy."""
    out: Object = {}
    if draw(st.booleans()):
        out["protocol"] = draw(protocol)
    kind = draw(st.integers(0, 3))
    if kind == 1:
        out["port"] = draw(st.sampled_from(NAMES))
    elif kind:
        out["port"] = draw(number)
        if kind == 3:
            out["endPort"] = draw(st.sampled_from([n for n in NUMBERS if n >= out["port"]]))
    return out


@st.composite
def blocks(draw: st.DrawFn) -> Object:
    """An ipBlock."""
    family = draw(st.sampled_from((BLOCKS, BLOCKS, BLOCKS_6)))
    out: Object = {"cidr": draw(st.sampled_from(family))}
    if draw(st.booleans()):
        out["except"] = draw(st.lists(st.sampled_from(family), max_size=2))
    return {"ipBlock": out}


@st.composite
def peers(draw: st.DrawFn) -> Object:
    """A peer of a NetworkPolicy."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(blocks())
    out: Object = {}
    if kind & 1:
        out["podSelector"] = draw(selectors())
    if kind & 2:
        out["namespaceSelector"] = draw(selectors(names=True))
    return out


@st.composite
def rules(draw: st.DrawFn, side: str) -> Object:
    """A rule of a NetworkPolicy."""
    out: Object = {}
    if draw(st.booleans()):
        out[side] = draw(st.lists(peers(), max_size=2))
    if draw(st.booleans()):
        out["ports"] = draw(st.lists(ports(), max_size=2))
    return out


@st.composite
def policies(draw: st.DrawFn, name: str) -> Object:
    """A NetworkPolicy."""
    spec: Object = {"podSelector": draw(selectors())}
    if draw(st.booleans()):
        spec["policyTypes"] = draw(st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"], [])))
    if draw(st.booleans()):
        spec["ingress"] = draw(st.lists(rules("from"), max_size=2))
    if draw(st.booleans()):
        spec["egress"] = draw(st.lists(rules("to"), max_size=2))
    meta = {"name": name, "namespace": draw(st.sampled_from(SPACES))}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


@st.composite
def admin_ports(draw: st.DrawFn) -> Object:
    """A port of an admin policy."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return {"namedPort": draw(st.sampled_from(NAMES))}
    if kind == 1:
        return {"portNumber": {"protocol": draw(protocol), "port": draw(number)}}
    start = draw(number)
    end = draw(st.sampled_from([n for n in NUMBERS if n >= start]))
    return {"portRange": {"protocol": draw(protocol), "start": start, "end": end}}


@st.composite
def admin_peers(draw: st.DrawFn, outside: bool, compares: bool) -> Object:
    """A peer of an admin policy, or its subject."""
    kind = draw(st.integers(0, 3))
    if kind == 0 and outside:
        return {"networks": draw(st.lists(st.sampled_from((*BLOCKS, *BLOCKS_6)), min_size=1, max_size=2))}
    if kind == 1 and compares:
        word = draw(st.sampled_from(("sameLabels", "notSameLabels")))
        return {"namespaces": {word: draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))}}
    if kind == 2:
        return {"pods": {"namespaceSelector": draw(selectors(names=True)), "podSelector": draw(selectors())}}
    return {"namespaces": draw(selectors(names=True))}


@st.composite
def admin_policies(draw: st.DrawFn, name: str, priority: int | None) -> Object:
    """An AdminNetworkPolicy, or the baseline where there is no priority."""
    actions = ("Allow", "Deny") if priority is None else ("Allow", "Deny", "Pass")
    spec: Object = {"subject": draw(admin_peers(False, False))}
    if priority is not None:
        spec["priority"] = priority
    for direction, side in (("ingress", "from"), ("egress", "to")):
        some = []
        for _ in range(draw(st.integers(0, 3))):
            peer = admin_peers(direction == "egress", True)
            rule: Object = {
                "action": draw(st.sampled_from(actions)),
                side: draw(st.lists(peer, min_size=1, max_size=2)),
            }
            if draw(st.booleans()):
                rule["ports"] = draw(st.lists(admin_ports(), min_size=1, max_size=2))
            some.append(rule)
        if some:
            spec[direction] = some
    kind = "BaselineAdminNetworkPolicy" if priority is None else "AdminNetworkPolicy"
    version = "policy.networking.k8s.io/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


@st.composite
def pods(draw: st.DrawFn, name: str) -> Object:
    """A pod, some of whose ports have names."""
    named = [
        {"name": draw(st.sampled_from(NAMES)), "protocol": draw(protocol), "containerPort": draw(number)}
        for _ in range(draw(st.integers(0, 2)))
    ]
    meta = {"name": name, "namespace": draw(st.sampled_from(SPACES)), "labels": draw(labels)}
    spec = {"containers": [{"name": "c", "image": "i", "ports": named}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


@st.composite
def clusters(draw: st.DrawFn) -> list[Object]:
    """A cluster with policies of every kind."""
    out: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": draw(labels)}} for n in SPACES[:2]
    ]
    out += [draw(pods(f"p{n}")) for n in range(draw(st.integers(1, 4)))]
    out += [draw(policies(f"np{n}")) for n in range(draw(st.integers(0, 3)))]
    priorities = draw(st.lists(st.integers(0, 20), max_size=2, unique=True))
    out += [draw(admin_policies(f"anp{n}", p)) for n, p in enumerate(priorities)]
    if draw(st.booleans()):
        out.append(draw(admin_policies("default", None)))
    return out
