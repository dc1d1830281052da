"""ART: weights, checkpoints and data: sealed, signed, traceable, and hard to carry away."""
