"""Who may talk to a pod: network policies that select it, and the ways by which the outside reaches it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.collect.kubernetes.selectors import Index, Selector, selector
from strongroom.collect.kubernetes.templates import group
from strongroom.collect.kubernetes.trees import (
    Tree,
    at,
    pairs,
    text_at,
    texts,
    texts_at,
    tree,
    tree_at,
    trees,
    trees_at,
)

BOTH = ("ingress", "egress")
# Annotations by which a cloud keeps a load balancer inside the network.
_INTERNAL = (
    ("service.beta.kubernetes.io/aws-load-balancer-internal", ("true", "0.0.0.0/0")),
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", ("internal",)),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", ("true",)),
    ("networking.gke.io/load-balancer-type", ("Internal",)),
    ("cloud.google.com/load-balancer-type", ("Internal",)),
    ("alb.ingress.kubernetes.io/scheme", ("internal",)),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", ("true",)),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule set of a network policy: the directions that it closes, and those that it closes to everybody."""

    name: str
    closes: tuple[str, ...]
    denies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A service: whether the outside reaches it by itself, and how."""

    namespace: str
    name: str
    outside: str  # "LoadBalancer", "NodePort", "external address" or nothing


@dataclass(slots=True)
class Net:
    """Everything of a source that leads to pods or keeps from them."""

    policies: Index[Policy] = field(default_factory=Index)
    policed: set[str] = field(default_factory=set)  # namespaces that have a policy; `*` for all
    denied: dict[str, set[str]] = field(default_factory=dict)  # namespace: directions that are closed by default
    seen_policy: bool = False
    services: Index[Service] = field(default_factory=Index)
    fronts: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # service: ingresses that lead to it
    gateways: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # Istio gateway: selector
    doors: list[tuple[dict[str, str], str]] = field(default_factory=list)  # labels of services that face the outside
    routes: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=list
    )  # namespace, gateways, hosts

    def take(self, obj: Tree, kind: str, version: str, namespace: str, name: str) -> None:
        """Learn what an object says."""
        if kind in ("NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
            self._policy(obj, kind, namespace, name)
        elif kind == "Service" and group(version) == "":
            self._service(obj, namespace, name)
        elif kind == "Ingress":
            if not internal(obj):
                self._ingress(obj, namespace, name)
        elif kind.endswith("Route") and "gateway.networking" in version:
            for rule in trees_at(obj, "spec", "rules"):
                for back in trees_at(rule, "backendRefs"):
                    key = (text_at(back, "namespace") or namespace, text_at(back, "name"))
                    self.fronts.setdefault(key, []).append(f"{kind}/{name}")
        elif kind == "Gateway" and "istio.io" in version:
            self.gateways[namespace, name] = pairs(at(obj, "spec", "selector"))
        elif kind == "VirtualService":
            self._virtual(obj, namespace)

    def _policy(self, obj: Tree, kind: str, namespace: str, name: str) -> None:
        self.seen_policy = True
        where = "*" if kind == "CiliumClusterwideNetworkPolicy" else namespace
        specs = [s for s in (at(obj, "spec"), *trees(at(obj, "specs"))) if isinstance(s, dict)]
        for spec in specs:
            plain = kind == "NetworkPolicy"
            chosen = selector(tree_at(spec, "podSelector" if plain else "endpointSelector"))
            if not plain and "endpointSelector" not in spec:  # a nodeSelector: it is about hosts
                continue
            policy = _plain(spec, name) if plain else _cilium(spec, name)
            if not policy.closes:
                continue
            self.policies.add(where, chosen, policy)
            if where != "*" or chosen == Selector(()):
                self.policed.add(where)
            if chosen == Selector(()):
                self.denied.setdefault(where, set()).update(policy.denies)

    def _service(self, obj: Tree, namespace: str, name: str) -> None:
        outside = text_at(obj, "spec", "type")
        outside = outside if outside in ("LoadBalancer", "NodePort") and not internal(obj) else ""
        if not outside and texts_at(obj, "spec", "externalIPs"):
            outside = "external address"
        if outside:
            self.doors.append((pairs(at(obj, "metadata", "labels")), f"Service/{name}"))
            self.doors.append((pairs(at(obj, "spec", "selector")), f"Service/{name}"))
        chosen = pairs(at(obj, "spec", "selector"))
        if chosen:  # a service without a selector sends to addresses that somebody wrote down
            self.services.add(namespace, Selector(tuple(chosen.items())), Service(namespace, name, outside))

    def _ingress(self, obj: Tree, namespace: str, name: str) -> None:
        for service in _backends(tree_at(obj, "spec")):
            self.fronts.setdefault((namespace, service), []).append(f"Ingress/{name}")

    def _virtual(self, obj: Tree, namespace: str) -> None:
        hosts = []
        for kind in ("http", "tcp", "tls"):
            for route in trees_at(obj, "spec", kind):
                hosts += [text_at(d, "destination", "host") for d in trees_at(route, "route")]
        self.routes.append((namespace, texts_at(obj, "spec", "gateways"), tuple(hosts)))

    def finish(self) -> dict[tuple[str, str], list[str]]:
        """The services that an Istio gateway opens to the outside, with the gateway's name."""
        opened: dict[tuple[str, str], list[str]] = {}
        for namespace, gateways, hosts in self.routes:
            for said in gateways:
                place, slash, name = said.rpartition("/")
                wanted = self.gateways.get((place if slash else namespace, name))
                door = next((d for labels, d in self.doors if wanted and wanted.items() <= labels.items()), "")
                if not door:
                    continue
                for host in hosts:
                    service, _, rest = host.partition(".")
                    opened.setdefault((rest.split(".")[0] or namespace, service), []).append(f"Gateway/{name}")
        return opened


