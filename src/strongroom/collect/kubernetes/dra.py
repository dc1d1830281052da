"""Claims of devices (dynamic resource allocation): what they ask for, who shares it, who sees what is not his.

API: resource.k8s.io. Since v1beta2 a request has its parts under `exactly`; before, they stood in the request itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strongroom.collect.kubernetes.trees import Tree, at, text_at, tree_at, trees, trees_at
from strongroom.model.values import Value

Said = tuple[str, Value]
GROUP = "resource.k8s.io"
# dra-driver-nvidia-gpu, api/nvidia.com/resource: strategies under which several hold one device at a time.
_STRATEGIES = {"timeslicing": "time-slicing", "mps": "mps"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What of a claim or of its template counts for those who use it."""

    shares: tuple[str, ...]
    admin: tuple[str, ...]
    classes: tuple[str, ...]
    held_by: int = 0  # pods that the API says hold it


def _devices(obj: Tree) -> Tree:
    template = text_at(obj, "kind") == "ResourceClaimTemplate"
    return tree_at(obj, "spec", "spec", "devices") if template else tree_at(obj, "spec", "devices")


def _requests(devices: Tree) -> Iterator[tuple[str, Tree]]:
    """Every request with its name, alternatives too: the worst of them counts."""
    for number, request in enumerate(trees_at(devices, "requests")):
        name = text_at(request, "name") or f"request {number}"
        parts = tree_at(request, "exactly")
        yield name, {**request, **parts}
        for one in trees_at(request, "firstAvailable"):
            yield f"{name}/{text_at(one, 'name')}", one


def claim(obj: Tree) -> Claim:
    """What a claim or a template asks for."""
    devices = _devices(obj)
    requests = list(_requests(devices))
    portions = (f"a portion of a device in {n}" for n, r in requests if tree_at(r, "capacity", "requests"))
    return Claim(
        shares=tuple(dict.fromkeys((*_shares(trees_at(devices, "config")), *portions))),
        admin=tuple(n for n, r in requests if at(r, "adminAccess") is True),
        classes=tuple(dict.fromkeys(c for _, r in requests if (c := text_at(r, "deviceClassName")))),
        held_by=len(trees(at(obj, "status", "reservedFor"))),
    )


def _shares(configs: Sequence[Tree]) -> Iterator[str]:
    for config in configs:
        driver = text_at(config, "opaque", "driver")
        said = text_at(config, "opaque", "parameters", "sharing", "strategy")
        if driver.endswith("nvidia.com") and said:
            word = _STRATEGIES.get(said.lower().replace("-", ""))
            yield f"{word or said} by {driver}"


def class_shares(obj: Tree) -> tuple[str, ...]:
    """How a device class shares whatever is claimed of it."""
    return tuple(dict.fromkeys(_shares(trees_at(obj, "spec", "config"))))


def facts(obj: Tree) -> Iterator[Said]:
    """Facts of a claim or of a template of claims."""
    made = claim(obj)
    yield "claim.shares", made.shares
    yield "claim.admin", made.admin
    yield "claim.classes", made.classes


def class_facts(obj: Tree) -> Iterator[Said]:
    """Facts of a device class."""
    yield "class.shares", class_shares(obj)
    yield "class.extended_name", text_at(obj, "spec", "extendedResourceName")
