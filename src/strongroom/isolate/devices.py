"""What claims for devices ask, by dynamic resource allocation (resource.k8s.io): classes, selectors, sharing, rights.

A claim is read as the template that it comes from, or as what it is; the worst of what it may get counts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from strongroom.isolate.device_objects import (
    Claim,
    ClaimTemplate,
    DeviceClass,
    DeviceConfig,
    DeviceRequest,
    Devices,
    Exactly,
)
from strongroom.isolate.objects import PodClaim, Toleration
from strongroom.isolate.state import State
from strongroom.kit import quantity
from strongroom.model.isolate import Reason, Rule, Rung, worst

_KNOWN = {"gpu.nvidia.com": Rung.WHOLE, "vfio.gpu.nvidia.com": Rung.WHOLE, "mig.nvidia.com": Rung.MIG}
_TYPE = re.compile(r"""\.?type\b['"\]]*\s*(?:==|in\b)\s*\[?((?:\s*,?\s*['"][\w-]+['"])+)""")
_WORD = re.compile(r"""['"]([\w-]+)['"]""")
_DRIVER = re.compile(r"""device\.driver\s*==\s*['"]([\w.-]+)['"]""")
_STRATEGY = {"TimeSlicing": Rung.SHARED, "MPS": Rung.MPS}
_SHARING_KINDS = frozenset({"GpuConfig", "MigDeviceConfig"})
BY_CLASS = "deviceclass.resource.kubernetes.io/"


class Ask(NamedTuple):
    """Something of a GPU that a pod asks for: the road, its name, and the rung; None where the node decides."""

    road: str
    name: str
    rung: Rung | None = None
    slice: bool = False  # of a MIG instance, however that is shared


class Wanted(NamedTuple):
    """What a claim asks: GPUs or parts of them, and what no claim may have."""

    asks: tuple[Ask, ...] = ()
    admin: bool = False
    tolerations: tuple[Toleration, ...] = ()


def class_rung(state: State, name: str) -> Rung | None:
    """What somebody has who gets a device of a class; None where it is no GPU. `unknown` where nobody knows."""
    found = state.get("DeviceClass", "", name)
    spec = found.spec if isinstance(found, DeviceClass) else None
    rung = class_kind(state, name)
    return worst([rung, *sharing((spec.config if spec else None) or ())]) if rung is not None else None


def class_kind(state: State, name: str) -> Rung | None:
    """What the devices of a class are before they are shared: by its name, or by what its selectors name."""
    found = state.get("DeviceClass", "", name)
    spec = found.spec if isinstance(found, DeviceClass) else None
    return _KNOWN.get(name) or _selected(
        [s.cel.expression or "" for s in (spec.selectors if spec else None) or () if s.cel]
    )


def _selected(expressions: Sequence[str]) -> Rung | None:
    """What expressions name: the worse where they name both. None where they demand another vendor's driver."""
    words = {w for e in expressions for found in _TYPE.findall(e) for w in _WORD.findall(found)}
    if words & {"gpu", "mig", "vfio"}:
        return Rung.MIG if "mig" in words else Rung.WHOLE if words <= {"gpu", "vfio"} else Rung.UNKNOWN
    drivers = {d for e in expressions for d in _DRIVER.findall(e)}
    if drivers and not any(_vendor(d) for d in drivers):
        return None
    return Rung.UNKNOWN


def _vendor(driver: str) -> bool:
    return driver == "nvidia.com" or driver.endswith((".nvidia.com", "amd.com"))


def sharing(configs: Sequence[DeviceConfig], request: str | None = None) -> Iterator[Rung]:
    """What configurations make of the devices of a request; of any, where none is named."""
    for config in configs:
        names = {n.partition("/")[0] for n in config.requests or ()}
        if names and request is not None and request not in names:
            continue
        opaque = config.opaque
        if opaque is None or not _vendor(opaque.driver or ""):
            continue
        parameters = opaque.parameters if isinstance(opaque.parameters, dict) else {}
        shared = parameters.get("sharing")
        if shared is None or parameters.get("kind") not in _SHARING_KINDS:
            continue
        strategy = shared.get("strategy") if isinstance(shared, dict) else None
        yield _STRATEGY.get(strategy, Rung.UNKNOWN) if isinstance(strategy, str) else Rung.UNKNOWN


