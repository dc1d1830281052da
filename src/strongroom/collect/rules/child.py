"""The fenced child: compiles every rule and asks it of every subject of its kinds.

Before each rule it sets the kernel's own alarm on the CPU time that it uses: the evaluator is native code that hears
nothing of Python, and the alarm ends the process in the middle of it.
"""

import re
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

import msgspec

from strongroom.collect.rules.wire import Line, Work
from strongroom.model.rules import Asked, Doubt, Expression, Refusal, Subject

# The package imports its command line, and with it a kit for terminals: ten times the work of the compiler itself.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
import cel  # noqa: E402 - after what it would import needlessly

HOLDS, FAILS, NOT_APPLICABLE, FIRST_DOUBT = 0, 1, 2, 3
_UNDEFINED = re.compile(r"Undefined variable or function: '(__fact\d+)'")
_AT = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (TypeError, "type"),
    (KeyError, "key"),
    (IndexError, "key"),
    (ArithmeticError, "arithmetic"),
    (RuntimeError, "value"),
    (ValueError, "value"),
)
_FAULTS = tuple(kind for kind, _ in _CAUSES)
_CLOCK = signal.ITIMER_PROF

Values = dict[str, object]


def main() -> None:
    """Read the work from standard input and answer it line by line."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    limit = work.memory_mib << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for number, asked in enumerate(work.asked):
        if number in work.done:
            continue
        _say(Line(number))
        signal.setitimer(_CLOCK, work.cpu_seconds)
        line = answer(number, asked, work.subjects)
        signal.setitimer(_CLOCK, 0)
        _say(line)


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def answer(number: int, asked: Asked, subjects: Sequence[Subject]) -> Line:
    """The answers of one rule, or why it does not compile."""
    programs = []
    for part, e in _parts(asked):
        program = compiled(part, e)
        if isinstance(program, Refusal):
            return Line(number, finished=True, refused=program)
        programs.append(program)
    kinds = frozenset(asked.kinds)
    mine = tuple(n for n, s in enumerate(subjects) if s.kind in kinds)
    doubts: dict[Doubt, int] = {}
    answers = tuple(_one(programs, subjects[n], doubts) for n in mine)
    return Line(number, finished=True, subjects=mine, answers=answers, doubts=tuple(doubts))


def _parts(asked: Asked) -> Iterator[tuple[str, Expression]]:
    if asked.when is not None:
        yield "when", asked.when
    yield "require", asked.require


class Compiled(msgspec.Struct):
    """An expression, ready to be asked. `asset` says whether it looks at the asset itself."""

    part: str
    execute: Callable[[Values], object]
    facts: tuple[tuple[str, str], ...]
    carried: tuple[tuple[str, str], ...]
    asset: bool


def compiled(part: str, e: Expression) -> Compiled | Refusal:
    """The compiled expression. The text of its author is compiled first, so that places in errors are places in it."""
    try:
        cel.compile(e.text)
        program = cel.compile(e.program)
    except ValueError as error:
        at = _AT.search(str(error))
        if at is None:
            return Refusal(part, 1, 1, "no CEL expression")
        what = (
            "it nests too deeply"
            if "recursion limit" in at[3].lower()
            else at[3].partition(" expecting ")[0][:120].lower()
        )
        return Refusal(part, int(at[1]), int(at[2]), what)
    names = set(program.variables())
    given = {v for v, _ in (*e.facts, *e.carried)}
    strange = names - given - set(e.names) - {"asset"}
    if strange:
        return Refusal(part, 1, 1, f"the name {min(strange)[:60]}")
    return Compiled(part, program.execute, e.facts, e.carried, "asset" in names)


def _one(programs: Sequence[Compiled], subject: Subject, doubts: dict[Doubt, int]) -> int:
    for program in programs:
        said = ask(program, subject)
        if isinstance(said, Doubt):
            return FIRST_DOUBT + doubts.setdefault(said, len(doubts))
        if not said:
            return NOT_APPLICABLE if program.part == "when" else FAILS
    return HOLDS


def ask(program: Compiled, subject: Subject) -> bool | Doubt:
    """What the expression says of a subject. A fact that is not known is a variable that is not there."""
    values = subject.values
    given: Values = {v: values[name] for v, name in program.facts if name in values}
    for v, name in program.carried:
        given[v] = name in subject.carried
    if program.asset:
        given["asset"] = subject.asset
    try:
        said = program.execute(given)
    except _FAULTS as error:
        return _doubt(program.part, error, dict(program.facts))
    # The message of an error may quote a value, and so a secret: only its kind leaves.
    return said if isinstance(said, bool) else Doubt(program.part, "not-bool")


def _doubt(part: str, error: Exception, facts: Mapping[str, str]) -> Doubt:
    missing = _UNDEFINED.match(str(error)) if isinstance(error, RuntimeError) else None
    if missing is not None and missing[1] in facts:
        return Doubt(part, "fact", facts[missing[1]])
    return Doubt(part, next(cause for kind, cause in _CAUSES if isinstance(error, kind)))


if __name__ == "__main__":
    main()
