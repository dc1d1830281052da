"""A witness keeps its word: it cosigns what grew from what it cosigned last, and nothing else, whatever happens."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint, encode, open_checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import CosignatureVerifier, Cosigner, ml_dsa_message, verifier
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import (
    EMPTY_ROOT,
    MemoryNodes,
    Range,
    leaf_hash,
    prove_consistency,
    prove_subtree_consistency,
    range_hash,
    tree_head,
)
from strongroom.kit.tlog.note import Ed25519Signer, Signature, Signer
from strongroom.kit.tlog.text import to_base64
from strongroom.kit.tlog.witnessing import AddCheckpoint, Answer, SignSubtree
from strongroom.ledger import witness as hand
from strongroom.ledger.witness import Witness
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, NotFound

ORIGIN = "example.org/log"
HASH = witnessing.origin_hash(ORIGIN)
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(32))
PQ_LOG = SignerKey(ORIGIN, Kind.COSIGNATURE_ML_DSA_44, bytes([1]) * 32)
STRANGER = SignerKey("example.org/stranger", Kind.ED25519, bytes([2]) * 32)
ED = SignerKey("w.example/ed", Kind.COSIGNATURE_ED25519, bytes([3]) * 32)
PQ = SignerKey("w.example/pq", Kind.COSIGNATURE_ML_DSA_44, bytes([4]) * 32)
NOW = 1_800_000_000

NODES = MemoryNodes([leaf_hash(bytes([i])) for i in range(100)])
FORK = MemoryNodes([leaf_hash(bytes([i, 1])) for i in range(100)])


def head(size: int, nodes: MemoryNodes = NODES, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, range_hash(Range(0, size), nodes) if size else EMPTY_ROOT)


def request(
    old: int, size: int, nodes: MemoryNodes = NODES, signers: Sequence[Signer] = (Ed25519Signer(LOG),)
) -> AddCheckpoint:
    proof = prove_consistency(old, size, nodes) if 0 < old <= size else ()
    return AddCheckpoint(old, proof, sign_checkpoint(head(size, nodes), signers))


def body(old: int, size: int, nodes: MemoryNodes = NODES, signers: Sequence[Signer] = (Ed25519Signer(LOG),)) -> bytes:
    return witnessing.encode_add_checkpoint(request(old, size, nodes, signers))


def size_in(witness: Witness) -> int:
    return witnessing.claimed(notes.parse(witness.latest(HASH)).text).size


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness with both types of keys, of a log with both types of keys."""
    return Witness(tmp_path, [ED, PQ], [LOG.verifier, PQ_LOG.verifier])


def test_a_log_is_followed_as_it_grows(witness: Witness) -> None:
    """Each answer has a cosignature of every key over the whole checkpoint, with the time given."""
    old = 0
    for at, size in enumerate([0, 1, 7, 7, 8, 64, 100]):
        answer = witness.add_checkpoint(body(old, size), NOW + at)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        text = encode(head(size))
        lines = witnessing.parse_signatures(answer.body)
        assert [(s.name, s.key_id) for s in lines] == [(k.verifier.name, k.verifier.key_id) for k in (ED, PQ)]
        stated = [CosignatureVerifier(k.verifier).verify(text, s.value) for k, s in zip((ED, PQ), lines, strict=True)]
        assert stated == [NOW + at] * 2
        old = size


def test_what_is_served_has_the_signatures_of_both(witness: Witness) -> None:
    """The monitors' checkpoint has the log's verified lines, the answered cosignatures, and no line of a stranger."""
    signers: list[Signer] = [Ed25519Signer(STRANGER), Ed25519Signer(LOG), Cosigner(PQ_LOG, NOW)]
    answer = witness.add_checkpoint(body(0, 9, signers=signers), NOW)
    kept = notes.parse(witness.latest(HASH))
    assert [s.name for s in kept.signatures] == [ORIGIN, ORIGIN, "w.example/ed", "w.example/pq"]
    assert kept.signatures[2:] == witnessing.parse_signatures(answer.body)
    opened = open_checkpoint(
        witness.latest(HASH), ORIGIN, [verifier(LOG.verifier), verifier(PQ_LOG.verifier)], [verifier(PQ.verifier)]
    )
    assert opened.checkpoint == head(9)


