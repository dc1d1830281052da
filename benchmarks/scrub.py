"""A scrub beside the write rate of the same memory, measured in the same run; and how much of all memory it reached.

Goals: at least 85 % of that rate for a writing pass, more than 98 % of all memory, five passes. Without `--gpu` it runs on an
emulated card: memory of a file in tmpfs, one thread of Python. That measures the CPU path, and says nothing of a GPU. With
`--gpu UUID` the rate is that of the driver's own memset (cuMemsetD32) over a buffer of a quarter of the free memory.
"""

import argparse
import ctypes
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import save

from strongroom.app import scrub as app
from strongroom.app.log import Appended, now
from strongroom.app.scrub import Asked, Desk, Scrubbed, emulate
from strongroom.model.log import LogEntry

GOAL, REACHED = 0.85, 98.0
WRITES = ("pattern", "zero")
Row = dict[str, object]


class Nowhere:
    """A log that takes entries and keeps none: the disk is not what is measured."""

    def record(self, _: LogEntry) -> Appended:
        """Taken."""
        return Appended(0, b"", (), b"")


def memory_rate(folder: Path, octets: int) -> float:
    """Octets a second that this machine writes into shared memory of a file, once it is there."""
    path = folder / "rate"
    path.write_bytes(bytes(octets))
    piece = bytes(64 << 10)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as held:
        took = []
        for _ in range(4):  # the first maps the pages, which is not writing
            begun = time.perf_counter()
            for at in range(0, octets, len(piece)):
                held[at : at + len(piece)] = piece
            took.append(time.perf_counter() - begun)
    path.unlink()
    return octets / min(took)


def memset_rate(uuid: str) -> float:
    """Octets a second of the driver's memset, in a process of its own, so that nothing of it is left."""
    argv = [sys.executable, __file__, "--memset"]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": uuid}
    return float(subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout)


def memset() -> float:
    """The driver's memset over a quarter of the free memory, the best of ten."""
    from cuda.bindings import driver  # noqa: PLC0415 - of the extra, and of this process alone

    def call(result: tuple[object, ...]) -> object:
        if int(result[0]):  # type: ignore[call-overload]
            raise SystemExit(f"cuda: {result[0]}")
        return result[1] if len(result) == 2 else result[1:]

    call(driver.cuInit(0))
    call(driver.cuCtxSetCurrent(call(driver.cuDevicePrimaryCtxRetain(call(driver.cuDeviceGet(0))))))
    free, _ = call(driver.cuMemGetInfo())  # type: ignore[misc]
    octets = free // 4 // 4 * 4
    address = call(driver.cuMemAlloc(octets))
    rates = []
    for _ in range(10):
        begun = time.perf_counter()
        call(driver.cuMemsetD32(address, 0, octets // ctypes.sizeof(ctypes.c_uint32)))
        call(driver.cuCtxSynchronize())
        rates.append(octets / (time.perf_counter() - begun))
    return max(rates)


def scrubbed(asked: Asked, folder: Path) -> Scrubbed:
    """One scrub as the program does it."""
    return app.scrub(asked, Desk(Nowhere(), folder, now))[0]


def main() -> None:
    """Print the figures, and write benchmarks/results/scrub.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gpu", help="a GPU by UUID; without, an emulated card")
    parser.add_argument("--mib", type=int, default=64, help="of the emulated card")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memset", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memset:
        print(memset())
        return
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as scratch:
        folder = Path(scratch)
        if options.gpu:
            asked = Asked((options.gpu,), "cuda", {})
        else:
            emulate(folder / "card", "CPU-1", options.mib, keeps=False)
            asked = Asked(("CPU-1",), "cpu", {"card": str(folder / "card")})
        rates, found = [], []
        for _ in range(options.rounds):  # interleaved, so that a slow moment is slow for both
            rates.append(memset_rate(options.gpu) if options.gpu else memory_rate(folder, options.mib << 20))
            found.append(scrubbed(asked, folder / "reports"))
    print(f"written: {save('scrub', rows(rates, found, on_gpu=bool(options.gpu)))}")


def rows(rates: list[float], found: list[Scrubbed], *, on_gpu: bool) -> list[Row]:
    """What is said: each pass beside the rate, and what was reached."""
    rate = statistics.median(rates)
    report = found[-1].report
    assert all(s.good for s in found), found[-1].verdict.reasons
    where = report.gpu.method if on_gpu and report.gpu else "emulated card, CPU path: no figure of a GPU"
    made: list[Row] = []
    for n, p in enumerate(report.passes):
        octets = statistics.median(
            s.report.passes[n].bytes / max(1e-6, s.report.passes[n].microseconds / 1e6) for s in found
        )
        row: Row = {
            "what": f"pass: {p.step}",
            "where": where,
            "MB_s": round(octets / 1e6),
            "of_write_rate": round(octets / rate, 3),
        }
        if p.step in WRITES:
            row |= {"goal": GOAL, "met": octets / rate >= GOAL}
        made.append(row)
        print(f"{p.step:<14} {octets / 1e6:10,.0f} MB/s, {octets / rate:6.3f} of the write rate")
    share = 100 * report.bytes_taken / (report.bytes_total or 1)
    took = statistics.median(s.report.microseconds for s in found) / 1e6
    made += [
        {"what": "write rate of the same memory", "where": where, "MB_s": round(rate / 1e6)},
        {"what": "memory reached", "where": where, "octets": report.bytes_verified, "of": report.bytes_total,
         "percent": round(share, 2), "goal": REACHED, "met": share > REACHED},
        {"what": "whole scrub", "where": where, "passes": len(report.passes), "seconds": round(took, 3)},
    ]  # fmt: skip
    print(
        f"write rate     {rate / 1e6:10,.0f} MB/s\nreached        {share:10.2f} %, {len(report.passes)} passes, {took:.2f} s ({where})"
    )
    return made


if __name__ == "__main__":
    main()
