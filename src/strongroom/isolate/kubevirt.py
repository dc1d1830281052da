"""Machines of KubeVirt: what the names of their devices are, and the pod that each runs in, as the judge of pods reads it.

KubeVirt makes a pod of every machine, and that pod is judged too; a machine says besides whether its memory is kept from its
host, which its pod does not. A type of machine (`spec.instancetype`) adds devices that a VirtualMachine does not show: the
instance that is made of it shows them all.
"""

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.isolate.kubevirt_objects import (
    HostDevice,
    KubeVirt,
    LaunchSecurity,
    MachineDevices,
    MachineSpec,
    MachineVolume,
    Maker,
)
from strongroom.isolate.objects import ClaimName, Container, HostPath, PodSpec, Resources, Volume
from strongroom.isolate.state import NodeView, State
from strongroom.isolate.subjects import Who
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Reason, Rule, Rung, worst

GROUP, POOLS = "kubevirt.io", "pool.kubevirt.io"
_WORKLOAD, _SLICED = "nvidia.com/gpu.workload.config", "vm-vgpu"  # what NVIDIA's operator makes a node's cards


class Permit(NamedTuple):
    """What machines get by the name of a resource: the rung, or None where the node's way of giving cards out decides."""

    rung: Rung | None


def permits(state: State) -> dict[str, Permit]:
    """The names of resources that are GPUs, or parts of them, by every KubeVirt of a cluster.

    One name for a whole card and for a part of one is a part: the worse of two counts.
    """
    known = state.memory.get("kubevirt")
    if isinstance(known, dict):
        return known
    found: dict[str, list[Rung | None]] = {}
    for one in state.all("KubeVirt").values():
        for name, rung in one.gpus() if isinstance(one, KubeVirt) else ():
            found.setdefault(name, []).append(rung)
    told = {name: Permit(worst(least) if (least := [r for r in rungs if r]) else None) for name, rungs in found.items()}
    state.memory["kubevirt"] = told
    return told


def made(node: NodeView) -> Rung:
    """What a function of PCI is on a node: of a card that is cut into virtual functions it is a share of time."""
    return Rung.SHARED if node.labels.get(_WORKLOAD) == _SLICED else Rung.WHOLE


def spec_of(maker: Maker) -> tuple[MachineSpec, dict[str, str]]:
    """What a maker's machines are, and the annotations of each. Raises Malformed where it has no template."""
    spec = maker.spec
    if spec is not None and spec.virtual_machine_template is not None:
        spec = spec.virtual_machine_template.spec
    template = spec.template if spec is not None else None
    if template is None or template.spec is None:
        raise Malformed("a machine", "no template of a machine", "what it runs")
    return template.spec, (template.metadata.annotations if template.metadata else None) or {}


def pod_of(spec: MachineSpec) -> PodSpec:
    """The pod that a machine runs in, as far as the rule asks: its resources, its places, its claims and its paths."""
    domain = spec.domain
    wanted: dict[str, str | int | float] = {}
    for device in devices(spec):
        if device.device_name:
            wanted[device.device_name] = int(wanted.get(device.device_name, 0)) + 1
    asked = domain.resources if domain else None
    box = Container(
        name="compute",
        resources=Resources({**((asked.limits if asked else None) or {}), **wanted}, asked.requests if asked else None),
    )
    volumes = spec.volumes or ()
    account = next((v.service_account.service_account_name for v in volumes if v.service_account), None)
    return PodSpec(
        containers=[box],
        volumes=[made for v in volumes for made in _volumes(v)],
        node_selector=spec.node_selector,
        affinity=spec.affinity,
        tolerations=spec.tolerations,
        resource_claims=spec.resource_claims,
        service_account_name=account,
    )


def devices(spec: MachineSpec) -> tuple[HostDevice, ...]:
    """The devices of its host that a machine is given."""
    held = (spec.domain.devices if spec.domain else None) or MachineDevices()
    return (*(held.gpus or ()), *(held.host_devices or ()))


def _volumes(volume: MachineVolume) -> Iterator[Volume]:
    """A disk that is a file of the node is mounted by its folder."""
    if volume.host_disk is not None:
        path = volume.host_disk.path or "/"
        yield Volume(name=volume.name, host_path=HostPath(path.rstrip("/").rpartition("/")[0] or "/"))
        yield Volume(name=volume.name, host_path=HostPath(path))
    if volume.persistent_volume_claim is not None:
        yield Volume(name=volume.name, persistent_volume_claim=volume.persistent_volume_claim)
    if volume.data_volume is not None:
        yield Volume(name=volume.name, persistent_volume_claim=ClaimName(volume.data_volume.name))


def open_memory(rule: Rule, own: Who, spec: MachineSpec, *, asks: bool) -> Iterator[Reason]:
    """Whether a machine's host may read its memory, where its label demands a machine that it may not."""
    least = rule.require[own.label].least if own.label else Rung.SHARED
    guard = (spec.domain.launch_security if spec.domain else None) or LaunchSecurity()
    if asks and least is Rung.CC_WHOLE and guard.snp is None and guard.tdx is None:
        found = "SEV without attestation of its pages" if guard.sev is not None else "memory that its host can read"
        yield Reason("2.2", "open-machine", f"a machine with {found}", f"launchSecurity snp or tdx for {own.label}")
