"""How accelerators are handed out: nodes, the device plugin's configuration, and the settings of the GPU operator."""

from collections.abc import Iterator, Mapping

from strongroom.collect.kubernetes import yaml_text
from strongroom.collect.kubernetes.trees import Tree, at, count, pairs, text_at, tree, tree_at, trees_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Said = tuple[str, Value]
TENANT = "isolation.example.org/tenant"
SENSITIVITY = "isolation.example.org/sensitivity"
LEVELS = ("public", "internal", "restricted", "confidential")
ENFORCING = ("NoSchedule", "NoExecute")
# GPU operator, "Container Device Interface (CDI) support": with CDI the variable alone opens no device.
_ENVVAR = "ACCEPT_NVIDIA_VISIBLE_DEVICES_ENVVAR_WHEN_UNPRIVILEGED"


def sharing(labels: Mapping[str, str]) -> str:
    """How the labels of GPU feature discovery say that a node shares its cards."""
    said = labels.get("nvidia.com/gpu.sharing-strategy", "none")
    if said not in ("", "none"):
        return said
    product = labels.get("nvidia.com/gpu.product", "")
    if product.endswith("-SHARED"):
        return "time-slicing"
    if labels.get("nvidia.com/mig.strategy") in ("single", "mixed") and ("-MIG-" in product or _slices(labels)):
        return "mig"
    return "none"


def _slices(labels: Mapping[str, str]) -> bool:
    return any(k.startswith("nvidia.com/mig-") and k.endswith(".count") and count(v) > 0 for k, v in labels.items())


def accelerated(obj: Tree) -> int:
    """How many accelerators a node offers, by its allocatable resources or its labels."""
    offered = tree_at(obj, "status", "allocatable") or tree_at(obj, "status", "capacity")
    listed = [
        count(n)
        for k, n in offered.items()
        if k.startswith("nvidia.com/") or k in ("amd.com/gpu", "gpu.intel.com/i915")
    ]
    labels = pairs(at(obj, "metadata", "labels"))
    return max(
        [*listed, count(labels.get("nvidia.com/gpu.count", "0")), int("cloud.google.com/gke-accelerator" in labels)]
    )


def node(obj: Tree) -> Iterator[Said]:
    """Facts of a node as the API shows it."""
    labels = pairs(at(obj, "metadata", "labels"))
    yield "version.kubelet", text_at(obj, "status", "nodeInfo", "kubeletVersion")
    cards = accelerated(obj)
    if not cards and labels.get("nvidia.com/gpu.present") != "true":
        return
    yield "gpu.count", cards
    yield "gpu.model", labels.get("nvidia.com/gpu.product", "") or labels.get("cloud.google.com/gke-accelerator", "")
    yield "gpu.sharing", sharing(labels)
    taints = trees_at(obj, "spec", "taints")
    yield (
        "gpu.taints",
        tuple(
            f"{text_at(t, 'key')}={text_at(t, 'value')}:{text_at(t, 'effect')}"
            for t in taints
            if text_at(t, "effect") in ENFORCING
        ),
    )
    yield "gpu.plugin_config", labels.get("nvidia.com/device-plugin.config", "")
    wish, ready = labels.get("nvidia.com/cc.mode.state", ""), labels.get("nvidia.com/cc.ready.state", "")
    yield "gpu.cc", wish or "off"
    yield "gpu.cc_ready", wish == "on" and ready == "true"


def plugin_configs(obj: Tree) -> tuple[str, ...] | Unknown:
    """The configurations in a ConfigMap by which the device plugin shares cards, as `key: strategy of resource`."""
    found: list[str] = []
    for key, value in tree_at(obj, "data").items():
        if not isinstance(value, str) or not ("sharing" in value or "timeSlicing" in value):
            continue
        try:
            documents = [d.value for c in yaml_text.chunks(value) for d in yaml_text.parse(c)]
        except yaml_text.YamlError as e:
            return Unknown(e.code, f"the configuration {key}: {e.detail}")
        for document in documents:
            found += _shares(key, tree_at(document, "sharing"))
    return tuple(found)


def _shares(key: str, said: Tree) -> Iterator[str]:
    for field, word in (("timeSlicing", "time-slicing"), ("mps", "mps")):
        for resource in trees_at(said, field, "resources"):
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
