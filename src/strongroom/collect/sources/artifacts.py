"""`artifacts:DIR`: model artifacts on disk, recognised by content; `artifacts:DIR?digest` reads and digests them too."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from strongroom.collect.artifacts.assets import KINDS
from strongroom.collect.artifacts.reading import collect
from strongroom.kit import sealed
from strongroom.kit.formats import arrays, gguf, keras, pickles, safetensors, tables, zips
from strongroom.kit.formats.claims import CLAIMS
from strongroom.model.ports import Collector, Peek

_MAGIC = (gguf.MAGIC, arrays.MAGIC, keras.HDF5, tables.PARQUET, tables.ARROW)
_FOLDERS = ("saved_model.pb", "adapter_config.json", "model_index.json", "model.safetensors.index.json")


def recognises(peek: Peek) -> int:
    """A file by its first bytes; a folder by files that are called as artifacts are and begin as such."""
    if not peek.is_dir:
        return 90 if _is_artifact(peek.head, _size(peek.path)) else 0
    if {sealed.ARTIFACT_FILE, sealed.INDEX_FILE} <= set(peek.names):
        return 85
    if any(n in _FOLDERS for n in peek.names) or any(n.startswith("models--") for n in peek.names):
        return 75
    named = (peek.path / n for n in peek.names if Path(n).suffix.lower() in CLAIMS)
    return 75 if any(_is_artifact(_head(p), _size(p)) for p in islice(_regular(named), 20)) else 0


def _regular(paths: Iterator[Path]) -> Iterator[Path]:
    return (p for p in paths if p.is_file() and not p.is_symlink())


def _is_artifact(head: bytes, size: int) -> bool:
    packed = head.startswith(zips.MAGIC) and (b"data.pkl" in head[:4096] or b".npy" in head[:4096])
    plain = head.startswith(_MAGIC) or pickles.looks_like(head) or safetensors.looks_like(head, size)
    return packed or plain or tables.looks_like_tfrecord(head, size)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            return f.read(4096)
    except OSError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


COLLECTOR = Collector(
    scheme="artifacts",
    title="Model artifacts",
    reads="a folder of weights, checkpoints, datasets and indexes: headers only; DIR?digest reads and digests them",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
