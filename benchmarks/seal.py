"""Sealing, opening and loading, beside cp, age, tensorizer, cryptotensors and plain safetensors: one file, in one run.

Rounds are interleaved, and the median of each counts. Everything lies in memory (tmpfs), so that no disk is measured.
Goals: seal and unseal at least 0.85 of cp, 1.7 times age -e, 2.2 times age -d; load at least 2 times tensorizer encrypted
and 1.3 times cryptotensors; one tensor of 16 MiB within 5 ms whatever the size; new slots within 50 ms with the payload
as it was; memory at most 64 MiB and the destination. Peers: SEAL_PEERS, or the folder that tests keep.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _seal_sides import warm
from measure import save, strongroom

MIB = 1 << 20
TENSOR = 16 * MIB
SIDES = Path(__file__).with_name("_seal_sides.py")


def peers() -> Path | None:
    """The interpreter of the peers' environment; None where it is not installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(os.environ.get("SEAL_PEERS") or cache / "strongroom-tests/seal-peers") / "bin/python"
    return found if found.exists() else None


def make(path: Path, size: int) -> None:
    """A file of safetensors with tensors of 16 MiB of random octets."""
    count = size // TENSOR
    names = {
        f"layer.{n:06}": {"dtype": "U8", "shape": [TENSOR], "data_offsets": [n * TENSOR, (n + 1) * TENSOR]}
        for n in range(count)
    }
    head = json.dumps(names).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as f:
        f.write(len(head).to_bytes(8, "little") + head)
        for _ in range(count):
            f.write(os.urandom(TENSOR))


