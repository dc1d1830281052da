"""NVIDIA's roots that are pinned: of devices, and of the manifests that they are compared with."""

from collections.abc import Mapping

# SHA-256 of "NVIDIA Device Identity CA", as https://github.com/NVIDIA/nvtrust has it (verifier_device_root.pem).
DEVICES: Mapping[str, str] = {
    "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48": "NVIDIA Device Identity CA"
}
# SHA-256 of "NVIDIA CoRIM signing Root CA", as https://github.com/NVIDIA/nvtrust has it (verifier_RIM_root.pem).
MANIFESTS: Mapping[str, str] = {
    "12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1": "NVIDIA CoRIM signing Root CA"
}
