"""The transparency log as mathematics: Merkle trees, tiles, notes, checkpoints, cosignatures, policies and proofs."""
