"""Checkpoints and cosignatures: one text for each head of a log, and who has signed which part of it."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import checkpoint, cosignature, merkle, note, tiles
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import CosignatureVerifier, Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey, parse_verifier_key
from strongroom.kit.tlog.merkle import EMPTY_ROOT, Range
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, Signature
from strongroom.model.errors import BadInput, BadSignature, Malformed, StrongroomError

ORIGIN = "example.org/log"
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(range(32)))
PQ_LOG = SignerKey(ORIGIN, Kind.COSIGNATURE_ML_DSA_44, bytes(range(32)))
W4 = SignerKey("witness.example/w4", Kind.COSIGNATURE_ED25519, bytes([4]) * 32)
W6 = SignerKey("witness.example/w6", Kind.COSIGNATURE_ML_DSA_44, bytes([6]) * 32)
ROOT = bytes(range(100, 132))
NOW = 1_800_000_000

lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
heads = st.builds(
    Checkpoint,
    lines,
    st.integers(1, merkle.MAX_SIZE),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=2).map(tuple),
)


def changes(good: bytes, data: st.DataObject) -> list[bytes]:
    """The bytes with one bit flipped, cut short, and with one byte twice; without what is the same."""
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = good[:at] + bytes([good[at] ^ 1 << data.draw(st.integers(0, 7))]) + good[at + 1 :]
    return [bad for bad in (flipped, good[:at], good[:at] + good[at : at + 1] + good[at:]) if bad != good]


@given(heads)
def test_a_checkpoint_survives(head: Checkpoint) -> None:
    """Any head comes back from its text."""
    assert checkpoint.parse(checkpoint.encode(head)) == head


@given(heads, st.data())
def test_a_changed_text_is_another_checkpoint(head: Checkpoint, data: st.DataObject) -> None:
    """No two texts are one checkpoint."""
    for bad in changes(checkpoint.encode(head).encode(), data):
        found = None
        with contextlib.suppress(Malformed, UnicodeDecodeError):
            found = checkpoint.parse(bad.decode())
        assert found != head


GOOD = checkpoint.encode(Checkpoint(ORIGIN, 7, ROOT))


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "a\n", "a\n1\n", GOOD[:-1], GOOD + "\n", "\n" + GOOD, GOOD + "x", GOOD + "\nx\n", GOOD + "a\rb\n"),
        *(
            GOOD.replace("\n7\n", f"\n{size}\n")
            for size in ("", "07", "00", "+7", "-7", "7 ", "7.0", "0x7", str(2**63))
        ),
        *(GOOD.replace("\n7\n", "\n0\n"), GOOD.replace("=", ""), GOOD.replace("\n7\n", "\n7\r\n")),
        f"a\n1\n{'A' * 40}\n",
        f"a\n1\n{'A' * 44}\n",
        f"{chr(0xDC80)}\n1\n{'A' * 43}=\n",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """A missing line, a number in another form, or a root of another length is no checkpoint."""
    with pytest.raises(Malformed):
        checkpoint.parse(text)


def test_the_empty_tree_has_one_root() -> None:
    """At size 0 the root is the hash of nothing."""
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert checkpoint.parse(checkpoint.encode(head)) == head
    for bad in (head._replace(root=ROOT), head._replace(size=-1), head._replace(origin=""), head._replace(root=b"")):
        with pytest.raises(Malformed):
            checkpoint.encode(bad)


HEAD = Checkpoint(ORIGIN, 7, ROOT)
FULL = checkpoint.sign_checkpoint(HEAD, [Ed25519Signer(LOG), Cosigner(W4, NOW), Cosigner(W6, NOW + 1)])
LOGS = [Ed25519Verifier(LOG.verifier)]
WITNESSES = [cosignature.verifier(w.verifier) for w in (W4, W6)]


def test_the_log_and_its_witnesses_sign() -> None:
    """A checkpoint opens with its log's key, and tells which witness saw it when."""
    opened = checkpoint.open_checkpoint(FULL, ORIGIN, LOGS, WITNESSES)
    assert opened.checkpoint == HEAD
    assert [(s.key, s.timestamp) for s in opened.signatures] == [
        (LOG.verifier, None),
        (W4.verifier, NOW),
        (W6.verifier, NOW + 1),
    ]
    assert len(checkpoint.open_checkpoint(FULL, ORIGIN, LOGS).signatures) == 1