def internal(obj: Tree) -> bool:
    """Whether an annotation keeps a load balancer inside the network."""
    said = tree_at(obj, "metadata", "annotations")
    return any(text_at(said, key).strip() in values for key, values in _INTERNAL if key in said)


def _plain(spec: Tree, name: str) -> Policy:
    types = tuple(t.lower() for t in texts_at(spec, "policyTypes"))
    # Kubernetes, "Network Policies": ingress always, egress where the section is there, unless the types are named.
    closes = types or (BOTH if "egress" in spec else ("ingress",))
    return Policy(name, closes, tuple(d for d in closes if not trees_at(spec, d)))


def _cilium(spec: Tree, name: str) -> Policy:
    off = [d for d in BOTH if at(spec, "enableDefaultDeny", d) is False]
    closes = tuple(d for d in BOTH if (d in spec or f"{d}Deny" in spec) and d not in off)
    return Policy(name, closes, tuple(d for d in closes if all(not r for r in trees_at(spec, d))))


def _backends(spec: Tree) -> Iterator[str]:
    """The services behind an Ingress, in the form of networking.k8s.io/v1 and in the older one."""
    paths = [p for rule in trees_at(spec, "rules") for p in trees_at(rule, "http", "paths")]
    for back in [tree_at(p, "backend") for p in paths] + [tree_at(spec, "defaultBackend"), tree_at(spec, "backend")]:
        name = text_at(back, "service", "name") or text_at(back, "serviceName")
        if name:
            yield name


def reached_by(net: Net, services: Iterable[Service]) -> tuple[str, ...]:
    """How the outside reaches a pod through these services, without a mesh."""
    found = [f"Service/{s.name} ({s.outside})" for s in services if s.outside]
    found += [front for s in services for front in net.fronts.get((s.namespace, s.name), ())]
    return tuple(dict.fromkeys(found))


def ingress_without_tls(obj: Tree) -> bool:
    """Whether an Ingress serves without TLS of its own and without a certificate in an annotation."""
    said = tree_at(obj, "metadata", "annotations")
    keys = (
        "alb.ingress.kubernetes.io/certificate-arn",
        "networking.gke.io/managed-certificates",
        "ingress.gcp.kubernetes.io/pre-shared-cert",
    )
    return not trees_at(obj, "spec", "tls") and not any(text_at(said, k) for k in keys)


def source_ranges(obj: Tree) -> tuple[str, ...]:
    """The addresses that a load balancer lets in; everybody where it names none."""
    said = texts(at(obj, "spec", "loadBalancerSourceRanges"))
    one = text_at(tree(at(obj, "metadata", "annotations")), "service.beta.kubernetes.io/load-balancer-source-ranges")
    return said or tuple(p.strip() for p in one.split(",") if p.strip()) or ("0.0.0.0/0",)