@pytest.mark.parametrize("name", ["x", HASH.upper(), HASH, "../lock", "lock", "", f"{HASH}\n", f".new-{HASH}"])
def test_only_cosigned_origins_are_served(tmp_path: Path, name: str) -> None:
    """A name is the hash of an origin that was cosigned; nothing else in the folder can be asked for."""
    other = SignerKey("example.org/other", Kind.ED25519, bytes([9]) * 32)
    data = sign_checkpoint(head(5, origin="example.org/other"), [Ed25519Signer(other)])
    witness = Witness(tmp_path / "state", [ED], [other.verifier, LOG.verifier])
    request = witnessing.encode_add_checkpoint(AddCheckpoint(0, (), data))
    assert witness.add_checkpoint(request, NOW).status == 200
    (tmp_path / "lock").touch()
    (tmp_path / "state" / f".new-{HASH}").touch()
    with pytest.raises(NotFound):
        witness.latest(name)


# Refusals, one by one


def text_of(answer: Answer) -> str:
    return answer.body.decode()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"old 0\n\n",
        b"old 0\n\nno note\n",
        b"old 00\n\n" + request(0, 5).note,
        b"old 0\n\n" + request(0, 5).note[:-1],
        b"old 0\n\n" + request(0, 5).note.replace(b"\n5\n", b"\n05\n"),
        b"old 0\n\n" + notes.sign("two\nlines\n", [Ed25519Signer(LOG)]),
        b"old 5\n" + b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 64 + b"\n" + request(5, 9).note,
    ],
)
def test_a_malformed_request_is_400(witness: Witness, bad: bytes) -> None:
    """Requests that cannot be read are told so, also those with 64 hashes."""
    assert witness.add_checkpoint(bad, NOW).status == 400


def test_an_unknown_origin_is_404_whoever_signed(witness: Witness) -> None:
    """It is decided before any signature is verified, and before sizes are looked at."""
    unknown = sign_checkpoint(head(5, origin="example.org/other"), [Ed25519Signer(LOG)])
    for old in (0, 9):
        answer = witness.add_checkpoint(witnessing.encode_add_checkpoint(AddCheckpoint(old, (), unknown)), NOW)
        assert answer.status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_403(witness: Witness) -> None:
    """A stranger's signature is ignored, so there is none; that the sizes are off as well is not told."""
    for old in (0, 9):
        assert witness.add_checkpoint(body(old, max(old, 5), signers=[Ed25519Signer(STRANGER)]), NOW).status == 403


def test_a_failing_signature_of_a_known_key_is_403_beside_a_good_one(witness: Witness) -> None:
    """A line with the name and id of a trusted key must verify, or the note is malformed."""
    wrong = Signature(ORIGIN, PQ_LOG.verifier.key_id, bytes(2428))
    both = notes.add_signatures(request(0, 5).note, [wrong])
    assert witness.add_checkpoint(witnessing.encode_add_checkpoint(AddCheckpoint(0, (), both)), NOW).status == 403
    stranger = wrong._replace(key_id=1)
    ignored = notes.add_signatures(request(0, 5).note, [stranger])
    assert witness.add_checkpoint(witnessing.encode_add_checkpoint(AddCheckpoint(0, (), ignored)), NOW).status == 200


def test_our_own_line_in_a_request_is_nothing_to_us(witness: Witness) -> None:
    """A log may send its checkpoint back with our cosignature on it, right or wrong: it is cosigned anew."""
    wrong = Signature(ED.verifier.name, ED.verifier.key_id, bytes(72))
    data = notes.add_signatures(request(0, 5).note, [wrong])
    assert witness.add_checkpoint(witnessing.encode_add_checkpoint(AddCheckpoint(0, (), data)), NOW).status == 200
    again = AddCheckpoint(5, (), witness.latest(HASH))
    assert witness.add_checkpoint(witnessing.encode_add_checkpoint(again), NOW + 9).status == 200
    assert len(notes.parse(witness.latest(HASH)).signatures) == 3


