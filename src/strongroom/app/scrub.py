"""Scrub GPUs and test whether they leak: a process that has the GPU, a judge, and the log, which has it before it counts."""

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.app import scrub_log
from strongroom.app.log_default import beside
from strongroom.app.scrub_log import Kept, Writer
from strongroom.isolate.scrubbing import TERMS, Terms, judge_leak, judge_scrub, named, refusals
from strongroom.kit.scrub_pattern import KEY_SIZE, MOST_TAGS, TAG_SIZE
from strongroom.model.errors import BadUsage, GpuError
from strongroom.model.scrub import (
    Case,
    Failure,
    LeakReport,
    LeakVerdict,
    Outcome,
    Remains,
    ScrubReport,
    ScrubVerdict,
    Standing,
)
from strongroom.scrub import emulated, matrix
from strongroom.scrub.children import Child, end_all, kind_of, kinds
from strongroom.scrub.emulated import Spec
from strongroom.scrub.wire import END, GO, LOOK, SCRUB, Work

T = TypeVar("T")
SECONDS = 60.0
_GRANULE = 64 << 10  # octets, of an emulated card
_HINT = "nvidia-smi -L shows it; an index is another GPU after the next boot"


class Asked(NamedTuple):
    """Which GPUs, by which kind of device with which options, for the handover between which jobs, and what is enough.

    `canaries` are tags that somebody planted, 16 hexadecimal digits each: words of memory that begin with one are counted.
    """

    uuids: tuple[str, ...]
    device: str
    options: Mapping[str, str]
    jobs: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    seconds: float = SECONDS
    terms: Terms = TERMS


class Scrubbed(NamedTuple):
    """One GPU: what was done, what it comes to, and where that is kept."""

    report: ScrubReport
    verdict: ScrubVerdict
    kept: Kept
    emulated: bool

    @property
    def good(self) -> bool:
        """Whether it may go to the next tenant, as far as this goes."""
        return self.verdict.outcome is Outcome.SCRUBBED


class Tested(NamedTuple):
    """One GPU: what was tried, what it comes to, and where that is kept."""

    report: LeakReport
    verdict: LeakVerdict
    kept: Kept
    emulated: bool


class Planned(NamedTuple):
    """One GPU as it stands, what speaks against touching it, and why nobody knows."""

    uuid: str
    standing: Standing | None
    refusals: tuple[str, ...]
    trouble: str = ""


class Desk(NamedTuple):
    """Where it is put: the log, the folder of reports, and the clock."""

    log: Writer
    folder: Path
    clock: Callable[[], datetime]


def devices() -> tuple[str, ...]:
    """The kinds of devices, by name."""
    return tuple(kinds())


def reports_in(state: str) -> Path:
    """Where reports are kept beside a state database."""
    return Path(beside(state)).parent / "scrubs"


def libraries() -> str:
    """Where this process was told to look for libraries."""
    return os.environ.get("LD_LIBRARY_PATH", "")  # noqa: TID251 - app is where the surroundings are asked


def check(asked: Asked) -> None:
    """Whether these are GPUs that can be named so. Raises BadUsage, NotFound."""
    kind = kind_of(asked.device)
    if not asked.uuids or len(set(asked.uuids)) != len(asked.uuids):
        raise BadUsage("--gpu", "none" if not asked.uuids else "one twice", "each GPU once", _HINT)
    for uuid in asked.uuids:
        if not named(uuid):
            raise BadUsage("--gpu", repr(uuid[:60]), "a UUID such as GPU-… or MIG-…", _HINT)
        kind.open(uuid, asked.options)  # touches nothing yet, and says what its options lack
    bad = [t for t in asked.canaries if not re.fullmatch(rf"[0-9a-f]{{{2 * TAG_SIZE}}}", t, re.ASCII)]
    if bad or len(asked.canaries) > MOST_TAGS:
        found = repr(bad[0][:40]) if bad else f"{len(asked.canaries)} of them"
        raise BadUsage("--canary", found, f"at most {MOST_TAGS}, of {2 * TAG_SIZE} lower-case hexadecimal digits each")


def plan(asked: Asked) -> list[Planned]:
    """How the GPUs stand, and what speaks against scrubbing them. Nothing is touched. Raises BadUsage, NotFound."""
    check(asked)
    return _each(partial(_plan, asked), asked.uuids)


def _each(work: Callable[[str], T], uuids: Sequence[str]) -> list[T]:
    """All at the same time. Where somebody interrupts, the processes that have a GPU end, and their work ends as failed."""
    with ThreadPoolExecutor(len(uuids)) as threads:
        running = [threads.submit(work, uuid) for uuid in uuids]
        try:
            return [one.result() for one in running]
        except KeyboardInterrupt:
            end_all()
            raise


