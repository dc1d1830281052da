"""The nodes of Google Kubernetes Engine: what a `node_config` block says of machines, accelerators and their sharing."""

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.collect.native import Default, Reader, Row, flag, key
from strongroom.collect.tables._gcp import DEFAULT_ENCRYPTION, confidential, docs, mark, only_if, own_account
from strongroom.collect.tables._gcp_accelerators import Accelerators, Find, accelerator_rows, attached, has_accelerator
from strongroom.model.values import Unknown, Value

DOCS = docs("container_cluster")
GPU_HOWTO = "https://cloud.google.com/kubernetes-engine/docs/how-to/gpus"
ENFORCING = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute"}


@dataclass(frozen=True, slots=True)
class Nodes:
    """Where a resource says how its nodes are made: `node_config`, or `node_pool.node_config` inside a cluster."""

    base: str

    def at(self, path: str) -> str:
        """A path below the node settings."""
        return f"{self.base}.{path}"

    @property
    def accelerators(self) -> Find:
        """Finds the nodes' accelerators."""
        return attached(self.at("guest_accelerator"), self.at("machine_type"))


def metadata(nodes: Nodes) -> Row:
    """Whether pods see GKE's metadata server instead of the node's own metadata and credentials."""

    def read(r: Reader) -> Value:
        word = r.text(nodes.at("workload_metadata_config.mode"))
        old = r.text(nodes.at("workload_metadata_config.node_metadata")) if word is None else None
        if word is None and old is None:
            return None
        found = word if word is not None else old
        return found if isinstance(found, Unknown) else found in ("GKE_METADATA", "GKE_METADATA_SERVER", "SECURE")

    return Row("imds.concealed", read, Default(False, DOCS))


def own_account_of(nodes: Nodes) -> Row:
    return Row("identity.own", lambda r: own_account(r, r.at(nodes.at("service_account"))), Default(False, DOCS))


def _sharing(nodes: Nodes) -> Row:
    """MIG partitions memory and compute in hardware; a sharing strategy on top of it is still sharing."""

    def read(r: Reader) -> Value:
        cards = r.blocks(nodes.at("guest_accelerator"))
        if isinstance(cards, Unknown):
            return cards
        said = [_strategy(r, c) for c in cards]
        doubt = next((s for s in said if isinstance(s, Unknown)), None)
        words = [s for s in said if isinstance(s, str)]
        shared = next((w for w in words if w in ("time-slicing", "mps")), None)
        return shared or doubt or ("mig" if "mig" in words else None)

    return only_if(Row("gpu.sharing", read, Default("none", GPU_HOWTO)), has_accelerator(nodes.accelerators))


def _strategy(r: Reader, card: object) -> str | Unknown | None:
    strategy = r.text("gpu_sharing_config.gpu_sharing_strategy", card)
    if strategy is not None:
        clients = r.number("gpu_sharing_config.max_shared_clients_per_gpu", card)
        if isinstance(strategy, Unknown) or clients == 1:
            return strategy if isinstance(strategy, Unknown) else None
        return {"TIME_SHARING": "time-slicing", "MPS": "mps"}.get(strategy.upper())
    split = r.text("gpu_partition_size", card)
    return "mig" if isinstance(split, str) and split else split or None


def _taints(nodes: Nodes, *, by_itself: Callable[[Reader], bool]) -> Row:
    """The taints that keep other pods away, GKE's own included.

    GKE taints accelerator nodes by itself when the pool joins a cluster that already has other nodes
    (https://cloud.google.com/kubernetes-engine/docs/how-to/gpus, https://cloud.google.com/kubernetes-engine/docs/concepts/tpus).
    """

    def read(r: Reader) -> Value:
        found = r.blocks(nodes.at("taint"))
        if isinstance(found, Unknown):
            given: list[str | Unknown] = [found]
        else:
            given = [t for b in found if (t := _taint(r, b)) is not None]
        if by_itself(r):
            given.append(_automatic(nodes, r))
        return tuple(given)

    return only_if(Row("gpu.taints", read), has_accelerator(nodes.accelerators))


def _taint(r: Reader, block: object) -> str | Unknown | None:
    effect = r.text("effect", block)
    if isinstance(effect, Unknown):
        return effect
    word = ENFORCING.get((effect or "").upper())
    if word is None:
        return None
    name, value = r.text("key", block), r.text("value", block)
    return f"{name if isinstance(name, str) else '?'}={value if isinstance(value, str) else '?'}:{word}"


def _automatic(nodes: Nodes, r: Reader) -> str:
    found = nodes.accelerators(r)
    tpu = isinstance(found, Accelerators) and isinstance(found.model, str) and "TPU" in found.model
    return "google.com/tpu=present:NoSchedule" if tpu else "nvidia.com/gpu=present:NoSchedule"


def _driver(nodes: Nodes, upgrade: str) -> Row:
    """Whether GKE installs the driver and replaces it when it upgrades the node."""

    def read(r: Reader) -> Value:
        version = r.text(nodes.at("guest_accelerator.gpu_driver_installation_config.gpu_driver_version"))
        upgraded = r.flag(upgrade)
        if upgraded is False or version == "INSTALLATION_DISABLED":
            return False
        if isinstance(version, Unknown):
            return version
        return upgraded if isinstance(upgraded, Unknown) else None if version is None else True

    gpu = nodes.accelerators

    def on_gpu(r: Reader) -> bool:
        found = gpu(r)
        return isinstance(found, Accelerators) and not (isinstance(found.model, str) and "TPU" in found.model)

    return only_if(Row("gpu.driver_managed", read, Default(True, GPU_HOWTO)), on_gpu)


def technology(*paths: str) -> Callable[[Reader], Value]:
    def read(r: Reader) -> Value:
        found = (confidential(r, p, "enabled") for p in paths)
        return next((t for t in found if t is not None), None)

    return read


def boot_rows(nodes: Nodes) -> tuple[Row, ...]:
    """Rows for Secure Boot, off unless asked for, and integrity monitoring, on unless switched off."""
    return (
        flag("boot.secure", nodes.at("shielded_instance_config.enable_secure_boot"), Default(False, DOCS)),
        flag("boot.integrity", nodes.at("shielded_instance_config.enable_integrity_monitoring"), Default(True, DOCS)),
    )


def machine_rows(nodes: Nodes, upgrade: str, by_itself: Callable[[Reader], bool]) -> tuple[Row, ...]:
    """Rows for accelerators, how they are shared and kept apart, and the disks of the nodes."""
    return (
        *accelerator_rows(nodes.accelerators),
        _sharing(nodes),
        _taints(nodes, by_itself=by_itself),
        _driver(nodes, upgrade),
        key("enc.volume_key", nodes.at("boot_disk_kms_key"), DEFAULT_ENCRYPTION),
    )


def sensitive_pool(nodes: Nodes, *more: str) -> Row:
    """An accelerator pool without a mark counts as sensitive."""

    def read(r: Reader) -> Value:
        said = mark(r, (nodes.at("resource_labels"), nodes.at("labels"), *more))
        if has_accelerator(nodes.accelerators)(r):
            return True if said is None or isinstance(said, Unknown) else said
        return said or False

    return Row("sensitive", read)
