"""Network policies as the API has them: those of namespaces, those of administrators, and those of further networks.

k8s.io/api networking/v1, sigs.k8s.io/network-policy-api (policy.networking.k8s.io/v1alpha1), and the
MultiNetworkPolicy of k8s.cni.cncf.io/v1beta1, which has the spec of the first.
"""

from msgspec import Struct, field

from strongroom.assess.network.k8s_objects import LabelSelector, Meta, PortRef, Requirement, Strings


class IPBlock(Struct, rename="camel"):
    """Addresses, without some of them."""

    cidr: str
    except_: list[str] | None = field(default=None, name="except")


class Peer(Struct, rename="camel"):
    """A NetworkPolicyPeer."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class PolicyPort(Struct, rename="camel"):
    """A NetworkPolicyPort."""

    protocol: str | None = None
    port: PortRef | None = None
    end_port: int | None = None


class PolicyRule(Struct, rename="camel"):
    """A rule of either direction."""

    ports: list[PolicyPort] | None = None
    from_: list[Peer] | None = field(default=None, name="from")
    to: list[Peer] | None = None


class PolicySpec(Struct, rename="camel"):
    """NetworkPolicySpec."""

    pod_selector: LabelSelector | None = None
    policy_types: list[str] | None = None
    ingress: list[PolicyRule] | None = None
    egress: list[PolicyRule] | None = None


class Policy(Struct):
    """A NetworkPolicy, or a MultiNetworkPolicy."""

    metadata: Meta = field(default_factory=Meta)
    spec: PolicySpec | None = None


class AdminNamespaces(Struct, rename="camel"):
    """A selector of namespaces; of versions before v0.1.2 of the API too, which put it one level deeper."""

    match_labels: Strings = None
    match_expressions: list[Requirement] | None = None
    namespace_selector: LabelSelector | None = None
    same_labels: list[str] | None = None
    not_same_labels: list[str] | None = None


class AdminPods(Struct, rename="camel"):
    """Pods of some namespaces."""

    namespace_selector: LabelSelector | None = None
    namespaces: AdminNamespaces | None = None
    pod_selector: LabelSelector | None = None


class AdminPeer(Struct, rename="camel"):
    """A peer of an admin policy: exactly one of its fields is given."""

    namespaces: AdminNamespaces | None = None
    pods: AdminPods | None = None
    nodes: LabelSelector | None = None
    networks: list[str] | None = None
    domain_names: list[str] | None = None


class NumberedPort(Struct):
    """One port of a protocol."""

    port: int
    protocol: str | None = None


class PortRange(Struct):
    """Ports of a protocol, both ends within."""

    start: int
    end: int
    protocol: str | None = None


class AdminPort(Struct, rename="camel"):
    """A port of an admin policy: exactly one of its fields is given."""

    port_number: NumberedPort | None = None
    port_range: PortRange | None = None
    named_port: str | None = None


class AdminRule(Struct, rename="camel"):
    """A rule of an admin policy."""

    action: str
    name: str | None = None
    from_: list[AdminPeer] | None = field(default=None, name="from")
    to: list[AdminPeer] | None = None
    ports: list[AdminPort] | None = None


class AdminSpec(Struct):
    """AdminNetworkPolicySpec; a baseline has no priority."""

    subject: AdminPeer
    priority: int | None = None
    ingress: list[AdminRule] | None = None
    egress: list[AdminRule] | None = None


class AdminPolicy(Struct):
    """An AdminNetworkPolicy or a BaselineAdminNetworkPolicy."""

    spec: AdminSpec
    metadata: Meta = field(default_factory=Meta)
