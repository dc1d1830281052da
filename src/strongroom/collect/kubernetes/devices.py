"""How accelerators are handed out: the device plugin's configuration, and the settings of the GPU operator."""

import contextlib
from collections.abc import Iterator

from strongroom.collect import yaml_text
from strongroom.collect.kubernetes.trees import Tree, at, count, text_at, tree, tree_at, trees_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Said = tuple[str, Value]
TENANT = "isolation.example.org/tenant"
SENSITIVITY = "isolation.example.org/sensitivity"
LEVELS = ("public", "internal", "restricted", "confidential")
# GPU operator, "Container Device Interface (CDI) support": with CDI the variable alone opens no device.
_ENVVAR = "ACCEPT_NVIDIA_VISIBLE_DEVICES_ENVVAR_WHEN_UNPRIVILEGED"


def renamed(obj: Tree) -> dict[str, str]:
    """The names that configurations of the device plugin give to shares of cards, with the strategy behind each."""
    found: dict[str, str] = {}
    with contextlib.suppress(yaml_text.YamlError):  # `plugin_configs` says so
        for _, document in _documents(obj):
            names = ((text_at(r, "rename"), word) for word, r in _resources(tree_at(document, "sharing")))
            found |= {name: word for name, word in names if name}
    return found


def _documents(obj: Tree) -> Iterator[tuple[str, object]]:
    """What stands under each key of a configuration. Raises YamlError for one that is no YAML."""
    for key, value in tree_at(obj, "data").items():
        if isinstance(value, str) and ("sharing" in value or "timeSlicing" in value):
            yield from ((key, d.value) for c in yaml_text.chunks(value) for d in yaml_text.parse(c))


def plugin_configs(obj: Tree) -> tuple[str, ...] | Unknown:
    """The configurations in a ConfigMap by which the device plugin shares cards, as `key: strategy of resource`."""
    found: list[str] = []
    try:
        for key, document in _documents(obj):
            found += _shares(key, tree_at(document, "sharing"))
    except yaml_text.YamlError as e:
        return Unknown(e.code, f"a configuration of the device plugin: {e.detail}")
    return tuple(found)


def _resources(said: Tree) -> Iterator[tuple[str, Tree]]:
    for field, word in (("timeSlicing", "time-slicing"), ("mps", "mps")):
        yield from ((word, r) for r in trees_at(said, field, "resources"))


def _shares(key: str, said: Tree) -> Iterator[str]:
    for word, resource in _resources(said):
        replicas = count(resource.get("replicas"))
        if replicas != 1:
            yield f"{key}: {word} of {text_at(resource, 'name')} by {replicas or '?'}"


def is_plugin_config(obj: Tree) -> bool:
    """Whether a ConfigMap configures NVIDIA's device plugin: a value with the plugin's own sections."""
    values = [v for v in tree_at(obj, "data").values() if isinstance(v, str)]
    return any("timeSlicing:" in v or ("sharing:" in v and "mps:" in v) or "migStrategy:" in v for v in values)


def cluster_policy(obj: Tree) -> Iterator[Said]:
    """Facts of the GPU operator's ClusterPolicy."""
    spec = tree_at(obj, "spec")
    env = {text_at(e, "name"): text_at(e, "value") for e in trees_at(spec, "toolkit", "env")}
    by_cdi = at(spec, "cdi", "enabled") is True and at(spec, "cdi", "default") is True
    yield "toolkit.envvar_unprivileged", env.get(_ENVVAR, "false" if by_cdi else "true").lower() == "true"
    yield "operator.mig_strategy", text_at(spec, "mig", "strategy") or "single"
    yield "operator.plugin_config", text_at(spec, "devicePlugin", "config", "name")
    yield "operator.default_config", text_at(spec, "devicePlugin", "config", "default")
    managed = at(spec, "ccManager", "enabled") is True
    yield "operator.cc_mode", (text_at(spec, "ccManager", "defaultMode") or "off") if managed else ""
    yield "operator.driver_version", text_at(spec, "driver", "version")
    exposed = tree(at(spec, "dcgmExporter", "service"))
    yield "operator.metrics_service", text_at(exposed, "type") or "ClusterIP"


def level(*said: str) -> str | Unknown:
    """The highest of the sensitivities that were given; unknown for a word that is none of the four."""
    given = [s for s in said if s]
    odd = [s for s in given if s not in LEVELS]
    if odd:
        return Unknown(GapCode.MALFORMED, f"the sensitivity {odd[0][:40]!r} is none of {', '.join(LEVELS)}")
    return max(given, key=LEVELS.index) if given else ""