def test_an_old_size_above_the_checkpoint_is_400(witness: Witness) -> None:
    """Also when it is the size that was cosigned last."""
    witness.add_checkpoint(body(0, 9), NOW)
    assert (
        witness.add_checkpoint(
            witnessing.encode_add_checkpoint(request(9, 9)._replace(note=request(0, 5).note)), NOW
        ).status
        == 400
    )


def test_another_old_size_is_409_with_the_right_one(witness: Witness) -> None:
    """The size that was cosigned last is told, as a line of its own type."""
    assert witness.add_checkpoint(body(5, 9), NOW) == Answer(409, "text/x.tlog.size", b"0\n")
    witness.add_checkpoint(body(0, 9), NOW)
    for old in (0, 8):
        assert witness.add_checkpoint(body(old, 20), NOW) == Answer(409, "text/x.tlog.size", b"9\n")
    assert size_in(witness) == 9


@pytest.mark.parametrize("key", [LOG, PQ_LOG])
def test_an_empty_tree_with_a_root_is_422(witness: Witness, tmp_path: Path, key: SignerKey) -> None:
    """There is one empty tree; after the log has grown it is 409, as the sizes come first."""
    text = encode(head(0)).replace(to_base64(EMPTY_ROOT), to_base64(bytes(32)))
    if key is LOG:
        data = notes.sign(text, [Ed25519Signer(LOG)])
    else:
        value = PQ_LOG.sign_raw(ml_dsa_message(ORIGIN, NOW, ORIGIN, Range(0, 0), bytes(32)))
        line = Signature(ORIGIN, PQ_LOG.verifier.key_id, NOW.to_bytes(8, "big") + value)
        data = notes.encode(notes.Note(text, (line,)))
    wrong = witnessing.encode_add_checkpoint(AddCheckpoint(0, (), data))
    assert witness.add_checkpoint(wrong, NOW).status == 422
    assert len(list((tmp_path / "rejected").iterdir())) == 1
    witness.add_checkpoint(body(0, 5), NOW)
    assert witness.add_checkpoint(wrong, NOW).status == 409


def test_a_proof_from_nothing_is_422(witness: Witness) -> None:
    """The empty tree is consistent with any tree, so no proof is taken."""
    made = request(0, 9)._replace(proof=prove_consistency(5, 9, NODES))
    assert witness.add_checkpoint(witnessing.encode_add_checkpoint(made), NOW).status == 422
    with pytest.raises(NotFound):
        witness.latest(HASH)


def test_a_proof_that_leads_elsewhere_is_422_and_kept(witness: Witness, tmp_path: Path) -> None:
    """The signed request is kept once for each text, without what others put beside the log's line."""
    witness.add_checkpoint(body(0, 5), NOW)
    for junk in range(3):
        made = request(5, 9, FORK, [Ed25519Signer(LOG), Ed25519Signer(STRANGER)])
        made = made._replace(proof=(bytes([junk]) * 32, *made.proof[1:]))
        assert witness.add_checkpoint(witnessing.encode_add_checkpoint(made), NOW).status == 422
    (kept,) = (tmp_path / "rejected").iterdir()
    found = witnessing.parse_add_checkpoint(kept.read_bytes())
    assert found.note == sign_checkpoint(head(9, FORK), [Ed25519Signer(LOG)])
    assert size_in(witness) == 5


