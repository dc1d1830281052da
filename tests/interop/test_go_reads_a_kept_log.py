"""A log folder that the sequencer and the publisher kept, and proofs that leave it, read by Go's own packages."""

import json
import subprocess
from pathlib import Path

import pytest

from strongroom.kit.tlog import proof as proofs
from strongroom.kit.tlog.checkpoint import Checkpoint, parse
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.note import parse as parse_note
from strongroom.kit.tlog.proof import LogProof
from strongroom.kit.tlog.text import to_base64
from strongroom.ledger import tree
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish, published
from strongroom.ledger.sequencer import Sequenced, Sequencer, empty_checkpoint

pytestmark = pytest.mark.integration

KEY = SignerKey("log.example/kept", Kind.ED25519, bytes(range(32)))
SECOND = SignerKey("log.example/kept", Kind.COSIGNATURE_ML_DSA_44, bytes(32))


def entry(index: int) -> bytes:
    return b'{"n":%d}' % index * (index % 4)  # some are empty


class Kept:
    """A log that grew batch by batch, published now and then."""

    def __init__(self, folder: Path, batches: list[int], every: int) -> None:
        self.folder = folder
        self.storage = FileStorage(folder / "log")
        self.storage.create(b"{}", empty_checkpoint(KEY))
        self.older: list[Checkpoint] = []
        self.given: list[Sequenced] = []
        sequencer = Sequencer(self.storage, KEY)
        for number, size in enumerate(batches):
            self.given += sequencer.append([entry(len(self.given) + i) for i in range(size)])
            self.older.append(sequencer.latest()[0])
            if number % every == 0 or number == len(batches) - 1:
                publish(self.storage, Head(*sequencer.latest()), [Cosigner(SECOND, 1_800_000_000)])
        (folder / "vkey").write_text(str(KEY.verifier), "utf-8")

    @property
    def public(self) -> Path:
        return self.folder / "log/public"

    def prove(self) -> None:
        """Write proofs for a few entries, and for the older sizes that the sequencer signed."""
        now, read = published(self.storage).checkpoint, self.storage.read
        chosen = sorted({i for i in (0, 1, 255, 256, 511, now.size // 2, now.size - 1) if i < now.size})
        inclusion = [
            {"Index": i, "Entry": to_base64(entry(i)), "Hashes": coded(tree.inclusion(i, leaf_hash(entry(i)), now, read))}
            for i in chosen
        ]  # fmt: skip
        consistency = [
            {"Size": old.size, "Root": to_base64(old.root), "Hashes": coded(tree.consistency(old.size, now, read, old.root))}
            for old in self.older
        ]  # fmt: skip
        (self.folder / "proofs.json").write_text(json.dumps({"Inclusion": inclusion, "Consistency": consistency}))


def coded(hashes: tuple[bytes, ...]) -> list[str]:
    return [to_base64(h) for h in hashes]


def reads(program: Path, *words: str | Path) -> tuple[str, str]:
    answer = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert bool(answer.returncode) is bool(answer.stderr)
    return answer.stdout, answer.stderr


@pytest.mark.parametrize(
    ("batches", "every"), [([1], 1), ([3, 252, 1], 2), ([255, 1, 1, 300, 43], 1), ([1, 1, 1, 700, 66_000, 5], 4)]
)
def test_go_accepts_a_log_that_was_kept(go_reader: Path, tmp_path: Path, batches: list[int], every: int) -> None:
    """Go verifies the published checkpoint, every entry, and consistency with every root that was ever signed."""
    kept = Kept(tmp_path, batches, every)
    kept.prove()
    out, err = reads(go_reader, "log", tmp_path, kept.public)
    assert err == ""
    assert out.endswith(f"{len(batches)} consistency, {sum(batches)} entries\n")


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/88"])
def test_go_refuses_a_kept_log_once_it_is_changed(go_reader: Path, tmp_path: Path, name: str) -> None:
    """A changed byte in any kind of file is refused."""
    kept = Kept(tmp_path, [600], 1)
    kept.prove()
    data = bytearray((kept.public / name).read_bytes())
    data[40] ^= 1  # of the checkpoint: in the root
    (kept.public / name).write_bytes(data)
    assert reads(go_reader, "log", tmp_path, kept.public)[1] != ""


def write_proof(folder: Path, proof: LogProof) -> None:
    (folder / "entry").write_bytes(entry(proof.index))
    (folder / "entry.tlog-proof").write_bytes(proofs.encode(proof))


@pytest.mark.parametrize("index", [0, 2, 255, 256, 599])
def test_a_proof_holds_without_the_log_and_without_this_program(go_reader: Path, tmp_path: Path, index: int) -> None:
    """A proof at once from the sequencer, and one from the published tiles, both verify with the log's key alone."""
    kept = Kept(tmp_path, [3, 253, 44, 300], 1)
    given = kept.given[index]
    now = published(kept.storage)
    later = tree.inclusion(index, leaf_hash(entry(index)), now.checkpoint, kept.storage.read)
    (tmp_path / "log").rename(tmp_path / "elsewhere")
    write_proof(tmp_path, LogProof(index, given.proof(), given.checkpoint))
    size = parse(parse_note(given.checkpoint).text).size
    assert reads(go_reader, "proof", tmp_path) == (f"entry {index} of {size}\n", "")
    write_proof(tmp_path, LogProof(index, later, now.note, b"extra"))
    assert reads(go_reader, "proof", tmp_path) == (f"entry {index} of 600\n", "")


@pytest.mark.parametrize("part", ["entry", "index", "hash", "root"])
def test_a_proof_of_something_else_is_refused(go_reader: Path, tmp_path: Path, part: str) -> None:
    """Another entry, index, path or signed root is no proof."""
    given = Kept(tmp_path, [300], 1).given[7]
    note = given.checkpoint.replace(b"\n300\n", b"\n301\n") if part == "root" else given.checkpoint
    hashes = (bytes(32), *given.proof()[1:]) if part == "hash" else given.proof()
    write_proof(tmp_path, LogProof(6 if part == "index" else 7, hashes, note))
    (tmp_path / "entry").write_bytes(entry(7) + (b"x" if part == "entry" else b""))
    assert reads(go_reader, "proof", tmp_path)[1] != ""
