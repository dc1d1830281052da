"""What `release drill` prints: a line for each fault, in at most 80 columns."""

from collections.abc import Iterator

from strongroom.app.release_drill import Cell, Drill
from strongroom.cli.lines import clean, line

_FAULT, _ANSWER = 44, 22


def lines(found: Drill) -> Iterator[str]:
    """The drill for a person."""
    yield line("repeats", f"the release {found.decision}")
    yield line("policy", found.policy)
    yield line("control", found.control or "released, without a fault")
    for moment in dict.fromkeys(c.moment for c in found.cells):
        yield f"\nat the {'attestation' if moment == 'attest' else 'release'}\n"
        for cell in found.cells:
            if cell.moment == moment:
                yield from _cell(cell)
    done = sum(not c.skipped for c in found.cells)
    verdict = (
        "it fails closed" if found.passed else "IT DOES NOT FAIL CLOSED" if not found.control else "nothing was shown"
    )
    yield "\n" + line("verdict", f"{verdict}: {done - len(found.failed)} of {done} faults denied, as they must be")
    yield line("log entry", "none: a dry run" if found.entry is None else str(found.entry))


def _cell(cell: Cell) -> Iterator[str]:
    mark = "skip" if cell.skipped else "FAIL" if cell.failed else "ok"
    tail = "does not apply" if cell.skipped else f"{cell.answer:<{_ANSWER}}{cell.logged}"
    yield clean(f"  {mark:<5}{cell.fault:<{_FAULT}}{tail}").rstrip() + "\n"
    if cell.failed:
        yield clean(f"       {cell.failed}") + "\n"
