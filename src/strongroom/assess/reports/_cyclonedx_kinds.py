"""What an asset is in the words of CycloneDX 1.6, which knows software, hardware, models and data."""

from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind

# component.type. What answers requests of others is a service and stands in SERVICES.
TYPES = {
    Kind.MODEL: "machine-learning-model",
    Kind.ARTIFACT: "file",
    Kind.IMAGE: "container",
    Kind.DATASET: "data",
    Kind.INDEX: "data",
    Kind.BUCKET: "data",
    Kind.FILE_SYSTEM: "data",
    Kind.DISK: "data",
    Kind.LOG_GROUP: "data",
    Kind.NOTEBOOK: "application",
    Kind.JOB: "application",
    Kind.WORKSPACE: "platform",
    Kind.CLUSTER: "platform",
    Kind.NODE_POOL: "platform",
    Kind.NAMESPACE: "platform",
    Kind.INSTANCE: "platform",
    Kind.ACCOUNT: "platform",
    Kind.REGISTRY: "platform",
    Kind.NETWORK: "platform",
    Kind.SUBNET: "platform",
    Kind.WORKLOAD: "container",
    Kind.HOST: "device",
    Kind.GPU: "device",
    Kind.NIC: "device",
    Kind.INTERFACE: "device",
    Kind.KEY: "cryptographic-asset",
    Kind.SECRET: "cryptographic-asset",
}
SERVICES = frozenset(
    {
        Kind.ENDPOINT,
        Kind.AGENT,
        Kind.GUARDRAIL,
        Kind.SEARCH,
        Kind.KEY_VAULT,
        Kind.LOAD_BALANCER,
        Kind.PRIVATE_ENDPOINT,
        Kind.TRAIL,
        Kind.DETECTOR,
    }
)
SETTINGS = "data"
"""The type of the rest: rules, roles, grants and templates are data, and are marked as configuration."""

# component.data[].type, for components of type data.
CONTENTS = {
    Kind.ARTIFACT: "dataset",
    Kind.DATASET: "dataset",
    Kind.INDEX: "dataset",
    Kind.BUCKET: "other",
    Kind.FILE_SYSTEM: "other",
    Kind.DISK: "other",
    Kind.LOG_GROUP: "other",
}

# cryptoProperties.relatedCryptoMaterialProperties.type; what a secret holds is not looked at.
MATERIAL = {Kind.KEY: "key", Kind.SECRET: "unknown"}


# An artifact is a file until its format or its registered class says what is in it.
MODEL_FORMATS = frozenset({"safetensors", "gguf", "pytorch", "onnx"})
MODEL_CLASSES = frozenset({"weights", "checkpoints", "adapters"})
DATA_CLASSES = frozenset({"datasets", "embeddings", "prompt logs"})

# Facts that say what a thing is, not how it is set: what an inventory of hardware, firmware and models asks for.
IDENTIFYING = (
    "artifact.format",
    "artifact.model",
    "artifact.class",
    "artifact.sensitivity",
    "artifact.owner",
    "artifact.bytes",
    "artifact.sha256",
    "model.name",
    "model.version",
    "gpu.vendor",
    "gpu.model",
    "gpu.architecture",
    "gpu.count",
    "gpu.uuid",
    "gpu.serial",
    "gpu.driver",
    "gpu.vbios",
    "gpu.gsp",
    "gpu.inforom",
    "gpu.cc",
    "host.vendor",
    "host.product",
    "host.serial",
    "host.schedulers",
    "cpu.model",
    "tpm.version",
    "nic.mac",
    "nic.driver",
    "nic.firmware",
    "version.kernel",
    "version.os",
    "version.bios",
    "version.bmc",
    "version.microcode",
    "version.cuda",
    "version.container_toolkit",
    "pod.images",
)


def component_type(asset: Asset) -> str:
    """The type of the component that an asset is."""
    if asset.kind is Kind.ARTIFACT:
        if asset.value("artifact.class") in MODEL_CLASSES or asset.value("artifact.format") in MODEL_FORMATS:
            return TYPES[Kind.MODEL]
        if asset.value("artifact.class") in DATA_CLASSES:
            return TYPES[Kind.DATASET]
    return TYPES.get(asset.kind, SETTINGS)


def contents(kind: Kind) -> str:
    """What a component of type data holds; an artifact that is data is a dataset."""
    return CONTENTS.get(kind, "configuration")
