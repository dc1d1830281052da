"""The verifiers: one file for each kind of evidence, ending in VERIFIER."""
