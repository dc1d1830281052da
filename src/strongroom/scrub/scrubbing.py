"""One scrub: the same steps on every device. It tells what was done and found, and judges nothing.

Memory is read before it is written: zeros that are found after zeros were written show nothing about what was there. A
keyed pattern goes before the zeros: zeros alone cannot be told from memory that was never mapped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from strongroom.kit.scrub_pattern import WORD, entropy_millibits
from strongroom.model.errors import GpuError
from strongroom.model.scrub import (
    Audit,
    Block,
    Canary,
    Checked,
    Device,
    Failure,
    Pass,
    ScrubReport,
    Standing,
    Step,
    Sweep,
    Taken,
    Unreached,
    Until,
)

FLUSH = 2  # times the size of the L2 cache
Clock = Callable[[], float]
_LOOKS, _PAUSE = 5, 0.1

# What no allocation of a process is given: said in each report, so that none reads as the whole chip.
UNREACHED = (
    Unreached("rows that ECC took out of use"),
    Unreached("instruction, constant and texture caches"),
    Unreached("the shared memory that the hardware keeps for itself in each unit"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What chance and the caller give: the key of the pattern, tags that are looked for, how sparsely octets are sampled."""

    key: bytes
    tags: tuple[bytes, ...] = ()
    every: int = 4096


def deadline(clock: Clock, seconds: float) -> Until:
    """The seconds that are left, from now. It raises GpuError once there are none."""
    end = clock() + seconds

    def until(what: str) -> float:
        left = end - clock()
        if left <= 0:
            raise GpuError(what, f"no answer within {seconds:.0f} s", "an answer")
        return left

    return until


@dataclass(slots=True)
class _Run:
    device: Device
    asked: Asked
    until: Until
    clock: Clock
    report: ScrubReport
    step: str = "open"
    began: float = 0.0
    taken: Taken = field(default_factory=lambda: Taken((), 0, ""))

    def put(self, **changed: object) -> None:
        self.report = msgspec.structs.replace(self.report, **changed)

    def begin(self, step: str) -> None:
        self.step = step
        self.until(step)
        self.began = self.clock()

    def took(self) -> int:
        return round((self.clock() - self.began) * 1e6)

    def add(self, done: Pass | Sweep) -> None:
        if isinstance(done, Pass):
            self.put(passes=(*self.report.passes, done))
        else:
            self.put(sweeps=(*self.report.sweeps, done))


def scrub(
    device: Device,
    begun: ScrubReport,
    asked: Asked,
    until: Until,
    clock: Clock,
    pause: Callable[[float], None] = time.sleep,
) -> ScrubReport:
    """Do all steps on a device that was looked at. The device is closed, and looked at again."""
    run = _Run(device, asked, until, clock, begun)
    start = clock()
    try:
        _steps(run)
    except GpuError as e:
        run.put(failure=Failure(run.step, str(e)))
    finally:
        device.close()
    try:
        run.put(after=_gone(device, pause))
    except GpuError as e:
        run.put(failure=run.report.failure or Failure("look-after", str(e)))
    run.put(microseconds=round((clock() - start) * 1e6))
    return run.report


def _gone(device: Device, pause: Callable[[float], None]) -> Standing:
    """How it stands after. A driver may tell of a context for a moment after it is gone, so it is asked a few times."""
    for _ in range(_LOOKS):
        standing = device.look()
        if not standing.occupants:
            break
        pause(_PAUSE)
    return standing


def _steps(run: _Run) -> None:
    run.begin("open")
    gpu = run.device.open(run.until)
    run.put(gpu=gpu)
    # First: later there is no memory left that a larger stack could be backed by.
    _sweep(run, Step.LOCAL)
    run.begin("take")
    run.taken = taken = run.device.take()
    total = run.report.bytes_total
    rest = Unreached(
        "its own context, and what the driver and others hold", None if total is None else total - taken.bytes
    )
    run.put(granule=taken.granule, how=taken.how, bytes_taken=taken.bytes, unreached=(rest, *UNREACHED))
    _audit(run)
    _write(run, Step.PATTERN, lambda block: run.device.fill(block, run.asked.key))
    _flush(run, gpu.l2_bytes)
    _check(run, Step.CHECK_PATTERN, run.asked.key)
    _write(run, Step.ZERO, run.device.zero)
    _flush(run, gpu.l2_bytes)
    found = _check(run, Step.CHECK_ZERO, None)
    run.put(bytes_verified=max(0, found.bytes - WORD * found.wrong_words))
    _sweep(run, Step.SHARED)
    _sweep(run, Step.REGISTERS)


def _audit(run: _Run) -> None:
    run.begin(Step.AUDIT)
    found = Audit()
    for block in run.taken.blocks:
        run.until(run.step)
        found = joined(found, run.device.audit(block, run.asked.tags, run.asked.every), _start(run.taken, block))
    # How often which octet stood there is somebody's data; how mixed they were is not.
    without = msgspec.structs.replace(found, histogram=())
    run.put(audit=without, entropy_millibits=entropy_millibits(found.histogram))
    run.add(Pass(step=Step.AUDIT, bytes=found.bytes, microseconds=run.took()))


def _write(run: _Run, step: Step, write: Callable[[Block], int]) -> None:
    run.begin(step)
    done = 0
    for block in run.taken.blocks:
        run.until(step)
        done += write(block)
    run.add(Pass(step=step, bytes=done, microseconds=run.took()))


def _check(run: _Run, step: Step, key: bytes | None) -> Checked:
    run.begin(step)
    found = Checked()
    for block in run.taken.blocks:
        run.until(step)
        one = run.device.check(block, key)
        first = earlier(found.first, one.first, _start(run.taken, block))
        found = Checked(found.bytes + one.bytes, found.wrong_words + one.wrong_words, first)
    wrong, first = found.wrong_words, found.first
    run.add(Pass(step=step, bytes=found.bytes, wrong_words=wrong, first=first, microseconds=run.took()))
    return found


def _flush(run: _Run, cache: int) -> None:
    """Make what follows read memory, and not what the cache still holds of what was written."""
    run.begin("flush")
    done = run.device.flush(FLUSH * cache)
    run.put(flushed=(*run.report.flushed, done))


def _sweep(run: _Run, step: Step) -> None:
    run.begin(step)
    cover = run.device.sweep(step, run.asked.tags)
    run.add(Sweep(step=step, cover=cover, microseconds=run.took()))


def _start(taken: Taken, block: Block) -> int:
    """Where a block begins in all that was taken, by the numbers of its pages."""
    return block.page * taken.granule


def earlier(old: int | None, new: int | None, start: int) -> int | None:
    """The first of two places, of which the second counts from `start`."""
    if new is None:
        return old
    return start + new if old is None else min(old, start + new)


def joined(a: Audit, b: Audit, start: int) -> Audit:
    """Two audits as one; the second is of a block that begins at `start`."""
    mine = {c.tag: c for c in a.canaries}
    for c in b.canaries:
        old = mine.get(c.tag, Canary(c.tag, 0))
        mine[c.tag] = Canary(c.tag, old.words + c.words, earlier(old.first, c.first, start))
    longest = max(len(a.histogram), len(b.histogram))
    mixed = zip(_wide(a.histogram, longest), _wide(b.histogram, longest), strict=True)
    return Audit(
        a.bytes + b.bytes,
        a.residual_words + b.residual_words,
        earlier(a.first, b.first, start),
        tuple(mine.values()),
        tuple(x + y for x, y in mixed),
    )


def _wide(histogram: tuple[int, ...], length: int) -> tuple[int, ...]:
    return histogram + (0,) * (length - len(histogram))
