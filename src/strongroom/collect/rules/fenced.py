"""Rules, evaluated in a child that may be killed; what one rule does to it is told of that rule alone."""

import importlib.util
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from strongroom.collect import fence
from strongroom.collect.rules.wire import Line, Work
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage
from strongroom.model.ports import Limits, Progress
from strongroom.model.rules import Answered, Asked, Said, Stopped, Subject

CPU_SECONDS = 5.0
"""CPU time that one rule may take, over all assets."""
MEMORY_MIB = 1024
_CHILD = "strongroom.collect.rules.child"
_FIRST_DOUBT = 3
_decoder = msgspec.json.Decoder(Line)


def need_library() -> None:
    """Raises BadUsage when the evaluator is not installed."""
    if importlib.util.find_spec("cel") is None:
        raise BadUsage("rules", "no evaluator of CEL", "the rules extra", "pip install 'strongroom[rules]'")


@dataclass(slots=True)
class _Way:
    """How far it has come: the rule that was begun last and is not finished, and what is answered."""

    answered: dict[int, Answered] = field(default_factory=dict)
    begun: int | None = None

    def start(self) -> None:
        """A new child has begun nothing yet."""
        self.begun = None

    def hear(self, raw: bytes) -> None:
        line = _decoder.decode(raw)
        """One line of a child."""
        self.begun = None if line.finished else line.rule
        if line.finished:
            said = {n: _said(line, code) for n, code in zip(line.subjects, line.answers, strict=True)}
            self.answered[line.rule] = Answered(said, line.refused)


def _said(line: Line, code: int) -> Said:
    return line.doubts[code - _FIRST_DOUBT] if code >= _FIRST_DOUBT else (True, False, None)[code]


def evaluate(
    asked: Sequence[Asked],
    subjects: Sequence[Subject],
    limits: Limits,
    progress: Progress | None = None,
    cpu_seconds: float = CPU_SECONDS,
) -> tuple[Answered, ...]:
    """The answers of every rule for the subjects of its kinds, in the order of the rules.

    A rule that takes more than its share ends its child; it is `stopped`, and a new child answers the rest. Without
    subjects, the rules are only compiled. Raises BadUsage when the evaluator is not installed.
    """
    need_library()
    way = _Way()
    deadline = time.monotonic() + limits.wall_seconds
    memory = min(limits.memory_mib, MEMORY_MIB)

    def seen(raw: bytes) -> None:
        way.hear(raw)
        if progress is not None:
            progress("rules", len(way.answered), len(asked))

    while len(way.answered) < len(asked):
        left = deadline - time.monotonic()
        work = Work(tuple(asked), tuple(subjects), frozenset(way.answered), cpu_seconds, memory)
        way.start()
        bounds = Limits(max(left, 0.0), memory, limits.files, limits.bytes)
        run = fence.run(_CHILD, [], Path("/"), bounds, seen, msgspec.json.encode(work))
        if len(way.answered) == len(asked):
            break
        stopped = _stopped(run, cpu_seconds, memory)
        if way.begun is None or time.monotonic() >= deadline:
            # Nothing was begun, or no time is left: another child would come no further.
            rest = (n for n in range(len(asked)) if n not in way.answered)
            way.answered.update((n, Answered(stopped=stopped)) for n in rest)
        else:
            way.answered[way.begun] = Answered(stopped=stopped)
    return tuple(way.answered[n] for n in range(len(asked)))


def _stopped(run: fence.Run, cpu_seconds: float, memory: int) -> Stopped:
    if run.status == -signal.SIGPROF:
        return Stopped(GapCode.TIMEOUT, f"it took more than {cpu_seconds:g} s of CPU time")
    if run.verdict is GapCode.TIMEOUT:
        return Stopped(GapCode.TIMEOUT, "the time for all rules together ran out")
    # The evaluator aborts when it is refused memory; Python itself says so and ends with 1.
    if run.verdict is GapCode.OUT_OF_MEMORY or run.status in (-signal.SIGABRT, 1):
        return Stopped(GapCode.OUT_OF_MEMORY, f"it needed more than {memory} MiB")
    return Stopped(run.verdict or GapCode.CRASHED, run.detail or "the evaluator died of it")
