"""How long the command takes to start, and how large an installation is.

Goals: `--help` in at most 150 ms CPU with compiled bytecode; the core at most 140 MB in at most 25 distributions.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from measure import as_row, best, cost, save, strongroom

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print the figures, and write benchmarks/results/start.json."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch)
        bare = best([sys.executable, "-c", "pass"], where, runs=15)
        for words in (["--version"], ["--help"], ["assess", "--help"], ["controls"]):
            ours = best([strongroom(), *words], where, runs=15)
            rows.append({"command": " ".join(words), "strongroom": as_row(ours), "python": as_row(bare)})
            print(
                f"strongroom {' '.join(words):<14} {ours.cpu_s * 1000:>5.0f} ms CPU (python alone {bare.cpu_s * 1000:.0f} ms)"
            )
        rows.append(installed(where))
    print(f"written: {save('start', rows)}")


def installed(where: Path) -> dict[str, object]:
    """Install the package alone into a fresh environment and weigh what it brought."""
    home = where / "fresh"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    before = size(home)
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    listing = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    names = [line.partition("==")[0] for line in listing.stdout.split() if not line.startswith(("pip=", "setuptools="))]
    grown = (size(home) - before) / 1e6
    first = cost([str(home / "bin" / "strongroom"), "--version"], where)
    print(f"installed: {grown:.0f} MB in {len(names)} distributions; first start {first.cpu_s * 1000:.0f} ms CPU")
    return {"installed_mb": round(grown, 1), "distributions": len(names), "names": names}


def size(folder: Path) -> int:
    """The bytes below a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


if __name__ == "__main__":
    main()
