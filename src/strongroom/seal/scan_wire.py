"""What crosses the fence around the scanner: the files on the way in, a line for each step on the way out."""

import msgspec

from strongroom.kit.formats.verdicts import Findings, Reason, Verdict
from strongroom.seal.scanning import Target


class Work(msgspec.Struct, frozen=True):
    """Every file, those that are done, and what one file may take: seconds of CPU, MiB of memory."""

    targets: tuple[Target, ...]
    done: frozenset[int]
    cpu_seconds: float
    memory_mib: int


class Line(msgspec.Struct, omit_defaults=True):
    """One line. Without `verdict` it announces that the file of that number is begun."""

    file: int
    verdict: Verdict | None = None
    format: str = ""
    reasons: tuple[Reason, ...] = ()
    dropped: int = 0


def line_of(number: int, found: Findings) -> Line:
    """The findings on a file as a line."""
    return Line(number, found.verdict, found.format, tuple(found), found.dropped)


def findings_of(line: Line) -> Findings:
    """A line as findings again."""
    found = Findings(line.format, dropped=line.dropped)
    for r in line.reasons:
        found.add(r.verdict, r.rule, r.text)
    found.worst = line.verdict or found.worst
    return found
