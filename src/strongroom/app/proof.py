"""How each capability of this build has been exercised. Nothing is called more proven than it is.

`docs/proof.md` and `strongroom doctor` are made from this list; a test holds that every file it cites exists.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How near to the real thing a capability has been run, nearest first."""

    LIVE = "live"  # on the hardware or service itself
    REAL_SOFTWARE = "real software"  # against the program itself, on a machine made for the test
    RECORDED = "recorded"  # on what the real thing wrote elsewhere
    SIMULATED = "simulated"  # on input that was made to look like it
    UNPROVEN = "unproven"  # not exercised


@dataclass(frozen=True, slots=True)
class Proof:
    """One capability, its level, how it was exercised, what was not, and the tests that do it."""

    capability: str
    level: Level
    how: str
    missing: str
    tests: tuple[str, ...]


PROOFS = (
    Proof(
        "Terraform configuration (`tf:`)",
        Level.REAL_SOFTWARE,
        "Trivy's evaluator, in process, on modules written for the tests and on public ones beside the checkout",
        "modules that are only in a registry are never fetched; they are gaps",
        ("tests/collect/test_tf.py",),
    ),
    Proof(
        "the fence around evaluation",
        Level.REAL_SOFTWARE,
        "a real child that loops, grows, crashes and reads outside, stopped by limits and by the kernel's Landlock",
        "kernels without Landlock fall back to what the text shows",
        ("tests/collect/test_tf_hostile.py",),
    ),
    Proof(
        "Terraform plan and state (`plan:`)",
        Level.RECORDED,
        "files that `terraform show -json` wrote for AWS, Azure and Google Cloud modules",
        "terraform itself is not started",
        ("tests/collect/test_plan.py",),
    ),
    Proof(
        "this host (`host:`), ordinary Linux",
        Level.LIVE,
        "the collector script, under several shells and watched by strace, on the machine that runs the tests",
        "only the kernel and distribution of that machine",
        ("tests/collect/test_host_script.py",),
    ),
    Proof(
        "host: disks, boot, swap, logins of other machines",
        Level.SIMULATED,
        "records made by the tests in the script's own format, whole and damaged",
        "few machines have been read",
        ("tests/collect/test_host.py", "tests/collect/test_host_document.py"),
    ),
    Proof(
        "host: SEV-SNP, TDX, TPM and IOMMU facts",
        Level.SIMULATED,
        "kernel files and messages as the kernel's documentation gives them",
        "no such machine has been read",
        ("tests/collect/test_host.py",),
    ),
    Proof(
        "host: NVIDIA and AMD GPU facts",
        Level.SIMULATED,
        "answers of nvidia-smi, NVML and the drivers' files in their documented form, and NVIDIA's own mock profiles",
        "no GPU has been read",
        ("tests/collect/test_host.py",),
    ),
    Proof(
        "checks, controls and their answers",
        Level.REAL_SOFTWARE,
        "every check on known, unknown and strange facts, and on configuration that its tests write",
        "no cloud account has been read live",
        ("tests/test_contracts.py", "tests/assess/test_judge.py"),
    ),
    Proof(
        "reports",
        Level.REAL_SOFTWARE,
        "read back by the tests; HTML in a real browser, SARIF against a schema of the part that is used",
        "no code host has taken an upload",
        ("tests/assess/test_reports_contract.py", "tests/assess/test_reports_browser.py"),
    ),
    Proof(
        "secrets stay out of every output",
        Level.REAL_SOFTWARE,
        "a marked secret in configuration and plan, looked for in every format, the state and every message",
        "secrets that nothing marks as such",
        ("tests/cli/test_canary.py",),
    ),
    Proof(
        "snapshots in SQLite",
        Level.REAL_SOFTWARE,
        "written, read, torn and damaged by the tests",
        "",
        ("tests/store/test_snapshots.py",),
    ),
    Proof(
        "snapshots in PostgreSQL",
        Level.REAL_SOFTWARE,
        "a server that the test starts, where the machine has one",
        "one version of the server; not part of the ordinary test run",
        ("tests/integration/test_postgres.py",),
    ),
    Proof(
        "the 30/60/90-day plan",
        Level.REAL_SOFTWARE,
        "made from findings of the tests and from example estates",
        "no organisation has worked through one",
        ("tests/plan/test_ninety_days.py",),
    ),
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
"""Every capability of this build, in the order of its use."""
