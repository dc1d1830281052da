"""Trees, inclusion and consistency: checked against the recursive definitions of the RFC and recorded cases."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import merkle
from strongroom.kit.tlog.merkle import EMPTY_ROOT, Frontier, MemoryNodes, Range, leaf_hash, node_hash
from strongroom.model.errors import BadInput, BadProof

LEAVES = [leaf_hash(b"%d" % i) for i in range(70)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 9162 section 2.1.4.1, word by word."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def subtrees(size: int) -> list[Range]:
    """Every aligned range of a tree."""
    found = []
    for start in range(size):
        for end in range(start + 1, size + 1):
            block = 1
            while block < end - start:
                block *= 2
            if start % block == 0:
                found.append(Range(start, end))
    return found


def flipped(value: bytes, bit: int) -> bytes:
    bit %= len(value) * 8
    return bytes(b ^ (1 << bit % 8) if i == bit // 8 else b for i, b in enumerate(value))


def test_known_roots() -> None:
    """The tree of RFC 6962's reference test data has its published roots."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(i)) for i in inputs]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.tree_head(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.tree_head(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_frontier_has_the_roots_of_the_definition() -> None:
    """Appending leaf by leaf gives the root of every size, and the frontier can be taken up anywhere."""
    frontier = Frontier()
    for n in range(len(LEAVES) + 1):
        assert frontier.root() == mth(LEAVES[:n]) == merkle.tree_head(LEAVES[:n])
        again = Frontier(frontier.size, frontier.peaks)
        other = again.copy()
        other.append(LEAVES[0])
        assert (again.size, again.root()) == (n, frontier.root())
        if n < len(LEAVES):
            frontier.append(LEAVES[n])


@pytest.mark.parametrize(("size", "peaks"), [(1, 0), (0, 1), (3, 1), (4, 2), (-1, 0), (2**63, 1)])
def test_a_frontier_of_the_wrong_shape_is_refused(size: int, peaks: int) -> None:
    """The number of peaks must be the number of ones in the size."""
    with pytest.raises(BadInput):
        Frontier(size, LEAVES[:peaks])


@pytest.mark.parametrize("leaf", [b"", b"x" * 31, b"x" * 33])
def test_what_is_no_hash_is_refused(leaf: bytes) -> None:
    """A leaf or a peak that is not 32 bytes does not enter a tree."""
    with pytest.raises(BadInput):
        Frontier().append(leaf)
    with pytest.raises(BadInput):
        Frontier(1, [leaf])
    with pytest.raises(BadInput):
        MemoryNodes([leaf])


@pytest.mark.parametrize("size", range(1, 40))
def test_every_inclusion_proof_is_that_of_the_definition_and_verifies(size: int) -> None:
    """For all leaves of all small trees the proof is the RFC's, leads to the root, and to no other leaf or index."""
    nodes, root = MemoryNodes(LEAVES[:size]), mth(LEAVES[:size])
    for index in range(size):
        proof = merkle.prove_inclusion(index, size, nodes)
        assert list(proof) == path(index, LEAVES[:size])
        assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root) == root
        for wrong in (index - 1, index + 1, index + size):
            with pytest.raises(BadProof):
                merkle.verify_inclusion(LEAVES[index], wrong, size, proof, root)
        for bad in ((*proof, root), proof[1:] if proof else (root,), (root, *proof), (*proof[:-1], b"")):
            with pytest.raises(BadProof):
                merkle.verify_inclusion(LEAVES[index], index, size, bad, root)


@pytest.mark.parametrize("new", range(1, 40))
def test_every_consistency_proof_is_that_of_the_definition_and_verifies(new: int) -> None:
    """For all pairs of small trees the proof is the RFC's and binds both roots."""
    nodes, root = MemoryNodes(LEAVES[:new]), mth(LEAVES[:new])
    for old in range(1, new + 1):
        proof, old_root = merkle.prove_consistency(old, new, nodes), mth(LEAVES[:old])
        assert list(proof) == subproof(old, LEAVES[:new], True)
        assert merkle.verify_consistency(old, old_root, new, root, proof) == root
        for bad in ((*proof, root), (root, *proof), proof[:-1] if proof else (root,)):
            with pytest.raises(BadProof):
                merkle.verify_consistency(old, old_root, new, root, bad)
        for bad_old, bad_new in ((LEAVES[-1], root), (old_root, LEAVES[-1]), (b"", root), (old_root, root[:-1])):
            with pytest.raises(BadProof):
                merkle.verify_consistency(old, bad_old, new, bad_new, proof)


@pytest.mark.parametrize("size", range(1, 24))
def test_every_subtree_proof_verifies(size: int) -> None:
    """Each aligned subtree of each small tree is proven to be in it, and each leaf to be in the subtree."""
    nodes, root = MemoryNodes(LEAVES[:size]), mth(LEAVES[:size])
    for part in subtrees(size):
        part_root = mth(LEAVES[part.start : part.end])
        assert merkle.range_hash(part, nodes) == part_root
        proof = merkle.prove_subtree_consistency(part, size, nodes)
        assert merkle.verify_subtree_consistency(part, part_root, size, root, proof) == root
        for bad in ((*proof, root), (root, *proof), proof[:-1] if proof else (root,)):
            with pytest.raises(BadProof):
                merkle.verify_subtree_consistency(part, part_root, size, root, bad)
        for index in range(part.start, part.end):
            way = path(index - part.start, LEAVES[part.start : part.end])
            assert merkle.verify_subtree_inclusion(LEAVES[index], index, part, way, part_root) == part_root


