"""What is said between logs and witnesses: texts that read back the same, and the protocol's checks in their order."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint, encode, sign_checkpoint
from strongroom.kit.tlog.cosignature import Cosigner, ml_dsa_message
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import EMPTY_ROOT, MAX_SIZE, MemoryNodes, Range, leaf_hash, prove_consistency, tree_head
from strongroom.kit.tlog.note import Ed25519Signer, Signature
from strongroom.kit.tlog.text import to_base64
from strongroom.kit.tlog.witnessing import AddCheckpoint, SignSubtree
from strongroom.model.errors import BadInput, BadSignature, Malformed, StrongroomError, TooLarge

ORIGIN = "example.org/log"
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(32))
PQ_LOG = SignerKey(ORIGIN, Kind.COSIGNATURE_ML_DSA_44, bytes([1]) * 32)
STRANGER = SignerKey("example.org/stranger", Kind.ED25519, bytes([2]) * 32)
LEAVES = [leaf_hash(bytes([i])) for i in range(20)]

# The requests and the answers that the specification shows.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
SUBTREE = b"""subtree 8 13
mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=
CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=
h/ghL5nyaXTIBAklqDnisM+SFdbA3izoGZ5oRYMZzc0=
8qtnAAU9sTKQx/zt3E4v8Jt2a9IMQUf0QUawvePF9y0=
KuO5BNOmginG34Lm5G3e2GuiWliGo3K0ebzGpvI0fEg=

example.com/behind-the-sofa
14
/CcKVZM9n65aH7jLaIZuUB4/MSlEFQ4+ldwUC21rDHM=
"""
ANSWER = """— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
""".encode()

hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=witnessing.MAX_PROOF).map(tuple)
sizes = st.integers(0, MAX_SIZE)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree_head(LEAVES[:size]))


def test_the_examples_of_the_specification_read_back_the_same() -> None:
    """Both requests and the answer are read, and writing them gives the same bytes."""
    request = witnessing.parse_add_checkpoint(EXAMPLE)
    assert (request.old, len(request.proof)) == (20852014, 4)
    assert witnessing.claimed(notes.parse(request.note).text).size == 20852163
    assert witnessing.encode_add_checkpoint(request) == EXAMPLE
    part = witnessing.parse_sign_subtree(SUBTREE)
    assert (part.part, len(part.proof)) == (Range(8, 13), 4)
    assert witnessing.encode_sign_subtree(part) == SUBTREE
    lines = witnessing.parse_signatures(ANSWER)
    assert [s.name for s in lines] == ["witness.example/w1", "witness.example/w1", "witness.example/w2"]
    assert witnessing.encode_signatures(lines) == ANSWER


@given(sizes, hashes, st.binary(max_size=99))
def test_every_request_reads_back_the_same(old: int, proof: tuple[bytes, ...], note: bytes) -> None:
    """Whatever stands behind the first empty line is the note's, also more empty lines."""
    request = AddCheckpoint(old, proof, note)
    assert witnessing.parse_add_checkpoint(witnessing.encode_add_checkpoint(request)) == request


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 9), hashes)
def test_every_subtree_request_reads_back_the_same(
    place: int, length: int, more: int, proof: tuple[bytes, ...]
) -> None:
    """An aligned range is read; one that starts beside its place is no subtree."""
    step = 1 << (length - 1).bit_length()
    part = Range(place * step, place * step + length)
    request = SignSubtree(part, bytes(32), proof, b"note")
    assert witnessing.parse_sign_subtree(witnessing.encode_sign_subtree(request)) == request
    if more % step:
        beside = request._replace(part=Range(part.start + more, part.end + more))
        with pytest.raises(Malformed):
            witnessing.parse_sign_subtree(witnessing.encode_sign_subtree(beside))