def test_what_is_rejected_does_not_fill_the_disk(
    witness: Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a most; the oldest goes."""
    monkeypatch.setattr(hand, "MOST_EVIDENCE", 4)
    witness.add_checkpoint(body(0, 5), NOW)
    for size in range(6, 16):
        assert witness.add_checkpoint(body(5, size, FORK), NOW).status == 422
    kept = [witnessing.parse_add_checkpoint(p.read_bytes()) for p in (tmp_path / "rejected").iterdir()]
    assert {witnessing.claimed(notes.parse(k.note).text).size for k in kept} == {12, 13, 14, 15}


@pytest.mark.parametrize("old", [9, 0], ids=["422", "409"])
def test_a_split_view_is_refused_and_both_notes_are_kept(witness: Witness, tmp_path: Path, old: int) -> None:
    """One size with two roots is proof against the log, even when the request has another fault; it stays."""
    witness.add_checkpoint(body(0, 9), NOW)
    before = witness.latest(HASH)
    assert witness.add_checkpoint(body(old, 9, FORK), NOW).status == (422 if old else 409)
    pair = {p: p.read_bytes() for p in (tmp_path / "split-views").iterdir()}
    assert set(pair.values()) == {before, sign_checkpoint(head(9, FORK), [Ed25519Signer(LOG)])}
    for data in pair.values():
        open_checkpoint(data, ORIGIN, [verifier(LOG.verifier)])
    witness.add_checkpoint(body(9, 9), NOW + 5)
    witness.add_checkpoint(body(9, 9, FORK), NOW + 6)
    assert {p: p.read_bytes() for p in (tmp_path / "split-views").iterdir()} == pair
    assert size_in(witness) == 9


def test_a_request_over_the_limit_is_413(witness: Witness) -> None:
    """It is not read."""
    assert witness.add_checkpoint(b"old 0\n\n" + b"x" * witnessing.MAX_REQUEST, NOW).status == 413
    assert witness.sign_subtree(b"old 0\n\n" + b"x" * witnessing.MAX_REQUEST).status == 413


@pytest.mark.parametrize("now", [NOW - 1, 0, -5, 2**63])
def test_time_does_not_go_backwards(witness: Witness, now: int) -> None:
    """A clock behind the last cosignature, or none at all, cosigns nothing; at the same second it may."""
    witness.add_checkpoint(body(0, 5), NOW)
    before = witness.latest(HASH)
    assert witness.add_checkpoint(body(5, 9), now).status == 503
    assert "clock" in text_of(witness.add_checkpoint(body(5, 9), now))
    assert witness.latest(HASH) == before
    assert witness.add_checkpoint(body(5, 9), NOW).status == 200


@given(st.binary(max_size=400) | st.binary(max_size=60).map(lambda junk: body(0, 5)[: -len(junk) or None] + junk))
def test_hostile_bodies_get_an_answer(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """Whatever is sent gets a status of the protocol and a short text, and changes nothing unless it is cosigned."""
    folder = tmp_path_factory.getbasetemp() / "hostile"
    witness = Witness(folder, [ED], [LOG.verifier])
    for answer in (witness.add_checkpoint(junk, NOW), witness.sign_subtree(junk)):
        assert answer.status in {200, 400, 403, 404, 409, 422}
        assert len(answer.body) < 600
    assert (folder / HASH).exists() is False or size_in(witness) == 5


# Races and crashes


def test_threads_never_roll_it_back(tmp_path: Path) -> None:
    """Of requests that start from one size, one is cosigned; the record only grows."""
    witnesses = [Witness(tmp_path, [ED], [LOG.verifier]) for _ in range(4)]
    witnesses[0].add_checkpoint(body(0, 5), NOW)
    old = 5
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(8):
            bodies = [body(old, old + 1 + i % 4) for i in range(8)]
            asked = [pool.submit(witnesses[i % 4].add_checkpoint, b, NOW + round_) for i, b in enumerate(bodies)]
            answers = [f.result() for f in asked]
            won = [i for i, a in enumerate(answers) if a.status == 200]
            assert len(won) == 1
            assert {a.status for a in answers} == {200, 409}
            new = old + 1 + won[0] % 4
            assert {a.body for a in answers if a.status == 409} == {f"{new}\n".encode()}
            assert size_in(witnesses[0]) == new
            old = new


def submit_many(folder: str, barrier: "multiprocessing.synchronize.Barrier", step: int) -> None:
    witness = Witness(Path(folder), [ED], [LOG.verifier])
    barrier.wait()
    won = sum(witness.add_checkpoint(body(old, old + step), NOW).status == 200 for old in range(40))
    os._exit(won)


def test_processes_never_roll_it_back(tmp_path: Path) -> None:
    """Two processes with one folder take turns: every acknowledged step is part of one chain."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    children = [context.Process(target=submit_many, args=(str(tmp_path), barrier, step)) for step in (1, 2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    ones, twos = (child.exitcode or 0 for child in children)
    assert size_in(Witness(tmp_path, [ED], [LOG.verifier])) == ones + 2 * twos > 0


KILLED = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from test_witness import ED, LOG, NOW, body
    from strongroom.ledger import witness as hand
    folder, at = Path(sys.argv[1]), sys.argv[3]
    witness = hand.Witness(folder, [ED], [LOG.verifier])
    def die(*_):
        os.kill(os.getpid(), 9)
    if at == "persisted":
        hand.witnessing.encode_signatures = die
    else:
        os.fsync = die
    witness.add_checkpoint(body(5, 9), NOW + 1)
    """
)


@pytest.mark.parametrize(("at", "size"), [("persisted", 9), ("writing", 5)])
def test_a_kill_loses_no_promise(witness: Witness, tmp_path: Path, at: str, size: int) -> None:
    """Killed before it was durable, nothing was said; killed after, the log is told the size and asks again."""
    witness.add_checkpoint(body(0, 5), NOW)
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), here, at], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    again = Witness(tmp_path, [ED], [LOG.verifier])
    assert size_in(again) == size
    answer = again.add_checkpoint(body(5, 9), NOW + 2)
    if size == 9:
        assert answer == Answer(409, "text/x.tlog.size", b"9\n")
        answer = again.add_checkpoint(body(9, 9), NOW + 2)
    assert answer.status == 200
    assert witnessing.parse_signatures(answer.body)


def test_a_state_that_cannot_be_believed_stops_it(witness: Witness, tmp_path: Path) -> None:
    """A damaged record is no reason to start over: the witness says so and cosigns nothing."""
    witness.add_checkpoint(body(0, 9), NOW)
    good = (tmp_path / HASH).read_bytes()
    for bad in (b"", good[:50], good.replace(b"\n9\n", b"\n8\n"), sign_checkpoint(head(3), [Ed25519Signer(STRANGER)])):
        (tmp_path / HASH).write_bytes(bad)
        with pytest.raises(LogDamaged):
            witness.add_checkpoint(body(0, 5), NOW)
        assert (tmp_path / HASH).read_bytes() == bad
    (tmp_path / HASH).write_bytes(good)
    assert witness.add_checkpoint(body(9, 10), NOW).status == 200


def test_the_record_of_another_log_is_not_believed(tmp_path: Path) -> None:
    """A file that was put in the place of another is damage, although our own key has signed it."""
    other = SignerKey("example.org/other", Kind.ED25519, bytes([9]) * 32)
    data = sign_checkpoint(head(5, origin="example.org/other"), [Ed25519Signer(other)])
    witness = Witness(tmp_path, [ED], [other.verifier, LOG.verifier])
    witness.add_checkpoint(witnessing.encode_add_checkpoint(AddCheckpoint(0, (), data)), NOW)
    (tmp_path / witnessing.origin_hash("example.org/other")).rename(tmp_path / HASH)
    with pytest.raises(LogDamaged, match="another origin"):
        witness.add_checkpoint(body(5, 9), NOW)


def test_a_folder_that_cannot_be_written_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without durable state there is no cosignature."""
    witness = Witness(tmp_path, [ED], [LOG.verifier])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LogUnavailable, match="no space"):
        witness.add_checkpoint(body(0, 5), NOW)
    monkeypatch.undo()
    with pytest.raises(NotFound):
        witness.latest(HASH)


