"""The sequencer and the publisher over files: places, proofs, recovery, and writers side by side."""

import threading
from pathlib import Path

import pytest

from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import leaf_hash, tree_head, verify_consistency, verify_inclusion
from strongroom.kit.tlog.note import Ed25519Verifier
from strongroom.ledger import tree
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish, published
from strongroom.ledger.sequencer import Sequenced, Sequencer, empty_checkpoint
from strongroom.model.errors import LogDamaged, LogUnavailable, TooLarge

KEY = SignerKey("log.example/a", Kind.ED25519, bytes(range(32)))


def made(folder: Path) -> FileStorage:
    storage = FileStorage(folder / "log")
    storage.create(b"{}", empty_checkpoint(KEY))
    return storage


def head(note: bytes) -> Checkpoint:
    return open_checkpoint(note, KEY.verifier.name, [Ed25519Verifier(KEY.verifier)]).checkpoint


def proven(entry: bytes, given: Sequenced) -> Checkpoint:
    found = head(given.checkpoint)
    verify_inclusion(leaf_hash(entry), given.index, found.size, given.proof(), found.root)
    return found


def publish_all(sequencer: Sequencer, storage: FileStorage) -> Checkpoint:
    done = publish(storage, Head(*sequencer.latest()))
    assert done is not None
    return done.checkpoint


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1, 1, 1), (3, 1, 4, 1, 5, 9, 2, 6), (255, 1, 1), (256, 256), (700, 3)])
def test_every_receipt_proves_its_entry_under_its_own_checkpoint(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Each entry of each batch has a proof that leads to the checkpoint which was signed with the batch."""
    sequencer, entries = Sequencer(made(tmp_path), KEY), []
    for number, size in enumerate(sizes):
        batch = [b"%d/%d" % (number, i) for i in range(size)]
        for entry, given in zip(batch, sequencer.append(batch), strict=True):
            assert proven(entry, given).size == len(entries) + size
        entries += batch
    assert sequencer.latest()[0].root == tree_head(map(leaf_hash, entries))


def test_a_log_is_taken_up_where_it_was_left(tmp_path: Path) -> None:
    """A second writer of the same folder continues from what is durable, published or not."""
    storage = made(tmp_path)
    first = Sequencer(storage, KEY)
    first.append([b"a", b"b"])
    publish_all(first, storage)
    first.append([b"c"])
    second = Sequencer(FileStorage(tmp_path / "log"), KEY)
    assert second.open().size == 3
    assert [given.index for given in second.append([b"d", b"e"])] == [3, 4]
    assert first.append([b"f"])[0].index == 5
    assert first.latest()[0].root == tree_head(map(leaf_hash, [b"a", b"b", b"c", b"d", b"e", b"f"]))


def test_many_threads_get_places_of_their_own(tmp_path: Path) -> None:
    """Entries that threads of two writers append at once each have one index, and each receipt holds."""
    made(tmp_path)
    writers = [Sequencer(FileStorage(tmp_path / "log"), KEY) for _ in range(2)]
    given: dict[bytes, Sequenced] = {}

    def work(number: int) -> None:
        for i in range(20):
            entry = b"%d/%d" % (number, i)
            given[entry] = writers[number % 2].append([entry])[0]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(g.index for g in given.values()) == list(range(160))
    ordered = [entry for entry, _ in sorted(given.items(), key=lambda item: item[1].index)]
    for entry, receipt in given.items():
        assert proven(entry, receipt).root == tree_head(map(leaf_hash, ordered[: head(receipt.checkpoint).size]))


def test_publishing_makes_the_tree_that_was_signed(tmp_path: Path) -> None:
    """Published tiles prove every entry and every older size, in steps that cross the edge of a tile."""
    storage = made(tmp_path)
    sequencer = Sequencer(storage, KEY)
    entries: list[bytes] = []
    older: list[Checkpoint] = []
    for size in (1, 200, 54, 1, 1, 300):
        batch = [b"entry %d" % (len(entries) + i) for i in range(size)]
        sequencer.append(batch)
        entries += batch
        older.append(publish_all(sequencer, storage))
    now = published(storage).checkpoint
    assert now == older[-1]
    for index in (0, 1, 254, 255, 256, 300, len(entries) - 1):
        assert tree.entry(index, now.size, storage.read) == entries[index]
        tree.inclusion(index, leaf_hash(entries[index]), now, storage.read)
    for old in older:
        proof = tree.consistency(old.size, now, storage.read)
        verify_consistency(old.size, old.root, now.size, now.root, proof)
    kept = sorted(p.name for p in (tmp_path / "log/public/tile/0").rglob("*") if p.is_file())
    assert kept == ["000", "001", "45"]  # partial tiles go once the full one is there


def test_the_journal_forgets_what_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments are begun and dropped as the log grows, and a writer that was left behind catches up."""
    monkeypatch.setattr("strongroom.ledger.journal.SEGMENT", 2000)
    storage = made(tmp_path)
    sequencer, slow = Sequencer(storage, KEY), Sequencer(FileStorage(tmp_path / "log"), KEY)
    slow.append([b"slow"])
    for i in range(30):
        sequencer.append([b"%d" % i * 200])
        publish_all(sequencer, storage)
    assert len(list((tmp_path / "log/journal").iterdir())) == 1
    assert slow.append([b"slow"])[0].index == 31


def test_further_keys_of_the_log_sign_what_is_published(tmp_path: Path) -> None:
    """A second signer's line stands on the published checkpoint, beside the log's own."""
    storage = made(tmp_path)
    sequencer = Sequencer(storage, KEY)
    sequencer.append([b"a"])
    other = SignerKey("log.example/a", Kind.COSIGNATURE_ML_DSA_44, bytes(32))
    done = publish(storage, Head(*sequencer.latest()), [Cosigner(other, 5)])
    assert done is not None
    assert done.note.count("\u2014 log.example/a".encode()) == 2


def test_an_entry_that_is_too_large_takes_no_place(tmp_path: Path) -> None:
    """A batch with an entry of over 65,535 bytes is refused as a whole."""
    sequencer = Sequencer(made(tmp_path), KEY)
    with pytest.raises(TooLarge, match="65536 bytes"):
        sequencer.append([b"ok", bytes(65536)])
    assert sequencer.append([bytes(65535)])[0].index == 0


def test_another_key_is_no_writer(tmp_path: Path) -> None:
    """Who has not the log's key cannot take it up."""
    made(tmp_path)
    with pytest.raises(LogDamaged, match="checkpoint"):
        Sequencer(FileStorage(tmp_path / "log"), SignerKey("log.example/a", Kind.ED25519, bytes(32))).open()


def test_a_writer_that_stays_too_long_is_named(tmp_path: Path) -> None:
    """While another holds the lock, an append waits, and then says so without a receipt."""
    storage = made(tmp_path)
    with storage.exclusive(1), pytest.raises(LogUnavailable, match="another writer"):
        Sequencer(FileStorage(tmp_path / "log"), KEY, patience=0.01).append([b"a"])


def segment(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "log/journal").iterdir()
    return found


@pytest.mark.parametrize("cut", [1, 20, 40, 100])
def test_a_torn_record_is_cut_off_and_said(tmp_path: Path, cut: int) -> None:
    """A batch that a crash cut short was not acknowledged: it goes, what was before stays, and the log goes on."""
    sequencer = Sequencer(made(tmp_path), KEY)
    sequencer.append([b"a"])
    before = segment(tmp_path).stat().st_size
    sequencer.append([b"b" * 100])
    with segment(tmp_path).open("r+b") as file:
        file.truncate(before + cut)
    again = Sequencer(FileStorage(tmp_path / "log"), KEY)
    assert again.open().size == 1
    assert again.repaired == [
        f"{cut} bytes of a batch that was never acknowledged cut off {segment(tmp_path).name} at {before}"
    ]
    assert again.append([b"c"])[0].index == 1


def test_zeroes_at_the_end_are_a_torn_record(tmp_path: Path) -> None:
    """A file that grew before its bytes were there is cut back."""
    Sequencer(made(tmp_path), KEY).append([b"a"])
    with segment(tmp_path).open("ab") as file:
        file.write(bytes(5000))
    again = Sequencer(FileStorage(tmp_path / "log"), KEY)
    assert again.open().size == 1
    assert "5000 bytes" in again.repaired[0]


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_a_changed_record_is_damage_and_never_cut_off(tmp_path: Path, place: float) -> None:
    """A whole record that is wrong was acknowledged once: the log refuses to go on without it."""
    sequencer = Sequencer(made(tmp_path), KEY)
    for i in range(3):
        sequencer.append([b"entry %d" % i * 20])
    data = bytearray(segment(tmp_path).read_bytes())
    data[int(len(data) * place)] ^= 1
    segment(tmp_path).write_bytes(data)
    with pytest.raises(LogDamaged):
        Sequencer(FileStorage(tmp_path / "log"), KEY).open()
    assert segment(tmp_path).read_bytes() == data


def test_a_changed_length_does_not_hide_what_follows(tmp_path: Path) -> None:
    """A record whose length reaches beyond the file is damage where whole records stand behind it."""
    sequencer = Sequencer(made(tmp_path), KEY)
    sequencer.append([b"a"])
    at = segment(tmp_path).stat().st_size
    for _ in range(3):
        sequencer.append([b"b"])
    data = bytearray(segment(tmp_path).read_bytes())
    data[at + 5] = 0x0F
    segment(tmp_path).write_bytes(data)
    with pytest.raises(LogDamaged, match="a record at byte"):
        Sequencer(FileStorage(tmp_path / "log"), KEY).open()


def test_a_missing_checkpoint_is_made_again(tmp_path: Path) -> None:
    """The published checkpoint comes back from its copy, and the message says so."""
    storage = made(tmp_path)
    sequencer = Sequencer(storage, KEY)
    sequencer.append([b"a"])
    publish_all(sequencer, storage)
    (tmp_path / "log/public/checkpoint").unlink()
    again = Sequencer(FileStorage(tmp_path / "log"), KEY)
    assert again.open().size == 1
    assert again.repaired == ["the published checkpoint was missing and was made again from its copy"]
    assert head((tmp_path / "log/public/checkpoint").read_bytes()).size == 1


def test_without_a_journal_nothing_goes_on(tmp_path: Path) -> None:
    """A journal that is gone may have held acknowledged entries: the log does not start over."""
    sequencer = Sequencer(made(tmp_path), KEY)
    sequencer.append([b"a"])
    segment(tmp_path).unlink()
    with pytest.raises(LogDamaged, match="no journal"):
        Sequencer(FileStorage(tmp_path / "log"), KEY).open()


@pytest.mark.parametrize("change", ["other", "short", "gone"])
def test_a_damaged_tile_stops_the_writer(tmp_path: Path, change: str) -> None:
    """A log whose tiles do not make the signed root is not appended to."""
    storage = made(tmp_path)
    sequencer = Sequencer(storage, KEY)
    sequencer.append([b"a", b"b"])
    publish_all(sequencer, storage)
    tile = tmp_path / "log/public/tile/0/000.p/2"
    if change == "gone":
        tile.unlink()
    else:
        tile.write_bytes(bytes(64 if change == "other" else 60))
    with pytest.raises(LogDamaged, match="size 2"):
        Sequencer(FileStorage(tmp_path / "log"), KEY).append([b"c"])


def test_an_older_copy_of_the_journal_is_noticed(tmp_path: Path) -> None:
    """A journal that ends before what is published has been rolled back, and the log refuses."""
    storage = made(tmp_path)
    sequencer = Sequencer(storage, KEY)
    sequencer.append([b"a"])
    old = segment(tmp_path).read_bytes()
    sequencer.append([b"b"])
    publish_all(sequencer, storage)
    segment(tmp_path).write_bytes(old)
    with pytest.raises(LogDamaged, match="records up to 1"):
        Sequencer(FileStorage(tmp_path / "log"), KEY).open()
