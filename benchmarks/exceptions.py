"""Judge a stored snapshot again under an exceptions file, without reading any source.

Goal: 10,000 findings in at most 1 s from the start of the command to its end. The file has exact addresses, globs,
fingerprints, and entries that name nothing.
"""

import argparse
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

from measure import as_row, best, save, strongroom

from strongroom.app.exceptions_file import written
from strongroom.model.codes import Severity, Status
from strongroom.model.people import RiskException
from strongroom.model.snapshot import StoredFinding
from strongroom.store.snapshots import Store

CHECK = "net.notebook.direct-internet"
SIZES = (1_000, 10_000, 100_000)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def main() -> None:
    """Print one line a size, and write benchmarks/results/exceptions.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'findings':>9} {'exceptions':>11}  {'whole command':>14}  {'looking only':>14}")
    with tempfile.TemporaryDirectory() as scratch:
        rows.extend(one(n, Path(scratch)) for n in options.sizes)
    print(f"written: {save('exceptions', rows)}")


def finding(n: int) -> StoredFinding:
    """Every second one fails."""
    status = Status.FAIL if n % 2 else Status.PASS
    address = f"module.team{n % 50}.aws_sagemaker_notebook_instance.n[{n}]"
    because = "direct internet access is on"
    return StoredFinding(f"{n:032x}", CHECK, "NET-02", f"terraform:{address}", address, status, Severity.HIGH, because)


def exceptions(count: int) -> list[RiskException]:
    """A hundredth of the findings has an entry of its own; ten globs take a fifth of them; some name nothing."""
    said = {"owner": "Ada", "approver": "Grace", "reason": "a reason", "expires": date(2027, 1, 1)}
    exact = [
        RiskException("", False, check=CHECK, asset=finding(n).address, **said)  # type: ignore[arg-type]
        for n in range(1, count, 100)
    ]
    globs = [
        RiskException("", False, control="NET-02", asset=f"module.team{n}.*", **said)  # type: ignore[arg-type]
        for n in range(10)
    ]
    prints = [
        RiskException("", False, fingerprint=f"{n:032x}", **said)  # type: ignore[arg-type]
        for n in range(3, count, 500)
    ]
    idle = [
        RiskException("", False, check=CHECK, asset=f"gone.n[{n}]", **said)  # type: ignore[arg-type]
        for n in range(50)
    ]
    return [*exact, *globs, *prints, *idle]


def one(size: int, scratch: Path) -> dict[str, object]:
    """Measure one size: keeping and logging the outcome, and only looking."""
    state, file = scratch / f"state-{size}.db", scratch / f"exceptions-{size}.toml"
    with Store(str(state)) as store:
        store.add(AT, ["tf:x"], size, map(finding, range(size)))
    entries = exceptions(size)
    file.write_text("\n".join(map(written, entries)), encoding="utf-8")
    argv = [strongroom(), "exceptions", "apply", "--exceptions", str(file), "--state", str(state)]
    argv += ["--log", str(scratch / f"log-{size}"), "--at", "2026-03-02"]
    look = best([*argv, "--no-snapshot"], scratch, runs=3)
    best([strongroom(), "log", "init", "--log", str(scratch / f"log-{size}")], scratch, runs=1)
    began = perf_counter()
    whole = best(argv, scratch, runs=1)
    wall = round(perf_counter() - began, 2)
    print(f"{size:>9,} {len(entries):>11,}  {whole.cpu_s:>5.2f} s ({wall:.2f} s)  {look.cpu_s:>12.2f} s", flush=True)
    return {
        "findings": size,
        "exceptions": len(entries),
        "whole": as_row(whole),
        "wall_s": wall,
        "looking": as_row(look),
    }


if __name__ == "__main__":
    main()
