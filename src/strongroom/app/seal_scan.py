"""Scan before sealing and before loading: every file below a path, looked into by a child that may be killed.

A child that crashes, runs out of time or of memory makes the file that it was at `unreadable`, which refuses; a new
child goes on with the rest.
"""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from strongroom.collect import fence
from strongroom.kit.formats.verdicts import Findings, Verdict
from strongroom.model.codes import GapCode
from strongroom.model.ports import Limits, Progress
from strongroom.seal.scan_wire import Line, Work, findings_of
from strongroom.seal.scanning import Tree, find

CPU_SECONDS = 60.0
MEMORY_MIB = 3072
_LEAST_SECONDS = 600.0
_SECONDS_A_FILE = 5.0
_CHILD = "strongroom.seal.scan_child"
_decoder = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file and what to think of loading it."""

    path: str
    findings: Findings

    @property
    def verdict(self) -> Verdict:
        """The verdict on it."""
        return self.findings.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons, the worst first."""
        return tuple(r.text for r in self.findings)


@dataclass(slots=True)
class _Way:
    """How far it has come: the answers by number, and the file that was begun and is not answered."""

    answered: dict[int, Findings] = field(default_factory=dict)
    begun: int | None = None

    def start(self) -> None:
        """A new child has begun nothing yet."""
        self.begun = None

    def hear(self, raw: bytes) -> None:
        """One line of a child."""
        line = _decoder.decode(raw)
        self.begun = line.file if line.verdict is None else None
        if line.verdict is not None:
            self.answered[line.file] = findings_of(line)


def scan(
    root: Path,
    *,
    follow: bool = False,
    cpu_seconds: float = CPU_SECONDS,
    memory_mib: int = MEMORY_MIB,
    progress: Progress | None = None,
) -> tuple[Scanned, ...]:
    """Every file below a path in the order of names, with its verdict. Raises Unreadable when there is none.

    `cpu_seconds` and `memory_mib` bound what one file may take; `follow` looks into links that leave the folder.
    """
    tree = find(root, follow=follow)
    found = dict(tree.told)
    for target, findings in zip(tree.targets, _answers(tree, cpu_seconds, memory_mib, progress), strict=True):
        before = found.get(target.path)
        if before is not None:
            for r in before:
                findings.add(r.verdict, r.rule, r.text)
        found[target.path] = findings
    return tuple(Scanned(path, found[path]) for path in sorted(found))


def refused(scanned: tuple[Scanned, ...]) -> tuple[Scanned, ...]:
    """Those of which somebody must decide before they are sealed or loaded: everything that is not safe."""
    return tuple(s for s in scanned if s.verdict is not Verdict.SAFE)


def _answers(tree: Tree, cpu_seconds: float, memory_mib: int, progress: Progress | None) -> Iterator[Findings]:
    way = _Way()
    total = len(tree.targets)
    deadline = time.monotonic() + max(_LEAST_SECONDS, _SECONDS_A_FILE * total)
    seen = _told(way, progress, total)
    while len(way.answered) < total:
        left = max(deadline - time.monotonic(), 0.0)
        work = Work(tuple(tree.targets), frozenset(way.answered), cpu_seconds, memory_mib)
        way.start()
        bounds = Limits(wall_seconds=left, memory_mib=memory_mib)
        run = fence.run(_CHILD, [], Path("/"), bounds, seen, msgspec.json.encode(work))
        if len(way.answered) == total:
            break
        stopped = _stopped(run, cpu_seconds, memory_mib)
        if way.begun is None or time.monotonic() >= deadline:
            # Nothing was begun, or no time is left: another child would come no further.
            for n in range(total):
                if n not in way.answered:
                    way.answered[n] = _unread(stopped)
        else:
            way.answered[way.begun] = _unread(stopped)
    for n in range(total):
        yield way.answered[n]


def _told(way: _Way, progress: Progress | None, total: int) -> Callable[[bytes], None]:
    def seen(raw: bytes) -> None:
        way.hear(raw)
        if progress is not None:
            progress("scanned", len(way.answered), total)

    return seen


def _unread(why: str) -> Findings:
    found = Findings()
    found.unreadable("scanner.stopped", why)
    return found


def _stopped(run: fence.Run, cpu_seconds: float, memory_mib: int) -> str:
    if run.status == -signal.SIGPROF:
        return f"looking into it took more than {cpu_seconds:g} s of CPU time"
    if run.verdict is GapCode.TIMEOUT:
        return "the time for all files together ran out"
    if run.verdict is GapCode.OUT_OF_MEMORY:
        return f"looking into it took more than {memory_mib} MiB"
    return f"the scanner ended at it ({run.detail or run.verdict or 'no answer'})"
