"""A driver of NVIDIA's that is none: built once for each run of tests, given to processes by where they look for libraries."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from strongroom.isolate.scrubbing import judge_scrub, refusals
from strongroom.model.errors import GpuError
from strongroom.model.scrub import Failure, ScrubReport, ScrubVerdict
from strongroom.scrub import kernels
from strongroom.scrub.children import Child
from strongroom.scrub.wire import END, GO, SCRUB, Work

UUID = "GPU-12345678-1234-1234-1234-123456789012"
MIG_UUID = "MIG-11111111-2222-3333-4444-555555555555"
KEY = "07" * 16
_SOURCE = Path(__file__).with_name("fake_gpu.cpp")
_LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")


def built(folder: Path) -> Path:
    """The library, built from the package's own kernels; skips without a compiler or the bindings."""
    missing = [m for m in ("cuda.bindings.nvrtc", "pynvml") if not _there(m)]
    compiler = shutil.which("g++")
    if missing or compiler is None:
        pytest.skip(f"no {', '.join(missing) or 'g++'}: pip install 'strongroom[gpu]', apt-get install g++")
    (folder / "kernels.inc").write_text(kernels.text())
    library = folder / "libfake.so"
    argv = [compiler, "-O2", "-w", "-std=c++17", "-shared", "-fPIC", f"-I{folder}", "-o", library, _SOURCE, "-ldl"]
    subprocess.run(argv, check=True)
    return library


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def gpu(folder: Path, library: Path, **conf: object) -> Path:
    """A GPU in a folder of its own; `conf` is what it is like and which of its calls fail (`__` stands for a dot)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _LIBRARIES:
        if not (folder / name).exists():
            os.link(library, folder / name)
    lines = {"uuid": UUID, "granules": 64, **{k.replace("__", "."): v for k, v in conf.items()}}
    (folder / "fake.conf").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
    return folder


def scrubbed(folder: Path, uuid: str = UUID, seconds: float = 60.0) -> tuple[ScrubReport, ScrubVerdict]:
    """One scrub as the program does it, in a process of its own, and the verdict."""
    begun = ScrubReport(uuid=uuid, device="cuda")
    work = Work(verb=SCRUB, device="cuda", uuid=uuid, seconds=seconds, key=KEY, tags=("4c45414b4c45414b",))
    try:
        with Child(work, str(folder)) as child:
            standing = child.ask().standing
            assert standing is not None
            begun = ScrubReport(uuid=uuid, device="cuda", before=standing, bytes_total=standing.bytes_total)
            if refusals(uuid, standing):
                child.finish(END)
                return begun, judge_scrub(begun)
            child.say(GO)
            report = child.ask().report
            assert report is not None
            child.finish()
    except GpuError as e:
        report = ScrubReport(uuid=uuid, device="cuda", before=begun.before, failure=Failure("scrub", str(e)))
    return report, judge_scrub(report)


class Kernels:
    """The kernels as they were compiled for this machine, on memory of this process."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self.shared = (ctypes.c_ubyte * (4 * 4096))()

    def run(self, name: str, *arguments: object, grid: int = 3, threads: int = 64) -> list[int]:
        """One launch; what it told. Numbers are of 64 bits, unless they are ctypes of their own."""
        out = (ctypes.c_uint64 * kernels.PLACES)(*kernels.blank())
        held = [a if isinstance(a, ctypes._SimpleCData) else ctypes.c_uint64(a) for a in arguments]  # type: ignore[arg-type]
        held.append(ctypes.c_uint64(ctypes.addressof(out)))
        places = (ctypes.c_void_p * len(held))(*(ctypes.addressof(h) for h in held))
        status = self._library.host_launch(name.encode(), grid, threads, places, self.shared, 4096, 4)
        assert status == 0, name
        return list(out)
