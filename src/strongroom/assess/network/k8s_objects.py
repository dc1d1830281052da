"""Pods, what makes them, and their networks, as far as they are read for what reaches what. Other types are refused.

k8s.io/api (core/v1, apps/v1, batch/v1), KubeVirt's VirtualMachine, and the user-defined networks of OVN-Kubernetes
(k8s.ovn.org/v1). Absent and null are the same, as they are to the API.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from strongroom.model.errors import Malformed

T = TypeVar("T")
Strings = dict[str, str | None] | None
PortRef = int | str
"""A port by its number, or by the name that a container gives it."""


class Owner(Struct):
    """OwnerReference."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Meta(Struct, rename="camel"):
    """ObjectMeta."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: Strings = None
    annotations: Strings = None
    owner_references: list[Owner] | None = None


class Requirement(Struct):
    """A LabelSelectorRequirement."""

    key: str
    operator: str
    values: list[str] | None = None


class LabelSelector(Struct, rename="camel"):
    """A LabelSelector; without anything it selects everything."""

    match_labels: Strings = None
    match_expressions: list[Requirement] | None = None


class ContainerPort(Struct, rename="camel"):
    """A port that a container declares."""

    container_port: int | None = None
    host_port: int | None = None
    name: str | None = None
    protocol: str | None = None


class Container(Struct, rename="camel"):
    """A container of a pod."""

    name: str | None = None
    image: str | None = None
    args: list[str] | None = None
    restart_policy: str | None = None
    ports: list[ContainerPort] | None = None


class Multus(Struct, rename="camel"):
    """A network of a virtual machine that is another than the pods'."""

    network_name: str | None = None


class MachineNetwork(Struct):
    """A network of a virtual machine."""

    name: str | None = None
    multus: Multus | None = None


class PodSpec(Struct, rename="camel"):
    """PodSpec, and what a VirtualMachineInstanceSpec has instead."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    host_network: bool | None = None
    node_name: str | None = None
    networks: list[MachineNetwork] | None = None


class Status(Struct):
    """What has become of a pod."""

    phase: str | None = None


class Template(Struct):
    """A PodTemplateSpec."""

    metadata: Meta | None = None
    spec: PodSpec | None = None


class Pod(Struct):
    """A Pod, or a VirtualMachineInstance."""

    metadata: Meta = field(default_factory=Meta)
    spec: PodSpec | None = None
    status: Status | None = None


class JobTemplate(Struct):
    """What a CronJob makes."""

    spec: "WorkloadSpec | None" = None


class WorkloadSpec(Struct, rename="camel"):
    """What the kinds that make pods have in common."""

    template: Template | None = None
    job_template: JobTemplate | None = None
    replicas: int | None = None


class Workload(Struct):
    """An object that pods are made from."""

    metadata: Meta = field(default_factory=Meta)
    spec: WorkloadSpec | None = None


class Plain(Struct):
    """A Namespace, or an object of which its metadata is enough."""

    metadata: Meta = field(default_factory=Meta)


class Layer(Struct):
    """The part of a user-defined network that says whether it takes the place of the pods' own."""

    role: str | None = None


class NetworkSpec(Struct):
    """A user-defined network."""

    layer2: Layer | None = None
    layer3: Layer | None = None
    localnet: Layer | None = None

    def primary(self) -> bool:
        """Whether it takes the place of the pods' own network."""
        return any(x is not None and (x.role or "").lower() == "primary" for x in (self.layer2, self.layer3))


class UserNetwork(Struct):
    """A UserDefinedNetwork."""

    metadata: Meta = field(default_factory=Meta)
    spec: NetworkSpec | None = None


class ClusterNetworkSpec(Struct, rename="camel"):
    """The namespaces of a network and what it is."""

    namespace_selector: LabelSelector | None = None
    network: NetworkSpec | None = None


class ClusterNetwork(Struct):
    """A ClusterUserDefinedNetwork."""

    metadata: Meta = field(default_factory=Meta)
    spec: ClusterNetworkSpec | None = None


class Address(Struct):
    """An address of a node."""

    type: str = ""
    address: str = ""


class NodeStatus(Struct):
    """What a node says of itself."""

    addresses: list[Address] | None = None


class Node(Struct):
    """A Node."""

    metadata: Meta = field(default_factory=Meta)
    status: NodeStatus | None = None


def read(value: Mapping[str, object], kind: type[T], subject: str) -> T:
    """An object of the API. Raises Malformed: something in it has another type than the API gives it."""
    try:
        return msgspec.convert(value, type=kind)
    except (msgspec.ValidationError, RecursionError) as e:
        said = str(e)
        raise Malformed(subject, f"{said[:1].lower()}{said[1:160]}", "an object as the API has it") from None


def pairs(value: Strings) -> dict[str, str]:
    """Labels or annotations; what is null is empty, as it is to the API."""
    return {k: v or "" for k, v in (value or {}).items()}