def command(argv: list[str], folder: Path, *gone: str) -> float:
    """Seconds of a command; the files that it makes are removed before."""
    for name in gone:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).unlink(missing_ok=True)
    warm((folder / "model.safetensors").stat().st_size)
    begun = time.perf_counter()
    subprocess.run(argv, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def side(name: str, python: str, source: Path, folder: Path) -> dict[str, float]:
    """The steps of one side. Nothing where it fails: the reason is shown."""
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    done = subprocess.run(
        [python, str(SIDES), name, str(source), str(scratch)], capture_output=True, text=True, check=False
    )
    shutil.rmtree(scratch)
    if done.returncode:
        print(f"{name}: did not run: {done.stderr.strip().splitlines()[-1][:200]}", file=sys.stderr)
        return {}
    return {f"{name} {step}": s for step, s in json.loads(done.stdout.splitlines()[-1]).items()}


def one_round(folder: Path, source: Path, python: Path | None) -> dict[str, float]:
    """Each side once."""
    ours, found = strongroom(), {}
    found["cp"] = command(["cp", source.name, "cp"], folder, "cp")
    (folder / "cp").unlink()
    if shutil.which("age"):
        found["age -e"] = command(["age", "-R", "age.pub", "-o", "age", source.name], folder, "age")
        found["age -d"] = command(["age", "-d", "-i", "age.key", "-o", "age.out", "age"], folder, "age.out")
        (folder / "age").unlink()
        (folder / "age.out").unlink()
    create = [ours, "seal", "create", source.name, "command", "--to", "me.pub", "--no-scan", "--no-bom"]
    found["command seal"] = command(create, folder, "command")
    found["command open"] = command([ours, "seal", "open", "command", "out", "--identity", "me.id"], folder, "out")
    (folder / "out").unlink()
    found.update(side("ours", sys.executable, source, folder))
    for name in ("tensorizer", "cryptotensors", "safetensors") if python else ():
        found.update(side(name, str(python), source, folder))
    return found


def rewrapped(folder: Path) -> dict[str, object]:
    """Seconds of new slots, without the process that is started for them, and whether the payload is what it was."""
    payload = folder / "command/payload/000000.floe"
    before = hashlib.file_digest(payload.open("rb"), "sha256").hexdigest()
    text = (
        "import sys,time;from datetime import UTC,datetime;from pathlib import Path\n"
        "from strongroom.app import seal_rewrap as r,seal_unlock as u,seal_slots as s\n"
        "from strongroom.app.log import Log,Place,create\n"
        "p=Place('log',(),None);create(p)\n"
        "a=r.Asked(Path('command'),u.Way(('me.id',)),s.Wanted(('other.pub',)))\n"
        "h=u.Hands(lambda:datetime.now(UTC),lambda _:None)\n"
        "with Log.open(p,offline=True) as log:\n"
        "    t=time.perf_counter();r.rewrap(a,h,log,None);print(time.perf_counter()-t)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=folder, check=True, capture_output=True, text=True)
    after = hashlib.file_digest(payload.open("rb"), "sha256").hexdigest()
    return {"seconds": float(done.stdout), "payload unchanged": before == after}


def peak(folder: Path, source: Path) -> dict[str, float]:
    """Peak resident MiB of the commands that seal and open."""
    ours, found = strongroom(), {}
    wrap = (
        "import resource,subprocess,sys;subprocess.run(sys.argv[1:],check=True,stdout=-3,stderr=-3);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    for name, argv in (
        ("start", [ours, "seal", "inspect", "command"]),
        ("seal", [ours, "seal", "create", source.name, "again", "--to", "me.pub", "--no-scan", "--no-bom"]),
        ("open", [ours, "seal", "open", "again", "out", "--identity", "me.id"]),
    ):
        done = subprocess.run(
            [sys.executable, "-c", wrap, *argv], cwd=folder, check=True, capture_output=True, text=True
        )
        found[name] = round(float(done.stdout), 1)
    shutil.rmtree(folder / "again")
    (folder / "out").unlink()
    return found


GOALS = (
    ("ours seal / cp", "cp", "ours seal", 0.85),
    ("ours unseal / cp", "cp", "ours unseal", 0.85),
    ("command seal / cp", "cp", "command seal", 0.85),
    ("command open / cp", "cp", "command open", 0.85),
    ("command seal / age -e", "age -e", "command seal", 1.7),
    ("command open / age -d", "age -d", "command open", 2.2),
    ("load / tensorizer encrypted", "tensorizer load", "ours load", 2.0),
    ("load / cryptotensors", "cryptotensors load", "ours load", 1.3),
)


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default="/dev/shm" if Path("/dev/shm").is_dir() else None)
    args = parser.parse_args()
    size = int(args.gib * 1024) * MIB
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as made:
        folder = Path(made)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        source = folder / "model.safetensors"
        make(source, size)
        for name in ("me", "other"):
            keygen = [strongroom(), "seal", "keygen", "-o", f"{name}.id"]
            (folder / f"{name}.pub").write_bytes(
                subprocess.run(keygen, cwd=folder, check=True, capture_output=True).stdout
            )
        if shutil.which("age-keygen"):
            told = subprocess.run(
                ["age-keygen", "-o", "age.key"], cwd=folder, check=True, capture_output=True, text=True
            )
            (folder / "age.pub").write_text(told.stderr.rpartition(": ")[2])
        rounds = [one_round(folder, source, peers()) for _ in range(args.rounds)]
        medians = {n: statistics.median(r[n] for r in rounds if n in r) for n in rounds[0]}
        print(f"{args.gib} GiB, median of {args.rounds} rounds")
        for name, seconds in medians.items():
            one = name.endswith("one tensor")
            shown = f"{seconds * 1e3:8.2f} ms" if one else f"{seconds:8.3f} s  {size / seconds / 1e9:6.2f} GB/s"
            print(f"  {name:28} {shown}")
            rows.append({"what": name, "seconds": round(seconds, 6), "octets": TENSOR if one else size})
        for name, peer, mine, goal in GOALS:
            if peer not in medians:
                print(f"  {name:32} not measured: no {peer}")
                continue
            ratio = medians[peer] / medians[mine]
            print(f"  {name:32} {ratio:5.2f}  goal {goal}  {'met' if ratio >= goal else 'MISSED'}")
            rows.append({"what": name, "ratio": round(ratio, 3), "goal": goal})
        again = rewrapped(folder)
        print(f"  new slots {again['seconds'] * 1e3:.1f} ms, payload unchanged: {again['payload unchanged']}")  # type: ignore[operator]
        memory = peak(folder, source)
        print(f"  peak MiB: {memory}")
        rows += [{"what": "rewrap", **again}, {"what": "peak MiB", **memory}]
    print(save("seal", rows))


if __name__ == "__main__":
    main()
