"""Signing a model in the format of OpenSSF Model Signing, beside model-signing in the same run: one file, and many.

Goal: at least as fast. Both hash with SHA-256 and sign with the same key on P-384, file by file; the octets lie in memory.
The command is all that a user waits for; the library is signing alone, in a process that has loaded everything.
The peer is a virtual environment with model-signing and pyopenssl in it: SEAL_PEERS, or the folder that tests keep.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from measure import save, strongroom

BLOCK = 16 << 20
_OURS = """
import sys, time
from datetime import UTC, datetime
from strongroom.app.seal_sign import SignOptions, sign
from strongroom.app.seal_signers import SignerWords, opened
model, signature, key = sys.argv[1:4]
begun = time.perf_counter()
with opened(SignerWords(key), datetime.now(UTC)) as signer:
    bundle = sign(model, (signer,), SignOptions((signature,))).bundles[0]
open(signature, "wb").write(bundle)
print(time.perf_counter() - begun)
"""
_PEER = """
import sys, time
from model_signing import hashing, signing
model, signature, key = sys.argv[1:4]
begun = time.perf_counter()
how = hashing.Config().use_file_serialization(hashing_algorithm="sha256")
signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(how).sign(model, signature)
print(time.perf_counter() - begun)
"""


def peers() -> Path | None:
    """The folder of the peer's programs; None where it is not installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(os.environ.get("SEAL_PEERS") or cache / "strongroom-tests/seal-peers") / "bin"
    return found if (found / "model_signing").exists() else None


def make(folder: Path, files: int, size: int) -> None:
    """A model of random octets; each file is another."""
    folder.mkdir()
    for n in range(files):
        block = os.urandom(min(BLOCK, size))
        with (folder / f"part-{n:04}.safetensors").open("wb") as f:
            for _ in range(size // len(block)):
                f.write(block)


def wall(argv: list[str]) -> float:
    """Seconds by the clock on the wall of a command that succeeds."""
    begun = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - begun


def told(argv: list[str]) -> float:
    """The seconds that a program prints."""
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[-1])


def measure(folder: Path, scratch: Path, key: str, runs: int) -> dict[str, float]:
    """The least seconds of each side, which take turns so that noise meets both: it only ever adds."""
    bin_, out = peers(), str(scratch / "signature")
    words = [str(folder), out, key]
    ours = [strongroom(), "seal", "sign", str(folder), "--key", key, "--signature", out]
    sides = {
        "strongroom command": lambda: wall(ours),
        "strongroom library": lambda: told([sys.executable, "-c", _OURS, *words]),
    }
    if bin_ is not None:
        theirs = [str(bin_ / "model_signing"), "sign", "key", str(folder), "--private_key", key, "--signature", out]
        sides["model-signing command"] = lambda: wall(theirs)
        sides["model-signing library"] = lambda: told([str(bin_ / "python"), "-c", _PEER, *words])
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, run in sides.items():
            seconds[side].append(run())
    return {side: min(found) for side, found in seconds.items()}


def main() -> None:
    """Print the figures of both sides, and write benchmarks/results/oms.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gib", type=float, default=2, help="of each model")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="where the models are made")
    options = parser.parse_args()
    private = ec.generate_private_key(ec.SECP384R1())
    rows: list[dict[str, object]] = []
    if peers() is None:
        print("model-signing is not installed: SEAL_PEERS names the virtual environment that has it")
    for files in (1, 64):
        with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
            key = Path(scratch) / "key.pem"
            key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            model, size = Path(scratch) / "model", int(options.gib * (1 << 30)) // files
            make(model, files, size)
            found = measure(model, Path(scratch), str(key), options.runs)
        for side, seconds in found.items():
            row = {"files": files, "bytes": files * size, "side": side, "wall_s": round(seconds, 3)}
            rows.append({**row, "gb_per_s": round(files * size / seconds / 1e9, 2)})
            print(json.dumps(rows[-1]))
        for what in ("command", "library"):
            if f"model-signing {what}" in found:
                ratio = found[f"model-signing {what}"] / found[f"strongroom {what}"]
                print(f"{files} files, {what}: {ratio:.2f} times the speed of model-signing (goal: 1)")
                rows.append({"files": files, "what": what, "ratio": round(ratio, 2)})
    print(f"written: {save('oms', rows)}")


if __name__ == "__main__":
    main()