@given(
    st.binary(max_size=300) | st.text(max_size=80).map(lambda s: b"old 5\n" + s.encode("utf-8", "replace") + b"\n\n")
)
def test_nothing_but_a_request_is_read(body: bytes) -> None:
    """Arbitrary bytes are refused with an error of ours, or are a request that writes itself again."""
    with contextlib.suppress(BadInput):
        assert witnessing.encode_add_checkpoint(witnessing.parse_add_checkpoint(body)) == body
    with contextlib.suppress(BadInput):
        assert witnessing.encode_sign_subtree(witnessing.parse_sign_subtree(body)) == body
    with contextlib.suppress(BadInput):
        assert witnessing.encode_signatures(witnessing.parse_signatures(body)) == body
    with contextlib.suppress(BadInput):
        assert witnessing.encode_size(witnessing.parse_size(body)) == body


HASH = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n\nnote",
        "old 5\nnote\n",
        "old 05\n\nnote",
        "old -1\n\nnote",
        "old  5\n\nnote",
        "old 5 \n\nnote",
        "old 5\r\n\nnote",
        "old\n\nnote",
        "new 5\n\nnote",
        "Old 5\n\nnote",
        f"old {2**63}\n\nnote",
        "old 5\nAAAA\n\nnote",
        f"old 5\n {HASH}\nnote",
        "old 5\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkax=\n\nnote",
        "old 5\n" + HASH * 64 + "\nnote",
        "old \u0665\n\nnote",
    ],
)
def test_a_request_with_a_wrong_line_is_malformed(body: str) -> None:
    """Each line has one form, and there are at most 63 hashes."""
    with pytest.raises(Malformed):
        witnessing.parse_add_checkpoint(body.encode())


def test_limits_hold_on_both_sides() -> None:
    """63 hashes are sent and read, 64 are not sent; a body over the limit is not looked at."""
    most = AddCheckpoint(5, (bytes(32),) * 63, b"note")
    assert witnessing.parse_add_checkpoint(witnessing.encode_add_checkpoint(most)) == most
    with pytest.raises(BadInput):
        witnessing.encode_add_checkpoint(most._replace(proof=(bytes(32),) * 64))
    with pytest.raises(TooLarge):
        witnessing.parse_add_checkpoint(b"old 0\n\n" + b"x" * witnessing.MAX_REQUEST)
    with pytest.raises(TooLarge):
        witnessing.parse_signatures(b"x" * (witnessing.MAX_RESPONSE + 1))


@pytest.mark.parametrize("body", [b"", b"5", b"5\n\n", b"05\n", b"x\n", b"\xff\n", b"5\n6\n", b"5 \n"])
def test_a_size_is_one_line(body: bytes) -> None:
    """The body of a 409 is a decimal number and a newline."""
    with pytest.raises(Malformed):
        witnessing.parse_size(body)


def test_an_answer_cannot_move_the_text() -> None:
    """Lines before an empty line would become part of what is signed, so they are refused."""
    with pytest.raises(Malformed, match="empty line"):
        witnessing.parse_signatures(b"more text\n\n" + ANSWER)


def test_an_origin_is_hashed_as_the_specification_says() -> None:
    """The SHA-256 of the origin line, in lower-case hex."""
    wanted = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4"
    assert witnessing.origin_hash("example.com/behind-the-sofa") == wanted


@pytest.mark.parametrize("key", [LOG, PQ_LOG])
def test_a_wrong_empty_root_is_read_and_verified(key: SignerKey) -> None:
    """A log that has signed another root for no leaves is still known as the one that signed it."""
    text = encode(head(0)).replace(to_base64(EMPTY_ROOT), to_base64(bytes(32)))
    checkpoint = witnessing.claimed(text)
    assert checkpoint == Checkpoint(ORIGIN, 0, bytes(32))
    if key is LOG:
        data = notes.sign(text, [Ed25519Signer(LOG)])
    else:
        at = (1_800_000_000).to_bytes(8, "big")
        message = ml_dsa_message(ORIGIN, 1_800_000_000, ORIGIN, Range(0, 0), bytes(32))
        line = Signature(ORIGIN, PQ_LOG.verifier.key_id, at + PQ_LOG.sign_raw(message))
        data = notes.encode(notes.Note(text, (line,)))
    assert witnessing.open_submitted(data, checkpoint, [key.verifier]).text == text
    broken = data[:-5] + (b"A" if data[-5:-4] != b"A" else b"B") + data[-4:]
    with pytest.raises(BadInput):
        witnessing.open_submitted(broken, checkpoint, [key.verifier])


