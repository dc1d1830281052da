"""The objects of the Kubernetes API, as far as the rule reads them. What has another type than the API gives it is refused.

Absent and null are the same, as they are to the API (k8s.io/api: core/v1, apps/v1, batch/v1, resource.k8s.io/v1).
"""

from typing import TypeVar

import msgspec
from msgspec import Struct, field

from strongroom.model.errors import Malformed

T = TypeVar("T")
Strings = dict[str, str] | None


class Meta(Struct, rename="camel"):
    """ObjectMeta."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    labels: Strings = None
    annotations: Strings = None
    deletion_timestamp: str | None = None
    owner_references: list["Owner"] | None = None


class Owner(Struct):
    """OwnerReference."""

    kind: str = ""
    name: str = ""


class Toleration(Struct):
    """A toleration of a pod, or of a request for devices."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class Taint(Struct):
    """A taint of a node."""

    key: str = ""
    value: str | None = None
    effect: str | None = None


class Named(Struct):
    """A reference by name."""

    name: str | None = None


class EnvVar(Struct, rename="camel"):
    """An environment variable."""

    name: str = ""
    value: str | None = None
    value_from: dict[str, object] | None = None


class EnvFrom(Struct, rename="camel"):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: str | None = None
    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class Resources(Struct):
    """ResourceRequirements."""

    limits: dict[str, str | int | float] | None = None
    requests: dict[str, str | int | float] | None = None


class Mount(Struct, rename="camel"):
    """A VolumeMount."""

    name: str | None = None
    mount_path: str | None = None


class Capabilities(Struct):
    """Linux capabilities."""

    add: list[str] | None = None


class Security(Struct):
    """The security context of a container."""

    privileged: bool | None = None
    capabilities: Capabilities | None = None


class Container(Struct, rename="camel"):
    """A container of any of the three lists."""

    name: str | None = None
    env: list[EnvVar] | None = None
    env_from: list[EnvFrom] | None = None
    resources: Resources | None = None
    volume_mounts: list[Mount] | None = None
    security_context: Security | None = None


class HostPath(Struct):
    """A path of the node; of a PersistentVolume of the kind `local` too."""

    path: str | None = None


class ClaimName(Struct, rename="camel"):
    """A volume from a PersistentVolumeClaim."""

    claim_name: str | None = None


class VolumeClaimSpec(Struct, rename="camel"):
    """What a PersistentVolumeClaim asks."""

    volume_name: str | None = None


class VolumeClaim(Struct):
    """A PersistentVolumeClaim, or the template of one."""

    metadata: Meta = field(default_factory=Meta)
    spec: VolumeClaimSpec | None = None


class Ephemeral(Struct, rename="camel"):
    """A volume whose claim is made with the pod."""

    volume_claim_template: VolumeClaim | None = None


class Volume(Struct, rename="camel"):
    """A volume of a pod."""

    name: str | None = None
    host_path: HostPath | None = None
    persistent_volume_claim: ClaimName | None = None
    ephemeral: Ephemeral | None = None


class Expression(Struct):
    """A NodeSelectorRequirement."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class Term(Struct, rename="camel"):
    """A NodeSelectorTerm: all of it must hold."""

    match_expressions: list[Expression] | None = None
    match_fields: list[Expression] | None = None


class Terms(Struct, rename="camel"):
    """A NodeSelector: one term must hold."""

    node_selector_terms: list[Term] | None = None


class NodeAffinity(Struct):
    """Where a pod may be scheduled."""

    required: Terms | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Affinity(Struct, rename="camel"):
    """The part of a pod's affinity that is about nodes."""

    node_affinity: NodeAffinity | None = None


class PodClaim(Struct, rename="camel"):
    """A claim for devices that a pod names."""

    name: str | None = None
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSpec(Struct, rename="camel"):
    """PodSpec."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    node_name: str | None = None
    node_selector: Strings = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    host_pid: bool | None = field(default=None, name="hostPID")
    host_ipc: bool | None = field(default=None, name="hostIPC")
    runtime_class_name: str | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    resource_claims: list[PodClaim] | None = None
    resources: Resources | None = None

    def all_containers(self) -> list[Container]:
        """Every container, whichever list it stands in."""
        return [*(self.containers or ()), *(self.init_containers or ()), *(self.ephemeral_containers or ())]


class PodStatus(Struct, rename="camel"):
    """What has become of a pod."""

    phase: str | None = None
    resource_claim_statuses: list[PodClaim] | None = None


class Pod(Struct):
    """A Pod."""

    metadata: Meta = field(default_factory=Meta)
    spec: PodSpec | None = None
    status: PodStatus | None = None


class Templated(Struct):
    """The template of a pod."""

    metadata: Meta | None = None
    spec: PodSpec | None = None


class WorkloadSpec(Struct, rename="camel"):
    """What Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and ReplicationController have in common."""

    template: Templated | None = None
    volume_claim_templates: list[VolumeClaim] | None = None


class Workload(Struct):
    """An object that pods are made from. `template` is that of a PodTemplate."""

    metadata: Meta = field(default_factory=Meta)
    spec: WorkloadSpec | None = None
    template: Templated | None = None


class JobTemplate(Struct):
    """The template of a Job."""

    spec: WorkloadSpec | None = None


class CronSpec(Struct, rename="camel"):
    """What a CronJob has around its Job."""

    job_template: JobTemplate | None = None


class CronJob(Struct):
    """A CronJob."""

    metadata: Meta = field(default_factory=Meta)
    spec: CronSpec | None = None


class Place(Struct):
    """Where a pod is bound to."""

    kind: str | None = None
    name: str | None = None


class Binding(Struct):
    """A Binding: its annotations become the pod's."""

    metadata: Meta = field(default_factory=Meta)
    target: Place | None = None


class Plain(Struct):
    """A Namespace or ServiceAccount: what counts is its metadata."""

    metadata: Meta = field(default_factory=Meta)


class NodeSpec(Struct):
    """NodeSpec."""

    taints: list[Taint] | None = None


class NodeStatus(Struct):
    """What a node has."""

    allocatable: dict[str, str | int | float] | None = None
    capacity: dict[str, str | int | float] | None = None


class Node(Struct):
    """A Node."""

    metadata: Meta = field(default_factory=Meta)
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class ConfigMap(Struct, rename="camel"):
    """A ConfigMap, or a Secret by its keys alone."""

    metadata: Meta = field(default_factory=Meta)
    data: Strings = None
    binary_data: dict[str, object] | None = None
    string_data: Strings = None


class VolumeClaimRef(Struct):
    """Who a PersistentVolume is bound to."""

    name: str | None = None
    namespace: str | None = None


class PersistentVolumeSpec(Struct, rename="camel"):
    """PersistentVolumeSpec."""

    host_path: HostPath | None = None
    local: HostPath | None = None
    claim_ref: VolumeClaimRef | None = None


class PersistentVolume(Struct):
    """A PersistentVolume."""

    metadata: Meta = field(default_factory=Meta)
    spec: PersistentVolumeSpec | None = None


class RuntimeClass(Struct):
    """A RuntimeClass."""

    metadata: Meta = field(default_factory=Meta)
    handler: str | None = None


def read(raw: bytes | msgspec.Raw, kind: type[T], subject: str) -> T:
    """An object of the API. Raises Malformed: it has another type than the API gives it."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e).lower()[:160], "an object as the API has it") from None
    except RecursionError:
        raise Malformed(subject, "objects nested too deeply", "an object as the API has it") from None
