"""Merkle trees of a log (RFC 9162 section 2.1, the same tree as RFC 6962 section 2.1), with SHA-256.

Leaves are numbered from 0; a range is half open. A *node* `(level, index)` is the root of the 2**level leaves that begin
at index * 2**level. Proofs are made from whatever can name the hash of a node (a list in memory, tiles on a disk), and
are checked without any tree. Subtrees follow draft-ietf-plants-merkle-tree-certs-02, section 4.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from strongroom.model.errors import BadInput, BadProof

HASH_SIZE = 32  # SHA-256; RFC 9162 section 2.1.1
MAX_SIZE = 2**63 - 1  # readers of C2SP formats count leaves in a signed 64-bit number
EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 9162 section 2.1.1: MTH({}) = HASH()

NodeReader = Callable[[int, int], bytes]
"""Gives the hash of the node (level, index); raises a StrongroomError when it has none."""


class Range(NamedTuple):
    """The leaves from `start` up to, and without, `end`."""

    start: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry. The first byte keeps a leaf from passing for a node (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node from the hashes of its children (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _check_hash(value: bytes, subject: str) -> None:
    if len(value) != HASH_SIZE:
        raise BadProof(subject, f"{len(value)} bytes", f"{HASH_SIZE} bytes of SHA-256")


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise BadInput("tree size", str(size), f"0 to {MAX_SIZE}")


class Frontier:
    """The right edge of a tree: all that appending and computing the root need, in O(log n) memory.

    `peaks` are the roots of the perfect subtrees that make up the tree, largest first: one for each 1 in the binary
    form of `size`.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Take up a tree where it was left.

        Raises:
            BadInput: the number of peaks does not fit the size, or a peak is not a hash.
        """
        _check_size(size)
        if len(peaks) != size.bit_count():
            raise BadInput(f"frontier of {size} leaves", f"{len(peaks)} peaks", f"{size.bit_count()}")
        for peak in peaks:
            _check_hash(peak, "peak of the frontier")
        self._size = size
        self._peaks = list(peaks)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add the hash of one leaf."""
        _check_hash(leaf, "hash of a leaf")
        _check_size(self._size + 1)
        carry, size = leaf, self._size
        while size & 1:
            carry = node_hash(self._peaks.pop(), carry)
            size >>= 1
        self._peaks.append(carry)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of leaves, in order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """The tree head of all leaves so far (RFC 9162 section 2.1.1)."""
        return _fold(self._peaks)

    def copy(self) -> "Frontier":
        """A frontier that grows on its own."""
        return Frontier(self._size, self._peaks)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def tree_head(leaves: Iterable[bytes]) -> bytes:
    """The root over the hashes of leaves, in order (RFC 9162 section 2.1.1)."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


class MemoryNodes:
    """A `NodeReader` over the hashes of leaves in memory; it keeps every perfect node, about twice the leaves."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self._levels = [list(leaves)]
        for leaf in self._levels[0]:
            _check_hash(leaf, "hash of a leaf")
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)])

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of a node.

        Raises:
            BadInput: the tree has no such perfect node.
        """
        if not 0 <= level < len(self._levels) or not 0 <= index < len(self._levels[level]):
            raise BadInput(f"node {level}/{index}", f"a tree of {self.size} leaves", "a node within the tree")
        return self._levels[level][index]


def split(count: int) -> int:
    """The largest power of two smaller than `count`, which is at least 2 (k in RFC 9162 section 2.1.1)."""
    return 1 << ((count - 1).bit_length() - 1)


def perfect_nodes(part: Range) -> tuple[tuple[int, int], ...]:
    """The nodes (level, index) whose subtrees make up a range that a proof names, largest first.

    The range begins at a multiple of the power of two that is at least as large as the range.
    """
    found, at = [], part.start
    for level in range((part.end - part.start).bit_length() - 1, -1, -1):
        if (part.end - part.start) >> level & 1:
            found.append((level, at >> level))
            at += 1 << level
    return tuple(found)


def range_hash(part: Range, node: NodeReader) -> bytes:
    """The hash over a range of leaves that a proof names."""
    return _fold([node(level, index) for level, index in perfect_nodes(part)])


def _check_subtree(part: Range, size: int) -> None:
    """A subtree begins at a multiple of the smallest power of two not below its length (merkle-tree-certs section 4.1)."""
    _check_size(size)
    length = part.end - part.start
    if length <= 0 or part.start < 0 or part.end > size or part.start & ((1 << (length - 1).bit_length()) - 1):
        raise BadInput(f"subtree {part.start}..{part.end}", f"a tree of {size} leaves", "an aligned subtree within it")


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """The ranges whose hashes prove that a leaf is in a tree, from the leaf's sibling up (RFC 9162 section 2.1.3.1).

    Raises:
        BadInput: there is no such leaf.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise BadInput(f"leaf {index}", f"a tree of {size} leaves", "an index within the tree")
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start = middle
    return tuple(reversed(found))


