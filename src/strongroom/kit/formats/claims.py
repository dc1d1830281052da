"""What a file claims to be by its name, and the beginnings of files that nobody opens here."""

_CLOSED = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
_WEIGHTS_BIN = ("pytorch_model", "adapter_model", "model-", "model.", "optimizer", "diffusion_pytorch_model")
CLAIMS = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".keras": "keras",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".ckpt": "pytorch",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".dill": "pickle",
    ".joblib": "joblib",
    ".npy": "numpy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "feather",
    ".tfrecord": "tfrecord",
    ".tflite": "tflite",
    ".faiss": "faiss",
    ".ann": "annoy",
    ".annoy": "annoy",
}


def base_of(path: str) -> str:
    """The last part of a path with slashes."""
    return path.rstrip("/").rpartition("/")[2]


def suffix_of(path: str) -> str:
    """The ending of a name, in lower case and with its dot; empty for none, and for a name that is all ending."""
    stem, dot, ending = base_of(path).rpartition(".")
    return f".{ending.lower()}" if dot and stem and ending else ""


def claimed(name: str) -> str:
    """The format that a name claims; empty for none. A sealed file claims that of the name before the last ending."""
    low = name.lower()
    for ending in (".age", ".gpg", ".pgp", ".asc", ".enc", ".sealed"):
        low = low.removesuffix(ending)
    suffix = suffix_of(low)
    if suffix == ".bin" and low.startswith(_WEIGHTS_BIN):
        return "pytorch"
    return CLAIMS.get(suffix, "")


def closed(head: bytes) -> bool:
    """Whether a file is an archive or a stream of a kind that is not opened here."""
    return head.startswith(_CLOSED)
