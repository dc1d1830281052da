"""Small artifacts of every format, made here byte by byte: no library of models is needed to test their headers."""

import base64
import collections
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping

from strongroom.model.errors import Malformed, TooLarge


class Runs:
    """Pickled, it calls `os.system` when it is loaded; nothing here ever loads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os  # noqa: PLC0415 - only what is pickled names it

        return os.system, ("true",)


def safetensors(
    tensors: Mapping[str, tuple[str, list[int], int]] | None = None, metadata: Mapping[str, str] | None = None
) -> bytes:
    """A safetensors file: tensors as name: (type, shape, bytes)."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name, (kind, shape, size) in (tensors or {"w": ("F32", [2, 2], 16)}).items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(place)


def raw_safetensors(header: str, payload: int = 0) -> bytes:
    """A safetensors file with any header."""
    return len(header.encode()).to_bytes(8, "little") + header.encode() + bytes(payload)


def text(value: str) -> bytes:
    """A GGUF string."""
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(tensors: int = 1, version: int = 3, extra: bytes = b"", pairs: int = 0) -> bytes:
    """A GGUF file with an architecture, a small vocabulary, and tensors of 32 bytes."""
    out = b"GGUF" + struct.pack("<IQQ", version, tensors, 2 + pairs)
    out += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    out += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b") + extra
    for n in range(tensors):
        out += text(f"blk.{n}") + struct.pack("<IQIQ", 1, 8, 0, n * 32)
    return out + bytes(-len(out) % 32) + bytes(32 * tensors)


def torch_pickle(*, evil: bool = False) -> bytes:
    """The pickle within a checkpoint of PyTorch: a tensor rebuilt from a storage, in protocol 2."""
    out = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\x00\x00\x00w"
    out += b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    out += b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00(K\x02K\x02t(K\x02K\x01t\x89tRs"
    return out + (b"cos\nsystem\n(X\x04\x00\x00\x00truetR0." if evil else b".")


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def checkpoint(*, evil: bool = False) -> bytes:
    """A checkpoint of PyTorch as torch.save writes it."""
    files = {"m/data.pkl": torch_pickle(evil=evil), "m/version": b"3\n", "m/data/0": bytes(16)}
    return packed(files)


def legacy_checkpoint(*, evil: bool = False) -> bytes:
    """A checkpoint of PyTorch from before 1.6: five pickles, then raw storages."""
    first = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join(first) + torch_pickle(evil=evil) + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)


def npy(descr: str = "'<f4'", payload: bytes = bytes(8)) -> bytes:
    """A .npy file."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


def field(number: int, data: bytes | int) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """A number of seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def onnx(domain: str = "", location: str = "") -> bytes:
    """An ONNX model of one node and one tensor."""
    node = field(1, b"x") + field(2, b"y") + field(4, b"Relu") + (field(7, domain.encode()) if domain else b"")
    tensor = field(1, 2) + field(2, 1) + field(8, b"w")
    if location:
        tensor += field(13, field(1, b"location") + field(2, location.encode())) + field(14, 1)
    else:
        tensor += field(9, bytes(8))
    graph = field(1, node) + field(2, b"g") + field(5, tensor)
    return field(1, 9) + field(2, b"pytorch") + field(7, graph) + field(8, field(2, 17))


def saved_model(operator: str = "MatMul") -> bytes:
    """A SavedModel with one node, and one in a function."""
    node = field(1, b"n") + field(2, operator.encode())
    library = field(1, field(1, b"") + field(3, node))
    return field(1, 1) + field(2, field(2, field(1, field(2, b"Placeholder")) + field(2, library)))


def keras(*, layer: str = "Dense", module: str = "keras.layers") -> bytes:
    """A .keras archive."""
    config = {
        "class_name": "Sequential",
        "module": "keras",
        "config": {"layers": [{"class_name": layer, "module": module}]},
    }
    files = {"config.json": json.dumps(config).encode(), "metadata.json": b"{}", "model.weights.h5": bytes(64)}
    return packed(files)


def tfrecord() -> bytes:
    """One record: its length, the masked CRC-32C of that (RFC 3720 gives the polynomial), data, and a CRC."""
    length = struct.pack("<Q", 5)
    crc = 0xFFFFFFFF
    for byte in length:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return length + struct.pack("<I", masked) + b"hello" + bytes(4)


def parquet() -> bytes:
    """A Parquet file with a footer that is none of its business."""
    return b"PAR1" + bytes(20) + struct.pack("<I", 20) + b"PAR1"


def faiss() -> bytes:
    """A flat index of FAISS."""
    return b"IxF2" + struct.pack("<iqqqBi", 4, 2, 1 << 20, 1 << 20, 1, 1) + struct.pack("<Q", 8) + bytes(32)


def hnswlib() -> bytes:
    """The header of an index of hnswlib."""
    import math  # noqa: PLC0415 - one number

    m, elements, element = 16, 3, 16 * 2 * 4 + 4 + 16 + 8
    head = struct.pack(
        "<6QiIQQQdQ", 0, 10, elements, element, element - 8, m * 8 + 4, 0, 0, m, m, 2 * m, 1 / math.log(m), 200
    )
    return head + bytes(element * elements)


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def harmless() -> bytes:
    """A pickle of plain things."""
    return pickle.dumps(collections.OrderedDict(a=[1, 2.5, "x", b"y"], b={"c": None}), 4)


def evil() -> bytes:
    """A pickle that runs a command when it is loaded."""
    return pickle.dumps(Runs(), 4)


def bundle(names: list[str], predicate: str = "https://model_signing/signature/v1.0") -> bytes:
    """A bundle of model signing that names files; nothing in it is signed."""
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": predicate,
        "subject": [{"name": "m", "digest": {"sha256": "00"}}],
        "predicate": {"resources": [{"name": n, "digest": "00", "algorithm": "sha256"} for n in names]},
    }
    payload = base64.b64encode(json.dumps(said).encode()).decode()
    return json.dumps({"mediaType": "x", "dsseEnvelope": {"payload": payload, "payloadType": "y"}}).encode()


def answers(read: Callable[[], object]) -> bool:
    """Whether a reader ends as it may: with a result, or with a refusal that says what was found."""
    try:
        read()
    except (Malformed, TooLarge) as e:
        return bool(e.found)
    return True
