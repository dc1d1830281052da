"""A node as its kubelet and its labels show it: which machine it is, what runs on it, and how its cards are handed out."""

import re
from collections.abc import Iterator, Mapping

from strongroom.collect.kubernetes.trees import Tree, at, count, pairs, text_at, tree_at, trees_at
from strongroom.kit.identity import hashed
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Said = tuple[str, Value]
ENFORCING = ("NoSchedule", "NoExecute")
PLUGIN_CONFIG = "nvidia.com/device-plugin.config"
_GKE = "cloud.google.com/gke-"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}\Z")  # machine-id(5)
_PARTITION = re.compile(r"-MIG-\S+\Z|-SHARED\Z")  # GPU feature discovery adds them to the product's name


def aliases(obj: Tree) -> Iterator[str]:
    """What else names the machine: the cloud's id of it, the UUID of its board, and the machine id, hashed as `host:` does.

    The cloud's id has one form for each provider (`providerID` of the cloud controllers of AWS, Azure and Google).
    """
    given = text_at(obj, "spec", "providerID")
    scheme, _, rest = given.partition("://")
    parts = [p for p in rest.split("/") if p]
    if scheme == "aws" and parts and parts[-1].startswith("i-"):
        yield parts[-1]
    elif scheme == "azure" and rest.lower().startswith("/subscriptions/"):
        yield rest
    elif scheme == "gce" and len(parts) == 3:
        yield f"projects/{parts[0]}/zones/{parts[1]}/instances/{parts[2]}"
    elif given:
        yield given
    uuid = text_at(obj, "status", "nodeInfo", "systemUUID").strip().lower()
    if _UUID.match(uuid):
        yield f"dmi:{uuid}"
    machine = text_at(obj, "status", "nodeInfo", "machineID").strip().lower()
    if _MACHINE_ID.match(machine) and len(set(machine)) > 1:
        yield f"host:{hashed(machine)}"


def sharing(labels: Mapping[str, str]) -> str:
    """How the labels of GPU feature discovery, or of GKE, say that a node shares its cards."""
    said = labels.get("nvidia.com/gpu.sharing-strategy", "none")
    if said not in ("", "none"):
        return said
    of_gke = labels.get(_GKE + "gpu-sharing-strategy", "").lower().replace("_", "-")
    if of_gke in ("time-sharing", "mps"):
        return "mps" if of_gke == "mps" else "time-slicing"
    product = labels.get("nvidia.com/gpu.product", "")
    if product.endswith("-SHARED"):
        return "time-slicing"
    if labels.get(_GKE + "gpu-partition-size"):
        return "mig"
    if labels.get("nvidia.com/mig.strategy") in ("single", "mixed") and ("-MIG-" in product or _slices(labels)):
        return "mig"
    return "none"


def _slices(labels: Mapping[str, str]) -> bool:
    return any(k.startswith("nvidia.com/mig-") and k.endswith(".count") and count(v) > 0 for k, v in labels.items())


def _offered(obj: Tree) -> Tree:
    return tree_at(obj, "status", "capacity") or tree_at(obj, "status", "allocatable")


def accelerated(obj: Tree) -> bool:
    """Whether a node offers accelerators, by its resources or its labels."""
    labels = pairs(at(obj, "metadata", "labels"))
    offers = {**tree_at(obj, "status", "allocatable"), **tree_at(obj, "status", "capacity")}
    return (
        any(
            count(n) > 0 and (k.startswith("nvidia.com/") or k in ("amd.com/gpu", "gpu.intel.com/i915"))
            for k, n in offers.items()
        )
        or count(labels.get("nvidia.com/gpu.count", "0")) > 0
        or labels.get("nvidia.com/gpu.present") == "true"
        or _GKE + "accelerator" in labels
    )


def cards(obj: Tree, labels: Mapping[str, str]) -> int | Unknown:
    """How many cards stand in the machine; what the plugin makes of one by sharing is no card."""
    if "-MIG-" in labels.get("nvidia.com/gpu.product", ""):
        return Unknown(GapCode.UNSUPPORTED, "the labels of the node count its MIG instances, not its cards")
    labelled = count(labels.get("nvidia.com/gpu.count", "0"))
    if labelled:
        return labelled
    listed = [n for k, v in _offered(obj).items() if k in _WHOLE and (n := count(v))]
    if not listed or sharing(labels) != "none":
        return Unknown(GapCode.ABSENT, "no label of the node counts its cards")
    return sum(listed)


_WHOLE = ("nvidia.com/gpu", "nvidia.com/pgpu", "amd.com/gpu", "gpu.intel.com/i915")


def driver(labels: Mapping[str, str]) -> str:
    """The loaded driver by the labels of GPU feature discovery, of its newer and its older form."""
    parts = [labels.get(f"nvidia.com/cuda.driver.{p}", "") for p in ("major", "minor", "rev")]
    return labels.get("nvidia.com/cuda.driver-version.full", "") or ".".join(p for p in parts if p)


def facts(obj: Tree) -> Iterator[Said]:
    """Facts of a node as the API shows it."""
    labels = pairs(at(obj, "metadata", "labels"))
    info = tree_at(obj, "status", "nodeInfo")
    yield "version.kubelet", text_at(info, "kubeletVersion")
    for fact, field in (("version.kernel", "kernelVersion"), ("version.os", "osImage")):
        if text_at(info, field):
            yield fact, text_at(info, field)
    if accelerated(obj):
        yield from _gpus(obj, labels)


def _gpus(obj: Tree, labels: Mapping[str, str]) -> Iterator[Said]:
    yield "gpu.count", cards(obj, labels)
    if labels.get("nvidia.com/gpu.product"):
        yield "gpu.model", _PARTITION.sub("", labels["nvidia.com/gpu.product"])
    elif labels.get(_GKE + "accelerator"):
        yield "gpu.offered_as", labels[_GKE + "accelerator"]
    if driver(labels):
        yield "gpu.driver", driver(labels)
    yield "gpu.sharing", sharing(labels)
    taints = (t for t in trees_at(obj, "spec", "taints") if text_at(t, "effect") in ENFORCING)
    yield "gpu.taints", tuple(f"{text_at(t, 'key')}={text_at(t, 'value')}:{text_at(t, 'effect')}" for t in taints)
    yield "gpu.plugin_config", labels.get(PLUGIN_CONFIG, "")
    state, ready = labels.get("nvidia.com/cc.mode.state"), labels.get("nvidia.com/cc.ready.state", "")
    if state:
        yield "gpu.cc", state
        yield "gpu.cc_ready", state == "on" and ready == "true"
    yield "gpu.config_mismatch", tuple(_mismatches(obj, labels))


def _mismatches(obj: Tree, labels: Mapping[str, str]) -> Iterator[str]:
    """Where what the node was told to be is not what it says it is, each as a phrase."""
    wish, state = labels.get("nvidia.com/mig.config", ""), labels.get("nvidia.com/mig.config.state", "")
    if wish and state and state != "success":
        yield f"the MIG layout {wish} was asked for, and applying it is {state}"
    mode, now = labels.get("nvidia.com/cc.mode", ""), labels.get("nvidia.com/cc.mode.state", "")
    if mode and now and mode != now:
        yield f"the CC mode {mode} was asked for, and it is {now}"
    counted, offered = count(labels.get("nvidia.com/gpu.count", "0")), count(_offered(obj).get("nvidia.com/gpu"))
    plain = sharing(labels) == "none" and not _slices(labels) and count(labels.get("nvidia.com/gpu.replicas", "1")) < 2
    if plain and counted and offered > counted:
        yield f"{offered} cards are handed out, and its labels count {counted}"
