"""What the device plugin's configuration makes of a node's GPUs (NVIDIA/k8s-device-plugin, api/config/v1: `sharing`)."""

from typing import NamedTuple

import yaml

from strongroom.model.isolate import Rung

NAMESPACE, NAME, SELECTED, DEFAULT = (
    "gpu-operator",
    "device-plugin-config",
    "nvidia.com/device-plugin.config",
    "default",
)
_MOST = 1 << 20  # octets of one configuration
_STRATEGIES = (("timeSlicing", Rung.SHARED), ("mps", Rung.MPS))


class Shares(NamedTuple):
    """One configuration: which names it shares, and how. `readable` is False where nobody knows what it does."""

    names: dict[str, Rung]
    renamed: dict[str, Rung]
    readable: bool = True


UNREADABLE = Shares({}, {}, readable=False)
NOTHING = Shares({}, {})


class _Unique(yaml.SafeLoader):
    """Refuses a key that stands twice: the plugin and this would read another one each."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT002 - yaml's own signature
        keys = [k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key twice", node.start_mark)
        made: dict[object, object] = super().construct_mapping(node, deep)
        return made


def read(text: str) -> Shares:
    """What a configuration shares. One that cannot be read is not one that shares nothing."""
    if len(text) > _MOST:
        return UNREADABLE
    try:
        table = yaml.load(text, Loader=_Unique)  # noqa: S506 - a SafeLoader that is stricter
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return UNREADABLE
    if table is None:
        return NOTHING
    sharing = table.get("sharing") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(sharing, dict | None):
        return UNREADABLE
    names: dict[str, Rung] = {}
    renamed: dict[str, Rung] = {}
    for word, rung in _STRATEGIES:
        if not _one((sharing or {}).get(word), rung, names, renamed):
            return UNREADABLE
    return Shares(names, renamed)


def _one(section: object, rung: Rung, names: dict[str, Rung], renamed: dict[str, Rung]) -> bool:
    """Read the resources of one strategy; whether they could be."""
    if section is None:
        return True
    resources = section.get("resources") if isinstance(section, dict) else None
    if not isinstance(section, dict) or not isinstance(resources, list | None):
        return False
    by_default = bool(section.get("renameByDefault"))
    for resource in resources or ():
        if not isinstance(resource, dict) or not isinstance(resource.get("name"), str):
            return False
        name = _full(resource["name"])
        other = resource.get("rename")
        exposed = _full(other) if isinstance(other, str) and other else f"{name}.shared" if by_default else name
        replicas = resource.get("replicas", 1)
        if isinstance(replicas, bool) or not isinstance(replicas, int):
            return False
        if exposed != name:  # whatever is called so is shared, on whichever node
            renamed[exposed] = _lower(renamed.get(exposed), rung)
        some = isinstance(resource.get("devices"), list)
        if replicas > 1 and not (
            exposed != name and some
        ):  # the devices that are not named keep their name and are whole
            names[name] = _lower(names.get(name), rung)
        if replicas > 1:
            names[exposed] = _lower(names.get(exposed), rung)
    return True


def _full(name: str) -> str:
    return name if "/" in name else f"nvidia.com/{name}"


def _lower(have: Rung | None, rung: Rung) -> Rung:
    return rung if have is None or rung.depth > have.depth else have