def test_keys_can_be_changed_one_at_a_time(tmp_path: Path) -> None:
    """The record is believed as long as the log's key or one of ours is still known."""
    Witness(tmp_path, [ED], [LOG.verifier]).add_checkpoint(body(0, 5), NOW)
    renewed = Witness(tmp_path, [PQ], [LOG.verifier])
    assert renewed.add_checkpoint(body(5, 9), NOW).status == 200
    both = Witness(tmp_path, [PQ], [PQ_LOG.verifier])
    assert both.add_checkpoint(body(9, 12, signers=[Cosigner(PQ_LOG, NOW)]), NOW).status == 200


def test_a_witness_needs_keys_that_cosign() -> None:
    """A key of type 0x01 makes no cosignatures, and without keys or logs there is nothing to do."""
    for keys, logs in (([LOG], [LOG]), ([], [LOG]), ([ED], [])):
        with pytest.raises(BadInput):
            Witness(Path("unused"), keys, [log.verifier for log in logs])
    long = SignerKey("x" * 256, Kind.ED25519, bytes(32))
    with pytest.raises(BadInput, match="256 bytes"):
        Witness(Path("unused"), [PQ], [long.verifier])


# Subtrees


PART = Range(8, 13)


def subtree(part: Range = PART, size: int = 14, by: SignerKey = PQ) -> SignSubtree:
    note = sign_checkpoint(head(size), [Cosigner(by, NOW)])
    return SignSubtree(part, range_hash(part, NODES), prove_subtree_consistency(part, size, NODES), note)


