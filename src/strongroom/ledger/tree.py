"""The published tree of a log, read through its storage: tiles, bundles, the frontier, and proofs.

Nothing that is read here is believed: a root is compared with a signed checkpoint, a proof is verified before it is
given out.
"""

from collections.abc import Callable

from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.merkle import (
    Frontier,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from strongroom.kit.tlog.tiles import Bundle, Tile, TileNodes, bundle_of, decode_bundle, peaks
from strongroom.model.errors import BadInput, BadProof, LogDamaged, Malformed, NotFound

ReadObject = Callable[[str], bytes]
Reader = Callable[[Tile | Bundle], bytes]
_HINT = "strongroom log audit says which part of the tree is wrong"


def reader(read: ReadObject) -> Reader:
    """Gives a tile or bundle, or the full one of its place where the partial one was dropped."""

    def give(part: Tile | Bundle) -> bytes:
        try:
            return read(part.path)
        except NotFound:
            if part.full == part:
                raise
            return read(part.full.path)

    return give


def frontier(size: int, root: bytes, read: ReadObject, subject: str) -> Frontier:
    """The right edge of a tree, once its tiles are found to make the root that was signed.

    Raises:
        LogDamaged: they do not, or one is missing or of another length.
    """
    try:
        found = Frontier(size, peaks(size, reader(read)))
    except (NotFound, Malformed) as e:
        raise LogDamaged(f"{subject} at size {size}", e.found, e.wanted, _HINT) from None
    if found.root() != root:
        raise LogDamaged(f"{subject} at size {size}", "tiles of another root", "the root that was signed", _HINT)
    return found


def entry(index: int, size: int, read: ReadObject) -> bytes:
    """One entry of the tree; that it is the one that was hashed is for a proof to say.

    Raises:
        BadInput: there is none of this index.
        NotFound, Malformed: its bundle is missing or damaged.
    """
    bundle, at = bundle_of(index, size)
    return decode_bundle(reader(read)(bundle), bundle)[at]


def inclusion(index: int, leaf: bytes, head: Checkpoint, read: ReadObject) -> tuple[bytes, ...]:
    """The proof that a leaf is in the tree of a checkpoint, verified.

    Raises:
        BadInput: the tree has no such leaf.
        LogDamaged: the tiles do not prove it.
    """
    try:
        proof = prove_inclusion(index, head.size, TileNodes(head.size, reader(read)))
        verify_inclusion(leaf, index, head.size, proof, head.root)
    except (NotFound, Malformed, BadProof) as e:
        raise LogDamaged(f"entry {index}", e.found, e.wanted, _HINT) from None
    return proof


def consistency(old: int, head: Checkpoint, read: ReadObject, old_root: bytes | None = None) -> tuple[bytes, ...]:
    """The proof that the tree of a checkpoint begins with the one of `old` leaves; empty for 0 and for its own size.

    With `old_root`, the proof is verified against it.

    Raises:
        BadInput: the tree is smaller than that.
        BadProof: the older root is not of this tree.
        LogDamaged: the tiles are missing or of another length.
    """
    if not 0 <= old <= head.size:
        raise BadInput(f"consistency with size {old}", f"a tree of {head.size}", "an older size")
    if old == 0:
        return ()
    try:
        proof = prove_consistency(old, head.size, TileNodes(head.size, reader(read)))
    except (NotFound, Malformed) as e:
        raise LogDamaged(f"consistency with size {old}", e.found, e.wanted, _HINT) from None
    if old_root is not None:
        verify_consistency(old, old_root, head.size, head.root, proof)
    return proof
