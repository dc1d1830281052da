"""Lines of runs, for people and for programs."""

import csv as csv_
import io
import locale
import sys
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.cli.lines import clean
from strongroom.cli.tables import STYLE, console
from strongroom.model.estate import SCHEMA
from strongroom.model.snapshot import Line, Point

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.:-=+*#"
_WIDTH = 42
_ROWS = 15
_OTHERS = 5
_PICTURES = (
    ("failing", "failing", "bold red"),
    ("  by day 30", "open_30", "red"),
    ("  by day 60", "open_60", "red"),
    ("  by day 90", "open_90", "red"),
    ("unknown", "unknown", STYLE["unknown"]),
    ("accepted", "accepted", STYLE["accepted"]),
)


class _Trend(msgspec.Struct):
    schema: str
    lines: Sequence[Line]


def json(lines: Sequence[Line]) -> Iterator[str]:
    """Every line, with its points."""
    yield msgspec.json.format(msgspec.json.encode(_Trend(SCHEMA, lines)), indent=2).decode() + "\n"


def csv(lines: Sequence[Line]) -> Iterator[str]:
    """One row a run; `line` tells runs apart that cannot be compared, and 1 is the line that was asked for."""
    names = [n for n in Point.__struct_fields__ if n not in ("snapshot", "at")]
    out = io.StringIO()
    rows = csv_.writer(out, lineterminator="\r\n")
    rows.writerow(["line", "sources", "snapshot", "at", *names])
    for n, line in enumerate(lines, 1):
        sources = " ".join(line.sources)
        # A spreadsheet takes what begins so for a formula.
        safe = f"'{sources}" if sources[:1] in "=+-@\t\r" and sources else sources
        for p in line.points:
            values = (getattr(p, name) for name in names)
            at = p.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            rows.writerow([n, safe, p.snapshot, at, *("" if v is None else v for v in values)])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def table_text(lines: Sequence[Line], of: str, last: int | None, *, to_file: bool) -> str:
    """The first line as a picture and a table, and what other lines there are."""
    out = Console(width=80, highlight=False, force_terminal=False, no_color=True) if to_file else console()
    marks = BLOCKS if not to_file and _draws_blocks() else PLAIN
    with out.capture() as text:
        if not lines or not lines[0].points:
            none = "no snapshot yet: strongroom assess SOURCE keeps one"
            out.print(none if not lines else "no run in that time: strongroom snapshots lists what is kept")
        else:
            _line(out, lines[0], of, last or _ROWS, marks)
        _others(out, lines[1:])
    return "".join(f"{row.rstrip()}\n" for row in text.get().splitlines())


def _draws_blocks() -> bool:
    """Whether standard output is a terminal that says it takes UTF-8."""
    return sys.stdout.isatty() and "utf" in locale.getencoding().lower()


def _line(out: Console, line: Line, of: str, rows: int, marks: str) -> None:
    points = line.points
    first, last = points[0].at, points[-1].at
    runs = "1 run" if len(points) == 1 else f"{len(points):,} runs"
    what = f"  {clean(of)} only" if of else ""
    out.print(Text.assemble((runs, "bold"), f"  {first:%Y-%m-%d} to {last:%Y-%m-%d}{what}"))
    for spec in line.sources or ("no source",):
        out.print(Text(f"  {clean(spec)}", style="dim"), overflow="ellipsis", no_wrap=True)
    out.print()
    if len(points) > 1:
        _pictures(out, points, marks)
        out.print()
    _table(out, points[-rows:])
    if len(points) > rows:
        out.print(Text(f"and {len(points) - rows:,} earlier: --last {len(points)}", style="dim"))
    _says(out, points[-1])


def _pictures(out: Console, points: Sequence[Point], marks: str) -> None:
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    highest = max(p.failing for p in points)
    for name, key, style in _PICTURES:
        values = [int(getattr(p, key)) for p in points]
        if any(values):
            # The phases are parts of what fails, so they are drawn to its scale.
            top = highest if key.startswith("open_") else max(values)
            moved = f"{values[0]:,} to {values[-1]:,}"
            grid.add_row(f"  {name}", Text(spark(values, marks, top), style=style), moved)
    out.print(grid)
    if len(points) > _WIDTH:
        each = len(points) / _WIDTH
        out.print(Text(f"  one mark is about {each:.0f} runs, and shows the last of them", style="dim"))


def spark(values: Sequence[int], marks: str, top: int) -> str:
    """One mark a value, from nothing to `top`; of more values than fit, the last of each part."""
    n = len(values)
    shown = values if n <= _WIDTH else [values[(i + 1) * n // _WIDTH - 1] for i in range(_WIDTH)]
    steps = len(marks) - 1
    # Something is never drawn as nothing.
    return "".join(marks[0 if v <= 0 else max(1, round(v / max(top, 1) * steps))] for v in shown)


def _table(out: Console, points: Sequence[Point]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("run", no_wrap=True)
    for name in ("fail", "unknown", "pass", "accepted", "new", "fixed", "gone", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    for p in points:
        cells = (f"{p.failing:,}", f"{p.unknown:,}", f"{p.passing:,}", f"{p.accepted:,}")
        moved = (_signed(p.new, "+"), _signed(p.fixed, "-"), _signed(p.gone, "-"))
        age = "" if p.age_days is None else f"{p.age_days:,.0f} d"
        table.add_row(f"{p.at:%Y-%m-%d %H:%M}", *cells, *moved, age)
    out.print(table)


def _signed(n: int | None, sign: str) -> str:
    return "" if n is None else f"{sign}{n:,}" if n else "."


def _says(out: Console, p: Point) -> None:
    if p.failing:
        out.print()
        phases = f"{p.open_30:,} by day 30, {p.open_60:,} by day 60, {p.open_90:,} by day 90"
        out.print(Text(f"to mend now: {phases}"))


def _others(out: Console, lines: Sequence[Line]) -> None:
    shown = [x for x in lines if x.points]
    if not shown:
        return
    out.print()
    out.print(Text("runs of other sources, which cannot be compared with these", style="bold"))
    for x in shown[:_OTHERS]:
        p = x.points[-1]
        runs = "1 run" if len(x.points) == 1 else f"{len(x.points):,} runs"
        out.print(Text(f"  {p.snapshot}  {runs}, the last with {p.failing:,} fail"))
        out.print(Text(f"    {clean(', '.join(x.sources))}", style="dim"), overflow="ellipsis", no_wrap=True)
    more = f"and {len(shown) - _OTHERS:,} more lines; " if len(shown) > _OTHERS else ""
    out.print(Text(f"  {more}strongroom trend --of ID draws one", style="dim"))