@pytest.mark.parametrize("by", [ED, PQ])
def test_a_subtree_of_a_cosigned_checkpoint_is_cosigned(witness: Witness, by: SignerKey) -> None:
    """The ML-DSA-44 key signs it, without a time, whichever of our keys cosigned the checkpoint."""
    for part in (Range(8, 13), Range(0, 14), Range(0, 1)):
        answer = witness.sign_subtree(witnessing.encode_sign_subtree(subtree(part, by=by)))
        assert answer.status == 200
        (line,) = witnessing.parse_signatures(answer.body)
        assert line.value[:8] == bytes(8)
        message = ml_dsa_message(PQ.verifier.name, 0, ORIGIN, part, range_hash(part, NODES))
        PQ.verifier.verify_raw(message, line.value[8:])


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (subtree()._replace(part=Range(9, 13)), 400),
        (subtree()._replace(part=Range(16, 20)), 400),
        (subtree()._replace(part=Range(13, 8)), 400),
        (subtree()._replace(note=b"x"), 400),
        (subtree(by=SignerKey(PQ.verifier.name, PQ.verifier.kind, bytes([7]) * 32)), 403),
        (subtree()._replace(note=sign_checkpoint(head(14), [Ed25519Signer(LOG)])), 403),
        (subtree()._replace(note=sign_checkpoint(head(14, origin="o"), [Cosigner(PQ, NOW)])), 404),
        (subtree()._replace(root=bytes(32)), 422),
        (subtree()._replace(proof=subtree().proof[:-1]), 422),
        (subtree()._replace(proof=()), 422),
    ],
)
def test_other_subtrees_are_refused(witness: Witness, made: SignSubtree, status: int) -> None:
    """Not aligned or too far, not cosigned by us, of no log of ours, or not part of the tree."""
    assert witness.sign_subtree(witnessing.encode_sign_subtree(made)).status == status


def test_a_witness_without_such_a_key_offers_no_subtrees(tmp_path: Path) -> None:
    """Ed25519 cosignatures cannot say it."""
    witness = Witness(tmp_path, [ED], [LOG.verifier])
    assert witness.sign_subtree(witnessing.encode_sign_subtree(subtree(by=ED))).status == 404


def test_heads_of_the_two_trees_differ() -> None:
    """The fork that these tests use is one."""
    assert tree_head([]) == EMPTY_ROOT
    assert head(9) != head(9, FORK)
