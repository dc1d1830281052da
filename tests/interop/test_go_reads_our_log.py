"""A log that this program wrote, read by the Go project's own packages: a second opinion on every byte."""

import json
import subprocess
from pathlib import Path

import pytest

from strongroom.kit.tlog import checkpoint, merkle, tiles
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.text import to_base64

pytestmark = pytest.mark.integration

LOG = SignerKey("example.org/log", Kind.ED25519, bytes(range(32)))
WITNESS = SignerKey("witness.example/w", Kind.COSIGNATURE_ML_DSA_44, bytes(32))
ENTRIES = [b"entry %d" % i for i in range(66_000)]
LEAVES = [merkle.leaf_hash(e) for e in ENTRIES]


def write_log(folder: Path, size: int) -> None:
    """A log of `size` entries that grew in three steps, with proofs for a few of its leaves and older sizes."""
    held: dict[tiles.Tile, bytes] = {}
    at = 0
    for end in (size // 3, size // 2, size):
        held |= tiles.new_tiles(at, LEAVES[at:end], held.__getitem__)
        at = end
    bundles = tiles.new_bundles(0, ENTRIES[:size], lambda _: b"")
    for part, data in [*((tile, held[tile]) for tile in tiles.tiles_of(size)), *bundles.items()]:
        (folder / part.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / part.path).write_bytes(data)
    nodes = tiles.TileNodes(size, held.__getitem__)
    root = merkle.Frontier(size, tiles.peaks(size, held.__getitem__)).root()
    signers = [Ed25519Signer(LOG), Cosigner(WITNESS, 1_800_000_000)]
    (folder / "checkpoint").write_bytes(checkpoint.sign_checkpoint(Checkpoint("example.org/log", size, root), signers))
    (folder / "vkey").write_text(str(LOG.verifier), encoding="utf-8")
    chosen = sorted({i for i in (0, 1, 2, 100, 255, 256, 257, 511, size // 2, size - 2, size - 1) if 0 <= i < size})
    inclusion = [
        {
            "Index": i,
            "Entry": to_base64(ENTRIES[i]),
            "Hashes": [to_base64(h) for h in merkle.prove_inclusion(i, size, nodes)],
        }
        for i in chosen
    ]
    consistency = [
        {
            "Size": i + 1,
            "Root": to_base64(merkle.tree_head(LEAVES[: i + 1])),
            "Hashes": [to_base64(h) for h in merkle.prove_consistency(i + 1, size, nodes)],
        }
        for i in chosen
    ]
    (folder / "proofs.json").write_text(json.dumps({"Inclusion": inclusion, "Consistency": consistency}), "utf-8")


def read(program: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), "log", str(folder), str(folder)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 257, 600, 65_536, 66_000])
def test_go_accepts_our_log(go_reader: Path, tmp_path: Path, size: int) -> None:
    """Go verifies our checkpoint and proofs, authenticates our tiles, and makes the same proofs from them."""
    write_log(tmp_path, size)
    answer = read(go_reader, tmp_path)
    assert answer.stderr == ""
    count = len(json.loads((tmp_path / "proofs.json").read_text("utf-8"))["Inclusion"])
    assert answer.stdout == f"{count} inclusion, {count} consistency, {size} entries\n"


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("checkpoint", b"\n600\n"),
        ("vkey", b"+"),
        ("tile/0/000", b""),
        ("tile/1/000.p/2", b""),
        ("tile/entries/001", b""),
        ("proofs.json", b'Hashes": ["'),
    ],
)
def test_go_refuses_our_log_once_it_is_changed(go_reader: Path, tmp_path: Path, name: str, after: bytes) -> None:
    """The second opinion is one: a changed file is refused."""
    write_log(tmp_path, 600)
    data = bytearray((tmp_path / name).read_bytes())
    at = data.index(after) + len(after) + 5
    data[at] = ord("A") if data[at] != ord("A") else ord("B")
    (tmp_path / name).write_bytes(data)
    assert read(go_reader, tmp_path).returncode == 1
