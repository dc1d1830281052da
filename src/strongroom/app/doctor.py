"""What this installation can do here, and what is missing for the rest."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strongroom.app.catalogue import catalogue, collectors, reports
from strongroom.app.proof import PROOFS

_DEVICES = (
    ("/dev/sev-guest", "evidence of an AMD SEV-SNP guest"),
    ("/dev/tdx_guest", "evidence of an Intel TDX guest"),
    ("/dev/tpmrm0", "TPM quotes"),
    ("/dev/nvidiactl", "live facts of NVIDIA GPUs"),
)


class Line(msgspec.Struct, frozen=True):
    """One thing that was looked at: `ok`, `missing` (it is not available here), `note`, or `proof` (see app/proof.py)."""

    state: str
    what: str
    detail: str


def examine(state: str) -> Iterator[Line]:
    """Every line of the examination; nothing is changed and no socket is opened."""
    yield Line("ok", "python", f"{platform.python_version()} at {sys.prefix}")
    known = catalogue()
    yield Line("ok", "catalogue", f"{len(known.controls)} controls, {len(known.checks)} checks")
    yield Line("ok", "sources", ", ".join(f"{s}:" for s in sorted(collectors())))
    yield Line("ok", "formats", ", ".join(["table", *sorted(reports())]))
    yield _state(state)
    yield _root()
    for path, gives in _DEVICES:
        if not Path(path).exists():
            yield Line("missing", path, f"does not exist here; it would give {gives}")
        else:
            yield Line("ok" if os.access(path, os.R_OK | os.W_OK) else "missing", path, gives)
    if importlib.util.find_spec("pynvml") is None:
        yield Line(
            "note", "nvidia-ml-py", "not installed; the host source then reads nvidia-smi and /proc/driver/nvidia"
        )
    if importlib.util.find_spec("cel") is None:
        yield Line("note", "common-expression-language", "not installed; rules of your own need it (the rules extra)")
    for p in PROOFS:
        yield Line("proof", p.level.value, p.capability.replace("`", ""))


def _state(state: str) -> Line:
    if "://" in state:
        return Line("note", "state", f"{state.partition('://')[0]} database, not opened")
    path = Path(state)
    parent = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    if os.access(parent, os.W_OK):
        return Line("ok", "state", f"{path}" + ("" if path.exists() else ", made with the first run"))
    return Line("missing", "state", f"{parent} cannot be written; use --state FILE or --no-snapshot")


def _root() -> Line:
    if os.geteuid() == 0:
        return Line("ok", "privilege", "root: the host source can read everything it asks for")
    detail = "not root: DMI serials, sshd -T, audit rules and the kernel log stay unknown"
    return Line("missing", "privilege", detail)
