"""How the transparency log has been exercised."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
    Proof(
        "the mathematics of the transparency log",
        Level.REAL_SOFTWARE,
        "proofs, tiles, notes and checkpoints against Go's sumdb packages, and against logs that Tessera wrote",
        "ML-DSA-44 cosignatures only against the specification's layout and our own round trips",
        ("tests/kit/test_tlog_merkle.py", "tests/kit/test_tlog_tiles.py", "tests/interop/test_we_verify_tessera.py"),
    ),
    Proof(
        "the log in a folder: what was acknowledged survives",
        Level.REAL_SOFTWARE,
        "errors and kills injected by strace at every call that touches it, kill -9 under load, a full disk",
        "power was never really cut; one file system (that of the machine that runs the tests)",
        ("tests/integration/test_log_faults.py", "tests/integration/test_log_kills.py"),
    ),
    Proof(
        "the log in PostgreSQL",
        Level.REAL_SOFTWARE,
        "a server that the test starts, kills and restarts",
        "one version of the server; no fail-over to a replica",
        ("tests/integration/test_log_in_postgres.py",),
    ),
    Proof(
        "the log in an S3-compatible bucket",
        Level.REAL_SOFTWARE,
        "versitygw, a server that the test builds and starts, and connections cut in the middle of a write",
        "Amazon S3 itself",
        ("tests/integration/test_log_in_bucket.py",),
    ),
    Proof(
        "witnesses: server and client",
        Level.REAL_SOFTWARE,
        "each against the other over HTTP, and every answer that the specification names",
        "no witness or log of another project",
        ("tests/serve/test_serve_witness.py", "tests/ledger/test_cosigners.py"),
    ),
)
