"""Proofs for use without the log: an entry, its place, and a checkpoint that is signed and witnessed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.kit.tlog import checkpoint, merkle, policy, proof
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, leaf_hash
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.proof import LogProof
from strongroom.model.errors import BadProof, BadSignature, Malformed, StrongroomError, TooLarge

LOG = SignerKey("example.org/log", Kind.ED25519, bytes(32))
WITNESS = SignerKey("witness.example/w", Kind.COSIGNATURE_ED25519, bytes([4]) * 32)
POLICY = policy.parse(f"log {LOG.verifier}\nwitness w {WITNESS.verifier}\nquorum w\n".encode())
LEAVES = [leaf_hash(b"%d" % i) for i in range(30)]
NODES = MemoryNodes(LEAVES)


def signed(size: int, *, cosigned: bool = True) -> bytes:
    head = Checkpoint("example.org/log", size, merkle.tree_head(LEAVES[:size]))
    return checkpoint.sign_checkpoint(
        head, [Ed25519Signer(LOG), *([Cosigner(WITNESS, 1_800_000_000)] if cosigned else [])]
    )


def made(index: int, size: int, extra: bytes = b"") -> LogProof:
    return LogProof(index, merkle.prove_inclusion(index, size, NODES), signed(size), extra)


@given(st.integers(1, len(LEAVES)), st.data(), st.binary(max_size=9))
def test_a_proof_survives_and_verifies(size: int, data: st.DataObject, extra: bytes) -> None:
    """Any leaf of any tree is proven by the proof that was written, and no other leaf or index is."""
    index = data.draw(st.integers(0, size - 1))
    given_proof = made(index, size, extra)
    read = proof.parse(proof.encode(given_proof))
    assert read == given_proof
    logged = proof.verify(read, LEAVES[index], POLICY)
    assert (logged.leaf, logged.index, logged.accepted.checkpoint.size) == (LEAVES[index], index, size)
    assert logged.accepted.witnesses == (b"w",)
    for leaf, at in ((leaf_hash(b"other"), index), (LEAVES[index], index + 1), (LEAVES[index], index + size)):
        with pytest.raises(BadProof):
            proof.verify(replace(read, index=at), leaf, POLICY)


GOOD = proof.encode(made(5, 13, b"extra"))


@given(st.data())
def test_a_changed_proof_is_refused(data: st.DataObject) -> None:
    """One bit, one cut, one byte more: it is refused, unless it was in the extra data, which is not authenticated."""
    at, bit = data.draw(st.integers(0, len(GOOD) - 1)), 1 << data.draw(st.integers(0, 7))
    for bad in (
        GOOD[:at] + bytes([GOOD[at] ^ bit]) + GOOD[at + 1 :],
        GOOD[:at],
        GOOD[:at] + GOOD[at : at + 1] + GOOD[at:],
    ):
        if bad == GOOD:
            continue
        read = None
        with contextlib.suppress(StrongroomError):
            read = proof.parse(bad)
            proof.verify(read, LEAVES[5], POLICY)
            assert read.extra != b"extra"
            assert replace(read, extra=b"extra") == proof.parse(GOOD)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_proof_or_refused(tail: bytes) -> None:
    """What parses is written back byte by byte."""
    for data in (tail, GOOD[:40] + tail, GOOD + tail):
        found = None
        with contextlib.suppress(StrongroomError):
            found = proof.encode(proof.parse(data))
        assert found in {None, data}


HEAD, _, NOTE = GOOD.partition(b"\n\n")
HASHES = HEAD.split(b"\n")[3:]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no empty line"),
        (HEAD + b"\n", "no empty line"),
        (GOOD.replace(b"@v1", b"@v2"), "tlog-proof@v1"),
        (b"\n" + GOOD, "tlog-proof@v1"),
        (GOOD.replace(b"extra ", b"extra  "), "base64"),
        (GOOD.replace(b"extra ZXh0cmE=", b"extra "), "nothing"),
        (GOOD.replace(b"extra ZXh0cmE=", b"extra ZXh0cmE=\nextra ZXh0cmE="), "index <number>"),
        (GOOD.replace(b"index 5\n", b""), "index <number>"),
        (GOOD.replace(b"index 5", b"index 05"), "leading zeroes"),
        (GOOD.replace(b"index 5", b"index -5"), "leading zeroes"),
        (GOOD.replace(b"index 5", b"index  5"), "leading zeroes"),
        (GOOD.replace(b"index 5", b"index"), "index <number>"),
        (GOOD.replace(b"index 5", b"index \xff"), "byte 0xff"),
        (GOOD.replace(HASHES[0], HASHES[0][:-4]), "30 bytes"),
        (GOOD.replace(HASHES[0], HASHES[0][:-1]), "base64"),
        (GOOD.replace(HASHES[0], b"AAAA"), "3 bytes"),
        (GOOD.replace(HASHES[0], b"\n".join([HASHES[0]] * 64)), "hashes"),
        (GOOD.replace(b"\n\n", b"\r\n\r\n"), "log proof"),
        (GOOD.replace(b"index 5\n", b"index 5\n\n"), "size of a checkpoint"),
        (HEAD + b"\n\n", "note"),
        (HEAD + b"\n\n" + NOTE.replace(b"\n13\n", b"\n013\n"), "size of a checkpoint"),
        (GOOD.replace(b"index 5", b""), "no index"),
        (b"c2sp.org/tlog-proof@v1\n\n" + NOTE, "no index"),
    ],
)
def test_other_files_are_refused_with_the_reason(data: bytes, why: str) -> None:
    """What is no proof is refused, and the message says which part."""
    with pytest.raises(Malformed) as caught:
        proof.parse(data)
    assert why in str(caught.value)


def test_what_is_no_proof_is_not_written() -> None:
    """An index below 0, a short hash, too many hashes or a checkpoint that is none are not written."""
    whole = made(5, 13)
    for bad in (
        replace(whole, index=-1),
        replace(whole, index=2**63),
        replace(whole, hashes=(b"x",)),
        replace(whole, hashes=(bytes(32),) * 64),
        replace(whole, checkpoint=b""),
    ):
        with pytest.raises(Malformed):
            proof.encode(bad)
    with pytest.raises(TooLarge):
        proof.encode(replace(whole, extra=bytes(proof.MAX_PROOF)))
    with pytest.raises(TooLarge):
        proof.parse(bytes(proof.MAX_PROOF + 1))


def test_an_unsigned_or_unwitnessed_checkpoint_proves_nothing() -> None:
    """The path alone is not enough: the log must have signed, and the quorum must have cosigned."""
    with pytest.raises(BadProof):
        proof.verify(replace(made(5, 13), checkpoint=signed(13, cosigned=False)), LEAVES[5], POLICY)
    with pytest.raises(BadSignature):
        proof.verify(made(5, 13), LEAVES[5], policy.parse(b"quorum none\n"))
    trusting = policy.parse(b"quorum none\n")
    assert proof.verify(made(5, 13), LEAVES[5], trusting, [LOG.verifier]).accepted.witnesses == ()
