"""Which of a node's pods have accelerators, by the list of the API server."""

import msgspec

from strongroom.model.errors import GpuError

# Domains under which device plugins offer accelerators; a claim may be of any device, and counts.
_DOMAINS = ("nvidia.com/", "amd.com/", "gpu.intel.com/", "habana.ai/", "tenstorrent.com/")
_OVER = frozenset({"Succeeded", "Failed"})


class _Resources(msgspec.Struct):
    limits: dict[str, object] = {}
    requests: dict[str, object] = {}


class _Container(msgspec.Struct):
    resources: _Resources = msgspec.field(default_factory=_Resources)


class _Spec(msgspec.Struct, rename="camel"):
    containers: tuple[_Container, ...] = ()
    init_containers: tuple[_Container, ...] = ()
    resource_claims: tuple[object, ...] = ()


class _Meta(msgspec.Struct):
    name: str
    namespace: str = ""


class _Status(msgspec.Struct):
    phase: str = ""


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class _Rest(msgspec.Struct, rename={"token": "continue"}):
    token: str = ""


class _List(msgspec.Struct):
    items: tuple[_Pod, ...]
    metadata: _Rest = msgspec.field(default_factory=_Rest)


def users(data: bytes, node: str) -> tuple[tuple[str, ...], str]:
    """The pods with accelerators that are not over, as namespace/name, and what a next page is asked with.

    Raises GpuError for what is no list of pods.
    """
    try:
        found = msgspec.json.decode(data, type=_List)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise GpuError(f"pods of node {node}", "an answer that cannot be read", "a list of pods") from None
    mine = tuple(f"{p.metadata.namespace}/{p.metadata.name}" for p in found.items if _has(p))
    return mine, found.metadata.token


def _has(pod: _Pod) -> bool:
    if pod.status.phase in _OVER:
        return False
    asked = (
        name
        for c in (*pod.spec.containers, *pod.spec.init_containers)
        for name in (*c.resources.limits, *c.resources.requests)
    )
    return bool(pod.spec.resource_claims) or any(name.startswith(_DOMAINS) for name in asked)
