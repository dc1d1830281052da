"""The objects of dynamic resource allocation (k8s.io/api, resource.k8s.io/v1, v1beta2, v1beta1), as far as the rule reads them."""

from msgspec import Struct, field

from strongroom.isolate.objects import Meta, Terms, Toleration


class Cel(Struct):
    """An expression over a device."""

    expression: str | None = None


class Selector(Struct):
    """What a device must be."""

    cel: Cel | None = None


class Capacity(Struct):
    """How much of a device is asked for."""

    requests: dict[str, str | int | float] | None = None


class Exactly(Struct, rename="camel"):
    """One request for devices. In v1beta1 a request is this itself."""

    name: str | None = None
    device_class_name: str | None = None
    selectors: list[Selector] | None = None
    allocation_mode: str | None = None
    count: int | None = None
    admin_access: bool | None = None
    tolerations: list[Toleration] | None = None
    capacity: Capacity | None = None


class DeviceRequest(Exactly, rename="camel"):
    """A request: exactly one kind of device, or the first of several that is there."""

    exactly: Exactly | None = None
    first_available: list[Exactly] | None = None


class Opaque(Struct):
    """A driver's own configuration."""

    driver: str | None = None
    parameters: object = None


class DeviceConfig(Struct):
    """Configuration for some requests of a claim, or for all."""

    requests: list[str] | None = None
    opaque: Opaque | None = None


class Devices(Struct):
    """What a claim asks."""

    requests: list[DeviceRequest] | None = None
    config: list[DeviceConfig] | None = None


class ClaimSpec(Struct):
    """ResourceClaimSpec."""

    devices: Devices | None = None


class Allocated(Struct, rename="camel"):
    """One device that was given."""

    request: str | None = None
    driver: str | None = None
    pool: str | None = None
    device: str | None = None
    admin_access: bool | None = None


class AllocatedDevices(Struct):
    """All of them."""

    results: list[Allocated] | None = None


class Allocation(Struct, rename="camel"):
    """What a claim was given, and where."""

    devices: AllocatedDevices | None = None
    node_selector: Terms | None = None


class Consumer(Struct):
    """Who a claim is reserved for."""

    resource: str | None = None
    name: str | None = None
    uid: str | None = None


class ClaimStatus(Struct, rename="camel"):
    """ResourceClaimStatus."""

    allocation: Allocation | None = None
    reserved_for: list[Consumer] | None = None


class Claim(Struct):
    """A ResourceClaim."""

    metadata: Meta = field(default_factory=Meta)
    spec: ClaimSpec | None = None
    status: ClaimStatus | None = None


class TemplateSpec(Struct):
    """What claims are made of."""

    spec: ClaimSpec | None = None


class ClaimTemplate(Struct):
    """A ResourceClaimTemplate."""

    metadata: Meta = field(default_factory=Meta)
    spec: TemplateSpec | None = None


class ClassSpec(Struct, rename="camel"):
    """DeviceClassSpec."""

    selectors: list[Selector] | None = None
    config: list[DeviceConfig] | None = None
    extended_resource_name: str | None = None


class DeviceClass(Struct):
    """A DeviceClass."""

    metadata: Meta = field(default_factory=Meta)
    spec: ClassSpec | None = None


class Attribute(Struct):
    """A value of one of the four types."""

    string: str | None = None


class Basic(Struct):
    """A device of v1beta1."""

    attributes: dict[str, Attribute] | None = None


class Device(Struct):
    """A device of a slice."""

    name: str | None = None
    attributes: dict[str, Attribute] | None = None
    basic: Basic | None = None

    def text(self, name: str) -> str:
        """An attribute, by its own name, whoever's domain stands before it; empty where there is none."""
        for found in (self.attributes, self.basic.attributes if self.basic else None):
            for key, value in (found or {}).items():
                if key.rpartition("/")[2] == name and value.string is not None:
                    return value.string
        return ""


class Pool(Struct):
    """Which pool a slice is of."""

    name: str | None = None


class SliceSpec(Struct, rename="camel"):
    """ResourceSliceSpec."""

    driver: str | None = None
    node_name: str | None = None
    pool: Pool | None = None
    devices: list[Device] | None = None


class Slice(Struct):
    """A ResourceSlice."""

    metadata: Meta = field(default_factory=Meta)
    spec: SliceSpec | None = None