def _plan(asked: Asked, uuid: str) -> Planned:
    try:
        with Child(_work(asked, LOOK, uuid), libraries()) as child:
            standing = _standing(child)
    except GpuError as e:
        return Planned(uuid, None, (), str(e))
    return Planned(uuid, standing, refusals(uuid, standing))


def _work(asked: Asked, verb: str, uuid: str, key: str = "") -> Work:
    options, seconds = dict(asked.options), asked.seconds
    return Work(
        verb=verb,
        device=asked.device,
        uuid=uuid,
        options=options,
        seconds=seconds,
        jobs=asked.jobs,
        key=key,
        tags=asked.canaries,
    )


def _standing(child: Child) -> Standing:
    standing = child.ask().standing
    if standing is None:
        raise GpuError("process of the GPU", "another line", "how the GPU stands")
    return standing


def scrub(asked: Asked, desk: Desk) -> list[Scrubbed]:
    """Scrub GPUs, judge, and log each.

    Raises:
        BadUsage, NotFound: a GPU or a device is not named as it must be.
        StateError, LogError: what was done could not be kept or logged; then nothing counts as scrubbed.
    """
    check(asked)
    return _each(partial(_scrub, asked, desk), asked.uuids)


def _scrub(asked: Asked, desk: Desk, uuid: str) -> Scrubbed:
    report = _run(asked, uuid)
    verdict, virtual = judge_scrub(report, asked.terms), kind_of(asked.device).emulated
    done = scrub_log.Done(report.uuid, report.device, virtual, desk.clock())
    return Scrubbed(
        report, verdict, scrub_log.keep_scrub(desk.log, desk.folder, done, report, verdict, asked.terms), virtual
    )


def _run(asked: Asked, uuid: str) -> ScrubReport:
    """The report of the process; where it has none, one that says why. A GPU that may not be touched is not."""
    begun = ScrubReport(uuid=uuid, device=asked.device, jobs=asked.jobs)
    work = _work(asked, SCRUB, uuid, secrets.token_hex(KEY_SIZE))
    step = "look"
    try:
        with Child(work, libraries()) as child:
            standing = _standing(child)
            begun = msgspec.structs.replace(begun, before=standing, bytes_total=standing.bytes_total)
            if against := refusals(uuid, standing):
                child.finish(END)
                return msgspec.structs.replace(begun, failure=Failure("refused", "; ".join(against)))
            step = "scrub"
            child.say(GO)
            report = child.ask().report
            child.finish()
    except GpuError as e:
        return msgspec.structs.replace(begun, failure=Failure(step, str(e)))
    if report is None or (report.uuid, report.before) != (uuid, standing):
        return msgspec.structs.replace(begun, failure=Failure(step, "a report of something else"))
    return report


def leak_test(asked: Asked, desk: Desk) -> list[Tested]:
    """Test GPUs one after the other, judge, and log each. Raises as `scrub`.

    A test that somebody interrupts is logged as what it came to until then, and then it ends as an interruption does.
    """
    check(asked)
    done = []
    for uuid in asked.uuids:
        one = _leak_test(asked, desk, uuid)
        if one.report.failure is not None and one.report.failure.step == matrix.INTERRUPTED:
            raise KeyboardInterrupt
        done.append(one)
    return done


def _leak_test(asked: Asked, desk: Desk, uuid: str) -> Tested:
    tags = {case: secrets.token_hex(TAG_SIZE) for case in Case}
    wanted = matrix.Asked(asked.device, uuid, dict(asked.options), tags, asked.seconds, libraries())
    report = matrix.leak_test(wanted, partial(refusals, uuid), time.monotonic)
    verdict, virtual = judge_leak(report, asked.terms), kind_of(asked.device).emulated
    done = scrub_log.Done(report.uuid, report.device, virtual, desk.clock())
    return Tested(report, verdict, scrub_log.keep_leak_test(desk.log, desk.folder, done, report, verdict), virtual)


def emulate(folder: Path, uuid: str, mib: int, *, keeps: bool) -> None:
    """Make an emulated card, whose driver clears nothing where it `keeps`. Raises BadUsage, Unreadable."""
    if not (named(uuid) and uuid.startswith("CPU-")):
        raise BadUsage("emulated card", repr(uuid[:60]), "CPU- and letters, digits, dots, dashes")
    count = (mib << 20) // _GRANULE
    spec = Spec(uuid, count, _GRANULE, l2=_GRANULE, shared=4096, clears_on_free=not keeps, clears_shared=not keeps)
    emulated.create(folder, spec)


def exit_code(found: Sequence[Remains]) -> int:
    """0 where all is clean, 1 where anything leaks, else 3: it could not be told."""
    if Remains.LEAK in found:
        return 1
    return 0 if found and all(f is Remains.CLEAN for f in found) else 3