def wanted(state: State, devices: Devices | None, road: str) -> Wanted:
    """What the devices of a claim are. Raises Malformed for a quantity that is none."""
    asks: list[Ask] = []
    admin, tolerations = False, list[Toleration]()
    configs = (devices.config if devices else None) or ()
    for request in (devices.requests if devices else None) or ():
        for one in _each(request):
            admin |= bool(one.admin_access)
            tolerations += one.tolerations or ()
            rung = class_rung(state, one.device_class_name or "")
            if rung is None:
                continue
            found = [rung, *sharing(configs, request.name)]
            capacity = (one.capacity.requests if one.capacity else None) or {}
            if sum(quantity.asks(v) for v in capacity.values()):  # all of them are read, so that none is unreadable
                found.append(Rung.SHARED)
            mig = class_kind(state, one.device_class_name or "") is Rung.MIG
            asks.append(Ask(road, one.device_class_name or "no class", worst(found), mig))
    return Wanted(tuple(asks), admin, tuple(tolerations))


def _each(request: DeviceRequest) -> Iterator[Exactly]:
    """Every form that a request may take: of alternatives any may be what it gets."""
    if request.exactly is not None:
        yield request.exactly
    yield from request.first_available or ()
    if request.device_class_name or (request.exactly is None and not request.first_available):
        yield request


def devices_of(found: Claim | ClaimTemplate) -> Devices | None:
    """What a claim, or a template of claims, asks."""
    spec = found.spec
    if spec is None or isinstance(found, Claim):
        return spec.devices if spec is not None else None  # type: ignore[union-attr]
    inner = spec.spec  # type: ignore[union-attr]
    return inner.devices if inner is not None else None


def named(state: State, namespace: str, claim: PodClaim) -> Wanted:
    """What a claim that a pod names asks. One that is not there is unknown."""
    if claim.resource_claim_name:
        found, road, name = (
            state.get("ResourceClaim", namespace, claim.resource_claim_name),
            "claim",
            claim.resource_claim_name,
        )
    elif claim.resource_claim_template_name:
        name = claim.resource_claim_template_name
        found, road = state.get("ResourceClaimTemplate", namespace, name), "claim-template"
    else:
        return Wanted((Ask("claim", "a claim without a name", Rung.UNKNOWN),))
    if not isinstance(found, Claim | ClaimTemplate):
        return Wanted((Ask(road, f"{name}, which is not there", Rung.UNKNOWN),))
    return wanted(state, devices_of(found), road)


def rights(rule: Rule, found: Wanted, tenant: str) -> Iterator[Reason]:
    """What no claim may have: access beside its owner's, and devices that are kept for somebody else."""
    if found.admin:
        yield Reason("4.7", "admin-access", "adminAccess", "devices that are the claim's own")
    for toleration in found.tolerations:
        if tolerates_prefix(rule, toleration, tenant):
            shown = toleration.key or "every taint"
            yield Reason("3.4", "device-toleration", f"a toleration of {shown}", "none of what keeps devices apart")


def tolerates_prefix(rule: Rule, toleration: Toleration, tenant: str) -> bool:
    """Whether a toleration lets in where the rule's own taints keep out: any of its taints but the tenant's own."""
    key, exists = toleration.key or "", toleration.operator == "Exists"
    if not key:
        return exists
    if not key.startswith(f"{rule.prefix}/") and key != rule.meet.tenant_taint:
        return False
    return exists or key != rule.meet.tenant_taint or (toleration.value or "") != tenant
