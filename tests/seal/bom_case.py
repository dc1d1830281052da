"""Small models of several formats, made here, and a bill of materials read back for the tests."""

import json
import struct
from pathlib import Path
from typing import NamedTuple

Object = dict[str, object]
README = """---
license: apache-2.0
datasets: [squad, org/corpus]
base_model:
- org/base
base_model_relation: finetune
pipeline_tag: text-generation
library_name: transformers
language: en
---
# A model
"""


def safetensors(tensors: dict[str, tuple[str, list[int], int]]) -> bytes:
    """A file of tensors (type, shape, octets), all zero."""
    header, place = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(place)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(tensors: dict[str, tuple[int, list[int]]], words: dict[str, str]) -> bytes:
    """A file of GGUF with tensors (ggml type, shape), 4 KiB each, and texts."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(words))
    for key, value in words.items():
        out += _text(key) + struct.pack("<I", 8) + _text(value)
    for n, (name, (kind, shape)) in enumerate(tensors.items()):
        out += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, n * 4096)
    return out + bytes(-len(out) % 32) + bytes(4096 * len(tensors))


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _field(number: int, body: bytes | int) -> bytes:
    if isinstance(body, int):
        return _varint(number << 3) + _varint(body)
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def onnx(*tensors: tuple[str, int, list[int]], packed: bool = True) -> bytes:
    """A model of ONNX with initializers (name, data type, shape)."""
    graph = b""
    for name, kind, shape in tensors:
        dims = _field(1, b"".join(map(_varint, shape))) if packed else b"".join(_field(1, d) for d in shape)
        graph += _field(5, dims + _field(2, kind) + _field(8, name.encode()))
    return _field(1, 9) + _field(2, b"pytorch") + _field(7, graph) + _field(8, _field(2, 17))


def model(folder: Path) -> Path:
    """A folder with a configuration, two shards, a tokenizer, code, a README, a licence, and an adapter below it."""
    at = folder / "tiny"
    files = {
        "config.json": json.dumps({
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16", "vocab_size": 32,
            "auto_map": {"AutoModel": "modeling_tiny.Tiny"},
        }).encode(),
        "model-00001-of-00002.safetensors": safetensors({"a": ("BF16", [4, 8], 64)}),
        "model-00002-of-00002.safetensors": safetensors({"b": ("F32", [3], 12), "ids": ("I64", [2], 16)}),
        "tokenizer_config.json": b'{"tokenizer_class": "LlamaTokenizer"}',
        "modeling_tiny.py": b"print()\n",
        "README.md": README.encode(),
        "LICENSE": b"Apache License\nVersion 2.0, January 2004\n",
        "adapters/x/adapter_config.json": b'{"peft_type": "LORA", "r": 8, "base_model_name_or_path": "org/base"}',
        "adapters/x/adapter_model.safetensors": safetensors({"lora": ("F16", [2, 2], 8)}),
    }  # fmt: skip
    for path, data in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_bytes(data)
    return at


class Bill(NamedTuple):
    """A bill, with what tests look for in it."""

    whole: Object

    @classmethod
    def of(cls, octets: bytes) -> "Bill":
        """The bill of its octets."""
        found = json.loads(octets)
        assert isinstance(found, dict)
        return cls(found)

    @property
    def root(self) -> Object:
        """The component that is described."""
        metadata = self.whole["metadata"]
        assert isinstance(metadata, dict)
        found = metadata["component"]
        assert isinstance(found, dict)
        return found

    def component(self, ref: str) -> Object:
        """The component of a reference."""
        listed = self.whole["components"]
        assert isinstance(listed, list)
        (found,) = [c for c in listed if c["bom-ref"] == ref]
        assert isinstance(found, dict)
        return found

    @property
    def refs(self) -> list[str]:
        """All references in their order."""
        listed = self.whole["components"]
        assert isinstance(listed, list)
        return [c["bom-ref"] for c in listed]


def properties(component: object) -> dict[str, str]:
    """The properties of a component or a model card, without their prefix."""
    assert isinstance(component, dict)
    return {p["name"].removeprefix("strongroom:"): p["value"] for p in component.get("properties", ())}


def card(component: Object) -> Object:
    """The model card of a component."""
    found = component["modelCard"]
    assert isinstance(found, dict)
    return found
