"""Model artifacts: an inventory of 1 TiB of weights without reading them, beside a plain walk of the same tree.

Goal: 1 TB of sparse files inventoried in at most 10 s. The files have real headers and empty payloads; half are shards of
models with an index, a quarter GGUF, a quarter checkpoints of PyTorch with their pickles.
"""

import argparse
import io
import json
import os
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path

from measure import as_row, best, cost, save, strongroom

ROOT = Path(__file__).parent.parent
TENSORS = 300


def main() -> None:
    """Print the figures, and write benchmarks/results/artifacts.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1024)
    parser.add_argument("--gib", type=int, default=1024, help="all of them together")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="on a file system with sparse files")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        tree = Path(scratch) / "models"
        make(tree, options.files, (options.gib << 30) // options.files)
        size = sum(f.stat().st_size for f in tree.rglob("*") if f.is_file())
        ours = [strongroom(), "assess", f"artifacts:{tree}", "--no-snapshot", "--format", "jsonl", "--fail-on", "never"]
        found = best(ours, Path(scratch), options.runs)
        walk = best(
            [shutil.which("find") or "find", str(tree), "-type", "f", "-printf", "%s %m %p\n"], Path(scratch), 3
        )
        wall = timed(ours, Path(scratch))
    print(f"{size / 1e12:.2f} TB in {options.files} files")
    print(f"strongroom assess artifacts:  {wall:6.2f} s wall  {found.cpu_s:6.2f} s CPU  {found.peak_mib:6.0f} MiB")
    print(f"find -printf                  {'':>13}  {walk.cpu_s:6.2f} s CPU  (names and sizes only)")
    rows: list[dict[str, object]] = [
        {"what": "inventory", "bytes": size, "files": options.files, "wall_s": wall, **as_row(found)},
        {"what": "find -printf", **as_row(walk)},
    ]
    print(f"written: {save('artifacts', rows)}")


def timed(argv: list[str], scratch: Path) -> float:
    """Seconds by the clock on the wall, of one run."""
    import time  # noqa: PLC0415 - one use

    start = time.perf_counter()
    cost(argv, scratch)
    return round(time.perf_counter() - start, 2)


def make(tree: Path, files: int, size: int) -> None:
    """A tree of sparse files with real headers."""
    for number in range(files):
        folder = tree / f"team-{number % 7}" / f"model-{number // 8}"
        folder.mkdir(parents=True, exist_ok=True)
        if number % 4 < 2:
            sparse(folder / f"model-{number % 8 + 1:05d}-of-00008.safetensors", safetensors(size), size)
        elif number % 4 == 2:
            sparse(folder / f"{number}.gguf", gguf(), size)
        else:
            checkpoint(folder / f"{number}.pt", size)


def sparse(path: Path, header: bytes, size: int) -> None:
    """A file that begins with a header and has nothing behind it."""
    with path.open("wb") as f:
        f.write(header)
        f.truncate(size)


def safetensors(size: int) -> bytes:
    """A header of some hundred tensors that fill the file, padded to a length that is known beforehand."""
    length = 64 * 1024
    each, rest = divmod(size - 8 - length, TENSORS)
    header: dict[str, object] = {}
    place = 0
    for n in range(TENSORS):
        end = place + each + (rest if n == TENSORS - 1 else 0)
        header[f"model.layers.{n}.w"] = {"dtype": "U8", "shape": [end - place], "data_offsets": [place, end]}
        place = end
    return length.to_bytes(8, "little") + json.dumps(header).encode().ljust(length)


def gguf() -> bytes:
    """A header with a vocabulary of 32,000 words."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    out = (
        b"GGUF"
        + struct.pack("<IQQ", 3, TENSORS, 2)
        + text("general.architecture")
        + struct.pack("<I", 8)
        + text("llama")
    )
    out += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 32_000)
    out += b"".join(text(f"token{n}") for n in range(32_000))
    return out + b"".join(text(f"blk.{n}") + struct.pack("<IQIQ", 1, 32, 0, n * 128) for n in range(TENSORS))


def checkpoint(path: Path, size: int) -> None:
    """A checkpoint whose storages are a hole in the file: the directory stands behind it."""
    import pickle  # noqa: PLC0415 - dumped, never loaded

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({f"w{n}": list(range(20)) for n in range(TENSORS)}, 2))
        archive.writestr("m/data/0", b"")
    whole = data.getvalue()
    with path.open("wb") as f:
        f.seek(size - len(whole))  # an archive may stand behind anything
        f.write(whole)
        f.seek(0)
        f.write(whole[:4])
    os.truncate(path, size)


if __name__ == "__main__":
    main()
