"""What people say, below the summary of a run."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.assess import people_prose as prose
from strongroom.cli.lines import clean
from strongroom.cli.people_views import by_exception
from strongroom.model.control import Assessment
from strongroom.model.people import Accepted

_MOST = 10


def below(out: Console, found: Assessment) -> None:
    """What people say, below the summary of a run."""
    if found.accepted:
        _accepted(out, found.accepted)
    if found.exception_notes:
        out.print()
        out.print(Text("exceptions that accept nothing", style="bold yellow"))
        for note in found.exception_notes[:_MOST]:
            n = len(note.fingerprints)
            still = f"; still open: {n}" if n else ""
            _said(out, note.state.value, f"{prose.names(note.exception)}: {prose.exception_state(note)}{still}")
        if len(found.exception_notes) > _MOST:
            out.print(Text(f"  and {len(found.exception_notes) - _MOST} more: --format json", style="dim"))
    if found.attested or found.assertion_notes:
        out.print()
        out.print(Text("vouched for by people, seen by no machine", style="bold"))
        for a in found.attested:
            _said(out, "attested", f"{a.clause}: {prose.vouched(a)}")
        for fallen in found.assertion_notes:
            _said(out, fallen.state.value, f"{fallen.assertion.clause}: {prose.assertion_state(fallen)}")


def _accepted(out: Console, accepted: Sequence[Accepted]) -> None:
    out.print()
    unapproved = sum(a.exception.inline for a in accepted)
    noun = "finding, which is no pass" if len(accepted) == 1 else "findings, which are no passes"
    head = f"  {len(accepted):,} {noun}" + (f"; {unapproved:,} approved by nobody" if unapproved else "")
    out.print(Text.assemble(("accepted", "bold cyan"), head))
    ranked = by_exception(accepted)
    for e, n in ranked[:_MOST]:
        _said(out, f"{n:,} x", f"{prose.names(e)}: {prose.reasoned(e)}")
    if len(ranked) > _MOST:
        out.print(Text(f"           and {len(ranked) - _MOST} more exceptions: --format json", style="dim"))


def _said(out: Console, head: str, text: str) -> None:
    """A word in a margin of its own, and what it is about; the text keeps its margin where it wraps."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(min_width=13, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"  {head}"), Text(clean(text), style="dim"))
    out.print(grid)
