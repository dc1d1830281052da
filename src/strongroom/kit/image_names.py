"""What a container image is of, by the name and the tag that its maker gives: NVIDIA's catalogue, and its open projects.

A mirror keeps the last parts of a name, so these count, and not the registry. What has no version in its tag says nothing.
"""

import re
from collections.abc import Iterator

from strongroom.kit import version_schemes

_NAMES = {
    "nvidia/k8s-device-plugin": ("nvidia-device-plugin",), "nvidia/gpu-operator": ("nvidia-gpu-operator",),
    "nvidia/dcgm": ("dcgm",), "k8s/dcgm-exporter": ("dcgm", "dcgm-exporter"), "k8s/container-toolkit": ("nvidia-container-toolkit",),
    "nvidia/tritonserver": ("triton",), "cloud-native/k8s-mig-manager": ("nvidia-mig-manager",),
    "cloud-native/gpu-operator-validator": ("nvidia-gpu-operator",), "nvidia/driver": ("nvidia-driver",),
    "vllm/vllm-openai": ("pypi/vllm",), "kai-scheduler/scheduler": ("kai-scheduler",), "kai-scheduler/binder": ("kai-scheduler",),
    "kai-scheduler/operator": ("kai-scheduler",), "kai-scheduler/admission": ("kai-scheduler",),
    "kai-scheduler/queuecontroller": ("kai-scheduler",), "kai-scheduler/podgrouper": ("kai-scheduler",),
}  # fmt: skip
_NUMBER = re.compile(r"v?\d+(?:\.\d+)+(?:\.?[a-z]+\d*)?")


def components(image: str) -> Iterator[tuple[str, str]]:
    """Products and versions of an image: `nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubi9` is DCGM 4.4.2 and its exporter 4.7.0."""
    name, _, _ = image.partition("@")
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return
    products = _NAMES.get("/".join(path.lower().split("/")[-2:]), ())
    parts = tag.split("-")
    for product, part in zip(products, parts, strict=False):
        version = part.removeprefix("v") if "/" in product else part
        if _NUMBER.fullmatch(part) and version_schemes.key(version, product) is not None:
            yield product, version
