"""CPU seconds and peak memory of a command and of everything that it started."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

_WRAP = (
    "import json,os,resource,subprocess,sys;"
    "p=subprocess.run(sys.argv[2:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
    "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
    "open(sys.argv[1],'w').write(json.dumps([p.returncode,u.ru_utime+u.ru_stime,u.ru_maxrss/1024]))"
)


@dataclass(frozen=True)
class Cost:
    """What one run cost: its exit status, CPU seconds (user and system), and peak resident MiB of one process."""

    status: int
    cpu_s: float
    peak_mib: float


def cost(argv: list[str], scratch: Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command once, in a process of its own so that its children's usage is its alone."""
    note = scratch / "usage.json"
    subprocess.run(
        [sys.executable, "-c", _WRAP, str(note), *argv], check=True, env={**os.environ, **(environment or {})}
    )
    status, cpu, peak = json.loads(note.read_text())
    return Cost(status, round(cpu, 3), round(peak, 1))


def best(argv: list[str], scratch: Path, runs: int) -> Cost:
    """The cheapest of several runs: noise only ever adds."""
    return min((cost(argv, scratch) for _ in range(runs)), key=lambda c: c.cpu_s)


def peer(name: str, variable: str) -> str | None:
    """The path of a peer's command: from the environment variable, or from PATH; None when it is not installed."""
    return os.environ.get(variable) or shutil.which(name)


def strongroom() -> str:
    """The command of this environment."""
    return str(Path(sys.executable).with_name("strongroom"))


def save(name: str, rows: list[dict[str, object]]) -> Path:
    """Write the figures with the machine that they were measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform(terse=True)}
    path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    return path


def as_row(c: Cost) -> dict[str, object]:
    """A cost as a JSON object."""
    return dict(asdict(c))
