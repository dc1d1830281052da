"""A log that Tessera wrote, verified by this program: its files are read as anyone would get them."""

import subprocess
from pathlib import Path

import pytest

from strongroom.kit.tlog.audit import audit
from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import parse_verifier_key
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.ledger import tree
from strongroom.model.errors import BadProof, BadSignature, NotFound

pytestmark = pytest.mark.integration

SIZES = (5, 256, 700, 1500)


class Theirs:
    """A folder that the Go program wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = parse_verifier_key((folder / "vkey").read_text("ascii"))

    def read(self, path: str) -> bytes:
        try:
            return (self.folder / "log" / path).read_bytes()
        except FileNotFoundError:
            raise NotFound("log", f"no {path}", "an object of the log") from None

    def head(self, note: bytes) -> Checkpoint:
        return open_checkpoint(note, self.key.name, [verifier(self.key)]).checkpoint

    def older(self, size: int) -> Checkpoint:
        return self.head((self.folder / f"checkpoint.{size}").read_bytes())


@pytest.fixture(scope="module")
def folder(tessera: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 1,500 entries that grew in four steps."""
    made = tmp_path_factory.mktemp("tessera") / "made"
    subprocess.run([tessera, "write", made, *map(str, SIZES)], check=True, capture_output=True)
    return made


@pytest.fixture
def theirs(folder: Path) -> Theirs:
    return Theirs(folder)


def test_its_checkpoint_is_signed_by_its_key(theirs: Theirs) -> None:
    """The signature that Tessera made verifies with the key as Go writes it, and not once the text is another."""
    note = theirs.read("checkpoint")
    assert theirs.head(note).size == SIZES[-1]
    with pytest.raises(BadSignature):
        theirs.head(note.replace(b"\n1500\n", b"\n1499\n"))


@pytest.mark.parametrize("size", SIZES)
def test_its_log_is_whole_at_every_size(theirs: Theirs, size: int) -> None:
    """Every tile, bundle and root that Tessera wrote is what this program computes, for older sizes too."""
    entries: set[bytes] = set()
    head = theirs.older(size)
    assert head.size == size
    found = audit(head, tree.reader(theirs.read), lambda _, entry: entries.add(entry))
    assert (found.faults, found.root, found.entries_read) == ((), head.root, size)
    assert entries == {b"entry %d" % i for i in range(size)}


@pytest.mark.parametrize("index", [0, 4, 255, 256, 699, 700, 1279, 1280, 1499])
def test_its_tiles_prove_its_entries(theirs: Theirs, index: int) -> None:
    """An inclusion proof from Tessera's tiles leads from its entry to its signed root."""
    head = theirs.head(theirs.read("checkpoint"))
    leaf = leaf_hash(tree.entry(index, head.size, theirs.read))
    assert len(tree.inclusion(index, leaf, head, theirs.read)) >= 8


@pytest.mark.parametrize("size", SIZES)
def test_its_checkpoints_are_of_one_tree(theirs: Theirs, size: int) -> None:
    """Each checkpoint that it published is consistent with the last, and a root that it never signed is not."""
    old, head = theirs.older(size), theirs.head(theirs.read("checkpoint"))
    tree.consistency(size, head, theirs.read, old.root)
    with pytest.raises(BadProof):
        tree.consistency(size, head, theirs.read, bytes(32))


@pytest.mark.parametrize("path", ["tile/entries/003", "tile/entries/005.p/220", "tile/0/002", "tile/1/000.p/5"])
def test_a_changed_byte_of_it_is_found(theirs: Theirs, path: str) -> None:
    """One byte that is not what Tessera wrote is a fault of its file."""

    def read(asked: str) -> bytes:
        data = bytearray(theirs.read(asked))
        data[len(data) // 2] ^= asked == path
        return bytes(data)

    head = theirs.head(theirs.read("checkpoint"))
    assert [f.where for f in audit(head, tree.reader(read)).faults] == [path]
