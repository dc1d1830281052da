"""What leads into pods: services, and what stands in front of them. Ports are those of the pods at the end."""

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.assess.network import k8s_service_objects as api
from strongroom.assess.network.k8s_cluster import Cluster, Placed
from strongroom.assess.network.k8s_deciding import Table
from strongroom.assess.network.k8s_objects import PortRef, pairs
from strongroom.assess.network.k8s_rules import Compiler
from strongroom.assess.network.k8s_selectors import Selector, bits
from strongroom.kit.traffic import LAST_PORT, NOTHING, Ports, ports_of
from strongroom.model.values import Where

CONTROLLERS = ("Ingress", "Route", *("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"))
"""What a controller serves: its connections come from the controller's pods."""


@dataclass(frozen=True, slots=True)
class Led:
    """One thing that leads to a pod, and to which of its ports."""

    kind: str
    namespace: str
    name: str
    pod: int
    ports: Ports
    where: Where
    service: Placed[api.Service]

    @property
    def text(self) -> str:
        """Its kind and name."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(slots=True)
class Services:
    """The services of a cluster and the pods that they select."""

    by_name: dict[tuple[str, str], tuple[Placed[api.Service], int]]
    tables: tuple[Table, ...]

    def of(self, namespace: str, name: str) -> tuple[Placed[api.Service], int] | None:
        """A service and its pods."""
        return self.by_name.get((namespace, name))

    def ports(self, chosen: list[api.ServicePort], pod: int, protocols: tuple[str, ...] = ()) -> Ports:
        """The ports of a pod that some ports of a service lead to."""
        out = NOTHING
        for p in chosen:
            protocol = p.protocol or "TCP"
            if protocols and protocol not in protocols:
                continue
            for number in _numbers(
                p.port if p.target_port in (None, 0, "") else p.target_port, protocol, self.tables[pod]
            ):
                out |= ports_of({protocol: ((number, number),)})
        return out


def _numbers(target: PortRef | None, protocol: str, table: Table) -> Iterator[int]:
    if isinstance(target, str) and not target.isdigit():
        yield from (number for name, its, number in table if name == target and its == protocol)
    elif target is not None and 1 <= int(target) <= LAST_PORT:
        yield int(target)


def services(cluster: Cluster, compiler: Compiler, tables: tuple[Table, ...]) -> Services:
    """The services that select pods. Others lead to addresses that somebody wrote down, or to names."""
    found = {}
    for placed in cluster.services:
        spec = placed.value.spec
        chosen = pairs(spec.selector) if spec is not None else {}
        if spec is not None and chosen and spec.type != "ExternalName":
            mask = compiler.of_namespace(placed.namespace) & compiler.pods.mask(Selector(tuple(sorted(chosen.items()))))
            found[placed.namespace, placed.name] = (placed, mask)
    return Services(found, tables)


def direct(known: Services) -> Iterator[Led]:
    """What services lead to by themselves."""
    for (namespace, name), (placed, mask) in known.by_name.items():
        for pod in bits(mask):
            ports = known.ports((placed.value.spec or api.ServiceSpec()).ports or [], pod)
            yield Led("Service", namespace, name, pod, ports, placed.where, placed)


def fronted(cluster: Cluster, known: Services) -> Iterator[Led]:
    """What Ingress, Route and routes of the Gateway API lead to. TCP, as they serve HTTP and TLS."""
    for one in cluster.ingresses:
        for back in _backends(one.value.spec or api.IngressSpec()):
            yield from _through("Ingress", one, one.namespace, *_wanted(back), known)
    for route in cluster.routes:
        spec = route.value.spec or api.RouteSpec()
        target = spec.port.target_port if spec.port is not None else None
        for to in (spec.to, *(spec.alternate_backends or ())):
            if to is not None and (to.kind or "Service") == "Service":
                yield from _through("Route", route, route.namespace, to.name, target, known)
    for gateway in cluster.gateway_routes:
        for rule in (gateway.value.spec or api.GatewaySpec()).rules or ():
            for ref in rule.backend_refs or ():
                if (ref.kind or "Service") == "Service":
                    kind, space = gateway.kind, ref.namespace or gateway.namespace
                    yield from _through(kind, gateway, space, ref.name, ref.port, known)


def _backends(spec: api.IngressSpec) -> Iterator[api.Backend]:
    for rule in spec.rules or ():
        for path in (rule.http.paths if rule.http is not None else None) or ():
            if path.backend is not None:
                yield path.backend
    for back in (spec.default_backend, spec.backend):
        if back is not None:
            yield back


def _wanted(back: api.Backend) -> tuple[str, PortRef | None]:
    """Name and port of the service behind an Ingress, in the form of networking.k8s.io/v1 and in the older one."""
    if back.service is not None:
        port = back.service.port
        return back.service.name, (port.number or port.name) if port is not None else None
    return back.service_name or "", back.service_port


def _through(
    kind: str, front: Placed[object], space: str, service: str, wanted: PortRef | None, known: Services
) -> Iterator[Led]:
    found = known.of(space, service)
    if found is None:
        return
    placed, mask = found
    chosen = _chosen((placed.value.spec or api.ServiceSpec()).ports or [], wanted, by_target=kind == "Route")
    protocols = ("UDP",) if kind == "UDPRoute" else ("TCP",)
    for pod in bits(mask):
        ports = known.ports(chosen, pod, protocols)
        if ports:
            yield Led(kind, front.namespace, front.name, pod, ports, front.where, placed)


def _chosen(ports: list[api.ServicePort], wanted: PortRef | None, *, by_target: bool) -> list[api.ServicePort]:
    """The ports of a service that a front means: all where it names none.

    An Ingress names the service's port and a Route the endpoints'; where nothing has what is named, the other counts,
    as controllers that look for endpoints take it so.
    """
    if wanted is None:
        return ports
    said = str(wanted)
    by_port = [p for p in ports if said in (str(p.port), p.name)]
    at_pod = [p for p in ports if said in (str(p.target_port if p.target_port is not None else p.port), p.name)]
    return (at_pod or by_port) if by_target else (by_port or at_pod)