def subtree_consistency_ranges(part: Range, size: int) -> tuple[Range, ...]:
    """The ranges whose hashes prove that a subtree belongs to a tree (merkle-tree-certs section 4.4.1).

    Raises:
        BadInput: the range is empty, not aligned, or not within the tree.
    """
    _check_subtree(part, size)
    found, low, high = [], 0, size
    start, end = part
    known = True
    while (low, high) != (start, end):
        middle = low + split(high - low)
        if end <= middle:
            found.append(Range(middle, high))
            high = middle
            continue
        found.append(Range(low, middle))
        low = middle
        if start < middle:  # The subtree reaches over the middle: the verifier does not know the rest of it by itself.
            start, known = middle, False
    if not known:
        found.append(Range(low, high))
    return tuple(reversed(found))


def consistency_ranges(old: int, new: int) -> tuple[Range, ...]:
    """The ranges whose hashes prove that a tree grew from an older one (RFC 9162 section 2.1.4.1).

    Raises:
        BadInput: the older size is 0, from which everything follows, or larger than the newer one.
    """
    _check_size(new)
    if not 0 < old <= new:
        raise BadInput(f"consistency with size {old}", f"a tree of {new} leaves", f"an older size of 1 to {new}")
    return subtree_consistency_ranges(Range(0, old), new)


def prove_inclusion(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """The proof that the leaf `index` is in the tree of `size` leaves (RFC 9162 section 2.1.3.1)."""
    return tuple(range_hash(part, node) for part in inclusion_ranges(index, size))


def prove_consistency(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 section 2.1.4.1)."""
    return tuple(range_hash(part, node) for part in consistency_ranges(old, new))


def prove_subtree_consistency(part: Range, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """The proof that a subtree belongs to the tree of `size` leaves (merkle-tree-certs section 4.4.1)."""
    return tuple(range_hash(found, node) for found in subtree_consistency_ranges(part, size))


def _check_proof(proof: Sequence[bytes], wanted: int, subject: str) -> None:
    if len(proof) != wanted:
        raise BadProof(subject, f"a proof of {len(proof)} hashes", f"{wanted}")
    for value in proof:
        _check_hash(value, f"{subject}: a hash of the proof")


def _agree(computed: bytes, given: bytes, subject: str) -> bytes:
    if computed != given:
        raise BadProof(subject, f"the root {given.hex()}", f"{computed.hex()}, which the proof leads to")
    return computed


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bytes:
    """The root, once it is proven that the leaf of this hash stands at `index` in its tree (RFC 9162 section 2.1.3.2).

    Raises:
        BadProof: it does not, the proof is too long or too short, or there is no such leaf.
    """
    subject = f"inclusion of leaf {index} in a tree of {size}"
    if not 0 <= index < size <= MAX_SIZE:
        raise BadProof(subject, f"index {index}", "an index within the tree")
    _check_hash(leaf, f"{subject}: hash of the leaf")
    _check_hash(root, f"{subject}: root")
    parts = inclusion_ranges(index, size)
    _check_proof(proof, len(parts), subject)
    computed = leaf
    for part, value in zip(parts, proof, strict=True):
        computed = node_hash(value, computed) if part.end <= index else node_hash(computed, value)
    return _agree(computed, root, subject)


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bytes:
    """The newer root, once it is proven that its tree begins with the older tree (RFC 9162 section 2.1.4.2).

    Raises:
        BadProof: it does not, the proof is too long or too short, or a size is 0: from nothing everything follows, so
            whoever starts from an empty tree must say so himself and not ask for a proof.
    """
    if old < 1:
        raise BadProof(f"consistency of {old} with {new}", f"an older size of {old}", "at least 1")
    return verify_subtree_consistency(Range(0, old), old_root, new, new_root, proof)


def verify_subtree_inclusion(leaf: bytes, index: int, part: Range, proof: Sequence[bytes], root: bytes) -> bytes:
    """The root of a subtree, once it is proven that the leaf `index` is in it (merkle-tree-certs section 4.3.2).

    Raises:
        BadProof: it is not, the range is no subtree, or the proof is too long or too short.
    """
    try:
        _check_subtree(part, part.end)
    except BadInput as e:
        raise BadProof(f"inclusion of leaf {index}", e.found, e.wanted) from None
    return verify_inclusion(leaf, index - part.start, part.end - part.start, proof, root)


def verify_subtree_consistency(part: Range, part_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
    """The root of the tree, once it is proven that the subtree belongs to it (merkle-tree-certs section 4.4.3).

    Raises:
        BadProof: it does not, the range is empty or no subtree, or the proof is too long or too short.
    """
    subject = f"consistency of {part.start}..{part.end} with a tree of {size}"
    try:
        parts = list(subtree_consistency_ranges(part, size))
    except BadInput as e:
        raise BadProof(subject, e.found, e.wanted) from None
    _check_hash(part_root, f"{subject}: older root")
    _check_hash(root, f"{subject}: root")
    _check_proof(proof, len(parts), subject)
    rest = list(zip(parts, proof, strict=True))
    old = new = part_root
    if rest and rest[0][0].end == part.end and rest[0][0].start >= part.start:
        _, old = rest.pop(0)  # The last piece of the subtree, where both trees begin to differ.
        new = old
    for where, value in rest:
        if where.start >= part.end:
            new = node_hash(new, value)
        else:
            new = node_hash(value, new)
            old = node_hash(value, old) if where.start >= part.start else old
    _agree(old, part_root, f"{subject}: older root")
    return _agree(new, root, subject)