def test_unsigned_extension_lines_are_refused() -> None:
    """ML-DSA-44 leaves extension lines out, so a checkpoint with some needs another signature of the log."""
    checkpoint = head(3)._replace(extensions=("more",))
    alone = sign_checkpoint(checkpoint, [Cosigner(PQ_LOG, 1)])
    both = sign_checkpoint(checkpoint, [Cosigner(PQ_LOG, 1), Ed25519Signer(LOG)])
    keys = [LOG.verifier, PQ_LOG.verifier]
    with pytest.raises(BadSignature, match="not signed"):
        witnessing.open_submitted(alone, checkpoint, keys)
    assert len(witnessing.open_submitted(both, checkpoint, keys).verified) == 2


def test_what_is_kept_has_verified_lines_only() -> None:
    """Lines of strangers are ignored, and do not lie in the witness's state."""
    data = sign_checkpoint(head(3), [Ed25519Signer(STRANGER), Ed25519Signer(LOG)])
    opened = witnessing.open_submitted(data, head(3), [LOG.verifier])
    assert witnessing.stripped(opened) == sign_checkpoint(head(3), [Ed25519Signer(LOG)])


NODES = MemoryNodes(LEAVES)
GOOD = prove_consistency(5, 9, NODES)


@pytest.mark.parametrize(
    ("old", "proof", "size", "latest", "status"),
    [
        (0, (), 9, None, 0),
        (0, (), 9, 0, 0),
        (0, (), 0, None, 0),
        (5, GOOD, 9, 5, 0),
        (9, (), 9, 9, 0),
        (10, (), 9, None, 400),
        (10, (), 9, 10, 400),
        (5, GOOD, 9, None, 409),
        (0, (), 9, 5, 409),
        (5, GOOD, 9, 6, 409),
        (0, GOOD, 9, None, 422),
        (5, (), 9, 5, 422),
        (5, GOOD[:-1], 9, 5, 422),
        (5, (*GOOD, bytes(32)), 9, 5, 422),
        (9, GOOD, 9, 9, 422),
    ],
)
def test_the_checks_come_in_their_order(
    old: int, proof: tuple[bytes, ...], size: int, latest: int | None, status: int
) -> None:
    """The size that cannot be, then the size that is not the latest, then the proof."""
    answer = witnessing.refusal(AddCheckpoint(old, proof, b""), head(size), None if latest is None else head(latest))
    assert (answer.status if answer else 0) == status
    if answer and answer.status == 409:
        assert (answer.content_type, answer.body) == ("text/x.tlog.size", f"{latest or 0}\n".encode())


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_no_tree_is_taken_for_one_that_it_did_not_grow_from(old: int, size: int, latest: int) -> None:
    """With the right proof it is accepted exactly when it starts from the latest; with another tree's root, never."""
    proof = prove_consistency(old, size, NODES) if 0 < old <= size else ()
    request = AddCheckpoint(old, proof, b"")
    accepted = witnessing.refusal(request, head(size), head(latest)) is None
    assert accepted is (old == latest <= size)
    if latest:
        forked = head(latest)._replace(root=bytes(32))
        assert witnessing.refusal(request, head(size), forked) is not None


def test_only_keys_with_subtrees_sign_them() -> None:
    """Ed25519 cosignatures cover whole checkpoints, and no part of one."""
    with pytest.raises(StrongroomError):
        witnessing.sign_subtree(LOG, ORIGIN, Range(8, 13), bytes(32))
    assert witnessing.sign_subtree(PQ_LOG, ORIGIN, Range(8, 13), bytes(32)).value[:8] == bytes(8)
