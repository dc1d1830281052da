"""The Go programs beside this file, built outside of the checkout and kept for later runs."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class NoProgramError(Exception):
    """The program cannot be had on this machine; the text says why."""


def _home() -> Path:
    base = os.getenv("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "strongroom-tests"


def built(name: str) -> Path:
    """The program of the folder `name`; another one whenever its sources, its modules or the toolchain are others.

    Raises:
        NoProgramError: there is no Go toolchain, or the modules cannot be had.
    """
    go = shutil.which("go")
    if go is None:
        raise NoProgramError("no go on this machine: install the Go toolchain")
    # The toolchain that is there, and no other; go.sum says what the modules must be.
    run = ["env", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", "GOWORK=off", go]
    version = subprocess.run([*run, "version"], capture_output=True, check=True).stdout
    sources = sorted(p for p in (HERE / name).iterdir() if p.suffix in {".go", ".mod", ".sum"})
    key = hashlib.sha256(version + b"".join(hashlib.sha256(p.read_bytes()).digest() for p in sources)).hexdigest()[:16]
    program = _home() / f"{name}-{key}"
    if program.exists():
        return program
    fetched = subprocess.run([*run, "mod", "download"], cwd=HERE / name, capture_output=True, text=True, check=False)
    if fetched.returncode:
        raise NoProgramError(f"the modules of {name} cannot be had: {fetched.stderr.strip()[:300]}")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        fresh = Path(scratch) / name
        subprocess.run([*run, "build", "-buildvcs=false", "-o", str(fresh), "."], cwd=HERE / name, check=True)
        fresh.replace(program)
    return program