@given(st.data())
def test_a_changed_checkpoint_is_refused(data: st.DataObject) -> None:
    """One bit, one cut or one byte more, and it is refused, or has lost a witness's line and nothing else."""
    for bad in changes(FULL, data):
        found = None
        with contextlib.suppress(StrongroomError):
            found = checkpoint.open_checkpoint(bad, ORIGIN, LOGS, WITNESSES)
        assert found is None or (found.checkpoint == HEAD and len(found.signatures) < 3)


def test_witnesses_are_not_the_log() -> None:
    """Without the log's own signature, or with another origin, a checkpoint is refused however many cosigned it."""
    only_witnesses = checkpoint.sign_checkpoint(HEAD, [Cosigner(W4, NOW), Cosigner(W6, NOW)])
    with pytest.raises(BadSignature):
        checkpoint.open_checkpoint(only_witnesses, ORIGIN, LOGS, WITNESSES)
    with pytest.raises(BadSignature):
        checkpoint.open_checkpoint(FULL, "example.org/other", LOGS, WITNESSES)
    with pytest.raises(BadSignature):
        checkpoint.open_checkpoint(FULL, ORIGIN, [], WITNESSES)
    with pytest.raises(Malformed):
        checkpoint.open_checkpoint(note.sign("not one\n", [Ed25519Signer(LOG)]), ORIGIN, LOGS)


def test_extension_lines_must_be_signed() -> None:
    """A log that signs with ML-DSA-44 only does not sign extension lines, so a checkpoint with some is refused."""
    pq = [cosignature.verifier(PQ_LOG.verifier)]
    plain = checkpoint.sign_checkpoint(HEAD, [Cosigner(PQ_LOG, NOW)])
    assert checkpoint.open_checkpoint(plain, ORIGIN, pq).checkpoint == HEAD
    slipped_in = plain.replace(b"\n\n", b"\nnot signed\n\n")
    with pytest.raises(BadSignature, match="extension lines"):
        checkpoint.open_checkpoint(slipped_in, ORIGIN, pq)
    longer = HEAD._replace(extensions=("signed",))
    both = checkpoint.sign_checkpoint(longer, [Ed25519Signer(LOG), Cosigner(PQ_LOG, 0), Cosigner(W4, NOW)])
    assert checkpoint.open_checkpoint(both, ORIGIN, [*LOGS, *pq], WITNESSES).checkpoint == longer
    with pytest.raises(BadSignature):
        checkpoint.open_checkpoint(both.replace(b"\nsigned\n", b"\nturned\n"), ORIGIN, [*LOGS, *pq])


def test_signed_messages_are_those_of_the_specification() -> None:
    """What each type signs, byte for byte."""
    assert cosignature.ed25519_message(GOOD, 1679315147) == f"cosignature/v1\ntime 1679315147\n{GOOD}".encode()
    expected = (
        b"subtree/v1\n\0" + b"\x01w" + (5).to_bytes(8, "big") + b"\x03log" + bytes(8) + (7).to_bytes(8, "big") + ROOT
    )
    assert cosignature.ml_dsa_message("w", 5, "log", Range(0, 7), ROOT) == expected


@pytest.mark.parametrize(
    ("name", "time", "part"),
    [
        *(("w", 2**63, Range(0, 7)), ("w", -1, Range(0, 7)), ("w", 1, Range(4, 7)), ("w", 0, Range(7, 4))),
        *(("", 1, Range(0, 7)), ("w" * 256, 1, Range(0, 7)), ("w", 1, Range(0, 2**63))),
    ],
)
def test_messages_outside_of_the_specification_are_refused(name: str, time: int, part: Range) -> None:
    """A time over 63 bits, a time on a subtree that starts later, or a name over 255 bytes is not signed."""
    with pytest.raises(Malformed):
        cosignature.ml_dsa_message(name, time, ORIGIN, part, ROOT)


