"""The objects of KubeVirt (kubevirt.io/api/core/v1, pool/v1beta1), as far as the rule reads them."""

from collections.abc import Iterator

from msgspec import Struct, field

from strongroom.isolate import vgpu
from strongroom.isolate.objects import Affinity, ClaimName, Meta, Named, PodClaim, Resources, Strings, Toleration
from strongroom.model.isolate import Rung

_VENDORS = ("10de", "1002")  # of PCI: NVIDIA, AMD


class PciDevice(Struct, rename="camel"):
    """Devices of PCI that machines may be given, by vendor and product (`10DE:20B5`)."""

    pci_vendor_selector: str | None = None
    resource_name: str | None = None


class MediatedDevice(Struct, rename="camel"):
    """Mediated devices that machines may be given, by the name of their type."""

    mdev_name_selector: str | None = None
    resource_name: str | None = None


class Permitted(Struct, rename="camel"):
    """permittedHostDevices."""

    pci_host_devices: list[PciDevice] | None = None
    mediated_devices: list[MediatedDevice] | None = None


class Configuration(Struct, rename="camel"):
    """KubeVirtConfiguration."""

    permitted_host_devices: Permitted | None = None


class KubeVirtSpec(Struct):
    """KubeVirtSpec."""

    configuration: Configuration | None = None


class KubeVirt(Struct):
    """How KubeVirt is set up in a cluster."""

    metadata: Meta = field(default_factory=Meta)
    spec: KubeVirtSpec | None = None

    def gpus(self) -> Iterator[tuple[str, Rung | None]]:
        """The names of resources that are GPUs or parts of them, and what each is; None where the node decides."""
        configuration = self.spec.configuration if self.spec else None
        held = configuration.permitted_host_devices if configuration else None
        for card in (held.pci_host_devices if held else None) or ():
            vendor = (card.pci_vendor_selector or "").partition(":")[0].lower()
            if card.resource_name and vendor in _VENDORS:
                yield card.resource_name, None
        for part in (held.mediated_devices if held else None) or ():
            if part.resource_name:
                yield part.resource_name, vgpu.rung(part.mdev_name_selector or "")


class HostDevice(Struct, rename="camel"):
    """A GPU or another device of a machine: by the name of a resource, or by a request of a claim."""

    name: str | None = None
    device_name: str | None = None
    claim_name: str | None = None
    request_name: str | None = None


class MachineDevices(Struct, rename="camel"):
    """The devices of a machine."""

    gpus: list[HostDevice] | None = None
    host_devices: list[HostDevice] | None = None


class LaunchSecurity(Struct):
    """What keeps a machine's memory from its host; each is empty, or has settings."""

    sev: object = None
    snp: object = None
    tdx: object = None


class Domain(Struct, rename="camel"):
    """DomainSpec."""

    devices: MachineDevices | None = None
    resources: Resources | None = None
    launch_security: LaunchSecurity | None = None


class HostDisk(Struct):
    """A file of the node as a disk."""

    path: str | None = None


class ServiceAccountVolume(Struct, rename="camel"):
    """The service account that a machine runs as."""

    service_account_name: str | None = None


class MachineVolume(Struct, rename="camel"):
    """A volume of a machine."""

    name: str | None = None
    host_disk: HostDisk | None = None
    persistent_volume_claim: ClaimName | None = None
    data_volume: Named | None = None
    service_account: ServiceAccountVolume | None = None


class MachineSpec(Struct, rename="camel"):
    """VirtualMachineInstanceSpec."""

    domain: Domain | None = None
    node_selector: Strings = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    volumes: list[MachineVolume] | None = None
    resource_claims: list[PodClaim] | None = None


class MachineTemplate(Struct):
    """What a machine is made from."""

    metadata: Meta | None = None
    spec: MachineSpec | None = None


class MakerSpec(Struct, rename="camel"):
    """The spec of whatever makes machines: a VirtualMachine, a replica set, or a pool of VirtualMachines."""

    template: MachineTemplate | None = None
    virtual_machine_template: "Maker | None" = None


class Maker(Struct):
    """A VirtualMachine, a VirtualMachineInstanceReplicaSet or a VirtualMachinePool."""

    metadata: Meta = field(default_factory=Meta)
    spec: MakerSpec | None = None


class Instance(Struct):
    """A VirtualMachineInstance."""

    metadata: Meta = field(default_factory=Meta)
    spec: MachineSpec | None = None
