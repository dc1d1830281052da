"""Run by the Python of the peers: makes files with real libraries, or asks one peer of every file of a list.

`make FOLDER` writes FOLDER/attack and FOLDER/harmless. `ask PEER` reads paths from standard input, and prints JSON: the
paths that it flags, those that it cannot read, and the seconds that it took.
"""

import contextlib
import io
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path


class Runs:
    """Pickled, it calls a function when it is loaded."""

    def __reduce__(self):  # noqa: ANN204 - whatever a pickler takes
        return os.system, ("true",)


def make(folder: Path) -> None:
    """Files as numpy, joblib, dill and cloudpickle write them."""
    import cloudpickle  # noqa: PLC0415 - only where the peers are
    import dill  # noqa: PLC0415 - same
    import joblib  # noqa: PLC0415 - same
    import numpy as np  # noqa: PLC0415 - same

    good, bad = folder / "harmless", folder / "attack"
    good.mkdir(parents=True)
    bad.mkdir()
    a = np.arange(120, dtype="f4").reshape(10, 12)
    model = {"w": a, "b": a.astype("i8"), "scale": np.float64(2.5), "names": ["x", "y"], "mask": a > 5}
    for protocol in range(6):
        (good / f"arrays-{protocol}.pkl").write_bytes(pickle.dumps(model, protocol))
        (bad / f"reduce-{protocol}.pkl").write_bytes(pickle.dumps([model, Runs()], protocol))
    (good / "generator.pkl").write_bytes(pickle.dumps(np.random.RandomState(1), 4))
    (good / "masked.pkl").write_bytes(pickle.dumps(np.ma.masked_array(a, a > 3), 4))
    (good / "structured.pkl").write_bytes(pickle.dumps(np.zeros(3, dtype=[("a", "f4"), ("b", "U4")]), 4))
    np.save(good / "a.npy", a)
    np.savez(good / "a.npz", **{k: np.asarray(v) for k, v in model.items() if k != "names"})
    np.savez_compressed(good / "compressed.npz", a=a)
    np.save(good / "objects.npy", np.array([{"a": 1}, None, "x"], dtype=object), allow_pickle=True)
    np.save(bad / "objects.npy", np.array([Runs(), None], dtype=object), allow_pickle=True)
    for compress in (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        word = compress[0] if compress else "plain"
        joblib.dump(model, good / f"{word}.joblib", compress=compress)
        joblib.dump([model, Runs()], bad / f"{word}.joblib", compress=compress)
    for library in (dill, cloudpickle):
        (good / f"{library.__name__}.pkl").write_bytes(library.dumps({"a": [1, 2], "w": a}))
        (bad / f"{library.__name__}.pkl").write_bytes(library.dumps(Runs()))


def picklescan(path: str) -> str:
    """`flagged`, `unread` or nothing."""
    from picklescan.scanner import scan_file_path  # noqa: PLC0415 - only where it is

    found = scan_file_path(path)
    return "flagged" if found.issues_count else "unread" if found.scan_err else ""


def fickling(path: str) -> str:
    """`flagged`, `unread` or nothing."""
    from fickling.analysis import Severity, check_safety  # noqa: PLC0415 - only where it is
    from fickling.fickle import StackedPickle  # noqa: PLC0415 - same

    with Path(path).open("rb") as f:
        worst = max((check_safety(p).severity for p in StackedPickle.load(f)), default=None)
    return "unread" if worst is None else "flagged" if worst > Severity.LIKELY_SAFE else ""


def modelaudit(paths: list[str]) -> dict[str, str]:
    """The answers for all files at once: it is a program."""
    words = [
        str(Path(sys.executable).parent / "modelaudit"),
        "scan",
        "--format",
        "json",
        "--quiet",
        "--no-cache",
        *paths,
    ]
    done = subprocess.run(words, capture_output=True, check=False, env={**os.environ, "NO_ANALYTICS": "1"})
    said = json.loads(done.stdout[done.stdout.index(b"{") :])
    flagged = {}
    for issue in said.get("issues", []):
        if issue.get("severity") in ("critical", "warning"):
            place = str(issue.get("location", ""))
            for path in paths:
                if place.startswith(path):
                    flagged[path] = "flagged"
    return flagged


def ask(peer: str, paths: list[str]) -> None:
    """Print what a peer says of every file."""
    said: dict[str, str] = {}
    if peer == "modelaudit":
        begin = time.perf_counter()
        said = modelaudit(paths)
    else:
        one = {"picklescan": picklescan, "fickling": fickling}[peer]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            one(paths[0])  # its imports are no part of its speed
        begin = time.perf_counter()
        for path in paths:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    said[path] = one(path)
            except Exception as e:  # noqa: BLE001 - whatever a peer raises, it could not read the file
                said[path] = "unread" if e else ""
    print(json.dumps({"said": said, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        ask(sys.argv[2], sys.stdin.read().split("\n"))