@pytest.mark.parametrize("key", [W4, W6], ids=["ed25519", "ml-dsa-44"])
@given(data=st.data())
def test_a_cosignature_holds_for_one_text_time_and_key(key: SignerKey, data: st.DataObject) -> None:
    """Any change to the head, the time, the signature or the key, and it does not verify."""
    seconds = data.draw(st.integers(1, cosignature.MAX_TIMESTAMP))
    value = Cosigner(key, seconds).sign(GOOD).value
    assert CosignatureVerifier(key.verifier).verify(GOOD, value) == seconds
    other_name = VerifierKey("elsewhere", key.verifier.kind, key.verifier.public)
    for bad in changes(value, data):
        with pytest.raises(BadSignature):
            CosignatureVerifier(key.verifier).verify(GOOD, bad)
    with pytest.raises(BadSignature):
        CosignatureVerifier(key.verifier).verify(GOOD.replace("\n7\n", "\n8\n"), value)
    if key is W6:  # Ed25519 does not commit to the name: see the specification's warning on sharing keys.
        with pytest.raises(BadSignature):
            CosignatureVerifier(other_name).verify(GOOD, value)


def test_types_are_kept_apart() -> None:
    """A note key does not cosign, an Ed25519 cosigner states a time, and only checkpoints are cosigned."""
    with pytest.raises(BadInput):
        Cosigner(LOG, NOW).sign(GOOD)
    with pytest.raises(BadInput):
        CosignatureVerifier(LOG.verifier).verify(GOOD, bytes(72))
    with pytest.raises(BadInput):
        Cosigner(W4, 0).sign(GOOD)
    for key in (W4, W6):
        with pytest.raises(Malformed):
            Cosigner(key, NOW).sign("not one\n")
        with pytest.raises(Malformed):
            Cosigner(key, 2**63).sign(GOOD)
    too_late = (2**63).to_bytes(8, "big") + bytes(64)
    with pytest.raises(BadSignature):
        CosignatureVerifier(W4.verifier).verify(GOOD, too_late)


def test_a_time_of_zero_makes_no_statement() -> None:
    """An ML-DSA-44 cosigner may leave the time out; it comes back as 0."""
    assert CosignatureVerifier(W6.verifier).verify(GOOD, Cosigner(W6, 0).sign(GOOD).value) == 0


# The key of the recorded log; its id stands on every signature line, and follows from the key.
RECORDED = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def test_recorded_checkpoints_verify(vectors: Path) -> None:
    """Each checkpoint of a recorded log is signed by its key, and its root is that of the recorded entries."""
    folder = vectors / "govern/tessera-testlog/testdata/log"
    key = Ed25519Verifier(parse_verifier_key(RECORDED))
    entries = tiles.decode_bundle((folder / "tile/entries/000.p/15").read_bytes(), tiles.Bundle(0, 15))
    frontier, roots = merkle.Frontier(), []
    nodes = merkle.MemoryNodes(merkle.leaf_hash(e) for e in entries)
    for size in range(16):
        data = (folder / f"checkpoint.{size}").read_bytes()
        found = checkpoint.open_checkpoint(data, "example.com/log/testdata", [key]).checkpoint
        assert (found.size, found.root) == (size, frontier.root())
        assert checkpoint.encode(found).encode() + b"\n" == data[: data.rindex(b"\n\n") + 2]
        roots.append(found.root)
        if size < 15:
            frontier.append(merkle.leaf_hash(entries[size]))
    for old in range(1, 16):
        proof = merkle.prove_consistency(old, 15, nodes)
        assert merkle.verify_consistency(old, roots[old], 15, roots[15], proof) == roots[15]


def test_an_unknown_line_is_kept_but_not_believed() -> None:
    """A line with a witness's name and another id is not that witness's."""
    pretended = note.add_signatures(FULL, [Signature(W4.verifier.name, 1, bytes(72))])
    opened = checkpoint.open_checkpoint(pretended, ORIGIN, LOGS, WITNESSES)
    assert len(opened.signatures) == 3
