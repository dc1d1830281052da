"""What must hold of a log in a folder after any fault, held against what was acknowledged before it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from strongroom.kit.log_entry import commitment
from strongroom.kit.tlog.audit import audit
from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, leaf_hash, prove_consistency, verify_consistency
from strongroom.kit.tlog.note import Ed25519Verifier
from strongroom.ledger import tree
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish, published
from strongroom.ledger.sequencer import Sequencer

KEY = SignerKey("log.example/faults", Kind.ED25519, bytes(range(32)))
PROBE = b"one more, after the fault"


class Acknowledged(NamedTuple):
    """An entry that its writer was told is durable."""

    place: int
    leaf: bytes
    note: bytes


@dataclass
class Told:
    """All that a log has said to anyone so far."""

    entries: list[Acknowledged] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)  # disclosures whose keeping was acknowledged, by commitment
    erased: set[str] = field(default_factory=set)  # disclosures whose erasure was acknowledged, as text
    erasing: set[str] = field(default_factory=set)  # commitments whose erasure was begun: there, or gone

    def copy(self) -> "Told":
        """The same so far."""
        return Told(self.entries[:], self.published[:], dict(self.kept), set(self.erased), set(self.erasing))


@cache
def opened(note: bytes) -> Checkpoint:
    """The checkpoint of a note that the log has signed."""
    return open_checkpoint(note, KEY.verifier.name, [Ed25519Verifier(KEY.verifier)]).checkpoint


def audited(folder: Path, head: Checkpoint) -> list[bytes]:
    """The entries of a published tree, once all of it was computed again from what is stored."""
    entries: list[bytes] = []
    found = audit(head, tree.reader(FileStorage(folder).read), lambda _, entry: entries.append(entry))
    assert found.faults == ()
    assert found.root == head.root
    assert len(entries) == head.size
    return entries


def check(folder: Path, told: Told) -> list[str]:
    """Hold a log to all that it has said, and let it go on; what it says that it repaired.

    Raises:
        AssertionError, StrongroomError: it broke its word.
    """
    if (folder / "public/checkpoint").exists():  # as it is, before anything is mended
        audited(folder, opened((folder / "public/checkpoint").read_bytes()))
    storage = FileStorage(folder)
    sequencer = Sequencer(storage, KEY)
    assert sequencer.open().size >= len({given.place for given in told.entries})
    (probe,) = sequencer.append([PROBE])
    done = publish(storage, Head(*sequencer.latest()))
    assert done is not None
    assert opened(done.note) == done.checkpoint == published(FileStorage(folder)).checkpoint
    entries = audited(folder, done.checkpoint)
    assert entries[probe.index] == PROBE
    storage.close()
    _hold(told, done, [leaf_hash(entry) for entry in entries])
    told.entries.append(Acknowledged(probe.index, leaf_hash(PROBE), probe.checkpoint))
    told.published.append(done.note)
    _hold_disclosures(folder, told)
    return sequencer.repaired


def _hold(told: Told, final: Head, leaves: Sequence[bytes]) -> None:
    """Every entry where it was said to be, and every checkpoint an earlier state of the one tree."""
    for given in told.entries:
        assert leaves[given.place] == given.leaf
        assert opened(given.note).size > given.place
    nodes, head = MemoryNodes(leaves), final.checkpoint
    for note in {*(given.note for given in told.entries), *told.published}:
        old = opened(note)
        assert old.size <= head.size
        if old.size:
            proof = prove_consistency(old.size, head.size, nodes)
            verify_consistency(old.size, old.root, head.size, head.root, proof)


def _hold_disclosures(folder: Path, told: Told) -> None:
    """What was kept is there, what was erased is nowhere, and what was cut off can be done again."""
    store = FileDisclosures(folder / "sealed")
    found = store.find(tuple(told.kept))
    assert {c: text for c, text in found.items() if commitment(text) != c} == {}
    for name, text in told.kept.items():
        if name not in told.erasing:
            assert found[name] == text
    _absent(folder, told.erased)
    store.erase(tuple(told.erasing))
    _absent(folder, {text for name, text in told.kept.items() if name in told.erasing})
    again = {name: text for name, text in told.kept.items() if name not in told.erasing}
    store.keep(again)
    assert store.find(tuple(told.kept)) == again


def _absent(folder: Path, texts: set[str]) -> None:
    """No part of a text that was erased is left: neither its beginning nor its end."""
    data = b"".join(path.read_bytes() for path in sorted((folder / "sealed").glob("*.sealed")))
    for text in texts:
        for part in (text[:40], text[-40:]):
            assert part.encode() not in data


def disclosure(number: int, length: int = 100) -> str:
    """A made-up disclosure, of which each part is its own."""
    text = "".join(hashlib.sha256(b"%d/%d" % (number, i)).hexdigest() for i in range(1 + length // 64))
    return f"W{number}x{text}"[:length]


def told_by(lines: Sequence[Mapping[str, object]], told: Told) -> None:
    """Add what a driver has printed."""
    for line in lines:
        note = str(line.get("note", "")).encode()
        match line["said"]:
            case "appended":
                told.entries.append(Acknowledged(int(str(line["index"])), bytes.fromhex(str(line["leaf"])), note))
            case "published":
                told.published.append(note)
            case "kept":
                told.kept[commitment(str(line["text"]))] = str(line["text"])
            case "erasing":
                told.erasing.add(commitment(str(line["text"])))
            case "erased":
                told.erased.add(str(line["text"]))
