"""What leads to pods: services, Ingress, OpenShift's Route (route.openshift.io/v1), and routes of the Gateway API."""

from msgspec import Struct, field

from strongroom.assess.network.k8s_objects import Meta, PortRef, Strings


class ServicePort(Struct, rename="camel"):
    """A port of a service."""

    port: int
    name: str | None = None
    protocol: str | None = None
    target_port: PortRef | None = None
    node_port: int | None = None


class ServiceSpec(Struct, rename="camel"):
    """ServiceSpec."""

    type: str | None = None
    selector: Strings = None
    ports: list[ServicePort] | None = None
    external_ips: list[str] | None = field(default=None, name="externalIPs")
    external_traffic_policy: str | None = None
    load_balancer_source_ranges: list[str] | None = None


class Service(Struct):
    """A Service."""

    metadata: Meta = field(default_factory=Meta)
    spec: ServiceSpec | None = None


class BackendPort(Struct):
    """A port of a service by number or by name."""

    number: int | None = None
    name: str | None = None


class BackendService(Struct):
    """A service that an Ingress leads to."""

    name: str = ""
    port: BackendPort | None = None


class Backend(Struct, rename="camel"):
    """An IngressBackend, of networking.k8s.io/v1 or of the versions before it."""

    service: BackendService | None = None
    service_name: str | None = None
    service_port: PortRef | None = None


class Path(Struct):
    """A path of an Ingress."""

    backend: Backend | None = None


class Http(Struct):
    """The paths of a host."""

    paths: list[Path] | None = None


class IngressRule(Struct):
    """A rule of an Ingress."""

    http: Http | None = None


class IngressSpec(Struct, rename="camel"):
    """IngressSpec."""

    rules: list[IngressRule] | None = None
    default_backend: Backend | None = None
    backend: Backend | None = None


class Ingress(Struct):
    """An Ingress."""

    metadata: Meta = field(default_factory=Meta)
    spec: IngressSpec | None = None


class RouteTarget(Struct):
    """What an OpenShift Route leads to."""

    kind: str | None = None
    name: str = ""


class RoutePort(Struct, rename="camel"):
    """The port of the endpoints that a Route leads to."""

    target_port: PortRef | None = None


class RouteSpec(Struct, rename="camel"):
    """RouteSpec."""

    to: RouteTarget | None = None
    alternate_backends: list[RouteTarget] | None = None
    port: RoutePort | None = None


class Route(Struct):
    """A Route of OpenShift."""

    metadata: Meta = field(default_factory=Meta)
    spec: RouteSpec | None = None


class BackendRef(Struct):
    """What a route of the Gateway API leads to."""

    name: str = ""
    kind: str | None = None
    namespace: str | None = None
    port: int | None = None


class GatewayRule(Struct, rename="camel"):
    """A rule of a route of the Gateway API."""

    backend_refs: list[BackendRef] | None = None


class GatewaySpec(Struct):
    """The spec of HTTPRoute, GRPCRoute, TCPRoute, TLSRoute, UDPRoute."""

    rules: list[GatewayRule] | None = None


class GatewayRoute(Struct):
    """A route of the Gateway API."""

    metadata: Meta = field(default_factory=Meta)
    spec: GatewaySpec | None = None