@given(st.data())
def test_any_flipped_bit_breaks_a_proof(data: st.DataObject) -> None:
    """One bit changed in the leaf, the root or any hash of a proof, and it proves nothing."""
    size = data.draw(st.integers(2, len(LEAVES)))
    old = data.draw(st.integers(1, size - 1))
    nodes, root, old_root = MemoryNodes(LEAVES[:size]), mth(LEAVES[:size]), mth(LEAVES[:old])
    bit = data.draw(st.integers(0, 255))
    words = [LEAVES[old], root, *merkle.prove_inclusion(old, size, nodes)]
    which = data.draw(st.integers(0, len(words) - 1))
    words[which] = flipped(words[which], bit)
    with pytest.raises(BadProof):
        merkle.verify_inclusion(words[0], old, size, words[2:], words[1])
    words = [old_root, root, *merkle.prove_consistency(old, size, nodes)]
    which = data.draw(st.integers(0, len(words) - 1))
    words[which] = flipped(words[which], bit)
    with pytest.raises(BadProof):
        merkle.verify_consistency(old, words[0], size, words[1], words[2:])


@given(st.integers(1, merkle.MAX_SIZE), st.data())
def test_proofs_of_huge_trees_are_short_and_cover_the_tree(size: int, data: st.DataObject) -> None:
    """At any size the ranges of a proof and the leaf itself are the whole tree, each leaf once."""
    index = data.draw(st.integers(0, size - 1))
    parts = sorted((*merkle.inclusion_ranges(index, size), Range(index, index + 1)))
    assert len(parts) <= 64
    assert [p.start for p in parts] == [0, *(p.end for p in parts[:-1])]
    assert parts[-1].end == size
    assert len(merkle.consistency_ranges(index + 1, size)) <= 64


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 4), (0, -1), (0, 2**63)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    """Neither a proof nor a verification goes past the end of the tree; the empty tree has no leaf."""
    with pytest.raises(BadInput):
        merkle.prove_inclusion(index, size, MemoryNodes(LEAVES))
    with pytest.raises(BadProof):
        merkle.verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 1), (1, 2**63), (1, 0)])
def test_sizes_that_cannot_be_compared_are_refused(old: int, new: int) -> None:
    """An empty older tree proves nothing, and a tree does not shrink."""
    with pytest.raises(BadInput):
        merkle.prove_consistency(old, new, MemoryNodes(LEAVES))
    with pytest.raises(BadProof):
        merkle.verify_consistency(old, EMPTY_ROOT, new, EMPTY_ROOT, [])


@pytest.mark.parametrize(
    "part", [Range(1, 3), Range(2, 5), Range(2, 6), Range(3, 3), Range(4, 2), Range(-1, 0), Range(8, 9)]
)
def test_what_is_no_subtree_is_refused(part: Range) -> None:
    """A range that is empty, not aligned, or past the end is no subtree."""
    with pytest.raises(BadInput):
        merkle.prove_subtree_consistency(part, 8, MemoryNodes(LEAVES))
    with pytest.raises(BadProof):
        merkle.verify_subtree_consistency(part, EMPTY_ROOT, 8, EMPTY_ROOT, [])


def test_a_node_outside_of_the_tree_is_refused() -> None:
    """A tree in memory has only its perfect nodes."""
    nodes = MemoryNodes(LEAVES[:5])
    assert nodes(2, 0) == mth(LEAVES[:4])
    for level, index in ((3, 0), (2, 1), (0, 5), (-1, 0), (0, -1)):
        with pytest.raises(BadInput):
            nodes(level, index)


# What the recorded cases accept and this program refuses: roots that are not 32 bytes, and the empty subtree, whose
# proof says nothing about the tree that it would have to vouch for.
STRICTER = {
    "sizes are equal (one) and proof is empty",
    "subtree is empty sizes are equal (one) subtree root valid tree root random proof is empty",
    "subtree is empty sizes are equal (zero) subtree root valid tree root random proof is empty",
    "subtree is empty subtree root valid proof is empty",
}


def judge(kind: str, case: dict[str, object]) -> bytes:
    def octets(name: str) -> bytes:
        return base64.b64decode(str(case[name]))

    def number(name: str) -> int:
        return int(str(case[name]))

    listed = case["proof"] or []
    assert isinstance(listed, list)
    proof = [base64.b64decode(h) for h in listed]
    if kind == "inclusion":
        return merkle.verify_inclusion(octets("leafHash"), number("leafIdx"), number("treeSize"), proof, octets("root"))
    if kind == "consistency":
        return merkle.verify_consistency(number("size1"), octets("root1"), number("size2"), octets("root2"), proof)
    part = Range(number("start"), number("end"))
    if kind == "subtreeinclusion":
        return merkle.verify_subtree_inclusion(octets("leafHash"), number("leafIdx"), part, proof, octets("root"))
    return merkle.verify_subtree_consistency(part, octets("root1"), number("size"), octets("root2"), proof)


@pytest.mark.parametrize("kind", ["inclusion", "consistency", "subtreeinclusion", "subtreeconsistency"])
def test_recorded_cases_end_as_recorded(vectors: Path, kind: str) -> None:
    """Every recorded proof, sound or mutated, is accepted or refused as its case says."""
    cases = sorted((vectors / "govern/merkle-proofs/testdata" / kind).rglob("*.json"))
    assert cases
    accepted = 0
    for file in cases:
        case = json.loads(file.read_bytes())
        if case["wantErr"] or case["desc"] in STRICTER:
            with pytest.raises(BadProof):
                judge(kind, case)
        else:
            judge(kind, case)
            accepted += 1
    assert accepted
