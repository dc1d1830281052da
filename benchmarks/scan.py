"""Scanners of models side by side: what each flags of attacks, what of harmless files, and how fast it is.

The corpora are the recorded ones beside the checkout, those that the tests mint, and files that real libraries write. An
attack counts as found when it is not called safe; for ours, `unreadable` refuses, and is shown apart. The peers are
picklescan, fickling and modelaudit, in an environment of their own ($SEAL_PEERS, or in the cache).
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import save, strongroom

ROOT = Path(__file__).parent.parent
for folder in ("collect", "seal"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import artifact_files as files  # noqa: E402 - from the tests
import scan_minting as mint  # noqa: E402 - same

PEERS = ("picklescan", "fickling", "modelaudit")
_HARMLESS = ("benign", "safe_", "new_pytorch_model", "pytorch_model.bin")
_NEITHER = ("broken_model", "not_a_pickle", "bad_pytorch")


def main() -> None:
    """Print the tables, and write benchmarks/results/scan.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mib", type=int, default=16, help="size of the pickle and of the checkpoint for the speed")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        corpora = gather(Path(scratch))
        names = ("ours", *(p for p in PEERS if python() is not None))
        for corpus, attacks, harmless in corpora:
            for name in names:
                rows.append(score(name, corpus, attacks, harmless, Path(scratch)))
                show(rows[-1])
        rows += speeds(Path(scratch), options.mib, names)
    print(f"written: {save('scan', rows)}")


def python() -> Path | None:
    """The Python of the peers, where there is one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(os.environ.get("SEAL_PEERS") or cache / "strongroom-tests/seal-peers") / "bin/python"
    return found if found.exists() else None


def gather(scratch: Path) -> list[tuple[str, list[Path], list[Path]]]:
    """Corpora: a name, the files that attack, and those that do not."""
    found = []
    vectors = ROOT / "../shared/vectors/seal/pickle"
    for name in ("picklescan", "modelaudit"):
        every = [p.resolve() for p in sorted((vectors / name).rglob("*")) if p.is_file() and "jinja2" not in p.parts]
        harmless = [p for p in every if p.name.startswith(_HARMLESS)]
        attacks = [p for p in every if p not in harmless and not p.name.startswith(_NEITHER)]
        if every:
            found.append((f"{name} samples", attacks, harmless))
    minted = scratch / "minted"
    attacks = [put(minted / f"attack/{form}.pkl", data) for form, data in mint.MALICIOUS.items()]
    attacks += [put(minted / f"attack/{n}", d) for n, d in mint.STREAMS.items()]
    attacks += [put(minted / "attack/checkpoint.pt", files.checkpoint(evil=True))]
    attacks += [put(minted / "attack/flag.pt", mint.flagged(files.checkpoint(evil=True), 1))]
    attacks += [put(minted / "attack/hidden.zip", mint.hidden_entry(mint.EVIL))]
    harmless = [put(minted / f"harmless/{form}.pkl", data) for form, data in mint.SAFE.items()]
    harmless += [put(minted / "harmless/checkpoint.pt", files.checkpoint())]
    found.append(("minted forms", attacks, harmless))
    if python() is not None:
        real = scratch / "real"
        subprocess.run([str(python()), str(ROOT / "benchmarks/_scan_peers.py"), "make", str(real)], check=True)
        found.append(("real libraries", sorted((real / "attack").iterdir()), sorted((real / "harmless").iterdir())))
    return found


def put(path: Path, data: bytes) -> Path:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def ask(name: str, paths: list[Path], scratch: Path) -> tuple[dict[str, str], float]:
    """What a scanner says of each file, and the seconds that it took, its start left out where it is a library."""
    if name != "ours":
        words = [str(python()), str(ROOT / "benchmarks/_scan_peers.py"), "ask", name]
        done = subprocess.run(words, input="\n".join(map(str, paths)), capture_output=True, text=True, check=True)
        said = json.loads(done.stdout)
        return said["said"], said["seconds"]
    folder = Path(tempfile.mkdtemp(dir=scratch))
    linked = {}
    for n, path in enumerate(paths):
        (folder / f"{n}").mkdir()
        (folder / f"{n}/{path.name}").hardlink_to(path) if path.is_relative_to(scratch) else put(
            folder / f"{n}/{path.name}", path.read_bytes()
        )
        linked[f"{n}/{path.name}"] = str(path)
    begin = time.perf_counter()
    done = subprocess.run(
        [strongroom(), "seal", "scan", str(folder), "--format", "jsonl"], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begin
    verdicts = {linked[row["path"]]: row["verdict"] for row in map(json.loads, done.stdout.splitlines())}
    words_of = {"safe": "", "unreadable": "unread"}
    return {path: words_of.get(v, "flagged") for path, v in verdicts.items()}, seconds


def score(name: str, corpus: str, attacks: list[Path], harmless: list[Path], scratch: Path) -> dict[str, object]:
    """One row: how many attacks are found, and how many harmless files are flagged."""
    said, _ = ask(name, [*attacks, *harmless], scratch)
    return {
        "what": corpus,
        "scanner": name,
        "attacks": len(attacks),
        "found": sum(said.get(str(p)) == "flagged" for p in attacks),
        "attacks_unread": sum(said.get(str(p)) == "unread" for p in attacks),
        "harmless": len(harmless),
        "flagged": sum(said.get(str(p)) == "flagged" for p in harmless),
        "harmless_unread": sum(said.get(str(p)) == "unread" for p in harmless),
        "missed": [p.name for p in attacks if not said.get(str(p))][:30],
        "false": [p.name for p in harmless if said.get(str(p))][:30],
    }


def show(row: dict[str, object]) -> None:
    """Print a row."""
    print(
        f"{row['what']:20} {row['scanner']:11} found {row['found']:>3}/{row['attacks']:<3} unread {row['attacks_unread']:>2}"
        f"   false {row['flagged']:>2}/{row['harmless']:<3} unread {row['harmless_unread']:>2}"
    )


def speeds(scratch: Path, mib: int, names: tuple[str, ...]) -> list[dict[str, object]]:
    """How fast each is: on many small files, on one pickle of many values, on one checkpoint of raw tensors."""
    words = [{"id": n, "text": f"word {n}", "weight": n / 7} for n in range(mib * 20_000)]
    big = put(scratch / "speed/values.pkl", pickle.dumps(words, 4))
    raw = files.packed({"m/data.pkl": files.torch_pickle(), "m/version": b"3\n", "m/data/0": bytes(max(16, mib << 24))})
    checkpoint = put(scratch / "speed/checkpoint.pt", raw)
    small = [put(scratch / f"speed/small/{n}.pkl", pickle.dumps({"n": n, "w": [0.5] * 50}, 4)) for n in range(500)]
    rows: list[dict[str, object]] = []
    for what, paths in (("500 small files", small), ("one pickle", [big]), ("one checkpoint", [checkpoint])):
        size = sum(p.stat().st_size for p in paths)
        for name in names:
            _, seconds = ask(name, paths, scratch)
            rows.append({
                "what": what, "scanner": name, "bytes": size, "seconds": round(seconds, 3),
                "gb_per_s": round(size / seconds / 1e9, 4), "files_per_s": round(len(paths) / seconds, 1),
            })  # fmt: skip
            print(
                f"{what:20} {name:11} {seconds:8.2f} s {size / seconds / 1e9:8.3f} GB/s {len(paths) / seconds:9.1f} files/s"
            )
    return rows


if __name__ == "__main__":
    main()
