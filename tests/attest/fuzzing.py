"""Hostile input against every parser of evidence and endorsements, and against the verdicts on what they read.

As a program: `python tests/attest/fuzzing.py [--count N] [--seed S] [PARSER …]` prints a table and answers 1 if anything
escaped. An escape is any exception but `BadInput` from a reader, any exception at all from an appraisal, an input that
takes longer than its limit, or changed evidence that opens with other claims than the sound evidence has.
"""

import argparse
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from fuzz_targets import TARGETS, OpenedError, Target
from mutating import mutated

from strongroom.model.errors import BadInput

SEED = 20260301
_SECONDS = 10  # for one input; the machine may be busy
_MEMORY = 3 << 30  # octets of address space for the whole program


class TooSlowError(BaseException):
    """An input took longer than its limit; no reader can catch it."""


@dataclass(slots=True)
class Tally:
    """What became of the inputs of one target."""

    name: str
    inputs: int = 0
    refused: int = 0
    judged: int = 0
    slowest: float = 0.0  # seconds of CPU for one input
    seconds: float = 0.0
    escapes: list[str] = field(default_factory=list)

    def row(self) -> str:
        """A line of the table."""
        speed = self.inputs / self.seconds if self.seconds else 0
        return (
            f"{self.name:24}{self.inputs:>10,}{self.refused:>12,}{self.judged:>12,}{len(self.escapes):>10}"
            f"{1000 * self.slowest:>12.1f}{speed:>12,.0f}"
        )


HEAD = f"{'parser':24}{'inputs':>10}{'unreadable':>12}{'read':>12}{'escapes':>10}{'slowest ms':>12}{'per second':>12}"


def _slow(*_: object) -> None:
    raise TooSlowError


def one(target: Target, octets: bytes, tally: Tally, limit: int = 0) -> None:
    """Hand one input to a target and count what becomes of it; `limit` in seconds, none where it is zero."""
    tally.inputs += 1
    began = time.process_time()  # what the machine does beside it does not count
    if limit:
        signal.alarm(limit)
    try:
        try:
            read = target.read(octets)
        except BadInput:
            tally.refused += 1
            return
        target.judge(read)
        tally.judged += 1
    except (Exception, TooSlowError) as e:  # noqa: BLE001 - whatever escapes is what is looked for
        where = traceback.extract_tb(e.__traceback__)[-1]
        what = str(e) if isinstance(e, OpenedError) else f"{Path(where.filename).name}:{where.lineno}"
        tally.escapes.append(f"{type(e).__name__} at {what} {str(e)[:80]!r}: {octets[:4096].hex()}")
    finally:
        if limit:
            signal.alarm(0)
        tally.slowest = max(tally.slowest, time.process_time() - began)


def inputs(target: Target, count: int, seed: int) -> Iterator[bytes]:
    """The sound seeds, then mutations of them: the same for the same seed."""
    r = random.Random(f"{seed} {target.name}")
    seeds = target.seeds()
    yield from seeds[:count]
    for _ in range(count - len(seeds)):
        yield target.finish(mutated(r, seeds)) if target.finish else mutated(r, seeds)


def run(target: Target, count: int, seed: int = SEED, limit: int = 0) -> Tally:
    """What becomes of a number of inputs."""
    tally = Tally(target.name)
    began = time.perf_counter()
    for octets in inputs(target, count, seed):
        one(target, octets, tally, limit)
    tally.seconds = time.perf_counter() - began
    return tally


def _shown(tally: Tally) -> None:
    print(tally.row(), flush=True)  # noqa: T201 - a program
    kinds: dict[str, str] = {}
    for escape in tally.escapes:
        kinds.setdefault(escape.split(":")[0], escape)
    for escape in list(kinds.values())[:20]:
        print(f"    {escape[:400]}", flush=True)  # noqa: T201 - a program


def main(words: Sequence[str], show: Callable[[Tally], None] = _shown) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description="Hostile input against every parser of evidence.")
    parser.add_argument("--count", type=int, default=100_000, help="inputs for each parser [100000]")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("parsers", nargs="*", help=f"of {', '.join(TARGETS)} [all]")
    asked = parser.parse_args(words)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGALRM, _slow)
    print(f"seed {asked.seed}, {asked.count:,} inputs each, at most {_SECONDS} s and {_MEMORY >> 30} GiB\n{HEAD}")  # noqa: T201 - a program
    escaped = 0
    for name in asked.parsers or TARGETS:
        tally = run(TARGETS[name](), asked.count, asked.seed, _SECONDS)
        show(tally)
        escaped += len(tally.escapes)
    print(f"{escaped} escapes; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB at most")  # noqa: T201 - a program
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
